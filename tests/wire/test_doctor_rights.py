"""What the doctor may not see it calls unknown, by the permission's name; and it writes nothing, and asks for nothing twice."""

from collections import Counter
from pathlib import Path

import pytest

from sandbox.cluster import CLUSTER_ID, NETWORK_ID, SUBSCRIPTION, scale_set_id
from sandbox.hub import HUB_ID, REFLECTORS
from sandbox.kubernetes_api import kubeconfig
from sandbox.resource_manager import errors
from shared.doctor.check import Verdict
from tests.wire.doctor_stage import NODE_GROUP_ID, TOPIC, Ward, amiss
from tests.wire.stage import APPS, SYSTEM

pytestmark = pytest.mark.wire

CLUSTER = {"clusterState", "networkPlugin", "podCidrs", "ipForwarding", "eventSubscription"}
"""What is not known without the cluster; its nodes are read all the same."""


@pytest.mark.parametrize(
    ("action", "unknown"),
    [
        ("Microsoft.ContainerService/managedClusters/read", CLUSTER),
        ("Microsoft.Network/routeTables/read", {"routeTables"}),
        ("Microsoft.Network/virtualNetworks/subnets/read", {"subnetRouteTables"}),
        ("Microsoft.Network/virtualNetworks/read", {"podCidrsNetworks"}),
        ("Microsoft.Compute/virtualMachineScaleSets/read", {"ipForwarding"}),
        ("Microsoft.Network/networkInterfaces/read", {"ipForwarding"}),
        ("Microsoft.Authorization/locks/read", {"locks"}),
        ("Microsoft.Authorization/permissions/read", {"permissions"}),
        ("Microsoft.EventGrid/eventSubscriptions/read", {"eventSubscription"}),
        ("Microsoft.EventGrid/systemTopics/read", {"eventSubscription"}),
        ("Microsoft.EventGrid/systemTopics/eventSubscriptions/read", {"eventSubscription"}),
    ],
)
def test_a_missing_permission_makes_a_check_unknown_and_is_named(action: str, unknown: set[str], ward: Ward) -> None:
    ward.passes()
    ward.arm.access.forbid(action)
    checks = ward.examine()
    assert {code for code, verdict in amiss(checks) if verdict is Verdict.UNKNOWN} == unknown, ward.text
    assert {code for code, verdict in amiss(checks) if verdict is not Verdict.UNKNOWN} <= {"permissions"}
    for check in checks:
        if check.verdict is Verdict.UNKNOWN:
            assert action in check.way_out, ward.text
            assert "object id" not in check.evidence


@pytest.mark.parametrize(
    ("action", "unknown"),
    [
        ("Microsoft.Network/virtualHubs/read", {"hub", "hubNetworks"}),
        ("Microsoft.Network/virtualHubs/ipConfigurations/read", {"hub", "hubNetworks"}),
        ("Microsoft.Network/virtualHubs/bgpConnections/read", {"bgpPeers"}),
        ("Microsoft.Network/routeTables/read", {"routePropagation"}),
    ],
)
def test_so_it_is_behind_a_hub(action: str, unknown: set[str], ward: Ward) -> None:
    ward.to_bgp()
    ward.passes(2)
    ward.arm.access.forbid(action)
    checks = ward.examine()
    assert {code for code, verdict in amiss(checks) if verdict is Verdict.UNKNOWN} == unknown, ward.text
    assert all(action in check.way_out for check in checks if check.verdict is Verdict.UNKNOWN), ward.text


def test_the_api_server_that_may_not_be_asked_for_is_named_by_its_action(ward: Ward) -> None:
    ward.passes()
    ward.arm.access.forbid("Microsoft.ContainerService/managedClusters/listClusterUserCredential/action")
    (nodes,) = (check for check in ward.examine() if check.code == "nodesReadable")
    assert nodes.verdict is Verdict.UNKNOWN
    assert "listClusterUserCredential/action on the cluster" in nodes.way_out


def test_the_subscriptions_own_limit_is_only_a_help(ward: Ward) -> None:
    ward.passes()
    ward.arm.access.forbid("Microsoft.Network/locations/usages/read")
    assert amiss(ward.examine()) == set()
    assert "not readable: needs Microsoft.Network/locations/usages/read on the subscription" in ward.text


def test_a_lock_on_the_resource_group_is_told_of_everything_below_it(ward: Ward) -> None:
    ward.passes()
    ward.arm.access.lock(APPS.partition("/providers/")[0])
    checks = ward.examine()
    locked = [check.resource for check in checks if check.code == "locks" and check.verdict is Verdict.PROBLEM]
    assert locked == [CLUSTER_ID, APPS, SYSTEM]
    assert "the app cannot ask where its API server is (listClusterUserCredential)" in ward.text


def test_a_lock_against_deleting_a_table_is_in_nobodys_way(ward: Ward) -> None:
    ward.arm.access.lock(APPS, "CanNotDelete")
    ward.passes()
    assert amiss(ward.examine()) == set()
    assert "1 lock(s), none of which forbids what the app does" in ward.text


def test_a_subscription_at_the_resource_group_itself_counts_and_takes_one_request(ward: Ward) -> None:
    ward.passes()
    ward.arm.event_grid.unsubscribe(TOPIC)
    ward.arm.event_grid.subscribe(NODE_GROUP_ID, "/functions/on_scale_event")
    ward.stage.forget_calls()
    assert amiss(ward.examine()) == set()
    assert sum("Microsoft.EventGrid" in call.path for call in ward.arm.calls) == 1


def test_an_examination_reads_each_resource_once_and_writes_nothing(ward: Ward) -> None:
    ward.passes()
    before = _blobs(ward)
    ward.stage.forget_calls()
    ward.examine()
    asked = Counter((call.method, call.path.lower()) for call in ward.arm.calls)
    assert set(asked.values()) == {1}
    assert [path for method, path in asked if method != "GET"] == [f"{CLUSTER_ID}/listClusterUserCredential".lower()]
    assert len(asked) == 20  # with two subnets, two tables, one network and a system topic
    assert _blobs(ward) == before
    assert ward.stage.pages() == (1, 1)


def test_so_it_does_behind_a_hub(ward: Ward) -> None:
    ward.to_bgp()
    ward.passes(2)
    ward.stage.forget_calls()
    ward.examine()
    asked = Counter((call.method, call.path.lower()) for call in ward.arm.calls)
    assert set(asked.values()) == {1}
    assert sum(method != "GET" for method, _ in asked) == 1
    assert len(asked) == 20  # and with a Route Server


def _blobs(ward: Ward) -> dict[str, str]:
    return {blob.name: blob.etag for blob in ward.container.list_blobs()}


def test_clusters_side_by_side_share_what_they_read(ward: Ward) -> None:
    """Two names for one cluster, each with a part of its pod CIDRs."""
    ward.configured = [{"podCidrs": ["100.64.0.0/11"]}, {"name": "twin", "podCidrs": ["100.96.0.0/11"]}]
    ward.stage.forget_calls()
    examinations = ward.examine_all()
    assert [each.cluster for each in examinations] == ["shop-weu", "twin"]
    asked = Counter((call.method, call.path.lower()) for call in ward.arm.calls)
    assert set(asked.values()) == {1}


def test_three_planted_faults_are_found_and_nothing_else(ward: Ward) -> None:
    ward.passes()
    ward.arm.machines.forward(scale_set_id("apps"), on=False)
    ward.arm.access.lock(APPS)
    ward.cilium(enable_ipv4_masquerade="false")
    assert amiss(ward.examine()) == {
        ("ipForwarding", Verdict.PROBLEM),
        ("locks", Verdict.PROBLEM),
        ("ciliumMasquerading", Verdict.WARNING),
    }


def test_a_cloud_that_fails_everywhere_is_told_check_by_check(ward: Ward, waits: list[float]) -> None:
    ward.passes()
    ward.arm.scripts.answers.whenever(lambda _method, _path: errors.internal_server_error())
    ward.kubernetes.answer_next("", 500, "no", times=100)
    checks = ward.examine()
    assert {check.code for check in checks if check.verdict is Verdict.OK} == {
        "lastEvent",
        "lease",
        "wakeQueue",
        "poisonQueue",
    }


def test_a_hub_of_another_kind_is_told(ward: Ward) -> None:
    wan = HUB_ID.replace("rs-shop", "hub-shop")
    ward.to_bgp(virtualHubId=wan)
    network = f"{APPS.partition('/providers/')[0]}/providers/Microsoft.Network/virtualNetworks/vnet-shop"
    ward.arm.add_virtual_hub(wan, address_prefix="10.30.0.0/23", connections_to={"spoke-1": network})
    checks = ward.examine()
    (hub,) = (check for check in checks if check.code == "hub")
    assert hub.verdict is Verdict.PROBLEM
    assert "is the hub of a Virtual WAN, not a Route Server" in hub.evidence
    assert "use mode virtualWan" in hub.way_out


def test_nothing_is_expected_of_a_cluster_that_is_only_observed(ward: Ward) -> None:
    ward.configured = [{"routing": {"mode": "observe"}}]
    ward.recreate(network_plugin="azure")
    assert amiss(ward.examine()) == set()
    assert f"/subscriptions/{SUBSCRIPTION}" in ward.text


def test_storage_that_cannot_be_used_is_told(ward: Ward) -> None:
    ward.passes()
    ward.container.delete_blob("reports/shop-weu.json")
    ward.container.upload_blob("reports/shop-weu.json", b"{")
    assert amiss(ward.examine()) == {("lastEvent", Verdict.UNKNOWN), ("lease", Verdict.UNKNOWN)}
    assert "cannot read what the app left about shop-weu" in ward.text


def test_a_virtual_wan_hub_that_is_well_passes_every_check(ward: Ward) -> None:
    wan = HUB_ID.replace("rs-shop", "hub-shop")
    ward.to_bgp(mode="virtualWan", virtualHubId=wan, hubConnectionId=f"{wan}/hubVirtualNetworkConnections/spoke-1")
    ward.arm.add_virtual_hub(wan, address_prefix="10.30.0.0/23", connections_to={"spoke-1": NETWORK_ID})
    for reflector in REFLECTORS:
        ward.arm.hubs.speaker(wan, reflector, ward.cluster.expected)
    ward.passes(2)
    assert amiss(ward.examine()) == set(), ward.text


def test_a_cluster_that_is_reached_by_a_kubeconfig_alone_has_the_checks_that_apply(ward: Ward, tmp_path: Path) -> None:
    path = tmp_path / "kubeconfig"
    cloud = ward.stage.cloud
    path.write_text(kubeconfig(cloud.kubernetes_url, cloud.authority.ca_pem, cloud.kubectl_token))
    tables = {"mode": "udr", "routeTables": [APPS, SYSTEM]}
    ward.configured = [
        {"aksClusterId": None, "kubeconfig": str(path), "podCidrs": ["100.64.0.0/10"], "routing": tables}
    ]
    ward.passes()
    checks = ward.examine()
    assert amiss(checks) == set(), ward.text
    assert not {check.code for check in checks} & {
        "clusterState",
        "networkPlugin",
        "ipForwarding",
        "eventSubscription",
        "lastEvent",
    }
    assert {check.code for check in checks} >= {
        "nodesReadable",
        "nodePodCidrs",
        "routeTables",
        "routeHeadroom",
        "locks",
        "permissions",
    }
