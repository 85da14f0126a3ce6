"""The configured clusters as callers see them: run a pass, settle after a wake-up, tell whom an event concerns.

Holds what is kept per instance of the app (what was discovered) and what every pass needs around it: the lease, the time
stamps, the log. How things are connected comes from `wiring`.
"""

import logging
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Protocol

from shared.config import Cluster, Config
from shared.errors import AppError, RefusedError, SourceError, TargetError
from shared.events import Event, Ignored, concerns, scale_event
from shared.models import Finding, Rules
from shared.reconcile import NodeSource, Order, Target, reconcile
from shared.report import ClusterReport, Outcome, failed, render_text
from shared.settle import Window, settle

CACHE_SECONDS = 600.0
"""How long a discovered cluster is believed: a new agent pool in a new subnet is noticed at the latest then, and at once
where a wake-up announces it."""
CLUSTERS_AT_ONCE = 8

_log = logging.getLogger("aks_pod_routes")


@dataclass(frozen=True, slots=True)
class Connection:
    """A cluster that was discovered: where its nodes are read and which tables are its."""

    rules: Rules
    source: NodeSource
    targets: Sequence[Target]
    findings: tuple[Finding, ...] = ()


class Clock(Protocol):
    """Time, as it is handed in."""

    def now(self) -> datetime:
        """The wall clock, in UTC."""
        ...

    def monotonic(self) -> float:
        """Seconds since some moment."""
        ...

    def sleep(self, seconds: float) -> None:
        """Wait."""
        ...


class Fleet:
    """All configured clusters."""

    def __init__(
        self,
        config: Config,
        connect: Callable[[Cluster], Connection],
        locate: Callable[[Cluster], tuple[str, str] | None],
        writer: Callable[[str], AbstractContextManager[None]],
        clock: Clock,
    ) -> None:
        self._config = config
        self._connect = connect
        self._locate = locate
        self._writer = writer
        self._clock = clock
        self._connections: dict[str, tuple[float, Connection]] = {}
        self._places: dict[str, tuple[str, str]] = {}

    def run(self, name: str | None, order: Order) -> tuple[ClusterReport, ...]:
        """One pass over the named cluster, or side by side over all. Raises UnknownClusterError, nothing else expected."""
        clusters = self._config.clusters if name is None else (self._config.cluster(name),)
        with ThreadPoolExecutor(max_workers=CLUSTERS_AT_ONCE, thread_name_prefix="cluster") as side_by_side:
            reports = tuple(side_by_side.map(lambda cluster: self._pass(cluster, order), clusters))
        for report in reports:  # in the caller's thread: of no other does the host know the invocation
            _write_log(report)
        return reports

    def settle(self, name: str) -> ClusterReport:
        """Passes after a wake-up until the cluster has settled; it is discovered anew first. Raises UnknownClusterError."""
        cluster = self._config.cluster(name)
        self._connections.pop(cluster.name, None)
        return settle(
            lambda: self.run(name, Order("event"))[0],
            Window(cluster.settle.max_seconds, cluster.settle.quiet_seconds),
            clock=self._clock.monotonic,
            pause=self._clock.sleep,
        )

    def affected(self, event: Event) -> tuple[str, ...]:
        """The clusters that `event` should wake; none for an event that is no scale event of ours."""
        meant = scale_event(event)
        if isinstance(meant, Ignored):
            _log.debug("event ignored: %s", meant.reason)
            return ()
        clusters = concerns(meant, self._places_of_all(in_doubt=meant.place))
        _log.info("event %s, %s: %s", meant.id, meant.operation, ", ".join(clusters) or "no cluster of ours")
        return clusters

    def _places_of_all(self, *, in_doubt: tuple[str, str]) -> dict[str, tuple[str, str]]:
        """Subscription and node resource group of every cluster, which never change.

        A needless wake-up is cheaper than a lost one: a cluster that cannot be located is taken to be where the event is,
        if its subscription is the event's.
        """
        unknown = [cluster for cluster in self._config.clusters if cluster.name not in self._places]
        with ThreadPoolExecutor(max_workers=CLUSTERS_AT_ONCE, thread_name_prefix="locate") as side_by_side:
            located = list(side_by_side.map(self._try_to_locate, unknown))
        doubtful: dict[str, tuple[str, str]] = {}
        for cluster, place in zip(unknown, located, strict=True):
            if isinstance(place, TargetError):
                _log.warning("%s: not located: %s", cluster.name, place)
                if f"/{in_doubt[0]}/".lower() in (cluster.aks_cluster_id or "").lower():
                    doubtful[cluster.name] = in_doubt
            elif place is not None:
                self._places[cluster.name] = place
        return self._places | doubtful

    def _try_to_locate(self, cluster: Cluster) -> tuple[str, str] | TargetError | None:
        try:
            return self._locate(cluster)
        except TargetError as error:
            return error

    def _pass(self, cluster: Cluster, order: Order) -> ClusterReport:
        """One pass, stamped; its errors end in its report, so that no cluster stops another."""
        started, since = self._clock.now(), self._clock.monotonic()
        mode = cluster.routing.mode
        try:
            report = self._connected_pass(cluster, order)
        except AppError as error:
            report = failed(cluster.name, mode, order.trigger, error)
        except Exception as error:  # noqa: BLE001  # a fault of ours ends this cluster's pass, and no other
            _log.exception("%s: the pass broke off", cluster.name)
            report = failed(cluster.name, mode, order.trigger, AppError(f"the pass broke off: {type(error).__name__}"))
        if report.outcome is Outcome.FAILED:
            self._connections.pop(cluster.name, None)
        return replace(
            report,
            started_at=f"{started:%Y-%m-%dT%H:%M:%SZ}",
            duration_ms=round((self._clock.monotonic() - since) * 1000),
        )

    def _connected_pass(self, cluster: Cluster, order: Order) -> ClusterReport:
        if cluster.routing.mode != "udr":
            raise RefusedError(f"mode {cluster.routing.mode} is not available in this version; udr is")
        known = self._known(cluster)
        if known is not None:
            try:
                return self._reconcile(cluster, known, order)
            except SourceError:
                pass  # what was discovered may be out of date: the API server moved, its certificate changed
        connection = self._connect(cluster)
        self._connections[cluster.name] = (self._clock.monotonic(), connection)
        return self._reconcile(cluster, connection, order)

    def _known(self, cluster: Cluster) -> Connection | None:
        at, connection = self._connections.get(cluster.name, (0.0, None))
        return connection if self._clock.monotonic() - at < CACHE_SECONDS else None

    def _reconcile(self, cluster: Cluster, connection: Connection, order: Order) -> ClusterReport:
        with nullcontext() if order.dry_run else self._writer(cluster.name):
            report = reconcile(
                connection.rules,
                cluster.routing.mode,
                connection.source,
                connection.targets,
                order,
                pause=self._clock.sleep,
            )
        return replace(report, findings=connection.findings + report.findings)


_LEVELS = {Outcome.FAILED: logging.ERROR, Outcome.HELD: logging.WARNING, Outcome.PARTIAL: logging.WARNING}


def _write_log(report: ClusterReport) -> None:
    level = _LEVELS.get(report.outcome, logging.INFO)
    for line in render_text([report]).splitlines():
        _log.log(level, "%s: %s", report.trigger, line)
