"""When a fault that is on strikes, and how often it did."""

import random
import threading
from collections.abc import Callable


class Strikes:
    """Asked at every occasion. Thread-safe; nothing strikes after `end`."""

    def __init__(self, *, chance: float, times: int | None, dice: random.Random, counted: Callable[[], None]) -> None:
        """`times` is how often at most, None for no limit; `counted` is called at each strike."""
        if not 0.0 <= chance <= 1.0:
            raise ValueError(f"chance {chance:g}: write a number from 0 to 1")
        if times is not None and times < 1:
            raise ValueError(f"times {times}: write a number from 1 on")
        self.left = times
        self._chance = chance
        self._dice = dice
        self._counted = counted
        self._ended = False
        self._lock = threading.Lock()

    def __call__(self) -> bool:
        """Whether it strikes now, which then counts."""
        with self._lock:
            # random() is below 1, so that a chance of 1 is certainty and a chance of 0 is none.
            if self._ended or self.left == 0 or self._dice.random() >= self._chance:
                return False
            if self.left is not None:
                self.left -= 1
            self._counted()
            return True

    def end(self) -> None:
        """Never again."""
        with self._lock:
            self._ended = True
