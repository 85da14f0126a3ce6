"""The Resource Manager stand-in when a script makes it fail, and when somebody else writes to the same table."""

import json
from collections.abc import Iterator

import pytest
from azure.core.exceptions import HttpResponseError
from azure.mgmt.network.models import RouteTable

from sandbox.authority import Authority
from sandbox.resource_manager import AzureError, errors, route
from sandbox.server import ServerThread
from tests.sandbox.resource_manager_stage import TABLE, Arm, arm, served, with_table

pytestmark = pytest.mark.wire

OPERATION = "https://management.azure.com/subscriptions/s/providers/Microsoft.Network/locations/l/operations/o"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[ServerThread, Authority]]:
    with served(tmp_path_factory.mktemp("ca")) as serving:
        yield serving


@pytest.fixture
def stage(server: tuple[ServerThread, Authority]) -> Arm:
    return with_table(server)


def add_route(body: dict[str, object], name: str, prefix: str) -> None:
    body["properties"]["routes"].append(route(name, prefix, "10.0.0.4"))  # type: ignore[index]


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (errors.disallowed_by_policy("rt-Pods", "deny-routes"), 403, "RequestDisallowedByPolicy"),
        (errors.scope_locked(TABLE), 409, "ScopeLocked"),
        (errors.another_operation_in_progress(OPERATION), 409, "AnotherOperationInProgress"),
        (errors.authorization_failed("Microsoft.Network/routeTables/write", TABLE), 403, "AuthorizationFailed"),
        (errors.throttled("s", "PUT/ROUTETABLES", seconds=6), 429, "SubscriptionRequestsThrottled"),
        (errors.busy_resource("PutRouteTableOperation", TABLE, seconds=11), 429, "RetryableError"),
    ],
)
def test_a_named_error_reaches_the_sdk_with_its_status_and_code_and_changes_nothing(
    stage: Arm, error: AzureError, status: int, code: str
) -> None:
    before = stage.rm.table(TABLE)
    stage.rm.refuse_next("PUT", "routeTables/rt-pods", error)
    with stage.sdk() as client:
        with pytest.raises(HttpResponseError) as caught:
            client.route_tables.begin_create_or_update("rg-Net", "rt-Pods", RouteTable({"location": "westeurope"}))
        assert stage.rm.table(TABLE) == before
        client.route_tables.begin_create_or_update("rg-Net", "rt-Pods", RouteTable({"location": "westeurope"})).result()
    assert (caught.value.status_code, caught.value.error.code) == (status, code)  # type: ignore[union-attr]
    assert stage.rm.routes(TABLE) == {}


def test_a_503_in_html_reaches_the_sdk_as_a_503(stage: Arm) -> None:
    stage.rm.refuse_next("GET", TABLE, errors.service_unavailable())
    with stage.sdk() as client, pytest.raises(HttpResponseError) as caught:
        client.route_tables.get("rg-Net", "rt-Pods")
    assert caught.value.status_code == 503
    assert "<h2>" in str(caught.value)


def test_a_scripted_answer_comes_as_often_as_asked_and_only_where_it_matches(stage: Arm) -> None:
    stage.rm.answer_next(
        "get", "routetables/RT-PODS", 500, "Odd", "odd", headers={"Retry-After": "3"}, details=[("In", "ner")], times=2
    )
    assert stage.send("GET", TABLE.rpartition("/")[0]).status_code == 200
    assert stage.send("PATCH", TABLE, {"tags": {}}).status_code == 200
    answers = [stage.send("GET", TABLE) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [500, 500, 200]
    assert answers[0].headers["Retry-After"] == "3"
    assert answers[0].json() == {
        "error": {"code": "Odd", "message": "odd", "details": [{"code": "In", "message": "ner"}]}
    }


def test_a_scripted_429_is_waited_for_by_the_sdk(stage: Arm) -> None:
    stage.rm.refuse_next("GET", TABLE, errors.throttled("s", "PUT/ROUTETABLES", seconds=1))
    with stage.sdk(retry_total=1) as client:
        assert client.route_tables.get("rg-Net", "rt-Pods").name == "rt-Pods"
    assert stage.rm.count("GET", TABLE) == 2


def test_an_operation_that_fails_was_accepted_and_leaves_the_table_failed(stage: Arm) -> None:
    stage.rm.fail_operation_next("routetables/rt-pods", "InternalServerError", "An error occurred.")
    with stage.sdk() as client:
        poller = client.route_tables.begin_create_or_update("rg-Net", "rt-Pods", RouteTable({"location": "westeurope"}))
        with pytest.raises(HttpResponseError, match="InternalServerError"):
            poller.result()
    assert stage.rm.calls[0].status == 200
    assert stage.rm.table(TABLE)["properties"]["provisioningState"] == "Failed"
    again = stage.send("PUT", TABLE, {"location": "westeurope"})
    assert again.json()["properties"]["provisioningState"] == "Updating", "a failed table is written again in earnest"
    assert stage.rm.table(TABLE)["properties"]["provisioningState"] == "Succeeded"


def test_a_delete_that_fails_leaves_the_table_there(stage: Arm) -> None:
    stage.rm.fail_operation_next(TABLE, "InternalServerError", "An error occurred.")
    poll = stage.send("GET", stage.send("DELETE", TABLE).headers["Azure-AsyncOperation"])
    assert poll.json() == {
        "status": "Failed",
        "error": {"code": "InternalServerError", "message": "An error occurred.", "details": []},
    }
    assert stage.rm.routes(TABLE) == {"0.0.0.0/0": "10.9.0.4"}


def test_an_operation_may_succeed_and_still_lose_a_route(stage: Arm) -> None:
    stage.rm.lose_route_next(TABLE, "LOST")
    with stage.sdk() as client:
        table = client.route_tables.get("rg-Net", "rt-Pods")
        table["properties"]["routes"] += [
            route("kept", "10.1.0.0/16", "10.0.0.4"),
            route("lost", "10.2.0.0/16", "10.0.0.4"),
        ]
        result = client.route_tables.begin_create_or_update("rg-Net", "rt-Pods", table).result()
    assert result.provisioning_state == "Succeeded"
    assert [each.name for each in result.routes] == ["fw", "kept"]


def test_a_racing_writer_makes_the_version_stale_and_its_edit_survives(stage: Arm) -> None:
    stage.rm.before_next(
        "PUT", TABLE, lambda: stage.rm.edit_table(TABLE, lambda body: add_route(body, "theirs", "10.3.0.0/16"))
    )
    etag = stage.rm.table(TABLE)["etag"]
    answer = stage.send("PUT", TABLE, {"location": "westeurope"}, If_Match=etag)
    assert answer.status_code == 412
    assert stage.rm.routes(TABLE) == {"0.0.0.0/0": "10.9.0.4", "10.3.0.0/16": "10.0.0.4"}


def test_a_racing_writer_may_use_the_stand_in_over_http(stage: Arm) -> None:
    seen: list[int] = []
    stage.rm.before_next(
        "GET", TABLE, lambda: seen.append(stage.send("PATCH", TABLE, {"tags": {"a": "b"}}).status_code)
    )
    assert stage.send("GET", TABLE).json()["tags"] == {"a": "b"}
    assert seen == [200]


def test_an_edit_waits_its_turn_behind_a_running_operation(server: tuple[ServerThread, Authority]) -> None:
    stage = arm(server, instant=False)
    stage.rm.add_route_table(TABLE)
    put = stage.send("PUT", f"{TABLE}/routes/a", route("a", "10.1.0.0/16", "10.0.0.4"))
    stage.rm.edit_table(TABLE, lambda body: add_route(body, "b", "10.2.0.0/16"))
    assert stage.rm.routes(TABLE) == {"10.1.0.0/16": "10.0.0.4", "10.2.0.0/16": "10.0.0.4"}
    assert stage.rm.table(TABLE)["properties"]["provisioningState"] == "Succeeded"
    assert stage.send("GET", put.headers["Azure-AsyncOperation"]).json() == {"status": "Succeeded"}


def test_an_edit_that_azure_would_refuse_is_refused_and_changes_nothing(stage: Arm) -> None:
    before = stage.rm.table(TABLE)
    with pytest.raises(AzureError, match="RouteConflict"):
        stage.rm.edit_table(TABLE, lambda body: add_route(body, "b", "0.0.0.0/0"))
    assert json.dumps(stage.rm.table(TABLE)) == json.dumps(before)


def test_a_poll_may_be_refused_too(stage: Arm) -> None:
    url = stage.send("PUT", TABLE, {"location": "westeurope"}).headers["Azure-AsyncOperation"]
    stage.rm.refuse_next("GET", "/operations/", errors.service_unavailable())
    assert [stage.send("GET", url).status_code for _ in range(2)] == [503, 200]


def test_the_named_errors_can_be_raised_again_and_again(stage: Arm) -> None:
    stage.rm.refuse_next("*", TABLE, errors.scope_locked(TABLE), times=3)
    assert [stage.send(method, TABLE).status_code for method in ("GET", "DELETE", "PUT")] == [409] * 3
