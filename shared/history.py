"""What is kept of a pass that changed, held or failed something, and how it is asked for. Pure: where it lies is `history_blobs`.

A pass that found everything in step leaves no entry: it is in the last report and in the figures. A plan leaves none either.

An entry's id tells its time, so that its key can be told from it; the key counts time backwards, so that a listing, which
storage gives in the order of names only, brings the newest first and stops as soon as it has enough:

    history/shop-weu/8204658399876-20261122T100000123Z-1f3a5c7e.json
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from shared.arm_calls import ArmCall
from shared.errors import RequestError
from shared.history_drift import Place
from shared.report import ClusterReport, Outcome, Result, render_json

FOLDER: Final = "history"
DEFAULT_LIMIT: Final = 50
MAX_LIMIT: Final = 500
_END: Final = 9_999_999_999_999
"""Milliseconds since 1970 in the year 2286: what time is counted back from."""
_ID: Final = re.compile(r"(\d{8}T\d{9})Z-[0-9a-f]{8}")
_WORTH: Final = {Result.APPLIED, Result.HELD, Result.FAILED}
_WRITES: Final = {"PUT", "DELETE", "PATCH"}
"""Of POST there are only actions that read."""


@dataclass(frozen=True, slots=True)
class Circumstances:
    """What the report of a pass does not say of it."""

    at: datetime
    """When it ended, in UTC."""
    correlation: str
    actor: str = ""
    """Who asked: `event <id>`, `timer`, `http`."""
    calls: Sequence[ArmCall] = ()


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry. `headline` is what a listing shows of it, and `body` the whole, JSON.

    A headline travels as HTTP headers: names in lower case, values in ASCII.
    """

    key: str
    headline: Mapping[str, str]
    body: Mapping[str, Any]


def is_worth_keeping(report: ClusterReport) -> bool:
    """Whether the pass changed, held or failed something."""
    return report.outcome is Outcome.FAILED or any(
        entry.result in _WORTH for target in report.targets for entry in target.changes
    )


def make_entry(report: ClusterReport, about: Circumstances, repaired: frozenset[Place] = frozenset()) -> Entry:
    """The entry of a pass that put back what somebody else had changed at `repaired`."""
    entry_id = _entry_id(about)
    (body,) = render_json([report])["clusters"]
    counts = _counts(report)
    for target in body["targets"]:
        target["etagBefore"], target["etagAfter"] = _etags(target["target"], about.calls)
        for change in target["changes"]:
            place = (target["target"].lower(), change.get("prefix") or change.get("peerIp"))
            if place in repaired and change["result"] == Result.APPLIED:
                change["repaired"] = True
    headline = {
        "outcome": str(report.outcome),
        "trigger": report.trigger,
        "actor": _ascii(about.actor or report.trigger),
        "correlation": about.correlation,
        "writes": ",".join(own_writes(about.calls)[:8]),
        "durationms": str(report.duration_ms),
        "repaired": str(len(repaired)),
        **{result: str(count) for result, count in counts.items()},
    }
    return Entry(
        key_of(report.cluster, entry_id),
        headline,
        {
            "id": entry_id,
            "at": _stamp(about.at),
            "actor": about.actor or report.trigger,
            "correlationId": about.correlation,
            "repaired": len(repaired),
            **body,
            "writes": [_write(call) for call in about.calls if call.method in _WRITES],
        },
    )


def own_writes(calls: Iterable[ArmCall]) -> list[str]:
    """The correlation ids of the writes among these requests, as Azure knows them."""
    return sorted({call.correlation_id.lower() for call in calls if call.method in _WRITES and call.correlation_id})


def key_of(cluster: str, entry_id: str) -> str:
    """Where the entry lies. Raises RequestError for what is no id."""
    return f"{FOLDER}/{cluster}/{_backwards(time_of(entry_id))}-{entry_id}.json"


def time_of(entry_id: str) -> datetime:
    """When the entry's pass ended. Raises RequestError for what is no id."""
    found = _ID.fullmatch(entry_id)
    try:
        return datetime.strptime(f"{found[1]}000Z" if found else "", "%Y%m%dT%H%M%S%f%z")
    except ValueError:
        raise RequestError("entry", f"not the id of an entry, as a listing shows it: {entry_id[:60]!r}") from None


def id_in(key: str) -> str:
    """The id in a key, or in the name of a blob."""
    return key.rpartition("/")[2].partition("-")[2].removesuffix(".json")


@dataclass(frozen=True, slots=True)
class Query:
    """What a caller asks of a cluster's history: one entry whole, or a listing, the newest first."""

    cluster: str
    entry: str = ""
    since: datetime | None = None
    until: datetime | None = None
    limit: int = DEFAULT_LIMIT


def history_query(query: Mapping[str, str]) -> Query | None:
    """`?cluster=` with `since`, `until`, `limit` or `entry`; None where none of them is asked for: that is the status.

    Times are ISO 8601, in UTC where they name no zone. Raises RequestError naming the field.
    """
    if not {"since", "until", "limit", "entry"} & set(query):
        return None
    cluster = query.get("cluster", "")
    if not cluster:
        raise RequestError("cluster", "a history is of one cluster; name it, as in ?cluster=shop-weu&limit=20")
    if entry := query.get("entry", ""):
        time_of(entry)
        return Query(cluster, entry)
    limit = query.get("limit", str(DEFAULT_LIMIT))
    if not (limit.isascii() and limit.isdigit() and 1 <= int(limit) <= MAX_LIMIT):
        raise RequestError("limit", f"a number from 1 to {MAX_LIMIT}, not {limit[:20]!r}")
    since, until = _moment("since", query), _moment("until", query)
    if since and until and since > until:
        raise RequestError("since", f"later than until: {query['since'][:40]} is after {query['until'][:40]}")
    return Query(cluster, "", since, until, int(limit))


def listed(entry_id: str, headline: Mapping[str, str]) -> dict[str, Any]:
    """An entry as a listing shows it."""
    counts = {
        name: int(headline.get(name.lower()) or 0) for name in ("applied", "held", "failed", "repaired", "durationMs")
    }
    told = {name: headline.get(name, "") for name in ("outcome", "trigger", "actor")}
    return {
        "id": entry_id,
        "at": _stamp(time_of(entry_id)),
        **told,
        "correlationId": headline.get("correlation", ""),
        **counts,
    }


def is_wanted(at: datetime, query: Query) -> bool:
    """Whether an entry of that time lies in the range asked for, both ends included."""
    return (query.since is None or at >= query.since) and (query.until is None or at <= query.until)


def oldest_kept(now: datetime, days: int) -> str:
    """What sorts, in a listing of one cluster, before the keys of every entry that is older than `days`."""
    return _backwards(now - timedelta(days=days))


def _entry_id(about: Circumstances) -> str:
    at = about.at.astimezone(UTC)
    return f"{at:%Y%m%dT%H%M%S}{at.microsecond // 1000:03d}Z-{(about.correlation.replace('-', '') or '0' * 8)[:8]}"


def _ascii(text: str) -> str:
    return "".join(each if " " <= each <= "~" else "?" for each in text[:120])


def _backwards(at: datetime) -> str:
    return f"{_END - round(at.timestamp() * 1000):013d}"


def _stamp(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%S}.{at.microsecond // 1000:03d}Z"


def _moment(field: str, query: Mapping[str, str]) -> datetime | None:
    text = query.get(field, "")
    if not text:
        return None
    try:
        # A "+" that nobody encoded arrives as a space.
        at = datetime.fromisoformat(text.replace(" ", "+") if "T" in text else text)
    except ValueError:
        raise RequestError(field, f"a time such as 2026-11-22T10:00:00Z, not {text[:40]!r}") from None
    return at if at.tzinfo else at.replace(tzinfo=UTC)


def _counts(report: ClusterReport) -> dict[str, int]:
    results = [entry.result for target in report.targets for entry in target.changes]
    return {str(result): results.count(result) for result in sorted(_WORTH)}


def _etags(target: str, calls: Iterable[ArmCall]) -> tuple[str | None, str | None]:
    """Of the version that the last write replaced, and of the last one that was read after a write.

    Azure's answer to a PUT carries an ETag that the end of the operation replaces (facts: recorded), so that of a GET counts.
    """
    before = after = None
    for call in calls:
        if call.path.lower() != target.lower():
            continue
        if call.method == "PUT":
            before, after = call.if_match or None, None
        elif call.method == "GET" and before and call.etag:
            after = call.etag
    return before, after


def _write(call: ArmCall) -> dict[str, Any]:
    return {
        "method": call.method,
        "resource": call.path,
        "status": call.status,
        "requestId": call.request_id or None,
        "correlationId": call.correlation_id or None,
    }
