"""The faults of the API server as the official client meets them."""

import json
import threading
from collections.abc import Generator, Iterator
from contextlib import closing, suppress
from typing import Any

import pytest
from kubernetes.client import ApiException, CoreV1Api, CustomObjectsApi
from kubernetes.watch import Watch
from urllib3.exceptions import HTTPError, MaxRetryError, ProtocolError, ReadTimeoutError

from tests.sandbox.faults_stage import RESET, Scene, scene_in

pytestmark = pytest.mark.wire


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    with scene_in(tmp_path_factory.mktemp("ca")) as scene:
        yield scene


@pytest.fixture
def scene(running: Scene) -> Iterator[Scene]:
    yield running
    running.faults.clear()
    running.cloud.kubernetes.drop_watches()
    running.cloud.kubernetes.wait_for_watches(0)
    assert len(running.list_nodes().items) == 3


def list_cilium_nodes(scene: Scene) -> Any:
    custom: Any = CustomObjectsApi(scene.kubernetes)
    return custom.list_cluster_custom_object("cilium.io", "v2", "ciliumnodes")


def events(scene: Scene, **options: Any) -> Generator[Any]:
    """What a watch of nodes tells, from the current state on."""
    core: Any = CoreV1Api(scene.kubernetes)
    revision = core.list_node(limit=1).metadata.resource_version
    watch: Any = Watch()  # type: ignore[no-untyped-call]
    yield from watch.stream(core.list_node, **{"resource_version": revision} | options)


@pytest.mark.parametrize(
    ("name", "status", "media", "message"),
    [
        ("kubernetes-unauthorized", 401, "application/json", "Unauthorized"),
        ("kubernetes-forbidden", 403, "application/json", 'cannot list resource \\"nodes\\" in API group \\"\\"'),
        ("kubernetes-overload", 429, "text/plain; charset=utf-8", "Too many requests, please try again later.\n"),
        ("kubernetes-server-error", 500, "application/json", "etcdserver: request timed out"),
    ],
)
def test_a_list_is_refused_as_an_api_server_refuses_it(
    scene: Scene, name: str, status: int, media: str, message: str
) -> None:
    scene.faults.on(name, times=1)
    with pytest.raises(ApiException) as caught:
        scene.list_nodes()
    refused: Any = caught.value
    assert (refused.status, refused.headers["Content-Type"]) == (status, media)
    assert message in refused.body
    assert refused.headers.get("Retry-After") == ("1" if status == 429 else None)
    assert len(scene.list_nodes().items) == 3
    assert scene.faults.struck[name] == 1


def test_a_refusal_may_be_for_one_resource_only(scene: Scene) -> None:
    scene.faults.on("kubernetes-forbidden", path="/ciliumnodes")
    assert len(scene.list_nodes().items) == 3
    with pytest.raises(ApiException, match=r"ciliumnodes.cilium.io is forbidden") as refused:
        list_cilium_nodes(scene)
    assert refused.value.status == 403


def test_discovery_goes_on(scene: Scene) -> None:
    """A refused role binding does not hide which resources are served."""
    scene.faults.on("kubernetes-forbidden")
    custom: Any = CustomObjectsApi(scene.kubernetes)
    assert [each.name for each in custom.get_api_resources("cilium.io", "v2").resources] == ["ciliumnodes"]


def test_a_list_expires_between_its_pages_and_a_token_to_go_on_with_comes_along(scene: Scene) -> None:
    first = scene.list_nodes(limit=2)
    scene.faults.on("kubernetes-expired-list", times=1)
    with pytest.raises(ApiException) as expired:
        scene.list_nodes(limit=2, _continue=first.metadata._continue)
    assert (expired.value.status, expired.value.reason) == (410, "Gone")
    token = json.loads(expired.value.body or "")["metadata"]["continue"]
    assert token != first.metadata._continue
    rest = scene.list_nodes(limit=2, _continue=token)
    assert [each.metadata.name for each in first.items + rest.items] == list(scene.cluster.nodes)


def test_a_first_page_never_expires(scene: Scene) -> None:
    scene.faults.on("kubernetes-expired-list")
    assert len(scene.list_nodes(limit=2).items) == 2
    assert scene.faults.active["kubernetes-expired-list"] is None


@pytest.mark.parametrize("kind", ["Node", "CiliumNode"])
def test_a_list_may_be_empty_and_look_like_any_other(scene: Scene, kind: str) -> None:
    scene.faults.on("kubernetes-empty-list", path="/nodes" if kind == "Node" else "/ciliumnodes")
    listed = scene.list_nodes() if kind == "Node" else list_cilium_nodes(scene)
    if kind == "Node":
        assert (listed.kind, listed.api_version, listed.items) == ("NodeList", "v1", [])
        assert listed.metadata.resource_version == str(scene.cloud.kubernetes.revision)
        assert len(list_cilium_nodes(scene)["items"]) == 3
    else:
        revision = str(scene.cloud.kubernetes.revision)
        assert listed == {
            "apiVersion": "cilium.io/v2",
            "items": [],
            "kind": "CiliumNodeList",
            "metadata": {"continue": "", "resourceVersion": revision},
        }
        assert len(scene.list_nodes().items) == 3


def test_half_a_page_arrives(scene: Scene) -> None:
    scene.faults.on("kubernetes-truncated", times=1)
    with pytest.raises(ProtocolError, match=r"IncompleteRead|prematurely|Response ended"):
        scene.list_nodes()


def test_half_a_page_arrives_and_the_connection_is_reset(scene: Scene) -> None:
    scene.faults.on("kubernetes-reset", times=1)
    with pytest.raises(ProtocolError, match=RESET):
        scene.list_nodes()


def test_garbage_is_no_json(scene: Scene) -> None:
    scene.faults.on("kubernetes-garbage", times=1)
    answer = scene.list_nodes(_preload_content=False)
    assert (answer.status, answer.headers["Content-Type"]) == (200, "application/json")
    with pytest.raises(ValueError, match="Expecting"):
        json.loads(answer.data)


def test_a_slow_server_is_given_up_by_who_is_in_a_hurry(scene: Scene) -> None:
    scene.faults.on("kubernetes-slow", delay=0.3, times=1)
    with pytest.raises((MaxRetryError, ReadTimeoutError), match="Read timed out"):
        scene.list_nodes(_request_timeout=0.05)


def test_a_certificate_of_somebody_else_is_not_trusted(scene: Scene) -> None:
    scene.list_nodes()
    scene.faults.on("kubernetes-tls", times=1)
    with pytest.raises(MaxRetryError, match="CERTIFICATE_VERIFY_FAILED"):
        scene.list_nodes()


def test_nobody_listens_and_open_watches_are_broken(scene: Scene) -> None:
    ended = threading.Event()

    def watch() -> None:
        with suppress(HTTPError):
            list(events(scene))
        ended.set()

    watching = threading.Thread(target=watch)
    watching.start()
    scene.cloud.kubernetes.wait_for_watches(1)
    with scene.faults.during("kubernetes-down"):
        assert ended.wait(10)
        with pytest.raises(MaxRetryError, match="Connection refused"):
            scene.list_nodes()
    watching.join()


def test_a_watch_that_begins_too_late_is_told_so_in_its_only_line(scene: Scene) -> None:
    scene.faults.on("kubernetes-expired-watch")  # the client tries once more by itself
    with pytest.raises(ApiException, match="too old resource version") as expired:
        list(events(scene))
    assert (expired.value.status, scene.faults.struck["kubernetes-expired-watch"]) == (410, 2)


def test_an_expired_watch_is_an_answer_of_200_with_one_line(scene: Scene) -> None:
    scene.faults.on("kubernetes-expired-watch")
    answer = scene.list_nodes(watch=True, resource_version="2", _preload_content=False)
    (line,) = answer.data.splitlines()
    assert (answer.status, json.loads(line)["type"], json.loads(line)["object"]["code"]) == (200, "ERROR", 410)


def test_watches_that_are_open_and_new_ones_are_dropped_after_they_began(scene: Scene) -> None:
    answer = scene.list_nodes(watch=True, resource_version="0", _preload_content=False)
    lines = iter(answer)
    assert json.loads(next(lines))["type"] == "ADDED"
    scene.cloud.kubernetes.wait_for_watches(1)
    scene.faults.on("kubernetes-dropped-watches")
    with pytest.raises(ProtocolError):
        list(lines)
    again = scene.list_nodes(watch=True, resource_version="0", _preload_content=False)
    assert again.status == 200
    with pytest.raises(ProtocolError):
        list(again)
    assert scene.faults.struck["kubernetes-dropped-watches"] == 2


def test_a_watch_falls_silent_without_an_end_and_is_broken_off_when_the_fault_is_over(scene: Scene) -> None:
    answer = scene.list_nodes(
        watch=True, resource_version="0", timeout_seconds=1, _preload_content=False, _request_timeout=(1, 10)
    )
    lines = iter(answer)
    for _ in range(3):
        assert json.loads(next(lines))["type"] == "ADDED"
    scene.faults.on("kubernetes-silent-watch")
    fresh = scene.list_nodes(watch=True, resource_version="0", _preload_content=False, _request_timeout=(1, 0.3))
    names = scene.cluster.register("apps", 1)  # nobody hears of it
    with pytest.raises((ReadTimeoutError, HTTPError), match="Read timed out"):
        next(iter(fresh))
    scene.cluster.remove(names)
    scene.cloud.kubernetes.wait_for_watches(1)  # the one that was open at first
    assert scene.faults.struck["kubernetes-silent-watch"] == 2
    scene.faults.off("kubernetes-silent-watch")
    with pytest.raises(ProtocolError):
        next(lines)


def test_only_the_watches_that_are_meant_fall_silent(scene: Scene) -> None:
    scene.faults.on("kubernetes-silent-watch", path="/ciliumnodes")
    with closing(events(scene, resource_version="0")) as told:
        assert next(told)["type"] == "ADDED"
