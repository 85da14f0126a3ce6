"""A watch that cannot tell what happened: listed anew, never read from memory, and no change is lost by it."""

from collections.abc import Callable
from typing import Any

import pytest

from sandbox.authority import Authority
from sandbox.kubernetes_api.api import KubernetesApi
from sandbox.kubernetes_api.statuses import status
from sandbox.server import ServerThread
from shared.errors import SourceError
from shared.sources import watching
from shared.sources.following import Following
from shared.sources.kubernetes import KubernetesSource
from shared.sources.watch_events import decode
from tests.sources.cluster import CILIUM_NODES, NODES, fill
from tests.sources.followed import (
    BOTH,
    PATIENCE,
    WATCH,
    Clock,
    Scripted,
    assign,
    cidrs_by_number,
    event,
    eventually,
    lists,
    name,
    scripted_node,
    sees,
    take_down,
    watching_threads,
)

pytestmark = pytest.mark.wire

# A watch that has lost its place is followed by a list, and what differs is a change


def lost_in_watch(api: KubernetesApi) -> None:
    api.compact()  # recorded: HTTP 200, then one ERROR line with a Status 410
    api.clear_faults()


def lost_at_once(api: KubernetesApi) -> None:
    api.clear_faults()
    for path in BOTH:
        api.answer_next(path, 410, status(410, "Expired", "too old resource version"), query_contains=WATCH)


def garbled(api: KubernetesApi) -> None:
    api.clear_faults()
    for path in BOTH:
        api.garble_next(path, query_contains=WATCH)


def half_a_line(api: KubernetesApi) -> None:
    api.clear_faults()
    for path in BOTH:
        api.answer_next(path, 200, b'{"type":"MODIFIED","object":{"kind":"No', query_contains=WATCH)


def refused(api: KubernetesApi) -> None:
    api.forbid("watch", resource="nodes")
    api.forbid("watch", resource="ciliumnodes")
    api.clear_faults()


LOSSES = [lost_in_watch, lost_at_once, garbled, half_a_line, refused]


@pytest.mark.parametrize("lose", LOSSES)
def test_what_changed_before_the_place_was_lost_is_seen_by_the_list_that_follows(
    api: KubernetesApi, nodes: Following, lose: Callable[[KubernetesApi], None]
) -> None:
    take_down(api)
    assign(api, 1, "100.99.0.0/24")
    api.delete("Node", name(2))
    lose(api)
    wanted = {0: ["100.64.0.0/24"], 1: ["100.99.0.0/24"]}
    eventually(lambda: nodes.wait(PATIENCE) and cidrs_by_number(nodes.read()) == wanted)
    assert lists(api) >= 2


@pytest.mark.parametrize("lose", LOSSES[:-1])
def test_a_list_that_shows_nothing_new_wakes_nobody(
    api: KubernetesApi, source: KubernetesSource, noted: list[float], lose: Callable[[KubernetesApi], None]
) -> None:
    fill(api, 3)
    with source.follow() as nodes:
        nodes.read()
        noted.clear()
        api.wait_for_watches(2)
        api.clear_calls()
        take_down(api)
        lose(api)
        eventually(lambda: not nodes.wait(0.05))  # until a watch vouches for what is held again
        assert noted == []
        assert api.calls.count(NODES, watch=False) == api.calls.count(CILIUM_NODES, watch=False) == 1
        assign(api, 1, "100.99.0.0/24")
        assert sees(nodes, 1, "100.99.0.0/24")


def test_where_lists_are_allowed_and_watches_are_not_changes_are_still_seen(
    api: KubernetesApi, nodes: Following
) -> None:
    refused(api)
    api.drop_watches()
    for third in (1, 2, 3):
        assign(api, 1, f"100.99.{third}.0/24")
        assert sees(nodes, 1, f"100.99.{third}.0/24")


def test_a_lost_place_of_one_resource_leaves_the_other_alone(api: KubernetesApi, nodes: Following) -> None:
    take_down(api, 410, (NODES,))
    api.clear_faults()
    eventually(lambda: not nodes.wait(0.05))
    assert api.calls.count(NODES, watch=False) >= 1
    assert api.calls.count(CILIUM_NODES, watch=False) == 0


def test_a_list_that_fails_while_somebody_waits_is_tried_again(api: KubernetesApi, nodes: Following) -> None:
    take_down(api, 410)
    api.answer_next(NODES, 500, "no", times=3, query_contains="limit")
    api.delete("Node", name(2))
    assert nodes.wait(PATIENCE)
    assert api.calls.count(NODES, status=500) == 3
    assert set(cidrs_by_number(nodes.read())) == {0, 1}


# What no watch vouches for is not read from memory


def test_a_reading_while_a_watch_is_broken_lists(api: KubernetesApi, nodes: Following) -> None:
    take_down(api)
    assign(api, 1, "100.99.0.0/24")
    assert cidrs_by_number(nodes.read())[1] == ["100.99.0.0/24"]
    assert [api.calls.count(path, watch=False) for path in BOTH] == [1, 1]


def test_a_list_is_not_trusted_for_longer_than_one_reading_while_its_watch_is_held_back(
    api: KubernetesApi, source: KubernetesSource
) -> None:
    fill(api, 1)
    with source.follow(clock=Clock()) as nodes:
        nodes.read()
        api.wait_for_watches(2)
        take_down(api)
        eventually(lambda: api.calls.count(status=503) == 2)
        api.clear_calls()
        for third in (1, 2, 3):
            assign(api, 0, f"100.99.{third}.0/24")
            eventually(lambda third=third: cidrs_by_number(nodes.read()) == {0: [f"100.99.{third}.0/24"]})  # type: ignore[misc]


def test_a_reading_that_cannot_list_fails_and_forgets_nothing(api: KubernetesApi, nodes: Following) -> None:
    take_down(api)
    api.answer_next(CILIUM_NODES, 500, "no", times=2, query_contains="limit")
    for _ in range(2):
        with pytest.raises(SourceError, match=r"cannot list ciliumnodes\.cilium\.io: 500"):
            nodes.read()
    api.clear_faults()
    assert cidrs_by_number(nodes.read()) == {number: [f"100.64.{number}.0/24"] for number in range(3)}


def test_a_wait_that_cannot_know_says_so_and_the_reading_finds_out(
    api: KubernetesApi, nodes: Following, noted: list[float]
) -> None:
    take_down(api)
    assert nodes.wait(0.01)
    assert noted == []
    nodes.read()
    api.clear_faults()
    api.wait_for_watches(2, timeout=PATIENCE)
    eventually(lambda: not nodes.wait(0))


def test_a_resource_that_is_no_longer_served_is_a_failed_reading_and_no_empty_one(
    api: KubernetesApi, nodes: Following
) -> None:
    api.crd_installed = False
    eventually(lambda: nodes.wait(0))
    for _ in range(2):
        with pytest.raises(SourceError, match="was the CustomResourceDefinition removed"):
            nodes.read()


def test_a_list_that_names_no_revision_cannot_be_followed(api: KubernetesApi, source: KubernetesSource) -> None:
    api.answer_next(NODES, 200, {"kind": "NodeList", "metadata": {}, "items": []})
    with source.follow() as nodes:
        with pytest.raises(SourceError, match="has no resourceVersion"):
            nodes.read()
        assert nodes.read().nodes == ()


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_mistake_that_ends_a_thread_costs_a_list_and_no_change(
    api: KubernetesApi, nodes: Following, monkeypatch: pytest.MonkeyPatch
) -> None:
    mistakes = [ZeroDivisionError()]

    def mistaken(*args: Any) -> Any:
        if mistakes:
            raise mistakes.pop()
        return decode(*args)

    monkeypatch.setattr(watching, "decode", mistaken)
    assign(api, 1, "100.99.0.0/24")
    assert sees(nodes, 1, "100.99.0.0/24")
    assert api.calls.count(CILIUM_NODES, watch=False) == 1
    assign(api, 1, "100.99.1.0/24")
    assert sees(nodes, 1, "100.99.1.0/24")
    assert len(watching_threads()) == 2


# A server that says exactly this


def test_a_watch_that_has_gone_silent_is_given_up_and_what_it_swallowed_is_seen(
    servers: ServerThread, authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watching, "SILENT_SECONDS", 0.2)
    scripted = Scripted(servers, authority)
    with scripted.source.follow() as nodes:
        nodes.read()
        scripted.say(1, event("MODIFIED", scripted_node("100.99.0.0/24", "11")))
        assert nodes.wait(PATIENCE)
        assert cidrs_by_number(nodes.read()) == {0: ["100.99.0.0/24"]}
    assert scripted.watched[:2] == ["10", "10"]


def test_a_watch_from_before_the_last_list_takes_nothing_back(servers: ServerThread, authority: Authority) -> None:
    scripted = Scripted(servers, authority)
    with scripted.source.follow() as nodes:
        nodes.read()
        eventually(lambda: len(scripted.watched) == 1)
        eventually(lambda: not nodes.wait(0))
        nodes._nodes._held.trusted = False  # as if the watch had just been opened, after a list had begun
        scripted.revision, scripted.items = "20", [scripted_node("100.99.20.0/24", "20")]
        assert cidrs_by_number(nodes.read()) == {0: ["100.99.20.0/24"]}
        scripted.say(0, event("MODIFIED", scripted_node("100.99.15.0/24", "15")))
        eventually(lambda: len(scripted.watched) == 2)
        assert cidrs_by_number(nodes.read()) == {0: ["100.99.20.0/24"]}
        scripted.say(1, event("DELETED", scripted_node("100.99.20.0/24", "21")))
        assert nodes.wait(PATIENCE)
        assert cidrs_by_number(nodes.read()) == {}
    assert scripted.watched == ["10", "20"]


def test_an_event_without_a_name_or_of_another_kind_leads_to_a_list(
    servers: ServerThread, authority: Authority
) -> None:
    scripted = Scripted(servers, authority)
    with scripted.source.follow() as nodes:
        nodes.read()
        scripted.revision, scripted.items = "20", [scripted_node("100.99.20.0/24", "20")]
        scripted.say(0, event("DELETED", {**scripted_node("100.99.0.0/24", "11"), "kind": "Status"}))
        assert nodes.wait(PATIENCE)
        assert cidrs_by_number(nodes.read()) == {0: ["100.99.20.0/24"]}
    assert scripted.lists == 2
