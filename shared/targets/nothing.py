"""The target of a cluster that is only observed: it holds nothing, and nothing is written to it."""

from collections.abc import Sequence
from dataclasses import dataclass

from shared.changes import RouteChange
from shared.models import Observed, ObservedRoutes


@dataclass(frozen=True, slots=True)
class Nothing:
    """Fits `reconcile.Target`. `id` is the cluster's own."""

    id: str

    def observe(self) -> ObservedRoutes:
        """Nothing."""
        return Observed((), ())

    def apply(self, observed: ObservedRoutes, changes: Sequence[RouteChange]) -> ObservedRoutes:
        """Nothing: there are no changes."""
        _ = changes
        return observed
