"""Event Grid's deliveries: which put a message on the queue, and that nothing of them is ever seen in the log.

The queue's function is switched off here, so that messages can be counted; the host logs everything, debug lines too.
"""

import json
from collections.abc import Iterator
from typing import Any, Literal

import pytest
import requests

from sandbox.cluster import NODE_GROUP, SUBSCRIPTION, Operation, scale_event
from shared.events import OPERATIONS
from tests.front_door.stage import BOOKS_GROUP, NO_WAKE, ONE_PASS, Stage

pytestmark = pytest.mark.wire

Schema = Literal["cloud", "eventGrid"]
SCHEMAS: list[Schema] = ["eventGrid", "cloud"]
CLAIMS = {"name": "Jane Doe", "ipaddr": "203.0.113.77", "puid": "10032001F2E4D6A8"}
"""Personal data, as every event of a resource group carries it."""


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    extra = {**NO_WAKE, "PYTHON_ENABLE_DEBUG_LOGGING": "1"}
    with Stage(tmp_path_factory.mktemp("events"), settle=ONE_PASS, extra=extra) as stage:
        yield stage


@pytest.fixture(autouse=True)
def _no_event_is_logged(stage: Stage) -> Iterator[None]:
    yield
    log = stage.new_log()
    assert not [value for value in (*CLAIMS.values(), "correlationId", "resourceProvider") if value in log]


def event(schema: Schema = "eventGrid", *, operation: str | None = None, **changes: Any) -> dict[str, Any]:
    """A scale event of pool apps with claims in it; `changes` replace keys of its data."""
    made: dict[str, Any] = scale_event("apps", "write", schema=schema)
    made["data"] |= {"claims": CLAIMS, "authorization": {"scope": made["subject"]}, "httpRequest": CLAIMS} | changes
    if operation is not None:
        made["data"]["operationName"] = operation
    return made


def elsewhere(made: dict[str, Any], group: str, subscription: str = SUBSCRIPTION) -> dict[str, Any]:
    """The same event from another resource group."""
    text = json.dumps(made).replace(NODE_GROUP, group).replace(SUBSCRIPTION, subscription)
    moved: dict[str, Any] = json.loads(text)
    return moved


def delivered(stage: Stage, events: Any) -> list[dict[str, Any]]:
    """The messages that a delivery puts on the queue; it is accepted, whatever it holds."""
    answer = stage.host.send_event("on_scale_event", events)
    assert answer.status_code == 202
    assert answer.text == ""
    return [json.loads(message) for message in stage.messages()]


@pytest.mark.parametrize("schema", SCHEMAS)
def test_one_scale_event_is_one_message_for_its_cluster(stage: Stage, schema: Schema) -> None:
    made, since = event(schema), stage.host.cursor()

    messages = delivered(stage, made)

    (message,) = messages
    told = (message["cluster"], message["event"], message["correlation"])
    assert told == ("shop-weu", made["id"], made["id"])  # the event's id goes on to the pass and to Azure
    assert message["since"]
    (invocation,) = [each for each in stage.host.invocations(after=since) if each.function == "on_scale_event"]
    assert invocation.ok


@pytest.mark.parametrize("schema", SCHEMAS)
@pytest.mark.parametrize(
    "operation", ["write", "delete", "delete/action", "deallocate/action", "start/action", "reimage/action"]
)
def test_what_a_scale_set_goes_through_wakes_the_cluster(stage: Stage, schema: Schema, operation: Operation) -> None:
    assert len(delivered(stage, scale_event("apps", operation, schema=schema))) == 1


@pytest.mark.parametrize("spelling", [str.lower, str.upper, str.swapcase])
def test_every_operation_counts_however_azure_spells_it(stage: Stage, spelling: Any) -> None:
    events = [event(operation=spelling(operation)) for operation in OPERATIONS]
    for made in events:
        made["eventType"] = spelling(made["eventType"])

    messages = delivered(stage, events)

    assert len(OPERATIONS) == 8
    assert sorted(message["event"] for message in messages) == sorted(made["id"] for made in events)


@pytest.mark.parametrize("spelling", [str.lower, str.upper])
@pytest.mark.parametrize("schema", SCHEMAS)
def test_the_node_resource_group_is_known_however_azure_spells_it(stage: Stage, spelling: Any, schema: Schema) -> None:
    made = event(schema)
    made["subject"] = made["data"]["resourceUri"] = spelling(made["subject"])

    assert len(delivered(stage, made)) == 1


def test_an_array_in_the_event_grid_schema_wakes_each_cluster_it_concerns(stage: Stage) -> None:
    events = [event(), elsewhere(event(), BOOKS_GROUP), elsewhere(event(), "rg-somebody-else"), event()]

    messages = delivered(stage, events)

    assert sorted(message["cluster"] for message in messages) == ["books-weu", "shop-weu", "shop-weu"]


def test_a_batch_in_the_cloud_events_schema_is_taken_apart_too(stage: Stage) -> None:
    messages = delivered(stage, [event("cloud"), elsewhere(event("cloud"), BOOKS_GROUP)])

    assert sorted(message["cluster"] for message in messages) == ["books-weu", "shop-weu"]


@pytest.mark.parametrize("schema", SCHEMAS)
@pytest.mark.parametrize(
    ("group", "subscription"),
    [
        ("rg-somebody-else", SUBSCRIPTION),
        (f"{NODE_GROUP}_2", SUBSCRIPTION),
        (NODE_GROUP[:-1], SUBSCRIPTION),
        ("rg-shop", SUBSCRIPTION),
        (NODE_GROUP, "00000000-0000-0000-0000-000000000009"),
    ],
)
def test_events_of_other_resource_groups_wake_nobody(
    stage: Stage, schema: Schema, group: str, subscription: str
) -> None:
    assert delivered(stage, elsewhere(event(schema), group, subscription)) == []


@pytest.mark.parametrize("schema", SCHEMAS)
@pytest.mark.parametrize(
    "operation",
    [
        "Microsoft.Compute/virtualMachineScaleSets/virtualMachines/write",  # a disk was attached
        "Microsoft.Compute/virtualMachineScaleSets/restart/action",
        "Microsoft.Network/routeTables/write",  # our own
        "Microsoft.Resourcehealth/healthevent/Updated/action",
    ],
)
def test_other_operations_wake_nobody_and_leave_a_debug_line(stage: Stage, schema: Schema, operation: str) -> None:
    assert delivered(stage, event(schema, operation=operation)) == []
    (line,) = [line for line in stage.new_log().splitlines() if "event ignored" in line]
    assert " DEBUG " in line
    assert operation in line


@pytest.mark.parametrize("schema", SCHEMAS)
@pytest.mark.parametrize("end", ["Failure", "Cancel"])
def test_operations_that_did_not_succeed_wake_nobody(stage: Stage, schema: Schema, end: str) -> None:
    made = event(schema)
    made["type" if schema == "cloud" else "eventType"] = f"Microsoft.Resources.ResourceWrite{end}"

    assert delivered(stage, made) == []


@pytest.mark.parametrize("schema", SCHEMAS)
@pytest.mark.parametrize("data", ["absent", None, {}, [], "text", {"operationName": None}, {"operationName": [1]}])
def test_an_event_without_usable_data_is_accepted_and_ignored(stage: Stage, schema: Schema, data: Any) -> None:
    made = event(schema)
    if data == "absent":
        del made["data"]
    else:
        made["data"] = data

    assert delivered(stage, made) == []
    assert "event ignored: " in stage.new_log()


def test_one_odd_event_does_not_keep_its_neighbours_from_counting(stage: Stage) -> None:
    odd = event()
    del odd["data"]

    assert len(delivered(stage, [odd, event(), {}])) == 1


def test_taking_an_event_neither_reads_a_cluster_nor_writes_to_azure(stage: Stage) -> None:
    delivered(stage, event())

    assert len(stage.cloud.kubernetes.calls) == len(stage.books.calls) == 0
    assert [call for call in stage.cloud.arm.calls if call.method != "GET"] == []


def test_a_cluster_that_cannot_be_located_is_woken_rather_than_forgotten(stage: Stage, tmp_path: Any) -> None:
    """A needless wake-up is cheaper than a lost one; the other cluster of the subscription is located and stays asleep."""
    stage.cloud.arm.answer_next("GET", "managedClusters/shop-weu", 403, "AuthorizationFailed", "no")

    with stage.other_host(tmp_path) as cold:
        answer = cold.send_event("on_scale_event", event())

    assert answer.status_code == 202
    assert [json.loads(message)["cluster"] for message in stage.messages()] == ["shop-weu"]


def test_the_log_names_the_event_and_its_cluster(stage: Stage) -> None:
    made = event()
    delivered(stage, made)

    (line,) = [line for line in stage.new_log().splitlines() if "virtualMachineScaleSets/write: " in line]
    assert line.endswith(f"event {made['id']}, Microsoft.Compute/virtualMachineScaleSets/write: shop-weu")
    assert " INFO " in line


def webhook(stage: Stage, method: str, *, key: str | None = None, **options: Any) -> requests.Response:
    query = {"functionName": "on_scale_event", "code": key or stage.host.event_grid_key}
    url = f"{stage.host.url}{stage.host.event_grid_path}"
    return requests.request(method, url, params=query, timeout=30, **options)


def test_the_validation_of_an_event_grid_subscription_is_answered_without_running_the_app(stage: Stage) -> None:
    since = stage.host.cursor()
    validation = {
        "id": "1",
        "eventType": "Microsoft.EventGrid.SubscriptionValidationEvent",
        "data": {"validationCode": "512d38b6-c7b8-40c8-89fe-f46f9e9622b6"},
    }

    answer = webhook(stage, "POST", json=[validation], headers={"aeg-event-type": "SubscriptionValidation"})

    assert answer.status_code == 200
    assert answer.json() == {"validationResponse": "512d38b6-c7b8-40c8-89fe-f46f9e9622b6"}
    assert stage.host.cursor() == since


def test_the_validation_of_a_cloud_events_subscription_is_answered(stage: Stage) -> None:
    answer = webhook(stage, "OPTIONS", headers={"WebHook-Request-Origin": "eventgrid.azure.net"})

    assert answer.status_code == 200
    assert answer.headers["WebHook-Allowed-Origin"] == "eventgrid.azure.net"


def test_an_event_without_the_right_key_is_refused(stage: Stage) -> None:
    headers = {"aeg-event-type": "Notification"}

    answer = webhook(stage, "POST", key=stage.host.function_key, json=[event()], headers=headers)

    assert answer.status_code == 401
    assert stage.messages() == []
