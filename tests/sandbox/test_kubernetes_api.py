"""The Kubernetes API stand-in: its state, the forms of its answers, discovery, the record of calls."""

import pytest

from sandbox.kubernetes_api import cilium_node, scale_set_node_name
from tests.sandbox.kubernetes_stage import (
    CILIUM_NODES,
    NODES,
    PARTIAL,
    Cluster,
    fill,
    node,
    tiny,
)

pytestmark = pytest.mark.wire


def test_every_change_of_any_kind_moves_one_counter(cluster: Cluster) -> None:
    first = cluster.api.put(tiny("a"))["metadata"]
    second = cluster.api.put(tiny("a", "CiliumNode"))["metadata"]
    third = cluster.api.put(tiny("a", zone="1"))["metadata"]
    assert [int(metadata["resourceVersion"]) for metadata in (first, second, third)] == [2, 3, 4]
    assert first["uid"] == third["uid"] != second["uid"]
    assert (third["creationTimestamp"], second["generation"]) == ("2026-11-22T08:00:00Z", 1)
    assert "generation" not in first


def test_an_unchanged_object_gets_no_new_version_and_no_event(cluster: Cluster) -> None:
    before = cluster.api.put(node(0))
    assert cluster.api.put(cluster.api.get("Node", before["metadata"]["name"])) == before
    assert cluster.api.put(node(0)) == before


def test_only_a_changed_spec_raises_the_generation(cluster: Cluster) -> None:
    cluster.api.put(cilium_node("a", addresses=["10.0.0.4"]))
    labelled = cluster.api.get("CiliumNode", "a")
    labelled["metadata"]["labels"]["x"] = "y"
    assert cluster.api.put(labelled)["metadata"]["generation"] == 1
    moved = cluster.api.put(cilium_node("a", addresses=["10.0.0.4"], pod_cidrs=["100.64.0.0/24"]))
    assert moved["metadata"]["generation"] == 2


def test_what_is_handed_out_is_a_copy(cluster: Cluster) -> None:
    cluster.api.put(tiny("a"))["metadata"]["labels"]["spoilt"] = "yes"
    cluster.api.get("Node", "a")["metadata"]["labels"]["spoilt"] = "yes"
    assert cluster.api.get("Node", "a")["metadata"]["labels"] == {}


def test_an_unknown_kind_or_name_is_an_error_of_the_caller(cluster: Cluster) -> None:
    with pytest.raises(ValueError, match=r"kind 'Pod' is not served here; served are Node, CiliumNode"):
        cluster.api.put(tiny("a", "Pod"))
    with pytest.raises(KeyError):
        cluster.api.get("Node", "a")
    with pytest.raises(KeyError):
        cluster.api.delete("Node", "a")
    assert cluster.api.names("Node") == ()


def test_large_answers_are_compressed_for_those_who_ask(cluster: Cluster) -> None:
    for number in range(12):
        cluster.api.put(node(number))
    zipped = {"Accept-Encoding": "gzip"}
    plain, packed = cluster.send(NODES), cluster.send(NODES, headers=zipped)
    assert "Content-Encoding" not in plain.headers
    assert (packed.headers["Content-Encoding"], packed.json()) == ("gzip", plain.json())
    assert len(plain.content) > 128 * 1024
    by_size = [call.bytes for call in cluster.api.calls]
    assert by_size[0] == len(plain.content) > 4 * by_size[1]
    assert "Content-Encoding" not in cluster.send(f"{NODES}?limit=2", headers=zipped).headers


def test_metadata_alone_can_be_listed_got_and_watched(cluster: Cluster) -> None:
    cluster.api.put(node(0))
    listed = cluster.send(f"{NODES}?limit=1", headers=PARTIAL).json()
    assert (listed["kind"], set(listed["items"][0])) == (
        "PartialObjectMetadataList",
        {"kind", "apiVersion", "metadata"},
    )
    one = {"Accept": "application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io"}
    assert cluster.send(f"{NODES}/{scale_set_node_name('np1', 0)}", headers=one).json() == listed["items"][0]
    with cluster.watch(f"{NODES}?allowWatchBookmarks=1&timeoutSeconds=60", headers=one) as lines:
        assert lines.next()["object"] == listed["items"][0]
        cluster.turn(59)
        assert lines.next()["object"]["metadata"] == {"resourceVersion": "2"}


@pytest.mark.parametrize(
    ("accept", "code"),
    [
        ("*/*", 200),
        ("", 200),
        ("application/vnd.kubernetes.protobuf,application/json", 200),
        ("application/json;as=Table;v=v1beta1;g=meta.k8s.io,application/json", 200),
        ("application/json;as=Table;v=v1beta1;g=meta.k8s.io", 406),
        ("text/plain", 406),
    ],
)
def test_the_first_form_that_is_offered_is_sent(cluster: Cluster, accept: str, code: int) -> None:
    for path in (NODES, CILIUM_NODES):
        answer = cluster.send(path, headers={"Accept": accept})
        assert answer.status_code == code
        assert answer.json()["kind"].endswith("List" if code == 200 else "Status")


@pytest.mark.parametrize("path", ["/version", "/api", "/apis", "/api/v1", "/apis/cilium.io", "/apis/cilium.io/v2"])
def test_discovery_is_open_to_every_user(cluster: Cluster, path: str) -> None:
    assert cluster.send(path, token=cluster.token()).status_code == 200
    assert cluster.send(path, token=None).status_code == 401


def test_health_is_plain_text(cluster: Cluster) -> None:
    assert cluster.send("/readyz").text == "ok"


@pytest.mark.parametrize("path", ["/openapi/v3", "/api/v1/pods", "/apis/apps/v1/deployments"])
def test_what_is_not_served_is_not_found(cluster: Cluster, path: str) -> None:
    assert cluster.send(path).status_code == 404


def test_no_answer_says_what_serves_it(cluster: Cluster) -> None:
    answer = cluster.send(NODES)
    assert "Server" not in answer.headers
    assert answer.headers["Cache-Control"] == "no-cache, private"


def test_calls_are_counted_by_what_they_were(cluster: Cluster) -> None:
    cluster.send(NODES)
    cluster.send(f"{NODES}/nope")
    cluster.send(f"{CILIUM_NODES}?limit=5")
    with cluster.watch(f"{NODES}?timeoutSeconds=9") as lines:
        fill(cluster, "a")
        lines.next()
    calls = cluster.api.calls
    assert (len(calls), calls.count(NODES), calls.count(NODES, watch=False, status=200)) == (4, 3, 1)
    assert (calls.count(status=404), calls.count(method="DELETE"), calls.count(watch=True)) == (1, 0, 1)
    *_, listing, watching = calls
    assert (listing.path, listing.query, listing.at) == (CILIUM_NODES, {"limit": "5"}, cluster.wall_clock.now)
    assert watching.bytes > 0
    cluster.api.clear_calls()
    assert len(calls) == 0
