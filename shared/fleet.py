"""The configured clusters as callers see them: run passes, keep a vigil after a wake-up, tell whom an event concerns.

How things are connected comes from `wiring`, what surrounds a pass from `passes`, the order of a vigil's steps from `vigil`.
"""

import json
import logging
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from datetime import timedelta
from functools import partial
from typing import Any, assert_never

from shared.config import Cluster, Config
from shared.coordination import LEASE_SECONDS
from shared.correlation import carrying, correlated, current
from shared.doctor.check import Examination, Verdict
from shared.errors import AppError, StorageError
from shared.events import Event, Ignored, concerns, scale_event
from shared.history import Query
from shared.inventory import inventory
from shared.passes import Passes
from shared.places import Places
from shared.reconcile import Order
from shared.report import ClusterReport, Outcome
from shared.status import (
    DRIFT_DAYS,
    ClusterStatus,
    Finding,
    RouteRow,
    drift,
    headroom,
    passes,
    status_document,
)
from shared.surroundings import Aftermath, Clock, Connection, Coordination, History, Lease
from shared.vigil import Answer, Step, keep
from shared.wake import Handout, Poison, Wake

CLUSTERS_AT_ONCE = 8
CLUSTERS_PER_SECOND = 5.0
"""How fast a timer's round over many clusters is handed out: a pass reads Azure about five times, and a subscription has 25
reads a second, with a burst of 250.
Source: https://learn.microsoft.com/azure/azure-resource-manager/management/request-limits-and-throttling"""
VIGIL_SECONDS = 570.0
"""A vigil begins no window that would end later: the platform ends a function after 10 minutes (`functionTimeout`)."""
DEAD_AFTER_SECONDS = LEASE_SECONDS + 5.0
"""A lease that is still held after this long has a living holder."""
RETRY_SECONDS = 2.0
PASSES_SHOWN = 20
"""Of the history, in the status."""

_log = logging.getLogger("aks_pod_routes")


class Fleet:
    """All configured clusters. `connect` and `locate` may raise any AppError."""

    def __init__(
        self,
        config: Config,
        *,
        connect: Callable[[Cluster], Connection],
        locate: Callable[[Cluster], tuple[str, str] | None],
        coordination: Callable[[], Coordination],
        poison: Callable[[], Poison],
        aftermath: Aftermath,
        history: Callable[[], History],
        hand_out: Callable[[Iterable[Handout]], None],
        doctor: Callable[[Sequence[Cluster]], tuple[Examination, ...]],
        clock: Clock,
    ) -> None:
        self._config = config
        self._coordination = coordination
        self._poison = poison
        self._aftermath = aftermath
        self._history = history
        self._hand_out = hand_out
        self._doctor = doctor
        self._clock = clock
        self._passes = Passes(connect, coordination, aftermath, clock)
        self._places = Places(config.clusters, locate)
        self._examined: dict[str, Examination] = {}
        """What the doctor found last, on this instance; the status shows it, since both are asked over HTTP."""

    def run(self, name: str | None, order: Order) -> tuple[ClusterReport, ...]:
        """One pass over the named cluster, or side by side over all. Raises UnknownClusterError, nothing else expected."""
        clusters, pass_over = self._named(name), partial(self._passes.run, order=order)
        with correlated():
            with ThreadPoolExecutor(max_workers=CLUSTERS_AT_ONCE, thread_name_prefix="cluster") as side_by_side:
                ended = list(side_by_side.map(carrying(pass_over), clusters))
            # In the caller's thread: of no other does the host know the invocation.
            reports = tuple(self._passes.publish(each, order) for each in ended)
            self._aftermath.finish(order.trigger)
        return reports

    def make_round(self) -> tuple[ClusterReport, ...]:
        """The timer's pass over every cluster: here where they are few, else one after the other over the queue.

        More than run side by side in one function would wait for each other, and for whoever hangs; the platform has more
        functions where the queue has more messages. Handed out, there are no reports. Raises StorageError.
        """
        if len(self._config.clusters) <= CLUSTERS_AT_ONCE:
            return self.run(None, Order("timer"))
        self._hand_out(
            Handout(Wake(cluster.name, correlation=current(), once=True), after=round(number / CLUSTERS_PER_SECOND))
            for number, cluster in enumerate(self._config.clusters)
        )
        _log.info("timer: a round over %d clusters was handed out over the queue", len(self._config.clusters))
        return ()

    def examine(self, name: str | None) -> tuple[Examination, ...]:
        """What the doctor finds in the named cluster, or in all. Writes nothing. Raises UnknownClusterError."""
        found = self._doctor(self._named(name))
        self._examined |= {each.cluster: each for each in found}
        return found

    def status(self, name: str | None, *, routes: bool) -> dict[str, Any]:
        """How the named cluster, or every one, is doing; on demand with all its routes or peers, read now.

        Raises UnknownClusterError and StorageError.
        """
        clusters = self._named(name)

        def looked_up(cluster: Cluster) -> ClusterStatus:
            return self._status(cluster, routes=routes)

        with ThreadPoolExecutor(max_workers=CLUSTERS_AT_ONCE, thread_name_prefix="status") as side_by_side:
            found = tuple(side_by_side.map(carrying(looked_up), clusters))
        return status_document(self._clock.now(), found, self._poison())

    def history(self, query: Query) -> list[dict[str, Any]] | Any:
        """The entries asked for in short, or one whole, or None. Raises UnknownClusterError and StorageError."""
        name = self._config.cluster(query.cluster).name
        kept = self._history()
        return kept.entry(name, query.entry) if query.entry else kept.entries(query)

    def wake(self, event: Event) -> tuple[str, ...]:
        """Move the marker of every cluster that `event` concerns, and return their names: each needs a vigil.

        None for an event that is no scale event of ours. Raises StorageError.
        """
        meant = scale_event(event)
        if isinstance(meant, Ignored):
            _log.debug("event ignored: %s", meant.reason)
            return ()
        clusters = concerns(meant, self._places.of_all(in_doubt=meant.place))
        _log.info("event %s, %s: %s", meant.id, meant.operation, ", ".join(clusters) or "no cluster of ours")
        for cluster in clusters:
            self._coordination().move_marker(cluster)
        return clusters

    def keep_vigil(self, wake: Wake, *, returned: bool = False) -> tuple[ClusterReport | None, bool]:
        """Look after a cluster until it has settled and no wake-up is left, unless somebody does so already.

        `returned` says that an earlier keeper with the same message did not end well. If it died, its lease lives on for a
        while; so this one waits long enough to tell a dead holder from a living one, which needs no help.

        Returns the last report, None where somebody else has the vigil, and whether somebody must be asked to go on: a wake-up
        is left, or Azure is still at work. A failed window ends the vigil. Raises UnknownClusterError and StorageError.
        """
        with correlated(wake.correlation or wake.event):
            try:
                return self._keep_vigil(wake, returned=returned)
            finally:
                self._aftermath.finish("event")

    def _keep_vigil(self, wake: Wake, *, returned: bool) -> tuple[ClusterReport | None, bool]:
        name = wake.cluster
        cluster = self._config.cluster(name)
        deadline = self._clock.monotonic() + VIGIL_SECONDS - cluster.settle.max_seconds
        report: ClusterReport | None = None
        steps = keep()
        answer: Answer = None
        with ExitStack() as held:
            while True:
                try:
                    step = steps.send(answer)
                except StopIteration as ended:
                    return report, not ended.value or (report is not None and report.unfinished)
                match step:
                    case Step.ACQUIRE:
                        lease = self._take_vigil(name, patience=DEAD_AFTER_SECONDS if returned else 0.0)
                        answer = lease is not None
                        if lease is not None:
                            held.callback(lease.release)
                    case Step.MARKER:
                        answer = self._coordination().marker(name)
                    case Step.SETTLE:
                        report, answer = self._passes.settle(cluster, wake), None
                        if report.outcome in {Outcome.FAILED, Outcome.BUSY}:
                            return report, False
                    case Step.TIME:
                        answer = self._clock.monotonic() <= deadline
                    case Step.RELEASE:
                        held.close()
                        answer = None
                    case _:
                        assert_never(step)

    def look_again(self, reports: Iterable[ClusterReport]) -> tuple[str, ...]:
        """The clusters on which Azure is still at work: each needs a vigil, for which its marker is moved.

        A BGP peer takes minutes, longer than a timer or an HTTP caller should wait for it. Where the marker cannot be moved,
        the timer comes back all the same.
        """
        names = tuple(report.cluster for report in reports if report.unfinished)
        try:
            for name in names:
                self._coordination().move_marker(name)
        except StorageError as error:
            _log.warning("%s: nobody stays with it: %s", ", ".join(names), error)
            return ()
        return names

    def _status(self, cluster: Cluster, *, routes: bool) -> ClusterStatus:
        now, kept = self._clock.now(), self._history()
        text = self._coordination().last_report(cluster.name)
        report = json.loads(text) if text else None
        examined = self._examined.get(cluster.name)
        return ClusterStatus(
            cluster.name,
            cluster.routing.mode,
            report,
            headroom(report) if report else (),
            passes(kept.entries(Query(cluster.name, limit=PASSES_SHOWN))),
            drift(kept.repairs(cluster.name, now - timedelta(days=DRIFT_DAYS)), now.date()),
            tuple(
                Finding(check.verdict, check.code, f"{check.title}: {check.evidence}", check.resource)
                for check in (examined.checks if examined else ())
                if check.verdict is not Verdict.OK
            ),
            self._inventory(cluster) if routes else None,
        )

    def _inventory(self, cluster: Cluster) -> tuple[RouteRow, ...] | None:
        """None where nodes or targets cannot be read; a pass says why."""
        try:
            connection = self._passes.connection(cluster)
            reading, owner = connection.source.read(), cluster.name
            return tuple(
                row for target in connection.targets for row in inventory(target.id, target.observe(), reading, owner)
            )
        except AppError as error:
            _log.warning("%s: its routes are not shown: %s", cluster.name, error)
            return None

    def _named(self, name: str | None) -> tuple[Cluster, ...]:
        return self._config.clusters if name is None else (self._config.cluster(name),)

    def _take_vigil(self, name: str, *, patience: float) -> Lease | None:
        until = self._clock.monotonic() + patience
        while (lease := self._coordination().acquire("vigils", name)) is None and self._clock.monotonic() < until:
            self._clock.sleep(RETRY_SECONDS)
        return lease
