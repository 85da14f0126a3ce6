"""Remembers every invocation, so that whoever waits for one can await its end. A sandbox extra: the cloud has no such thing."""

import asyncio
import contextlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Final

_KEPT: Final = 10_000


@dataclass(frozen=True, slots=True)
class Entry:
    """One invocation. `cursor` grows with every change, so that an entry shows up once running and once ended."""

    cursor: int
    function: str
    id: str
    trigger: Mapping[str, object]
    started_at: datetime
    ended_at: datetime | None = None
    ok: bool | None = None
    error: str | None = None

    def to_json(self) -> dict[str, Any]:
        """As the journal's endpoint shows it; times in UTC, the duration in milliseconds."""
        ended = self.ended_at
        return {
            "cursor": self.cursor,
            "function": self.function,
            "id": self.id,
            "ok": self.ok,
            "error": self.error,
            "startedAt": self.started_at.isoformat(),
            "endedAt": ended.isoformat() if ended else None,
            "durationMs": self.duration_ms,
            "trigger": dict(self.trigger),
        }

    @property
    def duration_ms(self) -> int | None:
        """How long it took, or None while it runs."""
        return round((self.ended_at - self.started_at).total_seconds() * 1000) if self.ended_at else None


class Journal:
    """The last ten thousand invocations. Belongs to one event loop; reading a name is safe from any thread."""

    def __init__(self) -> None:
        self._entries: dict[str, Entry] = {}
        self._cursor = 0
        self._closed = False
        self._changed = asyncio.Condition()

    async def start(self, function: str, invocation: str, trigger: Mapping[str, object]) -> None:
        """An invocation begins."""
        await self._put(Entry(0, function, invocation, trigger, datetime.now(UTC)))

    async def end(self, invocation: str, *, error: str | None, detail: Mapping[str, object]) -> Entry:
        """An invocation has ended, well if there is no `error`; `detail` is added to what is known of its trigger."""
        entry = self._entries.pop(invocation)
        trigger = {**entry.trigger, **detail}
        return await self._put(
            replace(entry, ended_at=datetime.now(UTC), ok=error is None, error=error, trigger=trigger)
        )

    async def since(self, cursor: int, *, wait: float) -> tuple[int, list[Entry]]:
        """What changed after `cursor`, oldest change first, waiting up to `wait` seconds for a first one."""
        async with self._changed:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._changed.wait_for(lambda: self._cursor > cursor or self._closed), wait)
            changed = [entry for entry in self._entries.values() if entry.cursor > cursor]
            return self._cursor, sorted(changed, key=lambda entry: entry.cursor)

    def function_of(self, invocation: str) -> str | None:
        """The function that an invocation belongs to."""
        entry = self._entries.get(invocation)
        return entry.function if entry else None

    async def close(self) -> None:
        """Sends everybody who waits home."""
        async with self._changed:
            self._closed = True
            self._changed.notify_all()

    async def _put(self, entry: Entry) -> Entry:
        async with self._changed:
            self._cursor += 1
            entry = replace(entry, cursor=self._cursor)
            self._entries[entry.id] = entry
            if len(self._entries) > _KEPT:
                ended = (key for key, known in self._entries.items() if known.ended_at)
                self._entries.pop(next(ended, ""), None)
            self._changed.notify_all()
            return entry
