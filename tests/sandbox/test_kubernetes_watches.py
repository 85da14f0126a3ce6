"""Watches of the Kubernetes API stand-in: where they start, what they send, how they end."""

import time

import pytest
import requests
from kubernetes.client import ApiException

from sandbox.kubernetes_api import scale_set_node_name, status
from tests.sandbox.kubernetes_stage import (
    CILIUM_NODES,
    NODES,
    Cluster,
    brief,
    core,
    fill,
    node,
    tiny,
    watcher,
)

pytestmark = pytest.mark.wire


def test_the_python_client_sees_every_change_as_it_happens(cluster: Cluster) -> None:
    with cluster.client() as client:
        revision = core(client).list_node().metadata.resource_version
        watch = watcher()
        events = watch.stream(core(client).list_node, resource_version=revision, _request_timeout=20)
        for change, expected in (
            (lambda: cluster.api.put(node(0)), "ADDED"),
            (lambda: cluster.api.put(node(0, ready=False)), "MODIFIED"),
            (lambda: cluster.api.delete("Node", scale_set_node_name("np1", 0)), "DELETED"),
        ):
            change()
            event = next(events)
            assert (event["type"], event["object"].metadata.resource_version) == (expected, str(cluster.api.revision))
        watch.stop()
        events.close()


def test_a_change_arrives_within_a_tenth_of_a_second(cluster: Cluster) -> None:
    waits = []
    with cluster.watch(f"{CILIUM_NODES}?resourceVersion=1") as lines:
        for number in range(5):
            begun = time.perf_counter()
            cluster.api.put(tiny(f"n{number}", "CiliumNode"))
            assert lines.next()["type"] == "ADDED"
            waits.append(time.perf_counter() - begun)
    # The best of five, so that a busy machine does not matter; polling would take 0.25 s each time.
    assert min(waits) < 0.1


def test_a_label_that_is_set_changed_or_taken_away_is_a_change_of_its_own(cluster: Cluster) -> None:
    fill(cluster, "a")
    before = cluster.api.revision
    with cluster.watch(f"{NODES}?resourceVersion={before}") as lines:
        cluster.api.set_label("Node", "a", "role", "peer")
        cluster.api.set_label("Node", "a", "role", "peer")  # an unchanged object gets no new version
        cluster.api.set_label("Node", "a", "role", None)
        seen = [(brief(event), event["object"]["metadata"].get("labels")) for event in lines.take(2)]
    assert seen == [
        (("MODIFIED", "a", str(before + 1)), {"role": "peer"}),
        (("MODIFIED", "a", str(before + 2)), {}),
    ]
    with pytest.raises(KeyError):
        cluster.api.set_label("Node", "b", "role", "peer")


@pytest.mark.parametrize("query", ["?", "?resourceVersion=0&"])
def test_a_watch_without_a_start_begins_with_what_is_there(cluster: Cluster, query: str) -> None:
    fill(cluster, "b", "a")
    cluster.api.delete("Node", "b")
    with cluster.watch(f"{NODES}{query}timeoutSeconds=600") as lines:
        assert brief(lines.next()) == ("ADDED", "a", "3")
        fill(cluster, "c")
        assert brief(lines.next()) == ("ADDED", "c", "5")


def test_a_watch_from_the_past_replays_it(cluster: Cluster) -> None:
    fill(cluster, "a", "b")
    cluster.api.delete("Node", "a")
    cluster.turn(0)
    with cluster.watch(f"{NODES}?resourceVersion=2&timeoutSeconds=600") as lines:
        assert [brief(event) for event in lines.take(2)] == [("ADDED", "b", "3"), ("DELETED", "a", "4")]


def test_a_watch_that_starts_too_early_says_so_in_its_only_line(cluster: Cluster) -> None:
    fill(cluster, "a")
    cluster.api.compact()
    answer = cluster.send(f"{NODES}?watch=1&resourceVersion=2")
    event = answer.json()
    assert (answer.status_code, event["type"]) == (200, "ERROR")
    assert event["object"] == status(410, "Expired", "too old resource version: 2 (3)")


def test_the_python_client_turns_that_line_into_a_410(cluster: Cluster) -> None:
    cluster.api.compact()
    with cluster.client() as client, pytest.raises(ApiException) as gone:
        list(watcher().stream(core(client).list_node, resource_version="1", timeout_seconds=5))
    assert gone.value.status == 410


def test_an_open_watch_survives_a_compaction(cluster: Cluster) -> None:
    with cluster.watch(f"{NODES}?resourceVersion=1") as lines:
        cluster.api.wait_for_watches()
        cluster.api.compact()
        fill(cluster, "a")
        assert brief(lines.next()) == ("ADDED", "a", "3")


def test_a_watch_ends_cleanly_at_its_timeout(cluster: Cluster) -> None:
    with cluster.watch(f"{NODES}?timeoutSeconds=300") as lines:
        cluster.api.wait_for_watches()
        cluster.turn(300)
        assert lines.rest() == []
    cluster.api.wait_for_watches(0)


def test_a_watch_without_a_timeout_ends_within_the_hour(cluster: Cluster) -> None:
    with cluster.watch(NODES) as lines:
        cluster.api.wait_for_watches()
        cluster.turn(1799)
        fill(cluster, "a")
        assert lines.next()["type"] == "ADDED"
        cluster.turn(1801)
        assert lines.rest() == []


def test_timeouts_are_real_seconds_without_a_hand_on_the_clock(cluster: Cluster) -> None:
    cluster.clock.now = time.monotonic()
    with cluster.watch(f"{NODES}?timeoutSeconds=1") as lines:
        cluster.api.wait_for_watches()
        cluster.clock.now += 1  # nobody ticks: the watch looks at the clock by itself
        assert lines.rest() == []


def test_bookmarks_come_each_minute_and_shortly_before_the_end(cluster: Cluster) -> None:
    with cluster.watch(f"{NODES}?resourceVersion=1&allowWatchBookmarks=true&timeoutSeconds=75") as lines:
        cluster.api.wait_for_watches()
        cluster.api.advance_revision(50)
        cluster.turn(59)
        fill(cluster, "a")
        assert brief(lines.next()) == ("ADDED", "a", "51")
        cluster.api.advance_revision(60)
        cluster.turn(1)
        first = lines.next()
        assert brief(first) == ("BOOKMARK", "", "60")
        assert set(first["object"]) == {"kind", "apiVersion", "metadata", "spec", "status"}
        cluster.api.advance_revision(70)
        cluster.turn(13.5)
        assert brief(lines.next()) == ("BOOKMARK", "", "70")
        cluster.turn(1.5)
        assert lines.rest() == []


@pytest.mark.parametrize("query", ["timeoutSeconds=75", "allowWatchBookmarks=true&timeoutSeconds=4"])
def test_no_bookmark_comes_unasked_or_in_a_short_watch(cluster: Cluster, query: str) -> None:
    with cluster.watch(f"{NODES}?{query}") as lines:
        cluster.api.wait_for_watches()
        cluster.turn(75)
        assert lines.rest() == []


def test_initial_events_end_with_a_marked_bookmark(cluster: Cluster) -> None:
    cluster.api.put(tiny("a", "CiliumNode"))
    query = "sendInitialEvents=true&allowWatchBookmarks=true&resourceVersionMatch=NotOlderThan"
    with cluster.watch(f"{CILIUM_NODES}?{query}") as lines:
        assert lines.next()["type"] == "ADDED"
        assert lines.next()["object"] == {
            "apiVersion": "cilium.io/v2",
            "kind": "CiliumNode",
            "metadata": {"annotations": {"k8s.io/initial-events-end": "true"}, "resourceVersion": "2"},
        }


def test_a_watch_from_the_future_is_silent_until_then(cluster: Cluster) -> None:
    with cluster.watch(f"{NODES}?resourceVersion=10") as lines:
        cluster.api.wait_for_watches()
        fill(cluster, "a")
        cluster.turn(60)
        cluster.api.advance_revision(10)
        fill(cluster, "b")
        assert brief(lines.next()) == ("ADDED", "b", "11")


def test_leaving_a_selection_looks_like_a_deletion(cluster: Cluster) -> None:
    with cluster.watch(f"{NODES}?resourceVersion=1&labelSelector=pool%3Dx") as lines:
        for pool, zone in (("y", "1"), ("y", "2"), ("x", "2"), ("x", "3"), ("y", "3"), ("x", "3")):
            cluster.api.put(tiny("a", pool=pool, zone=zone))
        cluster.api.delete("Node", "a")
        events = lines.take(5)
    assert [event["type"] for event in events] == ["ADDED", "MODIFIED", "DELETED", "ADDED", "DELETED"]
    left = events[2]["object"]["metadata"]
    assert (left["labels"], left["resourceVersion"]) == ({"pool": "x", "zone": "3"}, "6")


def test_dropped_watches_break_and_cleanly_dropped_ones_end(cluster: Cluster) -> None:
    with cluster.watch(NODES) as lines:
        cluster.api.wait_for_watches()
        assert cluster.api.drop_watches(clean=True) == 1
        assert lines.rest() == []
    with cluster.watch(NODES) as lines:
        cluster.api.wait_for_watches()
        assert cluster.api.drop_watches() == 1
        with pytest.raises(requests.exceptions.ChunkedEncodingError):
            lines.rest()
    cluster.api.wait_for_watches(0)
    assert cluster.api.drop_watches() == 0


def test_a_client_that_hangs_up_leaves_no_watch_behind(cluster: Cluster) -> None:
    with cluster.watch(NODES):
        cluster.api.wait_for_watches(1)
        assert cluster.api.open_watches == 1
    cluster.api.wait_for_watches(0)
    with pytest.raises(TimeoutError, match=r"0 watches are open after 0\.01 s, expected 2"):
        cluster.api.wait_for_watches(2, timeout=0.01)
