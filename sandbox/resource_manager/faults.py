"""Scripted trouble: what the next matching request, or the next matching operation, meets instead of success."""

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from sandbox.resource_manager.answers import AzureError, Body

T = TypeVar("T")


@dataclass(slots=True)
class _Planned(Generic[T]):
    method: str
    fragment: str
    what: T
    times: int

    def matches(self, method: str, path: str) -> bool:
        return self.method in {"*", method} and self.fragment in path.lower()


class Script(Generic[T]):
    """A list of things to happen, each a number of times, to requests that match. Safe in any thread."""

    def __init__(self) -> None:
        self._planned: list[_Planned[T]] = []
        self._deciders: list[Callable[[str, str], T | None]] = []
        self._lock = threading.Lock()

    def add(self, method: str, fragment: str, what: T, *, times: int = 1) -> None:
        """Plan `what` for the next `times` requests whose path contains `fragment`; method `*` means any."""
        with self._lock:
            self._planned.append(_Planned(method.upper(), fragment.lower(), what, times))

    def whenever(self, decide: Callable[[str, str], T | None]) -> Callable[[], None]:
        """Ask `decide` (method, path) about every request for which nothing is planned, until the returned function is called."""
        with self._lock:
            self._deciders.append(decide)

        def undo() -> None:
            with self._lock:
                self._deciders.remove(decide)

        return undo

    def take(self, method: str, path: str) -> T | None:
        """The first thing planned or decided for this request; what was planned is thereby used once. None for nothing."""
        with self._lock:
            for planned in self._planned:
                if planned.matches(method, path):
                    planned.times -= 1
                    if planned.times == 0:
                        self._planned.remove(planned)
                    return planned.what
            deciders = tuple(self._deciders)
        return next((what for decide in deciders if (what := decide(method, path)) is not None), None)


class Faults:
    """The scripts of one stand-in."""

    def __init__(self) -> None:
        self.answers: Script[AzureError] = Script()
        """Errors to answer a request with."""
        self.operations: Script[tuple[str, str]] = Script()
        """(code, message) that an accepted operation fails with."""
        self.lost_routes: Script[Callable[[Sequence[str]], str | None]] = Script()
        """Which of the named routes an operation loses although it succeeds."""
        self.hanging: Script[Callable[[], bool]] = Script()
        """Asked whether an accepted operation still hangs when its time has come."""
        self.before: Script[Callable[[], object]] = Script()
        """Callbacks to run before a request is served."""
        self.results: Script[Body] = Script()
        """What a POST for learned or advertised routes has as its result."""
        self.routing_states: Script[str] = Script()
        """The routingState of the hub that a request reads or writes to."""
