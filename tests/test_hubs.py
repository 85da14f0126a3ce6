"""The Route Server or virtual hub of a cluster: is it the right one, who can peer with it, what was asked to find out."""

import json
from collections.abc import Callable
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import pytest
import yaml

from shared.errors import RefusedError, TargetError
from shared.hubs import HubTopology, discover_route_server, discover_virtual_hub
from shared.models import Network, Severity
from shared.pool_subnets import NETWORK_API_VERSION, PoolSubnet
from tests.fake_arm import RT_A, RT_B, SUBSCRIPTION, SYSTEM, USER, VNET, FakeArm, network, peering, table

GROUP = f"{SUBSCRIPTION}/resourceGroups/rg-net/providers/Microsoft.Network"
HUB = f"{GROUP}/virtualHubs/hub-weu"
HOME = f"{GROUP}/virtualNetworks/hub-net"
IP_CONFIGURATIONS = f"{HUB}/ipConfigurations"
CONNECTION = f"{HUB}/hubVirtualNetworkConnections/spoke-1"
DEFAULT = f"{HUB}/hubRouteTables/defaultRouteTable"
PODS = (ip_network("100.64.0.0/10"),)
SUBNETS = (PoolSubnet(SYSTEM, ("system",), ""), PoolSubnet(USER, ("user",), ""))
ROUTE_SERVER = {"kind": "RouteServer", "properties": {"routingState": "None", "virtualRouterIps": []}}
VIRTUAL_HUB = {"properties": {"virtualWan": {"id": f"{GROUP}/virtualWans/wan"}, "routingState": "Provisioning"}}


def in_network(id_: str) -> dict[str, Any]:
    return {"value": [{"name": "Default", "properties": {"subnet": {"id": f"{id_}/subnets/RouteServerSubnet"}}}]}


def connection(remote: str = VNET, **routing: Any) -> dict[str, Any]:
    default = {
        "associatedRouteTable": {"id": DEFAULT},
        "propagatedRouteTables": {"labels": ["default"], "ids": [{"id": DEFAULT}]},
    }
    return {"properties": {"remoteVirtualNetwork": {"id": remote}, "routingConfiguration": default | routing}}


def beside_route_server(**changes: Any) -> FakeArm:
    """The nodes' network is peered with the Route Server's and learns from it."""
    nodes = network(VNET, "10.1.0.0/16", peerings=[peering(HOME, "10.0.0.0/16", uses=True)])
    home = network(HOME, "10.0.0.0/16", peerings=[peering(VNET, "10.1.0.0/16", lends=True)])
    answers = {HUB: ROUTE_SERVER, IP_CONFIGURATIONS: in_network(HOME), VNET: nodes, HOME: home}
    return FakeArm(answers | changes)


def on_virtual_hub(**changes: Any) -> FakeArm:
    nodes = network(VNET, "10.1.0.0/16", "10.2.0.0/16", peerings=[peering(f"{GROUP}/virtualNetworks/x", "10.9.0.0/16")])
    return FakeArm({HUB: VIRTUAL_HUB, CONNECTION: connection(), VNET: nodes} | changes)


def route_server(
    arm: FakeArm, subnets: tuple[PoolSubnet, ...] = SUBNETS, pods: tuple[Network, ...] = PODS
) -> HubTopology:
    return discover_route_server(arm, HUB, subnets=subnets, pod_cidrs=pods)


def virtual_hub(
    arm: FakeArm, subnets: tuple[PoolSubnet, ...] = SUBNETS, pods: tuple[Network, ...] = PODS
) -> HubTopology:
    return discover_virtual_hub(arm, HUB, CONNECTION, subnets=subnets, pod_cidrs=pods)


Found = Callable[[FakeArm], HubTopology]
BOTH = [(route_server, beside_route_server), (virtual_hub, on_virtual_hub)]


def texts(networks: tuple[Network, ...]) -> list[str]:
    return [str(each) for each in networks]


def told(topology: HubTopology) -> list[tuple[str, str]]:
    assert all(finding.severity is Severity.WARNING for finding in topology.findings)
    return [(finding.code, finding.resource) for finding in topology.findings]


# The right hub


@pytest.mark.parametrize(("found", "arm"), BOTH)
def test_a_hub_that_fits_its_mode_is_found_without_a_word_whatever_state_it_is_in(found: Found, arm: Any) -> None:
    topology = found(arm())
    assert (topology.hub_id, topology.findings) == (HUB, ())


def test_a_virtual_hub_is_refused_as_a_route_server() -> None:
    with pytest.raises(RefusedError, match="is the hub of a Virtual WAN, not a Route Server; use mode virtualWan with"):
        route_server(beside_route_server(**{HUB: VIRTUAL_HUB}))


def test_a_route_server_is_refused_as_a_virtual_hub() -> None:
    with pytest.raises(RefusedError, match="so it is a Route Server; use mode routeServer without hubConnectionId"):
        virtual_hub(on_virtual_hub(**{HUB: ROUTE_SERVER}))


@pytest.mark.parametrize(
    ("found", "arm", "path", "status", "sentence"),
    [
        (route_server, beside_route_server, HUB, 403, "Microsoft.Network/virtualHubs/read on the hub"),
        (route_server, beside_route_server, HUB, 404, r"check routing\.virtualHubId"),
        (route_server, beside_route_server, HUB, 503, "cannot read the hub .*: said Azure$"),
        (route_server, beside_route_server, IP_CONFIGURATIONS, 403, "virtualHubs/ipConfigurations/read on the hub"),
        (virtual_hub, on_virtual_hub, HUB, 404, r"check routing\.virtualHubId"),
        (virtual_hub, on_virtual_hub, CONNECTION, 403, "virtualHubs/hubVirtualNetworkConnections/read on the hub"),
        (virtual_hub, on_virtual_hub, CONNECTION, 404, r"check routing\.hubConnectionId"),
    ],
)
def test_a_hub_that_cannot_be_read_is_a_failure_with_the_way_out(
    found: Found, arm: Any, path: str, status: int, sentence: str
) -> None:
    with pytest.raises(TargetError, match=sentence) as raised:
        found(arm(**{path: TargetError("said Azure", status=status, code="Code")}))
    assert (raised.value.status, raised.value.code) == (status, "Code")


# Who can peer


def test_peers_of_a_route_server_are_in_its_network_or_in_one_directly_peered_with_it() -> None:
    assert texts(route_server(beside_route_server()).reachable) == ["10.0.0.0/16", "10.1.0.0/16"]


def test_a_peering_that_is_not_connected_reaches_nobody() -> None:
    home = network(HOME, "10.0.0.0/16", peerings=[peering(VNET, "10.1.0.0/16", lends=True, state="Initiated")])
    assert texts(route_server(beside_route_server(**{HOME: home})).reachable) == ["10.0.0.0/16"]


def test_peers_of_a_virtual_hub_are_in_the_connected_network_alone() -> None:
    assert texts(virtual_hub(on_virtual_hub()).reachable) == ["10.1.0.0/16", "10.2.0.0/16"]


@pytest.mark.parametrize("status", [403, 404])
def test_a_network_that_the_app_may_not_see_is_told_and_who_can_peer_is_unknown_then(status: int) -> None:
    topology = route_server(beside_route_server(**{HOME: TargetError("said Azure", status=status)}))
    assert topology.reachable == ()
    assert told(topology) == [("networkUnreadable", HOME)]
    assert "grant the app's identity Microsoft.Network/virtualNetworks/read on it" in topology.findings[0].message
    topology = virtual_hub(on_virtual_hub(**{VNET: TargetError("said Azure", status=status)}))
    assert topology.reachable == ()
    assert told(topology) == [("networkUnreadable", VNET)]


@pytest.mark.parametrize(("found", "arm"), BOTH)
@pytest.mark.parametrize(
    "answer",
    [TargetError("said Azure", status=503), {"properties": {"addressSpace": 1}}, network(VNET, "10.1.0.1/16")],
)
def test_a_network_that_azure_fails_to_show_is_a_failure(found: Found, arm: Any, answer: Any) -> None:
    # what depends on it would be believed for ten minutes
    with pytest.raises(TargetError, match=VNET):
        found(arm(**{VNET: answer}))


@pytest.mark.parametrize("configurations", [{"value": []}, {"value": [{"properties": {}}]}])
def test_a_route_server_that_is_in_no_network_yet_is_told(configurations: dict[str, Any]) -> None:
    topology = route_server(beside_route_server(**{IP_CONFIGURATIONS: configurations}))
    assert topology.reachable == ()
    assert told(topology) == [("hubWithoutNetwork", HUB)]


# The connection to a virtual hub


OTHER = {"id": f"{HUB}/hubRouteTables/isolated"}


@pytest.mark.parametrize(
    ("routing", "missing"),
    [
        ({}, ""),
        ({"associatedRouteTable": {"id": DEFAULT.upper()}}, ""),
        ({"propagatedRouteTables": {"ids": [OTHER, {"id": DEFAULT}]}}, ""),
        ({"propagatedRouteTables": {"labels": ["default"], "ids": [OTHER]}}, ""),
        ({"associatedRouteTable": OTHER}, "is not associated with defaultRouteTable;"),
        ({"propagatedRouteTables": {"labels": ["none"], "ids": [OTHER]}}, "is not propagating to defaultRouteTable;"),
        (
            {"associatedRouteTable": OTHER, "propagatedRouteTables": {}},
            "is not associated with defaultRouteTable and not propagating to defaultRouteTable;",
        ),
    ],
)
def test_the_connection_of_the_peers_is_on_the_default_route_table(routing: dict[str, Any], missing: str) -> None:
    topology = virtual_hub(on_virtual_hub(**{CONNECTION: connection(**routing)}))
    assert told(topology) == ([("connectionNotOnDefaultRouteTable", CONNECTION)] if missing else [])
    assert all(missing in finding.message for finding in topology.findings)


def test_a_connection_without_a_routing_configuration_has_the_default_one() -> None:
    bare = {"properties": {"remoteVirtualNetwork": {"id": VNET}}}
    assert told(virtual_hub(on_virtual_hub(**{CONNECTION: bare}))) == []


# What is asked


def test_each_thing_around_a_route_server_is_read_once() -> None:
    shared = tuple(PoolSubnet(each.upper(), ("a",), RT_A.upper()) for each in (SYSTEM, USER))
    subnets = (PoolSubnet(SYSTEM, ("s",), RT_A), PoolSubnet(USER, ("u",), RT_B), *shared)
    arm = beside_route_server(**{RT_A: table(RT_A), RT_A.upper(): table(RT_A), RT_B: table(RT_B)})
    route_server(arm, subnets)
    assert [(method, path.lower(), version) for method, path, version in arm.calls] == [
        ("GET", path.lower(), NETWORK_API_VERSION) for path in (HUB, IP_CONFIGURATIONS, HOME, VNET, RT_A, RT_B)
    ]


def test_nodes_in_the_connected_network_of_a_virtual_hub_take_three_calls() -> None:
    arm = on_virtual_hub(**{CONNECTION: connection(VNET.lower())})
    arm.answers[VNET.lower()] = arm.answers[VNET]
    virtual_hub(arm)
    assert [path.lower() for _, path, _ in arm.calls] == [HUB.lower(), CONNECTION.lower(), VNET.lower()]


# Recorded


DATA = Path(__file__).parents[1].parent / "shared" / "data" / "arm-recordings"
needs_recordings = pytest.mark.skipif(not DATA.is_dir(), reason="recordings not present")


def recorded(name: str, path: str) -> list[dict[str, Any]]:
    """The bodies of successful GETs whose path ends so."""
    bodies = []
    for one in yaml.safe_load((DATA / name).read_text())["interactions"]:
        request, body = one["request"], one["response"]["body"]
        url = str(request.get("uri") or request.get("url")).split("?")[0]
        if request["method"] == "GET" and url.endswith(path):
            decoded = json.loads(body["string"] if isinstance(body, dict) else body)
            bodies += [decoded] if "error" not in decoded else []
    return bodies


@needs_recordings
def test_the_recorded_route_server_is_understood() -> None:
    name = "azure-cli/virtual_hub_router_scenario.2024-09.yaml"
    hubs, configurations = recorded(name, "/virtualHubs/vrouter2"), recorded(name, "/ipConfigurations")
    home = recorded(name, "/virtualNetworks/vnet2")[0]
    assert hubs
    assert configurations
    for hub in hubs:
        arm = FakeArm({HUB: hub, IP_CONFIGURATIONS: configurations[0], home["id"]: home})
        topology = route_server(arm, (PoolSubnet(f"{home['id']}/subnets/nodes", ("np1",), ""),))
        assert (texts(topology.reachable), topology.findings) == (["10.0.0.0/24"], ())


@needs_recordings
@pytest.mark.parametrize(
    ("name", "path", "expected"),
    [
        ("test_azure_vwan_vhub_bgpconnection.yaml", "/clitestvhubconnection2", []),
        (
            "test_azure_vwan_vhub_connection_routing_configuration.yaml",
            "/my-connection",
            [("connectionNotOnDefaultRouteTable", CONNECTION)],
        ),
    ],
)
def test_recorded_connections_of_virtual_hubs_are_understood(
    name: str, path: str, expected: list[tuple[str, str]]
) -> None:
    bodies = recorded(f"azure-cli-extensions/{name}", path)
    assert bodies
    for body in bodies:
        remote = body["properties"]["remoteVirtualNetwork"]["id"]
        arm = FakeArm({HUB: VIRTUAL_HUB, CONNECTION: body, remote: network(remote, "10.0.0.0/16")})
        topology = virtual_hub(arm, (PoolSubnet(f"{remote}/subnets/nodes", ("np1",), ""),))
        assert (texts(topology.reachable), told(topology)) == (["10.0.0.0/16"], expected)
