"""The process that is measured: the app's fleet, as `wiring` builds it, without a functions host around it.

    python -m bench.worker '{}' with the settings in its environment

Commands: `run` (a pass), `stages`, `floor`, `write_floor`, `way`. Each begins in a process of its own, so that the peak is its.
"""

import logging
import os
from collections.abc import Callable
from functools import partial
from importlib import import_module
from typing import Any

from bench.children import serve
from bench.own_account import Account, peak_bytes
from shared.reconcile import Order
from shared.wiring import build_fleet

WAYS = {
    "route_by_route": "ways",
    "read_modify_write": "ways",
    "kubernetes_models": "readers",
    "this_app": "stages",
}
"""In which room each is."""


def measured(run: Callable[[], Any], repeat: int = 1) -> dict[str, Any]:
    """The least that `run` took of each kind, over some runs, and what the last one returned."""
    told: Any = None
    each: list[dict[str, float]] = []
    for _ in range(repeat):
        before = Account.now()
        told = run()
        each.append(Account.now().since(before))
    least = {name: min(one[name] for one in each) for name in each[0]}
    return {**least, "peak": peak_bytes(), "told": told}


def _of(room: str, settings: dict[str, str]) -> Any:
    """The parts of a room that is only imported where it is asked for: it would count as the app's memory."""
    return import_module(f"bench.{room}").of(settings)


def main() -> None:
    """Answer until nobody asks any more."""
    logging.getLogger("aks_pod_routes").addHandler(logging.NullHandler())
    settings = dict(os.environ)
    fleet = build_fleet(settings)

    def run() -> dict[str, Any]:
        (report,) = fleet.run(None, Order("timer"))
        return {
            "outcome": report.outcome,
            "error": report.error or next((target.error for target in report.targets if target.error), None),
            "changes": sum(len(target.changes) for target in report.targets),
        }

    def pass_(repeat: int = 1) -> dict[str, Any]:
        return measured(run, repeat)

    def in_stages(repeat: int) -> dict[str, Any]:
        return {name: measured(stage, repeat) for name, stage in _of("stages", settings)}

    def floors(repeat: int) -> dict[str, Any]:
        return {name: measured(part, repeat) for name, part in _of("floor", settings)}

    def write_floor(repeat: int) -> dict[str, Any]:
        return measured(partial(import_module("bench.floor").write, settings), repeat)

    def way(name: str, hops: dict[str, str]) -> dict[str, Any]:
        answer = measured(partial(getattr(import_module(f"bench.{WAYS[name]}"), name), settings, hops))
        return {**answer, "told": None}

    serve({"run": pass_, "stages": in_stages, "floor": floors, "write_floor": write_floor, "way": way})


if __name__ == "__main__":
    main()
