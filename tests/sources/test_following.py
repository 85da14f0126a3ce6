"""What wakes, what does not, and what it costs: the nodes of a cluster followed on the wire."""

import threading
from collections.abc import Callable
from typing import Any

import pytest

from sandbox.kubernetes_api.api import KubernetesApi
from shared.models import Reading
from shared.sources.following import Following
from shared.sources.gathering import GATHER_SECONDS
from shared.sources.kubernetes import KubernetesSource
from tests.sources.cluster import CILIUM_NODES, NODES, fill
from tests.sources.followed import (
    PATIENCE,
    Clock,
    assign,
    beat,
    cidrs_by_number,
    eventually,
    lists,
    name,
    watches,
    watching_threads,
)

pytestmark = pytest.mark.wire

# What wakes


def change(kind: str, part: str, field: str, value: Any) -> Callable[[KubernetesApi], None]:
    def apply(api: KubernetesApi) -> None:
        body = api.get(kind, name(1))
        body[part][field] = value
        api.put(body)

    return apply


def come(api: KubernetesApi) -> None:
    fill(api, 4, cilium=False)


CHANGES: dict[str, Callable[[KubernetesApi], None]] = {
    "another pod CIDR": lambda api: assign(api, 1, "100.99.0.0/24"),
    "a further pod CIDR": lambda api: assign(api, 1, "100.64.1.0/24", "100.99.0.0/24"),
    "no pod CIDR any more": lambda api: assign(api, 1),
    "a pool": change("CiliumNode", "spec", "ipam", {"pools": {"allocated": [{"cidrs": ["100.99.0.0/28"]}]}}),
    "another InternalIP": change("Node", "status", "addresses", [{"type": "InternalIP", "address": "10.0.0.99"}]),
    "no InternalIP": change("Node", "status", "addresses", []),
    "a deletionTimestamp": change("Node", "metadata", "deletionTimestamp", "2026-11-22T10:00:00Z"),
    "a node that comes": come,
    "a node that goes": lambda api: api.delete("Node", name(1)),
    "a CiliumNode that goes": lambda api: api.delete("CiliumNode", name(1)),
}


@pytest.mark.parametrize("happens", CHANGES.values(), ids=CHANGES.keys())
def test_a_change_that_matters_wakes_and_is_read_without_a_list(
    api: KubernetesApi, nodes: Following, source: KubernetesSource, happens: Callable[[KubernetesApi], None]
) -> None:
    happens(api)
    assert nodes.wait(PATIENCE)
    reading = nodes.read()
    assert lists(api) == 0
    assert reading == source.read()


def test_a_cidr_that_moves_from_one_node_to_another_is_read_where_it_is(api: KubernetesApi, nodes: Following) -> None:
    assign(api, 0)
    assign(api, 1, "100.64.0.0/24")
    eventually(lambda: cidrs_by_number(nodes.read()) == {0: [], 1: ["100.64.0.0/24"], 2: ["100.64.2.0/24"]})
    assert lists(api) == 0


def test_a_node_whose_cilium_node_went_stays_without_a_pod_cidr(api: KubernetesApi, nodes: Following) -> None:
    api.delete("CiliumNode", name(1))
    assert nodes.wait(PATIENCE)
    assert cidrs_by_number(nodes.read())[1] == []


def test_a_change_that_came_before_the_wait_is_not_slept_through(
    api: KubernetesApi, nodes: Following, noted: list[float]
) -> None:
    assign(api, 1, "100.99.0.0/24")
    eventually(lambda: bool(noted))
    assert nodes.wait(PATIENCE)


def test_what_was_read_wakes_nobody_again(api: KubernetesApi, nodes: Following) -> None:
    assign(api, 1, "100.99.0.0/24")
    assert nodes.wait(PATIENCE)
    assert nodes.wait(0)
    nodes.read()
    assert not nodes.wait(0)


# What does not


def test_a_thousand_heartbeats_wake_nobody_and_list_nothing(
    api: KubernetesApi, nodes: Following, noted: list[float]
) -> None:
    for number in range(1000):
        beat(api, number % 3, number)
    assign(api, 1, "100.99.0.0/24")
    come(api)  # on the same watch as the heartbeats, and so after them
    assert nodes.wait(PATIENCE)
    eventually(lambda: 3 in cidrs_by_number(nodes.read()))
    assert len(noted) == 2
    assert lists(api) == 0


def test_what_cilium_writes_for_itself_wakes_nobody(api: KubernetesApi, nodes: Following, noted: list[float]) -> None:
    cilium = api.get("CiliumNode", name(1))
    cilium["spec"]["addresses"].append({"type": "CiliumInternalIP", "ip": "100.64.1.7"})
    cilium["spec"]["health"] = {"ipv4": "100.64.1.8"}
    api.put(cilium)
    assign(api, 2, "100.99.0.0/24")
    assert nodes.wait(PATIENCE)
    assert len(noted) == 1


def test_a_quiet_window_costs_two_lists_and_two_watches(api: KubernetesApi, source: KubernetesSource) -> None:
    fill(api, 3)
    with source.follow(clock=(clock := Clock())) as nodes:
        first = nodes.read()
        api.wait_for_watches(2)
        clock.pass_quickly()
        assert not nodes.wait(180)
        assert nodes.read() == first == source.read()
    assert [api.calls.count(path, watch=True) for path in (NODES, CILIUM_NODES)] == [1, 1]
    assert lists(api) == 2 + 2  # those of the source that was not followed


def test_time_that_passes_without_a_change_is_no_change(nodes: Following) -> None:
    assert not nodes.wait(0)
    assert not nodes.wait(0.01)


# Gathering


def test_a_hundred_changes_at_once_wake_once(api: KubernetesApi, source: KubernetesSource, noted: list[float]) -> None:
    fill(api, 100)

    def scale_out() -> None:
        for number in range(100):
            assign(api, number, f"100.99.{number}.0/24")

    clock = Clock(lambda: len(noted) == 100, jump=GATHER_SECONDS)
    with source.follow(clock=clock) as nodes:
        nodes.read()
        noted.clear()
        api.wait_for_watches(2)
        scale = threading.Thread(target=scale_out)
        scale.start()
        assert nodes.wait(3600)
        scale.join()
        assert cidrs_by_number(nodes.read()) == {number: [f"100.99.{number}.0/24"] for number in range(100)}
        assert not nodes.wait(0)


def test_changes_without_end_are_not_waited_out(
    api: KubernetesApi, nodes: Following, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shared.sources.gathering.QUIET_SECONDS", 3600.0)
    assign(api, 1, "100.99.0.0/24")
    assert nodes.wait(PATIENCE)


# How it is watched


def test_watches_begin_where_the_lists_ended_and_ask_for_bookmarks_and_an_end(
    api: KubernetesApi, source: KubernetesSource
) -> None:
    fill(api, 3)
    with source.follow() as nodes:
        nodes.read()
        api.wait_for_watches(2)
    asked = [dict(call.query) for call in api.calls if call.is_watch]
    wanted = {"watch": "true", "allowWatchBookmarks": "true", "timeoutSeconds": "30"}
    assert asked == [{**wanted, "resourceVersion": str(api.revision)}] * 2


def test_a_list_of_many_pages_is_followed_from_its_first(
    api: KubernetesApi, source: KubernetesSource, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shared.sources.kubernetes.PAGE_SIZE", 2)
    fill(api, 5)
    with source.follow() as nodes:
        nodes.read()
        api.wait_for_watches(2)
        assign(api, 4, "100.99.0.0/24")
        assert nodes.wait(PATIENCE)
        assert cidrs_by_number(nodes.read())[4] == ["100.99.0.0/24"]


# Whose pod CIDRs


def test_with_pod_cidrs_of_nodes_only_nodes_are_listed_and_watched(
    api: KubernetesApi, connect: Callable[..., KubernetesSource]
) -> None:
    fill(api, 1)
    with connect(pod_cidr_source="node").follow() as nodes:
        assert cidrs_by_number(nodes.read()) == {0: ["10.0.0.0/24"]}
        api.wait_for_watches(1)
        assert len(watching_threads()) == 1
        assert not nodes.wait(0)
    assert {call.path for call in api.calls} == {NODES}


@pytest.mark.parametrize("hidden", [False, True], ids=["absent", "absent and forbidden"])
def test_auto_decides_at_the_first_list_and_not_again(
    api: KubernetesApi, source: KubernetesSource, *, hidden: bool
) -> None:
    api.crd_installed = False
    if hidden:
        api.forbid("list", "watch", resource="ciliumnodes")
    fill(api, 1)
    with source.follow() as nodes:
        nodes.read()
        api.wait_for_watches(1)
        api.clear_calls()
        api.crd_installed = True
        api.allow("list", "watch", resource="ciliumnodes")
        fill(api, 2)
        assert nodes.wait(PATIENCE)
        assert cidrs_by_number(nodes.read()) == {0: ["10.0.0.0/24"], 1: ["10.0.1.0/24"]}
    assert not api.calls.count(CILIUM_NODES)


def test_an_empty_cluster_is_followed_as_well(api: KubernetesApi, source: KubernetesSource) -> None:
    with source.follow() as nodes:
        assert nodes.read() == Reading(())
        fill(api, 1)
        eventually(lambda: cidrs_by_number(nodes.read()) == {0: ["100.64.0.0/24"]})


def test_a_wait_before_the_first_reading_lists_what_is_there(api: KubernetesApi, source: KubernetesSource) -> None:
    fill(api, 1)
    with source.follow() as nodes:
        assert nodes.wait(PATIENCE)
        assert cidrs_by_number(nodes.read()) == {0: ["100.64.0.0/24"]}
    assert lists(api) == 2


def test_each_watch_goes_on_from_the_last_bookmark(
    tokens: Any, servers: Any, authority: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = Clock()
    api = KubernetesApi(tokens, admin_token="admin", clock=clock)
    address = servers.serve(api.app(), tls=authority.server_context())
    with KubernetesSource.connect(address, authority.ca_pem, lambda: "admin").follow() as nodes:
        nodes.read()
        api.wait_for_watches(2)
        api.advance_revision(1000)
        clock.now += 31  # past the bookmark before the end, and past the end
        api.tick()
        eventually(lambda: all(len(watches(api, path)) == 2 for path in (NODES, CILIUM_NODES)))
        assert [watches(api, path)[1] for path in (NODES, CILIUM_NODES)] == ["1000", "1000"]
        api.wait_for_watches(2)
        assert not nodes.wait(0)
        assert lists(api) == 2
