"""What follows a pass: history, figures and events, in this order, and whatever fails of it fails no pass."""

import json
import logging
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from shared.aftermath import Aftermath
from shared.announcing import Announcement
from shared.announcing_topic import Topic
from shared.arm_calls import ArmCall
from shared.changes import AnyChange, Delete, Update
from shared.correlation import correlated
from shared.errors import StorageError
from shared.history import Entry
from shared.history_chronicle import Chronicle
from shared.history_drift import Applied, Ledger, Restored
from shared.report import ChangeReport, ClusterReport, Outcome, Result, TargetReport, render_json
from shared.wake import Poison, Wake
from tests.examples import TABLE, managed

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
CORRELATION = "0f8fad5b-d9cb-469f-a165-70867728950e"
RESTORED: AnyChange = Update(managed("100.64.3.0/24", "10.0.0.4"), managed("100.64.3.0/24", "10.0.0.7"), "n3")
HELD: AnyChange = Delete(managed("100.64.9.0/24", "10.0.0.12"))
PASSED = ClusterReport(
    "prod-weu",
    "udr",
    "event",
    Outcome.HELD,
    targets=(
        TargetReport(
            TABLE,
            Outcome.HELD,
            capacity=1000,
            changes=(ChangeReport(RESTORED, Result.APPLIED), ChangeReport(HELD, Result.HELD, "brake")),
        ),
    ),
)
CALLS = (ArmCall("PUT", TABLE, 200),)
WAKE = Wake("prod-weu", "e-1", CORRELATION, NOW - timedelta(seconds=41.5))
SOURCE = "/…/managedClusters/prod-weu"


class Kept:
    """A history in memory that knows one route, and two repairs of it."""

    def __init__(self) -> None:
        self.entries: list[Entry] = []
        self.ledgers: list[Ledger] = []
        self.swept: list[list[str]] = []

    def keep(self, entry: Entry) -> None:
        self.entries.append(entry)

    def ledger(self, cluster: str) -> Ledger:
        return Ledger({TABLE.lower(): {"100.64.3.0/24": Applied("10.0.0.7", "n3")}})

    def save_ledger(self, cluster: str, ledger: Ledger) -> None:
        self.ledgers.append(ledger)

    def restorations(self, cluster: str, now: datetime) -> list[Restored]:
        return [Restored(NOW, frozenset({(TABLE.lower(), "100.64.3.0/24")}))] * 2

    def own_writes(self, cluster: str, now: datetime) -> frozenset[str]:
        return frozenset()

    def sweep(self, clusters: Iterable[str], now: datetime, days: int) -> int:
        self.swept.append([*clusters])
        return 0


class Told(Topic):
    """A topic that remembers."""

    def __init__(self) -> None:
        super().__init__(lambda: None)  # type: ignore[arg-type,return-value]  # nobody sends
        self.told: list[Announcement] = []
        self.finished = 0

    def announce(self, announcements: Any) -> None:
        self.told += announcements

    def finish(self) -> None:
        self.finished += 1


def aftermath(kept: Any, topic: Topic | None = None, **changes: Any) -> Aftermath:
    chronicle = Chronicle(lambda: kept, lambda *_, **__: "ann@example.com", 30)
    usual = Aftermath(chronicle, {"prod-weu": SOURCE}, lambda _: None, lambda: Poison(2), lambda: NOW, topic)
    return replace(usual, **changes)


def out_of_reach(*_: Any) -> Any:
    raise StorageError("out of reach")


def figures(caplog: pytest.LogCaptureFixture) -> dict[str, Any]:
    lines = [each.getMessage().partition("aks_pod_routes.figures ") for each in caplog.records]
    (line,) = [figures for _, found, figures in lines if found]
    told: dict[str, Any] = json.loads(line)
    return told


def test_a_pass_is_kept_counted_and_announced(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    kept, topic = Kept(), Told()
    with correlated(CORRELATION):
        report = aftermath(kept, topic).conclude(PASSED, CALLS, WAKE)
    assert [finding.code for finding in report.findings] == ["fightingWriter"]
    (entry,) = kept.entries
    assert (entry.body["actor"], entry.body["correlationId"], entry.body["repaired"]) == ("event e-1", CORRELATION, 1)
    told = figures(caplog)
    values = {metric["name"].removeprefix("aks_pod_routes."): metric["value"] for metric in told["metrics"]}
    assert values["drift.repairs"] == values["arm.requests"] == values["finding.count"] == 1
    assert values["event_to_route.duration"] == 41.5
    assert "poison_message.count" not in values
    assert told["attributes"]["aks_pod_routes.correlation_id"] == CORRELATION
    assert [each.type for each in topic.told] == [
        "AksPodRoutes.RoutesChanged",
        "AksPodRoutes.DriftRepaired",
        "AksPodRoutes.DeletesHeld",
    ]
    assert {each.source for each in topic.told} == {SOURCE}
    assert {each.data["correlationId"] for each in topic.told} == {CORRELATION}


TIMED = replace(PASSED, trigger="timer")


def test_the_timer_counts_what_failed_for_good(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    aftermath(Kept()).conclude(TIMED, CALLS)
    assert {"name": "aks_pod_routes.poison_message.count", "unit": "{message}", "value": 2} in figures(caplog)[
        "metrics"
    ]


def test_a_queue_out_of_reach_leaves_the_other_figures(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    aftermath(Kept(), poison=out_of_reach).conclude(TIMED, CALLS)
    assert "aks_pod_routes.poison_message.count" not in {metric["name"] for metric in figures(caplog)["metrics"]}
    assert "wake-ups that failed for good were not counted: out of reach" in caplog.text


def test_what_the_last_report_held_is_not_announced_again() -> None:
    topic = Told()
    last = json.dumps(render_json([PASSED])["clusters"][0])
    aftermath(Kept(), topic, last_report=lambda _: last).conclude(PASSED)
    assert "AksPodRoutes.DeletesHeld" not in {each.type for each in topic.told}


def test_without_a_last_report_it_is_announced_and_said(caplog: pytest.LogCaptureFixture) -> None:
    topic = Told()
    aftermath(Kept(), topic, last_report=out_of_reach).conclude(PASSED)
    assert "AksPodRoutes.DeletesHeld" in {each.type for each in topic.told}
    assert "may be announced twice" in caplog.text


def test_without_a_topic_the_last_report_is_not_read(caplog: pytest.LogCaptureFixture) -> None:
    after = aftermath(Kept(), last_report=out_of_reach)
    assert after.conclude(PASSED).findings
    after.finish("http")
    assert caplog.text == ""


def test_a_history_out_of_reach_leaves_figures_and_events(caplog: pytest.LogCaptureFixture) -> None:
    class Broken(Kept):
        def ledger(self, cluster: str) -> Ledger:
            raise StorageError("out of reach")

    caplog.set_level(logging.INFO)
    topic = Told()
    assert aftermath(Broken(), topic).conclude(PASSED) == PASSED
    assert figures(caplog)["metrics"]
    assert [each.type for each in topic.told] == ["AksPodRoutes.RoutesChanged", "AksPodRoutes.DeletesHeld"]


def test_a_fault_of_ours_leaves_the_report_as_it_is(caplog: pytest.LogCaptureFixture) -> None:
    class Broken(Kept):
        def ledger(self, cluster: str) -> Ledger:
            raise KeyError("a fault of ours")

    assert aftermath(Broken()).conclude(PASSED) == PASSED
    assert "prod-weu: the pass stands, but not all of it could be told" in caplog.text


@pytest.mark.parametrize(("trigger", "swept"), [("timer", [["prod-weu"]]), ("http", []), ("event", [])])
def test_the_end_of_an_invocation_waits_for_events_and_the_timer_clears_up(
    trigger: str, swept: list[list[str]]
) -> None:
    kept, topic = Kept(), Told()
    aftermath(kept, topic).finish(trigger)
    assert (topic.finished, kept.swept) == (1, swept)
