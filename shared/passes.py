"""Passes over one cluster, and what each needs around it: the cluster as discovered, the lease, time stamps, the log.

Which clusters, when and at whose word is told in `fleet`; what a pass does in `reconcile`, when a window of passes ends in
`settle`.
"""

import json
import logging
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from typing import Any

from shared.arm_calls import ArmCall, recorded
from shared.config import Cluster
from shared.errors import AppError, SourceError, StorageError
from shared.reconcile import NodeSource, Order, Target, reconcile
from shared.report import ClusterReport, Outcome, failed, render_json, render_text
from shared.settle import Window, settle
from shared.surroundings import Aftermath, Clock, Connection, Coordination
from shared.targets.carried import Carried
from shared.wake import Wake

CACHE_SECONDS = 600.0
"""How long a discovered cluster is believed: a new agent pool in a new subnet is noticed at the latest then, and at once
where a wake-up announces it."""

_LEVELS = {Outcome.FAILED: logging.ERROR, Outcome.HELD: logging.WARNING, Outcome.PARTIAL: logging.WARNING}

_log = logging.getLogger("aks_pod_routes")


@dataclass(frozen=True, slots=True)
class Ended:
    """A pass that is over, and what it asked of Azure."""

    report: ClusterReport
    calls: Sequence[ArmCall]


class Passes:
    """Passes over any of the clusters; safe to use from several threads. `connect` may raise any AppError."""

    def __init__(
        self,
        connect: Callable[[Cluster], Connection],
        coordination: Callable[[], Coordination],
        aftermath: Aftermath,
        clock: Clock,
    ) -> None:
        self._connect = connect
        self._coordination = coordination
        self._aftermath = aftermath
        self._clock = clock
        self._connections: dict[str, tuple[float, Connection]] = {}

    def connection(self, cluster: Cluster) -> Connection:
        """The cluster as discovered not long ago, or now. Raises AppError."""
        return self._known(cluster) or self._connected(cluster)

    def run(self, cluster: Cluster, order: Order) -> Ended:
        """One pass, not yet published. Raises nothing: an error ends in the report."""
        with recorded() as calls:
            return Ended(self._reported(cluster, order, lambda: self._pass(cluster, order)), calls.taken())

    def settle(self, cluster: Cluster, wake: Wake) -> ClusterReport:
        """A window of passes, each published; returns the last report. Raises nothing: an error ends in it.

        Discovered anew, since a new pool may be what woke us; then nodes are followed and tables carried.
        """
        order = Order("event")
        self._connections.pop(cluster.name, None)

        def window() -> ClusterReport:
            connection = self._connected(cluster)
            with connection.source.follow() as nodes:
                tables = [Carried(target) for target in connection.targets]

                def run_pass() -> ClusterReport:
                    with recorded() as calls:
                        report = self._reported(
                            cluster, order, lambda: self._reconcile(cluster, connection, nodes, tables, order)
                        )
                    return self.publish(Ended(report, calls.taken()), order, wake)

                marker = self._coordination().marker(cluster.name)

                def woken() -> bool:
                    nonlocal marker
                    before, marker = marker, self._coordination().marker(cluster.name)
                    return marker != before

                return settle(
                    run_pass,
                    nodes.wait,
                    Window(cluster.settle.max_seconds, cluster.settle.quiet_seconds),
                    woken=woken,
                    clock=self._clock.monotonic,
                    pause=self._clock.sleep,
                )

        return self._reported(cluster, order, window)

    def publish(self, ended: Ended, order: Order, wake: Wake | None = None) -> ClusterReport:
        """To the log and, unless nothing was meant to happen, to what follows and to where `status` finds it.

        A failure of any of that is no failure. Returns the report with what the history has to add.
        """
        report = ended.report
        if not order.dry_run:
            report = self._aftermath.conclude(report, ended.calls, wake)
        _write_log(report)
        if order.dry_run or report.outcome is Outcome.BUSY:
            return report
        try:
            self._coordination().save_report(report.cluster, json.dumps(render_json([report])["clusters"][0]))
        except StorageError as error:
            _log.warning("%s: the report was not kept: %s", report.cluster, error)
        return report

    def _pass(self, cluster: Cluster, order: Order) -> ClusterReport:
        known = self._known(cluster)
        if known is not None:
            try:
                return self._reconcile(cluster, known, known.source, known.targets, order)
            except SourceError:
                pass  # what was discovered may be out of date: the API server moved, its certificate changed
        fresh = self._connected(cluster)
        return self._reconcile(cluster, fresh, fresh.source, fresh.targets, order)

    def _reconcile(
        self,
        cluster: Cluster,
        connection: Connection,
        source: NodeSource,
        targets: Sequence[Target[Any, Any]],
        order: Order,
    ) -> ClusterReport:
        writer = nullcontext(None) if order.dry_run else self._coordination().writer(cluster.name)
        with writer as lease:
            report = reconcile(
                connection.mode,
                source,
                targets,
                order,
                pause=self._clock.sleep,
                before_write=lease.check if lease else lambda: None,
                ask_azure=connection.ask_azure,
            )
        return replace(report, findings=connection.findings + report.findings)

    def _reported(self, cluster: Cluster, order: Order, run: Callable[[], ClusterReport]) -> ClusterReport:
        """The report of `run`, stamped; its errors end in a report too, so that no cluster stops another."""
        started, since = self._clock.now(), self._clock.monotonic()
        mode = cluster.routing.mode
        try:
            report = run()
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

    def _known(self, cluster: Cluster) -> Connection | None:
        at, connection = self._connections.get(cluster.name, (0.0, None))
        return connection if self._clock.monotonic() - at < CACHE_SECONDS else None

    def _connected(self, cluster: Cluster) -> Connection:
        connection = self._connect(cluster)
        self._connections[cluster.name] = (self._clock.monotonic(), connection)
        return connection


def _write_log(report: ClusterReport) -> None:
    level = _LEVELS.get(report.outcome, logging.INFO)
    for line in render_text([report]).splitlines():
        _log.log(level, "%s: %s", report.trigger, line)
