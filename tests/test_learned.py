"""Claims against what a hub learned: missing, stale, wrong, half and too much, each told once with the numbers."""

from dataclasses import replace
from ipaddress import ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.desired import Desired
from shared.learned import serves, verify
from shared.models import Finding, Learned, LearnedRoute, Node, Severity
from tests.examples import NEW, RULES, net, node, wish

N1 = node("n1", "100.64.1.0/24", at="10.0.0.4")
N2 = node("n2", "100.64.2.0/24", at="10.0.0.5")
ONE, TWO = "100.64.1.0/24 10.0.0.4", "100.64.2.0/24 10.0.0.5"


def routes(*told: str) -> tuple[LearnedRoute, ...]:
    """Each as `prefix next-hop`, or only the prefix."""
    parts = [text.split() for text in told]
    return tuple(LearnedRoute(net(part[0]), ip_address(part[1]) if part[1:] else None) for part in parts)


def both(*told: str) -> Learned:
    return routes(*told), routes(*told)


def judged(desired: Desired, **learned: Learned | None) -> tuple[Finding, ...]:
    return verify(desired, learned, RULES.pod_cidrs)


def lines(findings: tuple[Finding, ...]) -> list[str]:
    return [f"{finding.severity} {finding.code}" for finding in findings]


FITS: list[tuple[str, list[Node], dict[str, Learned | None]]] = [
    ("no nodes, no peers", [], {}),
    ("each node announces its own, direct mode", [N1, N2], {"p1": both(ONE), "p2": both(TWO)}),
    ("each reflector announces all", [N1, N2], {"p1": both(ONE, TWO), "p2": both(ONE, TWO)}),
    (
        "each instance hears it from another reflector",
        [N1],
        {"p1": (routes(ONE), routes()), "p2": (routes(), routes(ONE))},
    ),
    ("a node being deleted has withdrawn already", [N1, replace(N2, deleting=True)], {"p1": both(ONE)}),
    ("a node being deleted still announces", [replace(N1, deleting=True)], {"p1": both(ONE)}),
    (
        "a node being deleted announces on one instance only",
        [N1, replace(N2, deleting=True)],
        {"p1": (routes(ONE, TWO), routes(ONE))},
    ),
    ("a node whose address is not known is not judged", [replace(N1, addresses=())], {"p1": both(ONE)}),
    ("a node whose address is not known is not missed", [N1, replace(N2, addresses=())], {"p1": both(ONE)}),
    (
        "IPv6 is not expected",
        [node("n1", "100.64.1.0/24", "fd00:10:0:1::/64", at="10.0.0.4 fd01::4")],
        {"p1": both(ONE)},
    ),
    (
        "cilium#41986: a CIDR of two nodes, at the older one",
        [N1, replace(N2, pod_cidrs=N1.pod_cidrs)],
        {"p1": both(ONE)},
    ),
    (
        "cilium#41986: a CIDR of two nodes, at both",
        [N1, replace(N2, pod_cidrs=N1.pod_cidrs)],
        {"p1": both(ONE), "p2": both("100.64.1.0/24 10.0.0.5")},
    ),
    ("a live node whose pod CIDR is not known announces it", [N1, replace(N2, pod_cidrs=())], {"p1": both(ONE, TWO)}),
    (
        "while a live node shows nothing any prefix might be its own",
        [N1, node("n3")],
        {"p1": both(ONE, TWO)},
    ),
]


@pytest.mark.parametrize(("nodes", "learned"), [case[1:] for case in FITS], ids=[case[0] for case in FITS])
def test_what_fits_is_no_finding(nodes: list[Node], learned: dict[str, Learned | None]) -> None:
    assert verify(wish(*nodes), learned, RULES.pod_cidrs) == ()


DIFFERS: list[tuple[str, list[Node], dict[str, Learned | None], list[str]]] = [
    ("nothing learned at all", [N1], {}, ["error learnedMissing"]),
    ("one of two missing", [N1, N2], {"p1": both(ONE)}, ["error learnedMissing"]),
    (
        "a younger node with the CIDR of a leaving one is missed",
        [replace(N1, deleting=True), node("n3", "100.64.1.0/24", at="10.0.0.6", created=NEW)],
        {"p1": both(TWO)},
        ["error learnedMissing", "warning learnedStale"],
    ),
    ("half-peering", [N1, N2], {"p1": (routes(ONE, TWO), routes(TWO))}, ["error learnedOneInstanceOnly"]),
    ("an answer of one instance", [N1], {"p1": (routes(ONE),)}, ["error learnedOneInstanceOnly"]),
    ("the reflector's own address", [N1], {"p1": both("100.64.1.0/24 10.10.17.4")}, ["error learnedWrongNextHop"]),
    (
        "right from one reflector, wrong from the other",
        [N1],
        {"p1": both(ONE), "p2": both("100.64.1.0/24 10.10.17.5")},
        ["error learnedWrongNextHop"],
    ),
    ("no next hop at all", [N1], {"p1": both("100.64.1.0/24")}, ["error learnedWrongNextHop"]),
    (
        "a node being deleted, with a wrong next hop",
        [replace(N1, deleting=True)],
        {"p1": both(TWO.replace("2.0", "1.0"))},
        ["error learnedWrongNextHop"],
    ),
    ("a node that is gone", [N1], {"p1": both(ONE, TWO)}, ["warning learnedStale"]),
    (
        "a part of a node's CIDR is not the CIDR",
        [N1],
        {"p1": both(ONE, "100.64.1.0/25 10.0.0.4")},
        ["warning learnedStale"],
    ),
    ("a default route", [N1], {"p1": both(ONE, "0.0.0.0/0 10.0.0.4")}, ["warning learnedOutside"]),
    ("wider than podCidrs", [N1], {"p1": both(ONE, "100.0.0.0/8 10.0.0.4")}, ["warning learnedOutside"]),
    ("one reflector silent", [N1], {"p1": both(ONE), "p2": both()}, ["warning peerSilent"]),
    ("a peer without instances", [N1], {"p1": both(ONE), "p2": ()}, ["warning peerSilent"]),
    ("all silent", [N1], {"p1": both()}, ["error learnedMissing", "warning peerSilent"]),
    ("one unread: nothing is called missing", [N1, N2], {"p1": both(ONE), "p2": None}, ["warning learnedUnknown"]),
    (
        "one unread: nothing is called half",
        [N1],
        {"p1": (routes(ONE), routes()), "p2": None},
        ["warning learnedUnknown"],
    ),
    (
        "one unread: what is wrong elsewhere is told all the same",
        [N1],
        {"p1": both("100.64.1.0/24 10.10.17.4", TWO), "p2": None, "p3": both()},
        ["error learnedWrongNextHop", "warning learnedStale", "warning peerSilent", "warning learnedUnknown"],
    ),
]


@pytest.mark.parametrize(
    ("nodes", "learned", "found"), [case[1:] for case in DIFFERS], ids=[case[0] for case in DIFFERS]
)
def test_what_differs_is_a_finding(nodes: list[Node], learned: dict[str, Learned | None], found: list[str]) -> None:
    assert lines(verify(wish(*nodes), learned, RULES.pod_cidrs)) == found


@pytest.mark.parametrize(("count", "found"), [(2_000, []), (2_001, ["warning nearPrefixLimit"])])
def test_over_half_of_the_limit_of_one_peer_on_one_instance_is_near(count: int, found: list[str]) -> None:
    cidrs = [f"100.64.{number // 16}.{number % 16 * 16}/28" for number in range(count)]
    desired = wish(node("n1", *cidrs, at="10.0.0.4"))
    many = routes(*(f"{cidr} 10.0.0.4" for cidr in cidrs))
    findings = judged(desired, p1=(many, many[:1500]), p2=(many[:1500], many[:1500]), p3=(many[:5], many[1500:]))
    assert lines(findings) == found
    if found:
        assert "2001 routes from p1 on instance 0: over half of the 4000" in findings[0].message
        assert "September 2025" in findings[0].message


def test_each_message_has_the_numbers_and_the_first_few() -> None:
    nodes = [node(f"n{number}", f"100.64.{number}.0/24", at=f"10.0.0.{number}") for number in range(1, 8)]
    halves = routes("100.64.6.0/24 10.0.0.6", "100.64.7.0/24 10.9.0.9")
    learned = {
        "10.0.0.8": (
            halves,
            routes("100.64.9.0/24 10.0.0.9", "0.0.0.0/0 10.0.0.9"),
        ),
        "10.0.0.9": both(),
    }
    messages = {finding.code: finding.message for finding in verify(wish(*nodes), learned, RULES.pod_cidrs)}
    assert "5 of 7 pod CIDRs" in messages["learnedMissing"]
    assert "100.64.1.0/24 of n1, 100.64.2.0/24 of n2, 100.64.3.0/24 of n3 and 2 more" in messages["learnedMissing"]
    assert "2 of 7 pod CIDRs" in messages["learnedOneInstanceOnly"]
    assert "100.64.6.0/24 of n6 (only instance 0)" in messages["learnedOneInstanceOnly"]
    assert "100.64.7.0/24 via 10.9.0.9 instead of 10.0.0.7" in messages["learnedWrongNextHop"]
    assert "1 prefix(es)" in messages["learnedStale"]
    assert "100.64.9.0/24 via 10.0.0.9" in messages["learnedStale"]
    assert "0.0.0.0/0" in messages["learnedOutside"]
    assert "100.64.0.0/10, fd00:10::/48" in messages["learnedOutside"]
    assert "1 of 2 peers: 10.0.0.9" in messages["peerSilent"]
    for word in ("ebgpMultihop", "network security group", "ASN"):
        assert word in messages["peerSilent"]


def test_an_unread_peer_is_named_with_the_numbers() -> None:
    (finding,) = judged(wish(N1), p1=both(ONE), p2=None)
    assert "1 of 2 peers could not be read: p2" in finding.message


def test_peers_are_named_in_one_order() -> None:
    (silent,) = judged(wish(), p2=both(), p1=both())
    assert "2 of 2 peers: p1, p2" in silent.message
    (unknown,) = judged(wish(), p2=None, p1=None)
    assert "p1, p2" in unknown.message


def test_a_missing_pod_cidr_is_named_with_the_node_that_stays() -> None:
    (finding,) = judged(wish(replace(N1, deleting=True), node("n3", "100.64.1.0/24", at="10.0.0.6", created=NEW)))
    assert "100.64.1.0/24 of n3" in finding.message


def test_several_right_next_hops_are_all_named() -> None:
    (finding,) = judged(wish(N1, replace(N2, pod_cidrs=N1.pod_cidrs)), p1=both("100.64.1.0/24 10.9.9.9"))
    assert "via 10.9.9.9 instead of 10.0.0.4 or 10.0.0.5" in finding.message


def test_a_thousand_lost_prefixes_are_one_short_finding() -> None:
    nodes = [
        node(f"n{number}", f"100.64.{number // 4}.{number % 4 * 64}/26", at=f"10.0.{number // 200}.{number % 200 + 4}")
        for number in range(1_000)
    ]
    (finding,) = judged(wish(*nodes))
    assert finding.severity is Severity.ERROR
    assert "1000 of 1000" in finding.message
    assert len(finding.message) < 400


PREFIXES = ("100.64.1.0/24", "100.64.2.0/24", "100.64.9.0/24", "10.9.0.0/24", "0.0.0.0/0")
TOLD = st.lists(
    st.builds(
        LearnedRoute,
        st.sampled_from(PREFIXES).map(net),
        st.sampled_from(("10.0.0.4", "10.0.0.5", "10.9.9.9")).map(ip_address) | st.none(),
    ),
    max_size=4,
).map(tuple)
ANSWERS = st.none() | st.tuples(TOLD, TOLD)


@given(st.dictionaries(st.sampled_from(("p1", "p2", "p3")), ANSWERS))
def test_neither_the_order_of_peers_nor_of_routes_makes_a_difference(
    learned: dict[str, Learned | None],
) -> None:
    turned = {
        peer: None if answer is None else tuple(tuple(reversed(told)) for told in answer)
        for peer, answer in reversed(learned.items())
    }
    assert verify(wish(N1, N2), learned, RULES.pod_cidrs) == verify(wish(N2, N1), turned, RULES.pod_cidrs)


@given(st.dictionaries(st.sampled_from(("p1", "p2", "p3")), ANSWERS))
def test_each_code_comes_once_and_an_error_only_where_traffic_is_lost(learned: dict[str, Learned | None]) -> None:
    findings = verify(wish(N1, N2), learned, RULES.pod_cidrs)
    assert len({finding.code for finding in findings}) == len(findings)
    lost = {"learnedMissing", "learnedOneInstanceOnly", "learnedWrongNextHop"}
    assert {finding.code for finding in findings if finding.severity is Severity.ERROR} == lost & {
        finding.code for finding in findings
    }


SERVES: list[tuple[str, Learned | None, bool]] = [
    ("could not be read", None, True),
    ("both instances learned", both(ONE), True),
    ("one instance learned", (routes(), routes(ONE)), True),
    ("no instance learned", both(), False),
    ("no instance answered", (), False),
]


@pytest.mark.parametrize(("learned", "expected"), [case[1:] for case in SERVES], ids=[case[0] for case in SERVES])
def test_a_peer_serves_unless_it_is_known_to_give_nothing(learned: Learned | None, expected: bool) -> None:  # noqa: FBT001
    assert serves(learned) is expected
