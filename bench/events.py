"""Two hundred scale events in a minute for one cluster: how many settling windows, and how long messages wait.

    python -m bench.events [--events 200] [--real] [--json FILE]

Delivered evenly to the webhook, as Event Grid does, side by side: once while nodes join, once while the cluster stays as it
is. By default everything is six times as fast, the settings for settling too. Ends with 1 where a promise is broken: at most
MOST_WINDOWS windows, no message waiting longer than LONGEST_SECONDS, all invocations well, tables right, queue empty.
"""

import argparse
import json
import sys
import tempfile
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

from bench.figures import COLUMNS, table
from bench.storm import Storm, deliver
from bench.telling import progress, tell
from sandbox.world import World

MOST_WINDOWS = 2
LONGEST_SECONDS = 30.0
MINUTE = 60.0
FASTER = 6
SETTLE = {"maxSeconds": 180, "quietSeconds": 20}
"""The default of the app."""


def main() -> int:
    """Measure and print; 0 where every promise is kept."""
    options = _options()
    faster = 1 if options.real else FASTER
    settle = {name: round(seconds / faster) for name, seconds in SETTLE.items()}
    storms: dict[str, Storm] = {}
    with (
        tempfile.TemporaryDirectory(prefix="aks-pod-routes-bench-") as folder,
        World(Path(folder), instant=True, cluster_settings={"settle": settle}) as world,
    ):
        world.cluster.add("system", 3)
        world.host.http("POST", "/api/reconcile").raise_for_status()
        for name, join in (("nodes join", True), ("no node changes", False)):
            progress(f"{options.events} events in {MINUTE / faster:.0f} s, {name}")
            storms[name] = deliver(world, options.events, MINUTE / faster, join=join)
    tell(f"{options.events} events in {MINUTE / faster:.0f} s for one cluster, settle {json.dumps(settle)}")
    tell(table(("", *storms), [(what, *(read(storm) for storm in storms.values())) for what, read in _ROWS]))
    tell(
        f"\nEvent to answer, in seconds\n{table(('', *COLUMNS), [(n, *s.answered.row()) for n, s in storms.items()])}\n"
    )
    if options.json:
        options.json.write_text(json.dumps({name: asdict(storm) for name, storm in storms.items()}, indent=2) + "\n")
    broken = [f"{name}: {promise}" for name, storm in storms.items() for promise in _broken(storm)]
    tell("\n".join(f"NOT MET: {each}" for each in broken) or "every promise is kept")
    return 1 if broken else 0


_ROWS: tuple[tuple[str, Callable[[Storm], str]], ...] = (
    ("settling windows", lambda storm: str(storm.windows)),
    ("wake-ups that kept the vigil", lambda storm: str(storm.kept)),
    ("wake-ups that found it kept and went", lambda storm: str(storm.went)),
    ("invocations that failed", lambda storm: str(storm.failed)),
    ("oldest message that waited, s", lambda storm: f"{storm.oldest:.1f}"),
    ("most messages that waited", lambda storm: str(storm.most)),
    ("last event to settled, s", lambda storm: f"{storm.settled:.1f}"),
    ("PUTs", lambda storm: str(storm.puts)),
    ("tables right, queue empty", lambda storm: "yes" if storm.right else "NO"),
)


def _broken(storm: Storm) -> list[str]:
    promises = {
        f"{storm.windows} settling windows, at most {MOST_WINDOWS} are promised": storm.windows <= MOST_WINDOWS,
        f"a message waited {storm.oldest:.1f} s, at most {LONGEST_SECONDS:.0f} s are promised": storm.oldest
        <= LONGEST_SECONDS,
        f"{storm.failed} invocations failed": storm.failed == 0,
        "a table is wrong, or a message is left": storm.right,
    }
    return [text for text, kept in promises.items() if not kept]


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.events", description="Many events for one cluster.")
    parser.add_argument("--events", type=int, default=200, metavar="N")
    parser.add_argument("--real", action="store_true", help="a whole minute, and the app's default settings")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there, too")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
