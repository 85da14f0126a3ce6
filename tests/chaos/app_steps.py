"""What the app is asked to do: events, queue messages, timer, people; and what its reports must be."""

from typing import Any

import azure.functions as func
from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from sandbox.cluster import scale_event
from shared.changes import AnyChange, Delete
from shared.fleet import Fleet
from shared.models import Route
from shared.reconcile import Order
from shared.report import ClusterReport, Outcome, Result
from shared.wake import Wake
from tests.chaos.judge import Routes
from tests.chaos.stage import Stage, instances


class AppSteps(Stage):
    """Triggers of any instance."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.messages: list[bool] = []
        """Wake-ups in the queue: whether each was tried before."""

    @rule(instance=instances, times=st.integers(1, 2))
    def event(self, instance: int, times: int) -> None:
        """Event Grid delivers, sometimes twice; the messages lie in the queue until somebody takes them."""
        for _ in range(times):
            event = scale_event("apps")
            grid = func.EventGridEvent(
                id=event["id"],
                data=event["data"],
                topic=event["source"],
                subject=event["subject"],
                event_type=event["type"],
                event_time=None,
                data_version="1",
            )
            try:
                self.messages += [False for _ in self.arena.instances[instance].wake(grid)]
            except Exception:  # noqa: BLE001  # the app says no: Event Grid tries again another time
                self.tally["events refused"] += 1

    @precondition(lambda self: self.messages)
    @rule(instance=instances)
    def deliver(self, instance: int) -> None:
        """The queue hands a message to an instance; what fails comes back."""
        self.vigil(instance, returned=self.messages.pop(0))

    def vigil(self, instance: int, *, returned: bool) -> None:
        self.tally["vigils"] += 1
        try:
            report, left = self.arena.instances[instance].keep_vigil(Wake(self.arena.name), returned=returned)
        except Exception:  # noqa: BLE001  # the message comes back
            self.messages.append(True)
            return
        if report is not None:
            self.look_into(report)
            if left or report.outcome in {Outcome.FAILED, Outcome.BUSY}:
                self.messages.append(not left)

    @rule(instance=instances)
    def timer(self, instance: int) -> None:
        self.run_pass(self.arena.instances[instance], Order("timer"))

    @rule(instance=instances, force=st.booleans(), expect=st.sampled_from(["nothing", "the plan", "another plan"]))
    def reconcile(self, instance: int, force: bool, expect: str) -> None:  # noqa: FBT001
        """A person looks at the plan and posts a reconcile, sometimes with an old fingerprint."""
        fleet = self.arena.instances[instance]
        plan = self.run_pass(fleet, Order("http", dry_run=True))
        mark = {"nothing": None, "the plan": plan.fingerprint, "another plan": "0123456789ab"}[expect]
        before = self.arena.judge.writes
        report = self.run_pass(fleet, Order("http", force=force, expect=mark))
        if expect == "another plan":
            self.require(self.arena.judge.writes == before, f"written under another plan: {report}")

    def run_pass(self, fleet: Fleet, order: Order) -> ClusterReport:
        judge = self.arena.judge
        before = judge.attempts
        judge.force = order.force
        try:
            (report,) = fleet.run(None, order)
        finally:
            judge.force = False
        self.tally["passes"] += 1
        self.look_into(report)
        if order.dry_run or report.outcome is Outcome.IN_SYNC:
            self.require(judge.attempts == before, f"a {report.outcome} pass wrote")
        return report

    def look_into(self, report: ClusterReport) -> None:
        """Nothing is said to be applied that Azure's last answer about the table does not show."""
        for target in report.targets:
            told = {table.lower(): routes for table, routes in self.arena.judge.told.items()}.get(
                target.target.lower(), {}
            )
            for entry in target.changes:
                if entry.result is Result.APPLIED:
                    self.require(
                        _shown(entry.change, told),
                        f"{target.target}: said to be applied, and Azure does not show it: {entry.change}",
                    )


def _shown(change: AnyChange, told: Routes) -> bool:
    entry = change.previous if isinstance(change, Delete) else change.entry
    assert isinstance(entry, Route)
    if isinstance(change, Delete):
        return str(entry.prefix) not in told
    return told.get(str(entry.prefix)) == str(entry.next_hop)
