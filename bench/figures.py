"""Many durations as a few figures, and figures as a table. Pure."""

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass


@dataclass(frozen=True, slots=True)
class Figures:
    """What many durations come to, in seconds."""

    count: int
    p50: float
    p95: float
    p99: float
    max: float

    @classmethod
    def of(cls, seconds: Sequence[float]) -> "Figures":
        """Percentiles by nearest rank: each is a duration that was measured. ValueError for none at all."""
        if not seconds:
            raise ValueError("nothing was measured, so there are no figures")
        ordered = sorted(seconds)

        def rank(percent: int) -> float:
            return ordered[math.ceil(percent / 100 * len(ordered)) - 1]

        return cls(len(ordered), rank(50), rank(95), rank(99), ordered[-1])

    def row(self) -> tuple[str, ...]:
        """The cells below COLUMNS."""
        return (str(self.count), *(f"{value:.3f}" for value in (self.p50, self.p95, self.p99, self.max)))

    def to_json(self) -> dict[str, float]:
        """By name, to the tenth of a millisecond."""
        return {name: round(value, 4) for name, value in asdict(self).items()}


COLUMNS = ("count", "p50", "p95", "p99", "max")


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Columns as wide as they need; the first to the left, the others to the right."""
    lines = [head, *rows]
    widths = [max(len(line[column]) for line in lines) for column in range(len(head))]
    return "\n".join(
        "  ".join(
            [line[0].ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(line[1:], widths[1:], strict=True))]
        )
        for line in lines
    )
