"""Entries of the history: which passes leave one, what it says, its key that lists the newest first, and how it is asked for."""

import json
import random
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.arm_calls import ArmCall
from shared.changes import AnyChange, Create, Update
from shared.errors import RequestError
from shared.history import (
    Circumstances,
    Query,
    history_query,
    id_in,
    is_wanted,
    is_worth_keeping,
    key_of,
    listed,
    make_entry,
    oldest_kept,
    own_writes,
    time_of,
)
from shared.report import ChangeReport, ClusterReport, Outcome, Result, TargetReport
from tests.examples import TABLE, managed

AT = datetime(2026, 11, 22, 10, 0, 0, 123_456, tzinfo=UTC)
CORRELATION = "1f3a5c7e-d9cb-469f-a165-70867728950e"
AZURES = "aaaaaaaa-0000-0000-0000-000000000001"
RESTORED: AnyChange = Update(managed("100.64.3.0/24", "10.0.0.4"), managed("100.64.3.0/24", "10.0.0.7"), "n3")
CREATED = Create(managed("100.64.4.0/24", "10.0.0.8"), "n4")
REPAIRED = frozenset({(TABLE.lower(), "100.64.3.0/24")})
CALLS = (
    ArmCall("GET", TABLE, 200, etag='W/"1"'),
    ArmCall("PUT", TABLE.upper(), 412, if_match='W/"1"', correlation_id=AZURES),
    ArmCall("GET", TABLE, 200, etag='W/"2"'),
    ArmCall("PUT", TABLE.lower(), 200, if_match='W/"2"', etag='W/"3"', request_id="r-1", correlation_id=AZURES),
    ArmCall("GET", "/subscriptions/1/providers/Microsoft.Network/locations/westeurope/operations/1", 200, etag='W/"9"'),
    ArmCall("GET", TABLE, 200, etag='W/"4"'),
)


def report(*results: Result, outcome: Outcome = Outcome.APPLIED) -> ClusterReport:
    changes = tuple(ChangeReport(change, result) for change, result in zip((RESTORED, CREATED), results, strict=False))
    target = TargetReport(TABLE, outcome, changes=changes)
    return ClusterReport("shop-weu", "udr", "event", outcome, duration_ms=812, targets=(target,))


@pytest.mark.parametrize(
    ("passed", "kept"),
    [
        (report(Result.APPLIED), True),
        (report(Result.SKIPPED, Result.HELD, outcome=Outcome.HELD), True),
        (report(Result.FAILED, outcome=Outcome.FAILED), True),
        (ClusterReport("shop-weu", "udr", "timer", Outcome.FAILED, error="nodes could not be read"), True),
        (report(outcome=Outcome.IN_SYNC), False),
        (report(Result.SKIPPED, outcome=Outcome.PARTIAL), False),
        (report(Result.PLANNED, outcome=Outcome.PLANNED), False),
        (ClusterReport("shop-weu", "udr", "timer", Outcome.BUSY), False),
    ],
)
def test_a_pass_leaves_an_entry_where_it_changed_held_or_failed_something(passed: ClusterReport, kept: bool) -> None:  # noqa: FBT001
    assert is_worth_keeping(passed) is kept


def test_an_entry_has_who_asked_what_changed_the_versions_and_azures_own_ids() -> None:
    passed = report(Result.APPLIED, Result.APPLIED)
    entry = make_entry(passed, Circumstances(AT, CORRELATION, "event e-1", CALLS), REPAIRED)
    body = json.loads(json.dumps(entry.body))
    (target,) = body["targets"]
    assert (body["id"], body["at"]) == ("20261122T100000123Z-1f3a5c7e", "2026-11-22T10:00:00.123Z")
    assert (body["actor"], body["trigger"], body["correlationId"]) == ("event e-1", "event", CORRELATION)
    assert (body["outcome"], body["durationMs"], body["repaired"]) == ("applied", 812, 1)
    assert (target["etagBefore"], target["etagAfter"]) == ('W/"2"', 'W/"4"')
    assert [change.get("repaired", False) for change in target["changes"]] == [True, False]
    assert body["writes"] == [
        {"method": "PUT", "resource": TABLE.upper(), "status": 412, "requestId": None, "correlationId": AZURES},
        {"method": "PUT", "resource": TABLE.lower(), "status": 200, "requestId": "r-1", "correlationId": AZURES},
    ]
    assert listed(id_in(entry.key), entry.headline) == {
        "id": body["id"],
        "at": body["at"],
        "outcome": "applied",
        "trigger": "event",
        "actor": "event e-1",
        "correlationId": CORRELATION,
        "applied": 2,
        "held": 0,
        "failed": 0,
        "repaired": 1,
        "durationMs": 812,
    }


def test_a_write_of_which_nobody_read_the_end_has_no_later_version() -> None:
    body = make_entry(report(Result.FAILED), Circumstances(AT, "", calls=CALLS[:4])).body
    assert (body["targets"][0]["etagBefore"], body["targets"][0]["etagAfter"]) == ('W/"2"', None)


def test_a_target_without_a_write_has_no_versions() -> None:
    body = make_entry(report(Result.HELD), Circumstances(AT, "", calls=CALLS[:1])).body
    assert (body["targets"][0]["etagBefore"], body["targets"][0]["etagAfter"]) == (None, None)


def test_a_headline_travels_as_http_headers() -> None:
    entry = make_entry(report(Result.APPLIED), Circumstances(AT, CORRELATION, "event é\r\nx-evil: 1" + "x" * 500))
    assert all(name.isidentifier() and name == name.lower() for name in entry.headline)
    assert all(value.isascii() and value.isprintable() and len(value) < 600 for value in entry.headline.values())


def test_only_writes_are_ours_in_the_activity_log_and_each_id_once() -> None:
    assert own_writes((*CALLS, ArmCall("DELETE", TABLE, None))) == [AZURES]
    assert own_writes([ArmCall("GET", TABLE, 200, correlation_id=AZURES)]) == []


def test_keys_list_the_newest_first_and_tell_their_time() -> None:
    times = [AT + timedelta(milliseconds=step) for step in (0, 1, 999, 60_000, 86_400_000, 31_536_000_000)]
    entries = [make_entry(report(Result.APPLIED), Circumstances(at, CORRELATION)) for at in times]
    shuffled = random.Random(7).sample(entries, len(entries))  # noqa: S311
    assert sorted(entry.key for entry in shuffled) == [entry.key for entry in reversed(entries)]
    assert [time_of(id_in(entry.key)) for entry in entries] == [
        at.replace(microsecond=at.microsecond // 1000 * 1000) for at in times
    ]
    assert entries[0].key == "history/shop-weu/8204658399876-20261122T100000123Z-1f3a5c7e.json"


@given(st.datetimes(datetime(2000, 1, 1), datetime(2200, 1, 1), timezones=st.just(UTC)))  # noqa: DTZ001
def test_a_key_can_be_told_from_the_id(at: datetime) -> None:
    key = make_entry(report(Result.APPLIED), Circumstances(at, CORRELATION)).key
    assert key_of("shop-weu", id_in(key)) == key


@pytest.mark.parametrize(
    "entry", ["", "x", "../../leases/shop-weu", "20261122T100000123Z-1f3a5c7", "20261322T100000123Z-1f3a5c7e"]
)
def test_what_is_no_id_is_refused(entry: str) -> None:
    with pytest.raises(RequestError, match="entry: not the id of an entry"):
        key_of("shop-weu", entry)


def test_older_entries_than_kept_sort_behind_the_mark() -> None:
    mark = f"history/shop-weu/{oldest_kept(AT, 30)}"
    made = {
        days: make_entry(report(Result.APPLIED), Circumstances(AT - timedelta(days=days), CORRELATION)).key
        for days in (0, 29, 31, 400)
    }
    assert [days for days, key in made.items() if key > mark] == [31, 400]


@pytest.mark.parametrize("query", [{}, {"cluster": "shop-weu"}, {"format": "text"}])
def test_without_a_word_about_history_it_is_the_status(query: dict[str, str]) -> None:
    assert history_query(query) is None


NINE = datetime(2026, 11, 22, 9, tzinfo=UTC)


@pytest.mark.parametrize(
    ("asked", "query"),
    [
        ({"limit": "20"}, Query("shop-weu", limit=20)),
        ({"since": "2026-11-22T09:00:00Z"}, Query("shop-weu", since=NINE)),
        ({"since": "2026-11-22T09:00:00"}, Query("shop-weu", since=NINE)),
        ({"until": "2026-11-22T10:00:00+01:00"}, Query("shop-weu", until=NINE)),
        ({"until": "2026-11-22T10:00:00 01:00"}, Query("shop-weu", until=NINE)),
        ({"since": "2026-11-22"}, Query("shop-weu", since=datetime(2026, 11, 22, tzinfo=UTC))),
        ({"entry": "20261122T100000123Z-1f3a5c7e"}, Query("shop-weu", "20261122T100000123Z-1f3a5c7e")),
    ],
)
def test_a_history_is_asked_for_by_time_or_by_id(asked: dict[str, str], query: Query) -> None:
    told = history_query({"cluster": "shop-weu", **asked})
    assert told == query


@pytest.mark.parametrize(
    ("asked", "field"),
    [
        ({"limit": "5", "cluster": ""}, "cluster"),
        ({"limit": "0"}, "limit"),
        ({"limit": "501"}, "limit"),
        ({"limit": "²"}, "limit"),
        ({"limit": "ten"}, "limit"),
        ({"since": "yesterday"}, "since"),
        ({"until": "2026-13-01"}, "until"),
        ({"since": "2026-11-23", "until": "2026-11-22"}, "since"),
        ({"entry": "../x"}, "entry"),
    ],
)
def test_what_cannot_be_asked_is_refused_naming_the_field(asked: dict[str, str], field: str) -> None:
    with pytest.raises(RequestError) as refused:
        history_query({"cluster": "shop-weu", **asked})
    assert refused.value.field == field


def test_a_range_has_both_its_ends() -> None:
    query = Query("shop-weu", since=NINE, until=AT)
    assert [is_wanted(at, query) for at in (NINE, AT, NINE - timedelta(seconds=1), AT + timedelta(seconds=1))] == [
        True,
        True,
        False,
        False,
    ]
