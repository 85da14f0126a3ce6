"""The message of a wake-up, from the function that takes events to the one that settles. What it causes is in `fleet`."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import msgspec

from shared import shapes
from shared.correlation import current
from shared.errors import RequestError

WAKE_QUEUE = "aks-pod-routes-wake"


class Wake(msgspec.Struct, frozen=True):
    """Look after `cluster`. `event` is the id of the event that said so, for the log; empty where a person did."""

    cluster: str
    event: str = ""
    correlation: str = ""
    """The id under which whoever asked works; see `correlation`."""
    since: datetime | None = None
    """When what the event tells of happened, as it says itself; seconds from event to route count from then."""
    once: bool = False
    """One pass and no vigil: the timer's share of a cluster, where there are too many for one function."""

    def text(self) -> str:
        """As it is put on the queue."""
        message: dict[str, Any] = {"cluster": self.cluster, "event": self.event}
        if self.correlation:
            message["correlation"] = self.correlation
        if self.since is not None:
            message["since"] = self.since.isoformat()
        if self.once:
            message["once"] = True
        return json.dumps(message)

    def seconds_since(self, now: datetime) -> float | None:
        """How long ago the event was; None without one, or by a clock that is ahead."""
        seconds = (now - self.since).total_seconds() if self.since else -1.0
        return seconds if seconds >= 0 else None


@dataclass(frozen=True, slots=True)
class Handout:
    """A message that is seen on the queue so many seconds from now."""

    wake: Wake
    after: int


def wake_all(clusters: Iterable[str], event_id: str = "", at: object = None) -> list[str]:
    """One message per cluster, under the id of this thread. `at` is the event's time, where the binding made one of it."""
    since = at if isinstance(at, datetime) else None
    return [Wake(cluster, event_id, current(), since).text() for cluster in clusters]


def parse_wake(body: bytes) -> Wake:
    """Raises RequestError for anything else than a wake-up; the queue then ends in its poison queue, for a person."""
    try:
        wake = shapes.decode(body, Wake)
    except msgspec.DecodeError as error:
        raise RequestError("message", f'not a wake-up such as {{"cluster": "shop-weu"}}: {error}') from error
    if wake.since is not None and wake.since.tzinfo is None:  # Event Grid's times are UTC
        return msgspec.structs.replace(wake, since=wake.since.replace(tzinfo=UTC))
    return wake


@dataclass(frozen=True, slots=True)
class Poison:
    """How many wake-ups failed for good, as Azure counts them, and the clusters of those it shows."""

    count: int
    clusters: tuple[str, ...] = ()
