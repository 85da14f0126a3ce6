"""One id from what woke the app to every line and every thread of its work."""

import logging
import re
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest

from shared.arm_calls import ArmCall, recorded, recording
from shared.correlation import carrying, correlated, current, prefix

EVENT = "0f8fad5b-d9cb-469f-a165-70867728950e"
GUID = r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"


@pytest.mark.parametrize("hint", [EVENT, EVENT.upper()])
def test_an_events_id_becomes_the_id_of_all_that_follows(hint: str) -> None:
    with correlated(hint) as told:
        assert told == current() == EVENT
        with correlated() as inner:
            assert inner == EVENT
    assert current() == ""


@pytest.mark.parametrize("hint", ["", "event-17", f"{EVENT}\r\nx-evil: 1", f"{EVENT} ", "%s"])
def test_what_is_no_guid_goes_nowhere_and_a_new_one_is_drawn(hint: str) -> None:
    with correlated(hint) as first:
        pass
    with correlated(hint) as second:
        pass
    assert re.fullmatch(GUID, first)
    assert first != second


def test_a_hint_inside_another_id_takes_its_place_for_the_block_only() -> None:
    with correlated() as outer:
        with correlated(EVENT):
            assert current() == EVENT
        assert current() == outer


def test_the_id_and_the_record_of_requests_go_along_into_threads_that_run_side_by_side() -> None:
    together = Barrier(4)
    call = ArmCall("GET", "/subscriptions/1", 200)

    def work(_: int) -> str:
        together.wait(10)
        calls = recording()
        assert calls is not None
        calls.add(call)
        return current()

    with correlated(EVENT), recorded() as calls, ThreadPoolExecutor(4) as pool:
        assert list(pool.map(carrying(work), range(4))) == [EVENT] * 4
    assert calls.taken() == (call,) * 4


def test_without_being_carried_a_thread_knows_nothing_of_it() -> None:
    with correlated(EVENT), recorded(), ThreadPoolExecutor(1) as pool:
        assert pool.submit(lambda: (current(), recording())).result() == ("", None)


def test_the_id_stands_before_the_message_whatever_the_handler_formats(caplog: pytest.LogCaptureFixture) -> None:
    log = logging.getLogger("aks_pod_routes.test")
    log.addFilter(prefix)
    with caplog.at_level(logging.INFO, log.name):
        log.info("%d%% of %s", 30, "nodes")
        with correlated(EVENT):
            log.info("%d%% of %s", 30, "nodes")
    assert [record.getMessage() for record in caplog.records] == ["30% of nodes", f"[{EVENT}] 30% of nodes"]
