"""Who may peer, in which zone it is and how many pods it takes: from the labels of the nodes, and only where they are asked for."""

from collections.abc import Callable, Iterator
from typing import Any

import msgspec
import pytest

from sandbox.kubernetes_api import aks_node, scale_set_node_name
from sandbox.kubernetes_api.api import KubernetesApi
from shared.label_selector import LabelSelector
from shared.models import Node
from shared.sources.candidates import LabelledNode, candidate_essence, zone_of
from shared.sources.following import Following
from shared.sources.kubernetes import KubernetesSource
from shared.sources.objects import NodeObject, node_essence
from tests.sources.cluster import fill
from tests.sources.followed import PATIENCE, assign, beat, eventually, lists, name

PEER = "aks-pod-routes/bgp-peer"
ZONE = "topology.kubernetes.io/zone"
SELECTOR = LabelSelector.parse(f"{PEER}=true,!retired")


def raw(number: int = 0, **options: Any) -> dict[str, Any]:
    return aks_node(scale_set_node_name("np1", number), "np1", [f"10.0.0.{number + 4}"], **options)


def essence(body: dict[str, Any]) -> NodeObject:
    return candidate_essence(SELECTOR)(msgspec.convert(body, LabelledNode))


# The rules


@pytest.mark.parametrize(
    ("label", "zone"),
    [("westeurope-1", "westeurope-1"), ("rack-a", "rack-a"), ("0", ""), ("2", ""), ("", ""), (" ", "")],
)
def test_the_number_of_a_fault_domain_is_no_zone(label: str, zone: str) -> None:  # recorded: "0" on AKS without zones
    assert zone_of(label) == zone


@pytest.mark.parametrize(
    ("pods", "limit"),
    [("250", 250), (30, 30), ("0", 0), ("", 0), ("1k", 0), ("-1", 0), ("²", 0), (1.5, 0), (None, 0)],
)
def test_how_many_pods_a_node_takes_is_0_where_it_cannot_be_read(pods: object, limit: int) -> None:
    body = raw()
    body["status"]["allocatable"] = {"pods": pods}
    assert getattr(essence(body), "pod_limit", None) == limit


@pytest.mark.parametrize("status", [{}, {"allocatable": {}}, {"allocatable": {"cpu": "4"}}])
def test_a_node_that_has_not_said_how_many_pods_it_takes_is_read_all_the_same(status: dict[str, Any]) -> None:
    assert getattr(essence(raw() | {"status": status}), "pod_limit", None) == 0


def test_a_node_without_labels_is_no_candidate() -> None:
    body = raw()
    del body["metadata"]["labels"]
    found = essence(body)
    assert (getattr(found, "may_peer", None), getattr(found, "zone", None)) == (False, "")


def churn(body: dict[str, Any]) -> None:
    body["metadata"]["labels"] |= {
        "kubernetes.azure.com/node-image-version": "AKSUbuntu-2404gen2containerd-202612.01.0"
    }
    body["status"]["allocatable"]["memory"] = "1Ki"
    body["status"]["conditions"][0]["lastHeartbeatTime"] = "2026-11-22T10:00:00Z"


def relabel(key: str, value: str) -> Callable[[dict[str, Any]], None]:
    return lambda body: body["metadata"]["labels"].update({key: value})


@pytest.mark.parametrize(
    ("happens", "matters"),
    [
        (lambda body: None, False),
        (churn, False),
        (relabel(PEER, "false"), False),
        (relabel(PEER, "true"), True),
        (relabel("retired", ""), False),
        (relabel(ZONE, "westeurope-2"), True),
        (relabel(ZONE, "0"), True),
        (lambda body: body["status"]["allocatable"].update(pods="110"), True),
        (lambda body: body["metadata"].update(deletionTimestamp="2026-11-22T10:00:00Z"), True),
        (lambda body: body["status"].update(addresses=[]), True),
        (lambda body: body["spec"].update(podCIDRs=["10.1.0.0/24"]), True),
    ],
    ids=[
        "nothing",
        "other labels and a heartbeat",
        "still no match",
        "a match",
        "one more reason not to match",
        "another zone",
        "no zone",
        "other pods",
        "deleted",
        "no address",
        "a pod CIDR",
    ],
)
def test_only_what_says_who_may_peer_and_where_makes_a_difference(
    happens: Callable[[dict[str, Any]], None], *, matters: bool
) -> None:
    before, after = raw(), raw()
    happens(after)
    assert (essence(before) != essence(after)) is matters


def test_a_node_decoded_without_labels_stays_as_it_is() -> None:
    plain = msgspec.convert(raw(), NodeObject)
    assert candidate_essence(SELECTOR)(plain) == node_essence(plain)


# On the wire


@pytest.fixture
def peers(api: KubernetesApi, connect: Callable[..., KubernetesSource]) -> Iterator[Following]:
    """Three nodes of a reader that chooses peers among them; the second matches. Calls are counted from here."""
    fill(api, 3)
    api.set_label("Node", name(1), PEER, "true")
    with connect(peer_selector=SELECTOR).follow() as following:
        following.read()
        api.wait_for_watches(2)
        api.clear_calls()
        yield following


def may_peer(following: Following) -> list[int]:
    return [number for number, node in enumerate(following.read().nodes) if node.may_peer]


def brief(node: Node) -> tuple[bool, str, int]:
    return node.may_peer, node.zone, node.pod_limit


@pytest.mark.wire
def test_nodes_are_read_with_their_zones_over_several_pages(
    api: KubernetesApi, connect: Callable[..., KubernetesSource], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shared.sources.kubernetes.PAGE_SIZE", 2)
    for number, zone in enumerate((1, 2, None)):
        api.put(raw(number, zone=zone, pods=30 + number, labels={PEER: "true" if number != 1 else "false"}))
    nodes = connect(peer_selector=SELECTOR).read().nodes
    assert [brief(node) for node in nodes] == [(True, "westeurope-1", 30), (False, "westeurope-2", 31), (True, "", 32)]


@pytest.mark.wire
def test_nobody_may_peer_where_nobody_asked(api: KubernetesApi, source: KubernetesSource) -> None:
    api.put(raw(labels={PEER: "true"}))
    assert [brief(node) for node in source.read().nodes] == [(False, "", 0)]
    with source.follow() as following:
        assert [brief(node) for node in following.read().nodes] == [(False, "", 0)]


@pytest.mark.wire
@pytest.mark.parametrize(
    ("number", "label", "value", "expected"),
    [(0, PEER, "true", [0, 1]), (1, PEER, "false", []), (1, PEER, None, []), (1, "retired", "", [])],
)
def test_a_label_that_decides_who_may_peer_wakes_and_is_read_without_a_list(
    api: KubernetesApi, peers: Following, number: int, label: str, value: str | None, expected: list[int]
) -> None:
    api.set_label("Node", name(number), label, value)
    assert peers.wait(PATIENCE)
    assert may_peer(peers) == expected
    assert lists(api) == 0


@pytest.mark.wire
def test_another_zone_wakes(api: KubernetesApi, peers: Following) -> None:
    api.set_label("Node", name(2), ZONE, "westeurope-3")
    assert peers.wait(PATIENCE)
    assert [node.zone for node in peers.read().nodes] == ["", "", "westeurope-3"]


@pytest.mark.wire
def test_other_labels_and_heartbeats_wake_nobody(api: KubernetesApi, peers: Following, noted: list[float]) -> None:
    for number in range(300):
        beat(api, number % 3, number)
    api.set_label("Node", name(0), PEER, "no")
    api.set_label("Node", name(0), ZONE, "0")
    api.set_label("Node", name(2), PEER, "true")  # on the same watch as the others, and so after them
    assert peers.wait(PATIENCE)
    eventually(lambda: may_peer(peers) == [1, 2])
    assert len(noted) == 1


@pytest.mark.wire
def test_a_pod_cidr_wakes_as_ever(api: KubernetesApi, peers: Following) -> None:
    assign(api, 1, "100.99.0.0/24")
    assert peers.wait(PATIENCE)
    assert may_peer(peers) == [1]
    assert lists(api) == 0
