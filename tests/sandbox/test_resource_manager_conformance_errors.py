"""The Resource Manager stand-in against recorded Azure errors and the published interface description.

The recordings live beside the repository and are no part of it; without them these tests are skipped. Every test says
how many exchanges it covers, so that none can drop out unseen.
"""

import json
import re
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import pytest

from sandbox.resource_manager import AzureError, errors, route
from tests.sandbox.arm_recordings import (
    RECORDINGS,
    SPEC,
    neutral,
    neutral_text,
    shapes,
)
from tests.sandbox.resource_manager_stage import TABLE, Arm, arm, served

pytestmark = [
    pytest.mark.wire,
    pytest.mark.skipif(not RECORDINGS.is_dir(), reason="recordings not present"),
]

Make = Callable[..., Arm]
ZERO = "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups"
INSIDE_TEN_SECONDS = 9.0
"""How far the clock goes on before a poll that saw the end: pollers waited 10 s, durations are upper bounds (facts)."""


@pytest.fixture(name="make", scope="module")
def _make(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Make]:
    with served(tmp_path_factory.mktemp("ca")) as server:
        yield partial(arm, server, instant=False)


def recorded_errors() -> Any:
    return json.loads((RECORDINGS / "errors.json").read_text())


@pytest.mark.parametrize(
    ("number", "error"),
    [
        (0, errors.busy_resource("PutRouteOperation", TABLE, seconds=11)),
        (11, errors.service_unavailable()),
        (12, errors.throttled("s", "PUT/ROUTETABLES", seconds=6)),
        (13, errors.scope_locked(TABLE, action="delete")),
        (16, errors.authorization_failed("Microsoft.Network/routeTables/write", TABLE)),
    ],
)
def test_a_named_error_has_status_code_keys_and_wording_of_the_recorded_one(
    make: Make, number: int, error: AzureError
) -> None:
    stage, recorded = make(), recorded_errors()[number]["response"]
    stage.rm.refuse_next("GET", TABLE, error)
    answer = stage.send("GET", TABLE)
    assert answer.status_code == recorded["status"]
    assert answer.headers.get("x-ms-failure-cause") == recorded["headers"].get("x-ms-failure-cause")
    if isinstance(recorded["body"], str):
        assert answer.headers["Content-Type"].startswith(recorded["headers"]["content-type"])
        return
    ours, theirs = answer.json()["error"], recorded["body"]["error"]
    assert shapes(ours) == shapes(theirs)
    assert ours["code"] == theirs["code"]
    assert wording(ours["message"]) == wording(theirs["message"])
    for mine, yours in zip(ours.get("details", ()), theirs.get("details", ()), strict=True):
        assert mine["code"] == yours["code"]
        assert wording(mine["message"]) == wording(yours["message"])


def wording(text: str) -> str:
    """What stays of a message without the names of its occasion, the operation's id among them."""
    text = re.sub(r"Operation \w+( \([^)]*\))?", "Operation", text)
    return re.sub(r"resource (<id>|<guid>)", "resource <id>", neutral_text(text))


def test_a_bad_prefix_is_refused_as_recorded(make: Make) -> None:
    stage, recorded = make(), recorded_errors()[7]["response"]
    stage.rm.add_route_table(TABLE)
    answer = stage.send("PUT", f"{TABLE}/routes/a", route("a", "10.0.4.0/24--no-wait", "10.0.0.4"))
    assert answer.status_code == recorded["status"]
    assert neutral_text(answer.json()["error"]["message"]) == neutral_text(recorded["body"]["error"]["message"])
    assert shapes(answer.json()) == shapes(recorded["body"])


def test_a_failed_operation_is_polled_as_recorded(make: Make) -> None:
    stage, recorded = make(), recorded_errors()[17]["response"]
    stage.rm.add_route_table(TABLE)
    error = recorded["body"]["error"]
    stage.rm.fail_operation_next(TABLE, error["code"], error["message"])
    put = stage.send("PUT", TABLE, {"location": "westeurope", "tags": {"a": "b"}})
    stage.clock.now += INSIDE_TEN_SECONDS
    poll = stage.send("GET", put.headers["Azure-AsyncOperation"])
    assert (poll.status_code, poll.json()) == (recorded["status"], recorded["body"])


def test_the_recorded_errors_of_route_tables_are_given(make: Make) -> None:
    stage = make()
    table = f"{ZERO}/aks-cit-RouteTable/providers/Microsoft.Network/routeTables/testResource"
    stage.rm.add_route_table(table, location="eastus")
    covered = 0
    for entry in recorded_errors()[18:21]:
        request, recorded = entry["request"], entry["response"]
        path = re.sub(r"^https://[^/]+|\?.*", "", request["uri"])
        body = json.loads(request["body"]) if request["body"] else None
        answer = stage.send(request["method"], path, body, **({"If_Match": "invalid"} if body else {}))
        assert (answer.status_code, neutral(answer.json())) == (recorded["status"], neutral(recorded["body"]))
        covered += 1
    assert covered == 3


def test_the_delete_of_what_is_not_there_is_a_204_as_recorded(make: Make) -> None:
    stage, recorded = make(), recorded_errors()[10]["response"]
    stage.rm.add_route_table(TABLE)
    for path in (TABLE + "x", f"{TABLE}/routes/x"):
        answer = stage.send("DELETE", path)
        assert (answer.status_code, answer.content) == (recorded["status"], b"")


def test_waits_follow_the_one_recording_that_kept_them(make: Make) -> None:
    stage = make()
    stage.rm.add_route_table(TABLE)
    session = json.loads((RECORDINGS / "transcribed/azure-powershell.RouteServerPeerCRUD.excerpt.json").read_text())
    recorded = [exchange["response"] for exchange in session["exchanges"]][:5]
    put = stage.send("PUT", TABLE, {"location": "westeurope", "tags": {"a": "b"}})
    polls = [stage.send("GET", put.headers["Azure-AsyncOperation"]) for _ in range(3)]
    stage.clock.now += INSIDE_TEN_SECONDS
    polls.append(stage.send("GET", put.headers["Azure-AsyncOperation"]))
    assert [answer.headers.get("Retry-After") for answer in (put, *polls)] == [
        answer["headers"].get("Retry-After") for answer in recorded
    ]
    assert [answer.json() for answer in polls] == [answer["body"] for answer in recorded[1:]]


def published() -> list[tuple[str, str, set[int]]]:
    """(method, path template, success statuses) of every published operation on route tables."""
    document = json.loads((SPEC / "openapi/routeTable.2025-07-01.json").read_text())
    return [
        (method.upper(), path, {int(status) for status in operation["responses"] if status.isdigit()})
        for path, operations in document["paths"].items()
        for method, operation in operations.items()
    ]


def test_every_published_operation_answers_with_a_published_status_and_every_2xx_but_200_for_delete_is_given(
    make: Make,
) -> None:
    covered = 0
    for method, template, statuses in published():
        stage = make()
        stage.rm.add_route_table(TABLE, [route("fw", "0.0.0.0/0", "10.9.0.4")])
        _, _, subscription, _, group, *_ = TABLE.split("/")
        given = set()
        for table, name, prefix in (("rt-Pods", "fw", "10.1.0.0/16"), ("new", "new", "10.2.0.0/16")):
            names = {"subscriptionId": subscription, "resourceGroupName": group, "routeTableName": table}
            if template.endswith("{routeName}"):
                names = {**names, "routeTableName": "rt-Pods", "routeName": name}
            payload = route(name, prefix, "10.0.0.4") | {"location": "westeurope", "tags": {}}
            if not template.endswith("{routeName}"):
                del payload["properties"]
            answer = stage.send(method, template.format(**names), payload if method in {"PUT", "PATCH"} else None)
            stage.clock.now += INSIDE_TEN_SECONDS
            if answer.ok:
                given.add(answer.status_code)
        assert given == statuses - ({200} if method == "DELETE" else set()), f"{method} {template}"
        covered += 1
    assert covered == 10


def test_the_published_example_of_a_route_with_many_next_hops_is_taken_whole(make: Make) -> None:
    stage = make()
    stage.rm.add_route_table(TABLE)
    example = json.loads((SPEC / "openapi/examples/RouteTableRouteCreateEcmp.2025-07-01.json").read_text())
    answer = stage.send("PUT", f"{TABLE}/routes/ecmp-route", example["parameters"]["routeParameters"])
    theirs = example["responses"]["201"]["body"]
    assert answer.status_code == 201
    assert answer.json()["name"] == theirs["name"]
    assert {**theirs["properties"], "provisioningState": "Updating"}.items() <= answer.json()["properties"].items()
