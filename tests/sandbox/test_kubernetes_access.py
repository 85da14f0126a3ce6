"""Who gets into the Kubernetes API stand-in, and what they may do there."""

from typing import Any

import pytest
from kubernetes.client import ApiException, CustomObjectsApi

from sandbox.identity import AKS_AUDIENCE
from sandbox.kubernetes_api import cilium_node, status
from tests.sandbox.kubernetes_stage import (
    ADMIN,
    CILIUM_NODES,
    NODES,
    Cluster,
    fill,
    names_in,
    tiny,
)

pytestmark = pytest.mark.wire


GOOD, WRONG, NONE = "good", "wrong", "none"


@pytest.mark.parametrize(("token", "code"), [(GOOD, 200), (ADMIN, 200), (WRONG, 401), (NONE, 401), ("other", 401)])
def test_only_a_token_for_the_cluster_gets_in(cluster: Cluster, token: str, code: int) -> None:
    bearer = {
        GOOD: cluster.token(),
        ADMIN: ADMIN,
        "other": cluster.tokens.issue("https://management.azure.com")[0],
        NONE: None,
    }.get(token, "nonsense")
    answer = cluster.send(NODES, token=bearer)
    assert answer.status_code == code
    if code == 401:
        assert answer.json() == status(401, "Unauthorized", "Unauthorized")


def test_an_expired_token_is_refused(cluster: Cluster) -> None:
    token = cluster.tokens.issue(AKS_AUDIENCE)[0]
    cluster.tokens.revoke_all()
    assert cluster.send(NODES, token=token).status_code == 401


def test_an_anonymous_request_is_forbidden_where_anonymous_requests_are_known(cluster: Cluster) -> None:
    cluster.api.allow_anonymous()
    answer = cluster.send(NODES, token=None)
    assert (answer.status_code, answer.headers["X-Content-Type-Options"]) == (403, "nosniff")
    assert 'User "system:anonymous" cannot list resource "nodes"' in answer.json()["message"]


def test_a_right_can_be_taken_and_given_back(cluster: Cluster) -> None:
    token = cluster.token()
    cluster.api.forbid("watch", resource="ciliumnodes")
    refused = cluster.send(f"{CILIUM_NODES}?watch=1", token=token)
    assert refused.status_code == 403
    assert refused.json()["message"] == (
        'ciliumnodes.cilium.io is forbidden: User "aks-pod-routes" cannot watch resource "ciliumnodes" '
        'in API group "cilium.io" at the cluster scope'
    )
    assert refused.json()["details"] == {"group": "cilium.io", "kind": "ciliumnodes"}
    assert cluster.send(CILIUM_NODES, token=token).status_code == 200
    cluster.api.allow("watch", resource="ciliumnodes")
    with cluster.send(f"{CILIUM_NODES}?watch=1", token=token, stream=True) as answer:
        assert answer.status_code == 200


def test_a_fixed_token_has_the_rights_it_was_given(cluster: Cluster) -> None:
    cluster.api.add_token("guest", user="nobody")
    assert cluster.send(NODES, token="guest").status_code == 403
    cluster.api.allow("list", resource="nodes", user="nobody")
    assert cluster.send(NODES, token="guest").status_code == 200
    assert cluster.send("/metrics", token="guest").json()["message"] == (
        'forbidden: User "nobody" cannot get path "/metrics"'
    )


def test_the_identity_may_not_delete_and_the_admin_may(cluster: Cluster) -> None:
    fill(cluster, "a")
    refused = cluster.send(f"{NODES}/a", method="DELETE", token=cluster.token())
    assert (refused.status_code, cluster.api.names("Node")) == (403, ("a",))
    done = cluster.send(f"{NODES}/a", method="DELETE")
    assert (done.status_code, done.json()["status"], cluster.api.names("Node")) == (200, "Success", ())
    assert cluster.send(f"{NODES}/a", method="DELETE").status_code == 404


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
def test_nothing_else_is_written_over_http(cluster: Cluster, method: str) -> None:
    answer = cluster.send(NODES, method=method)
    assert (answer.status_code, answer.json()["reason"]) == (405, "MethodNotAllowed")


def test_without_the_definition_there_are_no_cilium_nodes(cluster: Cluster) -> None:
    cluster.api.put(tiny("a", "CiliumNode"))
    with cluster.watch(CILIUM_NODES) as lines:
        assert lines.next()["type"] == "ADDED"
        cluster.api.crd_installed = False
        assert lines.rest() == []
    for token in (ADMIN, cluster.token()):
        absent = cluster.send(CILIUM_NODES, token=token)
        assert (absent.status_code, absent.text) == (404, "404 page not found\n")
        assert absent.headers["Content-Type"] == "text/plain; charset=utf-8"
    cluster.api.forbid("list", resource="ciliumnodes")
    assert cluster.send(CILIUM_NODES, token=cluster.token()).json()["code"] == 403
    assert cluster.send("/apis").json()["groups"] == []
    assert cluster.send("/apis/cilium.io/v2").status_code == 404
    assert not cluster.api.crd_installed
    cluster.api.crd_installed = True
    assert names_in(cluster.send(CILIUM_NODES).json()) == ["a"]
    assert "too old" in cluster.send(f"{CILIUM_NODES}?watch=1&resourceVersion=1").text


def test_the_python_client_reads_the_custom_resource(cluster: Cluster) -> None:
    cluster.api.put(cilium_node("a", addresses=["10.0.0.4"], pod_cidrs=["100.64.0.0/24"]))
    with cluster.client() as client:
        custom: Any = CustomObjectsApi(client)
        page = custom.list_cluster_custom_object("cilium.io", "v2", "ciliumnodes", limit=10)
        assert page["items"][0]["spec"]["ipam"] == {"podCIDRs": ["100.64.0.0/24"]}
        assert custom.get_cluster_custom_object("cilium.io", "v2", "ciliumnodes", "a") == page["items"][0]
        with pytest.raises(ApiException) as missing:
            custom.get_cluster_custom_object("cilium.io", "v2", "ciliumnodes", "b")
    assert missing.value.status == 404
    assert 'ciliumnodes.cilium.io \\"b\\" not found' in str(missing.value.body)
