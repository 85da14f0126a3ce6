"""The two renderings of a report, against golden text in the contract's format and against the contract's keys."""

import json
from typing import Any

import pytest

from shared.changes import Create, Delete, RouteChange, Update
from shared.errors import BusyError, ConfigError, RefusedError, SourceError, TargetError
from shared.models import Finding, Severity, Waiting
from shared.report import (
    Cause,
    ChangeReport,
    ClusterReport,
    Outcome,
    Result,
    TargetReport,
    failed,
    render_json,
    render_text,
    worst,
)
from tests.examples import TABLE, foreign, managed

DELETE = Delete(managed("100.64.9.0/24", "10.0.0.12"))
UPDATE: RouteChange = Update(managed("100.64.3.0/24", "10.0.0.5"), managed("100.64.3.0/24", "10.0.0.7"), "aks-np1-03")
CREATE = Create(managed("100.64.12.0/24", "10.0.0.19"), "aks-np1-0b")
CONFLICT = Finding(Severity.WARNING, "foreignConflict", "the foreign route alias has the pod CIDR", "alias")
BRAKE = Finding(Severity.ERROR, "brake", "10 of 20 routes would be deleted")


def entries(*pairs: tuple[RouteChange, Result] | tuple[RouteChange, Result, str]) -> tuple[ChangeReport, ...]:
    return tuple(ChangeReport(*pair) for pair in pairs)


def target(outcome: Outcome, *changes: ChangeReport, **more: Any) -> TargetReport:
    counts = {"managed": 14, "foreign": 2, "capacity": 1000}
    return TargetReport(TABLE, outcome, changes=changes, **(counts | more))


def cluster(outcome: Outcome, *targets: TargetReport, **more: Any) -> ClusterReport:
    return ClusterReport("prod-weu", "udr", "http", outcome, targets=targets, **more)


PLANNED = target(
    Outcome.PLANNED, *entries((DELETE, Result.PLANNED), (UPDATE, Result.PLANNED), (CREATE, Result.PLANNED))
)
ADOPTED = Update(foreign("by-hand", "100.64.3.0/24"), managed("100.64.3.0/24", "10.0.0.7"), "n3")
MENDED: RouteChange = Update(managed("100.64.3.0/24", None, kind="None"), managed("100.64.3.0/24", "10.0.0.7"), "n3")

TEXTS = [
    (
        "a plan, as the contract prints it",
        cluster(
            Outcome.PLANNED, PLANNED, fingerprint="4f1c09ab2d37", waiting=(Waiting("aks-np1-0c", "no pod CIDR yet"),)
        ),
        """\
prod-weu  udr  rt-pods: 1 to delete, 1 to update, 1 to create (14 managed, 2 foreign left alone, 14/1000 used)
  - 100.64.9.0/24   via 10.0.0.12
  ~ 100.64.3.0/24   via 10.0.0.5 -> 10.0.0.7     aks-np1-03
  + 100.64.12.0/24  via 10.0.0.19                aks-np1-0b
  waiting: aks-np1-0c (no pod CIDR yet)
plan 4f1c09ab2d37
""",
    ),
    (
        "done",
        cluster(Outcome.APPLIED, target(Outcome.APPLIED, *entries((CREATE, Result.APPLIED)), managed=15)),
        """\
prod-weu  udr  rt-pods: 1 created (15 managed, 2 foreign left alone, 15/1000 used)
  + 100.64.12.0/24  via 10.0.0.19     aks-np1-0b
""",
    ),
    (
        "nothing to do, so there is no plan to approve",
        cluster(Outcome.IN_SYNC, target(Outcome.IN_SYNC), fingerprint="e3b0c44298fc"),
        """\
prod-weu  udr  rt-pods: in sync (14 managed, 2 foreign left alone, 14/1000 used)
""",
    ),
    (
        "held, left out and failed, each with its reason",
        cluster(
            Outcome.FAILED,
            target(
                Outcome.FAILED,
                *entries((DELETE, Result.HELD, "brake"), (UPDATE, Result.FAILED), (CREATE, Result.SKIPPED, "no room")),
                findings=(BRAKE, CONFLICT),
                error="HTTP 403 ScopeLocked",
            ),
        ),
        """\
prod-weu  udr  rt-pods: 1 to delete held, 1 to create skipped, 1 to update failed (14 managed, 2 foreign left alone, 14/1000 used)
  error: HTTP 403 ScopeLocked
  - 100.64.9.0/24   via 10.0.0.12                  [held: brake]
  ~ 100.64.3.0/24   via 10.0.0.5 -> 10.0.0.7     aks-np1-03  [failed]
  + 100.64.12.0/24  via 10.0.0.19                aks-np1-0b  [skipped: no room]
  error: 10 of 20 routes would be deleted
  warning: the foreign route alias has the pod CIDR
""",
    ),
    (
        "a next hop that is no address",
        cluster(
            Outcome.APPLIED, target(Outcome.APPLIED, *entries((MENDED, Result.APPLIED), (ADOPTED, Result.APPLIED)))
        ),
        """\
prod-weu  udr  rt-pods: 2 updated (14 managed, 2 foreign left alone, 14/1000 used)
  ~ 100.64.3.0/24  via None -> 10.0.0.7            n3
  ~ 100.64.3.0/24  via another hop -> 10.0.0.7     n3
""",
    ),
    (
        "a table that could not be read",
        cluster(Outcome.FAILED, TargetReport(TABLE, Outcome.FAILED, error="HTTP 404: it does not exist")),
        """\
prod-weu  udr  rt-pods: failed
  error: HTTP 404: it does not exist
""",
    ),
    (
        "nodes that could not be read",
        failed("prod-weu", "udr", "timer", SourceError("the API server did not answer")),
        """\
prod-weu  udr: failed
  error: the API server did not answer
""",
    ),
    (
        "GAR try all route tables: two tables, and what concerns the cluster after them",
        cluster(
            Outcome.FAILED,
            target(Outcome.IN_SYNC),
            TargetReport("/x/rt-other", Outcome.FAILED, error="HTTP 404"),
            findings=(Finding(Severity.WARNING, "noRouteTable", "subnet s2 has no route table", "s2"),),
        ),
        """\
prod-weu  udr  rt-pods: in sync (14 managed, 2 foreign left alone, 14/1000 used)
prod-weu  udr  rt-other: failed
  error: HTTP 404
  warning: subnet s2 has no route table
""",
    ),
]


@pytest.mark.parametrize(("report", "text"), [case[1:] for case in TEXTS], ids=[case[0] for case in TEXTS])
def test_a_report_reads(report: ClusterReport, text: str) -> None:
    assert render_text([report]) == text


def test_several_clusters_read_one_after_the_other() -> None:
    one = cluster(Outcome.IN_SYNC, target(Outcome.IN_SYNC))
    assert render_text([one, one]) == render_text([one]) * 2


def test_no_line_of_a_report_ends_in_blanks() -> None:
    for _, report, _ in TEXTS:
        assert all(line == line.rstrip() for line in render_text([report]).splitlines())


CLUSTER_KEYS = {
    *("cluster", "mode", "trigger", "outcome", "fingerprint", "startedAt", "durationMs", "error", "nodes", "targets"),
}
TARGET_KEYS = {"target", "outcome", "managed", "foreign", "capacity", "error", "changes", "findings"}
CHANGE_KEYS = {"action", "name", "prefix", "nextHop", "previousNextHop", "node", "result"}
FINDING_KEYS = {"severity", "code", "message", "resource"}


def plain(report: ClusterReport) -> dict[str, Any]:
    """The cluster as a caller gets it, through JSON."""
    document = json.loads(json.dumps(render_json([report])))
    assert list(document) == ["clusters"]
    (rendered,) = document["clusters"]
    assert isinstance(rendered, dict)
    return rendered


FULL = cluster(
    Outcome.PARTIAL,
    target(
        Outcome.PARTIAL,
        *entries((DELETE, Result.HELD, "brake"), (UPDATE, Result.APPLIED), (CREATE, Result.SKIPPED, "no room")),
        findings=(CONFLICT,),
    ),
    fingerprint="4f1c09ab2d37",
    started_at="2026-11-22T10:00:00Z",
    duration_ms=812,
    node_count=13,
    waiting=(Waiting("aks-np1-0c", "no pod CIDR yet"),),
)


def test_a_cluster_has_exactly_the_contracts_keys() -> None:
    rendered = plain(FULL)
    assert rendered.keys() == CLUSTER_KEYS
    assert rendered["nodes"] == {"total": 13, "waiting": [{"node": "aks-np1-0c", "reason": "no pod CIDR yet"}]}


def test_a_failed_cluster_has_the_same_keys() -> None:
    assert plain(failed("prod-weu", "udr", "timer", SourceError("no"))).keys() == plain(FULL).keys()


def test_a_target_has_exactly_the_contracts_keys() -> None:
    (rendered,) = plain(FULL)["targets"]
    assert rendered.keys() == TARGET_KEYS
    assert rendered["findings"][0].keys() == FINDING_KEYS


def test_a_change_has_exactly_the_contracts_keys_and_a_reason_where_a_rail_spoke() -> None:
    changes = plain(FULL)["targets"][0]["changes"]
    assert changes
    for change, entry in zip(changes, FULL.targets[0].changes, strict=True):
        assert change.keys() - {"reason"} == CHANGE_KEYS
        assert change.get("reason", "") == entry.reason


def test_the_values_of_a_cluster_are_the_contracts() -> None:
    rendered = plain(FULL)
    assert {key: rendered[key] for key in CLUSTER_KEYS - {"nodes", "targets"}} == {
        "cluster": "prod-weu",
        "mode": "udr",
        "trigger": "http",
        "outcome": "partial",
        "fingerprint": "4f1c09ab2d37",
        "startedAt": "2026-11-22T10:00:00Z",
        "durationMs": 812,
        "error": None,
    }


CHANGES = [
    (ChangeReport(DELETE, Result.APPLIED), "delete", "100.64.9.0/24", "10.0.0.12", None, None, "applied"),
    (ChangeReport(UPDATE, Result.FAILED), "update", "100.64.3.0/24", "10.0.0.7", "10.0.0.5", "aks-np1-03", "failed"),
    (ChangeReport(MENDED, Result.PLANNED), "update", "100.64.3.0/24", "10.0.0.7", None, "n3", "planned"),
    (ChangeReport(ADOPTED, Result.PLANNED), "update", "100.64.3.0/24", "10.0.0.7", None, "n3", "planned"),
    (ChangeReport(CREATE, Result.SKIPPED), "create", "100.64.12.0/24", "10.0.0.19", None, "aks-np1-0b", "skipped"),
    (ChangeReport(DELETE, Result.HELD), "delete", "100.64.9.0/24", "10.0.0.12", None, None, "held"),
]


@pytest.mark.parametrize(("entry", "action", "prefix", "hop", "before", "node", "result"), CHANGES)
def test_a_change_is_told(
    entry: ChangeReport, action: str, prefix: str, hop: str, before: str | None, node: str | None, result: str
) -> None:
    (rendered,) = plain(cluster(Outcome.APPLIED, target(Outcome.APPLIED, entry)))["targets"][0]["changes"]
    assert rendered["name"] == f"apr_prod-weu_{prefix.replace('/', '-')}"
    assert {key: rendered[key] for key in CHANGE_KEYS - {"name"}} == {
        "action": action,
        "prefix": prefix,
        "nextHop": hop,
        "previousNextHop": before,
        "node": node,
        "result": result,
    }


def test_every_outcome_and_result_is_a_word_of_the_contract() -> None:
    assert set(Outcome) == {"inSync", "planned", "applied", "held", "partial", "failed", "busy"}
    assert set(Result) == {"planned", "applied", "held", "skipped", "failed"}


def test_the_worst_outcome_counts() -> None:
    ordered = ["inSync", "planned", "applied", "held", "partial", "busy", "failed"]
    assert sorted(Outcome, key=ordered.index) == list(Outcome)
    for number, outcome in enumerate(Outcome, 1):
        assert worst(list(Outcome)[:number]) is outcome
        assert worst(reversed(list(Outcome)[:number])) is outcome
    assert worst([]) is Outcome.IN_SYNC


FAILURES = [
    (SourceError("no"), Outcome.FAILED, Cause.UPSTREAM),
    (TargetError("no"), Outcome.FAILED, Cause.UPSTREAM),
    (RefusedError("no"), Outcome.FAILED, Cause.REFUSED),
    (ConfigError(("no",)), Outcome.FAILED, Cause.UPSTREAM),
    (BusyError("no", retry_after=30), Outcome.BUSY, Cause.BUSY),
]


@pytest.mark.parametrize(("error", "outcome", "cause"), FAILURES, ids=[type(case[0]).__name__ for case in FAILURES])
def test_an_error_becomes_a_report(error: Exception, outcome: Outcome, cause: Cause) -> None:
    assert isinstance(error, SourceError | TargetError | RefusedError | ConfigError | BusyError)
    report = failed("prod-weu", "udr", "timer", error)
    assert (report.outcome, report.cause, report.error) == (outcome, cause, "no")
    assert report.retry_after == (30 if outcome is Outcome.BUSY else 0)
