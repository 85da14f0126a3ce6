"""Scripted misbehaviour: the next requests that match get a prepared answer, or half of their real one."""

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Answer:
    """Sent instead of the real answer. A mapping becomes JSON, a str or bytes goes out as it is."""

    code: int
    body: Mapping[str, Any] | str | bytes
    headers: Mapping[str, str] = field(default_factory=dict, hash=False)


@dataclass(frozen=True, slots=True)
class Truncation:
    """Half of the real answer, then the connection is closed."""


Fault = Answer | Truncation


@dataclass(slots=True)
class _Scripted:
    path_contains: str
    query_contains: str
    fault: Fault
    times: int


class Faults:
    """What goes wrong next, in the order it was scripted. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._script: list[_Scripted] = []

    def add(self, fault: Fault, path_contains: str, query_contains: str, times: int) -> None:
        """Let the next `times` requests whose path and decoded query string contain these meet the fault."""
        with self._lock:
            self._script.append(_Scripted(path_contains, query_contains, fault, times))

    def clear(self) -> None:
        """Forget what has not happened yet."""
        with self._lock:
            self._script.clear()

    def next(self, path: str, query: str) -> Fault | None:
        """The fault this request meets; it is used up by that."""
        with self._lock:
            for scripted in self._script:
                if scripted.path_contains in path and scripted.query_contains in query:
                    scripted.times -= 1
                    if not scripted.times:
                        self._script.remove(scripted)
                    return scripted.fault
        return None
