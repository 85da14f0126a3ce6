"""What a pass says about itself: outcomes, and the two renderings of the contract (JSON and text)."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, assert_never

from shared.changes import AnyChange, Create, Delete, Update
from shared.errors import AppError, BusyError, RefusedError
from shared.models import BgpPeer, Finding, Foreign, ForeignPeer, Route, Waiting


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

    change: AnyChange
    result: Result
    reason: str = ""


@dataclass(frozen=True, slots=True)
class TargetReport:
    """One route table or hub after a pass. The counts are those before it, or after it where something was applied."""

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
    unfinished: bool = False
    """Azure is at work on it and ends by itself: worth coming back in a minute, sooner than the timer does."""


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
    """What concerns all targets: subnets without a table, nodes that contradict themselves. JSON repeats it for each."""
    targets: tuple[TargetReport, ...] = ()

    @property
    def unfinished(self) -> bool:
        """Azure is still at work on one of the targets."""
        return any(target.unfinished for target in self.targets)


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
    change = entry.change
    match change:
        case Delete(told):
            action, before, node = "delete", None, ""
        case Update(previous, told, node):
            action, before = "update", previous
        case Create(told, node):
            action, before = "create", None
        case _:
            assert_never(change)
    return {
        "action": action,
        "name": told.name,
        **_entry_json(told, before),
        "node": node or None,
        "result": entry.result,
        **({"reason": entry.reason} if entry.reason else {}),
    }


def _entry_json(told: Route | BgpPeer, before: Route | Foreign | BgpPeer | ForeignPeer | None) -> dict[str, Any]:
    if isinstance(told, BgpPeer):
        asn = before.asn if isinstance(before, BgpPeer | ForeignPeer) else None
        return {"peerIp": str(told.ip), "peerAsn": told.asn, "previousPeerAsn": asn}
    hop = before.next_hop if isinstance(before, Route | Foreign) else None
    return {"prefix": str(told.prefix), "nextHop": _text(told.next_hop), "previousNextHop": _text(hop)}


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


_WORDS: dict[type[AnyChange], tuple[str, str]] = {
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


def _result_word(kind: type[AnyChange], result: Result) -> str:
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
    what_width = max((len(row[1]) for row in rows), default=0)
    how_width = max((len(row[2]) for row in rows), default=0)
    return [
        f"  {sign} {what:<{what_width}}  {how:<{how_width}}     {node}{note}".rstrip()
        for sign, what, how, node, note in rows
    ]


def _row(entry: ChangeReport) -> tuple[str, str, str, str, str]:
    plain = entry.result in {Result.PLANNED, Result.APPLIED} and not entry.reason
    note = "" if plain else f"  [{_note(entry)}]"
    change = entry.change
    match change:
        case Delete(previous):
            return "-", _what(previous), f"{_by(previous)} {_whom(previous)}", "", note
        case Update(previous, told, node):
            return "~", _what(told), f"{_by(told)} {_whom(previous)} -> {_whom(told)}", node, note
        case Create(told, node):
            return "+", _what(told), f"{_by(told)} {_whom(told)}", node, note


def _note(entry: ChangeReport) -> str:
    return f"{entry.result}: {entry.reason}" if entry.reason else str(entry.result)


def _what(told: Route | BgpPeer) -> str:
    return str(told.ip if isinstance(told, BgpPeer) else told.prefix)


def _by(told: Route | BgpPeer) -> str:
    return "AS" if isinstance(told, BgpPeer) else "via"


def _whom(told: Route | Foreign | BgpPeer | ForeignPeer) -> str:
    """The next hop as a person knows it: an address, else the next hop type. Of a peer, its AS number."""
    match told:
        case BgpPeer() | ForeignPeer():
            return str(told.asn)
        case Route() | Foreign() if told.next_hop is not None:
            return str(told.next_hop)
        case Route():
            return told.next_hop_type
        case Foreign():
            return "another hop"
