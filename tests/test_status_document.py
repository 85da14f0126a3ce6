"""The document of the status page: its shape, and how its parts come from reports."""

from datetime import UTC, date, datetime
from ipaddress import ip_address, ip_network
from typing import Any

import pytest

from shared.changes import Create
from shared.history import Circumstances, listed, make_entry
from shared.models import Route, Waiting
from shared.report import ChangeReport, ClusterReport, Outcome, Result, TargetReport, render_json
from shared.status import (
    ClusterStatus,
    DriftDay,
    Finding,
    Headroom,
    Pass,
    RouteRow,
    drift,
    headroom,
    passes,
    status_document,
)
from shared.wake import Poison

AT = datetime(2026, 11, 22, 10, 0, tzinfo=UTC)


def told(*targets: TargetReport, **more: Any) -> dict[str, Any]:
    """A report as it is kept."""
    report = ClusterReport("shop-weu", "udr", "timer", Outcome.APPLIED, targets=targets, **more)
    (found,) = render_json([report])["clusters"]
    assert isinstance(found, dict)
    return found


def test_the_document_has_the_shape_that_the_page_reads() -> None:
    cluster = ClusterStatus(
        cluster="shop-weu",
        mode="udr",
        report=told(waiting=(Waiting("n1", "no pod CIDR yet"),)),
        headroom=[Headroom(target="rt", used=3, capacity=1000)],
        history=[Pass(id="p1", at="2026-11-22T09:59:00Z", trigger="timer", outcome="applied", applied=1)],
        drift=[DriftDay(day="2026-11-22", repaired=1)],
        findings=[Finding(severity="warning", code="c", message="m")],
        routes=[RouteRow(target="rt", name="r", managed=True, prefix="100.64.0.0/24", next_hop="10.0.0.4")],
    )
    document = status_document(AT, [cluster], Poison(2, ("shop-weu",)))
    assert document["generatedAt"] == "2026-11-22T10:00:00Z"
    assert document["poison"] == {"count": 2, "clusters": ["shop-weu"]}
    (shown,) = document["clusters"]
    assert shown["report"]["nodes"]["waiting"] == [{"node": "n1", "reason": "no pod CIDR yet"}]
    assert {key: shown[key] for key in ("headroom", "drift", "findings")} == {
        "headroom": [{"target": "rt", "used": 3, "capacity": 1000}],
        "drift": [{"day": "2026-11-22", "repaired": 1}],
        "findings": [{"severity": "warning", "code": "c", "message": "m", "resource": ""}],
    }
    assert list(shown["history"][0]) == [
        "id", "at", "trigger", "outcome", "applied", "repaired", "held", "failed", "correlationId",
    ]  # fmt: skip
    assert set(shown["routes"][0]) == {
        "target", "name", "managed", "prefix", "nextHop", "peerIp", "peerAsn", "owner", "node", "pool",
    }  # fmt: skip


def test_a_cluster_that_no_pass_has_seen_has_neither_report_nor_routes() -> None:
    (shown,) = status_document(AT, [ClusterStatus(cluster="new", mode="observe")], Poison(0))["clusters"]
    assert shown["report"] is None
    assert shown["routes"] is None
    assert [len(shown[key]) for key in ("headroom", "history", "drift", "findings")] == [0, 0, 0, 0]


def test_headroom_counts_the_entries_of_everybody_and_leaves_out_what_could_not_be_read() -> None:
    report = told(
        TargetReport("rt-1", Outcome.IN_SYNC, managed=14, foreign=2, capacity=1000),
        TargetReport("rt-2", Outcome.FAILED, error="no permission"),
    )
    assert headroom(report) == (Headroom(target="rt-1", used=16, capacity=1000),)


def test_a_pass_is_what_the_listing_of_the_history_says_of_it() -> None:
    about = Circumstances(at=AT, correlation="6f1c09ab-2d37", actor="event 1")
    change = Create(Route("shop-weu-1", ip_network("100.64.1.0/24"), ip_address("10.0.0.4")), "n1")
    target = TargetReport("rt", Outcome.APPLIED, changes=(ChangeReport(change, Result.APPLIED),))
    report = ClusterReport("shop-weu", "udr", "event", Outcome.APPLIED, targets=(target,))
    entry = make_entry(report, about, frozenset({("rt", "100.64.1.0/24")}))
    assert passes([listed(entry.body["id"], entry.headline)]) == (
        Pass(
            id=entry.body["id"],
            at="2026-11-22T10:00:00.000Z",
            trigger="event",
            outcome="applied",
            applied=1,
            repaired=1,
            correlation_id="6f1c09ab-2d37",
        ),
    )


@pytest.mark.parametrize(
    ("repairs", "repaired"),
    [
        ([], 0),
        ([("2026-11-22T09:00:00+00:00", 6)], 6),
        ([("2026-11-22T09:00:00+00:00", 1), ("2026-11-22T00:00:00+00:00", 2)], 3),
        ([("2026-11-21T23:59:59+00:00", 4)], 0),
        ([("2026-11-22T00:30:00+01:00", 4)], 0),
    ],
    ids=["nothing", "once", "twice", "yesterday", "yesterday in UTC"],
)
def test_drift_is_counted_per_day_in_utc(repairs: list[tuple[str, int]], repaired: int) -> None:
    told_times = [(datetime.fromisoformat(at), count) for at, count in repairs]
    assert drift(told_times, AT.date())[-1] == DriftDay(day="2026-11-22", repaired=repaired)


def test_drift_has_fourteen_days_oldest_first_also_over_the_turn_of_a_year() -> None:
    repairs = [(datetime(2026, 12, 25, tzinfo=UTC), 2), (datetime(2026, 12, 20, tzinfo=UTC), 9)]
    days = drift(repairs, date(2027, 1, 3))
    assert [days[0].day, days[-1].day, len(days)] == ["2026-12-21", "2027-01-03", 14]
    assert {day.day: day.repaired for day in days if day.repaired} == {"2026-12-25": 2}
