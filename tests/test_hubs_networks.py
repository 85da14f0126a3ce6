"""What must be so around the nodes of a BGP mode: pod CIDRs outside their networks, and learned routes that reach them."""

from ipaddress import ip_network
from typing import Any

import pytest

from shared.errors import RefusedError, TargetError
from shared.models import Network
from shared.pool_subnets import PoolSubnet
from tests.fake_arm import RT_A, RT_B, SYSTEM, USER, VNET, network, peering, table
from tests.test_hubs import (
    GROUP,
    HOME,
    HUB,
    IP_CONFIGURATIONS,
    SUBNETS,
    VIRTUAL_HUB,
    beside_route_server,
    connection,
    in_network,
    on_virtual_hub,
    route_server,
    texts,
    told,
    virtual_hub,
)

FAR = f"{GROUP}/virtualNetworks/far"
HIDDEN = TargetError("AuthorizationFailed: no", status=403, code="AuthorizationFailed")


def pods(*cidrs: str) -> tuple[Network, ...]:
    return tuple(ip_network(each) for each in cidrs)


# Pod CIDRs


@pytest.mark.parametrize(
    ("cidr", "overlapped", "owner"),
    [
        ("10.1.128.0/17", "10.1.0.0/16", f"of the virtual network {VNET}"),  # inside
        ("10.1.0.0/16", "10.1.0.0/16", f"of the virtual network {VNET}"),  # equal
        ("10.0.0.0/9", "10.1.0.0/16", f"of the virtual network {VNET}"),  # around
        ("172.20.0.0/16", "172.16.0.0/12", f"of the virtual network {FAR}, which is peered with {VNET}"),
    ],
)
@pytest.mark.parametrize(("found", "arm"), [(route_server, beside_route_server), (virtual_hub, on_virtual_hub)])
def test_pod_cidrs_inside_what_the_nodes_networks_route_already_are_refused_with_both_ranges(
    found: Any, arm: Any, cidr: str, overlapped: str, owner: str
) -> None:
    nodes = network(VNET, "192.168.0.0/16", "10.1.0.0/16", peerings=[peering(FAR, "172.16.0.0/12")])
    with pytest.raises(RefusedError) as raised:
        found(arm(**{VNET: nodes}), pods=pods("100.64.0.0/10", cidr))
    assert f"{cidr} overlaps {overlapped} {owner}" in str(raised.value)
    assert "System routes win over BGP routes" in str(raised.value)
    assert "100.64.0.0/10" not in str(raised.value)


def test_every_overlap_is_told_at_once() -> None:
    nodes = network(VNET, "10.1.0.0/16", peerings=[peering(FAR, "10.2.0.0/16")])
    with pytest.raises(RefusedError, match=r"overlaps 10\.1\.0\.0/16 .*; 10\.0\.0\.0/8 overlaps 10\.2\.0\.0/16 "):
        virtual_hub(on_virtual_hub(**{VNET: nodes}), pods=pods("10.0.0.0/8"))


def test_a_peering_that_is_not_connected_routes_nothing_away() -> None:
    nodes = network(VNET, "10.1.0.0/16", peerings=[peering(FAR, "100.64.0.0/10", state="Disconnected")])
    assert virtual_hub(on_virtual_hub(**{VNET: nodes})).findings == ()


def test_ipv6_pod_cidrs_are_left_out_and_told() -> None:
    topology = route_server(beside_route_server(), pods=pods("100.64.0.0/10", "fd00::/48"))
    assert told(topology) == [("ipv6PodCidrs", HUB)]
    assert "fd00::/48 are IPv6" in topology.findings[0].message


def test_ipv6_pod_cidrs_alone_are_refused() -> None:
    with pytest.raises(RefusedError, match=r"fd00::/48 are IPv6.*use mode udr"):
        virtual_hub(on_virtual_hub(), pods=pods("fd00::/48"))


# Learning from a Route Server


def side(remote: str, **flags: Any) -> list[dict[str, Any]]:
    return [peering(remote, "10.200.0.0/16", **flags)]


@pytest.mark.parametrize(
    ("near", "far", "code", "sentence"),
    [
        (side(HOME, uses=True), side(VNET, lends=True), "", ""),
        (side(HOME), side(VNET, lends=True), "noRemoteGateway", f"set useRemoteGateways of the peering in {VNET}"),
        (side(HOME, uses=True), side(VNET), "noRemoteGateway", f"set allowGatewayTransit of the peering in {HOME}"),
        (side(HOME), side(VNET), "noRemoteGateway", f"in {VNET} and allowGatewayTransit of the peering in {HOME}"),
        (side(HOME) + side(HOME, uses=True), side(VNET) + side(VNET, lends=True), "", ""),  # subnets peered twice
        (side(HOME.upper(), uses=True), side(VNET.upper(), lends=True), "", ""),
        ([], [], "nodeNetworkApart", "is not peered with"),
        ([], side(VNET), "nodeNetworkApart", "is not peered with"),
        (side(FAR, uses=True), side(FAR, lends=True), "nodeNetworkApart", "is not peered with"),
        (side(HOME, uses=True, state="Initiated"), side(VNET, lends=True), "nodeNetworkApart", "is not peered with"),
        (side(HOME, uses=True), None, "", ""),  # one side is hidden, the other believed
        (side(HOME), None, "noRemoteGateway", f"set useRemoteGateways of the peering in {VNET}"),
        ([], None, "nodeNetworkApart", "is not peered with"),
        (None, side(VNET, lends=True), "", ""),
        (None, side(VNET), "noRemoteGateway", f"set allowGatewayTransit of the peering in {HOME}"),
        (None, [], "nodeNetworkApart", "is not peered with"),
        (None, None, "", ""),
    ],
)
def test_nodes_beside_a_route_server_learn_through_its_gateways(
    near: list[dict[str, Any]] | None, far: list[dict[str, Any]] | None, code: str, sentence: str
) -> None:
    arm = beside_route_server(
        **{
            VNET: HIDDEN if near is None else network(VNET, "10.1.0.0/16", peerings=near),
            HOME: HIDDEN if far is None else network(HOME, "10.0.0.0/16", peerings=far),
        }
    )
    findings = [each for each in route_server(arm).findings if each.code != "networkUnreadable"]
    assert [(each.code, each.resource) for each in findings] == ([(code, VNET)] if code else [])
    assert all(sentence in each.message for each in findings)


def test_nodes_in_the_network_of_the_route_server_learn_without_peering() -> None:
    arm = beside_route_server(**{IP_CONFIGURATIONS: in_network(VNET.upper()), VNET: network(VNET, "10.1.0.0/16")})
    topology = route_server(arm)
    assert (texts(topology.reachable), told(topology)) == (["10.1.0.0/16"], [])


def test_each_network_of_the_nodes_is_judged_on_its_own() -> None:
    far = [PoolSubnet(f"{each}/subnets/gpu", ("gpu",), None) for each in (FAR, FAR.upper())]
    arm = beside_route_server(**{FAR: network(FAR, "10.3.0.0/16"), FAR.upper(): network(FAR, "10.3.0.0/16")})
    topology = route_server(arm, (*SUBNETS, *far))
    assert told(topology) == [("nodeNetworkApart", FAR)]


# Learning from a virtual hub


BEHIND = f"{GROUP}/virtualNetworks/HV_hub-weu"


@pytest.mark.parametrize(
    ("mine", "theirs", "apart"),
    [
        (side(BEHIND, uses=True), side(BEHIND.upper(), uses=True), False),
        (side(BEHIND, uses=True), side(FAR, uses=True), True),
        (side(BEHIND), side(BEHIND), True),
        ([], [], True),
        ([], None, False),  # hidden, which is told
    ],
)
def test_nodes_beside_the_connected_network_are_on_the_same_hub(
    mine: list[dict[str, Any]], theirs: list[dict[str, Any]] | None, *, apart: bool
) -> None:
    spoke = f"{GROUP}/virtualNetworks/spoke-2"
    arm = on_virtual_hub(
        **{
            VNET: network(VNET, "10.1.0.0/16", peerings=mine),
            spoke: HIDDEN if theirs is None else network(spoke, "10.4.0.0/16", peerings=theirs),
        }
    )
    topology = virtual_hub(arm, (*SUBNETS, PoolSubnet(f"{spoke}/subnets/gpu", ("gpu",), "")))
    assert [each for each in told(topology) if each[0] != "networkUnreadable"] == (
        [("nodeNetworkApart", spoke)] if apart else []
    )


def test_nodes_elsewhere_are_told_where_the_connection_leads() -> None:
    arm = on_virtual_hub(**{f"{HUB}/hubVirtualNetworkConnections/spoke-1": connection(FAR), FAR: network(FAR)})
    (finding,) = virtual_hub(arm).findings
    assert f"the virtual network {VNET} of the nodes is neither that of hubConnectionId ({FAR})" in finding.message


# The route tables of node subnets


TABLED = (PoolSubnet(SYSTEM, ("a", "b"), RT_A), PoolSubnet(USER, ("c",), RT_B))


def test_a_table_that_hides_learned_routes_is_told_for_each_subnet_by_name() -> None:
    arm = beside_route_server(**{RT_A: table(RT_A, propagates=False), RT_B: table(RT_B)})
    topology = route_server(arm, TABLED)
    assert told(topology) == [("gatewayRoutesNotPropagated", SYSTEM)]
    assert f"the route table {RT_A} of the subnet {SYSTEM} of the agent pools a, b" in topology.findings[0].message
    both = (TABLED[0], PoolSubnet(USER, ("c",), RT_A.upper()))
    arm.answers[RT_A.upper()] = arm.answers[RT_A]
    assert [resource for _, resource in told(route_server(arm, both))] == [SYSTEM, USER]


@pytest.mark.parametrize(
    ("prefixes", "told_of"),
    [
        ([], 0),
        (["0.0.0.0/0", "10.0.0.0/8", "AzureCloud", "2001:db8::/32"], 0),
        (["100.64.0.0/10"], 0),  # shorter than any node's, which wins then
        (["100.0.0.0/8"], 0),
        (["0.0.0.0/0", "100.64.3.0/24", "100.64.4.0/24"], 2),  # as mode udr leaves them behind
    ],
)
def test_routes_of_a_table_that_win_over_learned_ones_are_told(prefixes: list[str], told_of: int) -> None:
    arm = on_virtual_hub(**{RT_A: table(RT_A, *prefixes)})
    findings = virtual_hub(arm, (PoolSubnet(SYSTEM, ("np1",), RT_A),)).findings
    assert [(each.code, each.resource) for each in findings] == ([("tableRoutesToPods", SYSTEM)] if told_of else [])
    assert all(f"({told_of}, the first to 100.64.3.0/24)" in each.message for each in findings)


@pytest.mark.parametrize(
    ("status", "end"),
    [(403, "; grant the app's identity Microsoft.Network/routeTables/read on it"), (503, "said Azure")],
)
def test_a_table_that_cannot_be_read_is_told_and_the_others_are_still_judged(status: int, end: str) -> None:
    arm = beside_route_server(**{RT_A: TargetError("said Azure", status=status), RT_B: table(RT_B, propagates=False)})
    topology = route_server(arm, TABLED)
    assert told(topology) == [("routeTableUnreadable", RT_A), ("gatewayRoutesNotPropagated", USER)]
    assert topology.findings[0].message.endswith(end)


def test_a_subnet_without_a_readable_table_hides_nothing() -> None:
    subnets = (PoolSubnet(SYSTEM, ("a",), None), PoolSubnet(USER, ("b",), ""))
    assert told(route_server(beside_route_server(), subnets)) == []


def test_the_hub_is_judged_before_the_networks_around_it_are_read() -> None:
    arm = beside_route_server(**{HUB: VIRTUAL_HUB})
    with pytest.raises(RefusedError):
        route_server(arm)
    assert [path for _, path, _ in arm.calls] == [HUB]
