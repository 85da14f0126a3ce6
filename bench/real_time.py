"""Pod CIDRs where a write takes as long as in Azure: 2.5 s, with a Retry-After of 10 s. One comes alone, one during a write."""

import random
import time
from dataclasses import dataclass
from pathlib import Path

from bench.figures import Figures
from bench.jittered import await_all
from bench.scale_outs import assign
from bench.telling import progress
from bench.windows import slow_world, window
from bench.wire import TABLES, Arrivals
from sandbox.world import World, eventually

DURING_SECONDS = (0.3, 9.0)
"""How long after the PUT of a write the CIDR comes that has to wait for it."""
REGISTERED_SECONDS = 1.0
"""After these the pass that a registration starts is over; it writes nothing."""


@dataclass(frozen=True, slots=True)
class RealTime:
    """From a pod CIDR to its PUT: where nothing ran, and where the write of another one did. `between` are the two PUTs."""

    alone: Figures
    during: Figures
    between: Figures


def measure(folder: Path, rounds: int, seed: int) -> RealTime:
    """So many pairs of one that comes alone and one during its write. TimeoutError where a route does not come."""
    chance = random.Random(seed)  # noqa: S311  # to be repeated, not to be kept secret
    alone, during, between = [], [], []
    with slow_world(folder) as world, Arrivals(world.cloud.arm, time.monotonic) as arrivals:
        idle = _reads_ahead(world) + 1  # a window reads every table once
        with window(world):
            for number in range(rounds):
                progress(f"pair {number + 1} of {rounds} in real time")
                names = world.cluster.register("apps", 2)
                time.sleep(REGISTERED_SECONDS)
                one = assign(world.cluster, world.cloud, names[0], number, time.monotonic)
                await_all(arrivals, [one])
                time.sleep(chance.uniform(*DURING_SECONDS))
                two = assign(world.cluster, world.cloud, names[1], number, time.monotonic)
                await_all(arrivals, [two])
                eventually(lambda: _reads_ahead(world) == idle, "the writes have ended")
                alone.append(arrivals.of(one.prefix) - one.at)
                during.append(arrivals.of(two.prefix) - two.at)
                between.append(arrivals.of(two.prefix) - arrivals.of(one.prefix))
    return RealTime(Figures.of(alone), Figures.of(during), Figures.of(between))


def _reads_ahead(world: World) -> int:
    """How many reads of tables there were beside the one that ends each write."""
    arm = world.cloud.arm
    return sum(arm.count("GET", table) - arm.count("PUT", table) for table in TABLES) // len(TABLES)
