"""The message of a wake-up, to the queue and back."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.correlation import correlated
from shared.errors import RequestError
from shared.wake import Wake, parse_wake, wake_all

EVENT = "0f8fad5b-d9cb-469f-a165-70867728950e"
NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)


@given(st.text(), st.text(), st.text(), st.none() | st.datetimes(timezones=st.just(UTC)))
def test_a_wake_up_comes_back_as_it_went(cluster: str, event: str, correlation: str, since: datetime | None) -> None:
    wake = Wake(cluster, event, correlation, since)
    assert parse_wake(wake.text().encode()) == wake


def test_a_person_may_leave_all_but_the_cluster_out() -> None:
    assert parse_wake(b'{"cluster": "shop-weu"}') == Wake("shop-weu", "", "", None)


@pytest.mark.parametrize(
    "body",
    [b"", b"shop-weu", b"[]", b'{"cluster": 1}', b'{"event": "e"}', b"\xff", b'{"cluster": "a", "since": "noon"}'],
)
def test_anything_else_is_refused_with_an_example(body: bytes) -> None:
    with pytest.raises(RequestError, match=r'not a wake-up such as {"cluster": "shop-weu"}'):
        parse_wake(body)


def test_an_event_wakes_each_cluster_under_its_own_id_and_with_its_own_time() -> None:
    with correlated(EVENT):
        messages = wake_all(("a", "b"), EVENT, NOON)
    assert [parse_wake(message.encode()) for message in messages] == [
        Wake("a", EVENT, EVENT, NOON),
        Wake("b", EVENT, EVENT, NOON),
    ]


@pytest.mark.parametrize("at", [None, "2026-11-22", 17])
def test_a_time_that_is_none_is_left_out(at: object) -> None:
    (message,) = wake_all(("a",), "e", at)
    assert "since" not in json.loads(message)


def test_a_time_without_zone_is_utc() -> None:
    naive = NOON.replace(tzinfo=None)
    (message,) = wake_all(("a",), "e", naive)
    assert parse_wake(message.encode()).since == NOON
    assert parse_wake(b'{"cluster": "a", "since": "2026-11-22T12:00:00"}').since == NOON


def test_seconds_count_from_the_event_and_never_backwards() -> None:
    assert Wake("a", since=NOON).seconds_since(NOON + timedelta(seconds=90)) == 90
    assert Wake("a", since=NOON).seconds_since(NOON - timedelta(seconds=1)) is None
    assert Wake("a").seconds_since(NOON) is None
