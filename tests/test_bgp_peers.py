"""Passes over a hub: who peers, in which operations, in which order, and what is said of it."""

from dataclasses import replace
from ipaddress import IPv4Address

import pytest

from shared.models import Node, Policy
from shared.reconcile import Order
from shared.report import Outcome, Result
from tests.bgp_passes import ASN, MANY, N4, N5, N6, N7, POD_RULES, announcing, found, hub_with, labelled, name, run
from tests.examples import NEW, node, results


def test_each_labelled_node_becomes_a_peer_one_operation_after_the_other() -> None:
    hub = hub_with()
    report = run([N4, N5, N6], hub)
    assert hub.peers == {"10.0.0.4": ASN, "10.0.0.5": ASN, "10.0.0.6": ASN}
    assert results(report) == [f"+ 10.0.0.{n} {ASN} n{n} applied" for n in (4, 5, 6)]
    assert report.outcome is Outcome.APPLIED


def test_nothing_is_written_where_nothing_changed() -> None:
    hub = announcing(hub_with("10.0.0.4", "10.0.0.5"), N4, N5)
    report = run([N4, N5], hub)
    assert (report.outcome, hub.operations, found(report)) == (Outcome.IN_SYNC, [], [])


def test_reflectors_are_peers_whatever_the_nodes_are() -> None:
    hub = hub_with()
    report = run([N4, N5], hub, addresses=(IPv4Address("10.10.17.4"), IPv4Address("10.10.17.5")))
    assert hub.operations == ["+ 10.10.17.4", "+ 10.10.17.5"]
    assert results(report) == [f"+ 10.10.17.{n} {ASN} applied" for n in (4, 5)]


def test_a_replaced_node_s_peer_is_added_before_the_old_one_goes() -> None:
    hub = announcing(hub_with("10.0.0.4", "10.0.0.5", "10.0.0.6"), N4, N5, N6)
    run([N4, N5, N7], hub)
    assert hub.operations == ["+ 10.0.0.7", "- 10.0.0.6"]


def test_without_room_the_old_peer_goes_first() -> None:
    old, new = MANY[:8], [*MANY[:7], MANY[8]]
    hub = announcing(hub_with(*(str(each.addresses[0]) for each in old)), *old)
    run(new, hub)
    assert hub.operations == ["- 10.0.0.11", "+ 10.0.0.12"]


def test_many_replaced_nodes_are_exchanged_with_as_few_peers_missing_as_can_be() -> None:
    old = [labelled(number) for number in range(4, 10)]
    new = [*old[:4], labelled(20), labelled(21)]
    foreign = [("on-premises", "10.0.0.99", 65002)]
    hub = announcing(hub_with(*(str(each.addresses[0]) for each in old), foreign=foreign), *old)
    run(new, hub)
    assert hub.operations == ["+ 10.0.0.20", "- 10.0.0.8", "+ 10.0.0.21", "- 10.0.0.9"]
    assert hub.least_peers == 7


def test_the_last_peer_that_serves_stays_until_another_one_does() -> None:
    hub = announcing(hub_with("10.0.0.4", "10.0.0.5"), N4, N5)
    first = run([N6, N7], hub)
    assert results(first) == [
        "- 10.0.0.4 applied",
        "- 10.0.0.5 held",
        f"+ 10.0.0.6 {ASN} n6 applied",
        f"+ 10.0.0.7 {ASN} n7 applied",
    ]
    assert first.outcome is Outcome.HELD
    assert "lastServingPeer" in found(first)
    assert run([N6, N7], hub).outcome is Outcome.HELD  # the new sessions are not up yet
    announcing(hub, N6)
    assert run([N6, N7], hub).outcome is Outcome.APPLIED
    assert hub.ours == ["10.0.0.6", "10.0.0.7"]


def test_where_there_is_one_place_only_the_last_peer_goes_first() -> None:
    hub = announcing(hub_with("10.0.0.4"), N4)
    report = run([N5], hub, capacity=1)
    assert hub.operations == ["- 10.0.0.4", "+ 10.0.0.5"]
    assert report.outcome is Outcome.APPLIED


def test_where_foreign_connections_leave_one_place_only_the_last_peer_goes_first() -> None:
    hub = announcing(hub_with("10.0.0.4", foreign=[("on-premises", "10.9.0.1", 65100)]), N4)
    report = run([N5], hub, capacity=2)
    assert hub.operations == ["- 10.0.0.4", "+ 10.0.0.5"]
    assert report.outcome is Outcome.APPLIED


def test_force_ends_the_last_peer_that_serves() -> None:
    hub = announcing(hub_with("10.0.0.4"), N4)
    run([N5], hub, order=Order("http", force=True))
    assert hub.ours == ["10.0.0.5"]


def test_the_peer_of_a_node_that_is_being_deleted_stays_and_is_not_made_again() -> None:
    leaving = replace(N4, deleting=True)
    hub = announcing(hub_with("10.0.0.4", "10.0.0.5", asn=ASN), N4, N5)
    assert run([leaving, N5], hub).outcome is Outcome.IN_SYNC
    empty = announcing(hub_with("10.0.0.5"), N5)
    run([leaving, N5], empty)
    assert (hub.operations, empty.operations) == ([], [])


def test_a_peer_that_never_served_goes_as_soon_as_nobody_wants_it() -> None:
    hub = announcing(hub_with("10.0.0.4", "10.0.0.5", "10.0.0.6"), N4)
    run([N4, N5], hub)
    assert hub.operations == ["- 10.0.0.6"]


def test_a_peer_whose_learned_routes_cannot_be_read_may_serve() -> None:
    hub = announcing(hub_with("10.0.0.4", "10.0.0.5"), N4, N5)
    hub.unreadable_learned = True
    report = run([N5, N6], hub)
    assert hub.operations == ["+ 10.0.0.6", "- 10.0.0.4"]
    assert report.outcome is Outcome.APPLIED


def test_another_as_number_means_delete_and_create_one_peer_after_the_other() -> None:
    hub = announcing(hub_with("10.0.0.4", "10.0.0.5", asn=65009), N4, N5)
    report = run([N4, N5], hub)
    assert hub.operations == ["- 10.0.0.4", "+ 10.0.0.4"]  # the other one goes when this one serves
    assert results(report) == [f"~ 10.0.0.4 65009 > {ASN} n4 applied", f"~ 10.0.0.5 65009 > {ASN} n5 held"]
    assert run([N4, N5], hub).outcome is Outcome.APPLIED
    assert hub.peers == {"10.0.0.4": ASN, "10.0.0.5": ASN}


def test_the_only_peer_changes_its_as_number_at_once_since_nobody_else_will_ever_serve() -> None:
    hub = announcing(hub_with("10.0.0.4", asn=65009), N4)
    assert run([N4], hub).outcome is Outcome.APPLIED
    assert hub.peers == {"10.0.0.4": ASN}


def test_foreign_connections_stay_and_count() -> None:
    foreign = [(f"by-hand-{n}", f"10.9.0.{n}", 65100 + n) for n in range(1, 7)]
    hub = hub_with(foreign=foreign)
    report = run([N4, N5, N6], hub)
    assert hub.operations == ["+ 10.0.0.4", "+ 10.0.0.5"]
    assert {"peersLeftOut", "unreachableNodes"} <= set(found(report))
    assert report.targets[0].foreign == 6


def test_foreign_connections_that_come_later_drive_no_peer_out() -> None:
    hub = announcing(hub_with("10.0.0.4", "10.0.0.5", foreign=[("one", "10.9.0.1", 1), ("two", "10.9.0.2", 2)]), N4, N5)
    assert run([N4, N5], hub, capacity=2).outcome is Outcome.IN_SYNC


def test_fewer_places_than_peers_are_the_operator_s_wish() -> None:
    hub = announcing(hub_with("10.0.0.4", "10.0.0.5", "10.0.0.6"), N4, N5, N6)
    run([N4, N5, N6], hub, capacity=2)
    assert hub.ours == ["10.0.0.4", "10.0.0.5"]


def test_twelve_candidates_with_eight_places_and_one_foreign_connection_are_seven_peers() -> None:
    nodes = [labelled(number) for number in range(4, 16)]
    hub = hub_with(foreign=[("on-premises", "10.9.0.1", 65100)])
    report = run(nodes, hub)
    assert len(hub.ours) == 7
    (loud,) = (each for each in report.targets[0].findings if each.code == "unreachableNodes")
    assert "5 of 12 nodes" in loud.message
    assert "150 pods" in loud.message


def test_a_foreign_connection_to_the_same_address_is_a_conflict_or_is_adopted() -> None:
    foreign = [("by-hand", "10.0.0.4", 65009)]
    hub = hub_with(foreign=foreign)
    report = run([N4], hub)
    assert (report.outcome, hub.operations) == (Outcome.PARTIAL, [])
    assert "foreignConflict" in found(report)
    adopted = run([N4], hub, rules=replace(POD_RULES, adopt=True))
    assert (adopted.outcome, hub.operations) == (Outcome.APPLIED, ["- 10.0.0.4", "+ 10.0.0.4"])


def test_a_foreign_connection_that_sits_on_our_name_is_not_written_to() -> None:
    foreign = [(name("10.0.0.4"), "10.9.0.1", 65100)]
    hub = hub_with(foreign=foreign)
    report = run([N4], hub)
    assert (report.outcome, hub.peers) == (Outcome.APPLIED, {"10.9.0.1": 65100, "10.0.0.4": ASN})


def test_a_foreign_connection_that_does_what_is_wanted_is_left_alone() -> None:
    hub = hub_with(foreign=[("by-hand", "10.0.0.4", ASN)])
    report = run([N4], hub)
    assert (report.outcome, hub.operations) == (Outcome.IN_SYNC, [])


def test_nothing_is_expected_of_a_hub_that_is_busy() -> None:
    hub = hub_with("10.0.0.4")
    hub.ready = False
    assert found(run([N4], hub)) == ["notBegun"]


def test_nothing_is_expected_of_a_hub_without_peers() -> None:
    report = run([node("n1", "100.64.1.0/24", at="10.0.0.1")], hub_with())
    assert "learnedMissing" not in found(report)


@pytest.mark.parametrize(
    ("nodes", "force", "code"),
    [
        ((node("n1", "100.64.1.0/24", at="10.0.0.1"),), True, "emptyReading"),
        ((replace(node("n9", "100.64.9.0/24"), may_peer=True), N6), False, "unplacedNodes"),
        ((N7,), False, "brake"),
    ],
    ids=["nobody has the label any more", "a labelled node shows no address", "most of them at once"],
)
def test_deletes_are_held(nodes: tuple[Node, ...], force: bool, code: str) -> None:  # noqa: FBT001
    hub = announcing(hub_with("10.0.0.4", "10.0.0.5", "10.0.0.6"), N4, N5, N6)
    report = run(nodes, hub, order=Order("http", force=force))
    assert not [each for each in hub.operations if each.startswith("-")]
    assert code in found(report)
    assert "lastServingPeer" not in found(report)  # what is held ends nothing


def test_force_lets_deletes_go() -> None:
    hub = announcing(hub_with("10.0.0.4", "10.0.0.5", "10.0.0.6"), N4, N5, N6)
    run([N7], hub, order=Order("http", force=True))
    assert hub.ours == ["10.0.0.7"]


def test_a_policy_that_never_deletes_takes_as_many_as_there_is_room_for() -> None:
    old = MANY[:8]
    hub = announcing(hub_with(*(str(each.addresses[0]) for each in old)), *old)
    report = run([*old[:7], MANY[8]], hub, rules=replace(POD_RULES, policy=Policy.UPSERT_ONLY))
    assert (hub.operations, report.outcome) == ([], Outcome.PARTIAL)
    assert {"policy", "noRoom"} <= set(found(report))


def test_what_the_hub_has_not_learned_is_told() -> None:
    hub = announcing(hub_with("10.0.0.4", "10.0.0.5"), N4)
    report = run([N4, N5], hub)
    assert {"learnedMissing", "peerSilent"} <= set(found(report))
    assert report.outcome is Outcome.IN_SYNC


def test_nothing_is_expected_of_a_peer_that_was_made_just_now() -> None:
    hub = announcing(hub_with("10.0.0.4"), N4)
    report = run([N4, N5], hub)
    assert (report.outcome, found(report)) == (Outcome.APPLIED, [])


def test_the_younger_of_too_many_nodes_waits() -> None:
    young = labelled(30, created=NEW)
    hub = hub_with()
    report = run([young, *MANY[:8]], hub)
    assert "10.0.0.30" not in hub.peers
    assert "peersLeftOut" in found(report)
    assert all(entry.result is Result.APPLIED for entry in report.targets[0].changes)
