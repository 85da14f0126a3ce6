"""The record of every request the API answered, for tests that count them."""

import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass


@dataclass(slots=True)
class Call:
    """One request. `bytes` grows while a watch lasts and counts the body as it went over the wire."""

    method: str
    path: str
    query: Mapping[str, str]
    status: int
    at: float
    """Wall-clock time of the answer's first byte, in seconds since 1970."""
    bytes: int = 0

    @property
    def is_watch(self) -> bool:
        """Whether the client asked for a watch."""
        return "watch" in self.query


class Calls:
    """All calls since the start or the last `clear`, oldest first. Thread-safe; iterating sees a copy."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._calls: list[Call] = []

    def __iter__(self) -> Iterator[Call]:
        with self._lock:
            return iter(tuple(self._calls))

    def __len__(self) -> int:
        with self._lock:
            return len(self._calls)

    def add(self, call: Call) -> None:
        """Append one."""
        with self._lock:
            self._calls.append(call)

    def clear(self) -> None:
        """Forget all."""
        with self._lock:
            self._calls.clear()

    def count(
        self,
        path_contains: str = "",
        *,
        method: str | None = None,
        status: int | None = None,
        watch: bool | None = None,
    ) -> int:
        """How many calls match everything that is given."""
        return sum(
            path_contains in call.path
            and method in {None, call.method}
            and status in {None, call.status}
            and watch in {None, call.is_watch}
            for call in self
        )
