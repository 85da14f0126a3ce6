"""What goes wrong: faults, races in the middle of a pass, killed instances, tokens and time."""

from collections.abc import Callable

from hypothesis import strategies as st
from hypothesis.stateful import rule

from shared.reconcile import Order
from shared.report import Outcome
from tests.chaos.app_steps import AppSteps
from tests.chaos.arena import INSTANCES
from tests.chaos.faults import FAULTS
from tests.chaos.node_steps import NodeSteps
from tests.chaos.stage import indexes, instances, tables
from tests.chaos.table_steps import TableSteps

chances = st.sampled_from([1.0, 0.5])
CACHE_IS_OLD = 700.0
"""Seconds after which the app discovers its cluster anew."""


class TroubleSteps(NodeSteps, TableSteps, AppSteps):
    """A bad day."""

    @rule(
        instance=instances,
        method=st.sampled_from(["GET", "PUT"]),
        table=tables,
        deed=st.sampled_from(["other pass", "lease ends", "edit", "route edit", "scale out", "join", "crash of lease"]),
        by_vigil=st.booleans(),
        which=indexes,
    )
    def disturb(self, instance: int, method: str, table: str, deed: str, by_vigil: bool, which: int) -> None:  # noqa: FBT001
        """Something happens while a pass waits for the answer of one of its requests."""
        other = self.arena.instances[(instance + 1) % INSTANCES]

        def other_pass() -> None:
            writable = self.arena.leased()
            (report,) = other.run(None, Order("timer"))
            self.look_into(report)
            if (
                writable
            ):  # one that the lease, or anything before it, kept out reports no target; the first one may go on
                self.require(not report.targets, "two writers at a time")
                self.require(report.outcome in {Outcome.BUSY, Outcome.FAILED}, f"two passes at a time: {report}")

        def lease_ends() -> None:
            self.arena.end_leases()
            other_pass()

        deeds: dict[str, Callable[[], object]] = {
            "other pass": other_pass,
            "lease ends": lease_ends,
            "edit": lambda: self.edit_what_is_foreign(table=table),
            "route edit": lambda: self.edit_our_route(table=table, which=which, hop=None),
            "scale out": lambda: self.scale_out(pool="apps", count=1, complete=True),
            "join": self.assign_cidrs,
            "crash of lease": self.arena.end_leases,
        }
        self.tally["disturbed passes"] += 1
        self.edit_our_route(table=table, which=which, hop="10.10.240.66")
        with self.arena.just_before(method, table, deeds[deed]):
            if by_vigil:
                self.vigil(instance, returned=False)
            else:
                (report,) = self.arena.instances[instance].run(None, Order("timer"))
                self.look_into(report)

    @rule(instance=instances, requests=st.integers(0, 20), table=tables, which=indexes, by_vigil=st.booleans())
    def kill(self, instance: int, requests: int, table: str, which: int, by_vigil: bool) -> None:  # noqa: FBT001
        """An instance dies in the middle of a pass; its leases stay, and another one takes its place."""
        self.edit_our_route(table=table, which=which, hop=None)
        self.tally["kills"] += 1
        fleet = self.arena.instances[instance]
        with self.arena.dies_after(requests):
            if by_vigil:
                self.vigil(instance, returned=False)
            else:
                fleet.run(None, Order("timer"))
        self.arena.instances[instance] = self.arena.new_instance()

    @rule()
    def leases_of_the_dead_end(self) -> None:
        self.arena.end_leases()

    @rule()
    def tokens_end(self) -> None:
        self.arena.cloud.tokens.revoke_all()

    @rule()
    def time_passes(self) -> None:
        self.ahead.sleep(CACHE_IS_OLD)

    @rule(name=st.sampled_from(sorted(FAULTS)), times=st.integers(1, 4), chance=chances)
    def fault(self, name: str, times: int, chance: float) -> None:
        """Something will go wrong."""
        fault, options = FAULTS[name]
        self.arena.faults.on(fault, times=times, **{"chance": chance, **options})

    @rule(
        names=st.lists(st.sampled_from(sorted(FAULTS)), min_size=1, max_size=3, unique=True),
        times=st.integers(1, 4),
        chance=chances,
        instance=instances,
        table=tables,
        which=indexes,
        by_vigil=st.booleans(),
    )
    def troubled_pass(
        self,
        names: list[str],
        times: int,
        chance: float,
        instance: int,
        table: str,
        which: int,
        by_vigil: bool,  # noqa: FBT001
    ) -> None:
        """Something goes wrong in a pass that has something to write."""
        self.edit_our_route(table=table, which=which, hop=None)
        for name in names:
            self.fault(name=name, times=times, chance=chance)
        if by_vigil:
            self.vigil(instance, returned=False)
        else:
            self.timer(instance=instance)
        self.faults_end()

    @rule(
        machines=st.booleans(),
        instance=instances,
        silence=st.sampled_from([None, "witness-forbidden", "witness-throttled", "witness-unavailable"]),
        times=st.integers(1, 6),
    )
    def vanish(self, machines: bool, instance: int, silence: str | None, times: int) -> None:  # noqa: FBT001
        """Kubernetes forgets all nodes but two, and the second witness is asked, or cannot answer."""
        self.arena.leave(self.members[2:], machines=machines)
        if silence:
            self.fault(name=silence, times=times, chance=1.0)
        self.timer(instance=instance)
        self.faults_end()

    @rule()
    def faults_end(self) -> None:
        self.arena.faults.clear()
