"""One resource followed by one thread: from the revision of a list it watches, again and again, until it is told to stop.

The thread only watches; lists are made by whoever reads, who then says from where to watch on. What may be read without a
list is told in `held`, what a line means in `watch_events`, when to try again in `pace`.
"""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum
from functools import partial
from http import HTTPStatus
from typing import Generic, TypeVar

from shared.errors import AppError, SourceError
from shared.sources.api_server import ANSWER_SECONDS, ApiServer
from shared.sources.failures import CONNECT_SECONDS
from shared.sources.gathering import Gathering
from shared.sources.held import Held
from shared.sources.objects import CiliumNodeObject, Listing, NodeObject
from shared.sources.pace import Pace
from shared.sources.streams import Stream
from shared.sources.watch_events import LostPlaceError, decode

WATCH_SECONDS = 30
"""After these the API server ends a watch and the next one begins where it ended. Short, because a connection that died without
a word is only noticed when this time has passed; long enough for a bookmark (recorded: none in 4 s, one 1.5 s before the end)."""

SILENT_SECONDS = WATCH_SECONDS + 5.0
"""A watch that has not even ended by then is dead."""

STOOD_SECONDS = 1.0
"""A watch that was open for so long shows that watching works; one that ends sooner, again and again, is slowed down."""

JOIN_SECONDS = CONNECT_SECONDS + ANSWER_SECONDS + 1.0
"""What a thread needs at most to end, since only the beginning of a connection cannot be interrupted."""

T = TypeVar("T", bound=NodeObject | CiliumNodeObject)


@dataclass(frozen=True, slots=True)
class Followed(Generic[T]):
    """A resource that can be listed and watched. `list` gives None where the API server does not serve it and need not."""

    path: str
    kind: str
    type: type[T]
    essence: Callable[[T], T]
    list: Callable[[], Listing[T] | None]


@dataclass(slots=True)
class Desk:
    """What one reader and the threads that watch for it share. Everything on it is touched under `condition` alone."""

    clock: Callable[[], float]
    condition: threading.Condition = field(default_factory=threading.Condition)
    changes: Gathering = field(default_factory=Gathering)
    stopping: bool = False


class _End(Enum):
    """How a watch came to its end, and so what may come next."""

    AS_IT_SHOULD = "the next watch goes on where it ended"
    BROKEN = "the next watch goes on where it ended, but until it does nobody knows what happens"
    LOST = "no watch can go on from there"


_PASSES = {HTTPStatus.UNAUTHORIZED, HTTPStatus.TOO_MANY_REQUESTS}
"""Refusals that a later attempt from the same revision can overcome, besides those from 500 on: a token that is asked for
anew, an API server that is overloaded or starting."""


class Feed(Generic[T]):
    """One followed resource: what is held of it, and the thread that keeps it up to date."""

    def __init__(self, resource: Followed[T], api: ApiServer, desk: Desk) -> None:
        self.absent = False
        """It is not served; then nothing is held and nothing is watched, for good."""
        self._held = Held(resource.essence)
        self._resource = resource
        self._api = api
        self._desk = desk
        self._pace = Pace()
        self._not_before = 0.0
        self._stream: Stream | None = None
        self._thread: threading.Thread | None = None
        self._running = False

    # For the reader

    @property
    def trusted(self) -> bool:
        """Under the lock: whether what is held may be read. The rule is told in `Held`."""
        return self.absent or self._held.trusted

    @property
    def objects(self) -> tuple[T, ...] | None:
        """Under the lock: what is held; None where the resource is not served."""
        return None if self.absent else self._held.objects

    @property
    def list_due(self) -> float | None:
        """Under the lock: when to list; None while a watch can tell."""
        return self._not_before if self._held.revision is None and not self.absent else None

    def fetch(self) -> Callable[[], bool]:
        """List, without the lock. Returns what puts the list in place under it, and says whether it made a difference.

        Raises SourceError where the list cannot be had in full, or no watch could go on from it.
        """
        listing = self._resource.list()
        if listing is None and self._held.generation:
            raise SourceError(
                f"cannot list {self._resource.path}: the API server served it a moment ago and does not any more; "
                "was the CustomResourceDefinition removed? The next reading decides anew whose pod CIDRs count"
            )
        if listing is not None and not listing.revision:
            raise SourceError(
                f"cannot follow {self._resource.path}: its list has no resourceVersion; does the address lead to an API server?"
            )
        return partial(self._install, listing)

    def list_failed(self) -> None:
        """Under the lock: a list that was due could not be had."""
        self._not_before = self._desk.clock() + self._pace.failed()

    def hang_up(self) -> None:
        """End a watch that waits for the next line. `Desk.stopping` is set before."""
        with self._desk.condition:
            stream = self._stream
        if stream is not None:
            stream.hang_up()

    def join(self) -> None:
        """Wait until the thread has ended; at most JOIN_SECONDS, after which it ends without anybody waiting."""
        if self._thread is not None:
            self._thread.join(JOIN_SECONDS)

    def _install(self, listing: Listing[T] | None) -> bool:
        if listing is None:
            self.absent = True
            return False
        changed = self._held.install(listing)
        # Not where the watch is still held back: it would be long before anybody notices the next change.
        self._held.trusted = self._desk.clock() >= self._not_before
        if not self._running:
            thread = threading.Thread(target=self._run, name=f"watch {self._resource.path}", daemon=True)
            thread.start()
            self._thread, self._running = thread, True
        self._desk.condition.notify_all()
        return changed

    # In the thread

    def _run(self) -> None:
        try:
            while place := self._next_place():
                self._watch(*place)
        finally:
            # Also where a mistake of ours ends the thread: nothing is vouched for then, and the next list starts another.
            with self._desk.condition:
                self._running = False
                self._ended(_End.LOST)

    def _next_place(self) -> tuple[int, str] | None:
        """Generation and revision to watch from, as soon as it is time; None when it is over."""
        with self._desk.condition:
            while not self._desk.stopping:
                revision = self._held.revision
                if revision is None:
                    self._desk.condition.wait()
                elif (early := self._not_before - self._desk.clock()) > 0:
                    self._desk.condition.wait(early)
                else:
                    return self._held.generation, revision
            return None

    def _watch(self, generation: int, revision: str) -> None:
        query: dict[str, str | int] = {
            "watch": "true",
            "allowWatchBookmarks": "true",
            "resourceVersion": revision,
            "timeoutSeconds": WATCH_SECONDS,
        }
        opened: float | None = None
        retry_after = 0.0
        try:
            with self._api.stream(self._resource.path, query, silence=SILENT_SECONDS) as stream:
                if stream.status == HTTPStatus.OK:
                    opened = self._desk.clock()
                    end = self._take_lines(stream, generation)
                else:
                    passes = stream.status in _PASSES or stream.status >= HTTPStatus.INTERNAL_SERVER_ERROR
                    end = _End.BROKEN if passes else _End.LOST
                    retry_after = stream.retry_after
        except LostPlaceError:
            end = _End.LOST
        except AppError:  # no connection, a connection that broke, no token
            end = _End.BROKEN
        with self._desk.condition:
            self._stream = None
            if generation == self._held.generation:
                self._ended(end, opened, retry_after)

    def _take_lines(self, stream: Stream, generation: int) -> _End:
        with self._desk.condition:
            if self._outdated(generation):
                return _End.AS_IT_SHOULD
            self._stream = stream
            self._held.trusted = True
        for line in stream.lines():
            event = decode(line, self._resource.kind, self._resource.type)
            with self._desk.condition:
                if self._outdated(generation):
                    break
                if self._held.apply(event):
                    self._desk.changes.note(self._desk.clock())
                    self._desk.condition.notify_all()
        return _End.AS_IT_SHOULD

    def _outdated(self, generation: int) -> bool:
        """Nobody wants to know any more, or what is held was listed after this watch began and is newer than what it tells."""
        return self._desk.stopping or generation != self._held.generation

    def _ended(self, end: _End, opened: float | None = None, retry_after: float = 0.0) -> None:
        now = self._desk.clock()
        if opened is not None and now - opened >= STOOD_SECONDS:
            self._pace.reset()
        delay = self._pace.failed(retry_after)
        self._not_before = now + delay
        if end is _End.LOST:
            self._held.lose_place()
        else:
            self._held.trusted = end is _End.AS_IT_SHOULD and not delay
        self._desk.condition.notify_all()
