"""`python -m tests.chaos --minutes 5`: the state machine with seeds of its own until the time is over, and what it survived."""

import argparse
import logging
import secrets
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis.stateful import run_state_machine_as_test

from sandbox.azurite import Azurite
from tests.chaos.machine import chaos_on
from tests.chaos.no_waiting import no_waiting

EXAMPLES, STEPS = 10, 30
"""Of one seed."""


def main() -> int:
    """0 where everything held, 1 on a violation, whose shortest example and seed are printed."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--minutes", type=float, default=5.0, help="how long; a seed that has begun is finished")
    parser.add_argument("--seed", type=int, help="this seed alone, as it was printed by a run that failed")
    told = parser.parse_args()
    logging.getLogger("aks_pod_routes").setLevel(logging.CRITICAL)  # what a pass said is of no use among thousands
    logging.getLogger().addHandler(logging.NullHandler())
    tally: Counter[str] = Counter()
    end = time.monotonic() + 60 * told.minutes
    with tempfile.TemporaryDirectory() as folder, Azurite(Path(folder)) as azurite:
        while True:
            number = secrets.randbelow(2**32) if told.seed is None else told.seed
            print(f"seed {number}", flush=True)  # known even where the run is ended while an example is made shorter
            if not survived(number, azurite, tally):
                print(f"\nViolated. Again: python -m tests.chaos --seed {number}")
                _print(tally)
                return 1
            if told.seed is not None or time.monotonic() >= end:
                _print(tally)
                return 0


def survived(number: int, azurite: Azurite, tally: Counter[str]) -> bool:
    """Run the examples of one seed; Hypothesis prints the shortest one that fails."""
    tally["seeds"] += 1

    with no_waiting() as ahead:
        try:
            run_state_machine_as_test(
                seed(number)(chaos_on(azurite, ahead, tally)),
                settings=settings(
                    max_examples=EXAMPLES,
                    stateful_step_count=STEPS,
                    database=None,
                    deadline=None,
                    phases=[Phase.generate, Phase.shrink],
                    suppress_health_check=list(HealthCheck),
                ),
            )
        except Exception as error:  # noqa: BLE001  # whatever it is, it is a failure to be shown
            print(f"{type(error).__name__}: {error}", *getattr(error, "__notes__", ()), sep="\n")
            return False
    return True


def _print(tally: Counter[str]) -> None:
    faults = {name.removeprefix("fault "): count for name, count in tally.items() if name.startswith("fault ")}
    print("Survived:" if faults else "Nothing happened.")
    for name, count in tally.items():
        if not name.startswith("fault "):
            print(f"  {count:6} {name}")
    print(f"  {sum(faults.values()):6} faults struck:")
    for name, count in sorted(faults.items()):
        print(f"  {count:10} {name}")


if __name__ == "__main__":
    sys.exit(main())
