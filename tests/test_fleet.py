"""The clusters as callers see them: whom an event wakes, rounds, status, doctor."""

import json
import logging

import azure.functions as func
import pytest

from sandbox.cluster import SUBSCRIPTION, scale_event
from shared.errors import UnknownClusterError
from shared.fleet import CLUSTERS_AT_ONCE, CLUSTERS_PER_SECOND
from shared.reconcile import Order
from shared.report import Outcome
from tests.fleet_stage import Stage


def test_an_unknown_cluster_is_an_error_that_names_the_known_ones() -> None:
    with pytest.raises(UnknownClusterError, match="configured: lab, shop"):
        Stage("lab", "shop").fleet.run("nope", Order("http"))


def test_an_event_wakes_the_cluster_whose_node_resource_group_it_is_in_whatever_the_case() -> None:
    stage = Stage("shop", "office")
    assert stage.fleet.wake(_event()) == ("shop",)


def test_clusters_are_located_once() -> None:
    stage = Stage("shop", "office")
    stage.fleet.wake(_event())
    stage.fleet.wake(_event())
    assert sorted(stage.located) == ["office", "shop"]


def test_a_cluster_that_cannot_be_located_is_woken_by_an_event_of_its_subscription() -> None:
    stage = Stage("shop", "office")
    stage.unreachable = {"office"}
    assert stage.fleet.wake(_event()) == ("shop", "office")
    stage.unreachable = set()
    assert stage.fleet.wake(_event()) == ("shop",)


def test_a_cluster_that_cannot_be_located_sleeps_through_events_of_other_subscriptions() -> None:
    stage = Stage("office")
    stage.unreachable = {"office"}
    assert stage.fleet.wake(_event(subscription="00000000-0000-0000-0000-000000000009")) == ()


def test_an_event_that_does_not_count_asks_nobody_and_leaves_a_debug_line(caplog: pytest.LogCaptureFixture) -> None:
    stage = Stage("shop")
    caplog.set_level(logging.DEBUG, "aks_pod_routes")
    event = _event()
    event.get_json()["operationName"] = "Microsoft.Compute/virtualMachineScaleSets/virtualMachines/write"
    assert stage.fleet.wake(event) == ()
    assert stage.located == []
    assert [record.levelname for record in caplog.records] == ["DEBUG"]


def test_an_event_moves_the_marker_of_the_clusters_it_wakes_and_of_no_other() -> None:
    stage = Stage("shop", "office")
    stage.fleet.wake(_event())
    stage.fleet.wake(_event())
    assert stage.coordination.versions == {"shop": 2}


def test_the_status_is_the_last_report_of_each_cluster_and_the_wake_ups_that_failed_for_good() -> None:
    stage = Stage("shop", "office", "lab")
    stage.unreachable = {"office"}
    stage.fleet.run("shop", Order("timer"))
    stage.fleet.run("office", Order("timer"))
    stage.fleet.run("shop", Order("http", dry_run=True))
    status = stage.fleet.status(None, routes=False)
    assert [
        (each["cluster"], each["report"] and (each["report"]["trigger"], each["report"]["outcome"]))
        for each in status["clusters"]
    ] == [("shop", ("timer", "applied")), ("office", ("timer", "failed")), ("lab", None)]
    assert status["poison"] == {"count": 2, "clusters": ["shop"]}


def _event(*, subscription: str = SUBSCRIPTION) -> func.EventGridEvent:
    raw = json.loads(json.dumps(scale_event("apps", schema="eventGrid")).replace(SUBSCRIPTION, subscription))
    return func.EventGridEvent(
        id=raw["id"],
        data=raw["data"],
        topic=raw["topic"],
        subject=raw["subject"],
        event_type=raw["eventType"],
        event_time=None,
        data_version=raw["dataVersion"],
    )


def test_a_round_over_a_few_clusters_is_made_at_once() -> None:
    stage = Stage(*(f"c{number}" for number in range(CLUSTERS_AT_ONCE)))
    assert [report.outcome for report in stage.fleet.make_round()] == [Outcome.APPLIED] * CLUSTERS_AT_ONCE
    assert stage.handed_out == []


def test_a_round_over_many_clusters_is_handed_out_one_after_the_other() -> None:
    names = [f"c{number}" for number in range(CLUSTERS_AT_ONCE + 3)]
    stage = Stage(*names)
    assert stage.fleet.make_round() == ()
    assert stage.connected == []
    assert [(each.wake.cluster, each.wake.once) for each in stage.handed_out] == [(name, True) for name in names]
    assert [each.after for each in stage.handed_out] == [round(n / CLUSTERS_PER_SECOND) for n in range(len(names))]


def test_the_doctor_examines_the_named_cluster_or_all() -> None:
    stage = Stage("shop", "books")
    assert [each.cluster for each in stage.fleet.examine("books")] == ["books"]
    assert [each.cluster for each in stage.fleet.examine(None)] == ["shop", "books"]
    with pytest.raises(UnknownClusterError):
        stage.fleet.examine("nobody")
