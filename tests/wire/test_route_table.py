"""One table and its other owners: what is foreign survives, races are planned again, half-done work is told and repaired."""

from collections.abc import Callable
from typing import Any

import pytest
import requests

from sandbox.resource_manager import route
from shared.report import Outcome
from shared.targets import route_table
from tests.wire.conftest import Sent
from tests.wire.stage import (
    APPS,
    ONE_TABLE,
    SYSTEM,
    Body,
    PreparedError,
    Stage,
    applied,
    of_table,
    results,
    said,
    without_ours,
)

pytestmark = pytest.mark.wire

FOREIGN = [
    route("to-firewall", "0.0.0.0/0", "10.10.240.4"),
    route("on-premises", "192.168.0.0/16", next_hop_type="VirtualNetworkGateway"),
    route("azure", "AzureCloud", next_hop_type="Internet"),
    route("azure-west", "Storage.WestEurope", next_hop_type="Internet", hasHint={"deep": [1, {"er": None}]}),
    route(
        "pair",
        "10.20.0.0/16",
        next_hop_type="VirtualApplianceEcmp",
        nextHop={"nextHopIpAddresses": ["10.10.240.6", "10.10.240.7"], "probe": {"port": 443}},
    ),
    route("hole", "10.30.0.0/16", next_hop_type="None"),
    route("v6", "fd00:99::/64", "fd00::9"),
    route("lb-in-pods", "100.127.0.0/16", "10.10.240.5"),
    route("apr_other_100.126.0.0-24", "100.126.0.0/24", "10.99.0.4"),
    route("apr_shop-weu_10.40.0.0-24", "10.40.0.0/24", "10.10.0.9"),
]
OURS_GONE = route("apr_shop-weu_100.70.0.0-24", "100.70.0.0/24", "10.10.4.200")


def table_with(stage: Stage, *routes: Body, **properties: Any) -> None:
    stage.arm.add_route_table(APPS, routes, tags={"cost-center": "4711", "empty": ""}, **properties)


# Ownership


def test_what_is_foreign_survives_every_kind_of_write_unchanged(stage: Stage) -> None:
    """AKS#1212, tf#6061, ansible azure#1142, gardener aws#466, hcloud#425, occm#3128; recorded VirtualApplianceEcmp."""
    table_with(
        stage, *FOREIGN, OURS_GONE, disableBgpRoutePropagation=True, disablePeeringRoute="All", future={"a": [1, None]}
    )
    before = stage.arm.table(APPS)
    app = stage.start()
    (_, second) = stage.cluster.add("apps", 2)

    report = of_table(app.run(), APPS)
    assert [change.change.__class__.__name__ for change in report.changes] == ["Delete", "Create", "Create"]
    assert (report.outcome, report.managed, report.foreign) == (Outcome.APPLIED, 2, len(FOREIGN))
    assert without_ours(stage.arm.table(APPS)) == without_ours(before)

    stage.cluster.edit_route("rt-apps", "100.64.0.0/24", nextHopIpAddress="10.10.0.99")
    stage.cluster.remove([second])
    assert of_table(app.run(), APPS).outcome is Outcome.APPLIED
    assert without_ours(stage.arm.table(APPS)) == without_ours(before)
    assert [each["name"] for each in stage.arm.table(APPS)["properties"]["routes"]] == [
        *(each["name"] for each in FOREIGN),
        "apr_shop-weu_100.64.0.0-24",
    ]
    assert stage.arm.routes(APPS)["100.64.0.0/24"] == "10.10.4.4"


def test_tables_of_another_subscription_and_group_than_the_clusters_are_written(stage: Stage) -> None:
    """Issue: tables in other resource groups and subscriptions than the cluster work."""
    far = (
        "/subscriptions/0aaaaaaa-0000-0000-0000-00000000000f/resourceGroups/RG-Network"
        "/providers/Microsoft.Network/routeTables/rt-Hub"
    )
    near = APPS.replace("/rg-shop/", "/rg-platform/")
    stage.arm.add_route_table(far, [route("fw", "0.0.0.0/0", "10.9.0.4")])
    stage.arm.add_route_table(near)
    stage.cluster.add("apps", 2)
    report = stage.start({"routing": {"mode": "udr", "routeTables": [far, near]}}).run()
    assert report.outcome is Outcome.APPLIED
    assert stage.arm.routes(far) == {"0.0.0.0/0": "10.9.0.4"} | stage.cluster.expected()
    assert stage.arm.routes(near) == stage.cluster.expected()


def test_two_clusters_share_a_table_and_each_touches_only_its_own(stage: Stage) -> None:
    """occm#3128: ping-pong of two writers; external-dns: owner id."""
    stage.cluster.add("apps", 4)
    a = ONE_TABLE | {"name": "a", "podCidrs": ["100.64.0.0/23"]}
    b = ONE_TABLE | {"name": "b", "podCidrs": ["100.64.2.0/23"]}
    app = stage.start(a, b)
    for _ in range(2):  # whoever loses the race of the first pass plans again
        assert {report.outcome for report in app.run_all()} <= {Outcome.APPLIED, Outcome.IN_SYNC}
    assert stage.ours() == stage.cluster.expected()
    names = sorted(each["name"] for each in stage.arm.table(APPS)["properties"]["routes"])
    assert [name.split("_")[1] for name in names] == ["a", "a", "b", "b"]
    stage.forget_calls()
    app.run_all()
    assert stage.arm.count("PUT", APPS) == 0


def test_a_foreign_route_on_a_pod_cidr_is_a_conflict_until_it_is_adopted(stage: Stage) -> None:
    """hcloud#425, #432; external-dns TestRecordOwnerIdMigration: no delete and create."""
    table_with(stage, route("by-hand", "100.64.0.0/24", "10.10.4.77"))
    stage.cluster.add("apps", 2)
    report = of_table(stage.start().run(), APPS)
    assert report.outcome is Outcome.PARTIAL
    assert "foreignConflict" in [finding.code for finding in report.findings]
    assert stage.arm.routes(APPS) == {"100.64.0.0/24": "10.10.4.77", "100.64.1.0/24": "10.10.4.5"}

    stage.forget_calls()
    assert of_table(stage.start({"adopt": True}).run(), APPS).outcome is Outcome.APPLIED
    assert stage.arm.count("PUT", APPS) == 1
    (adopted, _) = stage.arm.table(APPS)["properties"]["routes"]
    assert (adopted["name"], adopted["properties"]["nextHopIpAddress"]) == ("apr_shop-weu_100.64.0.0-24", "10.10.4.4")


# Races


def test_after_a_lost_race_the_others_edit_survives_and_ours_is_applied(stage: Stage, sent: list[Sent]) -> None:
    """CAPZ#682, k/k#77490, M365: 412, read again, plan on fresh content."""
    stage.cluster.add("apps", 2)
    stage.arm.before_next("PUT", "rt-apps", stage.hand_edit())
    report = stage.start(ONE_TABLE).run()
    assert (report.outcome, applied(report)) == (Outcome.APPLIED, 2)
    assert stage.calls() == ["GET", "PUT", "GET", "PUT", "poll", "GET"]
    assert stage.arm.routes(APPS) == {"192.168.7.0/24": "10.10.240.9"} | stage.cluster.expected()
    stale, fresh = (each.if_match for each in sent if (each.method, each.path) == ("PUT", APPS))
    assert None is not stale != fresh is not None


def test_a_race_lost_to_a_route_with_a_pod_cidr_is_a_conflict_not_a_refused_write(stage: Stage) -> None:
    """cloud-provider-azure#657: the second plan is made on what is there now."""
    stage.cluster.add("apps", 2)
    stage.arm.before_next("PUT", "rt-apps", stage.hand_edit(prefix="100.64.1.0/24"))
    report = stage.start(ONE_TABLE).run()
    assert (report.outcome, applied(report)) == (Outcome.PARTIAL, 1)
    assert stage.arm.routes(APPS) == {"100.64.0.0/24": "10.10.4.4", "100.64.1.0/24": "10.10.240.9"}


def test_races_without_end_are_given_up_after_four_writes(stage: Stage) -> None:
    stage.cluster.add("apps", 1)
    for number in range(6):
        stage.arm.before_next("PUT", "rt-apps", stage.hand_edit(name=f"by-{number}", prefix=f"192.168.{number}.0/24"))
    report = stage.start(ONE_TABLE).run()
    assert (report.outcome, applied(report)) == (Outcome.FAILED, 0)
    assert stage.calls() == ["GET", "PUT"] * 4
    assert "HTTP 412 PreconditionFailed: another writer was faster (gave up after 4 attempts" in said(report)
    assert stage.ours() == {}


def test_a_write_really_waits_for_the_operation_of_another_writer(
    open_stage: Callable[..., Stage], monkeypatch: pytest.MonkeyPatch
) -> None:
    """k/k#88151: one operation per table. The other one is accepted just before ours and takes 0.2 s."""
    stage = open_stage(speed=11.0)
    stage.cluster.add("apps", 2)
    monkeypatch.setattr(route_table, "POLL_SECONDS", 0.05)

    def other() -> None:
        body = stage.arm.table(APPS)
        body["properties"]["routes"].append(route("theirs", "192.168.7.0/24", "10.10.240.9"))
        bearer = stage.cloud.tokens.issue(stage.arm.base_url)[0]
        answer = requests.put(
            f"{stage.arm.base_url}{APPS}?api-version=2025-05-01",
            json=body,
            headers={"Authorization": f"Bearer {bearer}"},
            verify=str(stage.cloud.authority.ca_file),
            timeout=30,
        )
        assert answer.status_code == 200

    stage.arm.before_next("PUT", "rt-apps", other)
    report = stage.start(ONE_TABLE).run()
    assert (report.outcome, applied(report)) == (Outcome.APPLIED, 2)
    assert [call.status for call in stage.arm.calls if call.method == "PUT"] == [200, 429, 412, 200]
    assert stage.arm.routes(APPS) == {"192.168.7.0/24": "10.10.240.9"} | stage.cluster.expected()


# What became of a write


def test_an_operation_that_fails_after_it_was_accepted_is_a_failure(stage: Stage) -> None:
    """cloud-provider-azure#11003, PR 11007: failed writes that were reported as success."""
    stage.cluster.add("apps", 2)
    stage.arm.fail_operation_next("rt-apps", "InternalServerError", "An error occurred.")
    app = stage.start()
    report = app.run()
    apps, system = of_table(report, APPS), of_table(report, SYSTEM)
    assert (report.outcome, apps.outcome, system.outcome) == (Outcome.FAILED, Outcome.FAILED, Outcome.APPLIED)
    assert results(apps) == {"failed"}
    assert stage.arm.count("PUT", APPS) == 1
    assert "the operation that Azure had accepted failed: InternalServerError: Azure failed; the next pass" in said(
        report
    )

    # Azure shows the routes of the failed write, in a table whose state is Failed: that is not in sync.
    stage.forget_calls()
    report = app.run(dry_run=True)
    assert [target.outcome for target in report.targets if target.target == APPS] == [Outcome.PLANNED]
    assert of_table(app.run(), APPS).outcome is Outcome.APPLIED
    assert stage.arm.count("PUT", APPS) == 1
    assert stage.arm.table(APPS)["properties"]["provisioningState"] == "Succeeded"
    assert app.run().outcome is Outcome.IN_SYNC


@pytest.mark.parametrize(("table", "routes"), [("Failed", "Succeeded"), ("Succeeded", "Failed")])
def test_our_routes_in_a_failed_state_are_planned_again_and_foreign_ones_are_not(
    stage: Stage, table: str, routes: str
) -> None:
    """What Azure shows after a failed write is not what its network does."""
    stage.cluster.add("apps", 2)
    app = stage.start(ONE_TABLE)
    app.run()
    stage.hand_edit()()
    body = stage.arm.table(APPS)
    body["properties"]["provisioningState"] = table
    for each in body["properties"]["routes"]:
        each["properties"]["provisioningState"] = routes
    stage.arm.refuse_next("GET", "rt-apps", PreparedError(200, body))
    (target,) = app.run(dry_run=True).targets
    assert [str(change.change.__class__.__name__) for change in target.changes] == ["Update", "Update"]


def test_an_operation_that_a_later_one_superseded_is_planned_again(stage: Stage, waits: list[float]) -> None:
    """k/k#77490: a PUT cancels the one before; cloud-provider-azure tries again on this code."""
    stage.cluster.add("apps", 2)
    code = "CanceledAndSupersededDueToAnotherOperation"
    stage.arm.fail_operation_next("rt-apps", code, "Operation PutRouteTableOperation was canceled and superseded.")
    report = stage.start(ONE_TABLE).run()
    assert (report.outcome, applied(report)) == (Outcome.APPLIED, 2)
    assert stage.arm.count("PUT", APPS) == 2
    assert stage.arm.table(APPS)["properties"]["provisioningState"] == "Succeeded"


def test_a_route_that_is_missing_after_success_is_not_called_applied(stage: Stage) -> None:
    """Invariant 5: applied is only what the result holds."""
    stage.cluster.add("apps", 3)
    stage.arm.lose_route_next("rt-apps", "apr_shop-weu_100.64.1.0-24")
    app = stage.start(ONE_TABLE)
    report = app.run()
    assert report.outcome is Outcome.FAILED
    assert [str(change.result) for change in report.targets[0].changes] == ["applied", "failed", "applied"]
    assert "Azure reported success, but 1 change(s) are not there" in said(report)
    report = app.run()
    assert (report.outcome, applied(report)) == (Outcome.APPLIED, 1)
    assert stage.ours() == stage.cluster.expected()


def test_an_operation_that_does_not_end_in_time_is_a_failure(
    open_stage: Callable[..., Stage], monkeypatch: pytest.MonkeyPatch
) -> None:
    stage = open_stage()  # 2.5 s to a write
    stage.cluster.add("apps", 1)
    monkeypatch.setattr(route_table, "OPERATION_SECONDS", 0.05)
    report = stage.start(ONE_TABLE).run()
    assert (report.outcome, applied(report), results(report.targets[0])) == (Outcome.FAILED, 0, {"failed"})
    assert "the write did not end within" in said(report)
    assert "the next pass sees what became of it" in said(report)


@pytest.mark.parametrize("missing", ["etag", "properties"])
def test_a_reading_without_a_version_is_never_written_on(stage: Stage, missing: str) -> None:
    stage.cluster.add("apps", 1)
    body = {name: value for name, value in stage.arm.table(APPS).items() if name != missing}
    stage.arm.refuse_next("GET", "rt-apps", PreparedError(200, body))
    report = stage.start(ONE_TABLE).run()
    assert "Azure's answer has no etag or no properties; nothing is written on such a reading" in said(report)
    assert stage.calls() == ["GET"]


def test_ipv6_routes_get_ipv6_next_hops(stage: Stage) -> None:
    """cloud-provider-azure: one route per family; its name has no colon."""
    pools = ["100.64.0.0/10", "fd00:10::/48"]
    for body in (stage.kubernetes.get("Node", name) for name in stage.cluster.add("apps", 1)):
        name = body["metadata"]["name"]
        body["status"]["addresses"].insert(0, {"type": "InternalIP", "address": "fd00:1::4"})
        stage.kubernetes.put(body)
        cilium = stage.kubernetes.get("CiliumNode", name)
        cilium["spec"]["ipam"]["podCIDRs"].append("fd00:10:0:1::/64")
        cilium["spec"]["addresses"].append({"type": "InternalIP", "ip": "fd00:1::4"})
        stage.kubernetes.put(cilium)
    report = stage.start(ONE_TABLE | {"podCidrs": pools}).run()
    assert report.outcome is Outcome.APPLIED
    assert stage.arm.routes(APPS) == {"100.64.0.0/24": "10.10.4.4", "fd00:10:0:1::/64": "fd00:1::4"}
    names = [each["name"] for each in stage.arm.table(APPS)["properties"]["routes"]]
    assert names == ["apr_shop-weu_100.64.0.0-24", "apr_shop-weu_fd00.10.0.1..-64"]
