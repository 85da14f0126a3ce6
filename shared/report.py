"""What a pass says about itself: outcomes, and the two renderings of the contract (JSON and text)."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, assert_never

from shared.errors import AppError, BusyError, RefusedError
from shared.models import Finding, Foreign, Route, Waiting
from shared.plan import Change, Create, Delete, Update


class Outcome(StrEnum):
    """How a target, or a cluster, ended. In order: the later, the worse."""

    IN_SYNC = "inSync"
    PLANNED = "planned"
    APPLIED = "applied"
    HELD = "held"
    PARTIAL = "partial"
    BUSY = "busy"
    FAILED = "failed"


class Result(StrEnum):
    """What became of one change."""

    PLANNED = "planned"
    APPLIED = "applied"
    HELD = "held"
    SKIPPED = "skipped"
    FAILED = "failed"


class Cause(StrEnum):
    """Why a cluster's pass ended without doing its work; decides the answer to an HTTP caller."""

    REFUSED = "refused"
    CHANGED = "changed"
    BUSY = "busy"
    UPSTREAM = "upstream"


@dataclass(frozen=True, slots=True)
class ChangeReport:
    """One change and its result."""

    change: Change
    result: Result
    reason: str = ""


@dataclass(frozen=True, slots=True)
class TargetReport:
    """One route table after a pass. The counts are those before it, or after it where something was applied."""

    target: str
    outcome: Outcome
    managed: int = 0
    foreign: int = 0
    capacity: int = 0
    changes: tuple[ChangeReport, ...] = ()
    findings: tuple[Finding, ...] = ()
    error: str | None = None
    changed: bool = False
    """Another writer made it another plan than the expected one, so nothing was written."""


@dataclass(frozen=True, slots=True)
class ClusterReport:
    """One cluster after a pass."""

    cluster: str
    mode: str
    trigger: str
    outcome: Outcome
    fingerprint: str | None = None
    started_at: str = ""
    duration_ms: int = 0
    error: str | None = None
    cause: Cause | None = None
    retry_after: int = 0
    """Seconds, where `cause` is BUSY."""
    node_count: int = 0
    waiting: tuple[Waiting, ...] = ()
    findings: tuple[Finding, ...] = ()
    """What concerns all tables: subnets without one, nodes that contradict themselves. JSON repeats it for each target."""
    targets: tuple[TargetReport, ...] = ()

    @property
    def is_settled(self) -> bool:
        """Nothing is expected to change by itself: every node has its routes, or a person has to act."""
        return not self.waiting and self.outcome not in {Outcome.FAILED, Outcome.BUSY}


_ORDER = tuple(Outcome)


def worst(outcomes: Iterable[Outcome]) -> Outcome:
    """The worst of several outcomes; of none, that everything is in sync."""
    return max(outcomes, key=_ORDER.index, default=Outcome.IN_SYNC)


def failed(cluster: str, mode: str, trigger: str, error: AppError) -> ClusterReport:
    """The report of a pass that ended in an error before it reached a target."""
    if isinstance(error, BusyError):
        return ClusterReport(
            cluster, mode, trigger, Outcome.BUSY, error=str(error), cause=Cause.BUSY, retry_after=error.retry_after
        )
    cause = Cause.REFUSED if isinstance(error, RefusedError) else Cause.UPSTREAM
    return ClusterReport(cluster, mode, trigger, Outcome.FAILED, error=str(error), cause=cause)


def render_json(reports: Iterable[ClusterReport]) -> dict[str, Any]:
    """The report as the contract prints it."""
    return {"clusters": [_cluster_json(report) for report in reports]}


def render_text(reports: Iterable[ClusterReport]) -> str:
    """The report for a person: one block per cluster, one line per change."""
    return "\n".join(line for report in reports for line in _cluster_text(report)) + "\n"


def _cluster_json(report: ClusterReport) -> dict[str, Any]:
    return {
        "cluster": report.cluster,
        "mode": report.mode,
        "trigger": report.trigger,
        "outcome": report.outcome,
        "fingerprint": report.fingerprint,
        "startedAt": report.started_at,
        "durationMs": report.duration_ms,
        "error": report.error,
        "nodes": {
            "total": report.node_count,
            "waiting": [{"node": waiting.node, "reason": waiting.reason} for waiting in report.waiting],
        },
        "targets": [
            {
                "target": target.target,
                "outcome": target.outcome,
                "managed": target.managed,
                "foreign": target.foreign,
                "capacity": target.capacity,
                "error": target.error,
                "changes": [_change_json(change) for change in target.changes],
                "findings": [_finding_json(finding) for finding in (*target.findings, *report.findings)],
            }
            for target in report.targets
        ],
    }


def _finding_json(finding: Finding) -> dict[str, Any]:
    return {
        "severity": finding.severity,
        "code": finding.code,
        "message": finding.message,
        "resource": finding.resource,
    }


def _change_json(entry: ChangeReport) -> dict[str, Any]:
    match entry.change:
        case Delete(previous):
            action, route, before, node = "delete", previous, None, None
        case Update(previous, route, node):
            action, before = "update", previous.next_hop
        case Create(route, node):
            action, before = "create", None
        case _:
            assert_never(entry.change)
    return {
        "action": action,
        "name": route.name,
        "prefix": str(route.prefix),
        "nextHop": _text(route.next_hop),
        "previousNextHop": _text(before),
        "node": node,
        "result": entry.result,
        **({"reason": entry.reason} if entry.reason else {}),
    }


def _text(value: object) -> str | None:
    return None if value is None else str(value)


def _cluster_text(report: ClusterReport) -> Iterable[str]:
    for target in report.targets:
        yield f"{report.cluster}  {report.mode}  {target.target.rpartition('/')[2]}: {_summary(target)}"
        if target.error:
            yield f"  error: {target.error}"
        yield from _change_lines(target.changes)
        yield from (f"  {finding.severity}: {finding.message}" for finding in target.findings)
    if not report.targets:
        yield f"{report.cluster}  {report.mode}: {report.outcome}"
    if report.error:
        yield f"  error: {report.error}"
    yield from (f"  {finding.severity}: {finding.message}" for finding in report.findings)
    if report.waiting:
        yield "  waiting: " + ", ".join(f"{waiting.node} ({waiting.reason})" for waiting in report.waiting)
    if report.fingerprint and any(target.changes for target in report.targets):
        yield f"plan {report.fingerprint}"


_WORDS: dict[type[Delete] | type[Update] | type[Create], tuple[str, str]] = {
    Delete: ("delete", "deleted"),
    Update: ("update", "updated"),
    Create: ("create", "created"),
}


def _summary(target: TargetReport) -> str:
    counts = f"({target.managed} managed, {target.foreign} foreign left alone, {target.managed}/{target.capacity} used)"
    if target.error and not target.capacity:
        return str(target.outcome)
    parts = [
        f"{number} {_result_word(kind, result)}"
        for result in Result
        for kind in _WORDS
        if (number := sum(type(entry.change) is kind and entry.result is result for entry in target.changes))
    ]
    return f"{', '.join(parts) or 'in sync'} {counts}"


def _result_word(kind: type[Delete] | type[Update] | type[Create], result: Result) -> str:
    verb, done = _WORDS[kind]
    match result:
        case Result.PLANNED:
            return f"to {verb}"
        case Result.APPLIED:
            return done
        case Result.HELD | Result.SKIPPED | Result.FAILED:
            return f"to {verb} {result}"


def _change_lines(changes: tuple[ChangeReport, ...]) -> list[str]:
    rows = [_row(entry) for entry in changes]
    prefix_width = max((len(row[1]) for row in rows), default=0)
    hop_width = max((len(row[2]) for row in rows), default=0)
    return [
        f"  {sign} {prefix:<{prefix_width}}  {hop:<{hop_width}}     {node}{note}".rstrip()
        for sign, prefix, hop, node, note in rows
    ]


def _row(entry: ChangeReport) -> tuple[str, str, str, str, str]:
    plain = entry.result in {Result.PLANNED, Result.APPLIED} and not entry.reason
    note = "" if plain else f"  [{_note(entry)}]"
    match entry.change:
        case Delete(previous):
            return "-", str(previous.prefix), f"via {_hop(previous)}", "", note
        case Update(previous, route, node):
            return "~", str(route.prefix), f"via {_hop(previous)} -> {route.next_hop}", node, note
        case Create(route, node):
            return "+", str(route.prefix), f"via {route.next_hop}", node, note


def _note(entry: ChangeReport) -> str:
    return f"{entry.result}: {entry.reason}" if entry.reason else str(entry.result)


def _hop(route: Route | Foreign) -> str:
    """The next hop as a person knows it: an address, else the next hop type."""
    if route.next_hop is not None:
        return str(route.next_hop)
    return route.next_hop_type if isinstance(route, Route) else "another hop"
