"""What a caller may ask over HTTP, and which answer a report becomes."""

import json

import pytest

from shared.answers import answer, answer_format, reconcile_order, refusal
from shared.changes import Create
from shared.errors import AppError, ConfigError, RequestError, UnknownClusterError
from shared.reconcile import Order
from shared.report import Cause, ChangeReport, ClusterReport, Outcome, Result, TargetReport, render_text
from tests.examples import TABLE, managed

ORDERS = [
    (b"", None, Order("http")),
    (b" \n", None, Order("http")),
    (b"{}", None, Order("http")),
    (b'{"cluster": null, "expect": null}', None, Order("http")),
    (b'{"cluster": "prod"}', "prod", Order("http")),
    (b'{"dryRun": true}', None, Order("http", dry_run=True)),
    (b'{"force": true}', None, Order("http", force=True)),
    (
        b'{"cluster": "prod", "expect": "4f1c09ab2d37", "force": true}',
        "prod",
        Order("http", force=True, expect="4f1c09ab2d37"),
    ),
]


@pytest.mark.parametrize(("body", "cluster", "order"), ORDERS)
def test_a_body_is_an_order(body: bytes, cluster: str | None, order: Order) -> None:
    assert reconcile_order(body) == (cluster, order)


REFUSED = [
    (b"{", "body"),
    (b"reconcile!", "body"),
    (b"\xff\xfe", "body"),
    (b'"\xff"', "body"),
    (b'{"cluster": "\xff"}', "body"),
    (b"[]", "body"),
    (b"null", "body"),
    (b'"prod"', "body"),
    (b"[" * 10_000, "body"),
    (b'{"cluster": 7}', "cluster"),
    (b'{"cluster": ["prod"]}', "cluster"),
    (b'{"dryRun": "yes"}', "dryRun"),
    (b'{"dryRun": 1}', "dryRun"),
    (b'{"force": "true"}', "force"),
    (b'{"cluster": "prod", "expect": 4}', "expect"),
    (b'{"cluster": "prod", "expect": ""}', "expect"),
    (b'{"cluster": "prod", "expect": "4F1C09AB2D37"}', "expect"),
    (b'{"cluster": "prod", "expect": "4f1c09ab2d3"}', "expect"),
    (b'{"cluster": "prod", "expect": "4f1c09ab2d37\\n"}', "expect"),
    (b'{"expect": "4f1c09ab2d37"}', "expect"),
    (b'{"dry_run": true}', "dry_run"),
    (b'{"dryrun": true}', "dryrun"),
    (b'{"cluster": "prod", "timeout": 3}', "timeout"),
]


@pytest.mark.parametrize(("body", "field"), REFUSED)
def test_a_body_that_cannot_be_understood_is_refused_with_the_field(body: bytes, field: str) -> None:
    with pytest.raises(RequestError) as refused:
        reconcile_order(body)
    assert refused.value.field == field
    assert str(refused.value).startswith(f"{field}: ")


@pytest.mark.parametrize(("query", "form"), [({}, "json"), ({"format": "json"}, "json"), ({"format": "text"}, "text")])
def test_a_caller_chooses_the_format(query: dict[str, str], form: str) -> None:
    assert answer_format(query) == form


@pytest.mark.parametrize("asked", ["", "yaml", "TEXT", "x" * 500])
def test_an_unknown_format_is_refused(asked: str) -> None:
    with pytest.raises(RequestError) as refused:
        answer_format({"format": asked})
    assert refused.value.field == "format"
    assert len(str(refused.value)) < 60


def report(outcome: Outcome, *results: Result, cause: Cause | None = None, retry_after: int = 0) -> ClusterReport:
    change = Create(managed("100.64.1.0/24", "10.0.0.4"), "n1")
    target = TargetReport(TABLE, outcome, changes=tuple(ChangeReport(change, result) for result in results))
    return ClusterReport("prod", "udr", "http", outcome, cause=cause, retry_after=retry_after, targets=(target,))


STATUSES = [
    ("in sync", report(Outcome.IN_SYNC), 200),
    ("planned", report(Outcome.PLANNED, Result.PLANNED), 200),
    ("planned, and something would be held", report(Outcome.PLANNED, Result.PLANNED, Result.HELD), 200),
    ("applied", report(Outcome.APPLIED, Result.APPLIED), 200),
    ("held, and nothing else was left to do", report(Outcome.HELD, Result.HELD), 422),
    ("held, and the rest was applied", report(Outcome.HELD, Result.HELD, Result.APPLIED), 200),
    ("no room for anything", report(Outcome.PARTIAL, Result.SKIPPED), 422),
    ("room for some", report(Outcome.PARTIAL, Result.SKIPPED, Result.APPLIED), 200),
    ("the plan is impossible", report(Outcome.FAILED, cause=Cause.REFUSED), 422),
    ("another writer has it", report(Outcome.BUSY, cause=Cause.BUSY, retry_after=30), 409),
    ("the plan changed since expect", report(Outcome.PLANNED, Result.PLANNED, cause=Cause.CHANGED), 409),
    ("Azure failed", report(Outcome.FAILED, Result.FAILED), 502),
    ("Azure failed after a part", report(Outcome.FAILED, Result.FAILED, Result.APPLIED), 502),
    ("Kubernetes failed", report(Outcome.FAILED, cause=Cause.UPSTREAM), 502),
]


@pytest.mark.parametrize(("one", "status"), [case[1:] for case in STATUSES], ids=[case[0] for case in STATUSES])
def test_a_report_has_a_status(one: ClusterReport, status: int) -> None:
    assert answer([one], "json").status == status


def test_the_worst_cluster_decides() -> None:
    fine, held = report(Outcome.IN_SYNC), report(Outcome.HELD, Result.HELD)
    busy, broken = report(Outcome.BUSY, cause=Cause.BUSY, retry_after=30), report(Outcome.FAILED)
    ladder = [fine, held, busy, broken]
    statuses = [answer(ladder[:number], "json").status for number in range(1, 5)]
    assert statuses == [200, 422, 409, 502]
    assert [answer(ladder[number - 1 :: -1], "json").status for number in range(1, 5)] == statuses


def test_no_cluster_is_no_failure() -> None:
    assert answer([], "json").status == 200


def test_busy_says_when_to_come_again() -> None:
    one, other = (report(Outcome.BUSY, cause=Cause.BUSY, retry_after=seconds) for seconds in (15, 30))
    assert answer([one, other], "json").headers == {"Retry-After": "30"}


@pytest.mark.parametrize("others", [[report(Outcome.FAILED)], []])
def test_only_busy_says_when_to_come_again(others: list[ClusterReport]) -> None:
    assert not answer([report(Outcome.APPLIED, Result.APPLIED), *others], "json").headers


def test_json_is_a_report_with_letters_as_they_are() -> None:
    one = ClusterReport("prod", "udr", "http", Outcome.FAILED, error="Müll …")
    said = answer([one], "json")
    assert said.content_type == "application/json"
    assert json.loads(said.body)["clusters"][0]["error"] == "Müll …"
    assert "Müll …" in said.body


def test_text_is_the_rendering_for_a_person() -> None:
    said = answer([report(Outcome.IN_SYNC)], "text")
    assert said.content_type == "text/plain"
    assert said.body == render_text([report(Outcome.IN_SYNC)])


REFUSALS: list[tuple[AppError, int]] = [
    (RequestError("cluster", "not a string"), 400),
    (UnknownClusterError("no cluster is named x; known are prod"), 404),
    (ConfigError(("prod: podCidrs: missing",)), 422),
]


@pytest.mark.parametrize(("error", "status"), REFUSALS, ids=[type(case[0]).__name__ for case in REFUSALS])
def test_a_request_that_reached_no_cluster_gets_a_report_too(error: AppError, status: int) -> None:
    said = refusal(error, {})
    body = json.loads(said.body)
    assert said.status == status
    assert (body["clusters"], body["error"]) == ([], str(error))
    assert body.get("field") == (error.field if isinstance(error, RequestError) else None)


@pytest.mark.parametrize(("error", "status"), REFUSALS, ids=[type(case[0]).__name__ for case in REFUSALS])
def test_who_asked_for_text_is_refused_in_text(error: AppError, status: int) -> None:
    said = refusal(error, {"format": "text"})
    assert (said.status, said.content_type, said.body) == (status, "text/plain", f"{error}\n")


def test_null_is_as_good_as_absent() -> None:
    assert reconcile_order(b'{"cluster": null, "dryRun": null, "force": null, "expect": null}') == (None, Order("http"))
