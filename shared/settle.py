"""A wake-up: a pass, then another one whenever something that matters changes, until the cluster has settled.

A scale operation succeeds before its nodes register, and Cilium gives them pod CIDRs later still, so that one pass at the time
of the event would see nothing. When to stop is decided here; what a pass is, and what matters, is not.
"""

from collections.abc import Callable
from dataclasses import dataclass

from shared.report import ClusterReport, Outcome

BUSY_SECONDS = 0.5
"""Before another try where somebody else, such as the timer, writes for the cluster just then."""
AT_WORK_SECONDS = 10.0
"""Before another look where Azure is at work on a write: what Azure itself asks of those who poll (facts: Retry-After)."""


@dataclass(frozen=True, slots=True)
class Window:
    """How long to stay with a cluster, in seconds."""

    maximum: float
    quiet: float


def settle(
    run_pass: Callable[[], ClusterReport],
    wait_for_change: Callable[[float], bool],
    window: Window,
    *,
    woken: Callable[[], bool],
    clock: Callable[[], float],
    pause: Callable[[float], None],
) -> ClusterReport:
    """The report of the last pass. `wait_for_change` waits at most so many seconds and tells whether something changed.

    Ends when no node waits, Azure is at work on nothing, and nothing has changed for `window.quiet`, or at the maximum; where
    `woken` says that a wake-up has arrived since it was asked last, the quiet time begins anew. Ends at once when a pass
    fails: the queue brings the wake-up back later.
    """
    end = clock() + window.maximum
    quiet_since = clock()
    while True:
        report = run_pass()
        if report.outcome is Outcome.FAILED:
            return report
        until = end if report.waiting else min(end, quiet_since + window.quiet)
        if report.outcome is Outcome.BUSY:
            if clock() + BUSY_SECONDS > end:
                return report
            pause(BUSY_SECONDS)
            continue
        if report.unfinished and clock() < end:
            wait_for_change(AT_WORK_SECONDS)
            quiet_since = clock()
            continue
        # Asked also where no time is left: what came during a long pass is a change that nobody has looked at.
        while not wait_for_change(max(0.0, until - clock())):
            if until >= end or not woken():
                return report
            until = min(end, clock() + window.quiet)
        if clock() > end:
            return report
        quiet_since = clock()
