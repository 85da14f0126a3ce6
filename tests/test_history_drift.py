"""What is drift and what is not, and when somebody is called out for fighting."""

from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address

import pytest

from shared.changes import AnyChange, Create, Delete, Update
from shared.history_drift import (
    TOMBSTONES,
    Applied,
    Fight,
    Ledger,
    Restored,
    drift,
    fight_finding,
    fights,
    parse_ledger,
    written_down,
)
from shared.models import BgpPeer
from shared.report import ChangeReport, ClusterReport, Outcome, Result, TargetReport
from tests.examples import TABLE, managed

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
PREFIX = "100.64.3.0/24"
KEY = TABLE.lower()
HERE = frozenset({(KEY, PREFIX)})


def report(*changes: AnyChange, result: Result = Result.APPLIED, target: str = TABLE) -> ClusterReport:
    entries = tuple(ChangeReport(change, result) for change in changes)
    return ClusterReport(
        "prod-weu", "udr", "timer", Outcome.APPLIED, targets=(TargetReport(target, Outcome.APPLIED, changes=entries),)
    )


CREATED = Create(managed(PREFIX, "10.0.0.7"), "n3")
MOVED: AnyChange = Update(managed(PREFIX, "10.0.0.7"), managed(PREFIX, "10.0.0.9"), "n5")
NEW_ADDRESS: AnyChange = Update(managed(PREFIX, "10.0.0.7"), managed(PREFIX, "10.0.0.8"), "n3")
RESTORED: AnyChange = Update(managed(PREFIX, "10.0.0.4"), managed(PREFIX, "10.0.0.7"), "n3")
FROM_TYPE: AnyChange = Update(managed(PREFIX, None, kind="None"), managed(PREFIX, "10.0.0.7"), "n3")
AZURE_FAILED: AnyChange = Update(managed(PREFIX, "10.0.0.7", kind="Failed"), managed(PREFIX, "10.0.0.7"), "n3")
GONE = Delete(managed(PREFIX, "10.0.0.7"))
PEER = Create(BgpPeer("apr_prod-weu_10.0.0.7", IPv4Address("10.0.0.7"), 65001), "n3")


@pytest.mark.parametrize(
    ("what", "before", "change", "is_drift"),
    [
        ("the first time", [], CREATED, False),
        ("an update of what is not known", [], RESTORED, False),
        ("a delete of what is not known", [], GONE, False),
        ("somebody changed the next hop", [CREATED], RESTORED, True),
        ("somebody changed the next hop type", [CREATED], FROM_TYPE, True),
        ("somebody deleted it", [CREATED], CREATED, True),
        ("the pod CIDR moved to another node", [CREATED], MOVED, False),
        ("the node has another address", [CREATED], NEW_ADDRESS, False),
        ("the node went", [CREATED], GONE, False),
        ("somebody brought it back", [CREATED, GONE], GONE, True),
        ("it was deleted, and the node came again", [CREATED, GONE], CREATED, False),
        ("Azure failed to do it", [CREATED], AZURE_FAILED, False),
        ("it moved, and somebody moved it back", [CREATED, MOVED], MOVED, True),
        ("a peer vanished", [PEER], PEER, True),
    ],
)
def test_drift_is_what_undoes_what_was_applied_last(
    what: str,
    before: list[AnyChange],
    change: AnyChange,
    is_drift: bool,  # noqa: FBT001  # a column of the table
) -> None:
    ledger = Ledger()
    for each in before:
        ledger = written_down(report(each), ledger)
    assert bool(drift(report(change), ledger)) is is_drift, what


@pytest.mark.parametrize("result", [Result.PLANNED, Result.HELD, Result.SKIPPED, Result.FAILED])
def test_only_what_is_applied_counts_as_repaired(result: Result) -> None:
    ledger = written_down(report(CREATED), Ledger())
    assert drift(report(RESTORED, result=result), ledger) == frozenset()
    assert drift(report(RESTORED), ledger) == HERE


def test_what_failed_is_forgotten_since_nobody_knows_what_became_of_it() -> None:
    ledger = written_down(report(MOVED, result=Result.FAILED), written_down(report(CREATED), Ledger()))
    assert drift(report(CREATED), ledger) == frozenset()


@pytest.mark.parametrize("result", [Result.PLANNED, Result.HELD, Result.SKIPPED])
def test_what_did_not_happen_leaves_the_ledger_as_it_is(result: Result) -> None:
    ledger = written_down(report(CREATED), Ledger())
    assert written_down(report(GONE, result=result), ledger) == ledger


def test_a_targets_id_counts_whatever_its_case() -> None:
    ledger = written_down(report(CREATED, target=TABLE.upper()), Ledger())
    assert drift(report(RESTORED), ledger) == HERE


def test_the_same_prefix_in_another_table_is_another_route() -> None:
    ledger = written_down(report(CREATED, target=f"{TABLE}-2"), Ledger())
    assert drift(report(RESTORED), ledger) == frozenset()


def test_of_deleted_routes_only_the_newest_are_remembered_and_no_living_one_is_lost() -> None:
    ledger = written_down(report(CREATED), Ledger())
    for number in range(TOMBSTONES + 5):
        gone = managed(f"100.65.{number % 256}.0/{24 + number // 256}", "10.0.0.1")
        ledger = written_down(report(Delete(gone)), ledger)
    kept = ledger.targets[KEY]
    assert len(kept) == TOMBSTONES + 1
    assert kept[PREFIX] == Applied("10.0.0.7", "n3")
    assert "100.65.0.0/24" not in kept


@pytest.mark.parametrize("text", [None, "", "{", "[]", '{"targets": 1}', '{"targets": {"t": {"p": "x"}}}'])
def test_a_ledger_that_makes_no_sense_is_an_empty_one(text: str | None) -> None:
    assert parse_ledger(text) == Ledger()


def restored(*minutes_ago: int, places: frozenset[tuple[str, str]] = HERE) -> list[Restored]:
    return [Restored(NOW - timedelta(minutes=ago), places) for ago in minutes_ago]


@pytest.mark.parametrize(
    ("restorations", "expected"),
    [
        ([], ()),
        (restored(0, 30), ()),
        (restored(0, 30, 60), (Fight(KEY, (PREFIX,), 3),)),
        (restored(0, 30, 61), ()),
        (restored(0, 5, 10, 15), (Fight(KEY, (PREFIX,), 4),)),
        (restored(-1, 0, 5), ()),
        (restored(0, 5) + restored(10, places=frozenset({(KEY, "100.64.4.0/24")})), ()),
        (
            restored(0, 5, 10, places=frozenset({(KEY, PREFIX), ("other", "p")})),
            (Fight(KEY, (PREFIX,)), Fight("other", ("p",))),
        ),
    ],
)
def test_three_times_within_an_hour_are_a_fight(restorations: list[Restored], expected: tuple[Fight, ...]) -> None:
    assert fights(restorations, NOW) == expected


def test_a_fight_is_told_with_route_table_and_whoever_the_log_names() -> None:
    told = fight_finding(
        Fight(KEY, (PREFIX,), 3), "terraform@example.com, Microsoft.Network/routeTables/write at 12:00Z"
    )
    assert (told.code, told.severity, told.resource) == ("fightingWriter", "warning", KEY)
    assert told.message == (
        f"{PREFIX} of rt-pods: put back 3 times within an hour, and each time somebody else changed it again; by the "
        "activity log it is terraform@example.com, Microsoft.Network/routeTables/write at 12:00Z. Have one writer only: "
        "stop the other one, or take this target out of the configuration"
    )
    assert "the target's activity log in Azure tells who it is" in fight_finding(Fight(KEY, (PREFIX,))).message
