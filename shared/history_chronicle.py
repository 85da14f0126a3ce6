"""The end of a pass, as the history sees it: what was drift, who fights with us, and one entry more. Never fails a pass.

It comes after the lease was given back, so nobody waits for it but whoever asked. Where storage or the activity log does not
answer, a line in the log says so, and the pass stands as it is.
"""

import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Protocol

from shared.errors import StorageError
from shared.history import Circumstances, Entry, is_worth_keeping, make_entry, own_writes
from shared.history_drift import (
    Ledger,
    Place,
    Restored,
    drift,
    fight_finding,
    fights,
    written_down,
)
from shared.models import Finding
from shared.report import ClusterReport

SWEEP_EVERY = timedelta(days=1)

_log = logging.getLogger("aks_pod_routes")


class Kept(Protocol):
    """Where the history lies; `history_blobs.History` fits. Every method raises StorageError."""

    def keep(self, entry: Entry) -> None:
        """One entry more."""
        ...

    def ledger(self, cluster: str) -> Ledger:
        """What was applied last."""
        ...

    def save_ledger(self, cluster: str, ledger: Ledger) -> None:
        """In place of the one before."""
        ...

    def restorations(self, cluster: str, now: datetime) -> list[Restored]:
        """What the passes of the last hour put back."""
        ...

    def own_writes(self, cluster: str, now: datetime) -> frozenset[str]:
        """The correlation ids of our writes of the last hour."""
        ...

    def sweep(self, clusters: Iterable[str], now: datetime, days: int) -> int:
        """Delete what is older."""
        ...


class WhoElse(Protocol):
    """Asks who else wrote to a target; `history_writers.other_writer` with all but these filled in. Raises nothing."""

    def __call__(self, target: str, *, now: datetime, own: frozenset[str]) -> str:
        """Empty where that cannot be told."""
        ...


@dataclass(slots=True)
class Chronicle:
    """The history of all clusters, as a fleet uses it. `kept` is called when it is first needed."""

    kept: Callable[[], Kept]
    who_else: WhoElse
    days: int
    _swept: datetime | None = None

    def conclude(self, report: ClusterReport, about: Circumstances) -> tuple[ClusterReport, frozenset[Place]]:
        """Keep the pass, if it is worth it. Returns its report, with what was found in the history, and what was drift."""
        if not is_worth_keeping(report):
            return report, frozenset()
        try:
            return self._conclude(report, about)
        except StorageError as error:
            _log.warning("%s: the pass is not in the history: %s", report.cluster, error)
            return report, frozenset()

    def sweep(self, clusters: Iterable[str], now: datetime) -> None:
        """Delete what is older than `days`, once a day per instance of the app; for the timer, which is in no hurry."""
        if self._swept is not None and now - self._swept < SWEEP_EVERY:
            return
        try:
            swept = self.kept().sweep(clusters, now, self.days)
        except StorageError as error:
            _log.warning("old history is not deleted: %s", error)
            return
        self._swept = now
        if swept:
            _log.info("history: %d entries were older than %d days and are deleted", swept, self.days)

    def _conclude(self, report: ClusterReport, about: Circumstances) -> tuple[ClusterReport, frozenset[Place]]:
        kept = self.kept()
        before = kept.ledger(report.cluster)
        repaired = drift(report, before)
        if repaired:
            report = replace(report, findings=(*report.findings, *self._fights(kept, report, about, repaired)))
        kept.keep(make_entry(report, about, repaired))
        after = written_down(report, before)
        if after != before:
            kept.save_ledger(report.cluster, after)
        return report, repaired

    def _fights(
        self, kept: Kept, report: ClusterReport, about: Circumstances, repaired: frozenset[Place]
    ) -> Iterable[Finding]:
        """Only those that go on in this pass, each told with whoever the activity log names."""
        restorations = [Restored(about.at, repaired), *kept.restorations(report.cluster, about.at)]
        found = [fight for fight in fights(restorations, about.at) if any(fight.target == at for at, _ in repaired)]
        if not found:
            return ()
        own = kept.own_writes(report.cluster, about.at) | frozenset(own_writes(about.calls))
        return tuple(fight_finding(fight, self.who_else(fight.target, now=about.at, own=own)) for fight in found)
