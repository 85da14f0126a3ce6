"""What calls at given moments do to a token bucket of Azure Resource Manager, and how many come in one second. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Bucket:
    """Holds `burst` tokens at most, gets `per_second` back; a call takes one, and is refused where there is none."""

    burst: float
    per_second: float

    def lowest(self, calls: Sequence[float]) -> float:
        """The lowest level that calls at these seconds bring it to, from full; below zero so many would be refused."""
        level, lowest, last = self.burst, self.burst, 0.0
        for at in sorted(calls):
            level = min(self.burst, level + (at - last) * self.per_second) - 1
            lowest, last = min(lowest, level), at
        return lowest


READS = Bucket(burst=250, per_second=25)
WRITES = Bucket(burst=200, per_second=10)
"""Of one subscription and one identity.

Source: https://learn.microsoft.com/azure/azure-resource-manager/management/request-limits-and-throttling
"""


def busiest_second(moments: Sequence[float]) -> int:
    """The most of them within any one second, wherever it begins."""
    ordered = sorted(moments)
    most = first = 0
    for last, at in enumerate(ordered):
        while at - ordered[first] >= 1.0:
            first += 1
        most = max(most, last - first + 1)
    return most
