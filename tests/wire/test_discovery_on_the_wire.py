"""Discovery inside whole passes: what is found, believed, doubted after a failure, and refused. The rules: tests/test_discovery.py."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sandbox.authority import Authority
from sandbox.cluster import CLUSTER_ID, FIREWALL, NETWORK_ID, NODE_GROUP, POD_CIDR, POOLS, SUBSCRIPTION
from sandbox.kubernetes_api import KubernetesApi, kubeconfig
from sandbox.resource_manager import errors
from sandbox.server import ServerThread
from shared.report import Cause, Outcome, render_json
from shared.wake import Wake
from tests.wire.stage import APPS, ONE_TABLE, SYSTEM, Stage, findings, said

pytestmark = pytest.mark.wire


def recreate(stage: Stage, **changes: Any) -> None:
    """The AKS cluster, but for `changes`."""
    standard = {
        "node_resource_group": NODE_GROUP,
        "pools": {pool.name: f"{NETWORK_ID}/subnets/{pool.subnet}" for pool in POOLS},
        "pod_cidrs": [POD_CIDR],
        "kube_server": stage.cloud.kubernetes_url,
        "kube_ca_pem": stage.cloud.authority.ca_pem,
    }
    stage.arm.add_cluster(CLUSTER_ID, **standard | changes)


@pytest.fixture
def servers() -> Iterator[ServerThread]:
    with ServerThread() as running:
        yield running


# Believed, and doubted after a failure


def test_an_api_server_that_moved_to_another_address_and_authority_is_found_in_the_same_pass(
    stage: Stage, servers: ServerThread, tmp_path: Path
) -> None:
    """Issue "Discovery": cached per instance, refreshed on failure."""
    stage.cluster.add("apps", 1)
    app = stage.start(ONE_TABLE)
    assert app.run().outcome is Outcome.APPLIED

    (folder := tmp_path / "moved").mkdir()
    authority, moved = Authority(folder), KubernetesApi(stage.cloud.tokens)
    for kind in ("Node", "CiliumNode"):
        for name in stage.kubernetes.names(kind):
            moved.put(stage.kubernetes.get(kind, name))
    url = servers.serve(moved.app(), tls=authority.server_context())
    recreate(stage, kube_server=url, kube_ca_pem=authority.ca_pem)
    stage.kubernetes.answer_next("", 404, "gone", times=100)
    stage.forget_calls()

    report = app.run()
    assert (report.outcome, report.error) == (Outcome.IN_SYNC, None)
    assert stage.arm.count("GET", CLUSTER_ID) == 1
    assert moved.calls.count("/api/v1/nodes") == 1
    stage.forget_calls()
    assert app.run().outcome is Outcome.IN_SYNC  # and the new place is kept
    assert stage.discovery() == []


def test_a_rotated_certificate_authority_is_found_in_the_same_pass(
    stage: Stage, servers: ServerThread, tmp_path: Path
) -> None:
    (folder := tmp_path / "rotated").mkdir()
    authority = Authority(folder)
    stage.cluster.add("apps", 1)
    url = servers.serve(stage.kubernetes.app(), tls=authority.server_context())
    recreate(stage, kube_server=url)  # the old authority, which does not vouch for the server
    app = stage.start(ONE_TABLE)
    report = app.run()
    assert report.outcome is Outcome.FAILED
    assert "TLS failed" in said(report)
    assert stage.calls() == []
    recreate(stage, kube_server=url, kube_ca_pem=authority.ca_pem)
    assert app.run().outcome is Outcome.APPLIED


def test_a_cluster_that_stays_unreadable_is_discovered_once_more_per_pass(stage: Stage) -> None:
    app = stage.start(ONE_TABLE)
    app.run()
    stage.kubernetes.forbid("list", resource="nodes")
    for _ in range(2):
        stage.forget_calls()
        report = app.run()
        assert (report.outcome, report.cause) == (Outcome.FAILED, Cause.UPSTREAM)
        assert "cannot list nodes: 403" in said(report)
        assert stage.arm.count("GET", CLUSTER_ID) == 1
    stage.kubernetes.allow("list", resource="nodes")
    assert app.run().outcome is Outcome.IN_SYNC


def test_after_a_pass_with_a_failed_table_the_next_one_discovers_anew(stage: Stage, waits: list[float]) -> None:
    """A subnet that was given another table: writing the old one fails, the next pass knows the new one."""
    stage.cluster.add("apps", 1)
    app = stage.start()
    stage.arm.refuse_next("PUT", "rt-apps", errors.scope_locked(APPS))
    assert app.run().outcome is Outcome.FAILED
    new = APPS.replace("rt-apps", "rt-new")
    stage.arm.add_route_table(new)
    stage.arm.add_virtual_network(NETWORK_ID, {"snet-system": SYSTEM, "snet-apps": new}, prefixes=["10.10.0.0/16"])
    report = app.run()
    assert [target.target for target in report.targets] == [new, SYSTEM]
    assert stage.ours(new) == stage.cluster.expected()


def test_a_wake_up_discovers_anew(stage: Stage, waits: list[float]) -> None:
    """A scale-out may come with a new pool in a new subnet."""
    app = stage.start({"settle": {"maxSeconds": 1, "quietSeconds": 0}})
    app.run()
    stage.forget_calls()
    report, left = app.fleet.keep_vigil(Wake("shop-weu"))
    assert report is not None
    assert (report.outcome, left) == (Outcome.IN_SYNC, False)
    assert stage.arm.count("GET", CLUSTER_ID) == 1


# What is found


def test_a_pool_subnet_without_a_table_is_a_finding_in_the_report_of_every_pass(stage: Stage) -> None:
    stage.arm.add_virtual_network(NETWORK_ID, {"snet-system": SYSTEM, "snet-apps": None}, prefixes=["10.10.0.0/16"])
    stage.cluster.add("apps", 1)
    app = stage.start()
    for _ in range(2):
        report = app.run()
        assert findings(report) == [("subnetWithoutRouteTable", f"{NETWORK_ID}/subnets/snet-apps")]
        assert "subnetWithoutRouteTable" in json.dumps(render_json([report]))
        assert [target.target for target in report.targets] == [SYSTEM]
    assert stage.ours(SYSTEM) == stage.cluster.expected()


def test_configured_tables_are_the_only_ones_written_and_the_others_are_a_finding(stage: Stage) -> None:
    stage.cluster.add("apps", 1)
    report = stage.start(ONE_TABLE).run()
    assert [target.target for target in report.targets] == [APPS]
    assert findings(report) == [("subnetRouteTableNotManaged", f"{NETWORK_ID}/subnets/snet-system")]
    assert stage.arm.routes(SYSTEM)["0.0.0.0/0"] == FIREWALL
    assert stage.ours(SYSTEM) == {}


@pytest.mark.parametrize("local_accounts", [False, True])
def test_the_api_server_is_asked_as_the_managed_identity_whatever_the_kubeconfig_holds(
    stage: Stage, *, local_accounts: bool
) -> None:
    """Issue "Discovery": exec and client certificates are dropped, an admin credential is never used."""
    recreate(stage, entra=not local_accounts)
    stage.cluster.add("apps", 1)
    assert stage.start(ONE_TABLE).run().outcome is Outcome.APPLIED
    stage.kubernetes.forbid("list", resource="ciliumnodes")  # of the managed identity
    report = stage.start(ONE_TABLE).run()
    assert "cannot list ciliumnodes.cilium.io: 403" in said(report)
    assert stage.arm.count("POST", f"{CLUSTER_ID}/listClusterAdminCredential") == 0


def test_pod_cidrs_of_the_configuration_win_over_those_of_the_cluster(stage: Stage) -> None:
    """hcloud#482, kube-hetzner#1477: no route outside, and a warning; Azure/AKS#5399: AKS may report none."""
    recreate(stage, pod_cidrs=[])
    stage.cluster.add("apps", 2)
    report = stage.start(ONE_TABLE).run()
    assert (report.outcome, report.cause) == (Outcome.FAILED, Cause.REFUSED)
    assert "set podCidrs to Cilium's cluster pool" in said(report)
    report = stage.start(ONE_TABLE | {"podCidrs": ["100.64.1.0/24"]}).run()
    assert stage.ours() == {"100.64.1.0/24": "10.10.4.5"}
    assert "outsidePodCidrs" in [code for code, _ in findings(report)]


def test_nodes_are_read_where_there_is_no_cilium(stage: Stage) -> None:
    stage.kubernetes.crd_installed = False
    (name,) = stage.cluster.register("apps")
    node = stage.kubernetes.get("Node", name)
    stage.kubernetes.put(node | {"spec": node["spec"] | {"podCIDR": "100.64.9.0/24", "podCIDRs": ["100.64.9.0/24"]}})
    assert stage.start(ONE_TABLE).run().outcome is Outcome.APPLIED
    assert stage.ours() == {"100.64.9.0/24": "10.10.4.4"}


# Refused


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"network_plugin": "azure"}, "has the network plugin azure, not none: with Azure CNI"),
        ({"network_plugin": "kubenet"}, "has the network plugin kubenet, not none: with kubenet a controller of AKS"),
        ({"power_state": "Stopped"}, "is stopped; start it, its routes stay as they are until then"),
        ({"kube_ca_pem": None}, "has no certificate authority"),
    ],
)
def test_a_cluster_that_is_not_for_us_is_refused_and_its_tables_are_not_even_read(
    stage: Stage, changes: dict[str, Any], sentence: str
) -> None:
    recreate(stage, **changes)
    report = stage.start(ONE_TABLE).run()
    assert (report.outcome, report.cause) == (Outcome.FAILED, Cause.REFUSED)
    assert sentence in said(report)
    assert CLUSTER_ID in said(report)
    assert (stage.calls(), stage.pages()) == ([], (0, 0))


def test_a_cluster_that_is_started_again_is_picked_up_by_the_next_pass(stage: Stage) -> None:
    recreate(stage, power_state="Stopped")
    app = stage.start(ONE_TABLE)
    assert app.run().outcome is Outcome.FAILED
    recreate(stage)
    assert app.run().outcome is Outcome.IN_SYNC


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("managedclusters/shop-weu", "cannot read the cluster"),
        ("listclusterusercredential", "cannot learn the API server of the cluster"),
        ("subnets/snet-apps", "cannot read the subnet of the agent pools apps"),
    ],
)
def test_a_missing_permission_names_what_it_is_for_once(stage: Stage, path: str, words: str) -> None:
    action = "Microsoft.Something/read"
    stage.arm.refuse_next("*", path, errors.authorization_failed(action, f"/subscriptions/{SUBSCRIPTION}"))
    report = stage.start().run()
    assert (report.outcome, report.cause) == (Outcome.FAILED, Cause.UPSTREAM)
    assert said(report).startswith(words)
    assert "HTTP 403 AuthorizationFailed: grant the app's identity the missing action" in said(report)
    assert action in said(report)
    assert said(report).count(CLUSTER_ID) <= 1
    assert stage.calls() == []


# Without AKS


@pytest.fixture
def file(stage: Stage, tmp_path: Path) -> str:
    path = tmp_path / "kubeconfig"
    path.write_text(kubeconfig(stage.cloud.kubernetes_url, stage.cloud.authority.ca_pem, stage.cloud.kubectl_token))
    return str(path)


def test_a_kubeconfig_with_tables_and_pod_cidrs_needs_no_aks(stage: Stage, file: str) -> None:
    stage.cluster.add("apps", 2)
    told = ONE_TABLE | {"aksClusterId": None, "kubeconfig": file, "podCidrs": [POD_CIDR]}
    assert stage.start(told).run().outcome is Outcome.APPLIED
    assert stage.discovery() == []
    assert stage.ours() == stage.cluster.expected()


def test_a_kubeconfig_beside_a_cluster_id_is_read_with_and_only_the_rest_is_discovered(stage: Stage, file: str) -> None:
    recreate(stage, kube_server="https://127.0.0.1:1")
    stage.cluster.add("apps", 2)
    assert stage.start({"kubeconfig": file}).run().outcome is Outcome.APPLIED
    assert stage.ours(SYSTEM) == stage.ours(APPS) == stage.cluster.expected()
    stage.forget_calls()
    told = ONE_TABLE | {"kubeconfig": file, "podCidrs": [POD_CIDR]}
    assert stage.start(told).run().outcome is Outcome.IN_SYNC
    assert stage.discovery() == []


def test_a_kubeconfig_that_is_not_there_is_refused(stage: Stage) -> None:
    report = stage.start(ONE_TABLE | {"kubeconfig": "/nowhere/config", "podCidrs": [POD_CIDR]}).run()
    assert (report.outcome, report.cause) == (Outcome.FAILED, Cause.REFUSED)
    assert "cannot read the kubeconfig /nowhere/config" in said(report)
