"""A wake-up: pass after pass until the cluster has settled.

A scale operation succeeds minutes before its nodes register, and Cilium gives them pod CIDRs later still, so that one pass
at the time of the event would see nothing. Deciding when to stop lives here; what a pass is does not.
"""

from collections.abc import Callable
from dataclasses import dataclass

from shared.report import ClusterReport, Outcome

RECHECK_SECONDS = 2.0
"""Between two passes of a wake-up: a few reads each, far below Azure's budget of 25 reads a second
(https://learn.microsoft.com/azure/azure-resource-manager/management/request-limits-and-throttling, 2026-08)."""

BUSY_SECONDS = 0.5
"""Before another try where somebody else writes: shorter, so that several wake-ups of one cluster do not meet for ever."""


@dataclass(frozen=True, slots=True)
class Window:
    """How long to stay with a cluster, in seconds."""

    maximum: float
    quiet: float


def settle(
    run_pass: Callable[[], ClusterReport],
    window: Window,
    *,
    clock: Callable[[], float],
    pause: Callable[[float], None],
) -> ClusterReport:
    """The report of the last pass.

    Ends when no node waits and nothing has changed for `window.quiet`, or at the maximum. Ends at once when a pass fails:
    the queue brings the wake-up back later, and what failed is not asked again every two seconds.
    """
    started = changed = clock()
    before: tuple[object, ...] | None = None
    while True:
        report = run_pass()
        now = clock()
        seen = (report.node_count, report.waiting, report.fingerprint)
        if report.outcome is not Outcome.BUSY and seen != before:
            before, changed = seen, now
        quiet = report.is_settled and now - changed >= window.quiet
        if quiet or report.outcome is Outcome.FAILED or now - started + RECHECK_SECONDS > window.maximum:
            return report
        pause(BUSY_SECONDS if report.outcome is Outcome.BUSY else RECHECK_SECONDS)
