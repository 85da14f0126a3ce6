"""The record of every request that reached the stand-in, for tests that count."""

import threading
from dataclasses import dataclass

from sandbox.resource_manager.resource_ids import key


@dataclass(frozen=True, slots=True)
class Call:
    """One request and the status it got. `at` is in seconds of the stand-in's clock."""

    method: str
    path: str
    status: int
    api_version: str
    at: float
    request_bytes: int

    @property
    def is_poll(self) -> bool:
        """Whether it asked for the state or the result of an operation."""
        words = self.path.lower().split("/")
        return "operations" in words or "operationresults" in words


class CallLog:
    """Every call in the order of arrival. Safe to read from any thread while the server runs."""

    def __init__(self) -> None:
        self._calls: list[Call] = []
        self._lock = threading.Lock()

    def record(self, call: Call) -> None:
        """Add a call."""
        with self._lock:
            self._calls.append(call)

    def all(self) -> tuple[Call, ...]:
        """All calls since the start or the last `clear`."""
        with self._lock:
            return tuple(self._calls)

    def clear(self) -> None:
        """Forget all calls."""
        with self._lock:
            self._calls.clear()

    def count(self, method: str, resource_id: str) -> int:
        """How often `method` was called on exactly this resource; its children do not count."""
        wanted = key(resource_id)
        return sum(call.method == method and key(call.path) == wanted for call in self.all())
