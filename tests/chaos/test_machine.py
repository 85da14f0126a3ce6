"""A short run of the state machine, the same one every time; `python -m tests.chaos` runs it for as long as one likes."""

from collections import Counter

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from sandbox.azurite import Azurite
from tests.chaos.arena import INSTANCES
from tests.chaos.faults import FAULTS
from tests.chaos.judge import TABLES
from tests.chaos.machine import chaos_on
from tests.chaos.no_waiting import RunningAhead

pytestmark = pytest.mark.wire


def test_whatever_happens_the_invariants_hold_and_calm_repairs_the_rest(azurite: Azurite, ahead: RunningAhead) -> None:
    run_state_machine_as_test(
        chaos_on(azurite, ahead, Counter()),
        settings=settings(
            max_examples=8,
            stateful_step_count=25,
            derandomize=True,
            database=None,
            deadline=None,
            phases=[Phase.generate],  # a failure is shown as it was found; to shrink it may take minutes
            suppress_health_check=list(HealthCheck),
        ),
    )


def test_no_fault_of_the_catalogue_breaks_an_invariant_in_a_pass_or_a_vigil(
    azurite: Azurite, ahead: RunningAhead
) -> None:
    """Each of them strikes at every chance, and then at some of them; after each, calm repairs what it left."""
    tally: Counter[str] = Counter()
    chaos = chaos_on(azurite, ahead, tally)()
    chaos.begin(count=5)
    for number, name in enumerate(FAULTS):
        for chance, by_vigil in ((1.0, False), (0.5, True)):
            chaos.troubled_pass(
                names=[name],
                times=4,
                chance=chance,
                instance=number % INSTANCES,
                table=TABLES[number % len(TABLES)],
                which=number,
                by_vigil=by_vigil,
            )
        chaos.calm(instance=0)
        chaos.nothing_was_violated()
    chaos.teardown()
    idle = {name for name, count in tally.items() if name.startswith("fault ") and not count}
    # A short vigil may end before its watches begin, and there is no hub.
    assert [name for name in idle if "watch" not in name and "fault hub-" not in name] == []
