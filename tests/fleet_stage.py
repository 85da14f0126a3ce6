"""A fleet in front of nodes, tables, leases and markers in memory, for whoever tests passes, vigils and rounds."""

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

from sandbox.cluster import NODE_GROUP, SUBSCRIPTION
from shared.arm_calls import ArmCall
from shared.config import Cluster, load_config
from shared.doctor.check import Examination
from shared.errors import BusyError, StorageError, TargetError
from shared.fleet import Fleet
from shared.history import Query
from shared.modes import BgpPeers, UserDefinedRoutes
from shared.report import ClusterReport
from shared.surroundings import Connection
from shared.wake import Handout, Poison, Wake
from tests.examples import node, ruled
from tests.fake_hub import FakeHub
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
