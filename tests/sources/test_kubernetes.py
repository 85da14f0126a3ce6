"""All nodes or none, and whose pod CIDRs: the source on the wire. The brackets name where a case comes from."""

import json
import threading
from collections.abc import Callable

import pytest

from sandbox.authority import Authority
from sandbox.identity import AKS_AUDIENCE, Tokens
from sandbox.kubernetes_api.api import KubernetesApi
from shared.models import Reading
from shared.sources import kubernetes
from shared.sources.kubernetes import KubernetesSource
from tests.sources.cluster import CILIUM_NODES, NODES, cidrs, failure, fill, gone

pytestmark = pytest.mark.wire


# Reading in full


def test_a_cluster_of_more_than_one_page_is_read_in_full_page_by_page(
    api: KubernetesApi, source: KubernetesSource
) -> None:
    fill(api, 1001)
    reading = source.read()
    assert len(reading.nodes) == 1001
    assert len(set(cidrs(reading))) == 1001
    for path in (NODES, CILIUM_NODES):
        queries = [call.query for call in api.calls if call.path == path]
        assert [query["limit"] for query in queries] == ["500"] * 3
        assert ["continue" in query for query in queries] == [False, True, True]


def test_the_answers_travel_zipped(api: KubernetesApi, source: KubernetesSource) -> None:
    fill(api, 1000)
    source.read()
    plain = len(json.dumps([api.get("Node", name) for name in api.names("Node")]))
    assert sum(call.bytes for call in api.calls if call.path == NODES) < plain / 4


def test_an_empty_cluster_is_an_empty_reading(source: KubernetesSource) -> None:
    assert source.read() == Reading(())


def test_both_lists_are_read_side_by_side(server: str, authority: Authority, tokens: Tokens) -> None:
    together = threading.Barrier(2, timeout=10)

    def token() -> str:
        together.wait()
        return tokens.issue(AKS_AUDIENCE)[0]

    KubernetesSource.connect(server, authority.ca_pem, token).read()


def test_the_token_is_asked_for_at_every_request_so_that_it_can_be_renewed(
    api: KubernetesApi, source: KubernetesSource, tokens: Tokens
) -> None:
    fill(api, 1)
    assert len(source.read().nodes) == 1
    tokens.revoke_all()
    assert len(source.read().nodes) == 1


# A failed page is a failed reading


@pytest.fixture
def paged(api: KubernetesApi, monkeypatch: pytest.MonkeyPatch) -> None:
    """Seven nodes, three to a page."""
    fill(api, 7)
    monkeypatch.setattr(kubernetes, "PAGE_SIZE", 3)


@pytest.mark.parametrize("path", [NODES, CILIUM_NODES])
@pytest.mark.parametrize(("query", "page"), [("", ""), ("continue", "(page 2)")])
def test_a_page_that_fails_fails_the_reading(
    paged: None, api: KubernetesApi, source: KubernetesSource, path: str, query: str, page: str
) -> None:
    api.answer_next(path, 500, {"kind": "Status", "message": "etcd said no"}, query_contains=query)
    sentence = failure(source)
    assert "500 etcd said no" in sentence
    assert page in sentence


@pytest.mark.parametrize("path", [NODES, CILIUM_NODES])
@pytest.mark.parametrize("query", ["", "continue"])
def test_a_page_that_breaks_off_fails_the_reading(
    paged: None, api: KubernetesApi, source: KubernetesSource, path: str, query: str
) -> None:
    api.truncate_next(path, query_contains=query)
    assert "broke off" in failure(source)


@pytest.mark.parametrize("path", [NODES, CILIUM_NODES])
@pytest.mark.parametrize("query", ["", "continue"])
def test_a_page_that_is_no_json_fails_the_reading(
    paged: None, api: KubernetesApi, source: KubernetesSource, path: str, query: str
) -> None:
    api.garble_next(path, query_contains=query)
    sentence = failure(source)
    assert "is not what an API server sends" in sentence
    assert "page 2" in sentence if query else "page 1" in sentence


@pytest.mark.parametrize(
    "body",
    ["<html>Sign in to the network</html>", b"", b"{}", b'{"kind":"Status","metadata":{},"items":[]}', b"\xff\xfe"],
)
def test_a_200_that_is_no_node_list_fails_the_reading(
    api: KubernetesApi, source: KubernetesSource, body: str | bytes
) -> None:
    api.answer_next(NODES, 200, body)
    assert "is not what an API server sends" in failure(source)


def test_an_expired_list_is_read_again_from_the_start_once(
    paged: None, api: KubernetesApi, source: KubernetesSource
) -> None:
    api.answer_next(NODES, 410, gone(), query_contains="continue")
    assert len(source.read().nodes) == 7
    queries = [call.query.get("continue") for call in api.calls if call.path == NODES]
    assert [bool(token) for token in queries] == [False, True, False, True, True]
    assert "inconsistent" not in queries


def test_a_list_that_expires_twice_fails_the_reading(paged: None, api: KubernetesApi, source: KubernetesSource) -> None:
    api.answer_next(NODES, 410, gone(), times=2, query_contains="continue")
    assert "expired twice" in failure(source)
    assert api.calls.count(NODES) == 4


def test_a_410_on_the_first_page_is_no_expiry(api: KubernetesApi, source: KubernetesSource) -> None:
    api.answer_next(NODES, 410, gone())
    assert "cannot list nodes: 410" in failure(source)


def test_a_list_without_end_fails_the_reading(
    api: KubernetesApi, source: KubernetesSource, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kubernetes, "MAX_PAGES", 5)
    node = {"metadata": {"name": "a", "creationTimestamp": "2026-11-22T08:00:00Z"}}
    endless = {"kind": "NodeList", "metadata": {"continue": "again"}, "items": [node]}
    api.answer_next(NODES, 200, endless, times=6)
    assert "no end after 5 pages" in failure(source)


# Which pod CIDRs


def test_auto_takes_the_cilium_nodes_where_they_are_served(api: KubernetesApi, source: KubernetesSource) -> None:
    fill(api, 1)
    reading = source.read()
    assert cidrs(reading) == ["100.64.0.0/24"]
    assert [finding.code for finding in reading.findings] == ["podCidrMismatch"]


def test_auto_takes_the_nodes_where_there_is_no_such_resource(
    api: KubernetesApi, server: str, authority: Authority
) -> None:
    # recorded: an administrator gets 404 in plain text
    fill(api, 1)
    api.crd_installed = False
    reading = KubernetesSource.connect(server, authority.ca_pem, lambda: "admin-secret").read()
    assert (cidrs(reading), reading.findings) == (["10.0.0.0/24"], ())


def test_auto_takes_the_nodes_where_a_restricted_reader_cannot_see_that_there_is_no_such_resource(
    api: KubernetesApi, source: KubernetesSource
) -> None:
    # recorded: 403 for a resource that does not exist
    fill(api, 1)
    api.crd_installed = False
    api.forbid("get", "list", "watch", resource="ciliumnodes")
    assert cidrs(source.read()) == ["10.0.0.0/24"]
    assert api.calls.count(CILIUM_NODES, status=403) == 1


def test_auto_does_not_take_a_refusal_for_absence(api: KubernetesApi, source: KubernetesSource) -> None:
    fill(api, 1)
    api.forbid("get", "list", "watch", resource="ciliumnodes")
    sentence = failure(source)
    assert "ciliumnodes.cilium.io is forbidden" in sentence
    assert "Microsoft.ContainerService/managedClusters/customresources/read" in sentence
    assert "podCidrSource: node" in sentence


@pytest.mark.parametrize("status", [403, 500, 503])
def test_auto_does_not_guess_where_the_group_cannot_be_asked_for(
    api: KubernetesApi, source: KubernetesSource, status: int
) -> None:
    api.crd_installed = False
    api.forbid("list", resource="ciliumnodes")
    api.answer_next(CILIUM_NODES, 403, {"kind": "Status", "message": "forbidden"})
    api.answer_next("/apis/cilium.io/v2", status, "no", times=9)
    assert "cannot list ciliumnodes.cilium.io: 403" in failure(source)


@pytest.mark.parametrize("status", [403, 404])
def test_a_resource_that_vanishes_between_two_pages_is_not_absent(
    paged: None, api: KubernetesApi, source: KubernetesSource, status: int
) -> None:
    api.answer_next(CILIUM_NODES, status, "404 page not found\n", query_contains="continue")
    assert f"(page 2): {status}" in failure(source)


def test_cilium_nodes_that_were_asked_for_and_are_not_served_are_an_error(
    api: KubernetesApi, connect: Callable[..., KubernetesSource]
) -> None:
    fill(api, 1)
    api.crd_installed = False
    sentence = failure(connect(pod_cidr_source="ciliumNode"))
    assert "404 404 page not found" in sentence
    assert "is Cilium installed? Without it, set podCidrSource: node" in sentence


def test_cilium_nodes_that_were_asked_for_and_are_hidden_are_an_error(
    api: KubernetesApi, connect: Callable[..., KubernetesSource]
) -> None:
    api.crd_installed = False
    api.forbid("list", resource="ciliumnodes")
    assert "403" in failure(connect(pod_cidr_source="ciliumNode"))


def test_with_the_nodes_as_source_cilium_nodes_are_never_read(
    api: KubernetesApi, connect: Callable[..., KubernetesSource]
) -> None:
    fill(api, 1)
    reading = connect(pod_cidr_source="node").read()
    assert (cidrs(reading), reading.findings) == (["10.0.0.0/24"], ())
    assert {call.path for call in api.calls} == {NODES}


@pytest.mark.parametrize(("path", "kind"), [(NODES, "NodeList"), (CILIUM_NODES, "CiliumNodeList")])
def test_a_later_page_without_items_is_no_end_of_the_list(
    api: KubernetesApi, source: KubernetesSource, path: str, kind: str
) -> None:
    """The pages before it are a part of the nodes, and a part of them never deletes anything (contract, invariant 1)."""
    fill(api, 1001)
    empty = {"kind": kind, "metadata": {"resourceVersion": "1"}, "items": []}
    api.answer_next(path, 200, empty, query_contains="continue")
    assert "page 2 is empty although the one before announced more" in failure(source)
    assert len(source.read().nodes) == 1001
