"""What a watch sends, line by line, and which watches are open. No HTTP: lines come out, somebody writes them."""

import math
import random
import threading
from collections.abc import AsyncGenerator, Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from sandbox.kubernetes_api.entries import Entry, encode, entry_of
from sandbox.kubernetes_api.kinds import Resource
from sandbox.kubernetes_api.options import ListOptions
from sandbox.kubernetes_api.pulse import Pulse
from sandbox.kubernetes_api.rendering import Rendering, event_line
from sandbox.kubernetes_api.statuses import too_old
from sandbox.kubernetes_api.store import Change, Snapshot, Store

BOOKMARK_SECONDS = 60.0
"""How often a quiet watch gets a bookmark (facts: recorded at 59.8 s)."""
LAST_BOOKMARK_SECONDS = 1.5
"""How long before its end a watch gets its last bookmark (facts: recorded 1.55 s before)."""
SHORTEST_BOOKMARKED_SECONDS = 5.0
"""A shorter watch gets no bookmark (facts: recorded none in 4 s; where between 4 s and 75 s it begins is not known)."""
LONGEST_SECONDS = (1800.0, 3600.0)
"""Between these a watch without a timeout ends (kube-apiserver --min-request-timeout)."""


class Cut(Exception):  # noqa: N818 - an order, not an error
    """The watch is to end now; `clean` with a proper end of the answer, else with a broken connection."""

    def __init__(self, *, clean: bool) -> None:
        super().__init__(clean)
        self.clean = clean


@dataclass(slots=True, eq=False)
class Handle:
    """One open watch, as others see it. A `silent` one sends nothing at all, and its bookmarks and its end do not come."""

    resource: Resource
    cut: Cut | None = None
    silent: bool = False


class OpenWatches:
    """Which watches are open. Thread-safe; a watch counts as open once it is fixed where it starts and when it ends."""

    def __init__(self, pulse: Pulse) -> None:
        self._pulse = pulse
        self._condition = threading.Condition()
        self._handles: list[Handle] = []
        self._deciders: list[Callable[[Handle], None]] = []

    def whenever(self, decide: Callable[[Handle], None]) -> Callable[[], None]:
        """Show `decide` every watch, those that are open and each that opens, until the returned function is called."""
        with self._condition:
            self._deciders.append(decide)
            for handle in self._handles:
                decide(handle)
        self._pulse.beat()

        def undo() -> None:
            with self._condition:
                self._deciders.remove(decide)

        return undo

    @contextmanager
    def opened(self, resource: Resource) -> Iterator[Handle]:
        """Count a watch as open for the duration."""
        handle = Handle(resource)
        with self._condition:
            for decide in self._deciders:
                decide(handle)
            self._handles.append(handle)
            self._condition.notify_all()
        try:
            yield handle
        finally:
            with self._condition:
                self._handles.remove(handle)
                self._condition.notify_all()

    def count(self) -> int:
        """How many are open now."""
        with self._condition:
            return len(self._handles)

    def wait(self, count: int, timeout: float) -> None:
        """Block until exactly `count` watches are open; TimeoutError after `timeout` seconds."""
        with self._condition:
            if not self._condition.wait_for(lambda: len(self._handles) == count, timeout):
                raise TimeoutError(f"{len(self._handles)} watches are open after {timeout} s, expected {count}")

    def drop(self, resource: Resource | None = None, *, clean: bool) -> int:
        """End all watches, or those of one resource, and return how many."""
        with self._condition:
            chosen = [handle for handle in self._handles if resource in {None, handle.resource}]
            for handle in chosen:
                handle.cut = Cut(clean=clean)
        self._pulse.beat()
        return len(chosen)


@dataclass(frozen=True, slots=True)
class Watch:
    """One watch: what to send and where from."""

    store: Store
    resource: Resource
    options: ListOptions
    rendering: Rendering
    watches: OpenWatches
    pulse: Pulse
    clock: Callable[[], float]

    async def lines(self, gone: Callable[[], bool]) -> AsyncGenerator[bytes]:
        """Every line until the timeout, until the client is `gone`, or until Cut is raised.

        Yields nothing but an ERROR line when the start lies before the watch cache.
        """
        start = self.options.revision or 0
        oldest = self.store.window_start(self.resource)
        if start and start < oldest:
            yield event_line("ERROR", encode(too_old(start, oldest)))
            return
        seconds = self.options.timeout or random.uniform(*LONGEST_SECONDS)
        bookmarks = _Bookmarks(self.clock(), seconds, wanted=self.options.bookmarks)
        printer = _Printer(self.rendering)
        replay = self.store.snapshot(self.resource) if not start or self.options.initial_events else None
        with self.pulse.listen() as listener, self.watches.opened(self.resource) as handle:
            cursor = replay.revision if replay else start
            for line in self._state(replay, printer) if replay and not handle.silent else ():
                yield line
            while not gone():
                if handle.cut is not None:
                    raise handle.cut
                if handle.silent:
                    await listener.wait(math.inf)
                    continue
                now = self.clock()  # before the revision: a bookmark then holds all that happened up to its time
                reached = self.store.revision
                changes = self.store.changes_after(self.resource, cursor)
                for line in self._news(changes, printer):
                    yield line
                cursor = changes[-1].revision if changes else cursor
                if bookmarks.due(now) and cursor <= self.store.revision:
                    cursor = max(cursor, reached)
                    yield printer.bookmark(cursor, {})
                if now >= bookmarks.deadline:
                    return
                await listener.wait(bookmarks.next - self.clock())

    def _state(self, snapshot: Snapshot, printer: "_Printer") -> Iterator[bytes]:
        """What is there, as if it had just been added."""
        for entry in filter(self.options.selects, snapshot.entries):
            yield printer.event("ADDED", entry)
        if self.options.initial_events and self.options.bookmarks:
            yield printer.bookmark(snapshot.revision, {"k8s.io/initial-events-end": "true"})

    def _news(self, changes: tuple[Change, ...], printer: "_Printer") -> Iterator[bytes]:
        """What changed. An object that leaves the selection is deleted, as far as this watch can see."""
        for change in changes:
            before = change.before is not None and self.options.selects(change.before)
            if change.after is not None and self.options.selects(change.after):
                yield printer.event("MODIFIED" if before else "ADDED", change.after)
            elif change.before is not None and before:
                yield printer.event("DELETED", entry_of(self.resource, change.before.object, change.revision))


class _Printer:
    """Writes the lines of one watch. Only its first Table carries column definitions, as kubectl expects."""

    def __init__(self, rendering: Rendering) -> None:
        self._rendering = rendering
        self._first = True

    def event(self, kind: str, entry: Entry) -> bytes:
        body = self._rendering.one(entry, headers=self._first)
        self._first = False
        return event_line(kind, body)

    def bookmark(self, revision: int, annotations: Mapping[str, str]) -> bytes:
        return event_line("BOOKMARK", self._rendering.bookmark(revision, annotations))


class _Bookmarks:
    """When the next bookmark is due, and when the watch ends."""

    def __init__(self, now: float, seconds: float, *, wanted: bool) -> None:
        self.deadline = now + seconds
        self._last = self.deadline - LAST_BOOKMARK_SECONDS
        self._due = self.deadline
        if wanted and seconds >= SHORTEST_BOOKMARKED_SECONDS:
            self._due = min(now + BOOKMARK_SECONDS, self._last)

    @property
    def next(self) -> float:
        """When to look again, on the clock."""
        return min(self._due, self.deadline)

    def due(self, now: float) -> bool:
        """Whether a bookmark is to be sent now; if so, the next one is planned."""
        if now < self._due or self._due >= self.deadline:
            return False
        self._due = min(now + BOOKMARK_SECONDS, self._last) if now < self._last else self.deadline
        return True
