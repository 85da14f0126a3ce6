"""What a pass costs, beside what it cannot go below and what people do today, all in one run on this machine.

    python -m bench [--quick] [--json FILE]

Prints tables and, for each promise, whether it was kept; ends with 1 where one was not. `--quick` leaves out the largest
route-by-route runs and everything in Azure's time. How it is measured is told in docs/performance.md.
"""

import argparse
import json
import os
import platform
import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bench import peers, planning, verdicts
from bench.figures import table
from bench.scenarios import BAREST, HTTP_AND_FIELDS, HTTP_AND_JSON, Case, Measured, measure, way
from bench.telling import progress, tell

SIZES = (10, 100, 400, 1000)
HEAD = (
    "",
    "scenario",
    "wall ms",
    "CPU ms",
    "peak MB",
    "GET",
    "PUT",
    "POST",
    "polls",
    "lists",
    "sent kB",
    "received kB",
)
PLANNED = (1_000, 5_000, 10_000, 50_000)
AT_ONCE = 8
"""Cases in Azure's time side by side: they wait nearly all of theirs."""


def main() -> int:
    """Measure and print; 0 where every promise is kept."""
    options = _options()
    plans = {nodes: planning.cpu_seconds(planning.case(nodes)) for nodes in PLANNED}
    found = [_measure(Case(nodes, tables)) for tables in (1, 3) for nodes in SIZES]
    found.append(_measure(Case(5000, 1, "bgp")))
    slow: list[Measured] = []
    if not options.quick:
        with ThreadPoolExecutor(AT_ONCE) as side_by_side:
            slow = list(side_by_side.map(_measure, [Case(n, t, azure=True) for t in (1, 3) for n in SIZES]))
    today = [_way(name, nodes) for name, nodes in _today(quick=options.quick)]
    if not options.quick:
        today += [_way(name, 3, azure=True) for name in ("route_by_route", "read_modify_write")]
    judged = verdicts.of(found, plans)
    tell(_about())
    tell(
        "\nThe stand-in answers at once (least of several for nothing to do, else one pass)\n"
        + table(HEAD, _rows(found))
    )
    if slow:
        tell(
            "\nIn Azure's time: 120 ms per call, 20 ms per list, writes of 2.5 s, Retry-After 10\n"
            + table(HEAD, _rows(slow))
        )
    tell("\nStages and floor of nothing to do, wall / CPU ms\n" + table(("", "what", "wall", "CPU"), _parts(found)))
    tell(
        "\nNothing to do beside its floor, times\n"
        + table(("", HTTP_AND_JSON, HTTP_AND_FIELDS, BAREST), [_beside_floor(each) for each in found])
    )
    if slow:
        tell(
            "\nOne change beside its floor: GET, PUT, the operation\n"
            + table(("", "pass s", "floor s", "ratio"), _writes(slow))
        )
    tell("\nPlanning alone\n" + table(("nodes", "CPU ms"), [(f"{n:,}", f"{1000 * s:.1f}") for n, s in plans.items()]))
    tell("\nThe ways of today on the same stand-in\n" + table(_WAYS, [_way_row(each) for each in today]))
    tell(f"\nFor comparison: {peers.CONDITIONS}\n" + table(("", ""), [*peers.ROWS, *peers.CALLS]))
    tell("\n" + "\n".join(map(str, judged)))
    if options.json:
        told = {
            "about": _about(),
            "cases": [asdict(each) for each in (*found, *slow)],
            "planning": plans,
            "today": today,
            "promises": [asdict(each) for each in judged],
        }
        options.json.write_text(json.dumps(told, indent=2, default=str) + "\n")
    return 0 if all(each.met for each in judged) else 1


def _today(*, quick: bool) -> list[tuple[str, int]]:
    counts = (10, 100) if quick else (10, 100, 400)
    return [
        *((name, nodes) for name in ("route_by_route", "read_modify_write") for nodes in counts),
        ("kubernetes_models", 1000),
        ("this_app", 1000),
    ]


def _measure(case: Case) -> Measured:
    progress(f"{case}{', in Azure time' if case.azure else ''}")
    return measure(case)


def _way(name: str, nodes: int, *, azure: bool = False) -> dict[str, Any]:
    progress(f"{name}, {nodes} nodes")
    return {"name": name, **way(Case(nodes, azure=azure), name, hops=nodes)}


def _rows(found: Sequence[Measured]) -> list[tuple[str, ...]]:
    return [
        (
            str(each.case),
            each.name,
            f"{1000 * each.wall:.0f}",
            f"{1000 * each.cpu:.0f}",
            f"{each.peak / 1e6:.0f}",
            *(str(each.calls[name]) for name in ("gets", "puts", "posts", "polls", "lists")),
            f"{each.sent / 1e3:.0f}",
            f"{each.received / 1e3:.0f}",
        )
        for measured in found
        for each in measured.scenarios
    ]


def _parts(found: Sequence[Measured]) -> list[tuple[str, ...]]:
    return [
        (str(measured.scenarios[0].case), name, f"{1000 * part['wall']:.1f}", f"{1000 * part['cpu']:.1f}")
        for measured in found
        for name, part in (
            *measured.stages.items(),
            *((f"floor: {name}", part) for name, part in measured.floor.items()),
        )
    ]


def _beside_floor(measured: Measured) -> tuple[str, ...]:
    nothing = measured.scenarios[1]
    return str(nothing.case), *(f"{nothing.wall / seconds:.2f}" for seconds in measured.floors.values())


def _writes(slow: Sequence[Measured]) -> list[tuple[str, ...]]:
    return [
        (
            str(each.scenarios[2].case),
            f"{each.scenarios[2].wall:.2f}",
            f"{each.write_floor['wall']:.2f}",
            f"{each.scenarios[2].wall / each.write_floor['wall']:.2f}",
        )
        for each in slow
    ]


_WAYS = ("", "nodes", "wall s", "CPU s", "peak MB", "GET", "PUT", "polls", "lists", "sent kB", "received kB")


def _way_row(each: dict[str, Any]) -> tuple[str, ...]:
    return (
        each["name"].replace("_", " ") + (", in Azure's time" if each["azure"] else ""),
        str(each["nodes"]),
        f"{each['wall']:.2f}",
        f"{each['cpu']:.2f}",
        f"{each['peak'] / 1e6:.0f}",
        *(str(each["calls"][name]) for name in ("gets", "puts", "polls", "lists")),
        f"{each['sent'] / 1e3:.0f}",
        f"{each['received'] / 1e3:.0f}",
    )


def _about() -> str:
    git = ["git", "rev-parse", "--short", "HEAD"]
    commit = subprocess.run(git, capture_output=True, text=True, check=False).stdout.strip()  # noqa: S603  # fixed words
    model = next(
        (
            line.partition(":")[2].strip()
            for line in Path("/proc/cpuinfo").read_text().splitlines()
            if "model name" in line
        ),
        platform.machine(),
    )
    return (
        f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC, commit {commit or 'unknown'}, Python {platform.python_version()}, "
        f"{os.cpu_count()} x {model}, load {os.getloadavg()[0]:.1f}"
    )


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench", description="What a pass costs.")
    parser.add_argument("--quick", action="store_true", help="without Azure's time and the longest of today's ways")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there, too")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
