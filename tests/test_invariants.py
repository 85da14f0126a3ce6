"""The contract's invariants as properties of whole passes over random nodes, tables, rules and faults.

What a table should hold is told here once more, as plainly as it goes, and not by the product's own code.
"""

import contextlib
from collections.abc import Sequence
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from shared.changes import AnyChange, Delete, Update
from shared.errors import SourceError
from shared.models import VIRTUAL_APPLIANCE, Address, Network, Node, Route, Rules
from shared.reconcile import MAX_ATTEMPTS, Order
from shared.report import ClusterReport, Outcome, Result
from tests.examples import net, ruled, written
from tests.fakes import FakeNodes, FakeTable, Fault, Killed, RawRoute, run
from tests.strategies import FAULTS, RULE_SETS, situations

Situation = tuple[tuple[Node, ...], tuple[RawRoute, ...]]

ROOMY = ruled(max_delete_fraction=1.0)
"""No limit holds anything."""

many = settings(max_examples=150)


def a_table(rules: Rules, there: Sequence[RawRoute], faults: Sequence[Fault] = ()) -> FakeTable:
    """Azure's own limit is never the stricter one."""
    return FakeTable(rules, *there, limit=max(len(there) + len(faults), rules.routes_per_table), faults=faults)


def passes(live: Sequence[Node], table: FakeTable, *, force: bool = False) -> ClusterReport:
    return run(FakeNodes(*live), table, rules=table.rules, order=Order("timer", force=force))


def is_pod_cidr(cidr: Network, rules: Rules) -> bool:
    return any(cidr.version == whole.version and cidr.subnet_of(whole) for whole in rules.pod_cidrs)  # type: ignore[arg-type]  # same version


def rightful(live: Sequence[Node], prefix: str, now: Address | None) -> str | None:
    """The address `prefix` should lead to: who is routed now, else the oldest node; None where nobody claims it."""
    claims = [
        (address != now, one.created, one.name, str(address))
        for one in live
        if net(prefix) in one.pod_cidrs and not one.deleting
        for address in [each for each in one.addresses if each.version == net(prefix).version][:1]
    ]
    return min(claims)[3] if claims else None


def should_hold(live: Sequence[Node], before: FakeTable) -> dict[str, str | None]:
    """Prefix → next hop of everything that should be ours after a pass that no limit held back."""
    rules, observed, now = before.rules, before.observe(), before.routed
    managed = {str(route.prefix): route.next_hop for route in observed.managed}
    foreign = {str(route.prefix): route.next_hop for route in observed.foreign if route.prefix}
    known = {str(cidr) for one in live for cidr in one.pod_cidrs if is_pod_cidr(cidr, rules)}
    tells_who_is_dead = known and all(one.pod_cidrs or one.addresses for one in live)

    holding: dict[str, str | None] = {}
    for prefix, hop in managed.items():
        leaving = any(one.deleting and net(prefix) in one.pod_cidrs and hop in one.addresses for one in live)
        waiting = any(not one.pod_cidrs and hop in one.addresses for one in live)
        target = None if leaving else rightful(live, prefix, hop)
        if target or leaving or waiting or prefix in known or not tells_who_is_dead:
            holding[prefix] = target or now[prefix]
    for prefix in known - managed.keys():
        target = rightful(live, prefix, foreign.get(prefix))
        if target and (rules.adopt or prefix not in foreign):
            holding[prefix] = target
    return holding


@many
@given(situations(), st.booleans())
def test_after_a_pass_the_table_holds_what_it_should(
    situation: Situation,
    adopt: bool,  # noqa: FBT001
) -> None:
    live, there = situation
    table = a_table(ruled(adopt=adopt, max_delete_fraction=1.0), there)
    expected = should_hold(live, table)
    passes(live, table)
    assert table.routed == expected


@many
@given(situations(), RULE_SETS, st.booleans())
def test_a_second_pass_writes_nothing(
    situation: Situation,
    rules: Rules,
    force: bool,  # noqa: FBT001
) -> None:
    """XD TestIdempotency; k/k#52398: create and delete in turn."""
    live, there = situation
    table = a_table(rules, there)
    first = passes(live, table, force=force)
    requests, state = len(table.requests), list(table.routes)
    second = passes(live, table, force=force)
    assert (len(table.requests), table.routes) == (requests, state)
    assert second.outcome is not Outcome.FAILED
    assert first.outcome is not Outcome.FAILED
    assert not any(change.result is Result.PLANNED for change in second.targets[0].changes)


@many
@given(situations(), RULE_SETS, st.booleans())
def test_a_pass_reads_once_and_writes_at_most_once_and_only_what_differs(
    situation: Situation,
    rules: Rules,
    force: bool,  # noqa: FBT001
) -> None:
    live, there = situation
    table = a_table(rules, there)
    before = list(table.routes)
    report = passes(live, table, force=force)
    assert table.reads == 1
    assert len(table.requests) == (table.routes != before)
    applied = [change for change in report.targets[0].changes if change.result is Result.APPLIED]
    assert [change.change for change in applied] == [change for request in table.requests for change in request]


@many
@given(situations(), RULE_SETS, FAULTS, st.booleans())
def test_what_is_foreign_stays_byte_for_byte_and_in_its_order(
    situation: Situation,
    rules: Rules,
    faults: list[Fault],
    force: bool,  # noqa: FBT001
) -> None:
    live, there = situation
    table = a_table(rules, there, faults)
    foreign = table.foreign_bytes
    claimed = {str(cidr) for one in live for cidr in one.pod_cidrs} if rules.adopt else set()
    for _ in range(2):
        with contextlib.suppress(Killed):
            passes(live, table, force=force)
    kept = [route for route in foreign if not any(f'"{prefix}"' in route for prefix in claimed)]
    assert [route for route in table.foreign_bytes if route in kept] == kept
    by_others = [route for route in table.foreign_bytes if "192.168." in route and "by-hand" in route]
    assert set(table.foreign_bytes) <= {*foreign, *by_others}


@many
@given(situations(), RULE_SETS, st.booleans(), st.randoms(use_true_random=False))
def test_the_order_of_nodes_and_routes_makes_no_difference(
    situation: Situation,
    rules: Rules,
    force: bool,  # noqa: FBT001
    random: Random,
) -> None:
    live, there = situation
    mixed_nodes, mixed_routes = list(live), list(there)
    random.shuffle(mixed_nodes)
    random.shuffle(mixed_routes)
    one, other = a_table(rules, there), a_table(rules, mixed_routes)
    assert passes(live, one, force=force) == passes(mixed_nodes, other, force=force)
    assert one.routed == other.routed


@given(situations(), RULE_SETS)
def test_the_fingerprint_is_the_same_dry_or_wet_with_or_without_force(situation: Situation, rules: Rules) -> None:
    live, there = situation
    orders = [Order("http", dry_run=dry, force=force) for dry in (True, False) for force in (True, False)]
    marks = {run(FakeNodes(*live), a_table(rules, there), rules=rules, order=order).fingerprint for order in orders}
    assert len(marks) == 1


@given(situations(), RULE_SETS, st.booleans())
def test_a_dry_run_tells_what_the_pass_then_does(
    situation: Situation,
    rules: Rules,
    force: bool,  # noqa: FBT001
) -> None:
    live, there = situation
    table = a_table(rules, there)
    dry = run(FakeNodes(*live), table, rules=rules, order=Order("http", dry_run=True, force=force))
    assert not table.requests
    wet = run(FakeNodes(*live), table, rules=rules, order=Order("http", force=force, expect=dry.fingerprint))
    words = {Result.PLANNED: Result.APPLIED}
    assert [(change.change, words.get(change.result, change.result)) for change in dry.targets[0].changes] == [
        (change.change, change.result) for change in wet.targets[0].changes
    ]


@given(situations(), RULE_SETS, st.booleans())
def test_a_failed_or_empty_reading_deletes_nothing(
    situation: Situation,
    rules: Rules,
    force: bool,  # noqa: FBT001
) -> None:
    live, there = situation
    table = a_table(rules, there)
    before = list(table.routes)
    source = FakeNodes(*live)
    source.failing = True
    with contextlib.suppress(SourceError):
        run(source, table, rules=rules, order=Order("http", force=force))
    assert table.reads == 0
    passes((), table, force=force)
    passes([Node(one.name, one.created) for one in live], table, force=force)
    assert (table.routes, table.requests) == (before, [])


@many
@given(situations(), RULE_SETS, FAULTS, st.booleans())
def test_a_live_node_keeps_its_route(
    situation: Situation,
    rules: Rules,
    faults: list[Fault],
    force: bool,  # noqa: FBT001
) -> None:
    """XD#2858: stopping a kubelet deleted what led to its node. A second claim may move a route, nothing takes it away."""
    live, there = situation
    table = a_table(rules, there, faults)
    alive = [
        str(route.prefix)
        for route in table.observe().managed
        if any(route.prefix in one.pod_cidrs or (not one.pod_cidrs and route.next_hop in one.addresses) for one in live)
    ]
    leaving = [
        str(route.prefix)
        for route in table.observe().managed
        if any(one.deleting and route.prefix in one.pod_cidrs and route.next_hop in one.addresses for one in live)
    ]
    before = table.routed
    for _ in range(3):
        with contextlib.suppress(Killed):
            passes(live, table, force=force)
        assert set(alive) <= table.routed.keys()
        assert all(table.routed[prefix] == before[prefix] for prefix in leaving)


@many
@given(situations(), RULE_SETS, FAULTS)
def test_nothing_is_called_applied_that_the_table_does_not_hold(
    situation: Situation, rules: Rules, faults: list[Fault]
) -> None:
    live, there = situation
    table = a_table(rules, there, faults)
    for _ in range(len(faults) + 1):
        with contextlib.suppress(Killed):
            for change in passes(live, table).targets[0].changes:
                if change.result is Result.APPLIED:
                    assert shows(table, change.change), written(change.change)


def shows(table: FakeTable, change: AnyChange) -> bool:
    names = {route["name"]: route["properties"] for route in table.routes}
    if isinstance(change, Delete):
        return change.previous.name not in names
    assert (
        not isinstance(change, Update) or change.previous.name == change.entry.name or change.previous.name not in names
    )
    assert isinstance(change.entry, Route)
    there = names.get(change.entry.name, {})
    return (there.get("addressPrefix"), there.get("nextHopIpAddress"), there.get("nextHopType")) == (
        str(change.entry.prefix),
        str(change.entry.next_hop),
        VIRTUAL_APPLIANCE,
    )


@many
@given(situations(), FAULTS)
def test_whatever_goes_wrong_the_next_undisturbed_pass_repairs_it(situation: Situation, faults: list[Fault]) -> None:
    live, there = situation
    table = a_table(ROOMY, there, faults)
    while table.faults:
        left = len(table.faults)
        with contextlib.suppress(Killed):
            passes(live, table)
        if len(table.faults) == left:
            break
    table.faults.clear()
    expected = should_hold(live, table)
    assert passes(live, table).outcome is not Outcome.FAILED
    assert table.routed == expected


@given(situations(), FAULTS)
def test_a_pass_asks_for_a_bounded_number_of_writes(situation: Situation, faults: list[Fault]) -> None:
    live, there = situation
    table = a_table(ROOMY, there, faults)
    with contextlib.suppress(Killed):
        passes(live, table)
    assert len(table.requests) <= MAX_ATTEMPTS
    assert table.reads <= MAX_ATTEMPTS


@many
@given(situations(), RULE_SETS)
def test_a_pass_never_fills_a_table_beyond_its_limit(situation: Situation, rules: Rules) -> None:
    live, there = situation
    table = a_table(rules, there)
    passes(live, table, force=True)
    assert len(table.routes) <= max(len(there), rules.routes_per_table)
