"""The rules, on values: facts in, checks out. The edges, and what holds of all rules together."""

from dataclasses import fields

import pytest

from shared.doctor.check import Check, Verdict
from shared.doctor.facts import Facts
from shared.doctor.unknown import Unknown
from shared.models import Reading
from tests.doctor.cases import (
    BEHIND_A_HUB,
    HEALTHY,
    NOTHING,
    NOW,
    READING,
    bad,
    on,
)
from tests.doctor.edges_addresses import ADDRESS_EDGES
from tests.doctor.edges_network import NETWORK_EDGES
from tests.doctor.edges_rights import RIGHTS_EDGES
from tests.examples import node

OK, WARNING, PROBLEM, UNKNOWN = Verdict.OK, Verdict.WARNING, Verdict.PROBLEM, Verdict.UNKNOWN


def test_a_healthy_cluster_has_nothing_amiss() -> None:
    assert bad(on()) == []
    assert bad(on(BEHIND_A_HUB)) == []


CASES = {**NETWORK_EDGES, **ADDRESS_EDGES, **RIGHTS_EDGES}
assert len(CASES) == len(NETWORK_EDGES) + len(ADDRESS_EDGES) + len(RIGHTS_EDGES)


@pytest.mark.parametrize("case", CASES)
def test_each_rule_at_its_edge(case: str) -> None:
    facts, changes, code, verdict, words = CASES[case]
    found = [check for check in on(facts, **changes) if check.code == code]
    assert [check.verdict for check in found] == [verdict] or not (found or words)
    assert all(words in check.evidence for check in found), found


@pytest.mark.parametrize("facts", [HEALTHY, BEHIND_A_HUB], ids=["udr", "routeServer"])
@pytest.mark.parametrize(
    "name", ["cluster", "nodes", "cilium", "hub", "interfaces", "subscriptions", "traces", "queue"]
)
@pytest.mark.parametrize("unread", [NOTHING, None])
def test_a_fact_that_is_unknown_or_does_not_apply_spoils_no_other_check(
    facts: Facts, name: str, unread: Unknown | None
) -> None:
    before = {check.code for check in on(facts) if check.verdict is OK}
    checks = on(facts, **{name: unread})
    codes = [check.code for check in checks if check.verdict is OK]
    assert len(before & set(codes)) >= len(before) - 9
    assert {check.verdict for check in checks if check.code not in before} <= {UNKNOWN}


def test_nothing_known_at_all_is_no_error() -> None:
    for facts in (HEALTHY, BEHIND_A_HUB):
        empty = Facts(facts.setup, NOW)
        assert {check.verdict for check in on(empty)} <= {OK, UNKNOWN, WARNING}
        unread = {
            each.name: NOTHING
            for each in fields(Facts)
            if str(each.type).count("Unknown")
            and "Mapping" not in str(each.type)
            and "tuple" not in str(each.type).split("|")[0][:5]
        }
        assert all(isinstance(check, Check) for check in on(empty, **unread))


def test_the_order_is_always_the_same() -> None:
    codes = list(dict.fromkeys(check.code for check in on()))
    changed = list(dict.fromkeys(check.code for check in on(queue=NOTHING, nodes=READING, interfaces=NOTHING)))
    assert codes == changed


def test_a_pod_cidr_of_three_nodes_is_told_once_with_all_of_them() -> None:
    reading = Reading(
        tuple(
            node(name, "100.64.0.0/24", at=f"10.1.0.{at}", created=f"2026-01-0{at}T00:00:00Z")
            for at, name in enumerate("abc", 4)
        )
    )
    ((_, verdict, evidence, way_out),) = bad(on(nodes=reading))
    assert verdict is PROBLEM
    assert evidence == "100.64.0.0/24 is the pod CIDR of a and of b and of c: it can be routed to one of them only"
    assert way_out == "delete the CiliumNode of c, the younger node, so that it gets another CIDR"


def test_what_is_twice_and_what_is_outside_are_both_told() -> None:
    reading = Reading(
        (
            node("a", "100.64.0.0/24", at="10.1.0.4"),
            node("b", "100.64.0.0/24", at="10.1.0.5"),
            node("c", "10.99.0.0/24", at="10.1.0.6"),
        )
    )
    assert [(code, verdict) for code, verdict, _, _ in bad(on(nodes=reading))] == [
        ("nodePodCidrs", PROBLEM),
        ("nodePodCidrs", WARNING),
    ]
