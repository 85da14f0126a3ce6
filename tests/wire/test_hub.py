"""Passes over a Route Server and a Virtual WAN hub through the real SDK: who peers, what is written, at what cost.

Operations that take their time are in `test_hub_at_work`, hubs that cannot be read or written in `test_hub_refusals`.
"""

import json
from dataclasses import replace

import pytest

from sandbox.cluster import NETWORK_ID
from sandbox.hub import HUB_ID, PEER_ASN, REFLECTORS
from shared.changes import Delete, Update
from shared.report import Outcome
from tests.wire.conftest import Sent
from tests.wire.hub_stage import LABEL, REFLECTED, SPOKE_ID, WAN_ID, HubStage, changes, routing, told, virtual_wan
from tests.wire.stage import PreparedError, Stage

pytestmark = pytest.mark.wire

FOREIGN = (("On-Premises", "10.10.0.200", 65010), ("firewall", "10.10.0.201", 65011))


@pytest.fixture
def hub(stage: Stage, waits: list[float]) -> HubStage:
    """Operations end at their first poll."""
    _ = waits
    return HubStage(stage)


def peer_writes(sent: list[Sent]) -> list[Sent]:
    """The PUTs of connections."""
    return [each for each in sent if each.method == "PUT" and "/bgpConnections/" in each.path]


# Who peers, and what is written


def test_reflectors_become_peers_by_their_addresses_whatever_nodes_there_are(hub: HubStage) -> None:
    hub.cluster.add("apps", 3)
    report = hub.start(routing(REFLECTED)).run()
    assert report.outcome is Outcome.APPLIED
    assert hub.peers() == dict.fromkeys(REFLECTORS, PEER_ASN)
    second = hub.start(routing(REFLECTED)).run()
    assert (second.outcome, "learnedMissing" in told(second)) == (Outcome.IN_SYNC, False)


def test_labelled_nodes_become_peers_and_others_do_not(hub: HubStage) -> None:
    hub.cluster.add("apps", 2)
    names = hub.add(1, 2)
    app = hub.start()
    assert app.run().outcome is Outcome.APPLIED
    assert sorted(hub.peers()) == hub.addresses(*names)
    hub.kubernetes.set_label("Node", names[0], LABEL, None)
    assert app.run().outcome is Outcome.APPLIED
    assert sorted(hub.peers()) == hub.addresses(names[1])


def test_of_twelve_labelled_nodes_seven_beside_a_foreign_connection_are_spread_over_the_zones_and_stay(
    hub: HubStage,
) -> None:
    hub.add_foreign(FOREIGN[0])
    zones = {
        address: zone for zone in (1, 2, 3) for address in hub.addresses(*hub.add(*[zone] * (6 if zone == 1 else 3)))
    }
    app = hub.start()
    report = app.run()
    peers = hub.peers()
    assert sorted(zones[each] for each in peers) == [1, 1, 1, 2, 2, 3, 3]
    assert {"peersLeftOut", "unreachableNodes"} <= told(report).keys()
    hub.cluster.add("apps", 3)
    hub.stage.forget_calls()
    app.run()
    assert (hub.peers(), hub.writes()) == (peers, [])


def test_max_peers_of_the_configuration_is_how_many_there_are(hub: HubStage) -> None:
    hub.add(1, 2, 3)
    report = hub.start(routing(maxPeers=2)).run()
    assert (len(hub.peers()), report.targets[0].capacity, "peersLeftOut" in told(report)) == (2, 2, True)


def test_a_replaced_node_s_peer_comes_before_the_old_one_goes(hub: HubStage) -> None:
    names = hub.add(1, 2, 3)
    app = hub.start()
    app.run()
    hub.cluster.remove(names[:1])
    new = hub.add(1)
    hub.stage.forget_calls()
    assert app.run().outcome is Outcome.APPLIED
    assert hub.operations() == [f"+ {hub.cluster.address(new[0])}", "- 10.10.4.4"]


def test_most_peers_at_once_go_only_where_azure_no_longer_has_their_machines(hub: HubStage) -> None:
    names = hub.add(1, 2, 3, 1, 2)
    app = hub.start()
    app.run()
    hub.cluster.remove_nodes(names[:4])
    held = app.run()
    assert (held.outcome, len(hub.peers()), "brake" in told(held)) == (Outcome.HELD, 5, True)
    hub.cluster.remove_machines(names[:4])
    gone = app.run()
    assert (gone.outcome, "secondWitness" in told(gone)) == (Outcome.APPLIED, True)
    assert hub.peers() == {hub.cluster.address(names[4]): PEER_ASN}


def test_foreign_connections_stay_byte_for_byte(hub: HubStage) -> None:
    hub.add_foreign(
        *FOREIGN, ("apr_other_10.10.4.99", "10.10.4.99", 65002), ("apr_shop-weu_10.10.4.98", "10.10.4.97", 1)
    )
    before = hub.foreign()
    names = hub.add(1, 2, 3)
    hub.start().run()
    hub.start(routing(peerAsn=65002)).run()
    hub.cluster.remove(names[:1])
    hub.start(routing(peerAsn=65002)).run()
    assert (hub.foreign(), len(before)) == (before, 4)


def test_another_as_number_in_the_configuration_means_delete_and_create_and_never_all_at_once(hub: HubStage) -> None:
    hub.add(1, 2, 3)
    hub.start().run()
    hub.stage.forget_calls()
    app = hub.start(routing(peerAsn=65002))
    first = app.run()
    assert hub.operations() == ["- 10.10.4.4", "+ 10.10.4.4", "- 10.10.4.5", "+ 10.10.4.5"]
    assert changes(first) == ["update 10.10.4.4 applied", "update 10.10.4.5 applied", "update 10.10.4.6 held"]
    assert app.run().outcome is Outcome.APPLIED
    assert hub.peers() == {f"10.10.4.{last}": 65002 for last in (4, 5, 6)}


def test_a_peer_of_a_virtual_wan_says_over_which_connection_it_is_reached(hub: HubStage, sent: list[Sent]) -> None:
    hub.arm.add_virtual_hub(WAN_ID, address_prefix="10.20.0.0/24", connections_to={"spoke-1": NETWORK_ID})
    report = hub.start(virtual_wan()).run()
    assert (report.mode, report.outcome) == ("virtualWan", Outcome.APPLIED)
    assert hub.peers(WAN_ID) == dict.fromkeys(REFLECTORS, PEER_ASN)
    for each, address in zip(peer_writes(sent), REFLECTORS, strict=True):
        assert json.loads(each.body) == {
            "properties": {
                "peerIp": address,
                "peerAsn": PEER_ASN,
                "hubVirtualNetworkConnection": {"id": SPOKE_ID},
            }
        }


def test_a_peer_of_a_route_server_is_an_address_and_a_number_and_nothing_else(hub: HubStage, sent: list[Sent]) -> None:
    hub.add(1)
    hub.start().run()
    (put,) = peer_writes(sent)
    assert json.loads(put.body) == {"properties": {"peerIp": "10.10.4.4", "peerAsn": PEER_ASN}}


def test_what_was_learned_over_a_connection_that_ended_is_forgotten(hub: HubStage) -> None:
    """One that is made again has a session of its own, which may not be up yet."""
    hub.add(1, 2, 3)
    app = hub.start()
    app.run()
    (target,) = app.fleet._passes.connection(app.fleet._config.clusters[0]).targets
    before = target.observe()
    first, second, third = before.managed
    after = target.apply(before, [Delete(first), Update(second, replace(second, asn=65002), "")])
    assert (set(before.learned), set(after.learned)) == ({each.name for each in before.managed}, {third.name})
    assert [each.asn for each in after.managed] == [PEER_ASN, 65002]


def test_instances_are_told_apart_by_their_names_and_what_is_no_instance_is_passed_over(hub: HubStage) -> None:
    """Seen in answers to `az network routeserver peering list-learned-routes`: `"value": null` beside the instances."""
    hub.add(1)
    app = hub.start()
    app.run()
    own = [{"network": cidr, "nextHop": hop, "weight": 32768} for cidr, hop in hub.cluster.expected().items()]
    for instance in (0, 1):
        by_name = {f"RouteServiceRole_IN_{each}": own if each == instance else [] for each in (1, 0)}
        hub.arm.scripts.results.add("POST", "learnedRoutes", {**by_name, "value": None})
        assert f"(only instance {instance})" in told(app.run())["learnedOneInstanceOnly"]


# What it costs


def test_a_steady_pass_reads_hub_connections_and_learned_routes(hub: HubStage) -> None:
    hub.add(1, 2)
    app = hub.start()
    app.run()
    hub.stage.forget_calls()
    assert app.run().outcome is Outcome.IN_SYNC
    assert hub.calls()[:2] == ["hub", "list"]
    assert hub.counted() == {"hub": 1, "list": 1, "learned 10.10.4.4": 1, "learned 10.10.4.5": 1, "poll": 2}
    assert hub.stage.asked == 6


def test_one_more_peer_is_one_put_its_final_get_and_a_list(hub: HubStage) -> None:
    hub.add(1)
    app = hub.start()
    app.run()
    hub.add(2)
    hub.stage.forget_calls()
    assert app.run().outcome is Outcome.APPLIED
    assert hub.calls() == [
        *("hub", "list", "learned 10.10.4.4", "poll"),
        *("PUT 10.10.4.5", "poll", "GET 10.10.4.5", "list"),
    ]
    assert hub.stage.asked == 8


def test_one_peer_less_is_one_delete_and_a_list(hub: HubStage) -> None:
    names = hub.add(1, 2)
    app = hub.start()
    app.run()
    hub.cluster.remove(names[1:])
    hub.stage.forget_calls()
    assert app.run().outcome is Outcome.APPLIED
    assert hub.calls()[-3:] == ["DELETE 10.10.4.5", "poll", "list"]


def test_a_plan_writes_nothing(hub: HubStage) -> None:
    hub.add(1)
    report = hub.start().run(dry_run=True)
    assert (report.outcome, hub.writes(), changes(report)) == (Outcome.PLANNED, [], ["create 10.10.4.4 planned"])


def test_all_pages_of_the_connections_are_read(hub: HubStage) -> None:
    hub.add(1, 2)
    app = hub.start()
    app.run()
    first, second = hub.connections()
    path = f"{HUB_ID}/bgpConnections"
    more = f"{hub.arm.base_url}{path}?api-version=2025-05-01&$skipToken=2"
    hub.arm.refuse_next("GET", path, PreparedError(200, {"value": [first], "nextLink": more}))
    hub.arm.refuse_next("GET", path, PreparedError(200, {"value": [second]}))
    hub.stage.forget_calls()
    assert app.run().outcome is Outcome.IN_SYNC
    assert (hub.counted()["list"], hub.writes()) == (2, [])


def test_connections_that_are_odd_are_foreign_and_count(hub: HubStage) -> None:
    """What Azure may show of what others made: no address, no properties at all."""
    hub.add(1)
    app = hub.start()
    app.run()
    bodies = [*hub.connections(), {"name": "empty", "properties": {}}, {"name": "bare", "id": "x"}]
    hub.arm.refuse_next("GET", "bgpConnections", PreparedError(200, {"value": bodies}))
    report = app.run()
    assert (report.outcome, report.targets[0].foreign, report.targets[0].managed) == (Outcome.IN_SYNC, 2, 1)


def test_the_selector_is_what_the_configuration_says(hub: HubStage) -> None:
    names = hub.add(1, 2)
    hub.kubernetes.set_label("Node", names[0], "role", "edge")
    hub.start(routing({"nodeSelector": "role=edge"})).run()
    assert hub.peers() == {"10.10.4.4": PEER_ASN}
