"""The switchboard: faults by name, on and off, and how often each of them struck."""

import random
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any, Self

from sandbox.azurite import Azurite, connection_string
from sandbox.cloud import Cloud
from sandbox.endpoint import Undo
from sandbox.faults.catalogue import CATALOGUE
from sandbox.faults.fault import Fault, Ground, Storage
from sandbox.faults.proxy import Proxy
from sandbox.faults.strikes import Strikes


@dataclass(frozen=True, slots=True)
class _On:
    """A fault that is on."""

    strikes: Strikes
    undo: Undo
    timer: threading.Timer | None


class Faults:
    """The faults of a running cloud and, where `azurite` is given, of its storage. Thread-safe.

    Use as a context manager, inside those of the cloud and the storage; it ends with everything off. For the faults of
    storage the app has to be told `connection_string` instead of the storage's own. `dice` makes chances repeatable.
    """

    def __init__(self, cloud: Cloud, azurite: Azurite | None = None, *, dice: random.Random | None = None) -> None:
        self._cloud = cloud
        self._azurite = azurite
        self._dice = dice or random.Random()
        self._known = {fault.name: fault for fault in CATALOGUE if azurite or not fault.needs_storage}
        self._struck = dict.fromkeys(self._known, 0)
        self._counting = threading.Lock()
        self._switching = threading.RLock()
        self._on: dict[str, _On] = {}
        self._ground = Ground(cloud)
        self.connection_string = ""
        """How the app reaches storage so that its faults reach the app; empty where there is no storage."""

    def __enter__(self) -> Self:
        if self._azurite:
            blobs, queues = (
                Proxy(self._cloud.servers, url) for url in (self._azurite.blob_url, self._azurite.queue_url)
            )
            self._ground = Ground(self._cloud, Storage(self._azurite, (blobs, queues)))
            self.connection_string = connection_string(blobs.url, queues.url)
        return self

    def __exit__(self, *exc: object) -> None:
        self.clear()
        if self._ground.storage:
            for proxy in self._ground.storage.proxies:
                proxy.close()

    @property
    def names(self) -> tuple[str, ...]:
        """Every fault there is, in the order of the catalogue."""
        return tuple(self._known)

    @property
    def struck(self) -> Mapping[str, int]:
        """How often each fault has struck so far, whether it is on or not."""
        with self._counting:
            return dict(self._struck)

    @property
    def active(self) -> Mapping[str, int | None]:
        """The faults that are on → how often they may still strike, None for no limit."""
        with self._switching:
            return {name: on.strikes.left for name, on in self._on.items()}

    def find(self, name: str) -> Fault:
        """What a name stands for. Raises ValueError with all names for one that is none."""
        if name not in self._known:
            raise ValueError(f"fault {name!r}: there are {', '.join(self._known)}")
        return self._known[name]

    def on(
        self,
        name: str,
        *,
        chance: float = 1.0,
        times: int | None = None,
        seconds: float | None = None,
        **options: Any,
    ) -> None:
        """Turn a fault on; one that is on begins anew.

        It strikes with a `chance` at every occasion, until it is turned off, or at most `times`, or for so many `seconds`.
        Raises ValueError for a name, an option or a number that does not exist.
        """
        fault = self.find(name)
        if unknown := options.keys() - fault.options.keys():
            known = ", ".join(["chance", "times", "seconds", *fault.options])
            raise ValueError(f"{name} has no option {', '.join(sorted(unknown))}: there are {known}")
        if seconds is not None and not 0 < seconds < threading.TIMEOUT_MAX:
            raise ValueError(f"seconds {seconds:g}: write a number greater than 0")
        strikes = Strikes(
            chance=chance,
            times=fault.times if times is None else times,
            dice=self._dice,
            counted=partial(self._count, name),
        )
        with self._switching:
            self.off(name)
            undo = fault.play(self._ground, strikes, **options)
            timer = None if seconds is None else threading.Timer(seconds, self._end, (name, strikes))
            self._on[name] = _On(strikes, undo, timer)
            if timer:
                timer.daemon = True
                timer.start()

    def off(self, name: str) -> None:
        """Turn a fault off; one that is off stays so. Raises ValueError for a name that does not exist."""
        self.find(name)
        with self._switching:
            if on := self._on.pop(name, None):
                on.strikes.end()
                on.undo()
                if on.timer:
                    on.timer.cancel()

    def clear(self) -> None:
        """Turn everything off."""
        with self._switching:
            for name in tuple(self._on):
                self.off(name)

    @contextmanager
    def during(self, name: str, **options: Any) -> Iterator[None]:
        """A fault that is on inside the block; options as for `on`."""
        self.on(name, **options)
        try:
            yield
        finally:
            self.off(name)

    def _count(self, name: str) -> None:
        with self._counting:
            self._struck[name] += 1

    def _end(self, name: str, strikes: Strikes) -> None:
        """The time of a fault is over, unless it was turned on anew meanwhile."""
        with self._switching:
            if (on := self._on.get(name)) and on.strikes is strikes:
                self.off(name)
