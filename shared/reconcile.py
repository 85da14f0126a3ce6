"""One pass over one cluster, the whole story on one screen: read, desire, plan, guard, apply, verify, report.

Reads first and everything, so that what a person approved (`expect`) is the whole plan; then every target by itself, side
by side, so that one that fails stops no other. What a target is to hold, and in which writes, is the mode's. Reading nodes
and targets, and waiting, are the caller's: this room is pure but for what it is handed.
"""

from collections.abc import Callable, Collection, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from typing import Generic, Protocol

from shared.changes import Change, E, F, Plan, Step, Verdict, fingerprint, shown
from shared.correlation import carrying
from shared.desired import desire
from shared.errors import SourceError, SupersededError, TargetError, UnfinishedError
from shared.models import Finding, Observed, Reading, Severity
from shared.modes import Look, Mode
from shared.report import Cause, ChangeReport, ClusterReport, Outcome, Result, TargetReport, worst
from shared.witness import Answer, Hearing

MAX_ATTEMPTS = 4
"""How often one pass plans one target anew after somebody else's write came first."""
TARGETS_AT_ONCE = 8
"""Targets written side by side; a cluster has a route table per agent pool subnet at most, or one hub."""


class NodeSource(Protocol):
    """Where the nodes of a cluster are read."""

    def read(self) -> Reading:
        """All nodes, or SourceError: never a part of them."""
        ...


class Target(Protocol[E, F]):
    """One route table, or one hub."""

    @property
    def id(self) -> str:
        """Its resource id."""
        ...

    def observe(self) -> Observed[E, F]:
        """What it holds now; TargetError when it cannot be read."""
        ...

    def apply(self, observed: Observed[E, F], changes: Sequence[Change[E, F]]) -> Observed[E, F]:
        """Write `changes` onto what was observed, in one write, and return what Azure holds once it says it is done.

        Raises SupersededError when the target is no longer as observed, UnfinishedError when Azure accepted the write and is
        still at work on it, TargetError when the write did not succeed.
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
class _Draft(Generic[E, F]):
    """A target, what it held, and what is to become of it."""

    target: Target[E, F]
    observed: Observed[E, F]
    plan: Plan[E, F]


def reconcile(
    mode: Mode[E, F],
    source: NodeSource,
    targets: Sequence[Target[E, F]],
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
    work = _Pass(mode, source, order, pause, before_write, ask_azure)
    seen = work.look()
    with ThreadPoolExecutor(max_workers=TARGETS_AT_ONCE, thread_name_prefix="target") as side_by_side:
        drafts = list(side_by_side.map(carrying(partial(work.draft, seen=seen)), targets))
        mark = _fingerprint(drafts)
        changed = order.expect is not None and mark is not None and order.expect != mark
        go = not (order.dry_run or (order.expect is not None and order.expect != mark))
        reports = tuple(side_by_side.map(carrying(partial(work.finish, go=go)), drafts))

    return ClusterReport(
        mode.rules.owner,
        mode.name,
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


@dataclass(frozen=True, slots=True)
class _Pass(Generic[E, F]):
    """What every target's part of one pass shares."""

    mode: Mode[E, F]
    source: NodeSource
    order: Order
    pause: Callable[[float], None]
    before_write: Callable[[], None]
    ask_azure: Callable[[], Answer] | None

    def look(self) -> Look:
        """The nodes as they are now."""
        reading = self.source.read()
        hearing = Hearing(self.ask_azure, reading.nodes) if self.ask_azure else None
        return Look(reading, desire(reading.nodes, self.mode.rules.pod_cidrs), hearing)

    def draft(self, target: Target[E, F], seen: Look) -> _Draft[E, F] | TargetReport:
        """A plan for one target, or the report that it could not be read."""
        try:
            observed = target.observe()
        except TargetError as error:
            return TargetReport(target.id, Outcome.FAILED, error=str(error))
        return _Draft(target, observed, self.mode.plan(observed, seen, force=self.order.force))

    def finish(self, draft: _Draft[E, F] | TargetReport, *, go: bool) -> TargetReport:
        """What became of a draft; nothing is written unless `go`."""
        if isinstance(draft, TargetReport):
            return draft
        return self._proceed(draft) if go else self._report(draft)

    def _proceed(
        self, draft: _Draft[E, F], made: tuple[ChangeReport, ...] = (), *, attempts: int = MAX_ATTEMPTS
    ) -> TargetReport:
        busy = draft.observed.busy
        if busy is not None:
            report = self._report(draft, made=made, reason=busy.reason)
            told = Finding(Severity.INFO, "notBegun", f"{busy.reason}; nothing is begun until then", draft.target.id)
            return replace(report, unfinished=busy.at_work, findings=(*report.findings, told))
        if not draft.plan.changes:
            return self._report(draft, made=made)
        return self._write(draft, made, attempts=attempts)

    def _write(self, draft: _Draft[E, F], made: tuple[ChangeReport, ...], *, attempts: int) -> TargetReport:
        """Apply write by write; where somebody else was faster, plan afresh, a bounded number of times."""
        observed = draft.observed
        done: list[Change[E, F]] = []
        try:
            for changes in self.mode.writes(observed, draft.plan.changes):
                self.before_write()
                observed = draft.target.apply(observed, changes)
                done += changes
        except UnfinishedError as error:
            report = self._report(draft, observed, done, made=made, reason=str(error))
            return replace(report, unfinished=True)
        except SupersededError as error:
            if attempts == 1:
                told = f"{error} (gave up after {MAX_ATTEMPTS} attempts; the next pass tries again)"
                return self._failed(draft, told, observed, done, made)
            self.pause(error.retry_after)
        except TargetError as error:
            return self._failed(draft, str(error), observed, done, made)
        else:
            return self._report(draft, observed, done, made=made)
        fresh = self._redraft(draft, done)
        if isinstance(fresh, TargetReport):
            return fresh
        made += self._entries([step for step in draft.plan.steps if step.change in done], observed, done)
        return self._proceed(fresh, made, attempts=attempts - 1)

    def _redraft(self, lost: _Draft[E, F], done: Collection[Change[E, F]]) -> _Draft[E, F] | TargetReport:
        """A fresh plan on fresh nodes and a fresh target, or the report where nothing may be written any more."""
        try:
            fresh = self.draft(lost.target, self.look())
        except SourceError as error:
            return self._failed(lost, str(error))
        if isinstance(fresh, TargetReport) or self.order.expect is None:
            return fresh
        expected = [[each for each in whole if each not in done] for whole in (lost.plan.wanted, lost.plan.changes)]
        if [[*fresh.plan.wanted], [*fresh.plan.changes]] != expected:
            report = self._failed(fresh, "it changed under the expected plan; nothing more was written to it")
            return replace(report, changed=True)
        return fresh

    def _failed(
        self,
        draft: _Draft[E, F],
        error: str,
        observed: Observed[E, F] | None = None,
        done: Sequence[Change[E, F]] = (),
        made: tuple[ChangeReport, ...] = (),
    ) -> TargetReport:
        report = self._report(draft, observed, done, made=made, rest=Result.FAILED)
        return replace(report, outcome=Outcome.FAILED, error=error)

    def _report(
        self,
        draft: _Draft[E, F],
        observed: Observed[E, F] | None = None,
        done: Sequence[Change[E, F]] = (),
        *,
        made: tuple[ChangeReport, ...] = (),
        rest: Result = Result.PLANNED,
        reason: str = "",
    ) -> TargetReport:
        """`observed` is what the target holds after `done`; what else may happen is told as `rest`, and why."""
        held = observed or draft.observed
        changes = made + self._entries(draft.plan.steps, held, done, rest, reason)
        lost = sum(entry.result is Result.FAILED for entry in changes) if rest is not Result.FAILED else 0
        return TargetReport(
            draft.target.id,
            _outcome({entry.result for entry in changes}),
            managed=len(held.managed),
            foreign=len(held.foreign),
            capacity=self.mode.capacity,
            changes=changes,
            findings=draft.plan.findings,
            error=f"Azure reported success, but {lost} change(s) are not there; the next pass tries again"
            if lost
            else None,
        )

    @staticmethod
    def _entries(
        steps: Iterable[Step[E, F]],
        held: Observed[E, F],
        done: Sequence[Change[E, F]],
        rest: Result = Result.PLANNED,
        reason: str = "",
    ) -> tuple[ChangeReport, ...]:
        """The verdict of a rail stands. Applied is only what the target shows after Azure said that it is done."""
        written, there = frozenset(done), shown(held, done)

        def entry(step: Step[E, F]) -> ChangeReport:
            if step.verdict is not Verdict.PLANNED:
                return ChangeReport(step.change, Result(step.verdict), step.reason)
            if step.change in written:
                result = Result.APPLIED if step.change in there else Result.FAILED
                return ChangeReport(step.change, result, step.reason)
            return ChangeReport(step.change, rest, reason or step.reason)

        return tuple(map(entry, steps))


def _fingerprint(drafts: Sequence[_Draft[E, F] | TargetReport]) -> str | None:
    """None where a target could not be read: what is known then is not the plan."""
    known = [each for each in drafts if isinstance(each, _Draft)]
    return fingerprint({each.target.id: each.plan for each in known}) if len(known) == len(drafts) else None


def _outcome(results: set[Result]) -> Outcome:
    """The most telling of a target's results; `planned` as soon as anything is still to be written."""
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
