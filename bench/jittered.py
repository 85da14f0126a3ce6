"""Many scale-outs with jittered arrival over a few settling windows, then one big one; writes of route tables end at once."""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from bench.figures import Figures
from bench.scale_outs import Appeared, ScaleOut, play, scale_outs
from bench.telling import progress
from bench.windows import Asked, quick_world, window
from bench.wire import TABLES, Arrivals
from sandbox.world import World, eventually

PER_WINDOW = 50
"""Scale-outs of one settling window."""
BURST = 400
"""Nodes that come at once: the largest scale-out the peers were measured with."""


@dataclass(frozen=True, slots=True)
class Many:
    """What many scale-outs came to. A scale-out takes as long as the slowest of its pod CIDRs."""

    per_cidr: Figures
    per_scale_out: Figures
    windows: int
    asked: dict[str, int]
    puts_per_table: int


@dataclass(frozen=True, slots=True)
class Burst:
    """What BURST nodes at once came to: from the first Node object to the arrival of the last PUT."""

    seconds: float
    puts_per_table: int


def measure(folder: Path, count: int, seed: int) -> tuple[Many, Burst]:
    """Let them happen. RuntimeError or TimeoutError where the app does not bring every route into both tables."""
    with quick_world(folder) as world, Arrivals(world.cloud.arm, time.monotonic) as arrivals:
        return _many(world, arrivals, scale_outs(count, seed)), _burst(world, arrivals)


def _many(world: World, arrivals: Arrivals, planned: Sequence[ScaleOut]) -> Many:
    took: list[float] = []
    slowest: dict[int, float] = {}
    before, puts = Asked.so_far(world), _puts(world)
    starts = range(0, len(planned), PER_WINDOW)
    for start in starts:
        part = planned[start : start + PER_WINDOW]
        progress(f"scale-outs {start + 1} to {start + len(part)} of {len(planned)}")
        with _settled(world):
            moved = [replace(each, at=each.at - part[0].at) for each in part]
            came = list(play(moved, world.cluster, world.cloud, clock=time.monotonic, sleep=time.sleep))
            await_all(arrivals, came)
        for each in came:
            seconds = arrivals.of(each.prefix) - each.at
            took.append(seconds)
            slowest[start + each.scale_out] = max(slowest.get(start + each.scale_out, 0.0), seconds)
    return Many(
        per_cidr=Figures.of(took),
        per_scale_out=Figures.of(list(slowest.values())),
        windows=len(starts),
        asked=Asked.so_far(world).since(before),
        puts_per_table=_puts(world) - puts,
    )


def _burst(world: World, arrivals: Arrivals) -> Burst:
    progress(f"{BURST} nodes at once")
    with _settled(world):
        known, puts = set(world.cluster.expected()), _puts(world)
        begin = time.monotonic()
        world.cluster.add("apps", BURST)
        came = [Appeared(0, prefix, begin) for prefix in world.cluster.expected() if prefix not in known]
        await_all(arrivals, came)
    return Burst(max(arrivals.of(each.prefix) for each in came) - begin, _puts(world) - puts)


@contextmanager
def _settled(world: World) -> Iterator[None]:
    with window(world):
        yield
    if any(world.cluster.ours(table) != world.cluster.expected() for table in ("rt-system", "rt-apps")):
        raise RuntimeError("the window ended well, but a route table is not as it should be")


def await_all(arrivals: Arrivals, came: Sequence[Appeared]) -> None:
    """Wait until every one of them is on the wire to both tables. TimeoutError."""
    eventually(lambda: all(arrivals.has(each.prefix) for each in came), f"{len(came)} pod CIDRs are in both tables")


def _puts(world: World) -> int:
    return max(world.cloud.arm.count("PUT", table) for table in TABLES)
