"""Nodes → claims: who is entitled to a route, who waits, who keeps what it has."""

from dataclasses import fields

import pytest

from shared.desired import desire, network_order
from shared.models import Claim, Node, Severity
from tests.examples import NEW, OLD, RULES, codes, net, node, wish


def claimed(*nodes: Node) -> list[str]:
    """Each claim as `prefix next-hop node`, in the order of prefixes and of right."""
    claims = wish(*nodes).claims
    return [
        f"{claim.prefix} {claim.next_hop} {claim.node}"
        for prefix in sorted(claims, key=network_order)
        for claim in claims[prefix]
    ]


CLAIMS = [
    ("no nodes", [], []),
    ("a node with one CIDR", [node("n1", "100.64.1.0/24", at="10.0.0.4")], ["100.64.1.0/24 10.0.0.4 n1"]),
    (
        "RC multicidr, AZ: a dual-stack node gets a route per family, each via its address of that family",
        [node("n1", "100.64.1.0/24", "fd00:10:0:1::/64", at="10.0.0.4 fd01::4")],
        ["100.64.1.0/24 10.0.0.4 n1", "fd00:10:0:1::/64 fd01::4 n1"],
    ),
    (
        "RC multicidr, AZ: the order of a node's addresses makes no difference between families",
        [node("n1", "fd00:10:0:1::/64", "100.64.1.0/24", at="fd01::4 10.0.0.4")],
        ["100.64.1.0/24 10.0.0.4 n1", "fd00:10:0:1::/64 fd01::4 n1"],
    ),
    (
        "cilium#34446: multi-pool, one route per CIDR",
        [node("n1", "100.64.1.0/28", "100.64.7.0/28", at="10.0.0.4")],
        ["100.64.1.0/28 10.0.0.4 n1", "100.64.7.0/28 10.0.0.4 n1"],
    ),
    (
        "a node with two addresses of a family is reached at the first, its primary one",
        [node("n1", "100.64.1.0/24", at="10.0.0.4 10.0.0.5")],
        ["100.64.1.0/24 10.0.0.4 n1"],
    ),
    (
        "RC nodeNoCidr: a node without CIDR stops no other",
        [node("n1", at="10.0.0.4"), node("n2", "100.64.2.0/24", at="10.0.0.5")],
        ["100.64.2.0/24 10.0.0.5 n2"],
    ),
    (
        "AZ FindFirstIPByFamily: without an address of the family only that route is missing",
        [node("n1", "100.64.1.0/24", "fd00:10:0:1::/64", at="10.0.0.4")],
        ["100.64.1.0/24 10.0.0.4 n1", "fd00:10:0:1::/64 None n1"],
    ),
    ("hcloud#482, #793: a CIDR outside podCidrs", [node("n1", "10.9.0.0/24", at="10.0.0.4")], []),
    (
        "a node with one CIDR inside and one outside",
        [node("n1", "10.9.0.0/24", "100.64.1.0/24", at="10.0.0.4")],
        ["100.64.1.0/24 10.0.0.4 n1"],
    ),
    (
        "ALI needSyncRoute: a node being deleted, only to keep what it has",
        [node("n1", "100.64.1.0/24", at="10.0.0.4", deleting=True)],
        ["100.64.1.0/24 10.0.0.4 n1"],
    ),
    (
        "AZ#657, cilium#17277, #30629: of two claims on one CIDR the older node's comes first",
        [
            node("a-young", "100.64.1.0/24", at="10.0.0.4", created=NEW),
            node("z-old", "100.64.1.0/24", at="10.0.0.5", created=OLD),
        ],
        ["100.64.1.0/24 10.0.0.5 z-old", "100.64.1.0/24 10.0.0.4 a-young"],
    ),
    (
        "two claims of nodes of one second are in the order of their names",
        [node("b", "100.64.1.0/24", at="10.0.0.4"), node("a", "100.64.1.0/24", at="10.0.0.5")],
        ["100.64.1.0/24 10.0.0.5 a", "100.64.1.0/24 10.0.0.4 b"],
    ),
]


@pytest.mark.parametrize(("nodes", "claims"), [case[1:] for case in CLAIMS], ids=[case[0] for case in CLAIMS])
def test_nodes_claim(nodes: list[Node], claims: list[str]) -> None:
    assert claimed(*nodes) == claims
    assert claimed(*reversed(nodes)) == claims


def test_a_claim_says_whose_it_is_and_since_when() -> None:
    desired = wish(node("n1", "100.64.1.0/24", at="10.0.0.4", created=NEW))
    claim = desired.claims[net("100.64.1.0/24")][0]
    assert claim == Claim("n1", NEW, net("100.64.1.0/24"), node("", at="10.0.0.4").addresses[0])


WAITING = [
    ("a node with all it needs", node("n1", "100.64.1.0/24", at="10.0.0.4"), []),
    ("RC nodeNoCidr", node("n1", at="10.0.0.4"), ["n1: no pod CIDR yet"]),
    ("neither CIDR nor address", node("n1"), ["n1: no pod CIDR yet"]),
    (
        "AZ FindFirstIPByFamily",
        node("n1", "100.64.1.0/24", "fd00:10:0:1::/64", at="10.0.0.4"),
        ["n1: no InternalIP of IPv6 for fd00:10:0:1::/64"],
    ),
    ("a CIDR outside podCidrs is for a person to solve", node("n1", "10.9.0.0/24", at="10.0.0.4"), []),
    ("a node being deleted", node("n1", "100.64.1.0/24", at="10.0.0.4", deleting=True), []),
]


@pytest.mark.parametrize(("one", "waiting"), [case[1:] for case in WAITING], ids=[case[0] for case in WAITING])
def test_a_node_waits_for_what_will_come_by_itself(one: Node, waiting: list[str]) -> None:
    assert [f"{each.node}: {each.reason}" for each in wish(one).waiting] == waiting


def test_a_node_being_deleted_waits_for_nothing_since_it_gets_nothing_new() -> None:
    assert wish(node("n1", at="10.0.0.4", deleting=True)).waiting == ()


KEEPERS = [
    ("ALI needSyncRoute: a node being deleted", node("n1", "100.64.1.0/24", at="10.0.0.4", deleting=True)),
    ("AZ FindFirstIPByFamily: a node without an address of the family", node("n1", "100.64.1.0/24", at="fd01::4")),
    ("a node without any address", node("n1", "100.64.1.0/24")),
]


@pytest.mark.parametrize("one", [case[1] for case in KEEPERS], ids=[case[0] for case in KEEPERS])
def test_a_claim_only_keeps_what_there_is_of(one: Node) -> None:
    (claim,) = wish(one).claims[net("100.64.1.0/24")]
    assert claim.keeps_only


def test_a_node_with_all_it_needs_does_not_only_keep() -> None:
    (claim,) = wish(node("n1", "100.64.1.0/24", at="10.0.0.4")).claims[net("100.64.1.0/24")]
    assert not claim.keeps_only


def test_a_node_without_a_pod_cidr_keeps_what_is_routed_to_any_of_its_addresses() -> None:
    """An unready CiliumNode, or one that was deleted by hand, is no reason to delete a live node's route."""
    one = node("n1", at="10.0.0.4 fd01::4")
    assert wish(one).kept_next_hops == set(one.addresses)


def test_whether_a_node_is_ready_is_not_even_known() -> None:
    """XD#2858: stopping a kubelet deleted what led to its node. Existing is all that counts."""
    assert {field.name for field in fields(Node)} == {
        "name",
        "created",
        "pod_cidrs",
        "addresses",
        "deleting",
        "may_peer",
        "zone",
        "pod_limit",
    }


def test_a_node_with_pod_cidrs_keeps_nothing_else() -> None:
    assert not wish(node("n1", "100.64.1.0/24", at="10.0.0.4")).kept_next_hops


def test_a_node_with_neither_pod_cidr_nor_address_is_named_as_unplaced() -> None:
    assert wish(node("n2"), node("n1", at="10.0.0.4"), node("n3", "100.64.1.0/24")).unplaced == ("n2",)


EMPTY = [
    ("no nodes at all", [], True),
    ("only nodes that wait", [node("n1", at="10.0.0.4"), node("n2")], True),
    ("only CIDRs outside podCidrs", [node("n1", "10.9.0.0/24", at="10.0.0.4")], True),
    ("one node with a CIDR", [node("n1", at="10.0.0.4"), node("n2", "100.64.1.0/24", at="10.0.0.5")], False),
    ("only a node being deleted", [node("n1", "100.64.1.0/24", at="10.0.0.4", deleting=True)], False),
]


@pytest.mark.parametrize(("nodes", "empty"), [case[1:] for case in EMPTY], ids=[case[0] for case in EMPTY])
def test_a_reading_without_any_pod_cidr_is_called_empty(nodes: list[Node], empty: bool) -> None:  # noqa: FBT001
    assert wish(*nodes).is_empty is empty


def test_a_cidr_outside_pod_cidrs_is_reported_with_the_way_out() -> None:
    (finding,) = wish(node("n1", "10.9.0.0/24", at="10.0.0.4")).findings
    assert (finding.severity, finding.code, finding.resource) == (Severity.WARNING, "outsidePodCidrs", "n1")
    assert "10.9.0.0/24" in finding.message
    assert "100.64.0.0/10, fd00:10::/48" in finding.message
    assert "Widen podCidrs" in finding.message


OVERLAPS = [
    ("apart", ["100.64.1.0/24", "100.64.2.0/24"], []),
    ("one inside the other", ["100.64.1.0/24", "100.64.1.128/25"], ["overlappingCidrs n2"]),
    ("the wider one comes second", ["100.64.1.128/25", "100.64.0.0/16"], ["overlappingCidrs n1"]),
    (
        "two inside a third",
        ["100.64.0.0/16", "100.64.1.0/24", "100.64.2.0/24"],
        ["overlappingCidrs n2", "overlappingCidrs n3"],
    ),
    ("another family", ["100.64.1.0/24", "fd00:10:0:1::/64"], []),
]


@pytest.mark.parametrize(("cidrs", "found"), [case[1:] for case in OVERLAPS], ids=[case[0] for case in OVERLAPS])
def test_pod_cidrs_of_two_nodes_that_overlap_are_reported(cidrs: list[str], found: list[str]) -> None:
    nodes = [node(f"n{number}", cidr, at=f"10.0.0.{number} fd01::1") for number, cidr in enumerate(cidrs, 1)]
    assert codes(wish(*nodes).findings) == found


def test_overlapping_pod_cidrs_of_one_node_are_no_finding() -> None:
    assert wish(node("n1", "100.64.1.0/24", "100.64.1.128/25", at="10.0.0.4")).findings == ()


def test_the_order_of_the_nodes_makes_no_difference() -> None:
    nodes = [
        node("n1", "100.64.1.0/24", at="10.0.0.4"),
        node("n2", "100.64.1.0/24", at="10.0.0.5"),
        node("n3", "10.9.0.0/24", at="10.0.0.6"),
        node("n4"),
        node("n5", at="10.0.0.7"),
        node("n6", "10.9.1.0/24", deleting=True),
    ]
    assert desire(nodes, RULES.pod_cidrs) == desire(reversed(nodes), RULES.pod_cidrs)


def test_networks_are_in_the_order_of_family_address_and_width() -> None:
    ordered = [net(text) for text in ("10.0.0.0/8", "100.64.0.0/10", "100.64.0.0/24", "100.64.1.0/24", "fd00::/64")]
    backwards = ordered[::-1]
    assert sorted(backwards, key=network_order) == ordered
