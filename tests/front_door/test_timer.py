"""The timer: one pass over every cluster, drift repaired, red when one failed, and never one because of another."""

from pathlib import Path

import pytest

from sandbox.cluster import table_id
from tests.front_door.stage import BOOKS_TABLE, FOREIGN, Stage

pytestmark = pytest.mark.wire

UNREADABLE = (403, {"kind": "Status", "message": "nodes is forbidden"}, 2)


def books_in_step(stage: Stage) -> bool:
    return stage.cloud.arm.routes(BOOKS_TABLE) == {"100.128.0.0/24": "10.20.0.4"}


def test_one_run_reconciles_every_cluster(stage: Stage) -> None:
    run = stage.by_hand("on_timer")

    assert run.ok
    assert stage.in_step()
    assert books_in_step(stage)
    assert stage.foreign() == FOREIGN


def test_a_run_without_drift_writes_nothing(stage: Stage) -> None:
    stage.by_hand("on_timer")
    stage.cloud.arm.clear_calls()

    run = stage.by_hand("on_timer")

    assert run.ok
    assert stage.writes() == []
    assert stage.cloud.arm.count("GET", table_id("rt-apps")) == 1


def test_the_schedule_starts_it_without_anybody(stage: Stage, tmp_path: Path) -> None:
    every_second = {"AKS_POD_ROUTES_SCHEDULE": "* * * * * *", "AKS_POD_ROUTES_CLUSTERS": stage.shop_alone}

    with stage.other_host(tmp_path, **every_second) as host:
        run = host.wait_invocation("on_timer", after=0)

    assert run.ok
    assert "due" in run.trigger
    assert stage.in_step()


def test_drift_is_repaired_and_logged_with_both_next_hops(stage: Stage) -> None:
    stage.by_hand("on_timer")
    first, second, third, _ = sorted(stage.cluster.expected())
    stage.cluster.edit_route("rt-apps", first, nextHopIpAddress="10.10.0.99")
    stage.cluster.edit_route("rt-apps", second, nextHopType="None", nextHopIpAddress=None)
    stage.cluster.edit_route("rt-system", third, nextHopType="Internet", nextHopIpAddress=None)

    run = stage.by_hand("on_timer")

    assert run.ok
    assert stage.in_step()
    assert stage.foreign() == FOREIGN
    log = stage.new_log()
    assert "~ 100.64.0.0/24  via 10.10.0.99 -> 10.10.0.4 " in log
    assert "via None -> 10.10.0.5" in log
    assert "via Internet -> 10.10.4.4" in log


def test_the_network_teams_tag_and_flag_survive_a_repair(stage: Stage) -> None:
    stage.by_hand("on_timer")

    table = stage.cloud.arm.table(table_id("rt-system"))

    assert table["tags"] == {"owner": "network-team"}
    assert table["properties"]["disableBgpRoutePropagation"] is True


@pytest.mark.parametrize("failing", ["shop-weu", "books-weu"])
def test_a_failing_cluster_makes_the_run_red_and_stops_no_other(stage: Stage, failing: str) -> None:
    api = stage.cloud.kubernetes if failing == "shop-weu" else stage.books
    api.answer_next("/api/v1/nodes", *UNREADABLE)

    run = stage.by_hand("on_timer")

    assert run.ok is False
    assert f"{failing}: cannot list nodes: 403 nodes is forbidden; grant" in str(run.error)
    assert stage.in_step() is (failing != "shop-weu")
    assert books_in_step(stage) is (failing != "books-weu")
    assert stage.by_hand("on_timer").ok  # the next run repairs what this one left
    assert stage.in_step()
    assert books_in_step(stage)


def test_a_failing_table_makes_the_run_red_and_stops_no_other_table(stage: Stage) -> None:
    stage.cloud.arm.answer_next("PUT", "rt-apps", 403, "AuthorizationFailed", "no")

    run = stage.by_hand("on_timer")

    assert run.ok is False
    assert stage.cluster.ours("rt-apps") == {}
    assert stage.cluster.ours("rt-system") == stage.cluster.expected()
    assert books_in_step(stage)


def test_every_cluster_that_failed_is_named(stage: Stage) -> None:
    for api in (stage.cloud.kubernetes, stage.books):
        api.answer_next("/api/v1/nodes", *UNREADABLE)

    run = stage.by_hand("on_timer")

    assert "shop-weu: " in str(run.error)
    assert "books-weu: " in str(run.error)
    assert stage.writes() == []


def test_a_busy_cluster_is_no_failure_for_the_timer(stage: Stage) -> None:
    """Somebody else is doing the very same work."""
    with stage.lease():
        run = stage.by_hand("on_timer")

    assert run.ok
    assert books_in_step(stage)
    assert stage.cluster.ours("rt-apps") == {}


def test_held_deletes_are_a_warning_in_the_log_and_no_failure(stage: Stage) -> None:
    stage.by_hand("on_timer")
    stage.cluster.remove_nodes(stage.cluster.nodes[1:])
    stage.cloud.arm.clear_calls()

    run = stage.by_hand("on_timer")

    assert run.ok
    assert stage.writes() == []
    held = [line for line in stage.new_log().splitlines() if "3 of 4 routes would be deleted" in line]
    assert len(held) == 2
    assert all(" WARNING " in line for line in held)


def test_a_cold_instance_reaches_all_of_many_clusters(stage: Stage, tmp_path: Path) -> None:
    """They are connected side by side, and the first of them loads the client libraries."""
    clusters = stage.many(8)

    with stage.other_host(tmp_path, AKS_POD_ROUTES_CLUSTERS=clusters) as cold:
        answer = cold.http("GET", "/api/plan")

    assert answer.status_code == 200
    assert len(answer.json()["clusters"]) == 8


def test_every_line_of_a_run_over_several_clusters_belongs_to_its_invocation(stage: Stage) -> None:
    """Without that nobody finds, in the cloud's log, what the run said about a cluster."""
    run = stage.by_hand("on_timer")

    lines = [line for line in stage.new_log().splitlines() if "timer: " in line]
    assert lines
    assert [line for line in lines if f" on_timer {run.id[:8]} | " not in line] == []
