"""What a person can get wrong: each ends in a clear sentence with the way out, in the report and in the log.

Nothing of the cluster is touched then, and other clusters and tables get their pass as if nothing were wrong.
"""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import trustme
import yaml

from sandbox.azurite import ACCOUNT_KEY
from sandbox.cluster import CLUSTER_ID, FIREWALL, NETWORK_ID, scale_event, table_id
from sandbox.resource_manager import AzureError, errors, resource_ids
from sandbox.world import eventually
from tests.front_door.stage import BOOKS_TABLE, FOREIGN, ONE_PASS, Stage

pytestmark = pytest.mark.wire

Preparation = Callable[[Stage], object]
UNAUTHORIZED = {"kind": "Status", "message": "Unauthorized"}
READ = "Microsoft.Network/routeTables/read"


def refuse_cluster(error: AzureError) -> Preparation:
    def prepare(stage: Stage) -> None:
        stage.forget()
        stage.cloud.arm.refuse_next("GET", "managedClusters/shop-weu", error)

    return prepare


def without_route_tables(stage: Stage) -> None:
    stage.cloud.arm.add_virtual_network(NETWORK_ID, {"snet-system": None, "snet-apps": None}, prefixes=["10.10.0.0/16"])
    stage.forget()


CLUSTERS: Mapping[str, tuple[Preparation, int, str, str]] = {
    "it is stopped": (
        lambda stage: stage.change_shop(power_state="Stopped"),
        422,
        "shop-weu is stopped",
        "start it",
    ),
    "its network plugin is kubenet": (
        lambda stage: stage.change_shop(network_plugin="kubenet"),
        422,
        "has the network plugin kubenet, not none",
        "take it out of AKS_POD_ROUTES_CLUSTERS",
    ),
    "its API server cannot be reached": (
        lambda stage: stage.change_shop(kube_server="https://127.0.0.1:9"),
        502,
        "cannot read from the API server https://127.0.0.1:9: the connection failed (Connection refused)",
        "authorized IP ranges",
    ),
    "its API server is somebody else": (
        lambda stage: stage.change_shop(kube_ca_pem=trustme.CA().cert_pem.bytes()),
        502,
        "TLS failed",
        "was the cluster's certificate authority rotated",
    ),
    "its kubeconfig has no CA": (
        lambda stage: stage.change_shop(kube_ca_pem=None),
        422,
        "has no certificate authority",
        "add certificate-authority-data",
    ),
    "its API server does not accept the token": (
        lambda stage: stage.cloud.kubernetes.answer_next("/api/v1/nodes", 401, UNAUTHORIZED, 2),
        502,
        "cannot list nodes: 401 Unauthorized; the token is not accepted",
        "is the token not expired",
    ),
    "its nodes may not be read": (
        lambda stage: stage.cloud.kubernetes.answer_next("/api/v1/nodes", 403, {"kind": "Status", "message": "no"}, 2),
        502,
        "cannot list nodes: 403 no",
        "grant the app's identity get, list and watch on nodes",
    ),
    "its CiliumNodes may not be read": (
        lambda stage: stage.cloud.kubernetes.answer_next("/ciliumnodes", 403, {"kind": "Status", "message": "no"}, 2),
        502,
        "cannot list ciliumnodes.cilium.io: 403 no",
        "or set podCidrSource: node",
    ),
    "its API server answers with half a list": (
        lambda stage: stage.cloud.kubernetes.garble_next("/api/v1/nodes", 2),
        502,
        "is not what an API server sends",
        "nothing is changed on half a list",
    ),
    "Azure does not show it": (
        refuse_cluster(errors.resource_not_found(resource_ids.parse(CLUSTER_ID))),
        502,
        f"cannot read the cluster {CLUSTER_ID}",
        "check aksClusterId",
    ),
    "the identity may not read it": (
        refuse_cluster(errors.authorization_failed("Microsoft.ContainerService/managedClusters/read", CLUSTER_ID)),
        502,
        "HTTP 403 AuthorizationFailed",
        "grant the app's identity Azure Kubernetes Service Cluster User Role on the cluster",
    ),
    "no subnet of it has a route table": (
        without_route_tables,
        422,
        "none of the 2 subnets of the agent pools",
        "associate one with each, or name the tables in routing.routeTables",
    ),
    "it declares no pod CIDRs": (
        lambda stage: stage.change_shop(pod_cidrs=[]),
        422,
        "AKS reports no pod CIDRs",
        "set podCidrs",
    ),
}


@pytest.mark.parametrize("wrong", CLUSTERS)
def test_a_cluster_with_something_wrong_is_left_alone_and_says_what_and_how_to_go_on(stage: Stage, wrong: str) -> None:
    prepare, status, what, way_out = CLUSTERS[wrong]
    prepare(stage)

    answer = stage.ask("POST", "/api/reconcile")

    shop, books = answer.json()["clusters"]
    assert answer.status_code == status
    assert (shop["outcome"], shop["targets"]) == ("failed", [])
    assert what in shop["error"]
    assert way_out in shop["error"]
    assert "\n" not in shop["error"]
    assert shop["error"] in error_lines(stage)
    assert books["outcome"] == "applied"
    assert stage.writes() == [f"PUT {BOOKS_TABLE}"]


def missing_table(stage: Stage) -> None:
    """A subnet that names a table which is gone; rt-apps stays, as a table of nobody."""
    subnets = {"snet-system": table_id("rt-system"), "snet-apps": table_id("rt-gone")}
    stage.cloud.arm.add_virtual_network(NETWORK_ID, subnets, prefixes=["10.10.0.0/16"])
    stage.forget()


REFUSALS: Mapping[str, tuple[Preparation, str, str]] = {
    "does not exist": (
        missing_table,
        "HTTP 404 ResourceNotFound: it does not exist",
        "create it or correct its id in the configuration",
    ),
    "may not be read": (
        lambda stage: stage.cloud.arm.refuse_next(
            "GET", "rt-apps", errors.authorization_failed(READ, table_id("rt-apps"))
        ),
        "HTTP 403 AuthorizationFailed",
        "grant the app's identity the missing action",
    ),
    "may not be written": (
        lambda stage: stage.cloud.arm.refuse_next(
            "PUT", "rt-apps", errors.authorization_failed("Microsoft.Network/routeTables/write", table_id("rt-apps"))
        ),
        "Microsoft.Network/routeTables/write",
        "grant the app's identity the missing action",
    ),
    "is forbidden by a policy": (
        lambda stage: stage.cloud.arm.refuse_next("PUT", "rt-apps", errors.disallowed_by_policy("rt-apps", "no-udr")),
        "HTTP 403 RequestDisallowedByPolicy",
        "ask for an exemption",
    ),
    "is locked": (
        lambda stage: stage.cloud.arm.refuse_next("PUT", "rt-apps", errors.scope_locked(table_id("rt-apps"))),
        "HTTP 409 ScopeLocked",
        "remove the lock",
    ),
}


@pytest.mark.parametrize("wrong", REFUSALS)
def test_a_table_with_something_wrong_is_left_alone_and_the_others_are_written(stage: Stage, wrong: str) -> None:
    prepare, what, way_out = REFUSALS[wrong]
    prepare(stage)

    answer = stage.ask("POST", "/api/reconcile")

    shop, books = answer.json()["clusters"]
    bad, good = shop["targets"]
    assert answer.status_code == 502
    assert (bad["outcome"], good["outcome"], books["outcome"]) == ("failed", "applied", "applied")
    assert what in bad["error"]
    assert way_out in bad["error"]
    assert bad["target"] in bad["error"]
    assert bad["error"] in error_lines(stage)
    assert stage.cluster.ours("rt-apps") == {}
    assert stage.cluster.ours("rt-system") == stage.cluster.expected()
    assert stage.foreign() == FOREIGN


def error_lines(stage: Stage) -> str:
    """What was logged as an error."""
    return "\n".join(line for line in stage.new_log().splitlines() if " ERROR " in line)


def test_an_expired_token_is_renewed_and_a_refused_one_is_told(tmp_path: Path) -> None:
    with Stage(tmp_path, settle=ONE_PASS) as stage:
        tokens = stage.cloud.tokens
        long_lived = set(tokens._known)
        tokens.lifetime = 1.0
        with stage.other_host(tmp_path / "short", AKS_POD_ROUTES_CLUSTERS=stage.shop_alone) as host:
            assert host.http("POST", "/api/reconcile").status_code == 200
            used = {bearer: token.audience for bearer, token in tokens._known.items() if bearer not in long_lived}
            assert len(set(used.values())) == 2  # Resource Manager and the API server
            eventually(
                lambda: not any(tokens.accepts(f"Bearer {bearer}", audience) for bearer, audience in used.items()),
                "the tokens have expired",
            )
            assert host.http("POST", "/api/reconcile").status_code == 200

        stage.reset()
        tokens.revoke_all()
        answer = stage.reconcile()

        assert answer.status_code == 502
        assert "the token was refused; check the identity's tenant" in answer.json()["clusters"][0]["error"]
        assert stage.writes() == []


def test_every_problem_of_a_broken_configuration_is_told_at_once(stage: Stage, tmp_path: Path) -> None:
    clusters = [
        {"name": "Shop!", "aksClusterId": "shop", "routing": {"mode": "udrr"}},
        {"name": "b", "aksClusterId": CLUSTER_ID, "routing": {"mode": "udr"}, "podcidrs": ["100.64.0.0/10"]},
        {"name": "b", "aksClusterId": CLUSTER_ID, "routing": {"mode": "udr"}, "podCidrs": ["100.64.0.1/10"]},
    ]
    settings = {
        "AKS_POD_ROUTES_CLUSTERS": json.dumps(clusters),
        "AKS_POD_ROUTES_ARM_ENDPOINT": "http://management.azure.com",
        "AZURE_CLIENT_ID": "me",
        "AzureWebJobsStorage": f"SharedAccessKey={ACCOUNT_KEY}",
    }

    with stage.other_host(tmp_path, **settings) as host:
        answers = [host.http("GET", "/api/plan"), host.http("POST", "/api/reconcile")]
        since = host.cursor()
        host.run("on_timer")
        timer = host.wait_invocation("on_timer", after=since)
        event = host.send_event("on_scale_event", scale_event("apps"))
        log = host.log()

    for answer in answers:
        assert answer.status_code == 422
        assert answer.json()["clusters"] == []
    problems = answers[0].json()["error"].splitlines()
    for start in (
        "clusters[0] (Shop!).name: ",
        "clusters[0] (Shop!).aksClusterId: ",
        "clusters[0] (Shop!).routing.mode: ",
        "clusters[1] (b).podcidrs: unknown key; did you mean podCidrs?",
        "clusters[2] (b).name: ",
        "clusters[2] (b).podCidrs[0]: ",
        "AKS_POD_ROUTES_ARM_ENDPOINT: ",
        "AZURE_CLIENT_ID: ",
        "AzureWebJobsStorage: is not a connection string",
    ):
        assert [problem for problem in problems if problem.startswith(start)], start
    assert timer.ok is False
    assert event.status_code == 500  # Event Grid keeps the event and sends it again
    assert all(problem in log for problem in problems)
    assert stage.writes() == []


def test_a_clusters_file_that_is_not_there_is_told(stage: Stage, tmp_path: Path) -> None:
    with stage.other_host(tmp_path, AKS_POD_ROUTES_CLUSTERS="/nowhere/clusters.yaml") as host:
        answer = host.http("GET", "/api/plan")

    assert answer.status_code == 422
    assert answer.json()["error"].startswith("AKS_POD_ROUTES_CLUSTERS (clusters.yaml): there is no such file")


def test_a_configured_table_that_does_not_exist_stops_no_other(stage: Stage, tmp_path: Path) -> None:
    tables = [table_id("rt-apps"), table_id("rt-nowhere")]
    routing = {"mode": "udr", "routeTables": tables}

    with stage.other_host(tmp_path, AKS_POD_ROUTES_CLUSTERS=one(stage, routing=routing)) as host:
        answer = host.http("POST", "/api/reconcile")

    (report,) = answer.json()["clusters"]
    good, bad = report["targets"]
    assert answer.status_code == 502
    assert (good["outcome"], bad["outcome"]) == ("applied", "failed")
    assert "rt-nowhere: HTTP 404 ResourceNotFound: it does not exist" in bad["error"]
    assert [finding["code"] for finding in good["findings"]] == ["subnetRouteTableNotManaged"]
    assert stage.cluster.ours("rt-apps") == stage.cluster.expected()
    assert stage.cluster.ours("rt-system") == {}


def test_a_kubeconfig_without_a_certificate_authority_is_refused(stage: Stage, tmp_path: Path) -> None:
    file = tmp_path / "kubeconfig"
    document = yaml.safe_load(stage.kubeconfig.read_text())
    del document["clusters"][0]["cluster"]["certificate-authority-data"]
    file.write_text(yaml.safe_dump(document))

    with stage.other_host(tmp_path / "host", AKS_POD_ROUTES_CLUSTERS=one(stage, kubeconfig=str(file))) as host:
        answer = host.http("POST", "/api/reconcile")

    assert answer.status_code == 422
    assert "has no certificate authority for" in answer.json()["clusters"][0]["error"]
    assert "add certificate-authority-data" in answer.json()["clusters"][0]["error"]
    assert not stage.leaked(answer.text)
    assert stage.writes() == []


def test_a_kubeconfig_that_is_not_there_is_told(stage: Stage, tmp_path: Path) -> None:
    with stage.other_host(tmp_path, AKS_POD_ROUTES_CLUSTERS=one(stage, kubeconfig="nowhere/kubeconfig")) as host:
        answer = host.http("POST", "/api/reconcile")

    assert answer.status_code == 422
    assert "cannot read the kubeconfig" in answer.json()["clusters"][0]["error"]


def test_a_storage_account_that_refuses_the_key_is_told_before_anything_is_written(
    stage: Stage, tmp_path: Path
) -> None:
    wrong = stage.azurite.connection_string.replace(ACCOUNT_KEY, "bm90IHRoZSBrZXk=")

    with stage.other_host(tmp_path, AzureWebJobsStorage=wrong, AKS_POD_ROUTES_CLUSTERS=stage.shop_alone) as host:
        answer = host.http("POST", "/api/reconcile")
        log = host.log()

    assert answer.status_code == 502
    (report,) = answer.json()["clusters"]
    assert "check AzureWebJobsStorage" in report["error"]
    assert report["error"] in log
    assert "bm90IHRoZSBrZXk=" not in log + answer.text
    assert stage.writes() == []


def test_whatever_went_wrong_the_next_pass_does_the_work(stage: Stage) -> None:
    stage.reconcile()
    stage.change_shop(kube_server="https://127.0.0.1:9")
    stage.cluster.add("apps")
    assert stage.reconcile().status_code == 502
    stage.change_shop_behind_its_back()

    assert stage.reconcile().status_code == 200
    assert stage.in_step()
    assert stage.cloud.arm.routes(table_id("rt-system"))["0.0.0.0/0"] == FIREWALL


def one(stage: Stage, **changes: Any) -> str:
    """A configuration of shop-weu alone, with other keys."""
    return json.dumps([{**stage.configuration, **changes}])
