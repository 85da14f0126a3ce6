"""Waiting for a condition with a deadline, and keeping how long it took. Tests bound it by protocol timers only."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field

PATIENCE = 30.0
"""Seconds after which a condition without a protocol timer is given up; a slow machine needs a few."""

_PAUSE = 0.05


def until(what: str, holds: Callable[[], bool], *, within: float = PATIENCE) -> float:
    """Seconds until `holds`; fails with `what` when they are over."""
    begun = time.monotonic()
    while not holds():
        if time.monotonic() - begun > within:
            raise AssertionError(f"not within {within:g} s: {what}")
        time.sleep(_PAUSE)
    return time.monotonic() - begun


@dataclass(slots=True)
class Times:
    """Convergence times, in the order they were measured, for the end of the run."""

    lines: list[str] = field(default_factory=list)

    def note(self, what: str, seconds: float) -> None:
        self.lines.append(f"{seconds:6.2f} s  {what}")
