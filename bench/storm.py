"""Many events for one cluster, delivered side by side, and what came of them."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Self

from azure.core.exceptions import ResourceNotFoundError
from azure.storage.queue import QueueClient

from bench.figures import Figures
from sandbox.cluster import POOLS, scale_event
from sandbox.kubernetes_api.kinds import NODES
from sandbox.world import World, eventually

QUEUES = ("aks-pod-routes-wake", "aks-pod-routes-wake-poison")
DELIVERIES = 8
"""At the same time."""
EVENTS_PER_NODE = 5
LOOK_SECONDS = 0.2
WENT = "somebody is at it already"


@dataclass(frozen=True, slots=True)
class Storm:
    """Seconds and counts. `kept` and `went` are wake-ups, `oldest` and `most` messages that waited in the queue."""

    windows: int
    kept: int
    went: int
    failed: int
    oldest: float
    most: int
    settled: float
    puts: int
    right: bool
    answered: Figures


def deliver(world: World, count: int, seconds: float, *, join: bool) -> Storm:
    """`count` events evenly over `seconds`; with `join` a node comes with every fifth and gets its pod CIDR a bit later."""
    host, lists, log = world.host, _lists(world), len(world.host.log())
    since, puts = host.cursor(), _puts(world)
    with Waiting(world) as waiting, ThreadPoolExecutor(DELIVERIES) as side_by_side:
        begin = time.monotonic()
        answers = []
        new: list[str] = []
        for number in range(count):
            time.sleep(max(0.0, begin + number * seconds / count - time.monotonic()))
            answers.append(side_by_side.submit(_send, world))
            if join and number % EVENTS_PER_NODE == 0:
                new = world.cluster.register("apps")
            if join and number % EVENTS_PER_NODE == EVENTS_PER_NODE - 2:
                world.cluster.assign_cidrs(new)
        answered = [answer.result() for answer in answers]
        last = time.monotonic()
        eventually(lambda: _wakes(world, since) >= count, f"{count} wake-ups have ended")
        settled = time.monotonic() - last
    ended = [each for each in host.invocations(after=since) if each.ok is not None]
    went = host.log()[log:].count(WENT)
    return Storm(
        windows=_lists(world) - lists,
        kept=sum(each.function == "on_wake" for each in ended) - went,
        went=went,
        failed=sum(not each.ok for each in ended),
        oldest=waiting.oldest,
        most=waiting.most,
        settled=settled,
        puts=_puts(world) - puts,
        right=waiting.left == 0 and all(world.cluster.ours(pool.table) == world.cluster.expected() for pool in POOLS),
        answered=Figures.of(answered),
    )


class Waiting:
    """Looks at the queue all the time while used as a context manager.

    A message in work is hidden and not seen: it does not wait. Ages are exact to a second, as the queue's own times are.
    """

    def __init__(self, world: World) -> None:
        connection = world.azurite.connection_string
        self._clients = [QueueClient.from_connection_string(connection, name) for name in QUEUES]
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._look, name="waiting", daemon=True)
        self.oldest = 0.0
        self.most = 0
        self.left = 0
        """How many messages there still were at the end, in the queue and in the poison queue."""

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._stop.set()
        self._thread.join()
        self.left = self._count()
        for client in self._clients:
            client.close()

    def _count(self) -> int:
        found = 0
        for client in self._clients:
            try:
                found += client.get_queue_properties().approximate_message_count or 0
            except ResourceNotFoundError:
                continue
        return found

    def _look(self) -> None:
        while not self._stop.wait(LOOK_SECONDS):
            try:
                seen = self._clients[0].peek_messages(max_messages=32)
            except ResourceNotFoundError:
                continue
            now = datetime.now(UTC)
            ages = [(now - each.inserted_on).total_seconds() for each in seen if each.inserted_on]
            self.oldest = max([self.oldest, *ages])
            self.most = max(self.most, len(seen))


def _send(world: World) -> float:
    begin = time.monotonic()
    world.host.send_event("on_scale_event", scale_event("apps")).raise_for_status()
    return time.monotonic() - begin


def _wakes(world: World, since: int) -> int:
    return sum(each.function == "on_wake" and each.ok is not None for each in world.host.invocations(after=since))


def _lists(world: World) -> int:
    """Lists of Nodes: every window begins with one, and all that follows comes by watch."""
    return world.cloud.kubernetes.calls.count(NODES.path, watch=False)


def _puts(world: World) -> int:
    return sum(call.method == "PUT" for call in world.cloud.arm.calls)
