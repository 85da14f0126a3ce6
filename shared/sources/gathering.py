"""How long to wait for what comes together before anybody is woken. A pure rule; times are seconds on any one clock."""

GATHER_SECONDS = 0.25
"""Counted from the first change. A scale-out brings its nodes within seconds and each of them a few changes; one pass, and one
write per table, for what comes together. A quarter of the second that a change may take until its pass begins."""

QUIET_SECONDS = 0.05
"""Without another change nothing more is coming together: a node that comes alone is not kept waiting."""


class Gathering:
    """The changes that nobody has looked at yet."""

    def __init__(self) -> None:
        self._first: float | None = None
        self._last = 0.0

    def note(self, now: float) -> None:
        """Something that matters has changed."""
        if self._first is None:
            self._first = now
        self._last = now

    def clear(self) -> None:
        """Everything has been looked at."""
        self._first = None

    @property
    def ready_at(self) -> float | None:
        """From when on it is worth looking; None while nothing has changed."""
        if self._first is None:
            return None
        return min(self._first + GATHER_SECONDS, self._last + QUIET_SECONDS)
