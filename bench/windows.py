"""Settling windows of the app: opened by an event as Event Grid would deliver it, counted by what they ask of the stand-ins."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from sandbox.cluster import scale_event
from sandbox.world import World

WATCHES = 2
"""Of Nodes and of CiliumNodes: once both are open, the window has listed them and hears of everything that follows."""

QUICK = {"maxSeconds": 180, "quietSeconds": 5}
"""The default, but a window ends sooner once nothing happens any more: five seconds instead of twenty."""
SLOW = {"maxSeconds": 540, "quietSeconds": 20}
"""The default, but one window lasts for all that is to happen in it."""

_PASS = re.compile(r"event: shop-weu  udr(?:  rt-apps)?: ")
"""What the log of a pass has once: its line for one of the tables, or for none where it got to no table."""


@contextmanager
def quick_world(folder: Path) -> Iterator[World]:
    """Writes of route tables end at once: what is left is the app's own time."""
    with World(folder, instant=True, cluster_settings={"settle": QUICK}) as world:
        _warm_up(world)
        yield world


@contextmanager
def slow_world(folder: Path) -> Iterator[World]:
    """Writes of route tables take as long as in Azure."""
    with World(folder, cluster_settings={"settle": SLOW}) as world:
        _warm_up(world)
        yield world


def _warm_up(world: World) -> None:
    """The first pass of an instance imports and connects, which is not what is measured."""
    world.cluster.add("system", 3)
    world.host.http("POST", "/api/reconcile").raise_for_status()


@contextmanager
def window(world: World) -> Iterator[None]:
    """A wake-up stays with the cluster inside the block, and has settled and ended well after it. RuntimeError if not."""
    since = world.host.cursor()
    world.host.send_event("on_scale_event", scale_event("apps")).raise_for_status()
    world.cloud.kubernetes.wait_for_watches(WATCHES)
    yield
    done = world.host.wait_invocation("on_wake", after=since, timeout=600.0)
    if not done.ok:
        raise RuntimeError(f"the wake-up failed: {done.error}")


@dataclass(frozen=True, slots=True)
class Asked:
    """How much was asked of Kubernetes and of Azure so far, and how many passes that took."""

    passes: int
    puts: int
    other_writes: int
    reads: int
    polls: int
    lists: int
    watches: int

    @classmethod
    def so_far(cls, world: World) -> Self:
        """Counted since the world began."""
        arm, kubernetes = world.cloud.arm.calls, world.cloud.kubernetes.calls
        return cls(
            passes=len(_PASS.findall(world.host.log())),
            puts=sum(call.method == "PUT" for call in arm),
            other_writes=sum(call.method not in {"GET", "PUT"} for call in arm),
            reads=sum(call.method == "GET" and not call.is_poll for call in arm),
            polls=sum(call.is_poll for call in arm),
            lists=kubernetes.count(watch=False),
            watches=kubernetes.count(watch=True),
        )

    def since(self, before: "Asked") -> dict[str, int]:
        """What came on top, by name."""
        return {name: getattr(self, name) - getattr(before, name) for name in self.__slots__}
