"""What the modes make of a cluster: who is refused what, and what observe sees. In mode udr: tests/test_discovery.py."""

from typing import Any

import pytest

from shared.discovery import Mode, Topology, discover
from shared.errors import RefusedError, TargetError
from shared.models import Severity
from shared.pool_subnets import PoolSubnet
from tests.fake_arm import (
    CLUSTER,
    CREDENTIAL,
    NETWORKS,
    NODE_GROUP,
    RT_A,
    SYSTEM,
    USER,
    FakeArm,
    cluster,
    credential,
    subnet,
)

BGP: tuple[Mode, ...] = ("routeServer", "virtualWan")
WRITING: tuple[Mode, ...] = ("udr", *BGP)
LENIENT: tuple[Mode, ...] = (*BGP, "observe")
HIDDEN = TargetError("AuthorizationFailed: no", status=403, code="AuthorizationFailed")
CILIUM = {"networkPlugin": "azure", "networkPluginMode": "overlay", "networkDataplane": "cilium"}


def azure(changes: dict[str, Any] | None = None, **properties: Any) -> FakeArm:
    answers = {
        CLUSTER: cluster(**properties),
        CREDENTIAL: credential(),
        SYSTEM: subnet(SYSTEM, RT_A),
        USER: subnet(USER, None),
    }
    return FakeArm(answers | (changes or {}))


def codes(topology: Topology) -> list[str]:
    return [finding.code for finding in topology.findings]


NO_PLACE_OF_OURS: list[tuple[dict[str, Any], str, str]] = [
    ({"networkProfile": CILIUM}, "azureCniPoweredByCilium", "runs Azure CNI powered by Cilium"),
    ({"networkProfile": {"networkPlugin": "azure"}}, "otherNetworkPlugin", "Azure routes pods itself"),
    ({"networkProfile": {"networkPlugin": "kubenet"}}, "otherNetworkPlugin", "a controller of AKS writes the routes"),
    ({"networkProfile": {}}, "otherNetworkPlugin", "network plugin (not stated), not none"),
    ({"powerState": {"code": "Stopped"}}, "clusterStopped", "is stopped"),
    ({"provisioningState": "Deleting"}, "clusterBeingDeleted", "is being deleted"),
    ({"networkProfile": {"networkPlugin": "none", "podCidr": "100.64.0.1/10"}}, "podCidrsUnreadable", "host bits set"),
]


@pytest.mark.parametrize("mode", WRITING)
@pytest.mark.parametrize(("properties", "code", "sentence"), NO_PLACE_OF_OURS)
def test_every_mode_that_writes_refuses_a_cluster_whose_pods_are_not_ours_to_route(
    properties: dict[str, Any], code: str, sentence: str, mode: Mode
) -> None:
    arm = azure(**properties)
    with pytest.raises(RefusedError, match="the cluster "):
        discover(arm, CLUSTER, mode=mode)
    assert [path for _, path, _ in arm.calls] == [CLUSTER]


@pytest.mark.parametrize(("properties", "code", "sentence"), NO_PLACE_OF_OURS)
def test_observe_reports_such_a_cluster_instead(properties: dict[str, Any], code: str, sentence: str) -> None:
    (finding,) = discover(azure(**properties), CLUSTER, mode="observe").findings
    assert (finding.code, finding.resource) == (code, CLUSTER)
    assert sentence in finding.message
    assert "take it out" not in finding.message or code == "clusterBeingDeleted"


def test_observe_tells_which_cni_is_in_force_without_alarm() -> None:
    topology = discover(azure(networkProfile=CILIUM), CLUSTER, mode="observe")
    assert (topology.network_plugin, topology.network_dataplane) == ("azure", "cilium")
    assert topology.findings[0].severity is Severity.INFO
    assert topology.api_server is not None


@pytest.mark.parametrize("properties", [{"powerState": {"code": "Stopped"}}, {"provisioningState": "Deleting"}])
def test_of_a_cluster_that_is_down_observe_asks_for_no_api_server(properties: dict[str, Any]) -> None:
    arm = azure(**properties)
    topology = discover(arm, CLUSTER, mode="observe")
    assert topology.api_server is None
    assert topology.node_resource_group == NODE_GROUP
    assert [path for _, path, _ in arm.calls] == [CLUSTER, SYSTEM, USER]


def test_observe_reports_everything_that_is_odd_at_once() -> None:
    properties = {"powerState": {"code": "Stopped"}, "networkProfile": {"networkPlugin": "kubenet", "podCidr": "?"}}
    topology = discover(azure({USER: HIDDEN}, **properties), CLUSTER, mode="observe")
    assert codes(topology) == ["clusterStopped", "otherNetworkPlugin", "podCidrsUnreadable", "subnetUnreadable"]


@pytest.mark.parametrize("mode", LENIENT)
def test_only_routes_need_route_tables(mode: Mode) -> None:
    topology = discover(azure({SYSTEM: subnet(SYSTEM, None)}), CLUSTER, mode=mode)
    assert (topology.route_tables, topology.findings) == ((), ())


@pytest.mark.parametrize("mode", LENIENT)
def test_subnets_are_found_with_their_tables_also_where_nobody_writes_these(mode: Mode) -> None:
    topology = discover(azure(), CLUSTER, mode=mode)
    assert topology.subnets == (PoolSubnet(SYSTEM, ("system",), RT_A), PoolSubnet(USER, ("user",), ""))
    assert topology.route_tables == (RT_A,)


@pytest.mark.parametrize("mode", LENIENT)
def test_only_routes_need_every_subnet_and_one_that_is_hidden_is_known_by_its_id(mode: Mode) -> None:
    arm = azure({USER: HIDDEN})
    topology = discover(arm, CLUSTER, mode=mode)
    assert codes(topology) == ["subnetUnreadable"]
    assert topology.findings[0].message.endswith(
        "; grant the app's identity Microsoft.Network/virtualNetworks/subnets/read on it"
    )
    assert topology.subnets[1] == PoolSubnet(USER, ("user",), None)
    with pytest.raises(TargetError, match=r"or name the route tables in routing\.routeTables"):
        discover(arm, CLUSTER, mode="udr")


def test_without_need_of_tables_nobody_is_told_to_name_them() -> None:
    arm = azure({CLUSTER: cluster({"np1": None}), NETWORKS: {"value": []}})
    (finding,) = discover(arm, CLUSTER, mode="routeServer").findings
    assert "has no virtual network with a subnet aks-subnet" in finding.message
    assert "routeTables" not in finding.message


@pytest.mark.parametrize("mode", LENIENT)
@pytest.mark.parametrize("path", [CLUSTER, CREDENTIAL])
def test_what_cannot_be_done_without_is_a_failure_in_every_mode(mode: Mode, path: str) -> None:
    with pytest.raises(TargetError, match="Azure Kubernetes Service Cluster User Role"):
        discover(azure({path: HIDDEN}), CLUSTER, mode=mode)


@pytest.mark.parametrize("mode", LENIENT)
def test_a_discovery_takes_two_calls_and_one_for_each_subnet(mode: Mode) -> None:
    arm = azure()
    discover(arm, CLUSTER, mode=mode)
    assert [(method, path) for method, path, _ in arm.calls] == [
        ("GET", CLUSTER),
        ("POST", CREDENTIAL),
        ("GET", SYSTEM),
        ("GET", USER),
    ]
