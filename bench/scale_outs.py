"""Scale-outs as they come: which nodes register when, and when each gets its pod CIDR. The same ones for the same seed."""

import random
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from sandbox.cloud import Cloud
from sandbox.cluster import Cluster

GAP_SECONDS = (0.05, 1.25)
"""Between two scale-outs."""
CIDR_SECONDS = (0.0, 2.0)
"""Between a node's registration and its pod CIDR."""
SIZES = (1, 1, 1, 1, 1, 2, 2, 3, 5)
"""How many nodes a scale-out brings, each entry as likely as any other."""
TOGETHER = 0.3
"""How often the nodes of one scale-out get their pod CIDRs all at once instead of each at its own time."""


@dataclass(frozen=True, slots=True)
class ScaleOut:
    """Begins `at` seconds after the first one; its nodes get their pod CIDRs `delays` later."""

    at: float
    delays: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Appeared:
    """A pod CIDR that a CiliumNode got, with the moment before it was there, in seconds on the clock."""

    scale_out: int
    prefix: str
    at: float


def scale_outs(count: int, seed: int) -> tuple[ScaleOut, ...]:
    """So many, with jittered arrival."""
    chance = random.Random(seed)  # noqa: S311  # to be repeated, not to be kept secret
    at, made = 0.0, []
    for _ in range(count):
        size = chance.choice(SIZES)
        together = chance.random() < TOGETHER
        delays = (
            [chance.uniform(*CIDR_SECONDS)] * size if together else [chance.uniform(*CIDR_SECONDS) for _ in range(size)]
        )
        made.append(ScaleOut(at, tuple(delays)))
        at += chance.uniform(*GAP_SECONDS)
    return tuple(made)


def play(
    planned: Sequence[ScaleOut],
    cluster: Cluster,
    cloud: Cloud,
    *,
    clock: Callable[[], float],
    sleep: Callable[[float], None],
) -> Iterator[Appeared]:
    """Let it happen, in real time; yields every pod CIDR as soon as it is there."""
    names: dict[int, list[str]] = {}
    begin = clock()
    for at, number, node in sorted(_moments(planned)):
        sleep(max(0.0, begin + at - clock()))
        if node < 0:
            names[number] = cluster.register("apps", len(planned[number].delays))
        else:
            yield assign(cluster, cloud, names[number][node], number, clock)


def assign(cluster: Cluster, cloud: Cloud, name: str, scale_out: int, clock: Callable[[], float]) -> Appeared:
    """A node gets its pod CIDR, now."""
    at = clock()
    cluster.assign_cidrs([name])
    (prefix,) = cloud.kubernetes.get("CiliumNode", name)["spec"]["ipam"]["podCIDRs"]
    return Appeared(scale_out, prefix, at)


def _moments(planned: Sequence[ScaleOut]) -> Iterable[tuple[float, int, int]]:
    """(when, which scale-out, which of its nodes), where node -1 is the registration of them all."""
    for number, each in enumerate(planned):
        yield each.at, number, -1
        for node, delay in enumerate(each.delays):
            yield each.at + delay, number, node
