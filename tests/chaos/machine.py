"""A state machine of Hypothesis over nodes, tables, instances, faults and time: how it begins, and what must hold."""

from collections import Counter

from hypothesis import strategies as st
from hypothesis.stateful import initialize, invariant, rule

from sandbox.azurite import Azurite
from shared.reconcile import Order
from shared.report import Outcome
from tests.chaos.judge import TABLES
from tests.chaos.no_waiting import RunningAhead
from tests.chaos.stage import instances
from tests.chaos.trouble_steps import TroubleSteps


class ViolatedError(AssertionError):
    """An invariant of the contract does not hold."""


class Chaos(TroubleSteps):
    """All steps, and the invariants after each of them."""

    @initialize(count=st.integers(3, 6))
    def begin(self, count: int) -> None:
        self.scale_out(pool="apps", count=count, complete=True)
        self.timer(instance=0)

    @rule(instance=instances)
    def calm(self, instance: int) -> None:
        """Once faults stop, and dead leases have ended, one timer pass repairs everything the rails let it repair."""
        self.faults_end()
        self.arena.end_leases()
        self.heal_nodes()
        self.assign_cidrs()
        if not self.members:
            self.scale_out(pool="apps", count=1, complete=True)
        fleet = self.arena.instances[instance]
        report = self.run_pass(fleet, Order("timer"))
        wanted = self.arena.model.routes()
        self.require(report.outcome in {Outcome.IN_SYNC, Outcome.APPLIED, Outcome.HELD}, f"not calm: {report}")
        for table in TABLES:
            ours = self.arena.judge.ours(table)
            self.require(wanted.items() <= ours.items(), f"{table}: not repaired: {wanted} {ours}")
            self.require(report.outcome is Outcome.HELD or len(ours) == len(wanted), f"{table}: stale: {wanted} {ours}")
        if report.outcome is Outcome.HELD:
            self.run_pass(fleet, Order("http", force=True))
            self.require(all(self.arena.judge.ours(table) == wanted for table in TABLES), "force does not clean up")
        again = self.run_pass(fleet, Order("timer"))
        self.require(again.outcome is Outcome.IN_SYNC, f"a second pass is not in sync: {again}")
        self.tally["calms"] += 1

    @invariant()
    def nothing_was_violated(self) -> None:
        self.tally["steps"] += 1
        self.arena.judge.check_foreign()
        if violations := self.arena.judge.violations:
            raise ViolatedError("\n".join(violations))

    def teardown(self) -> None:
        try:
            if not self.arena.judge.violations:
                self.calm(instance=0)
                self.nothing_was_violated()
        finally:
            for name, struck in self.arena.faults.struck.items():
                self.tally[f"fault {name}"] += struck
            self.running.close()


def chaos_on(azurite: Azurite, ahead: RunningAhead, tally: Counter[str]) -> type[Chaos]:
    """The machine as Hypothesis wants it, a class; `tally` counts what happens."""

    class ChaosHere(Chaos):
        def __init__(self) -> None:
            super().__init__(azurite, ahead, tally)
            tally["examples"] += 1

    return ChaosHere
