"""What a person approves, and whether the table shows it afterwards: `plan.fingerprint` and `plan.holds`."""

import pytest

from shared.changes import Plan, RouteChange, fingerprint, shown
from shared.models import Node, ObservedRoutes, Policy
from shared.plan import RoutePlan, make_plan
from shared.safety import guard
from tests.examples import RULES, foreign, managed, named, node, ruled, table, told, wish

N1 = node("n1", "100.64.1.0/24", at="10.0.0.4")
N2 = node("n2", "100.64.2.0/24", at="10.0.0.5")
R1 = managed("100.64.1.0/24", "10.0.0.4")
R2 = managed("100.64.2.0/24", "10.0.0.5")

PLAN = make_plan(
    table(R1, managed("100.64.9.0/24", "10.0.0.9")), wish(node("n1", "100.64.1.0/24", at="10.0.0.8"), N2), RULES
)
"""One delete, one update, one create."""


def test_a_fingerprint_is_twelve_hex_digits_and_stays_the_same_for_ever() -> None:
    """A person approves it on one instance, another instance compares it."""
    assert fingerprint({"/rt-a": PLAN}) == "822ab37eca21"


def test_a_fingerprint_ignores_the_order_and_case_of_tables() -> None:
    other: RoutePlan = Plan()
    one = PLAN
    assert fingerprint({"/a": one, "/b": other}) == fingerprint({"/B": other, "/A": one})


def test_a_fingerprint_ignores_what_the_rails_hold() -> None:
    observed = table(*(managed(f"100.64.{number}.0/24", "10.0.0.9") for number in range(9)))
    rules = ruled(routes_per_table=5)
    plan = make_plan(observed, wish(N1), rules)
    guarded = [guard(plan, observed, wish(N1), rules, force=force) for force in (False, True)]
    assert told(guarded[0]) != told(guarded[1])
    assert {fingerprint({"/a": each}) for each in (plan, *guarded)} == {fingerprint({"/a": plan})}


DIFFERENT = [
    ("fewer nodes", table(R1), [N2]),
    ("another next hop", table(R1), [node("n1", "100.64.1.0/24", at="10.0.0.9"), N2]),
    ("another node at that address", table(R1), [N1, node("n3", "100.64.2.0/24", at="10.0.0.5")]),
    ("another route there before", table(managed("100.64.1.0/24", "10.0.0.66")), [N1, N2]),
    ("another type there before", table(managed("100.64.1.0/24", "10.0.0.4", kind="None")), [N1, N2]),
    ("a route too many", table(R1, managed("100.64.9.0/24", "10.0.0.9")), [N1, N2]),
]


@pytest.mark.parametrize(("observed", "nodes"), [case[1:] for case in DIFFERENT], ids=[case[0] for case in DIFFERENT])
def test_a_fingerprint_changes_with_the_wanted_changes(observed: ObservedRoutes, nodes: list[Node]) -> None:
    base = make_plan(table(R1), wish(N1, N2), RULES)
    assert fingerprint({"/a": make_plan(observed, wish(*nodes), RULES)}) != fingerprint({"/a": base})


def test_a_fingerprint_tells_tables_apart() -> None:
    assert fingerprint({"/a": PLAN, "/b": Plan()}) != fingerprint({"/a": Plan(), "/b": PLAN})


def test_a_policy_is_part_of_what_is_approved() -> None:
    observed = table(managed("100.64.9.0/24", "10.0.0.9"))
    marks = {
        fingerprint({"/a": guard(make_plan(observed, wish(N1), rules), observed, wish(N1), rules)})
        for rules in (RULES, ruled(policy=Policy.UPSERT_ONLY))
    }
    assert len(marks) == 2


DELETE, UPDATE, CREATE = PLAN.changes
HOLDS = [
    ("deleted", DELETE, table(R1), True),
    ("still there", DELETE, table(managed("100.64.9.0/24", "10.0.0.9")), False),
    (
        "still there, with capitals",
        DELETE,
        table(managed("100.64.9.0/24", "10.0.0.9", name=named("100.64.9.0/24").upper())),
        False,
    ),
    ("updated", UPDATE, table(managed("100.64.1.0/24", "10.0.0.8")), True),
    ("not updated", UPDATE, table(R1), False),
    ("updated, but for the type", UPDATE, table(managed("100.64.1.0/24", "10.0.0.8", kind="None")), False),
    ("updated, then lost", UPDATE, table(), False),
    ("created", CREATE, table(R2), True),
    ("created as a foreign route", CREATE, table(foreign(R2.name, "100.64.2.0/24", "10.0.0.5")), False),
    ("not created", CREATE, table(R1), False),
]


@pytest.mark.parametrize(("change", "after", "held"), [case[1:] for case in HOLDS], ids=[case[0] for case in HOLDS])
def test_a_table_holds_a_change_or_not(change: RouteChange, after: ObservedRoutes, held: bool) -> None:  # noqa: FBT001
    assert (change in shown(after, [change])) is held
