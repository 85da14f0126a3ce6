"""HTTP on our side of the border: what callers may ask, and which answer a report becomes. Knows no web framework."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import msgspec

from shared import shapes
from shared.doctor.check import Examination
from shared.doctor.rendering import render_json as doctor_json
from shared.errors import AppError, ConfigError, RequestError, StorageError, UnknownClusterError
from shared.history import Query
from shared.page import page
from shared.reconcile import Order
from shared.report import Cause, ClusterReport, Outcome, Result, render_json
from shared.terminal import View, doctor_text, reports_text, status_text

Format = Literal["json", "text"]


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP answer."""

    status: int
    body: str
    content_type: str
    headers: Mapping[str, str] = field(default_factory=dict)


class _Body(msgspec.Struct, forbid_unknown_fields=True, rename="camel"):
    cluster: str | None = None
    dry_run: bool | None = None
    force: bool | None = None
    expect: str | None = None


_FINGERPRINT = re.compile(r"[0-9a-f]{12}")


def reconcile_order(body: bytes) -> tuple[str | None, Order]:
    """The cluster (None: all) and the order of a reconcile request. Raises RequestError naming the field."""
    if not body.strip():
        return None, Order("http")
    try:
        asked = shapes.decode(body, _Body)
    except msgspec.ValidationError as error:
        raise _field_error(str(error)) from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise RequestError("body", f"not JSON: {error}") from error
    if asked.expect is not None and not _FINGERPRINT.fullmatch(asked.expect):
        raise RequestError("expect", "not a fingerprint; a plan's has 12 hex digits, such as 4f1c09ab2d37")
    if asked.expect is not None and asked.cluster is None:
        raise RequestError("expect", "a fingerprint is of one cluster's plan; name it in cluster")
    return asked.cluster, Order("http", dry_run=bool(asked.dry_run), force=bool(asked.force), expect=asked.expect)


def answer_format(query: Mapping[str, str]) -> Format:
    """`?format=text` or JSON. Raises RequestError for anything else."""
    match query.get("format", "json"):
        case "json":
            return "json"
        case "text":
            return "text"
        case other:
            raise RequestError("format", f"json or text, not {other[:20]!r}")


def answer(reports: Sequence[ClusterReport], form: Format, how: View = View()) -> Answer:  # noqa: B008  # a frozen value
    """The answer for reports: the worst cluster decides the status."""
    status = max((_status(report) for report in reports), key=_SEVERITY.index, default=200)
    retry_after = max((report.retry_after for report in reports), default=0)
    headers = {"Retry-After": str(retry_after)} if status == 409 and retry_after else {}
    if form == "text":
        return Answer(status, reports_text(reports, how), "text/plain", headers)
    return Answer(status, _json(render_json(reports)), "application/json", headers)


def doctor_answer(examinations: Sequence[Examination], form: Format, how: View = View()) -> Answer:  # noqa: B008  # as above
    """What the doctor found; 200 whatever the verdicts."""
    if form == "text":
        return Answer(200, doctor_text({each.cluster: each.checks for each in examinations}, how), "text/plain")
    return Answer(200, _json(doctor_json(examinations)), "application/json")


def history_answer(query: Query, found: Any) -> Answer:
    """The entries of a cluster in short, or one whole; 404 where there is none of that id."""
    if not query.entry:
        return Answer(200, _json({"cluster": query.cluster, "entries": found}), "application/json")
    if found is None:
        body = {"clusters": [], "error": f"{query.cluster} has no entry {query.entry} in its history", "field": "entry"}
        return Answer(404, _json(body), "application/json")
    return Answer(200, _json(found), "application/json")


def status_answer(status: Mapping[str, Any], form: Format, how: View = View()) -> Answer:  # noqa: B008  # as above
    """How every cluster is doing."""
    if form == "text":
        reports = [each["report"] for each in status["clusters"] if each["report"]]
        return Answer(200, status_text({**status, "clusters": reports}, how), "text/plain")
    return Answer(200, _json(dict(status)), "application/json", {"Cache-Control": "no-store", "Vary": "Accept"})


def page_answer() -> Answer:
    """The status for a browser: a page that fetches the rest from its own address."""
    document, headers = page()
    return Answer(200, document, "text/html", headers)


def wants_page(accept: str, query: Mapping[str, str]) -> bool:
    """Whether a browser asks, and not a program: the type is named before JSON, and no other form is asked for."""
    accepted = [part.partition(";")[0].strip() for part in accept.lower().split(",")]
    return "format" not in query and "text/html" in accepted and "application/json" not in accepted


def refusal(error: AppError, query: Mapping[str, str]) -> Answer:
    """The answer for a request that reached no cluster: the sentence as text where text was asked for."""
    match error:
        case UnknownClusterError():
            status = 404
        case ConfigError():
            status = 422
        case StorageError():
            status = 502
        case _:
            status = 400
    if query.get("format") == "text":
        return Answer(status, f"{error}\n", "text/plain")
    body: dict[str, Any] = {"clusters": [], "error": str(error)}
    if isinstance(error, RequestError):
        body["field"] = error.field
    return Answer(status, _json(body), "application/json")


_SEVERITY = (200, 422, 409, 502)


def _status(report: ClusterReport) -> int:
    match report.cause:
        case Cause.UPSTREAM:
            return 502
        case Cause.BUSY | Cause.CHANGED:
            return 409
        case Cause.REFUSED:
            return 422
        case None:
            pass
    if report.outcome is Outcome.FAILED:
        return 502
    done = any(
        change.result in {Result.APPLIED, Result.PLANNED} for target in report.targets for change in target.changes
    )
    return 422 if report.outcome in {Outcome.HELD, Outcome.PARTIAL} and not done else 200


def _field_error(message: str) -> RequestError:
    """Msgspec ends its messages with the path: "Expected `bool`, got `str` - at `$.dryRun`"."""
    what, _, path = message.partition(" - at `$.")
    if path:
        return RequestError(path.rstrip("`"), what)
    unknown = what.partition("unknown field `")[2].rstrip("`")
    return RequestError(unknown or "body", what if not unknown else "unknown; known are cluster, dryRun, force, expect")


def _json(body: dict[str, Any]) -> str:
    return json.dumps(body, ensure_ascii=False, indent=2) + "\n"
