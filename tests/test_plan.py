"""ObservedRoutes + desired → plan: state in, changes out. The rails are not in play here, findings are in `test_plan_findings`."""

from ipaddress import ip_address

import pytest

from shared.changes import Delete
from shared.models import Foreign, Node, ObservedRoutes, Route
from shared.plan import make_plan
from tests.examples import NEW, OLD, RULES, foreign, managed, named, net, node, ruled, table, told, wish

N1 = node("n1", "100.64.1.0/24", at="10.0.0.4")
N2 = node("n2", "100.64.2.0/24", at="10.0.0.5")
R1 = managed("100.64.1.0/24", "10.0.0.4")
R2 = managed("100.64.2.0/24", "10.0.0.5")
FIREWALL = foreign("default", "0.0.0.0/0", "10.0.255.4")
ON_PREMISES = foreign("on-premises", "192.168.0.0/16")
SERVICE_TAG = foreign("storage", None)

CASES: list[tuple[str, list[Node], list[Route | Foreign], list[str]]] = [
    ("nothing at all", [], [], []),
    (
        "RC single cidr 2 nodes and no routes",
        [N1, N2],
        [],
        ["+ 100.64.1.0/24 10.0.0.4 n1", "+ 100.64.2.0/24 10.0.0.5 n2"],
    ),
    ("RC routes created, HC AlreadyExists, GAR should update nothing if unchanged", [N1, N2], [R1, R2], []),
    ("RC one of two routes present", [N1, N2], [R1], ["+ 100.64.2.0/24 10.0.0.5 n2"]),
    ("RC too many routes", [N1], [R1, R2], ["- 100.64.2.0/24"]),
    (
        "RC few wrong routes: two nodes swapped their CIDRs, corrected without a window or a RouteConflict",
        [node("n1", "100.64.2.0/24", at="10.0.0.4"), node("n2", "100.64.1.0/24", at="10.0.0.5")],
        [R1, R2],
        ["~ 100.64.1.0/24 10.0.0.4 > 10.0.0.5 n2", "~ 100.64.2.0/24 10.0.0.5 > 10.0.0.4 n1"],
    ),
    (
        "RC node ips changed, k/k#98359",
        [node("n1", "100.64.1.0/24", at="10.0.0.9")],
        [R1],
        ["~ 100.64.1.0/24 10.0.0.4 > 10.0.0.9 n1"],
    ),
    (
        "k/k PR#56258, hcloud#231: a new node has the CIDR of one that left",
        [node("n9", "100.64.1.0/24", at="10.0.0.9")],
        [R1],
        ["~ 100.64.1.0/24 10.0.0.4 > 10.0.0.9 n9"],
    ),
    (
        "cloud-provider-azure#8175: a node came back under its name with another CIDR",
        [node("n1", "100.64.7.0/24", at="10.0.0.4")],
        [R1],
        ["- 100.64.1.0/24", "+ 100.64.7.0/24 10.0.0.4 n1"],
    ),
    (
        "AZ/M365: the next hop was edited by hand",
        [N1],
        [managed("100.64.1.0/24", "10.0.0.66")],
        ["~ 100.64.1.0/24 10.0.0.66 > 10.0.0.4 n1"],
    ),
    (
        "AZ/M365, kubernetes#33015: the next hop type was edited by hand to None",
        [N1],
        [managed("100.64.1.0/24", None, kind="None")],
        ["~ 100.64.1.0/24 None > 10.0.0.4 n1"],
    ),
    (
        "AZ/M365: the next hop type was edited by hand, and the address is still there",
        [N1],
        [managed("100.64.1.0/24", "10.0.0.4", kind="Internet")],
        ["~ 100.64.1.0/24 10.0.0.4 > 10.0.0.4 n1"],
    ),
    (
        "RC nodeNoCidr: others proceed, and what is routed to its address stays",
        [node("n1", at="10.0.0.4"), N2],
        [R1],
        ["+ 100.64.2.0/24 10.0.0.5 n2"],
    ),
    (
        "AZ FindFirstIPByFamily: a node that lost its address keeps its route",
        [node("n1", "100.64.1.0/24"), N2],
        [R1, R2],
        [],
    ),
    (
        "ALI needSyncRoute: a node being deleted gets nothing new",
        [node("n1", "100.64.1.0/24", at="10.0.0.4", deleting=True)],
        [],
        [],
    ),
    ("a node being deleted keeps what it has", [node("n1", "100.64.1.0/24", at="10.0.0.4", deleting=True)], [R1], []),
    (
        "a node being deleted without a pod CIDR keeps what is routed to its address",
        [node("n1", at="10.0.0.4", deleting=True)],
        [R1],
        [],
    ),
    (
        "a node being deleted keeps what it has, whoever else claims it",
        [node("n1", "100.64.1.0/24", at="10.0.0.4", deleting=True), node("n9", "100.64.1.0/24", at="10.0.0.9")],
        [R1],
        ["+ 100.64.1.0/24 10.0.0.9 n9 [skipped]"],
    ),
    (
        "a node being deleted that is not routed stands in nobody's way",
        [node("n1", "100.64.1.0/24", at="10.0.0.4", deleting=True), node("n9", "100.64.1.0/24", at="10.0.0.9")],
        [],
        ["+ 100.64.1.0/24 10.0.0.9 n9"],
    ),
    (
        "RC multicidr, AZ: dual stack",
        [node("n1", "100.64.1.0/24", "fd00:10:0:1::/64", at="10.0.0.4 fd01::4")],
        [],
        ["+ 100.64.1.0/24 10.0.0.4 n1", "+ fd00:10:0:1::/64 fd01::4 n1"],
    ),
    (
        "cilium#34446: multi-pool releases one CIDR and gets another",
        [node("n1", "100.64.1.0/24", "100.64.7.0/28", at="10.0.0.4")],
        [R1, managed("100.64.8.0/28", "10.0.0.4")],
        ["- 100.64.8.0/28", "+ 100.64.7.0/28 10.0.0.4 n1"],
    ),
    (
        "AZ#657, cilium#17277: of two claims the one that is routed now wins, though its node is younger",
        [
            node("old", "100.64.1.0/24", at="10.0.0.9", created=OLD),
            node("young", "100.64.1.0/24", at="10.0.0.4", created=NEW),
        ],
        [R1],
        ["+ 100.64.1.0/24 10.0.0.9 old [skipped]"],
    ),
    (
        "AZ#657, cilium#30629: of two claims that are not routed the older node's wins",
        [
            node("a-young", "100.64.1.0/24", at="10.0.0.4", created=NEW),
            node("old", "100.64.1.0/24", at="10.0.0.9", created=OLD),
        ],
        [],
        ["+ 100.64.1.0/24 10.0.0.9 old", "+ 100.64.1.0/24 10.0.0.4 a-young [skipped]"],
    ),
    (
        "AZ#657: the route leads to neither of two claimants",
        [
            node("young", "100.64.1.0/24", at="10.0.0.8", created=NEW),
            node("old", "100.64.1.0/24", at="10.0.0.9", created=OLD),
        ],
        [R1],
        ["~ 100.64.1.0/24 10.0.0.4 > 10.0.0.9 old", "+ 100.64.1.0/24 10.0.0.8 young [skipped]"],
    ),
    (
        "AKS#1212, tf#6061, gardener aws#466: foreign routes of every kind",
        [N1],
        [FIREWALL, ON_PREMISES, SERVICE_TAG, R1],
        [],
    ),
    (
        "hcloud#425, #432, occm#3128: a foreign route inside podCidrs that nobody claims",
        [N1],
        [R1, foreign("alias", "100.64.7.0/24", "10.0.0.77")],
        [],
    ),
    (
        "AZ#657 RouteConflict: a foreign route has a node's prefix",
        [N1],
        [foreign("alias", "100.64.1.0/24", "10.0.0.77")],
        ["+ 100.64.1.0/24 10.0.0.4 n1 [skipped]"],
    ),
    (
        "a foreign route has a node's prefix and even its next hop",
        [N1],
        [foreign("by-hand", "100.64.1.0/24", "10.0.0.4")],
        ["+ 100.64.1.0/24 10.0.0.4 n1 [skipped]"],
    ),
    (
        "occm#3128 ping-pong, XD owner id: another cluster's routes in the table",
        [N1],
        [R1, foreign(named("100.65.1.0/24", "dev"), "100.65.1.0/24", "10.1.0.4")],
        [],
    ),
    (
        "hcloud#482: a route under our name outside podCidrs is not ours to delete",
        [N1],
        [R1, foreign(named("10.9.0.0/24"), "10.9.0.0/24", "10.0.0.5")],
        [],
    ),
    ("hcloud#482: a CIDR outside podCidrs gets no route", [node("n1", "10.9.0.0/24", at="10.0.0.4"), N2], [R2], []),
    (
        "deletes come first, then updates, then creates, each by network",
        [
            node("n2", "100.64.12.0/24", at="10.0.0.9"),
            node("n3", "100.64.3.0/24", at="10.0.0.6"),
            node("n4", "100.64.10.0/24", at="10.0.0.7"),
            node("n5", "100.64.9.0/24", at="10.0.0.8"),
        ],
        [
            managed("100.64.20.0/24", "10.0.0.1"),
            managed("100.64.10.0/24", "10.0.0.1"),
            managed("100.64.3.0/24", "10.0.0.2"),
            managed("100.64.4.0/24", "10.0.0.3"),
        ],
        [
            "- 100.64.4.0/24",
            "- 100.64.20.0/24",
            "~ 100.64.3.0/24 10.0.0.2 > 10.0.0.6 n3",
            "~ 100.64.10.0/24 10.0.0.1 > 10.0.0.7 n4",
            "+ 100.64.9.0/24 10.0.0.8 n5",
            "+ 100.64.12.0/24 10.0.0.9 n2",
        ],
    ),
]


@pytest.mark.parametrize(("nodes", "routes", "steps"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_a_table_and_its_nodes_make_a_plan(nodes: list[Node], routes: list[Route | Foreign], steps: list[str]) -> None:
    assert told(make_plan(table(*routes), wish(*nodes), RULES)) == steps
    assert told(make_plan(table(*reversed(routes)), wish(*reversed(nodes)), RULES)) == steps


ADOPTIONS: list[tuple[str, list[Node], list[Route | Foreign], list[str]]] = [
    (
        "a foreign route with exactly a node's prefix becomes ours",
        [N1],
        [foreign("by-hand", "100.64.1.0/24", "10.0.0.77")],
        ["~ 100.64.1.0/24 10.0.0.77 > 10.0.0.4 n1"],
    ),
    (
        "XD TestRecordOwnerIdMigration: after a rename of the cluster no route is deleted and created",
        [N1, N2],
        [
            foreign(named("100.64.1.0/24", "before"), "100.64.1.0/24", "10.0.0.4"),
            foreign(named("100.64.2.0/24", "before"), "100.64.2.0/24", "10.0.0.5"),
        ],
        ["~ 100.64.1.0/24 10.0.0.4 > 10.0.0.4 n1", "~ 100.64.2.0/24 10.0.0.5 > 10.0.0.5 n2"],
    ),
    (
        "a foreign route that merely overlaps stays foreign",
        [N1],
        [R1, foreign("wide", "100.64.0.0/16", "10.0.0.77"), foreign("narrow", "100.64.1.0/25", "10.0.0.78")],
        [],
    ),
    ("a foreign route nobody claims stays foreign", [N1], [R1, foreign("alias", "100.64.7.0/24")], []),
    ("routes elsewhere stay foreign", [N1], [R1, FIREWALL, ON_PREMISES, SERVICE_TAG], []),
    (
        "a node being deleted takes nothing over",
        [node("n1", "100.64.1.0/24", at="10.0.0.4", deleting=True)],
        [foreign("by-hand", "100.64.1.0/24", "10.0.0.77")],
        [],
    ),
    (
        "cilium#30629: of two claims the one that the foreign route leads to wins",
        [
            node("old", "100.64.1.0/24", at="10.0.0.9", created=OLD),
            node("young", "100.64.1.0/24", at="10.0.0.4", created=NEW),
        ],
        [foreign(named("100.64.1.0/24", "before"), "100.64.1.0/24", "10.0.0.4")],
        ["~ 100.64.1.0/24 10.0.0.4 > 10.0.0.4 young", "+ 100.64.1.0/24 10.0.0.9 old [skipped]"],
    ),
]


@pytest.mark.parametrize(
    ("nodes", "routes", "steps"), [case[1:] for case in ADOPTIONS], ids=[case[0] for case in ADOPTIONS]
)
def test_adopt_takes_exactly_what_a_node_claims(
    nodes: list[Node], routes: list[Route | Foreign], steps: list[str]
) -> None:
    assert told(make_plan(table(*routes), wish(*nodes), ruled(adopt=True))) == steps


def changed(observed: ObservedRoutes, *nodes: Node, adopt: bool = False) -> list[Route]:
    changes = make_plan(observed, wish(*nodes), ruled(adopt=adopt)).changes
    return [change.entry for change in changes if not isinstance(change, Delete)]


def test_a_new_route_is_a_virtual_appliance_under_our_name() -> None:
    assert changed(table(), N1) == [R1]
    assert R1.next_hop_type == "VirtualAppliance"


def test_an_update_keeps_the_name_so_that_azure_sees_one_route_change() -> None:
    odd = managed("100.64.1.0/24", "10.0.0.9", name="APR_prod-weu_100.64.7.0-24")
    assert changed(table(odd), N1) == [managed("100.64.1.0/24", "10.0.0.4", name=odd.name)]


def test_an_adopted_route_gets_our_name() -> None:
    assert changed(table(foreign("by-hand", "100.64.1.0/24", "10.0.0.4")), N1, adopt=True) == [R1]


@pytest.mark.parametrize("adopt", [True, False])
@pytest.mark.parametrize(
    "occupant",
    [
        foreign(named("100.64.1.0/24"), "10.9.0.0/24"),
        foreign(named("100.64.1.0/24").upper(), "10.9.0.0/24"),
        managed("100.64.7.0/24", "10.0.0.7", name=named("100.64.1.0/24")),
    ],
    ids=["foreign", "foreign in capitals", "ours on another prefix"],
)
def test_a_name_that_a_hand_edited_route_sits_on_is_not_given_twice(occupant: Route | Foreign, *, adopt: bool) -> None:
    """Azure compares names without regard to case and refuses two of one name."""
    there = [occupant, foreign("by-hand", "100.64.1.0/24")] if adopt else [occupant]
    (route,) = changed(table(*there), N1, adopt=adopt)
    assert route.name == f"{named('100.64.1.0/24')}_2"


def test_a_plan_does_not_touch_what_it_was_made_from() -> None:
    observed = table(R1, FIREWALL)
    before = (observed.managed, observed.foreign, observed.names)
    make_plan(observed, wish(N2), RULES)
    assert (observed.managed, observed.foreign, observed.names) == before
    assert observed.size == 2
    assert net("100.64.1.0/24") == R1.prefix
    assert R1.next_hop == ip_address("10.0.0.4")
