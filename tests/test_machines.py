"""The machines of a node resource group, read on the wire: what is asked, what is found, and what is no answer."""

import json
from collections.abc import Callable, Iterator
from functools import partial
from ipaddress import ip_address
from typing import Any

import pytest
from azure.core.pipeline.transport import HttpTransport

from sandbox.resource_manager import AzureError, errors
from sandbox.resource_manager.answers import JSON_UTF8, Answer
from shared.errors import TargetError
from shared.machines import ACTIONS, read_machines
from shared.targets.arm import Arm as ProductArm
from shared.witness import Machine, Machines, NoAnswer, weigh
from tests.examples import node
from tests.sandbox.arm_recordings import RECORDINGS, exchanges
from tests.sandbox.resource_manager_stage import SUBSCRIPTION, Arm, arm, served

GROUP = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/MC_rg_prod_westeurope"
COMPUTE = f"{GROUP}/providers/Microsoft.Compute"
SETS, MACHINES = f"{COMPUTE}/virtualMachineScaleSets", f"{COMPUTE}/virtualMachines"
INTERFACES = f"{GROUP}/providers/Microsoft.Network/networkInterfaces"
NP1, NP2 = f"{SETS}/aks-np1-31415926-vmss", f"{SETS}/aks-np2-31415926-vmss"
SUBNET = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/rg/providers/Microsoft.Network/virtualNetworks/v/subnets/s"
Make = Callable[..., Arm]


@pytest.fixture(name="make", scope="module")
def _make(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Make]:
    with served(tmp_path_factory.mktemp("ca")) as server, pytest.MonkeyPatch.context() as patch:
        patch.setenv("REQUESTS_CA_BUNDLE", str(server[1].ca_file))
        patch.setattr(HttpTransport, "sleep", lambda *_: None)
        yield partial(arm, server)


@pytest.fixture(name="stage")
def _stage(make: Make) -> Arm:
    """Two machines in np1, one Flexible scale set with one, one machine of its own, np2 scaled to zero."""
    return populated(make())


def populated(stage: Arm) -> Arm:
    machines = stage.rm.machines
    machines.add_scale_set(NP1, subnet=SUBNET)
    for number, address in ((0, "10.0.0.4"), (11, "10.0.0.5")):
        machines.add_instance(NP1, number, instance_name(number), [address, f"fd00::{number + 4:x}"])
    machines.add_scale_set(NP2, subnet=SUBNET)
    machines.add_scale_set(f"{SETS}/flex", subnet=SUBNET, flexible=True, capacity=1)
    machines.add_machine(f"{MACHINES}/flex_1", ["10.0.0.6"], subnet=SUBNET, scale_set=f"{SETS}/flex")
    machines.add_machine(f"{MACHINES}/NAP-x7k", ["10.0.0.7"], subnet=SUBNET, computer_name="aks-nap-x7k")
    machines.add_interface(f"{INTERFACES}/kube-apiserver.nic", ["10.0.0.8"], subnet=SUBNET)
    return stage


def instance_name(number: int) -> str:
    return f"aks-np1-31415926-vmss{number:06}"


def machine(name: str, *addresses: str, hidden: bool = False) -> Machine:
    return Machine(name, frozenset(map(ip_address, addresses)), hidden)


def told(stage: Arm) -> Machines | NoAnswer:
    """The answer as the app gets it, through its own client."""
    return read_machines(ProductArm(stage, stage.rm.base_url), GROUP)


def known(stage: Arm) -> Machines:
    answer = told(stage)
    assert isinstance(answer, Machines), answer
    return answer


def refused(stage: Arm) -> str:
    answer = told(stage)
    assert isinstance(answer, NoAnswer), answer
    return answer.reason


def paths(stage: Arm) -> list[str]:
    """Every list that was asked for, page by page."""
    return [call.path.removeprefix(GROUP) for call in stage.rm.calls]


ALL = {
    machine(instance_name(0), "10.0.0.4", "fd00::4"),
    machine(instance_name(11), "10.0.0.5", "fd00::f"),
    machine("flex_1", "10.0.0.6"),
    machine("aks-nap-x7k", "10.0.0.7"),
    machine("kube-apiserver.nic", "10.0.0.8"),
}


@pytest.mark.wire
def test_machines_of_every_kind_are_found_with_their_names_and_addresses(stage: Arm) -> None:
    answer = known(stage)
    assert set(answer.machines) == ALL
    assert answer.scale_sets == {"aks-np1-31415926-vmss", "aks-np2-31415926-vmss"}


@pytest.mark.wire
def test_each_list_is_asked_for_once_and_none_that_azure_has_not(stage: Arm) -> None:
    """An empty scale set and a Flexible one have no interfaces to ask for: Azure would answer 404."""
    known(stage)
    compute, network = "/providers/Microsoft.Compute", "/providers/Microsoft.Network"
    assert paths(stage) == [
        f"{compute}/virtualMachineScaleSets",
        f"{compute}/virtualMachineScaleSets/aks-np1-31415926-vmss/virtualMachines",
        f"{compute}/virtualMachineScaleSets/aks-np1-31415926-vmss/networkInterfaces",
        f"{compute}/virtualMachineScaleSets/aks-np2-31415926-vmss/virtualMachines",
        f"{compute}/virtualMachines",
        f"{network}/networkInterfaces",
    ]
    assert {call.status for call in stage.rm.calls} == {200}
    assert {call.method for call in stage.rm.calls} == {"GET"}


@pytest.mark.wire
def test_a_machine_that_is_gone_is_no_longer_found(stage: Arm) -> None:
    for gone in (f"{NP1}/virtualMachines/11", f"{MACHINES}/NAP-x7k"):
        stage.rm.machines.remove(gone)
    assert {each.name for each in known(stage).machines} == {instance_name(0), "flex_1", "kube-apiserver.nic"}
    stage.rm.machines.remove_scale_set(NP1)
    assert known(stage).scale_sets == {"aks-np2-31415926-vmss"}


@pytest.mark.wire
def test_names_come_from_the_computer_name_prefix_where_it_differs_from_the_set(make: Make) -> None:
    stage = make()
    stage.rm.machines.add_scale_set(f"{SETS}/akswin", subnet=SUBNET, prefix="win")
    stage.rm.machines.add_instance(f"{SETS}/akswin", 1, "win000001", ["10.0.0.4"])
    assert known(stage) == Machines((machine("win000001", "10.0.0.4"),), frozenset({"win"}))


@pytest.mark.wire
@pytest.mark.parametrize(("page_size", "requests"), [(1, 13), (2, 8), (3, 6)])
def test_every_page_is_read(make: Make, page_size: int, requests: int) -> None:
    stage = populated(make(page_size=page_size))
    assert set(known(stage).machines) == ALL
    assert len(stage.rm.calls) == requests


@pytest.mark.wire
@pytest.mark.parametrize("number", range(13))
def test_a_page_that_cannot_be_had_is_no_answer(make: Make, number: int) -> None:
    stage = populated(make(page_size=1))
    from_request(stage, number, errors.throttled(SUBSCRIPTION, "GET", seconds=1))
    assert "SubscriptionRequestsThrottled" in refused(stage)


def from_request(stage: Arm, number: int, error: AzureError, *, times: int = 99) -> None:
    """Refuse `times` requests from the one of that number on, counted from 0."""

    def refuse() -> None:
        stage.rm.refuse_next("GET", GROUP, error, times=times)

    chain: Callable[[], object] = refuse
    for _ in range(number):
        chain = partial(stage.rm.before_next, "GET", GROUP, chain)
    stage.rm.before_next("GET", GROUP, chain)


class PreparedError(AzureError):
    """Any body with status 200, for `refuse_next`: Azure answers wrongly without calling it an error."""

    def __init__(self, body: Any) -> None:
        super().__init__(200, "", "")
        self._body = body

    def answer(self) -> Answer:
        return Answer(200, json.dumps(self._body), content_type=JSON_UTF8)


EMPTY = PreparedError({"value": []})
LISTS = {
    SETS: "scale sets",
    f"{NP1}/virtualMachines": "instances",
    f"{NP1}/networkInterfaces": "network interfaces",
    MACHINES: "virtual machines",
    INTERFACES: "network interfaces",
}
"""Every list of the answer, and what it is called."""
NUMBERS = dict(zip(LISTS, (0, 1, 2, 4, 5), strict=True))
"""List → the number of its request. The instances of np2 are request 3."""


@pytest.mark.wire
@pytest.mark.parametrize(("path", "action"), list(zip(LISTS, ACTIONS, strict=True)), ids=ACTIONS)
def test_a_missing_permission_is_no_answer_and_is_named(stage: Arm, path: str, action: str) -> None:
    from_request(stage, NUMBERS[path], errors.authorization_failed(action, GROUP))
    reason = refused(stage)
    assert f"cannot list the {LISTS[path]} at {path}: HTTP 403 AuthorizationFailed" in reason
    assert f"grant the app's identity {action} on the node resource group" in reason


@pytest.mark.wire
@pytest.mark.parametrize("path", LISTS)
@pytest.mark.parametrize(
    "error",
    [
        errors.throttled(SUBSCRIPTION, "GET/VIRTUALMACHINES", seconds=17),
        errors.busy_resource("PutVMScaleSet", NP1, seconds=11),
        errors.another_operation_in_progress("https://management.azure.com/operations/1"),
        errors.resource_group_not_found("MC_rg_prod_westeurope"),
        AzureError(500, "InternalServerError", "An error occurred."),
        errors.service_unavailable(),
        PreparedError({}),
        PreparedError({"value": None}),
        PreparedError([]),
        PreparedError(None),
        PreparedError({"value": [{"name": "x"}]}),
        PreparedError({"value": [], "nextLink": "https://elsewhere.example/page/2"}),
    ],
    ids=[
        "429", "429 locked", "409", "404", "500", "503 html", "no value", "null value", "a list", "null", "odd item",
        "odd next page",
    ],
)  # fmt: skip
def test_what_is_not_a_whole_list_is_no_answer(stage: Arm, path: str, error: AzureError) -> None:
    from_request(stage, NUMBERS[path], error)
    assert refused(stage)


@pytest.mark.wire
def test_an_endpoint_that_cannot_be_reached_is_no_answer(stage: Arm) -> None:
    answer = read_machines(ProductArm(stage, "https://127.0.0.1:9"), GROUP)
    assert isinstance(answer, NoAnswer)
    assert "could not be reached" in answer.reason


@pytest.mark.wire
@pytest.mark.parametrize("path", LISTS)
def test_a_list_that_is_wrongly_empty_releases_no_route_of_a_machine_that_exists(stage: Arm, path: str) -> None:
    """Azure has been seen to answer so for want of permission (azure-sdk-for-go#14110) and without reason (#6396).

    One node of each kind is live, another of it is not, though its machine runs.
    """
    stage.rm.machines.add_machine(f"{MACHINES}/aks-nap-live", ["10.0.0.9"], subnet=SUBNET)
    live = (node(instance_name(0), at="10.0.0.4"), node("aks-nap-live", at="10.0.0.9"))
    from_request(stage, NUMBERS[path], EMPTY, times=1)
    evidence = weigh([ip_address("10.0.0.5"), ip_address("10.0.0.7")], told(stage), live)
    assert evidence.released == frozenset()
    assert (evidence.silence == "") is (path == MACHINES), "addresses of their own interfaces still speak"


@pytest.mark.wire
def test_a_scale_set_without_instances_that_should_have_some_is_no_answer(stage: Arm) -> None:
    stage.rm.machines.add_scale_set(NP2, subnet=SUBNET, capacity=3)
    assert refused(stage) == f"Azure lists no instance of {NP2}, which should have 3"


@pytest.mark.wire
def test_pages_that_lead_in_a_circle_are_no_answer(stage: Arm) -> None:
    link = f"https://management.azure.com:443{MACHINES}?api-version=2025-04-01"
    stage.rm.refuse_next("GET", MACHINES, PreparedError({"value": [], "nextLink": f"{link}&$skiptoken=a"}), times=99)
    assert "leads back to an earlier one" in refused(stage)


# Without the wire


class Scripted:
    """Answers from a dict, and with an empty list what is not in it; fits `ResourceManager`."""

    def __init__(self, answers: dict[str, Any]) -> None:
        self.answers = answers
        self.versions: dict[str, str] = {}

    def get(self, path: str, *, api_version: str) -> dict[str, Any]:
        self.versions[path] = api_version
        answer: dict[str, Any] = self.answers.get(path, {"value": []})
        return answer

    def post(self, path: str, *, api_version: str) -> dict[str, Any]:
        raise AssertionError("nothing is posted")


def vm(name: str, *interfaces: str, **properties: Any) -> dict[str, Any]:
    network = {"networkInterfaces": [{"id": each} for each in interfaces]}
    return {"name": name, "properties": {"networkProfile": network, **properties}}


def interface(name: str, *addresses: str | None) -> dict[str, Any]:
    configurations = [{"properties": {"privateIPAddress": each} if each else {}} for each in addresses]
    return {"id": f"{INTERFACES}/{name}", "name": name, "properties": {"ipConfigurations": configurations}}


def test_a_machine_with_an_interface_that_shows_no_address_is_hidden() -> None:
    def seen(machine: dict[str, Any], *interfaces: dict[str, Any]) -> list[Machine]:
        answer = read_machines(
            Scripted({MACHINES: {"value": [machine]}, INTERFACES: {"value": list(interfaces)}}), GROUP
        )
        assert isinstance(answer, Machines), answer
        return list(answer.machines)

    first, second = f"{INTERFACES}/A".upper(), f"{INTERFACES}/b"
    shown = interface("a", "10.0.0.4")
    assert seen(vm("x", first), shown) == [machine("x", "10.0.0.4")]
    assert seen(vm("x", first)) == [machine("x", hidden=True)]
    assert seen(vm("x")) == [machine("x", hidden=True)]
    assert seen({"name": "x", "properties": {}}) == [machine("x", hidden=True)]
    assert seen(vm("x", first, second), shown) == [machine("x", "10.0.0.4", hidden=True)]
    assert seen(vm("x", first), interface("a", None)) == [machine("x", hidden=True)]
    assert seen(vm("x", first), interface("a", None, "fd00::4")) == [machine("x", "fd00::4")]
    assert seen(vm("x", first, osProfile={}), shown) == [machine("x", "10.0.0.4")]
    assert seen(vm("x", first, osProfile=None), shown) == [machine("x", "10.0.0.4")]


def test_an_address_that_is_none_is_no_answer() -> None:
    answer = read_machines(Scripted({INTERFACES: {"value": [interface("a", "10.0.0.400")]}}), GROUP)
    assert isinstance(answer, NoAnswer)
    assert f"an address of {INTERFACES}/a cannot be read: '10.0.0.400'" in answer.reason


def test_an_empty_page_is_followed_by_its_next_one() -> None:
    """As Azure may send it (autorest.go#401). The host of the link is Azure's own; the token goes to the configured one."""
    second = f"{INTERFACES}?api-version=2025-05-01&$skiptoken=a%2Fb%3D"
    pages = {
        INTERFACES: {"value": [], "nextLink": f"https://management.azure.com:443{second}"},
        second: {"value": [interface("a", "10.0.0.4")], "nextLink": ""},
    }
    assert read_machines(Scripted(pages), GROUP) == Machines((machine("a", "10.0.0.4"),))


def test_each_list_is_asked_for_with_a_version_of_its_provider() -> None:
    instances = f"{NP1}/virtualMachines"
    arm = Scripted(
        {
            SETS: {"value": [{"id": NP1, "name": "aks-np1-31415926-vmss"}]},
            instances: {"value": [vm("0", f"{instances}/0/networkInterfaces/n")]},
        }
    )
    read_machines(arm, GROUP)
    assert arm.versions == {
        SETS: "2025-04-01",
        instances: "2025-04-01",
        f"{NP1}/networkInterfaces": "2018-10-01",
        MACHINES: "2025-04-01",
        INTERFACES: "2025-05-01",
    }


def test_an_error_that_no_list_is_to_blame_for_is_no_answer() -> None:
    class Broken(Scripted):
        def get(self, path: str, *, api_version: str) -> dict[str, Any]:
            raise TargetError("no token")

    assert read_machines(Broken({}), GROUP) == NoAnswer(f"cannot list the scale sets at {SETS}: no token")


@pytest.mark.skipif(not RECORDINGS.is_dir(), reason="recordings not present")
def test_recorded_answers_of_azure_are_understood() -> None:
    recorded = [
        *exchanges("cloud-provider-azure/virtualmachinescalesetvmclient.AZURECLOUD.yaml"),
        *exchanges("cloud-provider-azure/interfaceclient.AZURECLOUD.yaml"),
        *exchanges("cloud-provider-azure/virtualmachinescalesetclient.AZURECLOUD.yaml"),
    ]
    read = {each.path: each.body for each in recorded if each.method == "GET" and each.status == 200}
    zero = "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups"
    one_set = f"{zero}/aks-cit-VirtualMachineScaleSetVM/providers/Microsoft.Compute/virtualMachineScaleSets"
    instances = f"{one_set}/testParentResource/virtualMachines"
    the_interface = f"{zero}/aks-cit-Interface/providers/Microsoft.Network/networkInterfaces"
    own = read[the_interface]["value"][0]
    attached = own | {"id": f"{instances}/0/networkInterfaces/vmss1"}
    group = f"{zero}/aks-cit-VirtualMachineScaleSetVM"
    listed = Scripted(
        {
            one_set: {"value": [read[f"{one_set}/testParentResource"]]},
            instances: read[instances],
            f"{one_set}/testParentResource/networkInterfaces": {"value": [attached]},
            f"{group}/providers/Microsoft.Network/networkInterfaces": read[the_interface],
        }
    )
    assert read_machines(listed, group) == Machines(
        (machine("vmss000000", "10.0.0.4"), machine("testResource", "10.0.0.4")), frozenset({"vmss"})
    )
    whole = f"{zero}/aks-cit-VirtualMachineScaleSet"
    sets = f"{whole}/providers/Microsoft.Compute/virtualMachineScaleSets"
    answer = read_machines(Scripted({sets: read[sets]}), whole)
    assert answer == NoAnswer(f"Azure lists no instance of {sets}/testResource, which should have 1")
