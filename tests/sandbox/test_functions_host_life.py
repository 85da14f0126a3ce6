"""How a functions host starts, keeps its clock, ends and fails, and what becomes of the messages it held."""

import asyncio
import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from sandbox.azurite import Azurite
from sandbox.functions_host.process import FunctionsHost, HostError, Invocation
from sandbox.functions_host.queues import Queues
from sandbox.functions_host.worker import Choice
from tests.sandbox.functions_stage import EVENT, LIBRARY_INSTALLED, WORKERS, Running, app_in, queues_json, settings_for

pytestmark = pytest.mark.wire

WAITS = "dGhpcyB3YWl0cw=="  # "this waits", for the file behind GATE


@pytest.fixture(scope="module")
def azurite(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Azurite]:
    with Azurite(tmp_path_factory.mktemp("azurite")) as emulator:
        yield emulator


def host_for(folder: Path, azurite: Azurite, queue: str, *, lease: float = 600.0, grace: float = 30.0) -> FunctionsHost:
    app = app_in(folder, host_json=queues_json())
    settings = settings_for(folder, azurite, queue)
    return FunctionsHost(app, settings, folder=folder, queue_lease=lease, grace=grace)


def start_waiting(host: FunctionsHost, azurite: Azurite, queue: str, folder: Path) -> Invocation:
    """Put one message on the queue and return once its function runs."""
    # The host makes the queue; a first harmless message through its own output waits for that.
    running = Running(host, folder / "seen.jsonl", azurite.connection_string, queue)
    host.send_event("on_event", {"id": "first", "eventType": "t", "data": {}})
    first = host.wait_invocation("on_message", after=0)
    running.send(WAITS)
    return host.wait_started("on_message", after=first.cursor)


def test_a_stop_lets_a_running_invocation_finish(tmp_path: Path, azurite: Azurite) -> None:
    with host_for(tmp_path, azurite, "finishes") as host:
        started = start_waiting(host, azurite, "finishes", tmp_path)
        (tmp_path / "gate").touch()
        host.stop()
        assert "on_message succeeded in" in host.log()
        assert started.id in host.log()
        assert "abandoned" not in host.log()
    assert Running(host, tmp_path, azurite.connection_string, "finishes").peek("finishes") == []


def test_a_stop_gives_the_message_of_an_abandoned_invocation_back_at_once(tmp_path: Path, azurite: Azurite) -> None:
    with host_for(tmp_path, azurite, "abandons", grace=0.0) as host:
        started = start_waiting(host, azurite, "abandons", tmp_path)
        host.stop()
        assert f"abandoned a running invocation (on_message, id {started.id})" in host.log()
    (tmp_path / "gate").touch()
    with host_for(tmp_path, azurite, "abandons") as host:
        again = host.wait_invocation("on_message", after=0, timeout=30)
    assert again.ok
    assert again.trigger["messageId"] == started.trigger["messageId"]
    assert again.trigger["dequeueCount"] == 2


def test_the_message_of_a_killed_host_comes_back_after_its_lease(tmp_path: Path, azurite: Azurite) -> None:
    with host_for(tmp_path, azurite, "dies", lease=2.0) as host:
        started = start_waiting(host, azurite, "dies", tmp_path)
        host.kill()
    (tmp_path / "gate").touch()
    with host_for(tmp_path, azurite, "dies", lease=2.0) as host:
        again = host.wait_invocation("on_message", after=0)
    assert again.ok
    assert again.trigger["messageId"] == started.trigger["messageId"]


def test_a_message_stays_invisible_while_its_function_runs_longer_than_the_lease(
    tmp_path: Path, azurite: Azurite
) -> None:
    with host_for(tmp_path, azurite, "renews", lease=4.0) as host:
        started = start_waiting(host, azurite, "renews", tmp_path)
        with pytest.raises(HostError, match="no invocation of on_message came to begin within 5 s"):
            host.wait_started("on_message", after=started.cursor, timeout=5.0)
        (tmp_path / "gate").touch()
        ended = host.wait_invocation("on_message", after=started.cursor)
        assert (ended.id, ended.ok, ended.trigger["message"]) == (started.id, True, "deleted")
        assert "could not be kept invisible" not in host.log()


def test_a_message_sent_by_the_host_itself_ends_the_wait_of_the_poller(azurite: Azurite) -> None:
    async def send_while_waiting() -> None:
        queues = Queues(lambda _connection: azurite.connection_string, base64_encoding=True)
        waiting = asyncio.create_task(queues.wait_for_news("", "fresh-news", 600))
        await queues.send("", "fresh-news", b"hello")
        await asyncio.wait_for(waiting, 60)
        await queues.close()

    asyncio.run(send_while_waiting())


def test_the_host_stops_when_its_parent_is_gone(tmp_path: Path, azurite: Azurite) -> None:
    with host_for(tmp_path, azurite, "orphan") as host:
        process = host._process
        assert process is not None
        assert process.stdin is not None
        process.stdin.close()
        assert process.wait(30) == 0
        assert host.log().endswith("| stopped\n")


def one_timer(schedule: str, annotation: str = "TimerRequest") -> str:
    return f"""
import azure.functions as func
app = func.FunctionApp()
@app.timer_trigger(arg_name="timer", schedule="{schedule}")
def tick(timer: func.{annotation}) -> None: ...
"""


@pytest.mark.parametrize("worker", WORKERS)
@pytest.mark.parametrize(
    ("source", "complaint"),
    [
        ("import nothing_of_that_name", "nothing_of_that_name"),
        ("app = 1", "FunctionApp|function app instances"),
        (
            one_timer("0 * * * * *", "QueueMessage"),
            'started: .*cannot load the tick function: .*timer.* annotation "?QueueMessage',
        ),
        (one_timer("%NOT_SET%"), "'%NOT_SET%' does not resolve to a value: set the app setting NOT_SET"),
        (one_timer("0 0 0 L * *"), "'L' is not NCRONTAB"),
    ],
)
def test_an_app_that_cannot_start_says_why(tmp_path: Path, worker: Choice, source: str, complaint: str) -> None:
    if worker == "library" and not LIBRARY_INSTALLED:
        pytest.skip("azure-functions-runtime needs Python 3.13 or newer")
    host = FunctionsHost(app_in(tmp_path, source=source), {}, folder=tmp_path, worker=worker)
    with pytest.raises(HostError, match=complaint) as raised, host:
        pass
    assert "the functions host ended before it was ready" in str(raised.value)


def test_a_folder_without_an_app_is_said(tmp_path: Path) -> None:
    with (
        pytest.raises(HostError, match=r"no functions in .*: is there a function_app\.py"),
        FunctionsHost(tmp_path, {}, folder=tmp_path),
    ):
        pass


def test_the_library_is_taken_where_it_is_installed_and_its_absence_is_said(tmp_path: Path, azurite: Azurite) -> None:
    with host_for(tmp_path, azurite, "chooses") as host:
        if LIBRARY_INSTALLED:
            assert (host.worker, host.notice) == ("azure-functions-runtime 1.3.0", "")
        else:
            assert host.worker == "own worker of the sandbox"
            assert "azure_functions_runtime is not installed" in host.notice


def test_app_settings_are_all_that_the_app_sees(
    tmp_path: Path, azurite: Azurite, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AZURE_CLIENT_ID", "of the developer")
    source = (
        "import json, os\n"
        "import azure.functions as func\n"
        "app = func.FunctionApp(http_auth_level=func.AuthLevel.ANONYMOUS)\n"
        "@app.route(route='names')\n"
        "def names(req: func.HttpRequest) -> str:\n"
        "    return json.dumps([sorted(os.environ), os.getcwd()])\n"
    )
    app = app_in(tmp_path, source=source)
    with FunctionsHost(app, {"MINE": "1"}, folder=tmp_path) as host:
        names, folder = json.loads(host.http("GET", "/api/names", key=None).text)
    assert "MINE" in names
    assert "AZURE_CLIENT_ID" not in names
    assert Path(folder) == app.resolve()


def test_keys_survive_a_restart_and_are_for_their_owner_alone(tmp_path: Path, azurite: Azurite) -> None:
    with host_for(tmp_path, azurite, "keys") as first:
        keys = (first.master_key, first.function_key, first.event_grid_key)
    with host_for(tmp_path, azurite, "keys") as second:
        assert (second.master_key, second.function_key, second.event_grid_key) == keys
        assert second.http("GET", "/api/echo", key=keys[1]).status_code == 409
    assert (tmp_path / "keys.json").stat().st_mode & 0o077 == 0
    assert len(set(keys)) == 3
    assert not any(key in second.log() for key in keys)


def test_a_timer_fires_on_its_schedule_and_never_overlaps_itself(tmp_path: Path, azurite: Azurite) -> None:
    settings = settings_for(tmp_path, azurite, "timer-work", SCHEDULE="* * * * * *", TIMER_SECONDS="1.2")
    with FunctionsHost(app_in(tmp_path), settings, folder=tmp_path) as host:
        first = host.wait_invocation("on_timer", after=0)
        second = host.wait_invocation("on_timer", after=first.cursor)
    assert first.ok
    assert second.ok
    assert first.ended_at is not None
    assert datetime.fromisoformat(second.started_at) >= datetime.fromisoformat(first.ended_at)
    due = [datetime.fromisoformat(str(run.trigger["due"])) for run in (first, second)]
    assert due[1] - due[0] >= timedelta(seconds=2)
    assert datetime.fromisoformat(first.started_at) - due[0] >= timedelta(0)


def test_a_disabled_function_runs_only_by_hand(tmp_path: Path, azurite: Azurite) -> None:
    disabled = {"AzureWebJobs.on_timer.Disabled": "true", "AzureWebJobs.on_event.Disabled": "1"}
    settings = settings_for(tmp_path, azurite, "disabled-work", SCHEDULE="* * * * * *", **disabled)
    with FunctionsHost(app_in(tmp_path), settings, folder=tmp_path) as host:
        assert host.send_event("on_event", EVENT).status_code == 404
        cursor = host.cursor()
        host.run("on_timer")
        assert host.wait_invocation("on_timer", after=cursor).trigger["byHand"] is True
        with pytest.raises(HostError, match="no invocation of on_timer came to begin within 1 s"):
            host.wait_started("on_timer", after=host.cursor(), timeout=1.2)


def test_host_json_sets_prefix_encoding_and_the_pause_after_a_failure(tmp_path: Path, azurite: Azurite) -> None:
    document = queues_json(maxDequeueCount=2, visibilityTimeout="00:00:01", messageEncoding="none")
    document["extensions"]["http"] = {"routePrefix": "v1"}
    app = app_in(tmp_path, host_json=document)
    with FunctionsHost(app, settings_for(tmp_path, azurite, "plain-work"), folder=tmp_path) as host:
        running = Running(host, tmp_path / "seen.jsonl", azurite.connection_string, "plain-work")
        assert host.http("GET", "/v1/open", key=None).text == "come in"
        assert host.http("GET", "/api/open", key=None).status_code == 404
        host.send_event("on_event", {**EVENT, "id": "it-fails"})
        first = host.wait_invocation("on_message", after=0)
        second = host.wait_invocation("on_message", after=first.cursor)
        assert running.peek("plain-work-poison") == ['{"event": "it-fails"}']
    pause = datetime.fromisoformat(second.started_at) - datetime.fromisoformat(first.started_at)
    assert pause >= timedelta(seconds=1)
