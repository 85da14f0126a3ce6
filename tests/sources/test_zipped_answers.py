"""Zipped answers on the wire: whole whatever the length they claim at their end, refused where they are not."""

import gzip
import json
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from sandbox.authority import Authority
from sandbox.identity import AKS_AUDIENCE, Tokens
from sandbox.kubernetes_api.api import KubernetesApi
from shared.sources.api_server import ApiServer
from shared.sources.kubernetes import KubernetesSource
from tests.sources.cluster import NODES, failure

pytestmark = pytest.mark.wire

ZIPPED = {"Content-Encoding": "gzip"}
EMPTY = json.dumps({"kind": "NodeList", "metadata": {"resourceVersion": "7"}, "items": [], "note": "x" * 5000}).encode()


@contextmanager
def allocations() -> Iterator[Callable[[], int]]:
    """Gives what was allocated at most so far, in bytes."""
    tracemalloc.start()
    try:
        yield lambda: tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("claimed", [0, 1, len(EMPTY) - 1, len(EMPTY), len(EMPTY) + 1, 2**32 - 1])
def test_an_answer_is_read_whole_whatever_length_it_claims(
    api: KubernetesApi, source: KubernetesSource, claimed: int
) -> None:
    """Only a length that fits ends a stream rightly; any other is an answer that broke off, and takes no 4 GB to find out."""
    zipped = gzip.compress(EMPTY)[:-4] + claimed.to_bytes(4, "little")
    api.answer_next(NODES, 200, zipped, headers=ZIPPED)
    with allocations() as peak:
        if claimed == len(EMPTY):
            assert source.read().nodes == ()
        else:
            assert "broke off" in failure(source)
        assert peak() < 100_000_000


@pytest.mark.parametrize(
    "zipped",
    [
        gzip.compress(EMPTY)[:-9],
        gzip.compress(EMPTY)[:-9] + bytes(9),
        gzip.compress(EMPTY)[:20],
        EMPTY,
        b"\x1f\x8b",
        b"",
    ],
    ids=["cut", "wrong sum", "cut early", "not zipped at all", "the beginning of a header", "nothing"],
)
def test_an_answer_that_cannot_be_unzipped_fails_the_reading(
    api: KubernetesApi, source: KubernetesSource, zipped: bytes
) -> None:
    api.answer_next(NODES, 200, zipped, headers=ZIPPED)
    assert "broke off" in failure(source)


def test_an_answer_is_in_memory_once(api: KubernetesApi, server: str, authority: Authority, tokens: Tokens) -> None:
    """A page of 500 nodes is 9 MB, and an instance may have 512 MB for many clusters."""
    body = b"[" + b"0," * 4_000_000 + b"0]"
    api.answer_next(NODES, 200, gzip.compress(body), headers=ZIPPED)
    reader = ApiServer.connect(server, authority.ca_pem, lambda: tokens.issue(AKS_AUDIENCE)[0])
    with allocations() as peak:
        assert reader.get(NODES).body == body
        assert peak() < 1.2 * len(body)


def test_a_zipped_refusal_is_quoted(api: KubernetesApi, source: KubernetesSource) -> None:
    refusal = gzip.compress(json.dumps({"message": "nodes is forbidden"}).encode())
    api.answer_next(NODES, 403, refusal, headers=ZIPPED)
    assert "403 nodes is forbidden" in failure(source)
