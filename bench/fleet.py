"""A timer's round over many clusters: how long, how evenly, how many calls, and whom a slow or dead cluster holds up.

    python -m bench.fleet [--clusters 200] [--nodes 50] [--hosts 3] [--slow 3] [--dead 3] [--json FILE]

Real but for the clouds: every host is a process with the unchanged app, the queue is Azurite's, each cluster an AKS cluster
with a table of its own. Handed out over the queue as the app does it, then, for comparison, made in one function. Ends with
1 where a promise is broken: token buckets never empty, no table wrong, a healthy cluster held up by nobody.
"""

import argparse
import json
import sys
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path

from bench.buckets import READS, WRITES
from bench.figures import COLUMNS, table
from bench.many_clusters import SLOW_SECONDS, ManyClusters
from bench.rounds import FirstEvent, Round, first_event, handed_out, in_one_function
from bench.telling import progress, tell
from shared.fleet import CLUSTERS_AT_ONCE, CLUSTERS_PER_SECOND

HELD_UP_SECONDS = 3.0
"""By so much the 95th percentile of the healthy clusters may move when others are slow or dead; a poll of the queue is 2 s."""


def main() -> int:
    """Measure and print; 0 where every promise is kept."""
    options = _options()
    rounds: dict[str, Round] = {}
    with (
        tempfile.TemporaryDirectory(prefix="aks-pod-routes-bench-") as folder,
        ManyClusters(
            Path(folder),
            count=options.clusters,
            nodes=options.nodes,
            hosts=options.hosts,
            arm_latency=options.arm_latency,
            slow=options.slow,
            dead=options.dead,
        ) as world,
    ):
        progress(f"the first event of an instance that knows none of {options.clusters} clusters")
        event = first_event(world, world.hosts[-1])
        for name, measure in _plan(world):
            progress(name)
            rounds[name] = measure()
        full = sum(host.log().count("Connection pool is full") for host in world.hosts)
    tell(_about(options, rounds, event, full))
    if options.json:
        found = {"firstEvent": asdict(event), **{name: asdict(each) for name, each in rounds.items()}}
        options.json.write_text(json.dumps(found, indent=2) + "\n")
    broken = _broken(rounds, options)
    tell("\n".join(f"NOT MET: {each}" for each in broken) or "every promise is kept")
    return 1 if broken else 0


COLD, STEADY, TROUBLED, ALONE, ALONE_TROUBLED = (
    "queue, first",
    "queue, steady",
    "queue, troubled",
    "one function, cold",
    "one function, troubled",
)


def _plan(world: ManyClusters) -> tuple[tuple[str, Callable[[], Round]], ...]:
    def troubled(measure: Callable[[ManyClusters], Round]) -> Round:
        with world.trouble():
            return measure(world)

    return (
        (COLD, lambda: handed_out(world)),
        (STEADY, lambda: handed_out(world)),
        (TROUBLED, lambda: troubled(handed_out)),
        (ALONE, lambda: in_one_function(world.with_a_cold_instance())),
        (ALONE_TROUBLED, lambda: troubled(in_one_function)),
    )


def _about(options: argparse.Namespace, rounds: Mapping[str, Round], event: FirstEvent, full: int) -> str:
    late = [
        (name, *each.late.row(), f"{each.late_first:.3f}", f"{each.late_last:.3f}") for name, each in rounds.items()
    ]
    return f"""
{options.clusters} clusters of {options.nodes} nodes in one subscription, {options.hosts} instances, Resource Manager answers after {options.arm_latency * 1000:.0f} ms
first: nothing is known, routes are written. steady: nothing to do. cold: the same on a new instance. troubled: {options.slow} API servers answer after {SLOW_SECONDS:.0f} s, {options.dead} refuse connections
{table(("", *rounds), [(what, *(read(each) for each in rounds.values())) for what, read in _ROWS])}

From when a healthy cluster was due (in one function: from the start) until its table had been read, in seconds
{table(("", *COLUMNS, "first tenth", "last tenth"), late)}

The first event of an instance that knows no cluster: answered after {event.seconds:.1f} s, {event.asked.reads} reads, {event.asked.reads_in_a_second} in one second, lowest {event.asked.lowest_reads:.0f} of {READS.burst:.0f}
"Connection pool is full" was logged {full} times. A round is handed out at {CLUSTERS_PER_SECOND:.0f} clusters per second above {CLUSTERS_AT_ONCE} clusters.
"""


_ROWS: tuple[tuple[str, Callable[[Round], str]], ...] = (
    ("first message to last pass, s", lambda each: f"{each.seconds:.1f}"),
    ("of it handing out, s", lambda each: f"{each.handing_out:.1f}"),
    ("passes per instance", lambda each: "/".join(map(str, each.passes))),
    ("passes that ended red", lambda each: str(each.failed)),
    ("passes begun in the busiest second", lambda each: str(each.begun_in_a_second or "-")),
    ("ARM reads", lambda each: str(each.asked.reads)),
    ("ARM reads in the busiest second", lambda each: str(each.asked.reads_in_a_second)),
    (f"lowest of {READS.burst:.0f} read tokens", lambda each: f"{each.asked.lowest_reads:.0f}"),
    ("ARM writes", lambda each: str(each.asked.writes)),
    ("ARM writes in the busiest second", lambda each: str(each.asked.writes_in_a_second)),
    (f"lowest of {WRITES.burst:.0f} write tokens", lambda each: f"{each.asked.lowest_writes:.0f}"),
    ("ARM calls per pass", lambda each: f"{(each.asked.reads + each.asked.writes) / sum(each.passes):.1f}"),
    ("Kubernetes calls", lambda each: str(each.kubernetes)),
    ("tables in step", lambda each: str(each.in_step)),
    ("memory per instance, MB", lambda each: "/".join(map(str, each.memory))),
    ("open sockets per instance", lambda each: "/".join(map(str, each.connections))),
)


def _broken(rounds: Mapping[str, Round], options: argparse.Namespace) -> list[str]:
    held_up = rounds[TROUBLED].late.p95 - rounds[STEADY].late.p95
    promises = {f"{name}: a table is wrong": each.in_step == options.clusters for name, each in rounds.items()}
    for name in (COLD, STEADY, TROUBLED):
        lowest = min(rounds[name].asked.lowest_reads, rounds[name].asked.lowest_writes)
        promises[f"{name}: a token bucket is empty ({lowest:.0f})"] = lowest > 0
    promises[f"{STEADY}: passes ended red"] = rounds[STEADY].failed == 0
    promises[f"healthy clusters are held up by {held_up:.1f} s"] = held_up <= HELD_UP_SECONDS
    return [text for text, kept in promises.items() if not kept]


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.fleet", description="A timer's round over many clusters.")
    parser.add_argument("--clusters", type=int, default=200, metavar="N")
    parser.add_argument("--nodes", type=int, default=50, metavar="N", help="of each cluster")
    parser.add_argument("--hosts", type=int, default=3, metavar="N", help="instances of the app")
    parser.add_argument("--slow", type=int, default=3, metavar="N", help=f"API servers that take {SLOW_SECONDS:.0f} s")
    parser.add_argument("--dead", type=int, default=3, metavar="N", help="API servers that refuse connections")
    parser.add_argument("--arm-latency", type=float, default=0.1, metavar="SECONDS", help="of Resource Manager")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there, too")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
