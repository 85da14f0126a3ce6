"""What the status page and `GET /api/status` show, as one document, and how its parts come from reports. Reads nothing."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

import msgspec

from shared import shapes
from shared.wake import Poison

Report = Mapping[str, Any]
"""One cluster of a report, as `report.render_json` gives it and as it is kept."""

DRIFT_DAYS = 14


class Headroom(msgspec.Struct, frozen=True, rename="camel"):
    """How full a route table or hub is, in entries of whomever."""

    target: str
    used: int
    capacity: int


class Pass(msgspec.Struct, frozen=True, rename="camel"):
    """A pass of the history, in the words of its listing."""

    id: str
    at: str
    """RFC 3339 in UTC."""
    trigger: str
    outcome: str
    applied: int = 0
    repaired: int = 0
    """Of those applied: what put back somebody else's change."""
    held: int = 0
    failed: int = 0
    correlation_id: str = ""


class DriftDay(msgspec.Struct, frozen=True, rename="camel"):
    """How much drift was repaired on a day, in UTC."""

    day: str
    repaired: int


class Finding(msgspec.Struct, frozen=True, rename="camel"):
    """What the doctor found."""

    severity: str
    code: str
    message: str
    resource: str = ""


class RouteRow(msgspec.Struct, frozen=True, rename="camel"):
    """A route of a route table; of a hub, a BGP peer. What does not apply, or is not known, is None."""

    target: str
    name: str
    managed: bool
    prefix: str | None = None
    next_hop: str | None = None
    peer_ip: str | None = None
    peer_asn: int | None = None
    owner: str | None = None
    """The owner id in its name; None for what is foreign."""
    node: str | None = None
    pool: str | None = None


class ClusterStatus(msgspec.Struct, frozen=True, rename="camel"):
    """One cluster of the page. Without a report it has been configured, but no pass has ended yet."""

    cluster: str
    mode: str
    report: Report | None = None
    headroom: Sequence[Headroom] = ()
    history: Sequence[Pass] = ()
    """Newest first."""
    drift: Sequence[DriftDay] = ()
    findings: Sequence[Finding] = ()
    routes: Sequence[RouteRow] | None = None
    """None unless they were asked for."""


def status_document(generated_at: datetime, clusters: Sequence[ClusterStatus], poison: Poison) -> dict[str, Any]:
    """The document, ready for JSON. `generated_at` is aware; the page counts every age from it, not from the browser's clock."""
    return {
        "generatedAt": generated_at.isoformat(timespec="seconds").replace("+00:00", "Z"),
        "clusters": [msgspec.to_builtins(cluster) for cluster in clusters],
        "poison": {"count": poison.count, "clusters": [*poison.clusters]},
    }


def headroom(report: Report) -> tuple[Headroom, ...]:
    """How full each target was when the pass ended; one that could not be read has no capacity and is left out."""
    return tuple(
        Headroom(target=each["target"], used=each["managed"] + each["foreign"], capacity=each["capacity"])
        for each in report["targets"]
        if each["capacity"]
    )


def passes(listing: Iterable[Mapping[str, Any]]) -> tuple[Pass, ...]:
    """Entries of the history as a listing shows them (`history.listed`), in its order; what the page does not show is left out."""
    return tuple(shapes.convert(entry, Pass) for entry in listing)


def drift(repairs: Iterable[tuple[datetime, int]], today: date) -> tuple[DriftDay, ...]:
    """The last 14 days up to `today` (in UTC), oldest first; a day without a repair counts 0. Times are aware."""
    repaired: Counter[str] = Counter()
    for at, count in repairs:
        repaired[at.astimezone(UTC).date().isoformat()] += count
    days = [(today - timedelta(days=back)).isoformat() for back in reversed(range(DRIFT_DAYS))]
    return tuple(DriftDay(day=day, repaired=repaired[day]) for day in days)
