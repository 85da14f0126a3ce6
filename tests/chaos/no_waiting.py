"""Time in which nobody waits: what SDKs and app would sleep passes at once, on a clock that runs ahead by as much."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch
from weakref import WeakKeyDictionary, WeakSet

from azure.core.pipeline.transport import HttpTransport
from azure.core.polling import LROPoller

from shared.wiring import SystemClock


class RunningAhead:
    """The seconds that were slept so far, in all and by each thread that polls an operation."""

    def __init__(self) -> None:
        self._ahead = 0.0
        self._polled: WeakKeyDictionary[threading.Thread, float] = WeakKeyDictionary()
        self._given_up: WeakSet[threading.Thread] = WeakSet()

    def monotonic(self) -> float:
        """Seconds, slept ones included."""
        return time.monotonic() + self._ahead

    def sleep(self, seconds: float) -> None:
        """The app waits."""
        self._ahead += seconds

    def poll_sleep(self, seconds: float) -> None:
        """An SDK waits. Who polls an operation that was given up ends here: nobody listens any more."""
        me = threading.current_thread()
        if me in self._given_up:
            raise TimeoutError
        self._polled[me] = self._polled.get(me, 0.0) + seconds

    def wait(self, poller: LROPoller[Any], timeout: float) -> None:
        """`LROPoller.wait` in this time: until the operation has ended or its thread has slept for so long."""
        thread = poller._thread
        while thread is not None and thread.is_alive():
            thread.join(0.002)
            if thread.is_alive() and self._polled.get(thread, 0.0) > timeout:
                self._given_up.add(thread)
                return
        if poller._exception is not None:
            raise poller._exception


@contextmanager
def no_waiting() -> Iterator[RunningAhead]:
    """Inside the block nobody in this process waits on the app's or an SDK's behalf."""
    ahead = RunningAhead()
    with (
        patch.object(HttpTransport, "sleep", staticmethod(ahead.poll_sleep)),
        patch.object(LROPoller, "wait", lambda poller, timeout=None: ahead.wait(poller, timeout)),
        patch.object(SystemClock, "sleep", staticmethod(ahead.sleep)),
        patch.object(SystemClock, "monotonic", staticmethod(ahead.monotonic)),
        patch("urllib3.util.retry.time", SimpleNamespace(sleep=ahead.sleep, time=time.time)),
    ):
        yield ahead
