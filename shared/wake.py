"""The message of a wake-up, from the function that takes events to the one that settles. What it causes is in `fleet`."""

import json
from dataclasses import dataclass

import msgspec

from shared.errors import RequestError

WAKE_QUEUE = "aks-pod-routes-wake"


class Wake(msgspec.Struct, frozen=True):
    """Look after `cluster`. `event` is the id of the event that said so, for the log; empty where a person did."""

    cluster: str
    event: str = ""

    def text(self) -> str:
        """As it is put on the queue."""
        return json.dumps({"cluster": self.cluster, "event": self.event})


def parse_wake(body: bytes) -> Wake:
    """Raises RequestError for anything else than a wake-up; the queue then ends in its poison queue, for a person."""
    try:
        return msgspec.json.decode(body, type=Wake)
    except msgspec.DecodeError as error:
        raise RequestError("message", f'not a wake-up such as {{"cluster": "shop-weu"}}: {error}') from error


@dataclass(frozen=True, slots=True)
class Poison:
    """How many wake-ups failed for good, as Azure counts them, and the clusters of those it shows."""

    count: int
    clusters: tuple[str, ...] = ()
