"""What the cloud would find in the app: its functions, their bindings, host.json."""

import json
import os
import subprocess
import sys
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from sandbox.functions_host.settings import read_settings
from sandbox.world import APP, NEVER
from shared.config.clusters import MAX_SETTLE_SECONDS
from tests.front_door.stage import NO_WAKE, QUEUE, Stage

pytestmark = pytest.mark.wire

SCHEDULE = "AKS_POD_ROUTES_SCHEDULE"
STORAGE = {"queueName": QUEUE, "connection": "AzureWebJobsStorage"}
INDEX = """
import asyncio, json, sys
from pathlib import Path
from sandbox.functions_host.worker import choose_worker

found = asyncio.run(choose_worker("auto").worker.index(Path.cwd()))
bindings = {each.name: [json.loads(raw) for raw in each.raw_bindings] for each in found}
print(json.dumps({"bindings": bindings, "modules": sorted(sys.modules)}))
"""


@cache
def indexed(schedule: str | None = None) -> dict[str, Any]:
    """What the worker makes of the app in a process of its own; `schedule` is the app setting."""
    settings = {key: value for key, value in os.environ.items() if key != SCHEDULE}
    if schedule is not None:
        settings[SCHEDULE] = schedule
    done = subprocess.run([sys.executable, "-c", INDEX], cwd=APP, env=settings, capture_output=True, check=True)
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def bindings(function: str) -> dict[str, dict[str, Any]]:
    """The bindings of a function by name."""
    return {each.pop("name"): each for each in json.loads(json.dumps(indexed()["bindings"][function]))}


def schedule_of(found: dict[str, Any]) -> str:
    return next(str(each["schedule"]) for each in found["bindings"]["on_timer"] if each["type"] == "timerTrigger")


def test_the_functions_are_those_of_the_contract() -> None:
    assert set(indexed()["bindings"]) == {
        "on_scale_event",
        "on_wake",
        "on_timer",
        "plan",
        "reconcile",
        "status",
        "doctor",
    }


def test_the_scale_event_comes_from_event_grid_and_goes_to_the_queue() -> None:
    assert bindings("on_scale_event") == {
        "event": {"type": "eventGridTrigger", "direction": "IN"},
        "wake": {"type": "queue", "direction": "OUT", **STORAGE},
    }


def test_the_wake_up_comes_from_the_same_queue() -> None:
    assert bindings("on_wake") == {
        "message": {"type": "queueTrigger", "direction": "IN", **STORAGE},
        "again": {"type": "queue", "direction": "OUT", **STORAGE},
    }


AGAIN = {"again": {"type": "queue", "direction": "OUT", **STORAGE}}


@pytest.mark.parametrize(
    ("function", "method", "more"),
    [("plan", "GET", {}), ("status", "GET", {}), ("doctor", "GET", {}), ("reconcile", "POST", AGAIN)],
)
def test_an_http_function_has_its_method_its_route_and_wants_a_function_key(
    function: str, method: str, more: dict[str, Any]
) -> None:
    assert bindings(function) == more | {
        "req": {
            "type": "httpTrigger",
            "direction": "IN",
            "methods": [method],
            "authLevel": "FUNCTION",
            "route": function,
        },
        "$return": {"type": "http", "direction": "OUT"},
    }


def test_the_timer_runs_every_five_minutes_unless_told_otherwise() -> None:
    assert bindings("on_timer") == AGAIN | {
        "timer": {"type": "timerTrigger", "direction": "IN", "schedule": "0 */5 * * * *"}
    }


def test_the_timer_follows_the_setting_where_there_is_one() -> None:
    assert schedule_of(indexed("0 0 * * * *")) == "%AKS_POD_ROUTES_SCHEDULE%"


def test_an_empty_schedule_setting_counts_as_none() -> None:
    """As for every other setting; a host cannot resolve an empty placeholder and would not start."""
    assert schedule_of(indexed("")) == "0 */5 * * * *"


def test_indexing_loads_no_cloud_library() -> None:
    """They take more than a second, at every cold start (see the architecture's measurements)."""
    heavy = ("azure.core", "azure.identity", "azure.mgmt", "azure.storage", "kubernetes", "pydantic")

    assert [module for module in indexed()["modules"] if module.startswith(heavy)] == []


def test_the_host_lists_the_same_functions_with_settings_resolved(stage: Stage) -> None:
    listed = stage.host.http("GET", "/admin/functions", key=stage.host.master_key).json()

    assert {each["name"] for each in listed} == set(indexed()["bindings"])
    assert timer_of(listed)["schedule"] == NEVER


def test_the_app_starts_without_a_schedule_setting(stage: Stage, tmp_path: Path) -> None:
    settings = {key: value for key, value in stage.settings.items() if key != SCHEDULE}

    with stage.host_with(settings | NO_WAKE, tmp_path) as host:
        timer = timer_of(host.http("GET", "/admin/functions", key=host.master_key).json())

    assert timer["schedule"] == "0 */5 * * * *"


def test_a_function_lives_longer_than_the_longest_settling() -> None:
    hours, minutes, seconds = map(int, host_json()["functionTimeout"].split(":"))
    timeout = timedelta(hours=hours, minutes=minutes, seconds=seconds)

    # The last pass may begin at the very end: its operations take seconds, a minute is plenty.
    assert timeout >= timedelta(seconds=MAX_SETTLE_SECONDS + 60)
    # More is not allowed on a Consumption plan: https://learn.microsoft.com/azure/azure-functions/functions-scale#timeout
    assert timeout <= timedelta(minutes=10)


def test_the_queue_settings_give_a_failed_wake_up_time_and_several_tries() -> None:
    queues = read_settings(APP, {}).queues

    assert queues.base64  # what the output binding writes
    assert queues.max_dequeue_count == 5
    assert queues.visibility_timeout >= timedelta(seconds=30)  # a dead writer's lease has ended by then
    assert queues.max_polling_interval <= timedelta(seconds=5)
    assert queues.new_batch_size < queues.batch_size <= 32


def test_host_json_asks_for_the_supported_extensions_and_the_route_prefix_of_the_contract() -> None:
    document = host_json()

    assert document["version"] == "2.0"
    assert document["extensionBundle"]["version"] == "[4.*, 5.0.0)"
    assert read_settings(APP, {}).route_prefix == "api"


def host_json() -> dict[str, Any]:
    document: dict[str, Any] = json.loads((APP / "host.json").read_text())
    return document


def timer_of(listed: list[dict[str, Any]]) -> dict[str, Any]:
    bindings = next(each["config"]["bindings"] for each in listed if each["name"] == "on_timer")
    timer: dict[str, Any] = next(each for each in bindings if each["type"] == "timerTrigger")
    return timer
