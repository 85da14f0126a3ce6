"""A pass that is not alone: somebody else writes the table in between, or the plan is no longer the one that was approved."""

from shared.answers import answer
from shared.reconcile import MAX_ATTEMPTS, Order
from shared.report import Cause, Outcome
from tests.examples import RULES, managed, named, node, results
from tests.fakes import FakeNodes, FakeTable, Fault, raw, run

N1 = node("n1", "100.64.1.0/24", at="10.0.0.4")
N2 = node("n2", "100.64.2.0/24", at="10.0.0.5")
GONE = managed("100.64.9.0/24", "10.0.0.12")


class Pauses:
    """Waits not at all and remembers for how long it should have."""

    def __init__(self) -> None:
        self.seconds: list[float] = []

    def __call__(self, seconds: float) -> None:
        self.seconds.append(seconds)


def test_a_lost_race_is_planned_again_on_fresh_content() -> None:
    """CAPZ#682, k/k#77490, M365: 412, and the other writer's change survives."""

    def other(table: FakeTable) -> None:
        table.routes.append(raw("by-hand", "192.168.7.0/24", "10.0.255.4"))
        table.routes.append(raw(named("100.64.8.0/24"), "100.64.8.0/24", "10.0.0.13"))

    table = FakeTable(RULES, faults=[Fault.OVERTAKEN], interfere=other)
    report = run(FakeNodes(N1), table)
    assert report.outcome is Outcome.APPLIED
    assert (table.reads, len(table.requests)) == (2, 2)
    assert table.routed == {"100.64.1.0/24": "10.0.0.4"}
    assert results(report) == ["- 100.64.8.0/24 applied", "+ 100.64.1.0/24 10.0.0.4 n1 applied"]
    assert '"by-hand"' in table.foreign_bytes[0]


def test_the_rails_stand_on_fresh_content_too() -> None:
    def other(table: FakeTable) -> None:
        table.routes.extend(raw(named(f"100.64.{n}.0/24"), f"100.64.{n}.0/24", "10.0.0.13") for n in range(20, 40))

    table = FakeTable(RULES, faults=[Fault.OVERTAKEN], interfere=other)
    report = run(FakeNodes(N1), table)
    assert report.outcome is Outcome.HELD
    assert len(table.routed) == 21


def test_a_lost_race_that_did_our_work_needs_no_second_write() -> None:
    def other(table: FakeTable) -> None:
        table.routes.append(raw(named("100.64.1.0/24"), "100.64.1.0/24", "10.0.0.4"))

    table = FakeTable(RULES, faults=[Fault.OVERTAKEN], interfere=other)
    report = run(FakeNodes(N1), table)
    assert (report.outcome, results(report), len(table.requests)) == (Outcome.IN_SYNC, [], 1)


def test_a_lost_race_reads_the_nodes_again_too() -> None:
    """Between the two reads a wait of minutes may lie; a node that came back meanwhile keeps its route."""
    nodes = FakeNodes(N1)

    def other(table: FakeTable) -> None:
        _ = table
        nodes.nodes = (N1, N2)

    table = FakeTable(RULES, managed("100.64.2.0/24", "10.0.0.5"), faults=[Fault.OVERTAKEN], interfere=other)
    assert results(run(nodes, table)) == ["+ 100.64.1.0/24 10.0.0.4 n1 applied"]
    assert table.routed == {"100.64.1.0/24": "10.0.0.4", "100.64.2.0/24": "10.0.0.5"}


def test_a_lost_race_after_which_the_nodes_cannot_be_read_writes_nothing() -> None:
    nodes = FakeNodes(N1)

    def other(table: FakeTable) -> None:
        _ = table
        nodes.failing = True

    table = FakeTable(RULES, GONE, faults=[Fault.OVERTAKEN], interfere=other)
    report = run(nodes, table)
    assert report.outcome is Outcome.FAILED
    assert "did not answer" in (report.targets[0].error or "")
    assert table.routed == {"100.64.9.0/24": "10.0.0.12"}


def test_lost_races_end_after_a_few() -> None:
    table = FakeTable(RULES, faults=[Fault.OVERTAKEN] * 10)
    report = run(FakeNodes(N1), table)
    assert len(table.requests) == MAX_ATTEMPTS == 4
    assert (report.outcome, results(report)) == (Outcome.FAILED, ["+ 100.64.1.0/24 10.0.0.4 n1 failed"])
    assert "gave up after 4 attempts" in (report.targets[0].error or "")
    assert table.routed == {}


def test_the_last_attempt_may_still_win() -> None:
    table = FakeTable(RULES, faults=[Fault.OVERTAKEN] * (MAX_ATTEMPTS - 1))
    assert run(FakeNodes(N1), table).outcome is Outcome.APPLIED


def test_a_table_that_vanishes_between_two_attempts_is_reported() -> None:
    def other(table: FakeTable) -> None:
        table.unreadable = True

    table = FakeTable(RULES, faults=[Fault.OVERTAKEN], interfere=other)
    report = run(FakeNodes(N1), table)
    assert (report.outcome, len(table.requests)) == (Outcome.FAILED, 1)
    assert "ResourceNotFound" in (report.targets[0].error or "")


def test_a_locked_table_is_waited_for_as_long_as_azure_says() -> None:
    """k/k#41671, k8s#88151: RetryableErrorDueToAnotherOperation, "can be retried in 11 seconds"."""
    pauses = Pauses()
    report = run(FakeNodes(N1), FakeTable(RULES, faults=[Fault.LOCKED, Fault.OVERTAKEN]), pause=pauses)
    assert (report.outcome, pauses.seconds) == (Outcome.APPLIED, [11, 0])


def test_nobody_waits_after_the_last_attempt() -> None:
    pauses = Pauses()
    run(FakeNodes(N1), FakeTable(RULES, faults=[Fault.LOCKED] * 10), pause=pauses)
    assert pauses.seconds == [11] * (MAX_ATTEMPTS - 1)


def test_expect_lets_exactly_the_approved_plan_pass() -> None:
    table = FakeTable(RULES, GONE)
    approved = run(FakeNodes(N1), table, order=Order("http", dry_run=True)).fingerprint
    assert run(FakeNodes(N1), table, order=Order("http", expect=approved)).outcome is Outcome.APPLIED


def test_expect_of_another_plan_writes_nothing_and_says_which_plan_it_is_now() -> None:
    tables = FakeTable(RULES, GONE, table_id="/rt-a"), FakeTable(RULES, table_id="/rt-b")
    approved = run(FakeNodes(N1), *tables, order=Order("http", dry_run=True)).fingerprint
    report = run(FakeNodes(N1, N2), *tables, order=Order("http", expect=approved))
    assert report.cause is Cause.CHANGED
    assert f"the plan is {report.fingerprint} now, not {approved}" in (report.error or "")
    assert [table.requests for table in tables] == [[], []]
    assert answer([report], "json").status == 409


def test_a_lost_race_that_leaves_the_expected_plan_as_it_was_goes_on() -> None:
    table = FakeTable(RULES, faults=[Fault.OVERTAKEN])
    approved = run(FakeNodes(N1), table, order=Order("http", dry_run=True)).fingerprint
    assert run(FakeNodes(N1), table, order=Order("http", expect=approved)).outcome is Outcome.APPLIED


def test_a_lost_race_that_changes_the_expected_plan_writes_nothing_and_is_answered_as_changed() -> None:
    """The contract: 409 where the plan changed since `expect`; Azure has not failed."""

    def other(table: FakeTable) -> None:
        table.routes.append(raw(named("100.64.8.0/24"), "100.64.8.0/24", "10.0.0.13"))

    table = FakeTable(RULES, faults=[Fault.OVERTAKEN], interfere=other)
    approved = run(FakeNodes(N1), table, order=Order("http", dry_run=True)).fingerprint
    report = run(FakeNodes(N1), table, order=Order("http", expect=approved))
    assert table.routed == {"100.64.8.0/24": "10.0.0.13"}
    assert answer([report], "json").status == 409


def test_expect_with_a_table_that_cannot_be_read_is_answered_as_azures_failure() -> None:
    """A person told that the plan changed would look at the plan; what failed is the reading."""
    tables = FakeTable(RULES, table_id="/rt-a"), FakeTable(RULES, table_id="/rt-b")
    approved = run(FakeNodes(N1), *tables, order=Order("http", dry_run=True)).fingerprint
    tables[1].unreadable = True
    report = run(FakeNodes(N1), *tables, order=Order("http", expect=approved))
    assert [table.requests for table in tables] == [[], []]
    assert answer([report], "json").status == 502
