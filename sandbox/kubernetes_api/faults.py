"""Scripted misbehaviour: the next requests that match get a prepared answer, or half of their real one."""

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web


@dataclass(frozen=True, slots=True)
class Answer:
    """Sent instead of the real answer. A mapping becomes JSON, a str or bytes goes out as it is."""

    code: int
    body: Mapping[str, Any] | str | bytes
    headers: Mapping[str, str] = field(default_factory=dict, hash=False)


@dataclass(frozen=True, slots=True)
class Truncation:
    """Half of the real answer, then the connection is closed, or `reset`."""

    reset: bool = False


@dataclass(frozen=True, slots=True)
class LastWords:
    """A watch that begins well, says these lines and ends."""

    lines: tuple[bytes, ...]


Fault = Answer | Truncation | LastWords


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
        self._deciders: list[Callable[[web.Request], Fault | None]] = []

    def add(self, fault: Fault, path_contains: str, query_contains: str, times: int) -> None:
        """Let the next `times` requests whose path and decoded query string contain these meet the fault."""
        with self._lock:
            self._script.append(_Scripted(path_contains, query_contains, fault, times))

    def whenever(self, decide: Callable[[web.Request], Fault | None]) -> Callable[[], None]:
        """Ask `decide` about every request for which nothing is scripted, until the returned function is called."""
        with self._lock:
            self._deciders.append(decide)

        def undo() -> None:
            with self._lock:
                self._deciders.remove(decide)

        return undo

    def clear(self) -> None:
        """Forget what was scripted and has not happened yet."""
        with self._lock:
            self._script.clear()

    def next(self, request: web.Request) -> Fault | None:
        """The fault this request meets; a scripted one is used up by that."""
        with self._lock:
            for scripted in self._script:
                if scripted.path_contains in request.path and scripted.query_contains in request.rel_url.query_string:
                    scripted.times -= 1
                    if not scripted.times:
                        self._script.remove(scripted)
                    return scripted.fault
            deciders = tuple(self._deciders)
        return next((fault for decide in deciders if (fault := decide(request)) is not None), None)
