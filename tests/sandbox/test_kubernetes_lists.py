"""Lists of the Kubernetes API stand-in: pages, moments, selectors, refusals. Facts: a recorded kube-apiserver."""

import pytest
from kubernetes.client import ApiException

from sandbox.kubernetes_api import cilium_node
from tests.sandbox.kubernetes_stage import (
    CILIUM_NODES,
    NODES,
    Cluster,
    core,
    fill,
    names_in,
    node,
    tiny,
)

pytestmark = pytest.mark.wire


def test_items_of_a_custom_resource_say_what_they_are_and_those_of_a_built_in_do_not(cluster: Cluster) -> None:
    cluster.api.put(node(0))
    cluster.api.put(cilium_node("a", addresses=["10.0.0.4"]))
    nodes, custom = cluster.send(NODES).json(), cluster.send(CILIUM_NODES).json()
    assert (nodes["kind"], list(nodes["items"][0])) == ("NodeList", ["metadata", "spec", "status"])
    assert nodes["metadata"] == {"resourceVersion": "3"}
    assert custom["items"][0]["kind"] == "CiliumNode"
    assert list(custom) == ["apiVersion", "items", "kind", "metadata"]
    assert custom["metadata"] == {"continue": "", "resourceVersion": "3"}


def test_pages_show_one_moment_whatever_happens_between_them(cluster: Cluster) -> None:
    fill(cluster, "a", "b", "c", "d", "e")
    page = cluster.send(f"{NODES}?limit=2").json()
    seen, versions = names_in(page), {page["metadata"]["resourceVersion"]}
    assert page["metadata"]["remainingItemCount"] == 3
    cluster.api.delete("Node", "d")
    fill(cluster, "bb")
    while token := page["metadata"].get("continue"):
        page = cluster.send(f"{NODES}?limit=2&continue={token}").json()
        seen += names_in(page)
        versions.add(page["metadata"]["resourceVersion"])
    assert seen == ["a", "b", "c", "d", "e"]
    assert versions == {"6"}


def test_the_python_client_reads_typed_nodes_page_by_page(cluster: Cluster) -> None:
    for number in range(5):
        cluster.api.put(node(number))
    with cluster.client() as client:
        page = core(client).list_node(limit=2)
        seen = page.items
        while token := page.metadata._continue:
            page = core(client).list_node(limit=2, _continue=token)
            seen += page.items
    assert [found.metadata.name for found in seen] == list(cluster.api.names("Node"))
    assert seen[0].status.addresses[0].address == "10.0.0.4"
    assert cluster.api.calls.count(NODES, method="GET", status=200) == 3


def test_what_remains_is_not_counted_with_a_selector(cluster: Cluster) -> None:
    for name in ("a", "b", "c"):
        cluster.api.put(tiny(name, pool="x"))
    page = cluster.send(f"{NODES}?labelSelector=pool%3Dx&limit=1").json()
    assert names_in(page) == ["a"]
    assert set(page["metadata"]) == {"resourceVersion", "continue"}


@pytest.mark.parametrize(
    ("query", "shown"),
    [
        ("limit=1&resourceVersion=0", ["a", "b"]),
        ("limit=1", ["a"]),
        ("resourceVersion=2&resourceVersionMatch=Exact", ["a"]),
        ("resourceVersion=2&limit=9", ["a"]),
        ("resourceVersion=2", ["a", "b"]),
        ("resourceVersion=2&resourceVersionMatch=NotOlderThan", ["a", "b"]),
        ("resourceVersion=1&resourceVersionMatch=Exact", []),
    ],
)
def test_a_resource_version_asks_for_a_moment(cluster: Cluster, query: str, shown: list[str]) -> None:
    fill(cluster, "a", "b")
    assert names_in(cluster.send(f"{NODES}?{query}").json()) == shown


def test_an_exact_past_shows_what_was_deleted_since(cluster: Cluster) -> None:
    fill(cluster, "a", "b")
    cluster.api.delete("Node", "a")
    cluster.api.put(tiny("b", zone="1"))
    first, second = cluster.send(f"{NODES}?resourceVersion=3&resourceVersionMatch=Exact").json()["items"]
    assert (first["metadata"]["name"], second["metadata"]["labels"]) == ("a", {})


def test_a_page_after_compaction_is_gone_and_its_answer_shows_how_to_go_on(cluster: Cluster) -> None:
    fill(cluster, "a", "b", "c")
    token = cluster.send(f"{NODES}?limit=1").json()["metadata"]["continue"]
    cluster.api.delete("Node", "b")
    cluster.api.compact()
    gone = cluster.send(f"{NODES}?limit=1&continue={token}")
    assert (gone.status_code, gone.json()["reason"]) == (410, "Expired")
    fresh = gone.json()["metadata"]["continue"]
    page = cluster.send(f"{NODES}?limit=1&continue={fresh}").json()
    assert (names_in(page), page["metadata"]["resourceVersion"]) == (["c"], str(cluster.api.revision))
    exact = cluster.send(f"{NODES}?resourceVersion=3&resourceVersionMatch=Exact")
    assert (exact.status_code, exact.json()["reason"]) == (410, "Expired")


REFUSED = [
    ("limit=1&continue=bogus", 400, "invalid continue token: continue key is not valid: illegal base64 data at input"),
    ("limit=1&continue=Ym9ndXM", 400, "invalid continue token: continue key is not valid"),
    ("continue=x&resourceVersion=5", 400, "specifying resource version is not allowed when using continue"),
    ("labelSelector=%3D%3D%3D", 400, "found '==', expected: !, identifier, or 'end of string'"),
    ("fieldSelector=spec.foo%3D1", 400, "field label not supported: spec.foo"),
    ("fieldSelector=metadata.name", 400, "invalid selector: 'metadata.name'"),
    ("limit=many", 400, 'strconv.ParseInt: parsing "many": invalid syntax'),
    ("resourceVersion=abc", 500, 'resourceVersion: Invalid value: "abc"'),
    ("resourceVersionMatch=Exact", 422, "resourceVersionMatch is forbidden unless resourceVersion is provided"),
    ("resourceVersionMatch=Exact&resourceVersion=0", 422, 'resourceVersionMatch "exact" is forbidden for'),
    ("resourceVersionMatch=Exact&resourceVersion=0&continue=x", 422, "is forbidden when continue is provided"),
    ("sendInitialEvents=true", 422, "sendInitialEvents is forbidden for list"),
    ("watch=1&sendInitialEvents=true", 422, "requires setting resourceVersionMatch to NotOlderThan"),
    ("watch=1&resourceVersionMatch=Exact&resourceVersion=1", 422, "resourceVersionMatch is forbidden for watch"),
    ("watch=1&resourceVersion=abc", 500, 'resourceVersion: Invalid value: "abc"'),
]


@pytest.mark.parametrize("path", [NODES, CILIUM_NODES])
@pytest.mark.parametrize(("query", "code", "message"), REFUSED, ids=[query for query, _, _ in REFUSED])
def test_nonsense_is_refused_in_the_servers_words(
    cluster: Cluster, path: str, query: str, code: int, message: str
) -> None:
    answer = cluster.send(f"{path}?{query}")
    assert (answer.status_code, answer.json()["code"]) == (code, code)
    assert message in answer.json()["message"]


@pytest.mark.parametrize(
    ("selector", "shown"),
    [
        ("labelSelector=pool%3Dx", ["a", "b"]),
        ("labelSelector=pool%3D%3Dx,zone%3D1", ["a"]),
        ("labelSelector=pool!%3Dx", ["c", "d"]),
        ("labelSelector=pool", ["a", "b", "c"]),
        ("labelSelector=!pool", ["d"]),
        ("labelSelector=pool in (y, z),zone notin (2)", ["c"]),
        ("labelSelector=zone notin (1)", ["b", "c", "d"]),
        ("labelSelector=", ["a", "b", "c", "d"]),
        ("fieldSelector=metadata.name%3Db", ["b"]),
        ("fieldSelector=metadata.name!%3Db&labelSelector=pool%3Dx", ["a"]),
    ],
)
def test_selectors_select(cluster: Cluster, selector: str, shown: list[str]) -> None:
    cluster.api.put(tiny("a", pool="x", zone="1"))
    cluster.api.put(tiny("b", pool="x", zone="2"))
    cluster.api.put(tiny("c", pool="y"))
    cluster.api.put(tiny("d"))
    assert names_in(cluster.send(f"{NODES}?{selector}").json()) == shown


def test_a_list_from_the_future_waits_three_seconds_for_it(cluster: Cluster) -> None:
    with cluster.client() as client:
        waiting = core(client).list_node(resource_version="99", async_req=True)
        while not cluster.api._pulse._listeners:
            assert not waiting.ready()
        cluster.turn(2.9)
        waiting.wait(0.1)
        assert not waiting.ready()
        cluster.turn(0.1)
        with pytest.raises(ApiException) as refused:
            waiting.get(20)
    assert (refused.value.status, (refused.value.headers or {})["Retry-After"]) == (504, "1")
    assert "Too large resource version: 99, current: 1" in str(refused.value.body)


def test_a_list_from_the_future_answers_as_soon_as_it_is_there(cluster: Cluster) -> None:
    with cluster.client() as client:
        waiting = core(client).list_node(resource_version="2", async_req=True)
        cluster.api.put(tiny("a"))
        assert [found.metadata.name for found in waiting.get(20).items] == ["a"]
