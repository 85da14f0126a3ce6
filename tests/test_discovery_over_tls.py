"""Clusters of every mode, and their hubs, found through Resource Manager over TLS. The rules: tests/test_discovery.py, tests/test_hubs.py."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from azure.core.credentials import AccessToken

from sandbox.authority import Authority
from sandbox.identity import Tokens
from sandbox.resource_manager import Peering, ResourceManager, errors
from sandbox.server import ServerThread
from shared.discovery import Topology, discover
from shared.errors import RefusedError, TargetError
from shared.hubs import discover_route_server, discover_virtual_hub
from shared.kubeconfig import Cluster
from shared.targets.arm import Arm
from tests.fake_arm import CLUSTER, NODE_GROUP, RT_A, RT_B, SYSTEM, USER, VNET
from tests.test_hubs import CONNECTION, HOME, HUB, PODS, SUBNETS, texts, told

pytestmark = pytest.mark.wire

NODES = {"system": None, "user": None}


class SandboxIdentity:
    """A token credential out of the sandbox's identity provider."""

    def __init__(self, tokens: Tokens) -> None:
        self._tokens = tokens

    def get_token(self, *scopes: str, **_: Any) -> AccessToken:
        bearer, token = self._tokens.issue(scopes[0].removesuffix("/.default"))
        return AccessToken(bearer, int(token.expires_at))


@dataclass
class Wire:
    """A Resource Manager, and the app's way to it."""

    azure: ResourceManager
    arm: Arm
    ca_pem: bytes

    def add_cluster(self, **changes: Any) -> None:
        standard = {"pools": {"np1": SYSTEM, "np2": USER}, "pod_cidrs": [str(PODS[0])], "kube_ca_pem": self.ca_pem}
        group = {"node_resource_group": NODE_GROUP, "kube_server": "https://127.0.0.1:6443"}
        self.azure.add_cluster(CLUSTER, **group | standard | changes)

    def add_route_server(self, *, lends: bool = True) -> None:
        """In a network of its own, that of the nodes peered with it."""
        to_nodes = Peering(VNET, ["10.1.0.0/16"], allow_gateway_transit=lends)
        self.azure.add_virtual_network(HOME, {"RouteServerSubnet": None}, prefixes=["10.0.0.0/16"], peerings=[to_nodes])
        self.azure.add_route_server(HUB, subnet_id=f"{HOME}/subnets/RouteServerSubnet", routing_state="Provisioning")


@pytest.fixture
def wire(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Wire]:
    authority, tokens = Authority(tmp_path), Tokens()
    azure = ResourceManager(tokens, instant=True)
    with ServerThread() as servers:
        azure.base_url = servers.serve(azure.app(), tls=authority.server_context())
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(authority.ca_file))
        yield Wire(azure, Arm(SandboxIdentity(tokens), azure.base_url), authority.ca_pem)


def codes(topology: Topology) -> list[str]:
    return [finding.code for finding in topology.findings]


def test_a_cluster_of_mode_udr_is_found(wire: Wire) -> None:
    wire.azure.add_route_table(RT_A)
    wire.azure.add_virtual_network(VNET, {"system": RT_A, "user": None})
    wire.add_cluster()
    topology = discover(wire.arm, CLUSTER, mode="udr")
    assert topology.api_server == Cluster("https://127.0.0.1:6443", wire.ca_pem)
    assert (topology.node_resource_group, topology.route_tables) == (NODE_GROUP, (RT_A,))
    assert [(each.code, each.resource) for each in topology.findings] == [("subnetWithoutRouteTable", USER)]
    assert wire.azure.count("POST", f"{CLUSTER}/listClusterAdminCredential") == 0
    with pytest.raises(TargetError, match="check aksClusterId") as raised:
        discover(wire.arm, f"{CLUSTER}-gone", mode="udr")
    assert raised.value.status == 404


def test_a_route_server_beside_the_cluster_is_found(wire: Wire) -> None:
    to_home = Peering(HOME, ["10.0.0.0/16"], use_remote_gateways=True)
    wire.azure.add_route_table(RT_A, disableBgpRoutePropagation=True)
    wire.azure.add_route_table(RT_B)
    wire.azure.add_virtual_network(VNET, {"system": RT_A, "user": RT_B}, prefixes=["10.1.0.0/16"], peerings=[to_home])
    wire.add_cluster()
    wire.add_route_server()
    topology = discover(wire.arm, CLUSTER, mode="routeServer")
    hub = discover_route_server(wire.arm, HUB, subnets=topology.subnets, pod_cidrs=topology.pod_cidrs)
    assert texts(hub.reachable) == ["10.0.0.0/16", "10.1.0.0/16"]
    assert told(hub) == [("gatewayRoutesNotPropagated", SYSTEM)]
    assert len(wire.azure.calls) == 4 + 2 + 2 + 2  # cluster and subnets, hub, networks, tables


def test_nodes_that_do_not_learn_from_the_route_server_are_told(wire: Wire) -> None:
    wire.azure.add_virtual_network(VNET, NODES, prefixes=["10.1.0.0/16"], peerings=[Peering(HOME, ["10.0.0.0/16"])])
    wire.add_route_server(lends=False)
    hub = discover_route_server(wire.arm, HUB, subnets=SUBNETS, pod_cidrs=PODS)
    assert told(hub) == [("noRemoteGateway", VNET)]


def test_a_virtual_hub_that_the_cluster_is_connected_to_is_found(wire: Wire) -> None:
    wire.azure.add_virtual_network(VNET, NODES, prefixes=["10.1.0.0/16"])
    wire.azure.add_virtual_hub(HUB, address_prefix="10.9.0.0/23", connections_to={"spoke-1": VNET})
    hub = discover_virtual_hub(wire.arm, HUB, CONNECTION, subnets=SUBNETS, pod_cidrs=PODS)
    assert (texts(hub.reachable), hub.findings) == (["10.1.0.0/16"], ())
    with pytest.raises(TargetError, match=r"check routing\.hubConnectionId") as raised:
        discover_virtual_hub(wire.arm, HUB, f"{CONNECTION}-gone", subnets=SUBNETS, pod_cidrs=PODS)
    assert raised.value.status == 404
    wire.azure.add_virtual_network(VNET, NODES, prefixes=["100.64.0.0/16"])
    with pytest.raises(RefusedError, match=r"100\.64\.0\.0/10 overlaps 100\.64\.0\.0/16"):
        discover_virtual_hub(wire.arm, HUB, CONNECTION, subnets=SUBNETS, pod_cidrs=PODS)


def test_each_kind_of_hub_is_refused_in_the_mode_of_the_other(wire: Wire) -> None:
    wire.azure.add_virtual_network(VNET, NODES)
    wire.add_route_server()
    with pytest.raises(RefusedError, match="use mode routeServer"):
        discover_virtual_hub(wire.arm, HUB, CONNECTION, subnets=SUBNETS, pod_cidrs=PODS)
    wire.azure.add_virtual_hub(HUB, address_prefix="10.9.0.0/23", connections_to={"spoke-1": VNET})
    with pytest.raises(RefusedError, match="use mode virtualWan"):
        discover_route_server(wire.arm, HUB, subnets=SUBNETS, pod_cidrs=PODS)


def test_a_network_that_is_hidden_from_the_app_is_told_with_the_missing_action(wire: Wire) -> None:
    wire.azure.add_virtual_network(VNET, NODES, prefixes=["10.1.0.0/16"])
    wire.add_route_server()
    action = "Microsoft.Network/virtualNetworks/read"
    wire.azure.refuse_next("GET", "hub-net", errors.authorization_failed(action, HOME))
    hub = discover_route_server(wire.arm, HUB, subnets=SUBNETS, pod_cidrs=PODS)
    assert hub.reachable == ()
    assert ("networkUnreadable", HOME) in told(hub)
    assert f"grant the app's identity {action} on it" in hub.findings[0].message


def test_observe_sees_a_cluster_that_no_mode_may_write_for(wire: Wire) -> None:
    wire.azure.add_virtual_network(VNET, NODES)
    wire.add_cluster(network_plugin="azure", power_state="Stopped")
    topology = discover(wire.arm, CLUSTER, mode="observe")
    assert (topology.network_plugin, topology.api_server) == ("azure", None)
    assert codes(topology) == ["clusterStopped", "otherNetworkPlugin"]
