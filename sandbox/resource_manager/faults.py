"""Scripted trouble: what the next matching request, or the next matching operation, meets instead of success."""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from sandbox.resource_manager.answers import AzureError

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
        self._lock = threading.Lock()

    def add(self, method: str, fragment: str, what: T, *, times: int = 1) -> None:
        """Plan `what` for the next `times` requests whose path contains `fragment`; method `*` means any."""
        with self._lock:
            self._planned.append(_Planned(method.upper(), fragment.lower(), what, times))

    def take(self, method: str, path: str) -> T | None:
        """The first thing planned for this request, which is thereby used once; None when there is nothing."""
        with self._lock:
            for planned in self._planned:
                if planned.matches(method, path):
                    planned.times -= 1
                    if planned.times == 0:
                        self._planned.remove(planned)
                    return planned.what
        return None


class Faults:
    """The scripts of one stand-in."""

    def __init__(self) -> None:
        self.answers: Script[AzureError] = Script()
        """Errors to answer a request with."""
        self.operations: Script[tuple[str, str]] = Script()
        """(code, message) that an accepted operation fails with."""
        self.lost_routes: Script[str] = Script()
        """Names of routes that an operation loses although it succeeds."""
        self.before: Script[Callable[[], object]] = Script()
        """Callbacks to run before a request is served."""
