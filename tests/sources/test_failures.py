"""Sentences for failures that no server on this machine can be brought to, and for recorded refusals."""

import json
import ssl
from pathlib import Path
from typing import Any

import pytest
from urllib3 import HTTPSConnectionPool
from urllib3 import exceptions as http
from urllib3.connection import HTTPConnection

from shared.sources.failures import refusal, server_message, unreachable

POOL = HTTPSConnectionPool("api", 443)
DATA = Path(__file__).parents[2].parent / "shared" / "data" / "k8s-recordings"


@pytest.mark.parametrize(
    ("cause", "sentence"),
    [
        (http.ConnectTimeoutError(HTTPConnection("api"), "timed out"), "no connection within 5 s"),
        (http.ReadTimeoutError(POOL, "/", "timed out"), "no answer within 30 s"),
        (http.NewConnectionError(HTTPConnection("api"), "failed"), "the connection failed (no reason given)"),
        (http.SSLError(ssl.SSLError("bad record mac")), "TLS failed"),
        (http.SSLError(), "TLS failed"),
        (http.ProtocolError("Connection aborted."), "the answer broke off (ProtocolError)"),
        (http.DecodeError("not gzip"), "the answer broke off (DecodeError)"),
        (http.ProxyError("no tunnel", OSError("no tunnel")), "the answer broke off (OSError)"),
    ],
)
def test_every_way_of_not_reaching_a_server_has_its_sentence(cause: http.HTTPError, sentence: str) -> None:
    for error in (cause, http.MaxRetryError(POOL, "/api/v1/nodes?continue=secret", cause)):
        told = str(unreachable("https://api:443", error))
        assert f"cannot read from the API server https://api:443: {sentence}" in told
        assert "secret" not in told


def test_giving_up_without_a_reason_has_a_sentence_too() -> None:
    assert "broke off" in str(unreachable("https://api", http.MaxRetryError(POOL, "/", None)))


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b'{"kind":"Status","message":"no\\n  way"}', "no way"),
        (b"404 page not found\n", "404 page not found"),
        (b"", ""),
        (b"\xff\xfe", "��"),
        (b"[1]", "[1]"),
        (b'{"message":7}', '{"message":7}'),
        (b"x" * 301, "x" * 300 + "…"),
    ],
)
def test_what_a_server_says_is_put_on_one_short_line(body: bytes, said: str) -> None:
    assert server_message(body) == said


def test_a_refusal_without_text_says_so() -> None:
    assert "cannot list nodes: 500 (no text); " in refusal("nodes", 500, b"", permission="p", absence="a")


@pytest.mark.skipif(not DATA.is_dir(), reason="recordings not present")
@pytest.mark.parametrize(
    ("file", "name", "sentence"),
    [
        ("01-list-get-errors.json", "bad-token", "401 Unauthorized; the token is not accepted"),
        ("01-list-get-errors.json", "forbidden (authenticated, no RBAC)", "grant what it takes"),
        ("01-list-get-errors.json", "unknown CRD group (CRD absent)", "404 404 page not found; what if absent"),
        ("05-first-call-after-ready.json", "first call after ready: ciliumnodes list (round 0)", "(re)initializing"),
        ("06-overload-429.json", "flood list nodes (max-requests-inflight=1, APF off)", "429 Too many requests"),
    ],
)
def test_recorded_refusals_are_told_in_the_servers_words_and_with_the_way_out(
    file: str, name: str, sentence: str
) -> None:
    exchanges = json.loads((DATA / file).read_text())["exchanges"]
    (response,) = [one["response"] for one in exchanges if one["name"] == name]
    told = refusal("nodes", response["status"], body_of(response), permission="what it takes", absence="what if absent")
    assert sentence in told


def body_of(response: dict[str, Any]) -> bytes:
    """The recordings hold JSON bodies as `body` and others as `text`."""
    return json.dumps(response["body"]).encode() if response.get("body") else str(response["text"]).encode()
