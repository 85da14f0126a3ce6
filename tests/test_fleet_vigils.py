"""Vigils in a fleet: who keeps one, for how long, and who is asked to go on."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from shared.coordination import LEASE_SECONDS
from shared.fleet import VIGIL_SECONDS
from shared.reconcile import Order
from shared.report import Outcome
from shared.wake import Wake
from tests.examples import node
from tests.fake_hub import FakeHub, HubFault
from tests.fleet_stage import Stage


def test_a_vigil_passes_follows_and_gives_its_leases_back() -> None:
    stage = Stage("shop")
    report, left = stage.fleet.keep_vigil(Wake("shop"))
    assert report is not None
    assert (report.outcome, report.trigger, left) == (Outcome.APPLIED, "event", False)
    assert stage.coordination.taken == ["vigils/shop", "leases/shop"]
    assert stage.coordination.held == set()
    assert stage.nodes["shop"].following == 0


def test_who_finds_the_vigil_kept_goes_without_a_look() -> None:
    stage = Stage("shop")
    stage.coordination.held = {"vigils/shop"}
    assert stage.fleet.keep_vigil(Wake("shop")) == (None, False)
    assert stage.connected == []


def test_a_returned_message_waits_a_dead_keepers_lease_out() -> None:
    stage = Stage("shop")
    stage.coordination.held = {"vigils/shop"}
    stage.clock.at(25.0, stage.coordination.held.clear)
    report, _ = stage.fleet.keep_vigil(Wake("shop"), returned=True)
    assert report is not None
    assert report.outcome is Outcome.APPLIED


def test_a_returned_message_goes_once_the_holder_has_outlived_a_lease() -> None:
    stage = Stage("shop")
    stage.coordination.held = {"vigils/shop"}
    assert stage.fleet.keep_vigil(Wake("shop"), returned=True) == (None, False)
    assert LEASE_SECONDS < stage.clock.seconds < 2 * LEASE_SECONDS


def test_a_pass_during_a_vigil_uses_the_nodes_and_the_table_it_knows() -> None:
    stage = Stage("shop")
    nodes, table = stage.nodes["shop"], stage.tables["shop"]
    nodes.changes = [lambda: nodes.come(node("b", "100.64.1.0/24", at="10.0.0.5"))]
    stage.fleet.keep_vigil(Wake("shop"))
    assert table.routed == {"100.64.0.0/24": "10.0.0.4", "100.64.1.0/24": "10.0.0.5"}
    assert (table.reads, len(table.requests)) == (1, 2)


def test_a_wake_up_during_a_vigil_makes_another_window() -> None:
    stage = Stage("shop")
    stage.nodes["shop"].changes = [lambda: stage.coordination.move_marker("shop")]
    stage.fleet.keep_vigil(Wake("shop"))
    assert stage.connected == ["shop", "shop"]
    assert stage.coordination.taken.count("vigils/shop") == 1


def test_wake_ups_without_end_are_handed_on_before_the_platform_ends_the_function() -> None:
    stage = Stage("shop")

    def another() -> None:
        stage.coordination.move_marker("shop")
        stage.nodes["shop"].changes.append(another)

    stage.nodes["shop"].changes = [another]
    report, left = stage.fleet.keep_vigil(Wake("shop"))
    assert report is not None
    assert left
    assert stage.clock.seconds <= VIGIL_SECONDS + 10
    assert stage.coordination.held == set()


def test_a_failed_window_ends_the_vigil_and_gives_the_lease_back() -> None:
    stage = Stage("shop")
    stage.unreachable = {"shop"}
    report, left = stage.fleet.keep_vigil(Wake("shop"))
    assert report is not None
    assert (report.outcome, left) == (Outcome.FAILED, False)
    assert stage.coordination.held == set()


def _slow_hub(*names: str, beside: tuple[str, ...] = ()) -> Stage:
    """Clusters in mode routeServer with one peer to come, on which Azure is at work until `end`."""
    stage = Stage(*names, *beside)
    for name in names:
        stage.hubs[name] = FakeHub(name, faults=[HubFault.LATE])
        stage.nodes[name].nodes = [replace(each, may_peer=True) for each in stage.nodes[name].nodes]
    return stage


def test_clusters_on_which_azure_is_at_work_are_to_be_looked_after_again_and_no_others() -> None:
    stage = _slow_hub("shop", "office", beside=("lab",))
    reports = stage.fleet.run(None, Order("timer"))
    assert [report.outcome for report in reports] == [Outcome.PLANNED, Outcome.PLANNED, Outcome.APPLIED]
    assert stage.fleet.look_again(reports) == ("shop", "office")
    assert stage.coordination.versions == {"shop": 1, "office": 1}


def test_where_azure_is_done_nobody_is_to_look_again() -> None:
    stage = Stage("shop")
    assert stage.fleet.look_again(stage.fleet.run(None, Order("timer"))) == ()
    assert stage.coordination.versions == {}


def test_a_plan_of_a_hub_at_work_wakes_nobody() -> None:
    stage = _slow_hub("shop")
    stage.fleet.run("shop", Order("timer"))
    assert stage.fleet.look_again(stage.fleet.run("shop", Order("http", dry_run=True))) == ()


def test_a_marker_that_cannot_be_moved_is_a_log_line_and_left_to_the_timer(caplog: pytest.LogCaptureFixture) -> None:
    stage = _slow_hub("shop")
    stage.coordination.markers_down = True
    assert stage.fleet.look_again(stage.fleet.run("shop", Order("timer"))) == ()
    assert "shop: nobody stays with it: the storage account does not answer" in caplog.text


def test_a_vigil_stays_with_a_hub_until_azure_is_done() -> None:
    stage = _slow_hub("shop")
    hub = stage.hubs["shop"]
    stage.nodes["shop"].changes = [lambda: None, hub.end]
    report, left = stage.fleet.keep_vigil(Wake("shop"))
    assert report is not None
    assert (report.outcome, report.unfinished, left) == (Outcome.IN_SYNC, False, False)
    assert hub.operations == ["+ 10.0.0.4"]
    assert stage.connected == ["shop"]


def test_a_vigil_that_ends_while_azure_is_at_work_asks_for_another_one() -> None:
    stage = _slow_hub("shop")
    report, left = stage.fleet.keep_vigil(Wake("shop"))
    assert report is not None
    assert (report.unfinished, left) == (True, True)
    assert stage.coordination.held == set()
    stage.hubs["shop"].end()
    report, left = stage.fleet.keep_vigil(Wake("shop"))
    assert report is not None
    assert (report.outcome, left) == (Outcome.IN_SYNC, False)


def test_the_status_shows_a_hub_at_work() -> None:
    stage = _slow_hub("shop")
    stage.fleet.run("shop", Order("timer"))
    (cluster,) = stage.fleet.status("shop", routes=False)["clusters"]
    report = cluster["report"]
    assert (report["mode"], report["outcome"], report["error"]) == ("routeServer", "planned", None)
    assert report["targets"][0]["changes"][0]["reason"] == "Azure is at work on it"


def test_the_platform_lets_a_vigil_end_and_hides_a_message_longer_than_a_dead_lease_lasts() -> None:
    host = json.loads((Path(__file__).parents[1] / "host.json").read_text())
    assert _seconds(host["functionTimeout"]) > VIGIL_SECONDS
    assert _seconds(host["extensions"]["queues"]["visibilityTimeout"]) > LEASE_SECONDS


def _seconds(span: str) -> int:
    hours, minutes, seconds = map(int, span.split(":"))
    return hours * 3600 + minutes * 60 + seconds
