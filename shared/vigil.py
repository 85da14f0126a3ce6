"""Who looks after a cluster when wake-ups arrive: exactly one, and none is missed. The protocol alone, step by step.

Every event moves the cluster's marker, then a message asks somebody to keep the vigil. Whoever finds the lease taken may go at
once, because the holder looks at the marker again before it gives the lease back, and once more after. Why no interleaving
loses a wake-up, and what a crash at each step leads to: docs/wake-ups.md. `tests/test_vigil.py` takes this very code through
every interleaving of three keepers, with crashes.
"""

from collections.abc import Generator
from enum import Enum, auto


class Step(Enum):
    """What a keeper asks of the world; the answer is sent back into the generator."""

    ACQUIRE = auto()
    """Take the vigil's lease: True, or False where somebody has it."""
    MARKER = auto()
    """The marker's version, a text."""
    SETTLE = auto()
    """Stay with the cluster until it has settled. No answer."""
    TIME = auto()
    """Is there time left for another window: True or False."""
    RELEASE = auto()
    """Give the lease back. No answer."""


Answer = bool | str | None


def keep() -> Generator[Step, Answer, bool]:
    """One keeper's steps. Returns False where a wake-up is left that somebody must be asked to look after."""
    while (yield Step.ACQUIRE):
        marker = yield Step.MARKER
        seen = False
        while not seen:
            yield Step.SETTLE
            before, marker = marker, (yield Step.MARKER)
            seen = marker == before
            if not seen and not (yield Step.TIME):
                break
        yield Step.RELEASE
        if seen and (yield Step.MARKER) == marker:
            return True
        if not (yield Step.TIME):
            return False
    return True
