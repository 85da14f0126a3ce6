"""The Resource Manager stand-in: scale sets, instances, machines of their own and their interfaces.

Shapes are held against recordings where there are any: Uniform scale sets, their instances, an interface of no machine.
"""

import re
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from sandbox.cloud import Cloud
from sandbox.cluster import NODE_GROUP, Cluster, scale_set_id
from sandbox.cluster import SUBSCRIPTION as SANDBOX_SUBSCRIPTION
from tests.sandbox.arm_recordings import RECORDINGS, Exchange, exchanges, neutral, shapes, visible_headers
from tests.sandbox.resource_manager_stage import GROUP, NETWORK, Arm, arm, served

pytestmark = pytest.mark.wire

Make = Callable[..., Arm]
VERSION = "2025-04-01"
SETS = f"{GROUP}/providers/Microsoft.Compute/virtualMachineScaleSets"
MACHINES = f"{GROUP}/providers/Microsoft.Compute/virtualMachines"
INTERFACES = f"{GROUP}/providers/Microsoft.Network/networkInterfaces"
SUBNET = f"{NETWORK}/subnets/pool1"
ZERO = "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups"


@pytest.fixture(name="make", scope="module")
def _make(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Make]:
    with served(tmp_path_factory.mktemp("ca")) as server:
        yield partial(arm, server)


@pytest.fixture(name="stage")
def _stage(make: Make) -> Arm:
    """A scale set with two dual-stack instances, and nothing else."""
    return with_set(make())


def with_set(stage: Arm, **options: Any) -> Arm:
    machines = stage.rm.machines
    machines.add_scale_set(f"{SETS}/np1", subnet=SUBNET, **options)
    machines.add_instance(f"{SETS}/np1", 0, "np1000000", ["10.0.0.4", "fd00::4"])
    machines.add_instance(f"{SETS}/np1", 10, "np100000a", ["10.0.0.5"])
    return stage


def listed(stage: Arm, path: str, version: str = VERSION) -> list[Any]:
    """A list in one page."""
    answer = stage.send("GET", path, version=version)
    assert answer.status_code == 200, answer.text
    assert "nextLink" not in answer.json()
    items: list[Any] = answer.json()["value"]
    return items


def refusal(stage: Arm, path: str, version: str = VERSION) -> tuple[int, str]:
    answer = stage.send("GET", path, version=version)
    return answer.status_code, answer.json()["error"]["code"]


def addresses(interface: Any) -> list[str]:
    return [each["properties"]["privateIPAddress"] for each in interface["properties"]["ipConfigurations"]]


def test_a_scale_set_is_listed_with_its_instances_and_their_interfaces(stage: Arm) -> None:
    (scale_set,) = listed(stage, SETS.lower())
    instances = listed(stage, f"{SETS}/np1/virtualMachines")
    interfaces = listed(stage, f"{SETS}/np1/networkInterfaces", "2018-10-01")
    assert (scale_set["name"], scale_set["sku"]["capacity"]) == ("np1", 2)
    assert scale_set["properties"]["virtualMachineProfile"]["osProfile"]["computerNamePrefix"] == "np1"
    assert [each["instanceId"] for each in instances] == ["0", "10"]
    assert [each["properties"]["osProfile"]["computerName"] for each in instances] == ["np1000000", "np100000a"]
    assert [addresses(each) for each in interfaces] == [["10.0.0.4", "fd00::4"], ["10.0.0.5"]]
    for instance, interface in zip(instances, interfaces, strict=True):
        assert instance["properties"]["networkProfile"]["networkInterfaces"] == [{"id": interface["id"]}]
        assert interface["properties"]["virtualMachine"] == {"id": instance["id"]}
    assert listed(stage, MACHINES) == listed(stage, INTERFACES) == []


def test_a_machine_of_its_own_has_its_interface_in_the_resource_group(stage: Arm) -> None:
    machines = stage.rm.machines
    machines.add_scale_set(f"{SETS}/flex", subnet=SUBNET, flexible=True, capacity=1)
    machines.add_machine(f"{MACHINES}/flex_1", ["10.0.0.6"], subnet=SUBNET, scale_set=f"{SETS}/flex")
    machines.add_machine(f"{MACHINES}/nap-1", ["10.0.0.7"], subnet=SUBNET, computer_name="aks-nap-1")
    machines.add_interface(f"{INTERFACES}/endpoint", ["10.0.0.8"], subnet=SUBNET)
    flexible, own = listed(stage, MACHINES)
    interfaces = listed(stage, INTERFACES)
    assert flexible["properties"]["virtualMachineScaleSet"] == {"id": f"{SETS}/flex"}
    assert "virtualMachineScaleSet" not in own["properties"]
    assert own["properties"]["osProfile"]["computerName"] == "aks-nap-1"
    assert own["properties"]["networkProfile"]["networkInterfaces"] == [{"id": interfaces[1]["id"]}]
    assert [addresses(each) for each in interfaces] == [["10.0.0.6"], ["10.0.0.7"], ["10.0.0.8"]]
    assert ["virtualMachine" in each["properties"] for each in interfaces] == [True, True, False]
    assert stage.send("GET", f"{MACHINES}/NAP-1", version=VERSION).json() == own
    assert stage.send("GET", interfaces[1]["id"]).json() == interfaces[1]
    modes = [each["properties"]["orchestrationMode"] for each in listed(stage, SETS)]
    assert modes == ["Uniform", "Flexible"]


def test_a_machine_that_is_removed_is_gone_from_every_list(stage: Arm) -> None:
    machines = stage.rm.machines
    machines.add_machine(f"{MACHINES}/nap-1", ["10.0.0.7"], subnet=SUBNET)
    machines.remove(f"{MACHINES}/nap-1")
    machines.remove(f"{SETS}/np1/virtualMachines/0")
    assert listed(stage, MACHINES) == listed(stage, INTERFACES) == []
    assert [each["instanceId"] for each in listed(stage, f"{SETS}/np1/virtualMachines")] == ["10"]
    assert [addresses(each) for each in listed(stage, f"{SETS}/np1/networkInterfaces", "2018-10-01")] == [["10.0.0.5"]]
    assert listed(stage, SETS)[0]["sku"]["capacity"] == 1
    machines.remove_scale_set(f"{SETS}/np1")
    assert listed(stage, SETS) == []
    with pytest.raises(KeyError):
        machines.remove(f"{MACHINES}/nap-1")


def test_an_instance_can_only_be_made_in_a_uniform_set(make: Make) -> None:
    stage = make()
    stage.rm.machines.add_scale_set(f"{SETS}/flex", subnet=SUBNET, flexible=True)
    with pytest.raises(ValueError, match="virtual machines of their own"):
        stage.rm.machines.add_instance(f"{SETS}/flex", 0, "flex000000", ["10.0.0.4"])
    with pytest.raises(KeyError):
        stage.rm.machines.add_instance(f"{SETS}/none", 0, "none000000", ["10.0.0.4"])


@pytest.mark.parametrize(
    "options", [{}, {"flexible": True, "capacity": 2}], ids=["empty (cilium#24185)", "Flexible (azure-cli#28258)"]
)
def test_a_scale_set_without_interfaces_of_its_own_answers_404_for_them(make: Make, options: dict[str, Any]) -> None:
    stage = make()
    stage.rm.machines.add_scale_set(f"{SETS}/np2", subnet=SUBNET, **options)
    answer = stage.send("GET", f"{SETS}/np2/networkInterfaces", version="2018-10-01")
    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "NotFound")
    assert answer.json()["error"]["message"] == f"Resource {SETS}/np2 not found."
    assert listed(stage, f"{SETS}/np2/virtualMachines") == []


@pytest.mark.parametrize("version", ["2025-05-01", "2023-04-01", "2018-02-01"])
def test_interfaces_of_a_scale_set_take_no_version_of_the_network_provider(stage: Arm, version: str) -> None:
    """azure-sdk-for-python#32029, azure-sdk-for-node#3169."""
    assert refusal(stage, f"{SETS}/np1/networkInterfaces", version) == (400, "NoRegisteredProviderFound")


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        (f"{SETS}/none", 404, "ResourceNotFound"),
        (f"{SETS}/none/virtualMachines", 404, "ResourceNotFound"),
        (f"{SETS}/none/networkInterfaces", 404, "ResourceNotFound"),
        (f"{SETS}/np1/virtualMachines/7", 404, "NotFound"),
        (f"{SETS}/np1/virtualMachines/7x", 400, "InvalidParameter"),
        (f"{MACHINES}/none", 404, "ResourceNotFound"),
        (f"{INTERFACES}/none", 404, "ResourceNotFound"),
        (SETS.replace("rg-Net", "rg-none"), 404, "ResourceGroupNotFound"),
        (MACHINES.replace("rg-Net", "rg-none"), 404, "ResourceGroupNotFound"),
        (INTERFACES.replace("rg-Net", "rg-none"), 404, "ResourceGroupNotFound"),
        (f"{SETS}?api-version={VERSION}&$skiptoken=x", 400, "InvalidParameter"),
        (f"{SETS}?api-version=2014-01-01", 400, "NoRegisteredProviderFound"),
    ],
)
def test_what_is_not_there_or_not_asked_rightly_is_refused(stage: Arm, path: str, status: int, code: str) -> None:
    assert refusal(stage, path) == (status, code)


def test_lists_come_in_pages_that_lead_from_one_to_the_next(make: Make) -> None:
    stage = with_set(make(page_size=1))
    following, found = f"{SETS}/np1/virtualMachines", []
    for _ in range(2):
        page = stage.send("GET", following, version=VERSION).json()
        found += [each["instanceId"] for each in page["value"]]
        following = page.get("nextLink", "")
    assert (found, following) == (["0", "10"], "")


def test_another_group_has_machines_of_its_own(stage: Arm) -> None:
    other = f"{GROUP}-2"
    stage.rm.machines.add_machine(MACHINES.replace(GROUP, other) + "/nap-1", ["10.0.0.7"], subnet=SUBNET)
    assert listed(stage, MACHINES) == []
    assert listed(stage, SETS.replace(GROUP, other)) == []
    assert len(listed(stage, MACHINES.replace(GROUP, other))) == 1


# Against the recordings

WINDOWS = {"windowsConfiguration", "imageReference"}
LINUX = {"linuxConfiguration", "imageReference"}
"""The recorded machines run Windows from the marketplace, AKS's run Linux from a gallery."""


def without(found: dict[str, str], words: set[str]) -> dict[str, str]:
    return {path: kind for path, kind in found.items() if not words & set(path.split("."))}


def compare(exchange: Exchange, stage: Arm) -> None:
    """Same status, headers and shape."""
    answer = stage.send("GET", exchange.path, version=exchange.version)
    assert answer.status_code == exchange.status
    assert without(shapes(answer.json()), LINUX) == without(shapes(exchange.body), WINDOWS), exchange.path
    ours, theirs = (visible_headers(each.headers, has_body=True) for each in (answer, exchange))
    assert ours == theirs


recorded = pytest.mark.skipif(not RECORDINGS.is_dir(), reason="recordings not present")


@recorded
@pytest.mark.parametrize(
    ("client", "group", "name", "gets"),
    [
        ("virtualmachinescalesetclient", "aks-cit-VirtualMachineScaleSet", "testResource", 5),
        ("virtualmachinescalesetvmclient", "aks-cit-VirtualMachineScaleSetVM", "testParentResource", 6),
    ],
)
def test_scale_sets_and_instances_have_the_shape_of_the_recorded_ones(
    make: Make, client: str, group: str, name: str, gets: int
) -> None:
    stage = make()
    found = [each for each in exchanges(f"cloud-provider-azure/{client}.AZURECLOUD.yaml") if each.method == "GET"]
    set_id = f"{ZERO}/{group}/providers/Microsoft.Compute/virtualMachineScaleSets/{name}"
    wanted = [
        each
        for each in found
        if "/virtualMachineScaleSets" in each.path and not each.path.endswith("instanceView") and each.status == 200
    ]
    missing = [each for each in found if each.status in {400, 404}]
    for each in missing:
        if "ResourceNotFound" in str(each.body):  # asked for before it was made
            stage.rm.add_resource_group(f"{ZERO}/{group}")
            assert neutral(stage.send("GET", each.path, version=each.version).json()) == neutral(each.body)
    stage.rm.machines.add_scale_set(set_id, subnet=SUBNET)
    stage.rm.machines.add_instance(set_id, 0, "vmss000000", ["10.1.0.4"])
    for each in wanted:
        compare(each, stage)
    for each in missing:
        if "ResourceNotFound" not in str(each.body):
            answer = stage.send("GET", each.path, version=each.version)
            body = {"error": {key: text for key, text in each.body["error"].items() if key != "target"}}
            assert (answer.status_code, answer.json()) == (each.status, body)
    assert len(wanted) + len(missing) == gets


@recorded
def test_an_interface_is_answered_as_azure_did(make: Make) -> None:
    stage = make()
    found = exchanges("cloud-provider-azure/interfaceclient.AZURECLOUD.yaml")
    group = f"{ZERO}/aks-cit-Interface"
    stage.rm.machines.add_interface(
        f"{group}/providers/Microsoft.Network/networkInterfaces/testResource",
        ["10.0.0.4"],
        subnet=f"{group}/providers/Microsoft.Network/virtualNetworks/testVnet/subnets/testSubnet",
        location="eastus",
    )
    gets = [each for each in found if each.method == "GET" and "/networkInterfaces" in each.path]
    for each in gets:
        answer = stage.send("GET", each.path, version=each.version)
        assert answer.status_code == each.status
        assert masked(answer.json()) == masked(each.body)
        ours, theirs = (visible_headers(every.headers, has_body=True) for every in (answer, each))
        assert ours == theirs
    assert len(gets) == 4


def masked(body: Any) -> Any:
    """A body without GUIDs, etags and the made-up name of a domain."""
    return re.sub(r"[0-9a-z]{26}\.bx\.", "<domain>.bx.", str(neutral(body)))


# The cluster of the sandbox


@pytest.fixture(name="cluster")
def _cluster(tmp_path: Path) -> Iterator[tuple[Cloud, Cluster]]:
    with Cloud(tmp_path, instant=True) as cloud:
        yield cloud, Cluster(cloud)


def machines_of(cloud: Cloud, folder: Path) -> dict[str, str]:
    """Computer name → address of every machine, as a caller of Resource Manager sees them."""
    stage = Arm(cloud.arm, cloud.tokens, cloud.authority.ca_file, clock=None)  # type: ignore[arg-type]  # not turned
    group = f"/subscriptions/{SANDBOX_SUBSCRIPTION}/resourceGroups/{NODE_GROUP}"
    found: dict[str, str] = {}
    for scale_set in listed(stage, f"{group}/providers/Microsoft.Compute/virtualMachineScaleSets"):
        instances = listed(stage, f"{scale_set['id']}/virtualMachines")
        interfaces = listed(stage, f"{scale_set['id']}/networkInterfaces", "2018-10-01") if instances else []
        for instance, interface in zip(instances, interfaces, strict=True):
            found[instance["properties"]["osProfile"]["computerName"]] = addresses(interface)[0]
    return found


def test_the_machines_of_the_cluster_keep_in_step_with_its_nodes(
    cluster: tuple[Cloud, Cluster], tmp_path: Path
) -> None:
    cloud, shop = cluster
    registered = shop.register("system", 2)
    added = shop.add("apps", 12)
    found = machines_of(cloud, tmp_path)
    assert set(found) == set(shop.nodes) == {*registered, *added}
    for name, address in found.items():
        node = cloud.kubernetes.get("Node", name)
        assert address in [each["address"] for each in node["status"]["addresses"]]
        assert node["spec"]["providerID"].lower().startswith(f"azure://{scale_set_id(name.split('-')[1])}".lower())
    shop.remove(added[:5])
    assert set(machines_of(cloud, tmp_path)) == set(shop.nodes) == {*registered, *added[5:]}


def test_a_node_may_go_while_its_machine_stays_and_the_other_way_round(
    cluster: tuple[Cloud, Cluster], tmp_path: Path
) -> None:
    cloud, shop = cluster
    forgotten, lost, well = shop.add("apps", 3)
    shop.remove_nodes([forgotten])
    shop.remove_machines([lost])
    assert set(shop.nodes) == {lost, well}
    assert cloud.kubernetes.names("CiliumNode") == (lost, well)
    assert set(machines_of(cloud, tmp_path)) == {forgotten, well}
    shop.remove_nodes([lost])
    shop.remove_machines([forgotten])
    assert set(shop.nodes) == set(machines_of(cloud, tmp_path)) == {well}
