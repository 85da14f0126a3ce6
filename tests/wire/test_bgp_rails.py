"""What a person is told about networks, hubs and learned routes in the BGP modes."""

from collections.abc import Mapping
from typing import Any

import pytest

from sandbox.cluster import NETWORK_ID, POOLS, table_id
from sandbox.hub import HUB_ID, PEER_ASN, REFLECTORS
from sandbox.kubernetes_api.cilium_node import cilium_node
from sandbox.resource_manager.virtual_network_peering import Peering
from shared.learned import PREFIX_LIMIT
from shared.report import Cause, ClusterReport, Outcome, render_text
from tests.wire.hub_stage import LABEL, REFLECTED, SPOKE_ID, WAN_ID, HubStage, changes, routing, told, virtual_wan
from tests.wire.stage import APPS, Stage, said

pytestmark = pytest.mark.wire

OTHER_NETWORK = NETWORK_ID.replace("vnet-shop", "vnet-hub")


@pytest.fixture
def hub(stage: Stage, waits: list[float]) -> HubStage:
    _ = waits
    return HubStage(stage)


def network(hub: HubStage, prefixes: list[str], *peerings: Peering) -> None:
    """The nodes' network with other prefixes or peerings, and its subnets as they were."""
    placed = {pool.subnet: pool.prefix for pool in POOLS} | {"RouteServerSubnet": "10.10.250.0/26"}
    tables = {pool.subnet: table_id(pool.table) for pool in POOLS} | {"RouteServerSubnet": None}
    hub.arm.add_virtual_network(NETWORK_ID, tables, prefixes=prefixes, placed=placed, peerings=peerings)


def refused(hub: HubStage, report: ClusterReport) -> str:
    """The sentence of a pass that was refused at the earliest point: nothing was written."""
    assert (report.outcome, report.cause, hub.writes()) == (Outcome.FAILED, Cause.REFUSED, [])
    return said(report)


# Networks and hubs


def test_pod_cidrs_inside_the_nodes_network_are_refused_with_both_ranges(hub: HubStage) -> None:
    network(hub, ["10.10.0.0/16", "100.72.0.0/16"])
    hub.add(1)
    sentence = refused(hub, hub.start().run())
    assert "100.64.0.0/10 overlaps 100.72.0.0/16" in sentence
    assert "use mode udr, whose routes win" in sentence


def test_pod_cidrs_inside_a_peered_network_are_refused_with_both_ranges(hub: HubStage) -> None:
    network(hub, ["10.10.0.0/16"], Peering(OTHER_NETWORK, ["100.64.0.0/16"]))
    hub.add(1)
    sentence = refused(hub, hub.start().run())
    assert f"100.64.0.0/10 overlaps 100.64.0.0/16 of the virtual network {OTHER_NETWORK}" in sentence


def test_peers_outside_the_network_get_no_connection_and_are_named(hub: HubStage) -> None:
    hub.add(1)
    report = hub.start(routing({"addresses": ["10.10.251.4", "10.99.0.5"]})).run()
    assert hub.peers() == {"10.10.251.4": PEER_ASN}
    assert any("10.99.0.5" in message for message in told(report).values())


def test_peers_in_a_directly_peered_network_are_reachable(hub: HubStage) -> None:
    network(hub, ["10.10.0.0/16"], Peering(OTHER_NETWORK, ["10.99.0.0/16"]))
    hub.start(routing({"addresses": ["10.99.0.5"]})).run()
    assert hub.peers() == {"10.99.0.5": PEER_ASN}


def test_a_node_subnet_that_hides_learned_routes_is_a_warning_that_names_its_table(hub: HubStage) -> None:
    hub.add(1)
    report = hub.start().run()
    assert report.outcome is Outcome.APPLIED
    message = told(report)["gatewayRoutesNotPropagated"]
    assert table_id("rt-system") in message
    assert APPS not in message


def test_a_virtual_wan_hub_in_mode_route_server_is_refused(hub: HubStage) -> None:
    hub.arm.add_virtual_hub(WAN_ID, address_prefix="10.20.0.0/24", connections_to={"spoke-1": NETWORK_ID})
    sentence = refused(hub, hub.start(routing(virtualHubId=WAN_ID)).run())
    assert "use mode virtualWan with hubConnectionId" in sentence


def test_a_route_server_in_mode_virtual_wan_is_refused(hub: HubStage) -> None:
    connection = SPOKE_ID.replace(WAN_ID, HUB_ID)
    configured = virtual_wan()["routing"] | {"virtualHubId": HUB_ID, "hubConnectionId": connection}
    sentence = refused(hub, hub.start({"routing": configured}).run())
    assert "use mode routeServer without hubConnectionId" in sentence


def test_a_connection_that_does_not_exist_is_named_with_its_key(hub: HubStage) -> None:
    hub.arm.add_virtual_hub(WAN_ID, address_prefix="10.20.0.0/24", connections_to={"other": NETWORK_ID})
    report = hub.start(virtual_wan()).run()
    assert (report.outcome, hub.writes()) == (Outcome.FAILED, [])
    assert "check routing.hubConnectionId" in said(report)


def test_a_node_subnet_that_may_not_be_read_is_a_warning_and_stops_nothing(hub: HubStage) -> None:
    hub.add(1)
    hub.arm.answer_next("GET", "subnets/snet-system", 403, "AuthorizationFailed", "no")
    report = hub.start().run()
    assert (report.outcome, len(hub.peers())) == (Outcome.APPLIED, 1)
    assert any("snet-system" in message and "403" in message for message in told(report).values())


def test_ipv6_pod_cidrs_are_left_out_with_one_warning(hub: HubStage) -> None:
    """Not one per node: nobody can widen podCidrs to what BGP does not carry."""
    hub.recreate(pod_cidrs=["100.64.0.0/10", "fd00:10::/48"])
    (name,) = hub.add(1)
    both = ["100.64.0.0/24", "fd00:10:0:1::/64"]
    hub.kubernetes.put(cilium_node(name, addresses=[hub.cluster.address(name)], pod_cidrs=both))
    hub.arm.hubs.learn(HUB_ID, hub.cluster.address(name), {"100.64.0.0/24": hub.cluster.address(name)})
    app = hub.start()
    assert app.run().outcome is Outcome.APPLIED
    found = told(app.run())
    assert set(found) == {"ipv6PodCidrs", "gatewayRoutesNotPropagated"}
    assert "fd00:10::/48" in found["ipv6PodCidrs"]


# What the hub learned


def announce(hub: HubStage, routes: Mapping[str, str], *instances: int) -> None:
    """What both reflectors announce, to both instances unless it is said."""
    for reflector in REFLECTORS:
        hub.arm.hubs.learn(HUB_ID, reflector, routes, instances or (0, 1))


def verified(hub: HubStage) -> dict[str, str]:
    """The findings of a pass that has nothing to do."""
    app = hub.start(routing(REFLECTED))
    app.run()
    report = app.run()
    assert (report.outcome, hub.states()) == (Outcome.IN_SYNC, {"Succeeded"})
    found = told(report)
    text = render_text([report])
    assert all(message in text for message in found.values())
    del found["gatewayRoutesNotPropagated"]
    return found


def test_routes_as_they_should_be_are_no_finding(hub: HubStage) -> None:
    hub.cluster.add("apps", 3)
    assert verified(hub) == {}


def test_a_pod_cidr_that_nobody_announces_is_missing(hub: HubStage) -> None:
    names = hub.cluster.add("apps", 2)
    announce(hub, {"100.64.0.0/24": "10.10.4.4"})
    found = verified(hub)
    assert set(found) == {"learnedMissing"}
    assert f"1 of 2 pod CIDRs from no peer: 100.64.1.0/24 of {names[1]}" in found["learnedMissing"]


def test_a_next_hop_that_is_the_reflector_s_own_is_wrong(hub: HubStage) -> None:
    hub.cluster.add("apps", 2)
    announce(hub, {"100.64.0.0/24": REFLECTORS[0], "100.64.1.0/24": "10.10.4.5"})
    found = verified(hub)
    assert set(found) == {"learnedWrongNextHop"}
    assert f"100.64.0.0/24 via {REFLECTORS[0]} instead of 10.10.4.4" in found["learnedWrongNextHop"]


@pytest.mark.parametrize("instance", [0, 1])
def test_what_one_instance_alone_learned_loses_half_of_the_traffic(hub: HubStage, instance: int) -> None:
    hub.cluster.add("apps", 1)
    announce(hub, {"100.64.0.0/24": "10.10.4.4"}, instance)
    found = verified(hub)
    assert set(found) == {"learnedOneInstanceOnly"}
    assert f"(only instance {instance})" in found["learnedOneInstanceOnly"]


def test_a_route_of_a_node_that_is_gone_is_stale_and_one_outside_the_pod_cidrs_is_told(hub: HubStage) -> None:
    hub.cluster.add("apps", 1)
    announce(hub, {"100.64.0.0/24": "10.10.4.4", "100.64.77.0/24": "10.10.4.99", "192.168.9.0/24": "10.10.4.4"})
    found = verified(hub)
    assert set(found) == {"learnedStale", "learnedOutside"}
    assert "100.64.77.0/24 via 10.10.4.99" in found["learnedStale"]
    assert "192.168.9.0/24" in found["learnedOutside"]


def test_a_null_beside_the_instances_is_no_instance(hub: HubStage) -> None:
    """Seen in answers to az network routeserver peering list-learned-routes."""
    hub.cluster.add("apps", 1)
    route = {"network": "100.64.0.0/24", "nextHop": "10.10.4.4", "asPath": "65001", "origin": "EBgp", "weight": 32768}
    answer: dict[str, Any] = {"RouteServiceRole_IN_0": [route], "RouteServiceRole_IN_1": [route], "value": None}
    hub.arm.scripts.results.add("POST", "learnedRoutes", answer, times=2)
    assert verified(hub) == {}


def test_a_peer_from_which_nothing_comes_is_named(hub: HubStage) -> None:
    hub.cluster.add("apps", 1)
    hub.arm.hubs.learn(HUB_ID, REFLECTORS[1], {})
    found = verified(hub)
    assert set(found) == {"peerSilent"}
    assert f"1 of 2 peers: apr_shop-weu_{REFLECTORS[1]} ({REFLECTORS[1]})" in found["peerSilent"]


def test_more_than_half_of_what_a_hub_takes_from_one_peer_is_a_warning(hub: HubStage) -> None:
    hub.cluster.add("apps", 1)
    half = {f"100.64.{n // 16}.{n % 16 * 16}/28": "10.10.4.4" for n in range(PREFIX_LIMIT // 2)}
    announce(hub, half | {"100.64.0.0/24": "10.10.4.4"})
    found = verified(hub)
    assert f"{PREFIX_LIMIT // 2 + 1} routes from apr_shop-weu_{REFLECTORS[0]}" in found["nearPrefixLimit"]
    announce(hub, dict(list(half.items())[: PREFIX_LIMIT // 2]))
    assert "nearPrefixLimit" not in verified(hub)


def test_what_a_hub_learned_is_not_judged_while_there_is_something_to_do(hub: HubStage) -> None:
    """A peer that was made just now has no session yet."""
    hub.add(1, speaking=False)
    report = hub.start().run()
    assert (changes(report), set(told(report))) == (["create 10.10.4.4 applied"], {"gatewayRoutesNotPropagated"})


def test_the_label_of_another_value_is_no_label(hub: HubStage) -> None:
    names = hub.add(1, 2)
    hub.kubernetes.set_label("Node", names[1], LABEL, "false")
    hub.start().run()
    assert hub.peers() == {"10.10.4.4": PEER_ASN}
