"""Leaving a followed cluster: promptly, and with nothing left behind, wherever it happens."""

import gc
import threading
import time
from collections.abc import Iterator

import pytest
from aiohttp import web

from sandbox.authority import Authority
from sandbox.kubernetes_api.api import KubernetesApi
from sandbox.server import ServerThread
from shared.errors import SourceError
from shared.sources import api_server, failures, watching
from shared.sources.kubernetes import KubernetesSource
from tests.sources.cluster import CILIUM_NODES, NODES, fill
from tests.sources.followed import PATIENCE, WATCH, Scripted, event, eventually, scripted_node, watching_threads

pytestmark = pytest.mark.wire


@pytest.fixture(autouse=True)
def nothing_is_left_behind() -> Iterator[None]:
    yield
    assert watching_threads() == []
    gc.collect()  # a socket that nobody closed becomes a warning, which fails the test


def test_leaving_ends_both_watches_and_their_threads_at_once(api: KubernetesApi, source: KubernetesSource) -> None:
    fill(api, 3)
    with source.follow() as nodes:
        nodes.read()
        api.wait_for_watches(2)
        assert len(watching_threads()) == 2
        begun = time.monotonic()
    assert time.monotonic() - begun < 5  # a watch that is read to its end takes 30 s
    assert watching_threads() == []
    api.wait_for_watches(0)


def test_leaving_with_an_error_leaves_nothing_behind_either(api: KubernetesApi, source: KubernetesSource) -> None:
    def pass_that_fails() -> None:
        with source.follow() as nodes:
            nodes.read()
            raise KeyError

    with pytest.raises(KeyError):
        pass_that_fails()
    api.wait_for_watches(0)


def test_leaving_before_anything_was_read_makes_no_request(api: KubernetesApi, source: KubernetesSource) -> None:
    with source.follow():
        pass
    assert len(api.calls) == 0


def test_a_first_reading_that_fails_leaves_no_thread(api: KubernetesApi, source: KubernetesSource) -> None:
    api.answer_next(CILIUM_NODES, 500, "no")
    with source.follow() as nodes:
        with pytest.raises(SourceError, match="500"):
            nodes.read()
        assert watching_threads() == []
    assert api.calls.count(watch=True) == 0


def test_a_thread_that_cannot_be_started_leaves_the_other_to_be_ended(
    api: KubernetesApi, source: KubernetesSource, monkeypatch: pytest.MonkeyPatch
) -> None:
    start = threading.Thread.start

    def refuse(self: threading.Thread) -> None:
        if "ciliumnodes" in self.name and self.name.startswith("watch"):
            raise RuntimeError("can't start new thread")
        start(self)

    monkeypatch.setattr(threading.Thread, "start", refuse)
    with pytest.raises(RuntimeError, match="can't start"), source.follow() as nodes:
        nodes.read()
    api.wait_for_watches(0)


def test_leaving_while_a_watch_waits_for_its_next_attempt_does_not_wait_with_it(
    api: KubernetesApi, source: KubernetesSource
) -> None:
    with source.follow() as nodes:
        nodes.read()
        api.wait_for_watches(2)
        api.answer_next("", 503, "no", times=100, query_contains=WATCH, headers={"Retry-After": "3600"})
        api.drop_watches()
        eventually(lambda: api.calls.count(status=503) == 2)
        begun = time.monotonic()
    assert time.monotonic() - begun < 5


def test_leaving_while_a_watch_waits_for_a_list_does_not_wait_with_it(
    api: KubernetesApi, source: KubernetesSource
) -> None:
    with source.follow() as nodes:
        nodes.read()
        api.wait_for_watches(2)
        api.compact()
        api.drop_watches()
        eventually(lambda: nodes.wait(0))


def test_leaving_while_lines_pour_in_is_no_error(servers: ServerThread, authority: Authority) -> None:
    scripted = Scripted(servers, authority)
    with scripted.source.follow() as nodes:
        nodes.read()
        for revision in range(11, 2000):
            scripted.say(0, event("MODIFIED", scripted_node(f"100.99.{revision % 250}.0/24", str(revision))))
        assert nodes.wait(PATIENCE)


def test_leaving_while_a_watch_has_no_answer_yet_waits_only_for_the_answer(
    servers: ServerThread, authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(api_server, "ANSWER_SECONDS", 0.3)
    asked, released = threading.Event(), threading.Event()

    async def answer(request: web.Request) -> web.StreamResponse:
        if "watch" in request.query:
            asked.set()
            await servers.loop.run_in_executor(None, released.wait)
        return web.json_response({"kind": "NodeList", "metadata": {"resourceVersion": "1"}, "items": []})

    app = web.Application()
    app.router.add_get(NODES, answer)
    address = servers.serve(app, tls=authority.server_context())
    source = KubernetesSource.connect(address, authority.ca_pem, lambda: "x", pod_cidr_source="node")
    try:
        with source.follow() as nodes:
            nodes.read()
            assert asked.wait(PATIENCE)
        assert watching_threads() == []
    finally:
        released.set()


def test_a_thread_that_does_not_end_is_not_waited_for_without_end(
    api: KubernetesApi, server: str, authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watching, "JOIN_SECONDS", 0.05)
    stuck, released = threading.Event(), threading.Event()

    def token() -> str:
        if threading.current_thread().name.startswith("watch "):
            stuck.set()
            released.wait()
        return "admin-secret"

    source = KubernetesSource.connect(server, authority.ca_pem, token, pod_cidr_source="node")
    with source.follow() as nodes:
        nodes.read()
        assert stuck.wait(PATIENCE)
    assert len(watching_threads()) == 1
    released.set()
    eventually(lambda: not watching_threads())
    api.wait_for_watches(0)


def test_what_is_no_longer_followed_cannot_be_read(api: KubernetesApi, source: KubernetesSource) -> None:
    with source.follow() as nodes:
        nodes.read()
    with pytest.raises(RuntimeError, match="no longer followed"):
        nodes.read()


def test_a_source_can_be_followed_again_and_by_several(api: KubernetesApi, source: KubernetesSource) -> None:
    fill(api, 1)
    for _ in range(2):
        with source.follow() as one, source.follow() as other:
            assert one.read() == other.read() == source.read()
            api.wait_for_watches(4)
        api.wait_for_watches(0)


def test_the_time_to_join_covers_what_cannot_be_interrupted() -> None:
    assert watching.JOIN_SECONDS > failures.CONNECT_SECONDS + api_server.ANSWER_SECONDS
