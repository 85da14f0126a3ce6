"""Nodes or addresses → BGP peers: who peers, who keeps a peer, who is left out, and what is told about it."""

from collections.abc import Sequence
from dataclasses import replace
from ipaddress import IPv4Address, ip_address, ip_network

import pytest

from shared.models import Finding, ForeignPeer, Network, Node
from shared.peers import DesiredPeers, desire_peers
from tests.peer_examples import (
    A1,
    A2,
    A3,
    ALL,
    B4,
    B5,
    C6,
    NEW,
    NVA,
    OLD,
    at,
    chosen,
    fleet,
    ips,
    node,
    wished,
)


def found(findings: tuple[Finding, ...]) -> list[str]:
    return [f"{finding.severity} {finding.code}" for finding in findings]


def told(desired: DesiredPeers, code: str) -> str:
    (message,) = (finding.message for finding in desired.findings if finding.code == code)
    return message


CHOICES: list[tuple[str, Sequence[Node], Sequence[IPv4Address], int, list[str]]] = [
    ("nobody may peer", [replace(A1, may_peer=False)], (), 8, []),
    ("all, where there is room", ALL, (), 6, ["n1", "n2", "n3", "n4", "n5", "n6"]),
    ("one place: the oldest", ALL, (), 1, ["n1"]),
    ("three places: one of each zone, the older one", ALL, (), 3, ["n1", "n4", "n6"]),
    ("five places: two of those zones that have two", ALL, (), 5, ["n1", "n2", "n4", "n5", "n6"]),
    ("of one second: the name", [replace(A2, created=OLD), replace(A1, created=OLD)], (), 1, ["n1"]),
    ("no place", ALL, (), 0, []),
    ("less than no place: foreign ones took more than maxPeers", ALL, (), -2, []),
    ("who peers now stays, however young and crowded", ALL, at(A2, A3), 2, ["n2", "n3"]),
    ("a free place goes to the emptiest zone", ALL, at(A2, A3, B5), 4, ["n2", "n3", "n5", "n6"]),
    ("too many: the youngest of the fullest zone goes", ALL, at(A1, A2, B4), 2, ["n1", "n4"]),
    ("too many, zones equally full: the youngest of all", ALL, at(A1, B4, C6), 2, ["n1", "n4"]),
    ("far too many: zone after zone gets emptier", ALL, at(A1, A2, A3, B4, B5), 2, ["n1", "n4"]),
    ("the older one, whatever its name", [A1, replace(A2, created="2025-12-31T00:00:00Z")], (), 1, ["n2"]),
    ("no place left: all go", ALL, at(A1, B4), 0, []),
    ("a peer that is no candidate any more is no peer", [A1, replace(A2, may_peer=False)], at(A2), 1, ["n1"]),
    ("a peer whose node is gone is no peer", [A1], at(A2), 1, ["n1"]),
    ("a node being deleted gets none", [replace(A1, deleting=True), A2], (), 8, ["n2"]),
]


@pytest.mark.parametrize(
    ("nodes", "present", "places", "expected"), [case[1:] for case in CHOICES], ids=[case[0] for case in CHOICES]
)
def test_of_the_candidates_peer(
    nodes: Sequence[Node], present: Sequence[IPv4Address], places: int, expected: list[str]
) -> None:
    for foreign in ((), (NVA,) if len(present) <= places else ()):
        assert chosen(wished(*nodes, present=present, places=places, foreign=foreign)) == expected


def test_a_chosen_node_peers_at_its_first_address_of_ipv4() -> None:
    one = replace(A1, addresses=tuple(map(ip_address, ("fd00::1", "10.0.0.7", "10.0.0.1"))))
    (peer,) = wished(one).chosen
    assert (peer.ip, peer.node, peer.created, peer.zone) == (IPv4Address("10.0.0.7"), "n1", A1.created, "a")


def test_the_chosen_are_in_the_order_of_their_addresses_not_of_their_text() -> None:
    desired = wished(node("n1", "10.0.0.10"), node("n2", "10.0.0.9"), node("n3", "10.0.0.100"))
    assert chosen(desired) == ["n2", "n1", "n3"]


def test_a_node_being_deleted_keeps_its_peer_and_its_place() -> None:
    leaving = replace(A1, deleting=True)
    desired = wished(leaving, A2, present=at(A1), places=1)
    assert (chosen(desired), desired.kept) == ([], frozenset(at(A1)))
    assert not desired.is_empty
    assert chosen(wished(A2, present=at(A1), places=1)) == ["n2"]


def test_the_peer_of_a_node_being_deleted_goes_like_any_other_where_there_are_too_many() -> None:
    desired = wished(A1, replace(A2, deleting=True), present=at(A1, A2), places=1)
    assert (chosen(desired), desired.kept) == (["n1"], frozenset())


def test_foreign_connections_that_came_later_take_no_place_from_a_peer_that_is_there() -> None:
    """The hub holds them all, and a peer that goes takes its routes with it."""
    desired = wished(A1, A2, A3, present=at(A1, A2), places=0, foreign=(NVA, ForeignPeer("odd")))
    assert chosen(desired) == ["n1", "n2"]


def test_a_labelled_node_that_comes_when_all_places_are_taken_changes_nothing() -> None:
    crowded = wished(A2, A3, present=at(A2, A3), places=2)
    assert wished(A1, A2, A3, C6, present=at(A2, A3), places=2).chosen == crowded.chosen


FOREIGN = ForeignPeer("by-hand", IPv4Address("10.0.0.11"), 65001)


def test_a_candidate_with_a_foreign_connection_needs_no_place_of_its_own() -> None:
    """It stays chosen, so that a plan can tell the conflict, or adopt the connection."""
    desired = desire_peers(ALL, None, present=(), foreign=(FOREIGN, NVA), max_peers=3)
    assert chosen(desired) == ["n1", "n4"]
    full = desire_peers(ALL, None, present=(), foreign=(FOREIGN, NVA), max_peers=2)
    assert chosen(full) == ["n1"]


def test_a_candidate_with_a_foreign_connection_counts_in_its_zone() -> None:
    others = [A2, B4, B5]
    desired = desire_peers([A1, *others], None, present=(), foreign=(FOREIGN,), max_peers=2)
    assert chosen(desired) == ["n1", "n4"]


def test_a_foreign_connection_whose_address_cannot_be_read_takes_a_place() -> None:
    desired = desire_peers(ALL, None, present=(), foreign=(ForeignPeer("odd"),), max_peers=2)
    assert chosen(desired) == ["n1"]


def test_configured_addresses_peer_whatever_the_nodes_are() -> None:
    desired = desire_peers(ALL, ips("10.10.17.5", "10.10.17.4"), present=(), foreign=(), max_peers=8)
    assert chosen(desired) == ["10.10.17.4", "10.10.17.5"]
    assert (desired.findings, desired.unplaced) == ((), ())


def test_configured_addresses_need_no_node() -> None:
    desired = desire_peers((), ips("10.10.17.4"), present=(), foreign=(), max_peers=8)
    assert not desired.is_empty


def test_of_too_many_addresses_those_that_peer_now_stay() -> None:
    three = ips("10.10.17.4", "10.10.17.5", "10.10.17.6")
    desired = desire_peers((), three, present=ips("10.10.17.5", "10.10.17.6"), foreign=(NVA,), max_peers=3)
    assert chosen(desired) == ["10.10.17.5", "10.10.17.6"]
    assert found(desired.findings) == ["warning peersLeftOut"]
    assert "10.10.17.4" in told(desired, "peersLeftOut")


def test_a_labelled_node_without_address_is_unplaced() -> None:
    desired = wished(node("n1"), node("n2", "10.0.0.5"))
    assert desired.unplaced == ("n1",)
    assert chosen(desired) == ["n2"]
    assert desired.findings == ()


def test_an_unlabelled_node_without_address_is_none_of_our_business() -> None:
    desired = wished(node("n1", labelled=False), node("n2", "10.0.0.5"))
    assert desired.unplaced == ()


def test_a_node_being_deleted_is_unplaced_without_address_too() -> None:
    desired = wished(node("n1", leaving=True))
    assert desired.unplaced == ("n1",)


def test_a_labelled_node_of_ipv6_only_is_reported_and_unplaced() -> None:
    desired = wished(node("n1", "fd00::1"), node("n2", "10.0.0.5"))
    assert found(desired.findings)[0] == "warning peerWithoutIPv4"
    assert "n1: 1 node(s)" in told(desired, "peerWithoutIPv4")
    assert desired.unplaced == ("n1",)


def test_two_candidates_with_one_address_are_one_peer_of_the_older_node() -> None:
    young, old = node("n1", "10.0.0.4", created=NEW), node("n2", "10.0.0.4", created=OLD)
    desired = wished(young, old)
    assert (chosen(desired), desired.candidates) == (["n2"], 1)
    assert found(desired.findings) == ["warning duplicatePeerAddress"]
    assert desired.findings[0].resource == "n1"
    assert "10.0.0.4" in desired.findings[0].message


def test_a_node_that_takes_over_the_address_of_one_being_deleted_has_the_better_right_and_no_finding() -> None:
    young, old = node("n1", "10.0.0.4", created=NEW), node("n2", "10.0.0.4", created=OLD, leaving=True)
    for present in ((), ips("10.0.0.4")):
        desired = wished(young, old, present=present)
        assert (chosen(desired), desired.kept, desired.findings) == (["n1"], frozenset(), ())


NETWORKS: tuple[Network, ...] = (ip_network("10.0.0.0/28"), ip_network("10.10.0.0/16"), ip_network("fd00::/64"))


def test_a_candidate_outside_the_known_networks_gets_no_peer() -> None:
    desired = desire_peers(
        [A1, B4], ips("10.10.17.4", "192.168.0.4"), present=(), foreign=(), max_peers=8, reachable=NETWORKS
    )
    assert chosen(desired) == ["10.10.17.4"]
    assert found(desired.findings) == ["error peerOutsideNetwork"]
    assert "192.168.0.4: 1 candidate(s)" in told(desired, "peerOutsideNetwork")
    assert "10.0.0.0/28, 10.10.0.0/16, fd00::/64" in told(desired, "peerOutsideNetwork")


def test_a_peer_outside_the_known_networks_stays_since_the_networks_may_be_wrong() -> None:
    desired = desire_peers([A1, C6], None, present=at(C6), foreign=(), max_peers=8, reachable=NETWORKS)
    assert (chosen(desired), desired.kept) == (["n1"], frozenset(at(C6)))
    assert "n6 (10.0.0.16)" in told(desired, "peerOutsideNetwork")


def test_without_known_networks_nobody_is_outside() -> None:
    assert wished(A1).findings == ()


EMPTY: list[tuple[str, DesiredPeers, bool]] = [
    ("no nodes", wished(), True),
    ("no labelled node", wished(node("n1", "10.0.0.4", labelled=False)), True),
    ("only one without address", wished(node("n1")), True),
    ("only one being deleted, without a peer", wished(node("n1", "10.0.0.4", leaving=True)), True),
    (
        "only ones outside",
        desire_peers([A1], None, present=at(A1), foreign=(), max_peers=8, reachable=NETWORKS[1:]),
        True,
    ),
    ("a candidate", wished(node("n1", "10.0.0.4")), False),
    ("candidates, and no place for any", wished(A1, places=0), False),
]


@pytest.mark.parametrize(("desired", "empty"), [case[1:] for case in EMPTY], ids=[case[0] for case in EMPTY])
def test_a_reading_without_any_candidate_is_called_empty(desired: DesiredPeers, empty: bool) -> None:  # noqa: FBT001
    assert desired.is_empty is empty


def test_who_is_left_out_is_told_with_the_numbers() -> None:
    desired = desire_peers(fleet(12, labelled=12), None, present=(), foreign=(NVA,), max_peers=8)
    message = told(desired, "peersLeftOut")
    assert (
        "12 candidates for BGP peers, but 7 place(s): maxPeers is 8, 1 connection(s) of the hub are foreign" in message
    )
    assert "5 do not peer" in message
    assert "and 2 more" in message
    assert found(desired.findings) == ["warning peersLeftOut", "error unreachableNodes"]


def test_a_node_being_deleted_without_a_peer_is_no_candidate() -> None:
    desired = wished(*fleet(3, labelled=3), replace(A1, name="n9", deleting=True), places=2)
    assert desired.candidates == 3
    assert "3 candidates for BGP peers, but 2 place(s)" in told(desired, "peersLeftOut")


def test_that_nobody_at_all_can_peer_is_an_error() -> None:
    desired = desire_peers((), ips("10.10.17.4"), present=(), foreign=(NVA,), max_peers=1)
    assert found(desired.findings) == ["error peersLeftOut"]


def test_nodes_that_do_not_peer_are_told_loudly_with_the_pods_they_have_room_for() -> None:
    message = told(wished(*fleet(13, labelled=3)), "unreachableNodes")
    assert "10 of 13 nodes, with room for 1100 pods, do not peer with the hub: n10, n11, n12 and 7 more" in message
    assert "Put route reflectors into peers.addresses, or use mode udr" in message


def test_where_the_room_for_pods_is_not_known_it_is_left_out() -> None:
    message = told(wished(*(replace(each, pod_limit=0) for each in fleet(3, labelled=1))), "unreachableNodes")
    assert message.startswith("2 of 3 nodes do not peer")


def test_where_all_nodes_could_peer_the_way_out_is_to_label_them() -> None:
    assert "Label them too, put route reflectors" in told(wished(*fleet(8, labelled=3)), "unreachableNodes")
    assert "Label them" not in told(wished(*fleet(9, labelled=3)), "unreachableNodes")
    assert "Label them" not in told(wished(A1, node("n2", "fd00::1")), "unreachableNodes")


REACHABLE: list[tuple[str, DesiredPeers]] = [
    ("all peer", wished(*ALL)),
    ("a node without pod CIDR has no pods", wished(A1, replace(A2, pod_cidrs=(), may_peer=False))),
    ("a node being deleted that keeps its peer", wished(A1, replace(A2, deleting=True), present=at(A2))),
    ("a node that a foreign connection peers with", wished(A2, replace(A1, may_peer=False), foreign=(FOREIGN,))),
    ("reflectors speak for all", desire_peers(ALL, ips("10.10.17.4"), present=(), foreign=(), max_peers=8)),
]


@pytest.mark.parametrize("desired", [case[1] for case in REACHABLE], ids=[case[0] for case in REACHABLE])
def test_no_node_is_called_unreachable_where(desired: DesiredPeers) -> None:
    assert desired.findings == ()


def test_many_candidates_make_short_messages() -> None:
    many = [
        replace(A1, name=f"aks-np1-12345678-vmss{number:06}", addresses=(IPv4Address(number),)) for number in range(900)
    ]
    desired = desire_peers(many, None, present=(), foreign=(), max_peers=8, reachable=(ip_network("0.0.0.0/23"),))
    assert found(desired.findings) == ["error peerOutsideNetwork", "warning peersLeftOut", "error unreachableNodes"]
    assert all(len(finding.message) < 500 for finding in desired.findings)
