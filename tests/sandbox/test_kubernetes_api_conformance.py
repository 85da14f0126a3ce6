"""Holds the Kubernetes API stand-in against recorded exchanges with a real kube-apiserver, one by one.

Each test builds the recorded state, sends the recorded request and compares the answer: status, headers, body and,
for a watch, every line. Objects keep their recorded uid and times, so that nothing has to be normalised but a few
texts that the stand-in words itself.
"""

import copy
from collections.abc import Iterator
from email.utils import parsedate_to_datetime
from itertools import pairwise
from typing import Any

import pytest
import requests

from sandbox.kubernetes_api.paging import place_of
from tests.sandbox import kubernetes_recordings as recordings
from tests.sandbox.kubernetes_recordings import EXCHANGES, LEFT_OUT, Exchange, live, play, prepare
from tests.sandbox.kubernetes_stage import ADMIN, Cluster, Lines, Server, cluster_on

pytestmark = [
    pytest.mark.wire,
    pytest.mark.skipif(not EXCHANGES, reason="recordings not present: ../shared/data/k8s-recordings"),
]

READER, NOBODY = "reader-token", "nobody-token"
CONCERNED = tuple(exchange for exchange in EXCHANGES if (exchange.file, exchange.number) not in LEFT_OUT)
OWN_LENGTH = {"version", "nodes Table", "ciliumnodes Table", "startup: ciliumnodes"}
COMPARED_HEADERS = ("Content-Type", "Retry-After", "X-Content-Type-Options", "Content-Length", "Transfer-Encoding")


@pytest.fixture
def cluster(server: Server) -> Iterator[Cluster]:
    with cluster_on(server, revision=recordings.INSTALLED) as cluster:
        cluster.api.allow_anonymous()
        cluster.api.add_token(NOBODY, user="nobody")
        cluster.api.add_token(READER, user="route-sync")
        for resource in ("nodes", "ciliumnodes"):
            cluster.api.allow("get", "list", "watch", resource=resource, user="route-sync")
        yield cluster


def test_nearly_all_of_the_recordings_are_replayed() -> None:
    assert (len(EXCHANGES), len(CONCERNED), len(LEFT_OUT)) == (119, 105, 14)
    left_out = {exchange.name for exchange in EXCHANGES if exchange not in CONCERNED}
    assert left_out == {
        "create node 0",
        "node status 0",
        "create ciliumnode 0",
        "create duplicate node (409 AlreadyExists)",
        "nodes PUT stale resourceVersion (409 Conflict)",
        "ciliumnodes PUT stale resourceVersion (409 Conflict)",
        "node podCIDR immutable (422)",
        "ciliumnode schema violation (422)",
        "startup: readyz",
        "create multi-pool CiliumNode (CRD v1.20-dev)",
        "duplicate pool key in list-map (422?)",
        "cidr not validated by schema?",
        "empty podCIDR accepted?",
    }


@pytest.mark.parametrize("exchange", [one for one in CONCERNED if not one.is_watch], ids=str)
def test_an_answer_is_the_recorded_one(cluster: Cluster, exchange: Exchange) -> None:
    prepare(cluster, exchange)
    misbehave(cluster, exchange)
    if exchange.response["status"] == 504 or "text" in exchange.response:
        cluster.api._serving.clock = _hurried(cluster)
    answer = ask(cluster, exchange)
    assert_same_head(answer, exchange)
    if "text" in exchange.response:
        # One watch was recorded as text, and only its first 2,000 characters.
        assert answer.text[:2000] == exchange.response["text"]
    else:
        assert worded_alike(answer.json()) == worded_alike(recorded_body(exchange))


@pytest.mark.parametrize("exchange", [one for one in CONCERNED if one.is_watch], ids=str)
def test_a_watch_sends_the_recorded_lines(cluster: Cluster, exchange: Exchange) -> None:
    prepare(cluster, exchange)
    with ask(cluster, exchange, stream=True) as answer:
        assert_same_head(answer, exchange)
        lines = Lines(answer)
        if not any(event["type"] == "ERROR" for event in exchange.events):
            cluster.api.wait_for_watches()
        seen = relive(cluster, exchange, lines) if live(exchange) else lines.take(len(exchange.events))
        cluster.turn(100)
        assert (seen, lines.rest()) == (exchange.events, [])


def relive(cluster: Cluster, exchange: Exchange, lines: Lines) -> list[dict[str, Any]]:
    """Let what was recorded happen at its time, while the watch is open."""
    seen = []
    for (before, now), event in zip(pairwise([0.0, *exchange.arrivals]), exchange.events, strict=True):
        if event["type"] == "BOOKMARK":
            # It comes within a second around its time, and speaks of the revision reached by then.
            cluster.api.advance_revision(int(event["object"]["metadata"]["resourceVersion"]))
            cluster.turn(now - before + 0.2)
        else:
            cluster.turn(now - before)
            play(cluster, [event])
        seen.append(lines.next())
    return seen


def ask(cluster: Cluster, exchange: Exchange, *, stream: bool = False) -> requests.Response:
    recorded = exchange.request
    kept = {name: value for name, value in recorded["headers"].items() if name.startswith("Accept")}
    cluster.wall_clock.now = parsedate_to_datetime(exchange.response["headers"]["date"]).timestamp()
    return cluster.send(
        recorded["path"], method=recorded["method"], token=token_of(exchange), headers=kept, stream=stream
    )


def token_of(exchange: Exchange) -> str | None:
    """The recordings mask the token; the exchange's name says whose it was."""
    if "Authorization" not in exchange.request["headers"]:
        return None
    if "bad-token" in exchange.name or "unauthorized" in exchange.name:
        return "made-up"
    if "no RBAC" in exchange.name:
        return NOBODY
    if exchange.response["status"] == 404 and "text" in exchange.response:
        return ADMIN
    return READER


def misbehave(cluster: Cluster, exchange: Exchange) -> None:
    """Pull the switch behind a refusal that a healthy server would not give."""
    match exchange.file, exchange.response["status"]:
        case recordings.STARTUP, 403:
            for resource in ("nodes", "ciliumnodes"):
                cluster.api.forbid("list", "watch", resource=resource, user="route-sync")
        case recordings.FIRST_CALL, 429:
            cluster.api.reinitialize_storage()
        case recordings.OVERLOAD, 429:
            cluster.api.overload_next()


def assert_same_head(answer: requests.Response, exchange: Exchange) -> None:
    expected = {name.title(): value for name, value in exchange.response["headers"].items()}
    # Its length differs where the stand-in words a text itself, does not indent it as the server does a 406, or
    # writes a continue token with a slash that a starting server leaves out.
    own_length = answer.status_code == 406 or exchange.name in OWN_LENGTH
    compared = COMPARED_HEADERS[:3] if own_length else COMPARED_HEADERS
    assert answer.status_code == exchange.response["status"]
    assert {name: answer.headers.get(name) for name in compared} == {name: expected.get(name) for name in compared}


def recorded_body(exchange: Exchange) -> Any:
    """A refused watch was recorded as its only line."""
    return exchange.response["body"] if "body" in exchange.response else exchange.events[0]


def worded_alike(body: Any) -> Any:
    """The body without what differs for a reason: what a column means, which build this is, how a token is written."""
    plain = copy.deepcopy(body)
    if token := plain.get("metadata", {}).get("continue"):
        plain["metadata"]["continue"] = place_of(token)
    for column in plain.get("columnDefinitions", ()):
        assert column.pop("description")
    return dict.fromkeys(plain) if "gitVersion" in plain else plain


def _hurried(cluster: Cluster) -> Any:
    """A clock that runs a second with every look, for an answer that ends with its timeout."""

    def clock() -> float:
        cluster.clock.now += 1.0
        return cluster.clock.now

    return clock
