"""The Kubernetes API stand-in when a script makes it fail."""

import pytest
import requests

from sandbox.kubernetes_api import status
from tests.sandbox.kubernetes_stage import CILIUM_NODES, NODES, Cluster, node, tiny

pytestmark = pytest.mark.wire


def test_prepared_answers_are_given_once_each_and_then_the_real_ones(cluster: Cluster) -> None:
    cluster.api.answer_next("/nodes", 500, status(500, "InternalError", "etcd is unhappy"), headers={"X-A": "b"})
    cluster.api.answer_next("/nodes", 503, "no healthy upstream", 2, query_contains="limit=7")
    first = cluster.send(NODES)
    assert (first.status_code, first.headers["X-A"], first.json()["message"]) == (500, "b", "etcd is unhappy")
    assert cluster.send(NODES).status_code == 200
    codes = [cluster.send(f"{NODES}?limit=7").status_code for _ in range(3)]
    assert codes == [503, 503, 200]


def test_faults_that_did_not_happen_can_be_forgotten(cluster: Cluster) -> None:
    cluster.api.overload_next(times=3)
    cluster.api.reinitialize_storage()
    cluster.api.clear_faults()
    assert cluster.send(CILIUM_NODES).status_code == 200


@pytest.mark.parametrize("count", [1, 3])
def test_a_truncated_answer_breaks_in_the_middle(cluster: Cluster, count: int) -> None:
    for number in range(count):
        cluster.api.put(tiny("n", number="x") if count == 1 else node(number))
    whole = cluster.send(NODES).content
    assert (len(whole) < 2048) is (count == 1)
    cluster.api.truncate_next("/nodes")
    with pytest.raises((requests.exceptions.ChunkedEncodingError, requests.exceptions.ConnectionError)):
        cluster.send(NODES)
    *_, call = cluster.api.calls
    assert call.bytes == len(whole) // 2
    assert cluster.send(NODES).content == whole


def test_garbage_is_no_json(cluster: Cluster) -> None:
    cluster.api.garble_next("/nodes")
    answer = cluster.send(NODES)
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "application/json")
    with pytest.raises(requests.exceptions.JSONDecodeError):
        answer.json()


def test_an_overloaded_server_answers_in_plain_text(cluster: Cluster) -> None:
    cluster.api.overload_next(times=2)
    for path in (NODES, CILIUM_NODES):
        answer = cluster.send(path)
        assert (answer.status_code, answer.headers["Retry-After"]) == (429, "1")
        assert answer.text == "Too many requests, please try again later.\n"
    assert cluster.send(NODES).status_code == 200


def test_after_a_start_the_first_unpaged_calls_for_a_custom_resource_are_refused(cluster: Cluster) -> None:
    cluster.api.reinitialize_storage(2)
    assert cluster.send(NODES).status_code == 200
    assert cluster.send(f"{CILIUM_NODES}?limit=1").status_code == 200
    for query in ("", "?watch=1"):
        refused = cluster.send(f"{CILIUM_NODES}{query}")
        assert (refused.status_code, refused.json()["message"]) == (429, "storage is (re)initializing")
        assert refused.headers["Retry-After"] == "1"
    assert cluster.send(CILIUM_NODES).status_code == 200
