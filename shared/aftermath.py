"""What follows a pass that was meant to write: an entry in the history, a line of figures, events for other teams.

All of it comes after the lease was given back, in the thread of whoever asked for the pass. None of it fails a pass, or delays the
next one by more than a few requests to the storage account.
"""

import json
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from shared.announcing import announcements
from shared.announcing_topic import Topic
from shared.arm_calls import ArmCall
from shared.correlation import current
from shared.errors import StorageError
from shared.figures import Beside, figures_line
from shared.history import Circumstances
from shared.history_chronicle import Chronicle
from shared.history_drift import Place
from shared.report import ClusterReport
from shared.wake import Poison, Wake

TIMER = "timer"
"""The trigger that comes regularly, so that what is to be counted or cleared up from time to time is so then."""

_log = logging.getLogger("aks_pod_routes")


@dataclass(frozen=True, slots=True)
class Aftermath:
    """What follows the passes of all clusters. `last_report` and `poison` may raise StorageError."""

    chronicle: Chronicle
    sources: Mapping[str, str]
    """Every cluster's name, and the resource id of the AKS cluster, empty where it is none."""
    last_report: Callable[[str], str | None]
    poison: Callable[[], Poison]
    now: Callable[[], datetime]
    """In UTC."""
    topic: Topic | None = None
    """None where no other team wants to know."""

    def conclude(self, report: ClusterReport, calls: Sequence[ArmCall] = (), wake: Wake | None = None) -> ClusterReport:
        """The report with what the history has to add; to be called before it takes the place of the last one.

        `calls` are the pass's requests to Azure, `wake` what asked for it, if it was an event. Raises nothing.
        """
        try:
            return self._conclude(report, calls, wake)
        except Exception:  # noqa: BLE001  # what a fault of ours leaves untold is no reason to fail what was done
            _log.exception("%s: the pass stands, but not all of it could be told", report.cluster)
            return report

    def finish(self, trigger: str) -> None:
        """Before an invocation ends: wait a moment for events under way; the timer clears the history up. Raises nothing."""
        if self.topic is not None:
            self.topic.finish()
        if trigger == TIMER:
            self.chronicle.sweep(self.sources, self.now())

    def _conclude(self, report: ClusterReport, calls: Sequence[ArmCall], wake: Wake | None) -> ClusterReport:
        now = self.now()
        actor = f"event {wake.event}" if wake and wake.event else ""
        report, repaired = self.chronicle.conclude(report, Circumstances(now, current(), actor, calls))
        waited = wake.seconds_since(now) if wake else None
        poison = self._poisoned() if report.trigger == TIMER else None
        _log.info("%s", figures_line(report, Beside(current(), calls, repaired, waited, poison)))
        if self.topic is not None:
            self._announce(self.topic, report, repaired)
        return report

    def _poisoned(self) -> int | None:
        try:
            return self.poison().count
        except StorageError as error:
            _log.warning("wake-ups that failed for good were not counted: %s", error)
            return None

    def _announce(self, topic: Topic, report: ClusterReport, repaired: frozenset[Place]) -> None:
        try:
            before = _parsed(self.last_report(report.cluster))
        except StorageError as error:
            _log.warning("%s: without its last report, what lasts may be announced twice: %s", report.cluster, error)
            before = None
        source = self.sources.get(report.cluster, "")
        topic.announce(announcements(report, before, source=source, correlation=current(), repaired=repaired))


def _parsed(text: str | None) -> Mapping[str, Any] | None:
    report: Mapping[str, Any] | None = json.loads(text) if text else None
    return report
