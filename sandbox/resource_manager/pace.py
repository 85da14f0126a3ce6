"""Time as the stand-in lives it: an injected clock, and a factor that makes everything faster."""

import math
from collections.abc import Callable, Mapping

ROUTE_TABLE_SECONDS = 2.5
"""What a write or delete of a route or a route table takes: recordings see its end after 2 to 3 s (facts)."""

BGP_PUT_SECONDS = 100.0
BGP_DELETE_SECONDS = 90.0
"""What a bgpConnection takes: recordings see the end of a PUT after 80 to 136 s and that of a DELETE after 92 to 94 s.

The figures lie between the last unfinished poll and the first finished one (facts: recorded in 2023 and 2024).
"""

LEARNED_ROUTES_SECONDS = 1.0
ADVERTISED_ROUTES_SECONDS = 2.0
"""What the POSTs for the routes of a peer take: one recording sees the one done after 1 s, the other between 1 and 11 s."""

RETRY_LADDER = (10, 10, 20, 40, 80, 160, 100)
"""Retry-After in seconds: of the accepting answer, then of one unfinished poll after the other, the last one for ever.

Facts: 10, 10, 20, 40 and the final 100 seen in an azure-powershell recording, the rest inferred from gaps between polls.
"""

LOCK_SECONDS = 11
"""What a locked resource asks a second writer to wait (facts: recorded in 2020 and in 2024)."""


class Pace:
    """`speed` divides every duration and every wait that is handed out; infinity means at once."""

    def __init__(self, clock: Callable[[], float], speed: float) -> None:
        if not speed > 0:
            raise ValueError(f"speed is {speed}: it must be greater than 0")
        self.clock = clock
        self.speed = speed

    def end_of(self, seconds: float) -> float:
        """When something that takes `seconds` in Azure and begins now is over, on the clock."""
        return self.clock() + seconds / self.speed

    def wait(self, seconds: float) -> int:
        """What is left of a wait of `seconds`: whole seconds, as the header has no smaller unit, and at least 1.

        Never 0: azure-core takes `Retry-After: 0` for no header at all.
        """
        return max(1, math.ceil(seconds / self.speed))

    def retry_after(self, polls: int) -> Mapping[str, str]:
        """The Retry-After header after `polls` polls; none when everything happens at once."""
        if math.isinf(self.speed):
            return {}
        return {"Retry-After": str(self.wait(RETRY_LADDER[min(polls, len(RETRY_LADDER) - 1)]))}
