"""What always holds of the choice of BGP peers: no order matters, nothing unrelated changes it, places are never exceeded."""

import random
from collections import Counter
from dataclasses import replace
from ipaddress import IPv4Address, ip_address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.models import ForeignPeer, Network, Node
from shared.peers import desire_peers
from tests.peer_examples import NVA, at, fleet, ips, node, staying, wished

TIMES = st.sampled_from(tuple(f"2026-01-0{day}T00:00:00Z" for day in range(1, 5)))


@st.composite
def candidates(draw: st.DrawFn, most: int = 14) -> list[Node]:
    """Labelled nodes with names and addresses of their own."""
    numbers = draw(st.lists(st.integers(1, 30), max_size=most, unique=True))
    return [
        node(f"n{number}", f"10.0.0.{number}", zone=draw(st.sampled_from(("a", "b", "c", ""))), created=draw(TIMES))
        for number in numbers
    ]


@st.composite
def clusters(draw: st.DrawFn) -> list[Node]:
    """Candidates and others, some being deleted, some without address, some with another's."""
    return [
        replace(
            each,
            may_peer=draw(st.integers(0, 3)) > 0,
            deleting=draw(st.integers(0, 4)) == 0,
            addresses=draw(st.sampled_from((each.addresses,) * 5 + ((), ips("10.0.0.5"), (ip_address("fd00::5"),)))),
        )
        for each in draw(candidates())
    ]


PRESENT = st.frozensets(st.integers(1, 30).map(lambda number: IPv4Address(f"10.0.0.{number}")), max_size=8)
OTHERS = st.lists(
    st.builds(ForeignPeer, st.just("other"), st.none() | st.sampled_from(ips("10.0.0.5", "10.0.0.40"))), max_size=3
)
MOST = st.integers(0, 9)
KNOWN = st.sampled_from(((), (ip_network("10.0.0.0/28"),)))


@given(clusters(), PRESENT, OTHERS, MOST, KNOWN, st.randoms(use_true_random=False))
def test_the_order_of_nodes_makes_no_difference(
    nodes: list[Node],
    present: frozenset[IPv4Address],
    foreign: list[ForeignPeer],
    most: int,
    known: tuple[Network, ...],
    order: random.Random,
) -> None:
    shuffled = order.sample(nodes, len(nodes))
    one, other = (
        desire_peers(each, None, present=present, foreign=foreign, max_peers=most, reachable=known)
        for each in (nodes, shuffled)
    )
    assert one == other


@given(clusters(), PRESENT, OTHERS, MOST, KNOWN)
def test_there_are_never_more_peers_than_places(
    nodes: list[Node],
    present: frozenset[IPv4Address],
    foreign: list[ForeignPeer],
    most: int,
    known: tuple[Network, ...],
) -> None:
    desired = desire_peers(nodes, None, present=present, foreign=foreign, max_peers=most, reachable=known)
    of_ours = staying(desired) - {peer.ip for peer in foreign}
    assert len(of_ours) <= max(most - len(foreign), min(most, len(of_ours & present)), 0)
    assert desired.kept <= present
    assert len({each.ip for each in desired.chosen} | desired.kept) == len(desired.chosen) + len(desired.kept)


@given(clusters(), PRESENT, OTHERS, MOST, KNOWN)
def test_what_is_desired_is_desired_again_once_it_is_there(
    nodes: list[Node],
    present: frozenset[IPv4Address],
    foreign: list[ForeignPeer],
    most: int,
    known: tuple[Network, ...],
) -> None:
    first = desire_peers(nodes, None, present=present, foreign=foreign, max_peers=most, reachable=known)
    here = staying(first) - {peer.ip for peer in foreign}
    again = desire_peers(nodes, None, present=here, foreign=foreign, max_peers=most, reachable=known)
    assert (again.chosen, again.kept) == (first.chosen, first.kept)


@given(candidates(), PRESENT, MOST)
def test_a_peer_that_is_still_a_candidate_is_never_dropped_while_there_is_a_place(
    nodes: list[Node], present: frozenset[IPv4Address], places: int
) -> None:
    desired = wished(*nodes, present=present, places=places)
    entitled = present & {*at(*nodes)}
    left = entitled - staying(desired)
    assert len(left) == max(len(entitled) - places, 0)
    if left:
        assert staying(desired) < entitled


@given(candidates(), MOST)
def test_no_place_stays_empty_while_there_is_a_candidate(nodes: list[Node], places: int) -> None:
    assert len(wished(*nodes, places=places).chosen) == min(places, len(nodes))


@given(st.integers(0, 9), st.integers(1, 4), st.data())
def test_zones_differ_by_one_at_most_when_chosen_afresh(places: int, zones: int, data: st.DataObject) -> None:
    nodes = [
        node(f"n{number}", f"10.0.0.{number}", zone=f"z{number % zones}", created=data.draw(TIMES))
        for number in range(1, places * zones + zones + 1)
    ]
    peers = Counter(each.zone for each in wished(*nodes, places=places).chosen)
    counts = [peers[f"z{zone}"] for zone in range(zones)]
    assert max(counts) - min(counts) <= 1


@given(candidates(), candidates(), PRESENT, MOST)
def test_unlabelled_nodes_change_nothing_of_the_choice(
    nodes: list[Node], others: list[Node], present: frozenset[IPv4Address], places: int
) -> None:
    strangers = [
        replace(each, name=f"other-{each.name}", may_peer=False, addresses=(IPv4Address(int(ip) + 256),))
        for each, ip in zip(others, at(*others), strict=True)
    ]
    alone = wished(*nodes, present=present, places=places)
    together = wished(*nodes, *strangers, present=present, places=places)
    assert (alone.chosen, alone.kept) == (together.chosen, together.kept)


@given(candidates(), candidates(), st.integers(1, 8))
def test_labelled_nodes_that_come_later_push_nobody_out(nodes: list[Node], others: list[Node], places: int) -> None:
    newcomers = [
        replace(each, name=f"other-{each.name}", addresses=(IPv4Address(int(ip) + 256),))
        for each, ip in zip(others, at(*others), strict=True)
    ]
    before = wished(*nodes, places=places)
    after = wished(*nodes, *newcomers, present=staying(before), places=places)
    assert set(before.chosen) <= set(after.chosen)
    if len(before.chosen) == places:
        assert before.chosen == after.chosen


@pytest.mark.parametrize("seed", range(5))
def test_seven_of_twelve_labelled_nodes_peer_through_a_hundred_comings_and_goings_of_unlabelled_ones(seed: int) -> None:
    """MaxPeers is 8, and one connection is foreign."""
    dice = random.Random(seed)  # noqa: S311  # no secret
    labelled = fleet(12, labelled=12)
    strangers: list[Node] = []
    first = desire_peers(labelled, None, present=(), foreign=(NVA,), max_peers=8)
    assert len(first.chosen) == 7
    assert sorted(Counter(each.zone for each in first.chosen).values()) == [2, 2, 3]
    present = staying(first)
    for number in range(100):
        if strangers and dice.random() < 0.5:
            strangers.remove(dice.choice(strangers))
        else:
            when = f"2025-12-{dice.randint(1, 28):02}T00:00:00Z"
            strangers.append(
                node(f"n{number}-a", f"10.0.1.{number}", zone="westeurope-1", labelled=False, created=when)
            )
        cluster = dice.sample([*labelled, *strangers], 12 + len(strangers))
        desired = desire_peers(cluster, None, present=present, foreign=(NVA,), max_peers=8)
        assert (desired.chosen, desired.kept) == (first.chosen, frozenset())
        present = staying(desired)
