"""One pass, told by what the table holds afterwards and how often it was read and written; races are in `test_races`."""

import threading

import pytest

from shared.answers import answer
from shared.errors import SourceError
from shared.models import Finding, Policy, Rules, Severity
from shared.reconcile import Order
from shared.report import Outcome, Result
from tests.examples import RULES, codes, managed, named, node, results, ruled
from tests.fakes import FakeNodes, FakeTable, Fault, raw, run

N1 = node("n1", "100.64.1.0/24", at="10.0.0.4")
N2 = node("n2", "100.64.2.0/24", at="10.0.0.5")
R1 = managed("100.64.1.0/24", "10.0.0.4")
GONE = managed("100.64.9.0/24", "10.0.0.12")
FOREIGN = raw("default", "0.0.0.0/0", "10.0.255.4", hasBgpOverride=False, someday={"unknown": [1, 2]})


def test_the_first_pass_writes_once_and_the_second_not_at_all() -> None:
    """RC "single cidr 2 nodes and no routes"; GAR "should update nothing if unchanged"; k/k#86300."""
    table = FakeTable(RULES, FOREIGN)
    first = run(FakeNodes(N1, N2), table)
    assert (first.outcome, len(table.requests), table.reads) == (Outcome.APPLIED, 1, 1)
    assert table.routed == {"100.64.1.0/24": "10.0.0.4", "100.64.2.0/24": "10.0.0.5"}
    second = run(FakeNodes(N1, N2), table)
    assert (second.outcome, len(table.requests), table.reads) == (Outcome.IN_SYNC, 1, 2)


def test_four_hundred_new_nodes_are_one_write() -> None:
    nodes = [node(f"n{n}", f"100.{64 + n // 256}.{n % 256}.0/24", at=f"10.0.{n // 256}.{n % 256}") for n in range(400)]
    table = FakeTable(RULES)
    assert run(FakeNodes(*nodes), table).outcome is Outcome.APPLIED
    assert (len(table.requests), len(table.routed)) == (1, 400)
    run(FakeNodes(*nodes[50:]), table)
    assert (len(table.requests), len(table.routed)) == (2, 350)


def test_the_report_says_what_happened() -> None:
    odd = Finding(Severity.WARNING, "podCidrMismatch", "Node and CiliumNode disagree", "n1")
    table = FakeTable(RULES, managed("100.64.1.0/24", "10.0.0.99"), GONE, FOREIGN)
    report = run(FakeNodes(N1, N2, node("n3", at="10.0.0.6"), findings=(odd,)), table, order=Order("timer"))
    assert (report.cluster, report.mode, report.trigger, report.outcome) == (
        "prod-weu",
        "udr",
        "timer",
        Outcome.APPLIED,
    )
    assert (report.node_count, codes(report.findings)) == (3, ["podCidrMismatch n1"])
    assert [f"{each.node} ({each.reason})" for each in report.waiting] == ["n3 (no pod CIDR yet)"]
    (target,) = report.targets
    assert (target.target, target.managed, target.foreign, target.capacity) == (table.id, 2, 1, 1000)
    assert results(report) == [
        "- 100.64.9.0/24 applied",
        "~ 100.64.1.0/24 10.0.0.99 > 10.0.0.4 n1 applied",
        "+ 100.64.2.0/24 10.0.0.5 n2 applied",
    ]


def test_a_dry_run_shows_the_same_plan_and_writes_nothing() -> None:
    table = FakeTable(RULES, GONE)
    dry = run(FakeNodes(N1), table, order=Order("http", dry_run=True))
    assert (dry.outcome, table.requests) == (Outcome.PLANNED, [])
    assert results(dry) == ["- 100.64.9.0/24 planned", "+ 100.64.1.0/24 10.0.0.4 n1 planned"]
    assert run(FakeNodes(N1), table).fingerprint == dry.fingerprint


def test_a_failed_reading_of_the_nodes_touches_no_table() -> None:
    """XD#2858, #3997; jkwong888/k8s-add-static-routes#4: a failing API server deleted everything."""
    nodes, table = FakeNodes(N1), FakeTable(RULES, R1, GONE)
    nodes.failing = True
    with pytest.raises(SourceError):
        run(nodes, table)
    assert (table.reads, table.requests) == (0, [])


def test_an_empty_reading_deletes_nothing_even_with_force() -> None:
    """GAR panics on an empty list for the same reason."""
    table = FakeTable(RULES, R1, GONE)
    report = run(FakeNodes(), table, order=Order("http", force=True))
    assert (report.outcome, table.requests) == (Outcome.HELD, [])
    assert results(report) == ["- 100.64.1.0/24 held", "- 100.64.9.0/24 held"]
    assert answer([report], "json").status == 422


def test_a_failed_reading_of_a_table_writes_nothing_to_it_and_others_go_on() -> None:
    """GAR #7 "try all route tables before returning errors"; AZ rt4/rt5."""
    broken, fine = FakeTable(RULES, table_id="/rt-broken"), FakeTable(RULES, table_id="/rt-fine")
    broken.unreadable = True
    report = run(FakeNodes(N1), broken, fine)
    assert [target.outcome for target in report.targets] == [Outcome.FAILED, Outcome.APPLIED]
    assert (report.outcome, broken.requests) == (Outcome.FAILED, [])
    assert "ResourceNotFound" in (report.targets[0].error or "")


def test_one_table_that_refuses_a_write_stops_no_other() -> None:
    tables = [FakeTable(RULES, table_id=f"/rt-{name}") for name in "abc"]
    tables[1].faults.append(Fault.REFUSED)
    report = run(FakeNodes(N1, N2), *tables)
    assert [target.outcome for target in report.targets] == [Outcome.APPLIED, Outcome.FAILED, Outcome.APPLIED]
    assert [target.target for target in report.targets] == ["/rt-a", "/rt-b", "/rt-c"]
    assert results(report, 1) == [
        "+ 100.64.1.0/24 10.0.0.4 n1 failed",
        "+ 100.64.2.0/24 10.0.0.5 n2 failed",
    ]
    assert "RequestDisallowedByPolicy" in (report.targets[1].error or "")


def test_tables_are_written_side_by_side() -> None:
    """Azure answers a write after 2 to 3 s at least (facts: recorded), so that one after the other takes minutes."""
    both = threading.Barrier(2)

    class Meeting(FakeTable):
        def _before(self, fault: Fault | None) -> None:
            both.wait(timeout=30)

    tables = [Meeting(RULES, table_id=f"/rt-{name}") for name in "ab"]
    assert run(FakeNodes(N1), *tables).outcome is Outcome.APPLIED


@pytest.mark.parametrize("fault", [Fault.FAILED, Fault.HALF, Fault.LATE, Fault.REFUSED])
def test_a_failed_write_is_never_called_applied(fault: Fault) -> None:
    """cloud-provider-azure#11003: the operation failed, the log said success."""
    report = run(FakeNodes(N1, N2), FakeTable(RULES, faults=[fault]))
    assert report.outcome is Outcome.FAILED
    assert {change.result for change in report.targets[0].changes} == {Result.FAILED}
    assert answer([report], "json").status == 502


def test_a_change_that_azure_lost_is_not_called_applied() -> None:
    report = run(FakeNodes(N1, N2), table := FakeTable(RULES, faults=[Fault.LOST]))
    assert results(report) == ["+ 100.64.1.0/24 10.0.0.4 n1 applied", "+ 100.64.2.0/24 10.0.0.5 n2 failed"]
    assert (report.outcome, report.targets[0].managed) == (Outcome.FAILED, len(table.routed))
    assert "1 change(s) are not there" in (report.targets[0].error or "")


def test_held_deletes_do_not_stop_repairs_and_new_routes() -> None:
    dead = [managed(f"100.64.{n}.0/24", "10.0.0.13") for n in range(20, 30)]
    table = FakeTable(RULES, managed("100.64.1.0/24", "10.0.0.99"), *dead)
    report = run(FakeNodes(N1, N2), table)
    assert report.outcome is Outcome.HELD
    assert (table.routed["100.64.1.0/24"], table.routed["100.64.2.0/24"], len(table.routed)) == (
        "10.0.0.4",
        "10.0.0.5",
        12,
    )
    assert answer([report], "json").status == 200


def test_force_deletes_what_the_brake_held() -> None:
    dead = [managed(f"100.64.{n}.0/24", "10.0.0.13") for n in range(20, 30)]
    table = FakeTable(RULES, R1, *dead)
    held = run(FakeNodes(N1), table)
    forced = run(FakeNodes(N1), table, order=Order("http", force=True, expect=held.fingerprint))
    assert (held.outcome, forced.outcome, table.routed) == (
        Outcome.HELD,
        Outcome.APPLIED,
        {"100.64.1.0/24": "10.0.0.4"},
    )


OUTCOMES = [
    ("nothing to do", RULES, [R1], Outcome.IN_SYNC),
    ("k/k#41671: no room", ruled(routes_per_table=1), [], Outcome.PARTIAL),
    ("AZ#657: a conflict", RULES, [raw("alias", "100.64.1.0/24", "10.0.0.99")], Outcome.PARTIAL),
    ("all deletes held", ruled(free_deletes=0), [R1, managed("100.64.2.0/24", "10.0.0.5"), GONE], Outcome.HELD),
    (
        "a policy is a choice",
        ruled(policy=Policy.UPSERT_ONLY),
        [R1, managed("100.64.2.0/24", "10.0.0.5"), GONE],
        Outcome.IN_SYNC,
    ),
]


@pytest.mark.parametrize(
    ("rules", "routes", "outcome"), [case[1:] for case in OUTCOMES], ids=[case[0] for case in OUTCOMES]
)
def test_a_target_ends_in_an_outcome(rules: Rules, routes: list[object], outcome: Outcome) -> None:
    nodes = [N1] if routes == [R1] else [N1, N2]
    table = FakeTable(rules, *routes)  # type: ignore[arg-type]  # routes and raw routes
    assert run(FakeNodes(*nodes), table, rules=rules).outcome is outcome


def test_two_clusters_in_one_table_leave_each_other_alone() -> None:
    """occm#3128: two owners deleted each other's routes in turn."""
    other = Rules("dev", RULES.pod_cidrs)
    nodes = FakeNodes(node("d1", "100.65.1.0/24", at="10.1.0.4"))
    shared_table = FakeTable(RULES)
    for _ in range(2):
        shared_table.rules = RULES
        run(FakeNodes(N1), shared_table)
        shared_table.rules = other
        run(nodes, shared_table, rules=other)
    assert len(shared_table.requests) == 2
    assert sorted(route["name"] for route in shared_table.routes) == [
        named("100.65.1.0/24", "dev"),
        named("100.64.1.0/24"),
    ]


def test_a_renamed_cluster_adopts_its_routes_in_one_write_that_moves_no_packet() -> None:
    """XD TestRecordOwnerIdMigration."""
    table = FakeTable(RULES, raw(named("100.64.1.0/24", "before"), "100.64.1.0/24", "10.0.0.4"))
    rules = ruled(adopt=True)
    assert run(FakeNodes(N1), table, rules=rules).outcome is Outcome.APPLIED
    assert [route["name"] for route in table.routes] == [named("100.64.1.0/24")]
    assert run(FakeNodes(N1), table, rules=rules).outcome is Outcome.IN_SYNC


def test_another_writer_that_overwrites_the_table_is_corrected_by_the_next_pass() -> None:
    """Gardener aws#466, tf#3749: a deployment with inline routes."""
    table = FakeTable(RULES, FOREIGN)
    run(FakeNodes(N1), table)
    table.edit(lambda edited: edited.routes.clear())
    assert run(FakeNodes(N1), table).outcome is Outcome.APPLIED
    assert table.routed == {"100.64.1.0/24": "10.0.0.4"}


def test_a_scale_out_whose_cidrs_come_late_converges_pass_by_pass() -> None:
    nodes, table = FakeNodes(N1), FakeTable(RULES, R1)
    assert run(nodes, table).waiting == ()
    nodes.nodes = [N1, node("n2", at="10.0.0.5")]
    assert [each.node for each in run(nodes, table).waiting] == ["n2"]
    nodes.nodes = [N1, N2]
    assert run(nodes, table).waiting == ()
    assert len(table.routed) == 2
