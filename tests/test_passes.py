"""Passes over one cluster: what is kept between them, what is discovered anew, the lease, the stamps, the log."""

import logging

import pytest

from shared.passes import CACHE_SECONDS
from shared.reconcile import Order
from shared.report import Cause, Outcome
from shared.wake import Wake
from tests.examples import node
from tests.fakes import FakeNodes
from tests.fleet_stage import Stage


def test_a_cluster_is_discovered_once_and_kept_for_ten_minutes() -> None:
    stage = Stage("shop")
    for _ in range(3):
        stage.fleet.run("shop", Order("timer"))
    assert stage.connected == ["shop"]
    stage.clock.sleep(CACHE_SECONDS)
    stage.fleet.run("shop", Order("timer"))
    assert stage.connected == ["shop", "shop"]


def test_a_wake_up_discovers_anew_since_a_new_pool_may_bring_a_new_subnet() -> None:
    stage = Stage("shop")
    stage.fleet.run("shop", Order("timer"))
    stage.fleet.keep_vigil(Wake("shop"))
    assert stage.connected == ["shop", "shop"]


def test_nodes_that_cannot_be_read_through_a_kept_connection_are_read_through_a_fresh_one_in_the_same_pass() -> None:
    stage = Stage("shop")
    stage.fleet.run("shop", Order("timer"))
    stage.nodes["shop"].failing = True
    stage.nodes["shop"] = FakeNodes(node("a", "100.64.0.0/24", at="10.0.0.5"))
    (report,) = stage.fleet.run("shop", Order("timer"))
    assert report.outcome is Outcome.APPLIED
    assert stage.connected == ["shop", "shop"]


def test_a_fresh_connection_that_fails_is_not_tried_twice_and_not_kept() -> None:
    stage = Stage("shop")
    stage.nodes["shop"].failing = True
    (report,) = stage.fleet.run("shop", Order("timer"))
    assert (report.outcome, report.cause) == (Outcome.FAILED, Cause.UPSTREAM)
    assert stage.connected == ["shop"]
    stage.fleet.run("shop", Order("timer"))
    assert stage.connected == ["shop", "shop"]


def test_after_a_pass_with_a_failed_table_the_cluster_is_discovered_anew() -> None:
    stage = Stage("shop")
    stage.tables["shop"].unreadable = True
    stage.fleet.run("shop", Order("timer"))
    stage.fleet.run("shop", Order("timer"))
    assert stage.connected == ["shop", "shop"]


def test_a_failing_cluster_stops_no_other() -> None:
    stage = Stage("shop", "office", "lab")
    stage.unreachable = {"office"}
    reports = {report.cluster: report.outcome for report in stage.fleet.run(None, Order("timer"))}
    assert reports == {"shop": Outcome.APPLIED, "office": Outcome.FAILED, "lab": Outcome.APPLIED}


def test_a_plan_takes_no_lease_and_a_pass_takes_one() -> None:
    stage = Stage("shop")
    stage.fleet.run("shop", Order("http", dry_run=True))
    assert stage.coordination.taken == []
    stage.fleet.run("shop", Order("http"))
    assert stage.coordination.taken == ["leases/shop"]
    assert stage.coordination.held == set()


def test_a_second_writer_is_told_busy_and_reads_no_table() -> None:
    stage = Stage("shop")
    stage.coordination.held = {"leases/shop"}
    (report,) = stage.fleet.run("shop", Order("http"))
    assert (report.outcome, report.cause, report.retry_after) == (Outcome.BUSY, Cause.BUSY, 15)
    assert stage.tables["shop"].reads == 0


def test_a_report_says_when_the_pass_began_and_how_long_it_took() -> None:
    stage = Stage("shop")
    (report,) = stage.fleet.run("shop", Order("http"))
    assert report.started_at == "2026-11-22T10:00:00Z"
    assert report.duration_ms > 0


def test_a_writer_that_lost_its_lease_writes_nothing_more() -> None:
    stage = Stage("shop")
    stage.coordination.writer_lost = True
    (report,) = stage.fleet.run("shop", Order("timer"))
    assert (report.outcome, report.error) == (Outcome.BUSY, "the lease was lost")
    assert stage.tables["shop"].requests == []


def test_a_fault_of_ours_in_one_cluster_stops_no_other(caplog: pytest.LogCaptureFixture) -> None:
    stage = Stage("shop", "office")
    stage.broken = {"office"}
    reports = {report.cluster: report for report in stage.fleet.run(None, Order("timer"))}
    assert reports["shop"].outcome is Outcome.APPLIED
    assert reports["office"].error == "the pass broke off: ZeroDivisionError"
    assert any(record.exc_info for record in caplog.records)


def test_every_change_is_one_log_line_and_a_held_delete_is_a_warning(caplog: pytest.LogCaptureFixture) -> None:
    stage = Stage("shop")
    caplog.set_level(logging.INFO, "aks_pod_routes")
    stage.fleet.run("shop", Order("timer"))
    assert any("+ 100.64.0.0/24" in record.message for record in caplog.records)
    caplog.clear()
    stage.nodes["shop"].nodes = ()
    stage.fleet.run("shop", Order("timer"))
    assert {record.levelname for record in caplog.records} == {"WARNING"}
    assert any("an empty reading never deletes" in record.message for record in caplog.records)


def test_a_report_that_cannot_be_kept_is_a_log_line_and_no_failure(caplog: pytest.LogCaptureFixture) -> None:
    stage = Stage("shop")
    stage.coordination.down = True
    (report,) = stage.fleet.run("shop", Order("timer"))
    assert report.outcome is Outcome.APPLIED
    assert "the report was not kept" in caplog.text
