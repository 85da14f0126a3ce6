"""The clusters as callers see them: what is kept between passes, what is discovered anew, whom an event wakes."""

import json
import logging
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from datetime import UTC, datetime, timedelta
from typing import Any

import azure.functions as func
import pytest

from sandbox.cluster import NODE_GROUP, SUBSCRIPTION, scale_event
from shared.config import Cluster, load_config
from shared.errors import BusyError, RefusedError, TargetError, UnknownClusterError
from shared.fleet import CACHE_SECONDS, Connection, Fleet
from shared.reconcile import Order
from shared.report import Cause, Outcome
from tests.examples import node, ruled
from tests.fakes import FakeNodes, FakeTable

NOW = datetime(2026, 11, 22, 10, 0, tzinfo=UTC)


class Clock:
    """Moves only when somebody waits, and half a second with every look."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def now(self) -> datetime:
        return NOW + timedelta(seconds=self.seconds)

    def monotonic(self) -> float:
        self.seconds += 0.5
        return self.seconds

    def sleep(self, seconds: float) -> None:
        self.seconds += seconds


class Stage:
    """A fleet of clusters with the given names, in front of nodes and tables in memory."""

    def __init__(self, *names: str, mode: str = "udr") -> None:
        self.clock = Clock()
        self.nodes = {name: FakeNodes(node("a", "100.64.0.0/24", at="10.0.0.4")) for name in names}
        self.tables = {name: FakeTable(ruled(owner=name)) for name in names}
        self.connected: list[str] = []
        self.located: list[str] = []
        self.leases: list[str] = []
        self.unreachable: set[str] = set()
        self.taken: set[str] = set()
        self.fleet = Fleet(
            load_config({"AKS_POD_ROUTES_CLUSTERS": json.dumps([_cluster(name, mode) for name in names]), **_STORAGE}),
            connect=self._connect,
            locate=self._locate,
            writer=self._writer,
            clock=self.clock,
        )

    def _connect(self, cluster: Cluster) -> Connection:
        self.connected.append(cluster.name)
        if cluster.name in self.unreachable:
            raise TargetError("HTTP 403 AuthorizationFailed", status=403)
        return Connection(ruled(owner=cluster.name), self.nodes[cluster.name], (self.tables[cluster.name],))

    def _locate(self, cluster: Cluster) -> tuple[str, str] | None:
        self.located.append(cluster.name)
        if cluster.name in self.unreachable:
            raise TargetError("HTTP 403 AuthorizationFailed", status=403)
        return SUBSCRIPTION.upper(), NODE_GROUP.lower() if cluster.name == "shop" else "MC_other"

    def _writer(self, name: str) -> AbstractContextManager[None]:
        @contextmanager
        def lease() -> Iterator[None]:
            if name in self.taken:
                raise BusyError("another pass is writing", retry_after=15)
            self.leases.append(name)
            yield

        return lease()


_STORAGE = {"AzureWebJobsStorage": "UseDevelopmentStorage=true"}


def _cluster(name: str, mode: str) -> dict[str, Any]:
    group = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/rg"
    hub = {"virtualHubId": f"{group}/providers/Microsoft.Network/virtualHubs/rs", "peerAsn": 65001}
    peers = {"peers": {"addresses": ["10.0.0.9"]}}
    return {
        "name": name,
        "aksClusterId": f"{group}/providers/Microsoft.ContainerService/managedClusters/{name}",
        "routing": {"mode": mode, **(hub | peers if mode == "routeServer" else {})},
    }


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
    stage.fleet.settle("shop")
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
    assert stage.leases == []
    stage.fleet.run("shop", Order("http"))
    assert stage.leases == ["shop"]


def test_a_second_writer_is_told_busy_and_reads_no_table() -> None:
    stage = Stage("shop")
    stage.taken = {"shop"}
    (report,) = stage.fleet.run("shop", Order("http"))
    assert (report.outcome, report.cause, report.retry_after) == (Outcome.BUSY, Cause.BUSY, 15)
    assert stage.tables["shop"].reads == 0


def test_a_report_says_when_the_pass_began_and_how_long_it_took() -> None:
    stage = Stage("shop")
    (report,) = stage.fleet.run("shop", Order("http"))
    assert report.started_at == "2026-11-22T10:00:00Z"
    assert report.duration_ms > 0


def test_a_mode_that_is_not_there_is_refused_before_anything_is_read() -> None:
    stage = Stage("shop", mode="routeServer")
    (report,) = stage.fleet.run("shop", Order("http"))
    assert (report.outcome, report.cause) == (Outcome.FAILED, Cause.REFUSED)
    assert stage.connected == []


def test_an_unknown_cluster_is_an_error_that_names_the_known_ones() -> None:
    with pytest.raises(UnknownClusterError, match="configured: lab, shop"):
        Stage("lab", "shop").fleet.run("nope", Order("http"))


def test_an_event_wakes_the_cluster_whose_node_resource_group_it_is_in_whatever_the_case() -> None:
    stage = Stage("shop", "office")
    assert stage.fleet.affected(_event()) == ("shop",)


def test_clusters_are_located_once() -> None:
    stage = Stage("shop", "office")
    stage.fleet.affected(_event())
    stage.fleet.affected(_event())
    assert sorted(stage.located) == ["office", "shop"]


def test_a_cluster_that_cannot_be_located_is_woken_by_an_event_of_its_subscription() -> None:
    stage = Stage("shop", "office")
    stage.unreachable = {"office"}
    assert stage.fleet.affected(_event()) == ("shop", "office")
    stage.unreachable = set()
    assert stage.fleet.affected(_event()) == ("shop",)


def test_a_cluster_that_cannot_be_located_sleeps_through_events_of_other_subscriptions() -> None:
    stage = Stage("office")
    stage.unreachable = {"office"}
    assert stage.fleet.affected(_event(subscription="00000000-0000-0000-0000-000000000009")) == ()


def test_an_event_that_does_not_count_asks_nobody_and_leaves_a_debug_line(caplog: pytest.LogCaptureFixture) -> None:
    stage = Stage("shop")
    caplog.set_level(logging.DEBUG, "aks_pod_routes")
    event = _event()
    event.get_json()["operationName"] = "Microsoft.Compute/virtualMachineScaleSets/virtualMachines/write"
    assert stage.fleet.affected(event) == ()
    assert stage.located == []
    assert [record.levelname for record in caplog.records] == ["DEBUG"]


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


def test_a_refused_cluster_is_reported_with_the_reason() -> None:
    stage = Stage("shop")

    def refuse(cluster: Cluster) -> Connection:
        raise RefusedError(f"{cluster.name} is stopped; start it")

    fleet = Fleet(
        load_config({"AKS_POD_ROUTES_CLUSTERS": json.dumps([_cluster("shop", "udr")]), **_STORAGE}),
        connect=refuse,
        locate=lambda _: None,
        writer=lambda _: nullcontext(),
        clock=stage.clock,
    )
    (report,) = fleet.run("shop", Order("http"))
    assert (report.cause, report.error) == (Cause.REFUSED, "shop is stopped; start it")


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
