"""The roles hold what the app asks of Azure, no more and no less: what it asks is recorded in the sandbox."""

import json
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

import shared.hubs
import shared.machines
import shared.managed_cluster
from sandbox.cloud import Cloud
from sandbox.cluster import CLUSTER_ID, GROUP, NETWORK_ID, NODE_GROUP, PEER_LABEL, SUBSCRIPTION, Cluster
from sandbox.hub import PEER_ASN, RouteServer, direct
from sandbox.resource_manager import Call
from shared.config import load_config
from shared.connections import connect
from shared.doctor.examine import examine
from shared.doctor.unknown import Unknown
from shared.reconcile import Order, reconcile
from shared.report import ClusterReport, Outcome
from shared.targets.arm import Arm
from shared.wiring import _aks_token, _credential
from tests.infra.bicep import INFRA, Templates, written

pytestmark = pytest.mark.wire

WAN = f"{GROUP}/providers/Microsoft.Network/virtualHubs/hub-shop"
ROLES: Mapping[str, Mapping[str, Any]] = json.loads((INFRA / "roles.json").read_text())
EVERYWHERE = {"cluster", "nodeResourceGroup", "subnet", "network", "doctor"}
ASSIGNED = {
    "udr": {*EVERYWHERE, "routeTable"},
    "routeServer": {*EVERYWHERE, "routeTableReader", "hub"},
    "virtualWan": {*EVERYWHERE, "routeTableReader", "hub"},
    "observe": EVERYWHERE,
}
"""Mode → keys of the roles that clusters.bicep and its modules assign, those for Kubernetes aside."""
OF_OTHERS = {
    "udr": set[str](),
    "routeServer": {
        "Microsoft.Network/virtualHubs/hubVirtualNetworkConnections/read",
        "Microsoft.Network/locations/usages/read",
    },
    "virtualWan": {"Microsoft.Network/virtualHubs/ipConfigurations/read", "Microsoft.Network/locations/usages/read"},
    "observe": {
        "Microsoft.Compute/virtualMachineScaleSets/virtualMachines/read",
        "Microsoft.Compute/virtualMachineScaleSets/networkInterfaces/read",
        "Microsoft.Compute/virtualMachines/read",
        "Microsoft.Network/locations/usages/read",
    },
}
"""Mode → what its roles hold for the sake of other modes: one role serves both kinds of hub, all node resource groups, and
every doctor."""


def action(call: Call) -> str:
    """What Azure asks for this request, by the rule of all providers: types, then what is done.

    Source: https://learn.microsoft.com/azure/role-based-access-control/resource-provider-operations
    """
    provider, *rest = call.path.rstrip("/").rpartition("/providers/")[2].split("/")
    types = rest[::2]
    verb = {"GET": "read", "PUT": "write", "DELETE": "delete", "POST": "action"}[call.method]
    return "/".join([provider, *types, verb]).lower()


@pytest.fixture
def cloud(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Cloud]:
    with Cloud(tmp_path, instant=True) as running:
        for name, value in running.settings.items():
            monkeypatch.setenv(name, value)
        yield running


class NoStorage:
    """Fits `examine.Storage`: the roles on the storage account are Azure's own, see rules_of_the_app."""

    def traces(self, cluster: str) -> Unknown:
        return Unknown(cluster, "not asked")

    def queue(self) -> Unknown:
        return Unknown("the queue", "not asked")


def one_pass(cloud: Cloud, routing: Mapping[str, Any], *, ask: bool = True) -> ClusterReport:
    """An examination, a pass that writes, and a question to the second witness; no lease, so that no storage is needed."""
    cluster = {"name": "shop-weu", "aksClusterId": CLUSTER_ID, "routing": routing}
    settings = {
        **cloud.settings,
        "AKS_POD_ROUTES_CLUSTERS": json.dumps([cluster]),
        "AzureWebJobsStorage__accountName": "unused",
    }
    config = load_config(settings)
    credential = _credential(settings, config)
    arm, token = Arm(credential, config.arm_endpoint), _aks_token(credential)
    now = datetime(2026, 11, 22, tzinfo=UTC)
    examine(config.clusters, config.clusters, arm=arm, token=token, storage=NoStorage(), now=now)
    connection = connect(config.clusters[0], arm=arm, token=token)
    if connection.ask_azure and ask:
        connection.ask_azure()
    return reconcile(
        connection.mode,
        connection.source,
        connection.targets,
        Order("http", force=True),
        pause=lambda _: None,
        before_write=lambda: None,
    )


def run_udr(cloud: Cloud, cluster: Cluster) -> None:
    names = cluster.add("apps", 3)
    assert one_pass(cloud, {"mode": "udr"}).outcome is Outcome.APPLIED
    cluster.remove(names)


def run_route_server(cloud: Cloud, cluster: Cluster) -> None:
    names = cluster.add("apps", 3)
    cluster.label(names[:2])
    RouteServer(cloud, cluster)
    assert one_pass(cloud, direct()).outcome is Outcome.APPLIED
    cluster.unlabel(names[:1])
    assert one_pass(cloud, direct()).outcome is Outcome.APPLIED


def run_virtual_wan(cloud: Cloud, cluster: Cluster) -> None:
    names = cluster.add("apps", 3)
    cluster.label(names[:2])
    cloud.arm.add_virtual_hub(WAN, address_prefix="10.20.0.0/24", connections_to={"spoke-1": NETWORK_ID})
    routing = {
        "mode": "virtualWan",
        "virtualHubId": WAN,
        "hubConnectionId": f"{WAN}/hubVirtualNetworkConnections/spoke-1",
        "peerAsn": PEER_ASN,
        "peers": {"nodeSelector": PEER_LABEL},
    }
    assert one_pass(cloud, routing).outcome is Outcome.APPLIED
    cluster.unlabel(names[:1])
    assert one_pass(cloud, routing).outcome is Outcome.APPLIED


def run_observe(cloud: Cloud, cluster: Cluster) -> None:
    cluster.add("apps", 1)
    assert one_pass(cloud, {"mode": "observe"}, ask=False).outcome is Outcome.IN_SYNC


RUNS = {"udr": run_udr, "routeServer": run_route_server, "virtualWan": run_virtual_wan, "observe": run_observe}


def recorded(cloud: Cloud) -> set[str]:
    return {action(call) for call in cloud.arm.calls if not call.is_poll}


@pytest.mark.parametrize("mode", RUNS)
def test_the_roles_of_a_mode_hold_what_it_asks_of_azure_and_nothing_else(cloud: Cloud, mode: str) -> None:
    cluster = Cluster(cloud)
    topic = f"{GROUP}/providers/Microsoft.EventGrid/systemTopics/aks-pod-routes-shop-weu"
    cloud.arm.event_grid.add_system_topic(topic, f"/subscriptions/{SUBSCRIPTION}/resourceGroups/{NODE_GROUP}")
    RUNS[mode](cloud, cluster)
    asked = recorded(cloud)
    held = {each.lower() for role in ASSIGNED[mode] for each in ROLES[role]["actions"]}
    assert asked - held == set()
    assert held - asked == {each.lower() for each in OF_OTHERS[mode]}


def test_a_pool_without_a_subnet_takes_a_read_of_the_networks_in_the_node_resource_group(cloud: Cloud) -> None:
    group = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/{NODE_GROUP}"
    cluster = Cluster(cloud)
    cloud.arm.add_virtual_network(f"{group}/providers/Microsoft.Network/virtualNetworks/aks-vnet", {"aks-subnet": None})
    cloud.arm.add_cluster(
        CLUSTER_ID,
        node_resource_group=NODE_GROUP,
        pools={"apps": ""},
        pod_cidrs=["100.64.0.0/10"],
        kube_server=cloud.kubernetes_url,
        kube_ca_pem=cloud.authority.ca_pem,
    )
    cluster.add("apps", 1)
    one_pass(cloud, {"mode": "observe"}, ask=False)
    networks = [
        call
        for call in cloud.arm.calls
        if call.path.lower().startswith(group.lower()) and "virtualnetworks" in call.path.lower()
    ]
    assert {action(call) for call in networks} == {"microsoft.network/virtualnetworks/read"}
    assert "Microsoft.Network/virtualNetworks/read" in ROLES["nodeResourceGroup"]["actions"]


def test_the_roles_hold_every_action_that_the_code_names() -> None:
    named = {*shared.managed_cluster.ACTIONS, *shared.machines.ACTIONS, *shared.hubs.ACTIONS}
    held = {each for role in ROLES.values() for each in role["actions"]}
    assert named <= held


def test_no_role_has_a_wildcard_and_none_may_write_but_tables_and_peers() -> None:
    held = {each for role in ROLES.values() for each in (*role["actions"], *role["dataActions"])}
    assert not [each for each in held if "*" in each]
    assert {each for each in held if not each.endswith("/read")} == {
        "Microsoft.ContainerService/managedClusters/listClusterUserCredential/action",
        "Microsoft.Network/routeTables/write",
        "Microsoft.Network/virtualHubs/bgpConnections/write",
        "Microsoft.Network/virtualHubs/bgpConnections/delete",
        "Microsoft.Network/virtualHubs/bgpConnections/learnedRoutes/action",
    }


def assigned(templates: Templates) -> set[str]:
    """Keys of roles.json that some module assigns."""
    text = "\n".join(templates.files.values())
    return set(re.findall(r"guid\(roleSeed, '(\w+)'\)", text)) | set(re.findall(r"'(routeTable(?:Reader)?)'", text))


def test_every_role_is_assigned_somewhere_and_no_other_is() -> None:
    assert assigned(written()) == set(ROLES)
    broken = written().with_change("modules/access-hub.bicep", "'hub'", "'hubs'")
    assert assigned(broken) != set(ROLES)


def test_the_mode_decides_about_tables_and_hub() -> None:
    text = written().files["modules/cluster-surroundings.bicep"]
    assert "tableRole: mode == 'observe' || !empty(tables) ? '' : (byPeers ? 'routeTableReader' : 'routeTable')" in text
    assert "var byPeers = mode == 'routeServer' || mode == 'virtualWan'" in text
    assert "var tables = mode == 'udr' ?" in text
    hubs = "var hubs = contains(config.routing, 'virtualHubId') ? [config.routing.virtualHubId] : []"
    assert hubs in written().files["modules/cluster.bicep"]


def test_what_is_asked_of_kubernetes_is_in_the_role_and_in_the_manifest() -> None:
    assert ROLES["kubernetes"]["dataActions"] == [
        "Microsoft.ContainerService/managedClusters/nodes/read",
        "Microsoft.ContainerService/managedClusters/customresources/read",
    ]
    manifest = (INFRA / "kubernetes" / "reader.yaml").read_text()
    for rule in (
        "resources: [nodes]\n    verbs: [get, list, watch]",
        "resources: [ciliumnodes]\n    verbs: [get, list, watch]",
    ):
        assert rule in manifest
