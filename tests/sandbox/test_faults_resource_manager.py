"""The faults of Resource Manager as the official client meets them."""

from collections.abc import Callable, Iterator
from itertools import count
from typing import Any

import pytest
from azure.core.exceptions import HttpResponseError, IncompleteReadError, ServiceRequestError, ServiceResponseError

from sandbox.faults import writers
from sandbox.resource_manager import route
from tests.sandbox.faults_stage import APPS, OURS, RESET, Scene, port_is_kept, scene_in

pytestmark = pytest.mark.wire

EMPTY = {"location": "westeurope", "properties": {"routes": []}}


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    with scene_in(tmp_path_factory.mktemp("ca")) as scene:
        yield scene


@pytest.fixture
def scene(running: Scene) -> Iterator[Scene]:
    running.cloud.arm.add_route_table(APPS, [route("fw", "0.0.0.0/0", "10.9.0.4")])
    running.cloud.arm.clear_calls()
    yield running
    running.faults.clear()
    assert running.table().name == "rt-apps"


@pytest.mark.parametrize(
    ("name", "status", "code", "detail"),
    [
        ("throttled", 429, "SubscriptionRequestsThrottled", "operation 'PUT/ROUTETABLES' exceeded"),
        ("server-error", 500, "InternalServerError", "An error occurred."),
        ("operation-in-progress", 409, "AnotherOperationInProgress", "Another operation on this"),
        ("busy-table", 429, "RetryableError", "RetryableErrorDueToAnotherOperation"),
        ("token-expired", 401, "ExpiredAuthenticationToken", "The access token expiry UTC time '"),
        ("token-refused", 401, "InvalidAuthenticationToken", "The access token is invalid"),
        ("policy", 403, "RequestDisallowedByPolicy", "Resource 'rt-apps' was disallowed by policy"),
        ("lock", 409, "ScopeLocked", f"The scope '{APPS}' cannot perform write operation"),
        ("forbidden", 403, "AuthorizationFailed", "perform action 'Microsoft.Network/routeTables/write' over scope"),
        ("race-once", 412, "PreconditionFailed", "PreconditionFailedEtagMismatch"),
        ("race-forever", 412, "PreconditionFailed", "PreconditionFailedEtagMismatch"),
        ("second-writer", 412, "PreconditionFailed", "PreconditionFailedEtagMismatch"),
    ],
)
def test_a_write_is_refused_as_azure_refuses_it(scene: Scene, name: str, status: int, code: str, detail: str) -> None:
    etag, before = scene.table().etag, scene.faults.struck[name]
    routes = scene.cloud.arm.routes(APPS)
    scene.faults.on(name, times=1)
    with pytest.raises(HttpResponseError) as refused:
        scene.put("new", if_match=etag)
    assert (refused.value.status_code, refused.value.error.code) == (status, code)  # type: ignore[union-attr]
    assert detail in str(refused.value)
    assert {prefix: hop for prefix, hop in scene.cloud.arm.routes(APPS).items() if prefix != writers.PREFIX} == routes
    assert scene.faults.struck[name] - before == 1
    assert "new" in [each.name for each in scene.put("new").routes]


@pytest.mark.parametrize(("name", "wait"), [("throttled", 7), ("busy-table", 3)])
def test_a_429_says_how_long_to_wait(scene: Scene, name: str, wait: int) -> None:
    scene.faults.on(name, wait=wait)
    with pytest.raises(HttpResponseError) as refused:
        scene.put("new")
    assert refused.value.response.headers["Retry-After"] == str(wait)  # type: ignore[union-attr]


def test_the_edge_answers_with_a_page_of_html(scene: Scene) -> None:
    scene.faults.on("unavailable")
    with pytest.raises(HttpResponseError) as refused:
        scene.table()
    response: Any = refused.value.response
    assert (response.status_code, response.headers["Content-Type"]) == (503, "text/html")
    assert "<h2>" in response.text()


@pytest.mark.parametrize(
    ("options", "get", "put"),
    [
        ({}, 500, 500),
        ({"method": "put"}, 200, 500),
        ({"method": "DELETE"}, 200, 200),
        ({"path": "RouteTables/RT-apps"}, 500, 500),
        ({"path": "rt-system"}, 200, 200),
    ],
)
def test_a_refusal_may_be_narrowed_to_a_method_and_a_path(
    scene: Scene, options: dict[str, Any], get: int, put: int
) -> None:
    scene.faults.on("server-error", **options)
    assert (status_of(scene.table), status_of(lambda: scene.put("new"))) == (get, put)


def status_of(call: Callable[[], object]) -> int:
    try:
        call()
    except HttpResponseError as error:
        return error.status_code or 0
    return 200


def test_refused_requests_are_recorded_like_all_others(scene: Scene) -> None:
    scene.faults.on("throttled", times=1)
    with pytest.raises(HttpResponseError):
        scene.table()
    assert [(call.method, call.path, call.status) for call in scene.cloud.arm.calls] == [("GET", APPS, 429)]


def test_a_race_leaves_a_tag_that_tells_how_often(scene: Scene) -> None:
    scene.faults.on("race-forever")
    for _ in range(2):
        with pytest.raises(HttpResponseError, match="PreconditionFailed"):
            scene.put("new", if_match=scene.table().etag)
    assert scene.cloud.arm.table(APPS)["tags"] == {writers.MARK: "2"}


def test_a_race_that_comes_once_comes_once(scene: Scene) -> None:
    scene.faults.on("race-once")
    with pytest.raises(HttpResponseError, match="PreconditionFailed"):
        scene.put("new", if_match=scene.table().etag)
    assert scene.put("new", if_match=scene.table().etag).provisioning_state == "Succeeded"


def test_a_second_writer_adds_a_route_and_then_changes_it(scene: Scene) -> None:
    scene.faults.on("second-writer", method="GET")
    hops = [{each.name: each.next_hop_ip_address for each in scene.table().routes} for _ in range(3)]
    assert [set(each) for each in hops] == [{"fw", writers.MARK}] * 3
    assert hops[0] == hops[2] != hops[1]


def test_an_overwriter_drops_the_apps_routes_and_no_others(scene: Scene) -> None:
    scene.put("fw", f"{OURS}one", f"{OURS}two")
    scene.faults.on("overwriter")
    assert [each.name for each in scene.table().routes] == ["fw"]


def test_an_accepted_operation_fails(scene: Scene) -> None:
    scene.faults.on("operation-fails", code="CanceledAndSupersededDueToAnotherOperation", message="Sorry.")
    with pytest.raises(HttpResponseError) as failed:
        scene.put("new")
    assert "(CanceledAndSupersededDueToAnotherOperation) Sorry." in str(failed.value)
    assert [(call.method, call.status) for call in scene.cloud.arm.calls] == [("PUT", 200), ("GET", 200)]


def test_an_accepted_operation_hangs_until_the_fault_is_off_and_holds_its_table(scene: Scene) -> None:
    scene.faults.on("operation-hangs", times=1)
    client: Any = scene.network.route_tables
    poller = client.begin_create_or_update("rg-shop", "rt-apps", EMPTY, polling=False)
    assert poller.result().provisioning_state == "Updating"
    assert scene.table().provisioning_state == "Updating"
    with pytest.raises(HttpResponseError, match="RetryableErrorDueToAnotherOperation"):
        scene.put("new")
    scene.faults.off("operation-hangs")
    assert scene.table().provisioning_state == "Succeeded"


def test_an_operation_may_hang_for_a_time(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    seconds = count()
    monkeypatch.setattr(scene.cloud.arm, "clock", lambda: float(next(seconds)))  # each look is a second later
    polls = scene.cloud.arm.polls
    scene.faults.on("operation-hangs", delay=4)
    assert scene.put("new").provisioning_state == "Succeeded"
    assert next(seconds) == 5, "the operation was looked at until 4 seconds were over, and then no more"
    assert scene.cloud.arm.polls - polls >= 3


def test_a_poll_that_finds_nothing_is_a_404_while_the_operation_goes_on(scene: Scene) -> None:
    scene.faults.on("poll-404")
    with pytest.raises(HttpResponseError, match=r"\(NotFound\) Operation .* was not found") as lost:
        scene.put("new")
    assert lost.value.status_code == 404
    assert [each.name for each in scene.table().routes] == ["new"]


def test_a_success_may_lack_one_of_the_apps_routes(scene: Scene) -> None:
    scene.faults.on("lost-route", times=1)
    before = scene.faults.struck["lost-route"]
    assert [each.name for each in scene.put("fw").routes] == ["fw"]
    assert scene.faults.struck["lost-route"] == before, "there was none of the app's to lose"
    result = scene.put(f"{OURS}one", f"{OURS}two", "theirs")
    assert result.provisioning_state == "Succeeded"
    assert [each.name for each in result.routes] == [f"{OURS}one", "theirs"]
    assert scene.faults.struck["lost-route"] == before + 1


def test_a_slow_answer_comes_late_after_the_work_was_done(scene: Scene) -> None:
    client: Any = scene.network.route_tables
    scene.faults.on("slow", delay=2.0, method="PUT")
    with pytest.raises(ServiceResponseError, match="Read timed out"):
        client.begin_create_or_update("rg-shop", "rt-apps", EMPTY, read_timeout=0.05)
    assert scene.cloud.arm.routes(APPS) == {}


@pytest.mark.parametrize("call", ["GET", "PUT"])
def test_a_connection_is_reset_in_the_middle_of_an_answer(scene: Scene, call: str) -> None:
    scene.faults.on("reset", times=1)
    with pytest.raises((IncompleteReadError, ServiceResponseError, HttpResponseError), match=RESET):
        scene.table() if call == "GET" else scene.put("new")
    assert (APPS in scene.cloud.arm.calls[-1].path, scene.cloud.arm.calls[-1].status) == (True, 200)
    assert [each.name for each in scene.table().routes] == (["fw"] if call == "GET" else ["new"])


def test_a_certificate_of_somebody_else_is_not_trusted_even_by_who_was_connected(scene: Scene) -> None:
    scene.table()
    scene.faults.on("tls", times=1)
    with pytest.raises(ServiceRequestError, match="CERTIFICATE_VERIFY_FAILED"):
        scene.table()
    assert scene.table().name == "rt-apps"
    assert scene.faults.struck["tls"] == 1


def test_nobody_listens_and_then_somebody_does_at_the_same_address(scene: Scene) -> None:
    scene.table()
    with scene.faults.during("down"):
        for _ in range(3):
            with pytest.raises(ServiceRequestError, match="Connection refused"):
                scene.table()
        assert port_is_kept(scene.cloud.arm.base_url)
        scene.faults.on("down")  # anew
        with pytest.raises(ServiceRequestError, match="Connection refused"):
            scene.table()
    assert scene.table().name == "rt-apps"
    assert scene.faults.struck["down"] == 2
