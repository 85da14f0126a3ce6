"""How long to wait between two looks at a queue. Pure."""

import random
from datetime import timedelta
from typing import Final

_MINIMUM: Final = 0.1
_SPREAD: Final = 0.2


class Backoff:
    """The cloud's randomized exponential back-off: from 100 ms, doubling while nothing comes, up to `maximum`.

    https://learn.microsoft.com/azure/azure-functions/functions-bindings-storage-queue-trigger#polling-algorithm.
    """

    def __init__(self, maximum: timedelta, randomness: random.Random | None = None) -> None:
        self._maximum = max(maximum.total_seconds(), _MINIMUM)
        self._random = randomness or random.Random()
        self._exponent = 0

    def next_delay(self, *, found: bool) -> float:
        """Seconds until the next look; `found` says that messages came since the last delay."""
        if found:
            self._exponent = 1
            return _MINIMUM
        increment = 0.0
        if self._exponent > 0:
            spread = self._random.uniform(1.0 - _SPREAD, 1.0 + _SPREAD)
            increment = spread * 2.0 ** (self._exponent - 1) * _MINIMUM
        delay = _MINIMUM + increment
        if delay >= self._maximum:
            return self._maximum
        self._exponent += 1
        return delay
