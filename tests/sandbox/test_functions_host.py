"""The functions host as others use it: a process with an unchanged app, a real Azurite, both workers."""

import itertools
import json
import time
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import pytest

from sandbox.azurite import Azurite
from sandbox.functions_host.process import FunctionsHost
from sandbox.functions_host.worker import Choice
from tests.sandbox.functions_stage import EVENT, LIBRARY_INSTALLED, WORKERS, Running, app_in, queues_json, settings_for

pytestmark = pytest.mark.wire

CLOUD_EVENT = {
    "specversion": "1.0",
    "id": "c1",
    "source": "/subscriptions/s",
    "type": "Microsoft.Resources.ResourceWriteSuccess",
    "time": "2026-11-22T10:00:00Z",
    "data": {"operationName": "write"},
}


@pytest.fixture(scope="module")
def azurite(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Azurite]:
    with Azurite(tmp_path_factory.mktemp("azurite")) as emulator:
        yield emulator


@pytest.fixture(scope="module", params=WORKERS)
def running(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, azurite: Azurite
) -> Iterator[Running]:
    worker: Choice = request.param
    if worker == "library" and not LIBRARY_INSTALLED:
        pytest.skip("azure-functions-runtime needs Python 3.13 or newer")
    folder = tmp_path_factory.mktemp(worker)
    app = app_in(folder, host_json=queues_json(maxDequeueCount=3))
    queue = f"work-{worker}"
    with FunctionsHost(app, settings_for(folder, azurite, queue), folder=folder, worker=worker) as host:
        yield Running(host, folder / "seen.jsonl", azurite.connection_string, queue)


def test_a_request_and_its_response_arrive_whole(running: Running) -> None:
    answer = running.host.http(
        "POST", "/api/echo/hello?colour=red&colour=blue&empty=", data="a body", headers={"X-Colour": "green"}
    )
    assert answer.status_code == 409
    assert answer.headers["Retry-After"] == "7"
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.json() == {
        "method": "POST",
        "params": {"colour": "red,blue"},
        "route": {"word": "hello"},
        "header": "green",
        "body": "a body",
        "function": "echo",
    }


@pytest.mark.parametrize(
    ("method", "path", "key", "status"),
    [
        ("GET", "/api/echo", "function", 409),
        ("GET", "/api/echo", "master", 409),
        ("GET", "/api/echo", "event grid", 401),
        ("GET", "/api/echo", "wrong", 401),
        ("GET", "/api/echo", None, 401),
        ("PUT", "/api/echo", "function", 404),
        ("GET", "/api/unknown", "function", 404),
        ("GET", "/echo", "function", 404),
        ("GET", "/api/open", None, 200),
        ("GET", "/api/open", "wrong", 200),
        ("GET", "/api/vault", "function", 401),
        ("GET", "/api/vault", "master", 200),
    ],
)
@pytest.mark.parametrize("where", ["header", "query"])
def test_routes_and_keys_open_what_they_should(
    running: Running, method: str, path: str, key: str | None, status: int, where: str
) -> None:
    host = running.host
    known = {"function": host.function_key, "master": host.master_key, "event grid": host.event_grid_key}
    sent = known.get(key, key) if key else None
    query = {"code": sent} if sent and where == "query" else None
    answer = host.http(method, path, key=sent if where == "header" else None, params=query)
    assert answer.status_code == status


def test_a_function_that_raises_answers_500_without_a_word_and_ends_red(running: Running) -> None:
    cursor = running.host.cursor()
    answer = running.host.http("GET", "/api/boom")
    assert (answer.status_code, answer.text) == (500, "")
    ended = running.host.wait_invocation("boom", after=cursor)
    assert (ended.ok, ended.error) == (False, "ValueError: nobody should read this over HTTP")
    assert f"boom failed in {ended.duration_ms} ms (id {ended.id}): ValueError" in running.host.log()
    assert 'raise ValueError("nobody should read this over HTTP")' in running.host.log()


def test_the_log_tags_the_app_s_own_lines_with_function_and_invocation(running: Running) -> None:
    cursor = running.host.cursor()
    running.host.http("GET", "/api/echo/treacle")
    ended = running.host.wait_invocation("echo", after=cursor)
    assert f"INFO    echo {ended.id[:8]} | asked for treacle\n" in running.host.log()
    assert f"| echo succeeded in {ended.duration_ms} ms (id {ended.id})\n" in running.host.log()


@pytest.mark.parametrize(
    "body",
    [
        [{"eventType": "Microsoft.EventGrid.SubscriptionValidationEvent", "data": {"validationCode": "512d38b6"}}],
        {"specversion": "1.0", "data": '{"validationCode": "512d38b6"}'},
    ],
)
def test_a_subscription_is_validated_in_either_schema(running: Running, body: Any) -> None:
    host = running.host
    query = {"functionName": "on_event", "code": host.event_grid_key}
    headers = {"aeg-event-type": "SubscriptionValidation"}
    answer = host.http("POST", host.event_grid_path, key=None, params=query, headers=headers, json=body)
    assert (answer.status_code, answer.json()) == (200, {"validationResponse": "512d38b6"})


def test_a_cloud_events_subscription_shakes_hands_with_options(running: Running) -> None:
    host = running.host
    query = {"functionName": "on_event", "code": host.event_grid_key}
    headers = {"WebHook-Request-Origin": "eventgrid.azure.net"}
    answer = host.http("OPTIONS", host.event_grid_path, key=None, params=query, headers=headers)
    assert (answer.status_code, answer.headers["WebHook-Allowed-Origin"]) == (200, "eventgrid.azure.net")


@pytest.mark.parametrize(
    ("event", "types", "ids"),
    [
        (EVENT, ["EventGridEvent"], ["e1"]),
        ([EVENT, {**EVENT, "id": "e2"}], ["EventGridEvent"] * 2, ["e1", "e2"]),
        (CLOUD_EVENT, ["CloudEvent"], ["c1"]),
        ([CLOUD_EVENT, {**CLOUD_EVENT, "id": "c2"}], ["CloudEvent"] * 2, ["c1", "c2"]),
    ],
)
def test_every_event_is_one_invocation(running: Running, event: Any, types: list[str], ids: list[str]) -> None:
    before = len(running.seen("on_event"))
    assert running.host.send_event("on_event", event).status_code == 202
    new = sorted(running.seen("on_event")[before:], key=lambda line: str(line["id"]))
    assert [line["type"] for line in new] == types
    assert [line["id"] for line in new] == ids
    assert {line["kind"] for line in new} == {"Microsoft.Resources.ResourceWriteSuccess"}
    assert all(line["data"] == {"operationName": "write"} for line in new)


def test_an_event_whose_function_fails_is_answered_so_that_it_is_sent_again(running: Running) -> None:
    answer = running.host.send_event("on_event", [EVENT, {**EVENT, "id": "fails"}])
    assert (answer.status_code, answer.text) == (500, "RuntimeError: this event is too much")


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"params": {"functionName": "on_event"}}, 401),
        ({"params": {"functionName": "on_event", "code": "wrong"}}, 401),
        ({"params": {"functionName": "echo"}}, 404),
        ({"headers": {"aeg-event-type": "Surprise"}}, 400),
        ({"headers": {}}, 400),
        ({"data": "no JSON"}, 400),
        ({"data": "[1]"}, 400),
        ({"headers": {"aeg-event-type": "SubscriptionValidation"}, "data": "[]"}, 400),
        ({"headers": {"aeg-event-type": "Unsubscribe"}}, 202),
        ({"headers": {"Content-Type": "application/cloudevents+json"}, "data": json.dumps(CLOUD_EVENT)}, 202),
    ],
)
def test_the_webhook_answers_oddities_as_the_cloud_does(running: Running, change: dict[str, Any], status: int) -> None:
    host = running.host
    usual = {
        "params": {"functionName": "on_event", "code": host.event_grid_key},
        "headers": {"aeg-event-type": "Notification"},
        "data": json.dumps([EVENT]),
    }
    if "functionName" in change.get("params", {}) and status == 404:
        change = {"params": {**change["params"], "code": host.event_grid_key}}
    assert host.http("POST", host.event_grid_path, key=None, **{**usual, **change}).status_code == status


def test_what_one_function_puts_on_a_queue_starts_the_other(running: Running) -> None:
    cursor = running.host.cursor()
    running.host.send_event("on_event", {**EVENT, "id": "to-queue"})
    ended, given = next(running.message_runs("to-queue", after=cursor))
    assert ended.ok
    assert ended.trigger["dequeueCount"] == 1
    assert ended.trigger["message"] == "deleted"
    assert json.loads(given["body"]) == {"event": "to-queue"}
    assert (given["count"], given["lifetime"], given["receipt"]) == (1, 7, True)
    assert 600 <= given["hidden"] < 660


def test_a_message_that_always_fails_goes_to_the_poison_queue_as_it_was(running: Running) -> None:
    cursor = running.host.cursor()
    running.send("dGhpcyBmYWlscw==")  # "this fails"
    attempts = [run for run, _ in itertools.islice(running.message_runs("this fails", after=cursor), 3)]
    assert [attempt.trigger["dequeueCount"] for attempt in attempts] == [1, 2, 3]
    assert [attempt.trigger["message"] for attempt in attempts] == ["released", "released", "poisoned"]
    assert {attempt.error for attempt in attempts} == {"RuntimeError: this message is too much"}
    assert "dGhpcyBmYWlscw==" in running.peek(f"{running.queue}-poison")


def test_a_message_that_is_not_base64_goes_to_the_poison_queue_without_a_run(running: Running) -> None:
    running.send("not base64!")
    deadline = time.monotonic() + 60
    # No invocation, so no journal to await.
    while "not base64!" not in running.peek(f"{running.queue}-poison"):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert "is not base64, see messageEncoding" in running.host.log()
    assert not any("not base64" in line["body"] for line in running.seen("on_message"))


def test_a_timer_run_by_hand_gets_a_timer_request(running: Running) -> None:
    cursor = running.host.cursor()
    running.host.run("on_timer")
    ended = running.host.wait_invocation("on_timer", after=cursor)
    assert ended.ok
    assert ended.trigger == {"type": "timerTrigger", "byHand": True}
    request = running.seen("on_timer")[-1]
    assert request["past_due"] is False
    assert request["schedule"] == {"AdjustForDST": True}
    assert datetime.fromisoformat(request["status"]["Next"]).strftime("%d %b %H:%M") == "01 Jan 00:00"


def test_queue_and_event_functions_run_by_hand_on_what_they_are_given(running: Running) -> None:
    cursor = running.host.cursor()
    running.host.run("on_message", "by hand")
    assert running.host.wait_invocation("on_message", after=cursor).ok
    assert running.seen("on_message")[-1]["body"] == "by hand"
    running.host.run("on_event", json.dumps({**EVENT, "id": "by-hand"}))
    assert running.host.wait_invocation("on_event", after=cursor).ok
    assert running.seen("on_event")[-1]["id"] == "by-hand"


@pytest.mark.parametrize(
    ("method", "path", "key", "status"),
    [
        ("POST", "/admin/functions/on_timer", "function", 401),
        ("POST", "/admin/functions/unknown", "master", 404),
        ("POST", "/admin/functions/echo", "master", 400),
        ("GET", "/admin/host/status", "function", 401),
        ("GET", "/admin/functions", "function", 401),
        ("GET", "/admin/invocations", "function", 401),
        ("GET", "/admin/invocations?since=x", "master", 400),
    ],
)
def test_the_admin_api_wants_the_master_key_and_a_known_function(
    running: Running, method: str, path: str, key: str, status: int
) -> None:
    sent = running.host.master_key if key == "master" else running.host.function_key
    assert running.host.http(method, path, key=sent, json={"input": ""}).status_code == status


def test_the_admin_api_lists_functions_with_resolved_bindings(running: Running) -> None:
    listed = running.host.http("GET", "/admin/functions", key=running.host.master_key).json()
    bindings = {function["name"]: function["config"]["bindings"] for function in listed}
    assert set(bindings) == {"echo", "open_door", "vault", "boom", "on_event", "on_message", "on_timer"}
    assert bindings["on_message"][0]["queueName"] == running.queue
    assert bindings["on_timer"][0]["schedule"] == "0 0 0 1 1 *"


def test_the_status_says_which_worker_runs_the_app(running: Running) -> None:
    status = running.host.status()
    assert status["state"] == "Running"
    if running.queue == "work-library":
        assert (status["worker"], status["notice"]) == ("azure-functions-runtime 1.3.0", "")
    else:
        assert status["worker"] == "own worker of the sandbox"
        assert status["notice"].startswith("The app runs on the sandbox's own worker, not on the library")
        assert running.host.log().count(status["notice"]) == 1
