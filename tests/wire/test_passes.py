"""Whole passes over a cluster as it lives: nodes come, go, move and are read badly; the tables follow, or stay as they are."""

from typing import Any

import azure.functions as func
import pytest

from sandbox.cluster import CLUSTER_ID, scale_event
from sandbox.kubernetes_api import status
from sandbox.resource_manager import AzureError, errors
from shared.report import Cause, Outcome, render_json
from tests.wire.stage import APPS, ONE_TABLE, SYSTEM, App, Stage, applied, findings, of_table, results, said

pytestmark = pytest.mark.wire


def settled(stage: Stage, nodes: int, *clusters: Any) -> App:
    """An app whose cluster has `nodes` nodes, all of them routed."""
    stage.cluster.add("apps", nodes)
    app = stage.start(*clusters)
    assert app.run().outcome is Outcome.APPLIED
    stage.forget_calls()
    return app


def puts(stage: Stage) -> int:
    return sum(call.method == "PUT" for call in stage.arm.calls)


def move(stage: Stage, name: str, *, address: str | None = None, cidrs: list[str] | None = None) -> None:
    """A node gets another InternalIP, or Cilium gives it other pod CIDRs."""
    node, cilium = stage.kubernetes.get("Node", name), stage.kubernetes.get("CiliumNode", name)
    if address is not None:
        node["status"]["addresses"][0]["address"] = address
        cilium["spec"]["addresses"][0]["ip"] = address
    if cidrs is not None:
        cilium["spec"]["ipam"] = {"podCIDRs": cidrs} if cidrs else {}
    stage.kubernetes.put(node)
    stage.kubernetes.put(cilium)


# Convergence


def test_every_table_of_the_pools_gets_every_node_and_then_nothing_is_written(stage: Stage) -> None:
    """Route controller "single cidr 2 nodes and no routes", "routes created"; gardener "should update nothing"."""
    stage.cluster.add("system", 2)
    stage.cluster.add("apps", 3)
    app = stage.start()
    report = app.run()
    assert [(target.target, target.outcome, target.managed) for target in report.targets] == [
        (APPS, Outcome.APPLIED, 5),
        (SYSTEM, Outcome.APPLIED, 5),
    ]
    assert stage.ours(APPS) == stage.ours(SYSTEM) == stage.cluster.expected()
    stage.forget_calls()
    report = app.run()
    assert (report.outcome, puts(stage), stage.calls(APPS), stage.calls(SYSTEM)) == (
        Outcome.IN_SYNC,
        0,
        ["GET"],
        ["GET"],
    )


def test_the_order_azure_tells_the_routes_in_makes_no_difference(stage: Stage) -> None:
    """external-dns TestIdempotency."""
    app = settled(stage, 5, ONE_TABLE)
    stage.arm.edit_table(APPS, lambda body: body["properties"]["routes"].reverse())
    assert (app.run().outcome, puts(stage)) == (Outcome.IN_SYNC, 0)


def test_departed_and_new_nodes_are_one_write(stage: Stage) -> None:
    """Route controller "too many routes"."""
    app = settled(stage, 4, ONE_TABLE)
    stage.cluster.remove(stage.cluster.nodes[:1])
    stage.cluster.add("apps", 2)
    assert (app.run().outcome, puts(stage)) == (Outcome.APPLIED, 1)
    assert stage.ours() == stage.cluster.expected()


def test_swapped_pod_cidrs_are_one_write_without_a_conflict(stage: Stage) -> None:
    """Route controller "few wrong routes"; cloud-provider-azure#657."""
    app = settled(stage, 2, ONE_TABLE)
    one, other = stage.cluster.nodes
    move(stage, one, cidrs=["100.64.1.0/24"])
    move(stage, other, cidrs=["100.64.0.0/24"])
    assert (app.run().outcome, puts(stage)) == (Outcome.APPLIED, 1)
    assert stage.ours() == {"100.64.0.0/24": "10.10.4.5", "100.64.1.0/24": "10.10.4.4"}


def test_a_pod_cidr_given_to_a_new_node_is_one_update(stage: Stage) -> None:
    """k/k PR#56258, hcloud#231; cloud-provider-azure#8175: the same name with another CIDR."""
    app = settled(stage, 2, ONE_TABLE)
    gone, _ = stage.cluster.nodes
    stage.cluster.remove([gone])
    (new,) = stage.cluster.register("apps")
    move(stage, new, cidrs=["100.64.0.0/24"])
    report = app.run()
    assert (report.outcome, puts(stage)) == (Outcome.APPLIED, 1)
    assert stage.ours() == stage.cluster.expected()
    (change,) = render_json([report])["clusters"][0]["targets"][0]["changes"]
    assert (change["action"], change["previousNextHop"], change["nextHop"], change["node"]) == (
        "update",
        "10.10.4.4",
        "10.10.4.6",
        new,
    )


def test_a_node_with_another_address_keeps_its_route_with_the_new_next_hop(stage: Stage) -> None:
    """k/k#98359."""
    app = settled(stage, 2, ONE_TABLE)
    move(stage, stage.cluster.nodes[0], address="10.10.4.99")
    assert (app.run().outcome, puts(stage)) == (Outcome.APPLIED, 1)
    assert stage.ours()["100.64.0.0/24"] == "10.10.4.99"


@pytest.mark.parametrize(
    "broken",
    [
        {"nextHopIpAddress": "10.10.0.99"},
        {"nextHopType": "None", "nextHopIpAddress": None},
        {"nextHopType": "Internet", "nextHopIpAddress": None},
    ],
)
def test_a_route_changed_by_hand_is_repaired_and_told(stage: Stage, broken: dict[str, str | None]) -> None:
    """cloud-provider-azure and M365 leave these."""
    app = settled(stage, 3, ONE_TABLE)
    stage.cluster.edit_route("rt-apps", "100.64.1.0/24", **broken)
    report = app.run()
    assert (report.outcome, applied(report), puts(stage)) == (Outcome.APPLIED, 1, 1)
    assert stage.ours() == stage.cluster.expected()


def test_a_table_overwritten_from_outside_is_filled_again(stage: Stage) -> None:
    """Terraform and gardener aws#466, tf#3749: inline routes of infrastructure as code."""
    app = settled(stage, 3)
    stage.arm.edit_table(APPS, lambda body: body["properties"]["routes"].clear())
    report = app.run()
    assert (of_table(report, APPS).outcome, of_table(report, SYSTEM).outcome) == (Outcome.APPLIED, Outcome.IN_SYNC)
    assert stage.ours() == stage.cluster.expected()


def test_a_node_without_a_pod_cidr_waits_and_the_others_go_on(stage: Stage) -> None:
    """Route controller nodeNoCidr: the events of a scale-out come before the nodes have CIDRs."""
    app = settled(stage, 1, ONE_TABLE)
    waiting = stage.cluster.register("apps", 2)
    stage.cluster.add("apps", 1)
    report = app.run()
    assert (report.outcome, [each.node for each in report.waiting]) == (Outcome.APPLIED, waiting)
    assert stage.ours() == stage.cluster.expected()
    stage.cluster.assign_cidrs(waiting)
    report = app.run()
    assert (report.outcome, report.waiting, len(stage.ours())) == (Outcome.APPLIED, (), 4)


def test_multi_pool_nodes_get_a_route_per_cidr_and_lose_those_they_give_back(stage: Stage) -> None:
    """cilium#34446; facts: spec.ipam.pools.allocated[].cidrs."""
    (name,) = stage.cluster.register("apps")
    node = stage.kubernetes.get("CiliumNode", name)
    allocated = [
        {"pool": "default", "cidrs": ["100.65.0.0/27", "100.65.0.32/27"]},
        {"pool": "x", "cidrs": ["100.66.0.0/28"]},
    ]
    node["spec"]["ipam"] = {"podCIDRs": [], "pools": {"allocated": allocated}}
    stage.kubernetes.put(node)
    app = stage.start(ONE_TABLE)
    assert applied(app.run()) == 3
    allocated.pop()
    stage.kubernetes.put(node)
    assert applied(app.run()) == 1
    assert stage.ours() == {"100.65.0.0/27": "10.10.4.4", "100.65.0.32/27": "10.10.4.4"}


# Readings that are not to be believed


@pytest.mark.parametrize(
    "fail",
    [
        lambda api: api.answer_next("/api/v1/nodes", 500, status(500, "InternalError", "etcd"), times=10),
        lambda api: api.answer_next("/ciliumnodes", 403, status(403, "Forbidden", "no"), times=10),
        lambda api: api.truncate_next("/ciliumnodes", times=10),
        lambda api: api.garble_next("/api/v1/nodes", times=10),
        lambda api: api.answer_next("/api/v1/nodes", 401, status(401, "Unauthorized", "Unauthorized"), times=10),
        lambda api: api.answer_next("/api/v1/nodes", 500, "broken", times=10, query_contains="continue"),
    ],
    ids=["500", "403", "truncated", "garbled", "401", "second page"],
)
def test_a_failed_reading_of_the_nodes_reads_and_writes_no_table(
    stage: Stage, waits: list[float], monkeypatch: pytest.MonkeyPatch, fail: Any
) -> None:
    """Invariant 1; external-dns#2858, #3997: a failed listing deleted everything."""
    monkeypatch.setattr("shared.sources.kubernetes.PAGE_SIZE", 2)
    app = settled(stage, 4, ONE_TABLE)
    stage.cluster.remove(stage.cluster.nodes[:1])
    before = stage.arm.table(APPS)
    fail(stage.kubernetes)
    report = app.run()
    assert (report.outcome, report.cause, report.targets) == (Outcome.FAILED, Cause.UPSTREAM, ())
    assert said(report).startswith("cannot ")
    assert (stage.calls(), stage.arm.table(APPS)) == ([], before)
    stage.kubernetes.clear_faults()
    assert app.run().outcome is Outcome.APPLIED


def test_an_empty_reading_deletes_nothing_not_even_by_force(stage: Stage) -> None:
    """As gardener does: panic on an empty list."""
    app = settled(stage, 3, ONE_TABLE)
    stage.cluster.remove(stage.cluster.nodes)
    report = app.run(force=True)
    assert (report.outcome, puts(stage), len(stage.ours())) == (Outcome.HELD, 0, 3)


def test_many_vanished_nodes_are_held_while_new_ones_are_routed_until_forced(stage: Stage) -> None:
    """The 30 % of octodns; cloud-provider-azure and AKS#987."""
    app = settled(stage, 10, ONE_TABLE)
    stage.cluster.remove_nodes(stage.cluster.nodes[:5])
    stage.cluster.add("apps", 1)
    report = app.run()
    assert (report.outcome, results(report.targets[0])) == (Outcome.HELD, {"held", "applied"})
    assert len(stage.ours()) == 11
    assert "brake" in [code for code, _ in findings(report)]
    assert (app.run(force=True).outcome, puts(stage)) == (Outcome.APPLIED, 2)
    assert stage.ours() == stage.cluster.expected()


def test_vanished_nodes_whose_machines_azure_no_longer_has_are_released(stage: Stage) -> None:
    """An evening's scale-in wakes nobody; Azure is asked only because the brake would hold, and not again after that."""
    app = settled(stage, 10, ONE_TABLE)
    stage.cluster.remove(stage.cluster.nodes[:6])
    report = app.run()
    assert (report.outcome, results(report.targets[0])) == (Outcome.APPLIED, {"applied"})
    assert stage.ours() == stage.cluster.expected()
    assert "secondWitness" in [code for code, _ in findings(report)]
    assert all("no longer has a machine" in change.reason for change in report.targets[0].changes)
    asked = machine_reads(stage)
    assert asked
    app.run()
    assert machine_reads(stage) == asked


def test_of_many_vanished_nodes_only_those_whose_machines_are_gone_are_released(stage: Stage) -> None:
    app = settled(stage, 10, ONE_TABLE)
    gone, forgotten = stage.cluster.nodes[:4], stage.cluster.nodes[4:7]
    stage.cluster.remove(gone)
    stage.cluster.remove_nodes(forgotten)
    report = app.run()
    assert report.outcome is Outcome.HELD
    assert sorted(change.result for change in report.targets[0].changes) == ["applied"] * 4 + ["held"] * 3
    assert len(stage.ours()) == 6
    held = [change.reason for change in report.targets[0].changes if change.result == "held"]
    assert all("Azure still has aks-" in reason for reason in held)


@pytest.mark.parametrize(
    "error",
    [
        errors.authorization_failed("Microsoft.Compute/virtualMachineScaleSets/read", "/subscriptions/x"),
        errors.throttled("x", "GETVirtualMachineScaleSets", seconds=300),
    ],
)
def test_a_second_witness_that_cannot_speak_releases_nothing(stage: Stage, error: AzureError) -> None:
    """A missing permission must never be taken for a missing machine."""
    app = settled(stage, 10, ONE_TABLE)
    stage.cluster.remove(stage.cluster.nodes[:6])
    stage.arm.refuse_next("GET", "Microsoft.Compute/virtualMachineScaleSets", error, times=10)
    report = app.run()
    assert (report.outcome, results(report.targets[0])) == (Outcome.HELD, {"held"})
    assert "secondWitnessSilent" in [code for code, _ in findings(report)]
    assert len(stage.ours()) == 10


def test_without_the_second_witness_the_brake_holds_by_itself(stage: Stage) -> None:
    app = settled(stage, 10, {**ONE_TABLE, "limits": {"secondWitness": False}})
    stage.cluster.remove(stage.cluster.nodes[:6])
    assert app.run().outcome is Outcome.HELD
    assert machine_reads(stage) == 0


def test_below_the_brake_azure_is_not_asked(stage: Stage) -> None:
    app = settled(stage, 10, ONE_TABLE)
    stage.cluster.remove(stage.cluster.nodes[:3])
    assert app.run().outcome is Outcome.APPLIED
    assert machine_reads(stage) == 0


def machine_reads(stage: Stage) -> int:
    return sum("microsoft.compute" in call.path.lower() for call in stage.arm.calls)


def test_a_node_that_is_not_ready_or_without_its_cilium_node_keeps_its_route(stage: Stage) -> None:
    """Invariant 3; external-dns#2858: stopping the kubelet deleted DNS."""
    app = settled(stage, 3, ONE_TABLE)
    unready, lost, _ = stage.cluster.nodes
    body = stage.kubernetes.get("Node", unready)
    body["status"]["conditions"] = [{"type": "Ready", "status": "Unknown"}]
    body["spec"]["unschedulable"] = True
    stage.kubernetes.put(body)
    stage.kubernetes.delete("CiliumNode", lost)
    report = app.run()
    assert (puts(stage), len(stage.ours())) == (0, 3)
    assert [each.node for each in report.waiting] == [lost]


def test_a_full_table_takes_what_fits_and_the_rest_is_named(stage: Stage) -> None:
    """k/k#41671, kops#4918: no write that Azure refuses."""
    stage.cluster.add("apps", 6)
    limited = ONE_TABLE | {"limits": {"routesPerTable": 4}}
    report = stage.start(limited).run()
    assert (report.outcome, applied(report), puts(stage), len(stage.ours())) == (Outcome.PARTIAL, 4, 1, 4)
    assert "noRoom" in [code for code, _ in findings(report)]


# What was approved


def test_an_approved_plan_is_applied_and_another_one_is_not(stage: Stage) -> None:
    stage.cluster.add("apps", 2)
    app = stage.start()
    approved = app.run(dry_run=True).fingerprint
    stage.cluster.add("apps", 1)
    report = app.run(expect=approved)
    assert (report.cause, puts(stage)) == (Cause.CHANGED, 0)
    report = app.run(expect=app.run(dry_run=True).fingerprint)
    assert (report.outcome, puts(stage)) == (Outcome.APPLIED, 2)


def test_a_race_under_an_approved_plan_writes_only_what_was_approved(stage: Stage) -> None:
    stage.cluster.add("apps", 2)
    app = stage.start(ONE_TABLE)
    approved = app.run(dry_run=True).fingerprint
    stage.arm.before_next("PUT", "rt-apps", stage.hand_edit(prefix="100.64.1.0/24"))
    report = app.run(expect=approved)
    assert (report.outcome, puts(stage)) == (Outcome.FAILED, 1)
    assert "it changed under the expected plan; nothing more was written to it" in said(report)


# More than one cluster


def test_a_cluster_that_fails_stops_no_other(stage: Stage) -> None:
    """Contract, on_timer."""
    stage.cluster.add("apps", 2)
    gone = {"name": "gone", "aksClusterId": f"{CLUSTER_ID}-gone"}
    lost, shop = stage.start(gone, ONE_TABLE).run_all()
    assert (lost.outcome, shop.outcome) == (Outcome.FAILED, Outcome.APPLIED)
    assert "check aksClusterId; Azure shows no cluster of that id" in said(lost)
    assert stage.ours() == stage.cluster.expected()


def test_an_event_of_the_node_resource_group_finds_the_cluster_with_one_call(stage: Stage) -> None:
    app = stage.start()
    raw = scale_event("apps", schema="eventGrid")
    event = func.EventGridEvent(
        id=raw["id"],
        data=raw["data"],
        topic=raw["topic"],
        subject=raw["subject"],
        event_type=raw["eventType"],
        event_time=None,
        data_version=raw["dataVersion"],
    )
    assert app.fleet.wake(event) == ("shop-weu",)
    assert app.fleet.wake(event) == ("shop-weu",)
    assert [(call.method, call.status) for call in stage.arm.calls] == [("GET", 200)]
