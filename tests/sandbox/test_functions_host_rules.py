"""The pure rules of the functions host: schedules, polling, routes, host.json."""

import json
import random
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from sandbox.functions_host.functions import Binding, Function
from sandbox.functions_host.ncrontab import Schedule
from sandbox.functions_host.polling import Backoff
from sandbox.functions_host.routes import Route
from sandbox.functions_host.settings import SettingsError, read_settings

SUNDAY = datetime(2026, 11, 22, 10, 17, 30, 500, tzinfo=UTC)


@pytest.mark.parametrize(
    ("expression", "next_run"),
    [
        ("0 */5 * * * *", "2026-11-22T10:20:00"),
        ("*/15 * * * * *", "2026-11-22T10:17:45"),
        ("30 17 10 * * *", "2026-11-23T10:17:30"),
        ("0 0 */2 * * *", "2026-11-22T12:00:00"),
        ("0 0 9-17 * * *", "2026-11-22T11:00:00"),
        ("0 30 9 * * 1-5", "2026-11-23T09:30:00"),
        ("0 30 9 * * Mon-Fri", "2026-11-23T09:30:00"),
        ("0 30 9 * January Mon", "2027-01-04T09:30:00"),
        ("0 5,50 10 * * 0", "2026-11-22T10:50:00"),
        ("5/20 * * * * *", "2026-11-22T10:17:45"),
        ("0 0 0 13 * 5", "2027-08-13T00:00:00"),
        ("0 0 0 29 2 *", "2028-02-29T00:00:00"),
        ("*/5 * * * *", "2026-11-22T10:20:00"),
    ],
)
def test_a_schedule_fires_when_ncrontab_says(expression: str, next_run: str) -> None:
    assert Schedule(expression).next_after(SUNDAY) == datetime.fromisoformat(f"{next_run}+00:00")


@pytest.mark.parametrize(
    ("expression", "complaint"),
    [
        ("", "has 0 fields"),
        ("* * * * * * *", "has 7 fields"),
        ("0 0 0 L * *", "'L' is not NCRONTAB"),
        ("0 0 0 * * MON#1", "is not NCRONTAB"),
        ("@hourly * * * *", "is not NCRONTAB"),
        ("0 0 0 * * 7", "from 0, Sunday, to 6"),
        ("60 * * * * *", "second"),
        ("0 0 0 31 2 *", "never fires"),
        ("00:05:00", "App Service plan only"),
    ],
)
def test_a_schedule_that_the_cloud_refuses_is_refused(expression: str, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        Schedule(expression)


def test_polling_backs_off_to_the_maximum_and_starts_again_with_a_message() -> None:
    backoff = Backoff(timedelta(seconds=5), random.Random(7))  # noqa: S311 - a repeatable spread, no secret
    assert backoff.next_delay(found=True) == 0.1
    delays = [backoff.next_delay(found=False) for _ in range(10)]
    for step, delay in enumerate(delays[:5]):
        assert 0.1 + 0.08 * 2**step <= delay <= 0.1 + 0.12 * 2**step
    assert delays[-1] == 5.0
    assert backoff.next_delay(found=True) == 0.1
    assert backoff.next_delay(found=False) <= 0.22


def route(template: str, *methods: str) -> Route:
    trigger = Binding("req", "httpTrigger", {"route": template, "methods": list(methods)})
    return Route.of(Function("1", "some", (trigger,)), "api")


@pytest.mark.parametrize(
    ("template", "path", "parameters"),
    [
        ("plan", "/api/plan", {}),
        ("plan", "/api/PLAN/", {}),
        ("plan", "/api/plan/x", None),
        ("plan", "/plan", None),
        ("plan/{cluster}", "/api/plan/prod", {"cluster": "prod"}),
        ("plan/{cluster}", "/api/plan", None),
        ("plan/{cluster?}", "/api/plan", {}),
        ("plan/{cluster?}", "/api/plan/prod", {"cluster": "prod"}),
        ("files/{*rest}", "/api/files/a/b", {"rest": "a/b"}),
        ("a.b", "/api/axb", None),
    ],
)
def test_a_path_matches_a_route(template: str, path: str, parameters: Mapping[str, str] | None) -> None:
    assert route(template).match("GET", path) == parameters


def test_a_route_takes_only_its_methods() -> None:
    assert route("plan", "GET").match("get", "/api/plan") is not None
    assert route("plan", "GET").match("POST", "/api/plan") is None


def test_the_more_literal_route_goes_first() -> None:
    routes = [route("{any}"), route("plan/{cluster}"), route("plan"), route("plan/all")]
    assert [r.template for r in sorted(routes, key=lambda r: r.precedence)] == [
        "api/plan/all",
        "api/plan",
        "api/plan/{cluster}",
        "api/{any}",
    ]


def test_a_route_with_a_constraint_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match=r"'\{id:int\}' is not played here"):
        route("plan/{id:int}")


def test_defaults_without_host_json_are_those_of_the_cloud(tmp_path: Path) -> None:
    settings = read_settings(tmp_path, {})
    assert settings.route_prefix == "api"
    assert settings.queues.max_polling_interval == timedelta(minutes=1)
    assert settings.queues.visibility_timeout == timedelta(0)
    assert (settings.queues.batch_size, settings.queues.new_batch_size, settings.queues.max_dequeue_count) == (16, 8, 5)
    assert settings.queues.base64


def test_app_settings_override_host_json(tmp_path: Path) -> None:
    document = {"extensions": {"queues": {"maxPollingInterval": "00:00:30", "batchSize": 4}}}
    (tmp_path / "host.json").write_text(json.dumps(document))
    override = "AzureFunctionsJobHost__extensions__queues__maxPollingInterval"
    settings = read_settings(tmp_path, {override: "00:00:02"})
    assert settings.queues.max_polling_interval == timedelta(seconds=2)
    assert (settings.queues.batch_size, settings.queues.new_batch_size) == (4, 2)


@pytest.mark.parametrize(
    ("document", "complaint"),
    [
        ("{", "host.json is not JSON"),
        ('{"extensions": {"queues": {"visibilityTimeout": "5 seconds"}}}', "'5 seconds' is not a time span"),
        ('{"extensions": {"queues": {"batchSize": 64}}}', "batchSize: 64 is not within 1 and 32"),
        ('{"extensions": {"queues": {"maxDequeueCount": "many"}}}', "extensions.queues: .*many"),
    ],
)
def test_a_wrong_host_json_is_said_with_its_place(tmp_path: Path, document: str, complaint: str) -> None:
    (tmp_path / "host.json").write_text(document)
    with pytest.raises(SettingsError, match=complaint):
        read_settings(tmp_path, {})


def test_placeholders_are_resolved_from_the_app_settings(tmp_path: Path) -> None:
    settings = read_settings(tmp_path, {"QUEUE": "work", "ENV": "test"})
    assert settings.resolve("%QUEUE%-%ENV%") == "work-test"
    assert settings.resolve("100 % sure") == "100 % sure"
    with pytest.raises(SettingsError, match="set the app setting MISSING"):
        settings.resolve("%MISSING%")


@pytest.mark.parametrize(
    ("values", "connection", "expected"),
    [
        ({"AzureWebJobsStorage": "A"}, "AzureWebJobsStorage", "A"),
        ({"AzureWebJobsStorage": "A"}, "", "A"),
        ({"AzureWebJobsEvents": "E", "Events": "other"}, "Events", "E"),
        ({"Events": "E"}, "Events", "E"),
    ],
)
def test_a_connection_is_found_the_way_the_cloud_finds_it(
    tmp_path: Path, values: Mapping[str, str], connection: str, expected: str
) -> None:
    assert read_settings(tmp_path, values).connection_string(connection) == expected


@pytest.mark.parametrize(
    ("values", "complaint"),
    [
        ({}, "AzureWebJobsStorage is not set"),
        ({"AzureWebJobsStorage__accountName": "x"}, "identity-based connections are not played here"),
    ],
)
def test_a_connection_that_cannot_work_is_said(tmp_path: Path, values: Mapping[str, str], complaint: str) -> None:
    with pytest.raises(SettingsError, match=complaint):
        read_settings(tmp_path, values).connection_string("AzureWebJobsStorage")
