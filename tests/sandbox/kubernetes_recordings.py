"""The recorded exchanges with a real kube-apiserver, and the cluster states they were recorded in.

The recordings are no part of the repository; where they are absent, `EXCHANGES` is empty.
"""

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from sandbox.kubernetes_api.kinds import CILIUM_NODES, NODES
from tests.sandbox.kubernetes_stage import Cluster, Event

FOLDER = Path(__file__).parents[3] / "shared/data/k8s-recordings"

LISTS, WATCHES, EXPIRY, STARTUP, FIRST_CALL, OVERLOAD, SCHEMA = (
    "01-list-get-errors",
    "02-watch",
    "03-expiry-bookmarks",
    "04-startup",
    "05-first-call-after-ready",
    "06-overload-429",
    "07-ciliumnode-schema",
)
FILES = (LISTS, WATCHES, EXPIRY, STARTUP, FIRST_CALL, OVERLOAD, SCHEMA)

INSTALLED = 212
"""The revision at which the CiliumNode definition was installed: the first watch window begins there."""

WRITE = "writes go through put(), over HTTP they are not served"
STARTING = "the phases of a starting server are not played"
LEFT_OUT = {
    **{(LISTS, number): WRITE for number in (8, 9, 10, 11)},
    **{(WATCHES, number): WRITE for number in (12, 25, 26, 27)},
    **{(STARTUP, number): STARTING for number in (0, 4)},
    **{(SCHEMA, number): WRITE for number in (0, 2, 3, 4)},
}
"""Recorded exchanges that do not concern the stand-in, with the reason."""


@dataclass(frozen=True, slots=True)
class Exchange:
    """One recorded request with its answer."""

    file: str
    number: int
    name: str
    request: dict[str, Any]
    response: dict[str, Any]

    def __str__(self) -> str:
        return f"{self.file[:2]}.{self.number} {self.name}"

    @property
    def events(self) -> list[Event]:
        """The lines of a watch."""
        return [event["line"] for event in self.response["events"]]

    @property
    def arrivals(self) -> list[float]:
        """When each line came, in seconds since the answer began."""
        return [event["t"] for event in self.response.get("events", [])]

    @property
    def is_watch(self) -> bool:
        """Whether its answer was recorded as a stream of events."""
        return "events" in self.response and self.response["status"] == 200

    @property
    def counter(self) -> int:
        """The revision the answer speaks of; leases and the like had moved the real counter up to it."""
        body = self.response.get("body") or {}
        spoken = str(body.get("metadata", {}).get("resourceVersion", 0))
        return int(body["message"].rpartition(" ")[2]) if "current:" in body.get("message", "") else int(spoken)


@cache
def exchanges_of(file: str) -> tuple[Exchange, ...]:
    """The exchanges of one recording, in order; none where the folder is absent."""
    path = FOLDER / f"{file}.json"
    if not path.exists():
        return ()
    recorded = json.loads(path.read_text())["exchanges"]
    return tuple(
        Exchange(file, number, one["name"], one["request"], one["response"]) for number, one in enumerate(recorded)
    )


EXCHANGES = tuple(exchange for file in FILES for exchange in exchanges_of(file))


def prepare(cluster: Cluster, exchange: Exchange) -> None:
    """Bring a cluster at revision 212 to the state in which the exchange was recorded."""
    api = cluster.api
    match exchange.file:
        case file if file == LISTS:
            play(cluster, _made() if exchange.number > 7 else [])
        case file if file == WATCHES:
            play(cluster, _made())
            play(cluster, _happened(exchange))
            api.advance_revision(int(_first_mark(exchange)))
        case file if file == EXPIRY:
            play(cluster, _made())
            play(cluster, _touched())
            _restart(cluster, nodes=271, cilium_nodes=274)
            if 4 <= exchange.number <= 11:
                api.advance_revision(319)
                api._store.compact()
        case file if file == STARTUP and exchange.number > 4:
            play(cluster, _made())
            play(cluster, _changes(exchanges_of(STARTUP)[5], exchanges_of(STARTUP)[6], since=api.revision))
            api.advance_revision(exchanges_of(STARTUP)[5].counter)
        case file if file == SCHEMA:
            play(cluster, [{"type": "ADDED", "object": exchange.response["body"]}])
        case _:
            play(cluster, _made())
    api.advance_revision(exchange.counter)


def play(cluster: Cluster, events: list[Event]) -> None:
    """Let recorded changes happen, each at its recorded revision."""
    for event in sorted(events, key=_revision):
        body = event["object"]
        cluster.api.advance_revision(_revision(event) - 1)
        if event["type"] == "DELETED":
            cluster.api.delete(body["kind"], body["metadata"]["name"])
        else:
            cluster.api.put(body)
        assert cluster.api.revision == _revision(event), "a recorded change must change something"


def live(exchange: Exchange) -> bool:
    """Whether the changes happened while the watch was open: its lines did not all come at once."""
    return max(exchange.arrivals, default=0.0) > 0.5


def _made() -> list[Event]:
    """How the seven nodes and their CiliumNodes came to be."""
    nodes = exchanges_of(WATCHES)[6].events[:-3]
    cilium_nodes = exchanges_of(LISTS)[33].response["body"]["items"]
    return nodes + [{"type": "ADDED", "object": body} for body in cilium_nodes]


def _happened(exchange: Exchange) -> list[Event]:
    """What had changed since, when a watch was recorded: an eighth node came and went, then its CiliumNode."""
    node, cilium_node = exchanges_of(WATCHES)[0].events, exchanges_of(WATCHES)[13].events
    return (node if exchange.number > 0 else []) + (cilium_node if exchange.number > 13 else [])


def _touched() -> list[Event]:
    """One node and its CiliumNode had got a label before the third recording began."""
    pages = exchanges_of(EXPIRY)
    return _changes(pages[0], pages[2], since=233)


def _changes(*pages: Exchange, since: int) -> list[Event]:
    """What lists show to be newer than a revision."""
    kinds = {"NodeList": "Node", "CiliumNodeList": "CiliumNode"}
    bodies = [page.response["body"] for page in pages]
    found = [
        {"object": {"kind": kinds[body["kind"]], **item}, "type": "MODIFIED"}
        for body in bodies
        for item in body["items"]
    ]
    return [event for event in found if _revision(event) > since]


def _first_mark(exchange: Exchange) -> str:
    marks = (event["object"] for event in exchange.events if event["type"] == "BOOKMARK") if exchange.is_watch else ()
    return next((mark["metadata"]["resourceVersion"] for mark in marks), "0")


def _restart(cluster: Cluster, *, nodes: int, cilium_nodes: int) -> None:
    """The watch caches began anew at these revisions when the real server was restarted."""
    cluster.api.advance_revision(nodes)
    cluster.api._store.restart_window(NODES)
    cluster.api.advance_revision(cilium_nodes)
    cluster.api._store.restart_window(CILIUM_NODES)


def _revision(event: Event) -> int:
    return int(event["object"]["metadata"]["resourceVersion"])
