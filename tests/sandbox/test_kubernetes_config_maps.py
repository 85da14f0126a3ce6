"""ConfigMaps of the Kubernetes API stand-in: the one kind that lives in namespaces."""

from typing import Any

import pytest
from kubernetes.client import ApiException

from tests.sandbox.kubernetes_stage import TABLE, Cluster, brief, core, names_in

pytestmark = pytest.mark.wire

SYSTEM = "/api/v1/namespaces/kube-system/configmaps"
ALL = "/api/v1/configmaps"
CILIUM = f"{SYSTEM}/cilium-config"


def test_a_config_map_is_read_as_it_was_put(cluster: Cluster) -> None:
    put = cluster.api.put_config_map("kube-system", "cilium-config", {"routing-mode": "native"})
    answer = cluster.send(CILIUM, token=cluster.token())
    assert (answer.status_code, answer.json()) == (200, put)
    assert list(answer.json()) == ["kind", "apiVersion", "metadata", "data"]
    assert answer.json()["metadata"]["namespace"] == "kube-system"
    assert answer.json()["data"] == {"routing-mode": "native"}


def test_an_absent_config_map_is_a_404_like_any_other(cluster: Cluster) -> None:
    cluster.api.put_config_map("elsewhere", "cilium-config", {})
    answer = cluster.send(CILIUM, token=cluster.token())
    assert answer.status_code == 404
    assert answer.json() == {
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Failure",
        "message": 'configmaps "cilium-config" not found',
        "reason": "NotFound",
        "details": {"name": "cilium-config", "kind": "configmaps"},
        "code": 404,
    }


def test_the_right_to_read_it_can_be_taken_and_given_back(cluster: Cluster) -> None:
    cluster.api.put_config_map("kube-system", "cilium-config", {})
    cluster.api.forbid("get", resource="configmaps")
    refused = cluster.send(CILIUM, token=cluster.token())
    assert refused.status_code == 403
    assert refused.json()["message"] == (
        'configmaps "cilium-config" is forbidden: User "aks-pod-routes" cannot get resource "configmaps" '
        'in API group "" in the namespace "kube-system"'
    )
    cluster.api.allow("get", resource="configmaps")
    assert cluster.send(CILIUM, token=cluster.token()).status_code == 200


@pytest.mark.parametrize("path", [SYSTEM, ALL, f"{SYSTEM}?watch=1"])
def test_the_identity_may_get_one_and_neither_list_nor_watch(cluster: Cluster, path: str) -> None:
    assert cluster.send(path, token=cluster.token()).status_code == 403


@pytest.fixture
def three(cluster: Cluster) -> Cluster:
    cluster.api.put_config_map("kube-system", "b", {"k": "v"})
    cluster.api.put_config_map("kube-system", "a", {})
    cluster.api.put_config_map("default", "a", {})
    return cluster


def test_a_list_is_of_one_namespace_or_of_all(three: Cluster) -> None:
    assert names_in(three.send(SYSTEM).json()) == ["a", "b"]
    everywhere = three.send(ALL).json()
    assert [item["metadata"]["namespace"] for item in everywhere["items"]] == ["default", "kube-system", "kube-system"]
    assert three.api.names("ConfigMap") == ("default/a", "kube-system/a", "kube-system/b")
    assert three.api.get("ConfigMap", "kube-system/b")["data"] == {"k": "v"}


def test_a_list_over_namespaces_is_paged(three: Cluster) -> None:
    first = three.send(f"{ALL}?limit=2").json()
    rest = three.send(f"{ALL}?limit=2&continue={first['metadata']['continue']}").json()
    found = [(item["metadata"]["namespace"], item["metadata"]["name"]) for item in first["items"] + rest["items"]]
    assert found == [("default", "a"), ("kube-system", "a"), ("kube-system", "b")]


def test_a_watch_of_a_namespace_sees_no_other(three: Cluster) -> None:
    with three.watch(f"{SYSTEM}?resourceVersion={three.api.revision}") as lines:
        three.api.put_config_map("default", "a", {"changed": "here"})
        changed = three.api.put_config_map("kube-system", "a", {"changed": "there"})
        assert brief(lines.next()) == ("MODIFIED", "a", changed["metadata"]["resourceVersion"])


def test_a_config_map_is_deleted_in_its_namespace_only(three: Cluster) -> None:
    assert three.send(f"{SYSTEM}/a", method="DELETE").status_code == 200
    assert three.api.names("ConfigMap") == ("default/a", "kube-system/b")


def test_both_built_in_kinds_are_discovered_together(cluster: Cluster) -> None:
    found = {each["name"]: each["namespaced"] for each in cluster.send("/api/v1").json()["resources"]}
    assert found == {"nodes": False, "configmaps": True}


def test_a_printed_config_map_says_how_many_entries_it_has(three: Cluster) -> None:
    table = three.send(SYSTEM, headers=TABLE).json()
    assert [column["name"] for column in table["columnDefinitions"]] == ["Name", "Data", "Age"]
    assert [row["cells"][:2] for row in table["rows"]] == [["a", "0"], ["b", "1"]]


def test_the_python_client_reads_it(cluster: Cluster) -> None:
    cluster.api.put_config_map("kube-system", "cilium-config", {"ipam": "cluster-pool"})
    with cluster.client() as client:
        api: Any = core(client)
        assert api.read_namespaced_config_map("cilium-config", "kube-system").data == {"ipam": "cluster-pool"}
        with pytest.raises(ApiException) as missing:
            api.read_namespaced_config_map("cilium-config", "default")
    assert missing.value.status == 404
