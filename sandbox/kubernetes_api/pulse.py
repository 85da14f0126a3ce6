"""Wakes coroutines on any event loop when something changed, from any thread. Knows nothing of what changed."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager

POLL_SECONDS = 0.25
"""The longest a wait lasts without anybody beating: a client that has gone away is noticed then."""


class Pulse:
    """Something happened: look again."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._listeners: dict[asyncio.Event, asyncio.AbstractEventLoop] = {}

    def beat(self) -> None:
        """Wake everybody who listens. Callable from any thread."""
        with self._lock:
            for event, loop in self._listeners.items():
                loop.call_soon_threadsafe(event.set)

    @contextmanager
    def listen(self) -> Iterator["Listener"]:
        """Listen from here on: no beat after this point is missed."""
        event = asyncio.Event()
        with self._lock:
            self._listeners[event] = asyncio.get_running_loop()
        try:
            yield Listener(event)
        finally:
            with self._lock:
                del self._listeners[event]


class Listener:
    """One coroutine's ear on the pulse."""

    def __init__(self, event: asyncio.Event) -> None:
        self._event = event

    async def wait(self, seconds: float) -> None:
        """Return after a beat that was not yet waited for, or after `seconds`, or after the poll interval."""
        try:
            await asyncio.wait_for(self._event.wait(), max(0.0, min(seconds, POLL_SECONDS)))
        except TimeoutError:
            return
        self._event.clear()
