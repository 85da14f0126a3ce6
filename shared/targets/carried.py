"""A target that is read once and then carried forward by its own writes, for as long as one stays with a cluster."""

from collections.abc import Sequence
from typing import Generic

from shared.changes import Change, E, F
from shared.errors import TargetError
from shared.models import Observed
from shared.reconcile import Target


class Carried(Generic[E, F]):
    """Fits `reconcile.Target`. What a write returned is what the next pass observes, ETag included.

    Another writer is noticed by that ETag when something is to be written (412); then, and after any other failure, the
    target is read anew. What others do to a table that needs no write is seen when the next window or timer reads it.
    """

    def __init__(self, target: Target[E, F]) -> None:
        self.id = target.id
        self._target = target
        self._last: Observed[E, F] | None = None

    def observe(self) -> Observed[E, F]:
        """What the last read or write returned, else what the target holds now, as long as it is at work on something."""
        if self._last is None or self._last.busy is not None:
            self._last = self._target.observe()
        return self._last

    def apply(self, observed: Observed[E, F], changes: Sequence[Change[E, F]]) -> Observed[E, F]:
        """As the target does it."""
        try:
            self._last = self._target.apply(observed, changes)
        except TargetError:
            self._last = None
            raise
        return self._last
