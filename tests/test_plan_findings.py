"""What a plan tells a person beside its changes: conflicts, duplicates, what is out of range."""

import pytest

from shared.models import Foreign, Node, Route
from shared.plan import make_plan
from tests.examples import NEW, RULES, codes, foreign, managed, named, node, ruled, table, wish

N1 = node("n1", "100.64.1.0/24", at="10.0.0.4")
N2 = node("n2", "100.64.2.0/24", at="10.0.0.5")
R1 = managed("100.64.1.0/24", "10.0.0.4")
R2 = managed("100.64.2.0/24", "10.0.0.5")
FIREWALL = foreign("default", "0.0.0.0/0", "10.0.255.4")
ON_PREMISES = foreign("on-premises", "192.168.0.0/16")
SERVICE_TAG = foreign("storage", None)

FINDINGS: list[tuple[str, list[Node], list[Route | Foreign], list[str]]] = [
    ("all is well", [N1], [R1, FIREWALL, ON_PREMISES, SERVICE_TAG], []),
    (
        "AZ#657: a foreign route has a node's prefix",
        [N1],
        [foreign("alias", "100.64.1.0/24")],
        ["foreignConflict alias"],
    ),
    (
        "hcloud#425: a foreign route inside podCidrs",
        [N1],
        [R1, foreign("alias", "100.64.7.0/24")],
        ["foreignInPodCidrs alias"],
    ),
    (
        "hcloud#482: our name outside podCidrs",
        [N1],
        [R1, foreign(named("10.9.0.0/24"), "10.9.0.0/24")],
        [f"outOfRange {named('10.9.0.0/24')}"],
    ),
    (
        "another cluster's name outside our podCidrs is its own business",
        [N1],
        [R1, foreign(named("10.9.0.0/24", "dev"), "10.9.0.0/24")],
        [],
    ),
    ("AZ#657: two claims on one CIDR", [N1, node("n9", "100.64.1.0/24", at="10.0.0.9")], [R1], ["duplicateCidr n9"]),
    (
        "a claim on the CIDR of a node being deleted",
        [node("n1", "100.64.1.0/24", at="10.0.0.4", deleting=True), node("n9", "100.64.1.0/24", at="10.0.0.9")],
        [R1],
        ["duplicateCidr n9"],
    ),
    (
        "hcloud#793: a node's CIDR is outside podCidrs",
        [node("n1", "10.9.0.0/24", at="10.0.0.4"), N2],
        [R2],
        ["outsidePodCidrs n1"],
    ),
]


@pytest.mark.parametrize(
    ("nodes", "routes", "found"), [case[1:] for case in FINDINGS], ids=[case[0] for case in FINDINGS]
)
def test_what_a_person_should_know_is_found(nodes: list[Node], routes: list[Route | Foreign], found: list[str]) -> None:
    desired = wish(*nodes)
    assert codes(desired.findings + make_plan(table(*routes), desired, RULES).findings) == found


def test_an_adopted_route_is_no_conflict() -> None:
    observed = table(foreign("by-hand", "100.64.1.0/24"))
    assert make_plan(observed, wish(N1), ruled(adopt=True)).findings == ()


def test_a_conflict_names_the_route_the_prefix_the_node_and_the_way_out() -> None:
    (finding,) = make_plan(table(foreign("alias", "100.64.1.0/24")), wish(N1), RULES).findings
    for word in ("alias", "100.64.1.0/24", "n1", "adopt: true"):
        assert word in finding.message


@pytest.mark.parametrize(("routes", "why"), [([R1], "is routed now"), ([], "is the older node")])
def test_a_duplicate_says_who_keeps_the_cidr_and_why(routes: list[Route], why: str) -> None:
    young = node("n9", "100.64.1.0/24", at="10.0.0.9", created=NEW)
    (finding,) = make_plan(table(*routes), wish(N1, young), RULES).findings
    assert f"n1 keeps it, since it {why}" in finding.message
    assert "Pods on n9 are unreachable" in finding.message
