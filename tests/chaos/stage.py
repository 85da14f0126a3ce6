"""What all steps of the state machine have in common: the arena, what was promised, and how a node is picked."""

import tempfile
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine

from sandbox.azurite import Azurite
from sandbox.cluster import POOLS
from tests.chaos.arena import INSTANCES, Arena
from tests.chaos.judge import TABLES
from tests.chaos.model import Member
from tests.chaos.no_waiting import RunningAhead

indexes = st.integers(0, 999)
instances = st.integers(0, INSTANCES - 1)
pools = st.sampled_from([pool.name for pool in POOLS])
tables = st.sampled_from(TABLES)


class Stage(RuleBasedStateMachine):
    """One example: a fresh cloud with one cluster and some instances of the app."""

    def __init__(self, azurite: Azurite, ahead: RunningAhead, tally: Counter[str]) -> None:
        super().__init__()
        self.running = ExitStack()
        folder = self.running.enter_context(tempfile.TemporaryDirectory())
        self.arena = self.running.enter_context(Arena(Path(folder), azurite))
        self.ahead = ahead
        self.tally = tally
        self.edits = 0

    @property
    def members(self) -> list[Member]:
        """The live nodes."""
        return self.arena.model.members

    def pick(self, which: int, wanted: Callable[[Member], bool] = lambda _: True) -> Member | None:
        """One of the live nodes that are wanted, if there is any."""
        found = [member for member in self.members if wanted(member)]
        return found[which % len(found)] if found else None

    def require(self, holds: bool, what: str) -> None:  # noqa: FBT001  # a condition, as in assert
        """Anything that does not hold is told after the step."""
        if not holds:
            self.arena.judge.violations.append(what)
