"""The rails: what they hold back or leave out, with which numbers and which way out. They never add anything."""

from collections.abc import Iterable, Sequence
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.changes import Delete, Plan, Verdict
from shared.models import Address, Foreign, Node, Policy, Route, Rules, Severity
from shared.plan import RoutePlan, make_plan
from shared.rails import Witness
from shared.safety import guard
from shared.witness import Evidence
from tests.examples import RULES, codes, foreign, managed, node, ruled, table, told, wish


def prefix(number: int) -> str:
    return f"100.{64 + number // 256}.{number % 256}.0/24"


def fleet(first: int, last: int) -> list[Node]:
    return [
        node(f"n{number}", prefix(number), at=f"10.0.{number // 256}.{number % 256}") for number in range(first, last)
    ]


def routed(first: int, last: int) -> list[Route]:
    return [managed(prefix(number), f"10.0.{number // 256}.{number % 256}") for number in range(first, last)]


def guarded(
    nodes: list[Node], routes: Sequence[Route | Foreign], rules: Rules = RULES, *, force: bool = False
) -> RoutePlan:
    observed, desired = table(*routes), wish(*nodes)
    return guard(make_plan(observed, desired, rules), observed, desired, rules, force=force)


def count(plan: RoutePlan, verdict: Verdict) -> int:
    return sum(step.verdict is verdict for step in plan.steps)


BRAKE = [
    ("AKS#987: a legitimate scale-down from 400 to 300", 400, 300, True),
    ("exactly at the limit: 30 of 100", 100, 70, True),
    ("one over the limit: 31 of 100", 100, 69, False),
    ("half of the nodes vanish", 400, 200, False),
    ("OCT, XD#3997: all but one vanish", 400, 1, False),
    ("octodns below 10 records: a small fleet has the rail too", 9, 6, False),
    ("3 of 10 are exactly the limit", 10, 7, True),
    ("free deletes: 2 of 3", 3, 1, True),
    ("free deletes do not stretch: 3 of 4", 4, 1, False),
]


@pytest.mark.parametrize(("before", "after", "passes"), [case[1:] for case in BRAKE], ids=[case[0] for case in BRAKE])
def test_the_brake_lets_so_many_deletes_pass(before: int, after: int, passes: bool) -> None:  # noqa: FBT001
    plan = guarded(fleet(0, after), routed(0, before))
    assert count(plan, Verdict.PLANNED if passes else Verdict.HELD) == before - after
    assert len(plan.steps) == before - after
    assert codes(plan.findings) == ([] if passes else ["brake"])


@given(
    before=st.integers(2, 60),
    gone=st.integers(0, 60),
    percent=st.integers(0, 100),
    free=st.integers(0, 10),
)
def test_the_brake_is_exact_at_every_limit(before: int, gone: int, percent: int, free: int) -> None:
    gone = min(gone, before - 1)
    plan = guarded(fleet(gone, before), routed(0, before), ruled(max_delete_fraction=percent / 100, free_deletes=free))
    passes = gone <= free or Fraction(gone, before) <= Fraction(percent, 100)
    assert count(plan, Verdict.PLANNED) == (gone if passes else 0)
    assert count(plan, Verdict.HELD) == (0 if passes else gone)


def test_the_brake_says_the_numbers_and_the_way_out() -> None:
    (finding,) = guarded(fleet(0, 10), routed(0, 20)).findings
    assert finding.severity is Severity.ERROR
    for number in ("10 of 20 routes", "50", "30", "limits.maxDeleteFraction"):
        assert number in finding.message
    assert '{"force": true}' in finding.message


def test_the_brake_never_says_that_a_share_is_over_itself() -> None:
    (finding,) = guarded(fleet(301, 1000), routed(0, 1000), ruled(routes_per_table=9999)).findings
    assert "30% is over 30%" not in finding.message


def test_the_brake_holds_every_delete_and_lets_the_rest_go_on() -> None:
    nodes = [*fleet(5, 9), node("moved", prefix(9), at="10.9.9.9"), *fleet(10, 11)]
    assert told(guarded(nodes, routed(0, 10))) == [
        *(f"- {prefix(number)} [held]" for number in range(5)),
        f"~ {prefix(9)} 10.0.0.9 > 10.9.9.9 moved",
        f"+ {prefix(10)} 10.0.0.10 n10",
    ]


def test_what_the_brake_holds_it_still_holds_once_the_new_routes_are_there() -> None:
    """Otherwise the held deletes would release themselves five minutes later, and no person would have said yes."""
    nodes = fleet(4, 14)
    first = guarded(nodes, routed(0, 10))
    second = guarded(nodes, routed(0, 14))
    assert count(first, Verdict.HELD) == count(second, Verdict.HELD)


def test_force_releases_the_brake() -> None:
    assert told(guarded(fleet(9, 10), routed(0, 10), force=True)) == [f"- {prefix(number)}" for number in range(9)]


def test_foreign_routes_do_not_loosen_the_brake() -> None:
    others: list[Route | Foreign] = [foreign(f"f{number}", f"192.168.{number}.0/24") for number in range(100)]
    assert count(guarded(fleet(5, 10), [*routed(0, 10), *others]), Verdict.HELD) == 5


def test_adopting_and_repairing_are_not_braked() -> None:
    nodes = [node(f"n{number}", prefix(number), at=f"10.7.0.{number}") for number in range(20)]
    others: list[Route | Foreign] = [foreign(f"f{number}", prefix(number)) for number in range(10)]
    plan = guarded(nodes, [*others, *routed(10, 20)], ruled(adopt=True))
    assert count(plan, Verdict.PLANNED) == 20


UNSOUND = [
    ("XD#2858, #3997: no nodes at all", [], "emptyReading"),
    ("only nodes that wait for a pod CIDR", [node("n1", at="10.9.0.1")], "emptyReading"),
    (
        "hcloud#482: podCidrs are wrong, so every CIDR is outside",
        [node("n1", "10.9.0.0/24", at="10.9.0.1")],
        "emptyReading",
    ),
]


@pytest.mark.parametrize("force", [False, True])
@pytest.mark.parametrize(("nodes", "code"), [case[1:] for case in UNSOUND], ids=[case[0] for case in UNSOUND])
def test_a_reading_without_any_pod_cidr_deletes_nothing_not_even_by_force(
    nodes: list[Node], code: str, *, force: bool
) -> None:
    rules = ruled(max_delete_fraction=1.0, free_deletes=100)
    plan = guarded(nodes, routed(0, 10), rules, force=force)
    assert plan.steps
    assert not plan.changes
    assert [step.reason for step in plan.steps] == [code] * len(plan.steps)
    assert code in " ".join(codes(plan.findings))


def test_a_live_node_of_which_nothing_is_known_holds_every_delete_until_a_person_forces_them() -> None:
    nodes, rules = [*fleet(0, 9), node("n9")], ruled(max_delete_fraction=1.0, free_deletes=100)
    held = guarded(nodes, routed(0, 10), rules)
    assert [step.reason for step in held.steps] == ["unplacedNodes"]
    assert "force" in held.findings[0].message
    assert told(guarded(nodes, routed(0, 10), rules, force=True)) == [f"- {prefix(9)}"]


def test_an_unplaced_node_holds_no_create() -> None:
    plan = guarded([*fleet(1, 3), node("n9")], routed(0, 2))
    assert told(plan) == [f"- {prefix(0)} [held]", f"+ {prefix(2)} 10.0.0.2 n2"]


def test_many_unplaced_nodes_are_counted_and_three_are_named() -> None:
    plan = guarded([*fleet(1, 3), *(node(f"x{number}") for number in range(5))], routed(0, 3))
    assert "x0, x1, x2 …: 5 live node(s)" in plan.findings[0].message


def test_no_deletes_no_finding_however_odd_the_reading() -> None:
    assert guarded([], []) == Plan()
    assert guarded([*fleet(0, 3), node("x")], routed(0, 3)) == Plan()


POLICIES = [
    (Policy.SYNC, ["- 100.64.0.0/24", "~ 100.64.1.0/24 10.0.0.1 > 10.9.9.9 n1", "+ 100.64.2.0/24 10.0.0.2 n2"], []),
    (Policy.UPSERT_ONLY, ["~ 100.64.1.0/24 10.0.0.1 > 10.9.9.9 n1", "+ 100.64.2.0/24 10.0.0.2 n2"], ["policy"]),
    (Policy.CREATE_ONLY, ["+ 100.64.2.0/24 10.0.0.2 n2"], ["policy"]),
]


@pytest.mark.parametrize(("policy", "steps", "found"), POLICIES)
def test_a_policy_leaves_out_what_it_forbids_and_says_so(policy: Policy, steps: list[str], found: list[str]) -> None:
    nodes = [node("n1", prefix(1), at="10.9.9.9"), *fleet(2, 3)]
    plan = guarded(nodes, routed(0, 2), ruled(policy=policy))
    assert told(plan) == steps
    assert codes(plan.findings) == found


def test_a_policy_is_told_by_its_name_and_the_number_it_leaves() -> None:
    (finding,) = guarded(fleet(5, 10), routed(0, 10), ruled(policy=Policy.UPSERT_ONLY)).findings
    assert finding.severity is Severity.INFO
    assert finding.message.startswith("policy upsertOnly leaves 5 existing route(s)")


def test_a_policy_that_leaves_nothing_out_is_silent() -> None:
    assert guarded(fleet(0, 3), routed(0, 2), ruled(policy=Policy.CREATE_ONLY)).findings == ()


@pytest.mark.parametrize("policy", [Policy.UPSERT_ONLY, Policy.CREATE_ONLY])
def test_force_overrules_no_policy(policy: Policy) -> None:
    plan = guarded(fleet(1, 3), routed(0, 3), ruled(policy=policy), force=True)
    assert not any(isinstance(step.change, Delete) for step in plan.steps)


def test_what_the_policy_leaves_out_the_brake_does_not_count() -> None:
    assert codes(guarded(fleet(9, 10), routed(0, 10), ruled(policy=Policy.UPSERT_ONLY)).findings) == ["policy"]


def test_create_only_adopts_nothing() -> None:
    rules = ruled(policy=Policy.CREATE_ONLY, adopt=True)
    assert told(guarded(fleet(0, 1), [foreign("by-hand", prefix(0))], rules)) == []


def test_existing_routes_stay_and_as_many_new_ones_as_fit_are_added() -> None:
    """k/k#41671, kops#4918: the nodes left out are named, before anything is written."""
    others: list[Route | Foreign] = [foreign(f"f{number}", f"192.168.{number}.0/24") for number in range(5)]
    plan = guarded(fleet(0, 8), [*others, *routed(0, 2)], ruled(routes_per_table=10))
    assert told(plan)[:3] == [f"+ {prefix(number)} 10.0.0.{number} n{number}" for number in (2, 3, 4)]
    assert told(plan)[3:] == [f"+ {prefix(number)} 10.0.0.{number} n{number} [skipped]" for number in (5, 6, 7)]
    (finding,) = plan.findings
    assert (finding.severity, finding.code) == (Severity.ERROR, "noRoom")
    assert "10 routes at most (limits.routesPerTable); 3 pod CIDR(s) got no route: n5, n6, n7" in finding.message


def test_what_is_deleted_in_the_same_write_makes_room() -> None:
    plan = guarded(fleet(2, 12), routed(0, 10), ruled(routes_per_table=10))
    assert count(plan, Verdict.PLANNED) == 4


def test_what_the_brake_holds_still_fills_the_table() -> None:
    plan = guarded(fleet(5, 15), routed(0, 10), ruled(routes_per_table=10))
    assert (count(plan, Verdict.PLANNED), count(plan, Verdict.HELD), count(plan, Verdict.SKIPPED)) == (0, 5, 5)


def test_adopting_takes_no_room() -> None:
    plan = guarded(fleet(0, 2), [foreign("by-hand", prefix(0)), *routed(1, 2)], ruled(adopt=True, routes_per_table=2))
    assert count(plan, Verdict.PLANNED) == 1


def test_a_conflict_takes_no_room() -> None:
    plan = guarded(fleet(0, 2), [foreign("by-hand", prefix(0))], ruled(routes_per_table=2))
    assert count(plan, Verdict.PLANNED) == 1
    assert "noRoom" not in codes(plan.findings)


HEADROOM = [(7, 10, []), (8, 10, ["headroom"]), (10, 10, ["headroom"]), (799, 1000, []), (800, 1000, ["headroom"])]


@pytest.mark.parametrize(("wanted", "capacity", "found"), HEADROOM)
def test_a_table_that_is_nearly_full_is_called_so(wanted: int, capacity: int, found: list[str]) -> None:
    for there in (0, wanted):
        plan = guarded(fleet(0, wanted), routed(0, there), ruled(routes_per_table=capacity))
        assert codes(plan.findings) == found


@pytest.mark.parametrize(
    ("there", "used"), [(8, "8 of 10 routes are used (80%)"), (12, "12 of 10 routes are used (120%)")]
)
def test_the_headroom_is_told_in_true_numbers(there: int, used: str) -> None:
    (finding,) = guarded(fleet(0, there), routed(0, there), ruled(routes_per_table=10)).findings
    assert used in finding.message


def test_what_is_deleted_makes_headroom() -> None:
    assert codes(guarded(fleet(0, 7), routed(0, 9), ruled(routes_per_table=10)).findings) == []


def test_findings_of_the_plan_come_first_and_stay() -> None:
    table_routes: list[Route | Foreign] = [*routed(0, 10), foreign("alias", "100.127.0.0/24")]
    plan = guarded(fleet(8, 10), table_routes, ruled(routes_per_table=11))
    assert codes(plan.findings) == ["foreignInPodCidrs alias", "brake", "headroom"]


# The second witness


def heard(*hops: str, kept: str = "Azure still has it", silence: str = "") -> Witness:
    """A witness that vouches for these next hops alone."""
    gone = {node("", at=hop).addresses[0] for hop in hops}

    def about(asked: Iterable[Address | None]) -> Evidence:
        asked = tuple(asked)
        return Evidence({hop: kept for hop in asked if hop not in gone}, frozenset(gone & set(asked)), silence)

    return about


def never(_: Iterable[Address | None]) -> Evidence:
    raise AssertionError("nobody needed a witness")


def witnessed(
    nodes: list[Node], routes: Sequence[Route | Foreign], witness: Witness, *, force: bool = False
) -> RoutePlan:
    observed, desired = table(*routes), wish(*nodes)
    return guard(make_plan(observed, desired, RULES), observed, desired, RULES, force=force, witness=witness)


def test_what_azure_no_longer_has_a_machine_for_goes_though_it_is_over_the_brake() -> None:
    plan = witnessed(fleet(6, 10), routed(0, 10), heard(*(f"10.0.0.{number}" for number in range(6))))
    assert told(plan) == [f"- {prefix(number)}" for number in range(6)]
    assert codes(plan.findings) == ["secondWitness"]
    assert {step.reason for step in plan.steps} == {f"Azure no longer has a machine with 10.0.0.{n}" for n in range(6)}


def test_what_azure_still_has_a_machine_for_stays_and_the_rest_goes() -> None:
    plan = witnessed(fleet(6, 10), routed(0, 10), heard("10.0.0.0", "10.0.0.1"))
    assert told(plan) == [f"- {prefix(number)}{'' if number < 2 else ' [held]'}" for number in range(6)]
    assert codes(plan.findings) == ["brake", "secondWitness"]
    assert "6 of 10 routes" in plan.findings[0].message
    assert "the 4 that Azure does not vouch for are held" in plan.findings[0].message
    assert plan.steps[5].reason == "brake; Azure still has it"


def test_a_witness_that_is_silent_releases_nothing_and_says_why() -> None:
    plan = witnessed(fleet(6, 10), routed(0, 10), heard(silence="HTTP 403 AuthorizationFailed"))
    assert not plan.changes
    assert codes(plan.findings) == ["brake", "secondWitnessSilent"]
    assert "AuthorizationFailed" in plan.findings[1].message


@pytest.mark.parametrize(
    ("nodes", "force"),
    [(fleet(3, 10), False), (fleet(6, 10), True), ([], False), ([], True), ([*fleet(6, 9), node("new")], False)],
    ids=[
        "below the brake",
        "forced",
        "an empty reading",
        "an empty reading, forced",
        "a node of which nothing is known",
    ],
)
def test_the_witness_is_asked_only_where_the_brake_alone_would_hold(nodes: list[Node], force: bool) -> None:  # noqa: FBT001
    assert witnessed(nodes, routed(0, 10), never, force=force).steps
