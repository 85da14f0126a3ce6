"""The clusters as callers see them: what is kept between passes, what is discovered anew, whom an event wakes."""

import json
import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import azure.functions as func
import pytest

from sandbox.cluster import NODE_GROUP, SUBSCRIPTION, scale_event
from shared.arm_calls import ArmCall
from shared.config import Cluster, load_config
from shared.coordination import LEASE_SECONDS
from shared.doctor.check import Examination
from shared.errors import BusyError, StorageError, TargetError, UnknownClusterError
from shared.fleet import CLUSTERS_AT_ONCE, CLUSTERS_PER_SECOND, VIGIL_SECONDS, Fleet
from shared.history import Query
from shared.modes import BgpPeers, UserDefinedRoutes
from shared.passes import CACHE_SECONDS
from shared.reconcile import Order
from shared.report import Cause, ClusterReport, Outcome
from shared.surroundings import Connection
from shared.wake import Handout, Poison, Wake
from tests.examples import node, ruled
from tests.fake_hub import FakeHub, HubFault
from tests.fakes import FakeNodes, FakeTable

NOW = datetime(2026, 11, 22, 10, 0, tzinfo=UTC)


class Clock:
    """Moves only when somebody waits, and half a second with every look."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self._deeds: list[tuple[float, Callable[[], None]]] = []

    def now(self) -> datetime:
        return NOW + timedelta(seconds=self.seconds)

    def monotonic(self) -> float:
        self.seconds += 0.5
        return self.seconds

    def sleep(self, seconds: float) -> None:
        self.seconds += seconds
        for when, deed in [*self._deeds]:
            if when <= self.seconds:
                self._deeds.remove((when, deed))
                deed()

    def at(self, when: float, deed: Callable[[], None]) -> None:
        """Something that happens while somebody waits."""
        self._deeds.append((when, deed))


class FakeLease:
    """A lease in memory; `lost` once somebody broke it."""

    def __init__(self, held: set[str], name: str) -> None:
        self._held, self._name = held, name
        self.lost = False
        held.add(name)

    def check(self) -> None:
        if self.lost:
            raise BusyError("the lease was lost", retry_after=15)

    def release(self) -> None:
        self._held.discard(self._name)


class FakeCoordination:
    """Leases and markers in memory."""

    def __init__(self) -> None:
        self.held: set[str] = set()
        self.taken: list[str] = []
        self.versions: dict[str, int] = {}
        self.writer_lost = False
        self.down = False
        self.markers_down = False
        self.reports: dict[str, str] = {}

    @contextmanager
    def writer(self, cluster: str) -> Iterator[FakeLease]:
        lease = self.acquire("leases", cluster)
        if lease is None:
            raise BusyError("another pass is writing", retry_after=15)
        lease.lost = self.writer_lost
        try:
            yield lease
        finally:
            lease.release()

    def acquire(self, folder: str, cluster: str) -> FakeLease | None:
        name = f"{folder}/{cluster}"
        if name in self.held:
            return None
        self.taken.append(name)
        return FakeLease(self.held, name)

    def move_marker(self, cluster: str) -> None:
        if self.markers_down:
            raise StorageError("the storage account does not answer")
        self.versions[cluster] = self.versions.get(cluster, 0) + 1

    def marker(self, cluster: str) -> str:
        return str(self.versions.get(cluster, 0))

    def save_report(self, cluster: str, report: str) -> None:
        if self.down:
            raise StorageError("the storage account does not answer")
        self.reports[cluster] = report

    def last_report(self, cluster: str) -> str | None:
        return self.reports.get(cluster)


class NoHistory:
    """Nothing ever happened."""

    def entries(self, query: Query) -> list[dict[str, Any]]:
        return []

    def entry(self, cluster: str, entry_id: str) -> Any:
        return None

    def repairs(self, cluster: str, since: datetime) -> list[tuple[datetime, int]]:
        return []


class Quiet:
    """What follows a pass, where nobody listens."""

    def conclude(self, report: ClusterReport, calls: Sequence[ArmCall] = (), wake: Wake | None = None) -> ClusterReport:
        return report

    def finish(self, trigger: str) -> None:
        pass


class Stage:
    """A fleet of clusters with the given names, in front of nodes and tables in memory."""

    def __init__(self, *names: str) -> None:
        self.clock = Clock()
        self.nodes = {name: FakeNodes(node("a", "100.64.0.0/24", at="10.0.0.4")) for name in names}
        self.tables = {name: FakeTable(ruled(owner=name)) for name in names}
        self.hubs: dict[str, FakeHub] = {}
        """The clusters in mode routeServer, where any are."""
        self.connected: list[str] = []
        self.located: list[str] = []
        self.unreachable: set[str] = set()
        self.broken: set[str] = set()
        self.coordination = FakeCoordination()
        self.handed_out: list[Handout] = []
        self.fleet = Fleet(
            load_config({"AKS_POD_ROUTES_CLUSTERS": json.dumps([_cluster(name) for name in names]), **_STORAGE}),
            connect=self._connect,
            locate=self._locate,
            coordination=lambda: self.coordination,
            poison=lambda: Poison(2, ("shop",)),
            hand_out=self.handed_out.extend,
            doctor=lambda clusters: tuple(Examination(each.name, "udr", ()) for each in clusters),
            clock=self.clock,
            aftermath=Quiet(),
            history=NoHistory,
        )

    def _connect(self, cluster: Cluster) -> Connection:
        self.connected.append(cluster.name)
        if cluster.name in self.unreachable:
            raise TargetError("HTTP 403 AuthorizationFailed", status=403)
        if cluster.name in self.broken:
            raise ZeroDivisionError("a fault of ours")
        if cluster.name in self.hubs:
            mode = BgpPeers("routeServer", ruled(owner=cluster.name), 65001, capacity=8)
            return Connection(mode, self.nodes[cluster.name], (self.hubs[cluster.name],))
        return Connection(
            UserDefinedRoutes(ruled(owner=cluster.name)), self.nodes[cluster.name], (self.tables[cluster.name],)
        )

    def _locate(self, cluster: Cluster) -> tuple[str, str] | None:
        self.located.append(cluster.name)
        if cluster.name in self.unreachable:
            raise TargetError("HTTP 403 AuthorizationFailed", status=403)
        return SUBSCRIPTION.upper(), NODE_GROUP.lower() if cluster.name == "shop" else "MC_other"


_STORAGE = {"AzureWebJobsStorage": "UseDevelopmentStorage=true"}


def _cluster(name: str) -> dict[str, Any]:
    group = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/rg"
    return {
        "name": name,
        "aksClusterId": f"{group}/providers/Microsoft.ContainerService/managedClusters/{name}",
        "routing": {"mode": "udr"},
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


def test_an_event_moves_the_marker_of_the_clusters_it_wakes_and_of_no_other() -> None:
    stage = Stage("shop", "office")
    stage.fleet.wake(_event())
    stage.fleet.wake(_event())
    assert stage.coordination.versions == {"shop": 2}


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


def test_a_report_that_cannot_be_kept_is_a_log_line_and_no_failure(caplog: pytest.LogCaptureFixture) -> None:
    stage = Stage("shop")
    stage.coordination.down = True
    (report,) = stage.fleet.run("shop", Order("timer"))
    assert report.outcome is Outcome.APPLIED
    assert "the report was not kept" in caplog.text


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
