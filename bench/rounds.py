"""A round over many clusters, watched from outside: by the journals of the hosts, and by what reached the stand-ins."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from statistics import median

from bench.buckets import READS, WRITES, busiest_second
from bench.figures import Figures
from bench.many_clusters import ManyClusters, event_of
from sandbox.cluster import scale_event
from sandbox.functions_host.process import FunctionsHost, Invocation
from sandbox.resource_manager import Call
from shared.fleet import CLUSTERS_PER_SECOND

PATIENCE = 240.0
LOOK_SECONDS = 0.5
WAKE = "on_wake"


@dataclass(frozen=True, slots=True)
class Asked:
    """What Resource Manager was asked. Levels are those of a subscription's token buckets at their lowest."""

    reads: int
    writes: int
    reads_in_a_second: int
    writes_in_a_second: int
    lowest_reads: float
    lowest_writes: float

    @classmethod
    def of(cls, calls: Sequence[Call]) -> "Asked":
        """POST counts as a write, polls of operations as reads."""
        reads = [call.at for call in calls if call.method == "GET"]
        writes = [call.at for call in calls if call.method != "GET"]
        return cls(
            len(reads),
            len(writes),
            busiest_second(reads),
            busiest_second(writes),
            READS.lowest(reads),
            WRITES.lowest(writes),
        )


@dataclass(frozen=True, slots=True)
class Round:
    """Seconds and counts. `late` is from when a cluster was due until its table was last asked for, of healthy ones.

    `late_first` and `late_last` are the medians of the first and the last tenth of them.
    """

    seconds: float
    handing_out: float
    """What of it the timer took to put the messages on the queue."""
    passes: tuple[int, ...]
    """By instance."""
    failed: int
    begun_in_a_second: int
    asked: Asked
    kubernetes: int
    late: Figures
    late_first: float
    late_last: float
    in_step: int
    memory: tuple[int, ...]
    """Resident, of each instance in MB: its functions host and its app together."""
    connections: tuple[int, ...]
    """Sockets that each instance holds open."""


def handed_out(world: ManyClusters) -> Round:
    """The timer of one instance fires, and all of them take messages."""
    since = [host.cursor() for host in world.hosts]
    begin = _clear(world)
    world.hosts[0].run("on_timer")
    ended = _all_ended(world, since)
    timer = next(each for each in world.hosts[0].invocations(after=since[0]) if each.function == "on_timer")
    handing_out = (timer.duration_ms or 0) / 1000
    first = [[each for each in of_host if each.trigger["dequeueCount"] == 1] for of_host in ended]
    flat = [each for of_host in first for each in of_host]
    return _round(
        world,
        seconds=max(_moment(each.ended_at or "") for each in flat) - _moment(timer.started_at),
        handing_out=handing_out,
        passes=tuple(map(len, first)),
        failed=sum(not each.ok for each in flat),
        started=[_moment(each.started_at) for each in flat],
        due={name: begin + after for name, after in _due(world.names, handing_out).items()},
    )


def in_one_function(world: ManyClusters) -> Round:
    """The same as one pass over all clusters in a single invocation, as few clusters are looked after."""
    begin = _clear(world)
    world.hosts[0].http("POST", "/api/reconcile")
    return _round(
        world,
        seconds=time.monotonic() - begin,
        handing_out=0.0,
        passes=(len(world.names),),
        failed=0,
        started=(),
        due=dict.fromkeys(world.names, begin),
    )


def _due(names: Sequence[str], handing_out: float) -> dict[str, float]:
    """When a cluster's message can be seen: put on the queue after those before it, and then hidden for a while."""
    each = handing_out / len(names)
    return {name: each * (number + 1) + round(number / CLUSTERS_PER_SECOND) for number, name in enumerate(names)}


@dataclass(frozen=True, slots=True)
class FirstEvent:
    """The first event of an instance: it has to learn where every cluster's machines are."""

    seconds: float
    asked: Asked


def first_event(world: ManyClusters, host: FunctionsHost) -> FirstEvent:
    """How long the webhook takes, until it answers."""
    since = [each.cursor() for each in world.hosts]
    begin = _clear(world)
    host.send_event("on_scale_event", event_of(world.names[-1], scale_event("apps"))).raise_for_status()
    seconds = time.monotonic() - begin
    asked = Asked.of(world.cloud.arm.calls)
    _until(lambda: sum(len(_ended(each, at)) for each, at in zip(world.hosts, since, strict=True)) >= 1)
    return FirstEvent(seconds, asked)


def _clear(world: ManyClusters) -> float:
    world.cloud.arm.clear_calls()
    world.cloud.kubernetes.clear_calls()
    return time.monotonic()


def _round(
    world: ManyClusters,
    *,
    seconds: float,
    handing_out: float,
    passes: tuple[int, ...],
    failed: int,
    started: Sequence[float],
    due: Mapping[str, float],
) -> Round:
    calls = world.cloud.arm.calls
    looked: dict[str, float] = {call.path.lower(): call.at for call in calls}
    troubled = {*world.slow, *world.dead}
    late = [looked[world.tables[name].lower()] - due[name] for name in world.names if name not in troubled]
    tenth = max(1, len(late) // 10)
    return Round(
        seconds=seconds,
        handing_out=handing_out,
        passes=passes,
        failed=failed,
        begun_in_a_second=busiest_second(started),
        asked=Asked.of(calls),
        kubernetes=len(world.cloud.kubernetes.calls),
        late=Figures.of(late),
        late_first=median(late[:tenth]),
        late_last=median(late[-tenth:]),
        in_step=world.in_step(),
        memory=tuple(_memory(host) for host in world.hosts),
        connections=tuple(_sockets(host) for host in world.hosts),
    )


def _all_ended(world: ManyClusters, since: Sequence[int]) -> list[list[Invocation]]:
    """Every message has left the queue: each was deleted in the end, whether it went well at once or not."""
    found: list[list[Invocation]] = []

    def over() -> bool:
        found[:] = [_ended(host, at) for host, at in zip(world.hosts, since, strict=True)]
        gone = [each for of_host in found for each in of_host if each.trigger.get("message") == "deleted"]
        return len(gone) >= len(world.names)

    _until(over)
    return found


def _ended(host: FunctionsHost, since: int) -> list[Invocation]:
    return [each for each in host.invocations(after=since) if each.function == WAKE and each.ok is not None]


def _until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(f"the round did not end within {PATIENCE:.0f} s")
        time.sleep(LOOK_SECONDS)


def _moment(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


def _memory(host: FunctionsHost) -> int:
    status = (_proc(host) / "status").read_text()
    return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS:")) // 1024


def _sockets(host: FunctionsHost) -> int:
    return sum(str(each.readlink()).startswith("socket:") for each in (_proc(host) / "fd").iterdir())


def _proc(host: FunctionsHost) -> Path:
    process = host._process  # noqa: SLF001  # the host says nothing of itself as a process
    if process is None:
        raise RuntimeError("the functions host has ended")
    return Path(f"/proc/{process.pid}")
