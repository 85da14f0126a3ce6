"""One pass over one cluster, the whole story on one screen: read, desire, plan, guard, apply, verify, report.

Reads first and everything, so that what a person approved (`expect`) is the whole plan; then every table by itself, side
by side, so that one that fails stops no other. Reading nodes and tables, and waiting, are the caller's: this room is pure
but for what it is handed.
"""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Protocol

from shared.desired import Desired, desire
from shared.errors import SourceError, SupersededError, TargetError
from shared.models import Observed, Reading, Rules
from shared.plan import Change, Plan, Step, Verdict, fingerprint, holds, make_plan
from shared.report import Cause, ChangeReport, ClusterReport, Outcome, Result, TargetReport, worst
from shared.safety import guard
from shared.witness import Answer, Hearing

MAX_ATTEMPTS = 4
"""How often one pass plans one table anew after somebody else's write came first."""
TABLES_AT_ONCE = 8
"""Tables written side by side; a cluster has one per agent pool subnet at most."""


class NodeSource(Protocol):
    """Where the nodes of a cluster are read."""

    def read(self) -> Reading:
        """All nodes, or SourceError: never a part of them."""
        ...


class Target(Protocol):
    """One route table."""

    @property
    def id(self) -> str:
        """Its resource id."""
        ...

    def observe(self) -> Observed:
        """What it holds now; TargetError when it cannot be read."""
        ...

    def apply(self, observed: Observed, changes: Sequence[Change]) -> Observed:
        """Write `changes` onto what was observed, in one write, and return what Azure holds once it says it is done.

        Raises SupersededError when the table is no longer as observed, TargetError when the write did not succeed.
        """
        ...


@dataclass(frozen=True, slots=True)
class Order:
    """What a caller asks of a pass."""

    trigger: str
    dry_run: bool = False
    force: bool = False
    expect: str | None = None


@dataclass(frozen=True, slots=True)
class _Look:
    """One look at the nodes, what they entitle to, and who may vouch for deletes."""

    reading: Reading
    desired: Desired
    hearing: Hearing | None


@dataclass(frozen=True, slots=True)
class _Draft:
    """A table, what it held, and what is to become of it."""

    target: Target
    observed: Observed
    plan: Plan


def reconcile(
    rules: Rules,
    mode: str,
    source: NodeSource,
    targets: Sequence[Target],
    order: Order,
    *,
    pause: Callable[[float], None],
    before_write: Callable[[], None],
    ask_azure: Callable[[], Answer] | None = None,
) -> ClusterReport:
    """One pass. `pause` waits the given number of seconds; `before_write` raises BusyError where we may not write any more.

    `ask_azure` has the second witness tell the machines that are there; without it the brake holds by itself. Raises
    SourceError when the nodes cannot be read, and what `before_write` raises.
    """

    def look() -> _Look:
        reading = source.read()
        hearing = Hearing(ask_azure, reading.nodes) if ask_azure else None
        return _Look(reading, desire(reading.nodes, rules.pod_cidrs), hearing)

    seen = look()

    def finish(drafted: _Draft | TargetReport) -> TargetReport:
        if isinstance(drafted, TargetReport):
            return drafted
        if order.dry_run or (order.expect is not None and order.expect != mark) or not drafted.plan.changes:
            return _unwritten(drafted, rules)
        return _write(drafted, lambda lost: _redraft(lost, look, rules, order), rules, pause, before_write)

    with ThreadPoolExecutor(max_workers=TABLES_AT_ONCE, thread_name_prefix="table") as side_by_side:
        drafts = list(side_by_side.map(lambda target: _draft(target, seen, rules, order), targets))
        mark = _fingerprint(drafts)
        reports = tuple(side_by_side.map(finish, drafts))

    changed = order.expect is not None and mark is not None and order.expect != mark
    return ClusterReport(
        rules.owner,
        mode,
        order.trigger,
        worst(report.outcome for report in reports),
        fingerprint=mark,
        error=f"the plan is {mark} now, not {order.expect}; nothing was written. Look at the plan again"
        if changed
        else None,
        cause=Cause.CHANGED if changed or any(report.changed for report in reports) else None,
        node_count=len(seen.reading.nodes),
        waiting=seen.desired.waiting,
        findings=seen.reading.findings + seen.desired.findings,
        targets=reports,
    )


def _draft(target: Target, seen: _Look, rules: Rules, order: Order) -> _Draft | TargetReport:
    """A plan for one table, or the report that it could not be read."""
    try:
        observed = target.observe()
    except TargetError as error:
        return TargetReport(target.id, Outcome.FAILED, error=str(error))
    plan = guard(
        make_plan(observed, seen.desired, rules),
        observed,
        seen.desired,
        rules,
        force=order.force,
        witness=seen.hearing.about if seen.hearing else None,
    )
    return _Draft(target, observed, plan)


def _fingerprint(drafts: Sequence[_Draft | TargetReport]) -> str | None:
    """None where a table could not be read: what is known then is not the plan."""
    known = [each for each in drafts if isinstance(each, _Draft)]
    return fingerprint({each.target.id: each.plan for each in known}) if len(known) == len(drafts) else None


def _write(
    draft: _Draft,
    redraft: Callable[[_Draft], _Draft | TargetReport],
    rules: Rules,
    pause: Callable[[float], None],
    before_write: Callable[[], None],
    *,
    attempts: int = MAX_ATTEMPTS,
) -> TargetReport:
    """Apply; where somebody else was faster, plan afresh, a bounded number of times."""
    before_write()
    try:
        return _written(draft, draft.target.apply(draft.observed, draft.plan.changes), rules)
    except SupersededError as error:
        if attempts == 1:
            return _broken(draft, rules, f"{error} (gave up after {MAX_ATTEMPTS} attempts; the next pass tries again)")
        pause(error.retry_after)
    except TargetError as error:
        return _broken(draft, rules, str(error))
    fresh = redraft(draft)
    if isinstance(fresh, TargetReport):
        return fresh
    return _write(fresh, redraft, rules, pause, before_write, attempts=attempts - 1)


def _redraft(lost: _Draft, look: Callable[[], _Look], rules: Rules, order: Order) -> _Draft | TargetReport:
    """A fresh plan on fresh nodes and a fresh table, or the report where nothing is left to write."""
    try:
        fresh = _draft(lost.target, look(), rules, order)
    except SourceError as error:
        return _broken(lost, rules, str(error))
    if isinstance(fresh, TargetReport):
        return fresh
    if order.expect is not None and (fresh.plan.wanted, fresh.plan.changes) != (lost.plan.wanted, lost.plan.changes):
        report = _broken(fresh, rules, "the table changed under the expected plan; nothing was written to it")
        return replace(report, changed=True)
    return fresh if fresh.plan.changes else _unwritten(fresh, rules)


def _unwritten(draft: _Draft, rules: Rules) -> TargetReport:
    changes = tuple(_entry(step, Result.PLANNED) for step in draft.plan.steps)
    return _report(draft, draft.observed, rules, changes)


def _written(draft: _Draft, after: Observed, rules: Rules) -> TargetReport:
    """Applied is only what the table shows after Azure said that it is done."""
    changes = tuple(
        _entry(step, Result.APPLIED if holds(after, step.change) else Result.FAILED) for step in draft.plan.steps
    )
    lost = sum(entry.result is Result.FAILED for entry in changes)
    error = (
        f"Azure reported success, but {lost} change(s) are not in the table; the next pass tries again"
        if lost
        else None
    )
    return replace(_report(draft, after, rules, changes), error=error)


def _broken(draft: _Draft, rules: Rules, error: str) -> TargetReport:
    changes = tuple(_entry(step, Result.FAILED) for step in draft.plan.steps)
    return replace(_report(draft, draft.observed, rules, changes), outcome=Outcome.FAILED, error=error)


def _entry(step: Step, result: Result) -> ChangeReport:
    """The verdict of a rail stands; `result` is for what was let through."""
    return ChangeReport(step.change, result if step.verdict is Verdict.PLANNED else Result(step.verdict), step.reason)


def _report(draft: _Draft, observed: Observed, rules: Rules, changes: tuple[ChangeReport, ...]) -> TargetReport:
    return TargetReport(
        draft.target.id,
        _outcome({entry.result for entry in changes}),
        managed=len(observed.managed),
        foreign=len(observed.foreign),
        capacity=rules.routes_per_table,
        changes=changes,
        findings=draft.plan.findings,
    )


def _outcome(results: set[Result]) -> Outcome:
    """The most telling of a table's results; a dry run is `planned` as soon as anything would be written."""
    for result, outcome in (
        (Result.FAILED, Outcome.FAILED),
        (Result.PLANNED, Outcome.PLANNED),
        (Result.SKIPPED, Outcome.PARTIAL),
        (Result.HELD, Outcome.HELD),
        (Result.APPLIED, Outcome.APPLIED),
    ):
        if result in results:
            return outcome
    return Outcome.IN_SYNC
