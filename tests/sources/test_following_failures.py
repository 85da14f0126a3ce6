"""A watch that ends or is refused, and that no change is lost by it."""

import pytest

from sandbox.authority import Authority
from sandbox.identity import AKS_AUDIENCE, Tokens
from sandbox.kubernetes_api.api import KubernetesApi
from shared.errors import SourceError
from shared.sources import watching
from shared.sources.following import Following
from shared.sources.kubernetes import KubernetesSource
from tests.sources.cluster import CILIUM_NODES, NODES, fill
from tests.sources.followed import (
    BOTH,
    PATIENCE,
    WATCH,
    Clock,
    assign,
    cidrs_by_number,
    eventually,
    lists,
    name,
    sees,
    take_down,
    watches,
)

pytestmark = pytest.mark.wire

# A watch that ends is followed by another from where it ended


@pytest.mark.parametrize("clean", [True, False], ids=["as it should", "by a broken connection"])
def test_a_watch_that_ends_goes_on_where_it_ended(api: KubernetesApi, nodes: Following, *, clean: bool) -> None:
    assign(api, 0, "100.99.0.0/24")
    assert sees(nodes, 0, "100.99.0.0/24")
    seen = str(api.revision)
    api.drop_watches(clean=clean)
    eventually(lambda: len(watches(api, CILIUM_NODES)) == 1)
    assign(api, 1, "100.99.1.0/24")
    eventually(lambda: cidrs_by_number(nodes.read())[1] == ["100.99.1.0/24"])
    assert watches(api, CILIUM_NODES)[0] == seen


def test_what_changed_while_no_watch_was_open_is_seen_by_the_next(
    api: KubernetesApi, nodes: Following, noted: list[float]
) -> None:
    take_down(api)
    assign(api, 1, "100.99.0.0/24")
    api.delete("Node", name(2))
    api.clear_faults()
    eventually(lambda: len(noted) == 2)
    assert nodes.wait(PATIENCE)
    assert cidrs_by_number(nodes.read()) == {0: ["100.64.0.0/24"], 1: ["100.99.0.0/24"]}
    assert lists(api) == 0


@pytest.mark.parametrize(
    ("code", "headers"), [(429, {"Retry-After": "1"}), (429, {}), (500, {}), (503, {}), (504, {}), (401, {})]
)
def test_a_refusal_that_passes_is_outlasted_without_a_list(
    api: KubernetesApi, nodes: Following, noted: list[float], code: int, headers: dict[str, str]
) -> None:
    for path in BOTH:
        api.answer_next(path, code, "later", query_contains=WATCH, headers=headers)
    api.drop_watches()
    for path in BOTH:
        eventually(lambda path=path: len(watches(api, path)) > 0)  # type: ignore[misc]
    assign(api, 1, "100.99.0.0/24")
    api.delete("Node", name(2))
    eventually(lambda: len(noted) == 2)  # both watches are open again
    assert nodes.wait(PATIENCE)
    assert cidrs_by_number(nodes.read()) == {0: ["100.64.0.0/24"], 1: ["100.99.0.0/24"]}
    assert [api.calls.count(path, status=code, watch=True) for path in BOTH] == [1, 1]
    assert lists(api) == 0


def test_a_server_that_asks_for_time_gets_it(api: KubernetesApi, nodes: Following) -> None:
    api.overload_next(NODES)  # recorded: Retry-After: 1
    api.drop_watches()
    eventually(lambda: len(watches(api, NODES)) == 2)
    refused, again = [call.at for call in api.calls if call.path == NODES and call.is_watch]
    assert again - refused >= 0.99


def test_a_watch_that_is_refused_for_ever_is_not_asked_for_in_a_hot_loop(
    api: KubernetesApi, source: KubernetesSource
) -> None:
    fill(api, 1)
    clock = Clock()  # no time passes, so nothing is due
    with source.follow(clock=clock) as nodes:
        nodes.read()
        api.wait_for_watches(2)
        api.clear_calls()
        take_down(api)
        for attempts in (1, 2, 3):
            eventually(lambda attempts=attempts: len(watches(api, NODES)) == attempts)  # type: ignore[misc]
            nodes.read()
            assert len(watches(api, NODES)) == attempts
            clock.now += 0.1 * 2.0**attempts


def test_a_watch_that_is_answered_and_ended_at_once_is_slowed_down_too(
    api: KubernetesApi, source: KubernetesSource
) -> None:
    fill(api, 1)
    with source.follow(clock=Clock()) as nodes:
        nodes.read()
        api.wait_for_watches(2)
        api.clear_calls()
        take_down(api, 200, text="")
        eventually(lambda: len(watches(api, NODES)) == 1)
        read_before = lists(api)
        eventually(lambda: nodes.read() is not None and lists(api) > read_before)  # trusted no more
        assert len(watches(api, NODES)) == 1


def test_a_watch_that_has_stood_for_a_second_is_followed_by_the_next_at_once(
    api: KubernetesApi, source: KubernetesSource, noted: list[float]
) -> None:
    fill(api, 1)
    clock = Clock()  # an attempt that is put off never comes
    with source.follow(clock=clock) as nodes:
        nodes.read()
        noted.clear()
        for time in range(1, 5):
            api.wait_for_watches(2)
            api.put(api.get("Node", name(0)) | {"spec": {"podCIDR": f"10.9.{time}.0/24"}})
            assign(api, 0, f"100.99.{time}.0/24")
            eventually(lambda time=time: len(noted) == 2 * time)  # type: ignore[misc]
            clock.now += watching.STOOD_SECONDS
            api.drop_watches()
            eventually(lambda time=time: len(watches(api, NODES)) == len(watches(api, CILIUM_NODES)) == 1 + time)  # type: ignore[misc]


def test_a_list_that_is_refused_for_ever_is_not_asked_for_in_a_hot_loop(api: KubernetesApi, nodes: Following) -> None:
    take_down(api, 410)
    api.answer_next(NODES, 500, "no", times=10_000, query_contains="limit")
    assert nodes.wait(1)
    assert 1 <= api.calls.count(NODES, watch=False) <= 8


# Tokens


def test_a_token_that_was_revoked_while_watching_is_asked_for_anew(
    api: KubernetesApi, nodes: Following, tokens: Tokens
) -> None:
    tokens.revoke_all()
    api.drop_watches()
    assign(api, 1, "100.99.0.0/24")
    eventually(lambda: cidrs_by_number(nodes.read())[1] == ["100.99.0.0/24"])


def test_a_refused_token_is_asked_for_anew_until_it_is_taken(
    api: KubernetesApi, server: str, authority: Authority, tokens: Tokens
) -> None:
    fill(api, 1)
    stale: list[str] = []

    def token() -> str:
        return stale.pop() if stale else tokens.issue(AKS_AUDIENCE)[0]

    with KubernetesSource.connect(server, authority.ca_pem, token).follow() as nodes:
        nodes.read()
        api.wait_for_watches(2)
        stale += ["sandbox.stale"] * 4
        api.drop_watches()
        assign(api, 0, "100.99.0.0/24")
        eventually(lambda: not stale)
        eventually(lambda: cidrs_by_number(nodes.read())[0] == ["100.99.0.0/24"])
    assert api.calls.count(status=401) == 4


def test_a_token_that_cannot_be_had_for_a_while_ends_no_thread(
    api: KubernetesApi, server: str, authority: Authority, tokens: Tokens
) -> None:
    fill(api, 1)
    failing: list[None] = []

    def token() -> str:
        if failing:
            failing.pop()
            raise SourceError("no managed identity")
        return tokens.issue(AKS_AUDIENCE)[0]

    with KubernetesSource.connect(server, authority.ca_pem, token).follow() as nodes:
        nodes.read()
        api.wait_for_watches(2)
        failing += [None] * 4
        api.drop_watches()
        eventually(lambda: not failing)
        api.wait_for_watches(2)
        assign(api, 0, "100.99.0.0/24")
        assert nodes.wait(PATIENCE)
        eventually(lambda: cidrs_by_number(nodes.read())[0] == ["100.99.0.0/24"])
