"""Event Grid events as the binding hands them over: which ones are scale events of ours, and of which cluster."""

import json
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from azure.functions import CloudEvent, EventGridEvent
from azure.functions.eventgrid import EventGridEventInConverter
from azure.functions.meta import Datum
from hypothesis import given
from hypothesis import strategies as st

from shared.events import OPERATIONS, Event, Ignored, ScaleEvent, concerns, scale_event

SAMPLES = Path(__file__).parents[2] / "shared/data/eventgrid-samples"
NEEDS_SAMPLES = pytest.mark.skipif(not SAMPLES.is_dir(), reason="recordings not present")

SUBSCRIPTION = "00000000-0000-0000-0000-000000000001"
GROUP = "MC_rg_aks_westeurope"
SCALE_SET = (
    f"/subscriptions/{SUBSCRIPTION}/resourceGroups/{GROUP}/providers/Microsoft.Compute"
    "/virtualMachineScaleSets/aks-np1-12345678-vmss"
)
WRITE = "Microsoft.Compute/virtualMachineScaleSets/write"
SUCCESS = "Microsoft.Resources.ResourceWriteSuccess"
SCHEMAS = ["eventgrid", "cloudevents"]


def decoded(payload: dict[str, Any]) -> Event:
    """What a function receives for `payload`, through the binding's own converter."""
    event = EventGridEventInConverter.decode(Datum(json.dumps(payload), "json"), trigger_metadata={})
    assert isinstance(event, EventGridEvent | CloudEvent)
    return event


def event_of(
    schema: str = "eventgrid", *, type_: Any = SUCCESS, data: Any = None, subject: Any = SCALE_SET, **more: Any
) -> Event:
    """An event in one of the two schemas; `data` is written as it is."""
    time = "2026-11-22T10:00:00.1234567Z"
    own = {"specversion": "1.0", "type": type_, "time": time, "source": "/subscriptions/x"}
    if schema == "eventgrid":
        own = {"eventType": type_, "eventTime": time, "topic": "/subscriptions/x", "dataVersion": "2"}
    return decoded({"id": "e-1", "subject": subject, "data": data, **own, **more})


@pytest.mark.parametrize("schema", SCHEMAS)
@pytest.mark.parametrize("operation", OPERATIONS)
def test_every_operation_that_changes_machines_counts_in_both_schemas(schema: str, operation: str) -> None:
    event = event_of(schema, data={"operationName": operation, "resourceUri": SCALE_SET, "claims": {"name": "J. Doe"}})

    found = scale_event(event)

    time = datetime(2026, 11, 22, 10, 0, 0, 123456, tzinfo=UTC)
    assert found == ScaleEvent("e-1", operation, SUBSCRIPTION, GROUP, SCALE_SET, time)
    assert "Doe" not in repr(found)


def test_the_operations_are_those_of_the_issue() -> None:
    of_scale_sets = {"write", "delete", "delete/action", "deallocate/action", "start/action", "reimage/action"}

    assert set(OPERATIONS) == {
        *(f"Microsoft.Compute/virtualMachineScaleSets/{each}" for each in of_scale_sets),
        "Microsoft.Compute/virtualMachines/write",
        "Microsoft.Compute/virtualMachines/delete",
    }


@pytest.mark.parametrize("schema", SCHEMAS)
@pytest.mark.parametrize("what", ["Write", "Delete", "Action"])
def test_success_of_each_kind_counts_and_failure_and_cancel_do_not(schema: str, what: str) -> None:
    data = {"operationName": WRITE}

    verdicts = {
        end: isinstance(
            scale_event(event_of(schema, type_=f"Microsoft.Resources.Resource{what}{end}", data=data)), ScaleEvent
        )
        for end in ("Success", "Failure", "Cancel")
    }

    assert verdicts == {"Success": True, "Failure": False, "Cancel": False}


@pytest.mark.parametrize(
    "operation",
    [
        "Microsoft.Compute/virtualMachineScaleSets/virtualMachines/write",  # a disk was attached
        "Microsoft.Compute/virtualMachineScaleSets/virtualMachines/delete",
        "Microsoft.Compute/virtualMachineScaleSets",
        "Microsoft.Compute/virtualMachineScaleSets/write/action",
        "Microsoft.Compute/virtualMachineScaleSets/restart/action",
        "Microsoft.Compute/virtualMachines/start/action",
        "Microsoft.Compute/virtualMachines/extensions/write",
        "Microsoft.Resourcehealth/healthevent/Updated/action",  # telemetry
        "xMicrosoft.Compute/virtualMachines/write",
        "Microsoft.Compute/virtualMachines/write ",
        "",
    ],
)
def test_operations_are_compared_whole_so_neighbours_do_not_count(operation: str) -> None:
    found = scale_event(event_of(data={"operationName": operation, "resourceUri": SCALE_SET}))

    assert found == Ignored(f"operation {operation!r} does not count")


@pytest.mark.parametrize("schema", SCHEMAS)
@pytest.mark.parametrize(
    ("more", "reason"),
    [
        ({"data": None}, "the event has no data object"),
        ({"data": "{}"}, "the event has no data object"),
        ({"data": [1]}, "the event has no data object"),
        ({"data": {}}, "operation of type NoneType does not count"),
        ({"data": {"operationName": {"value": WRITE}}}, "operation of type dict does not count"),
        ({"data": {"operationName": "x" * 1000}}, f"operation {'x' * 100!r} does not count"),
        ({"data": {"operationName": "a\nb"}}, "operation 'a\\nb' does not count"),
        ({"type_": None}, "event type of type NoneType does not count"),
        ({"type_": 3}, "event type of type int does not count"),
        ({"type_": "Microsoft.EventGrid.SubscriptionValidationEvent"}, "event type 'Microsoft.EventGrid.SubscriptionV"),
        (
            {"data": {"operationName": WRITE}, "subject": None},
            "neither resourceUri nor subject is the id of a resource",
        ),
        ({"data": {"operationName": WRITE}, "subject": "hello"}, "neither resourceUri nor subject is the id"),
        ({"data": {"operationName": WRITE}, "subject": 7}, "neither resourceUri nor subject is the id"),
        ({"data": {"operationName": WRITE}, "subject": "/subscriptions/s/resourceGroups/g"}, "neither resourceUri nor"),
    ],
)
def test_odd_events_are_ignored_with_a_short_reason(schema: str, more: dict[str, Any], reason: str) -> None:
    found = scale_event(event_of(schema, **more))

    assert isinstance(found, Ignored)
    assert found.reason.startswith(reason)


def test_an_event_with_nothing_in_it_is_ignored() -> None:
    assert isinstance(scale_event(decoded({})), Ignored)
    assert isinstance(scale_event(decoded({"specversion": "1.0", "data_base64": "e30="})), Ignored)


@pytest.mark.parametrize("resource", [None, 5, "nonsense", SCALE_SET])
def test_the_subject_serves_where_data_names_no_resource(resource: Any) -> None:
    found = scale_event(event_of(data={"operationName": WRITE, "resourceUri": resource}))

    assert isinstance(found, ScaleEvent)
    assert found.resource == SCALE_SET


def test_an_action_at_the_end_of_the_resource_is_no_part_of_it() -> None:
    found = scale_event(event_of(data={"operationName": WRITE}, subject=f"{SCALE_SET}/start"))

    assert isinstance(found, ScaleEvent)
    assert found.resource == SCALE_SET


@given(st.data(), st.sampled_from(OPERATIONS), st.sampled_from(SCHEMAS))
def test_case_never_changes_the_verdict(data: st.DataObject, operation: str, schema: str) -> None:
    def recased(text: str) -> str:
        upper = data.draw(st.lists(st.booleans(), min_size=len(text), max_size=len(text)))
        return "".join(char.upper() if up else char.lower() for char, up in zip(text, upper, strict=True))

    event = event_of(
        schema, type_=recased(SUCCESS), data={"operationName": recased(operation)}, subject=recased(SCALE_SET)
    )

    found = scale_event(event)

    assert isinstance(found, ScaleEvent)
    assert found.operation == operation
    assert concerns(found, {"prod": (recased(SUBSCRIPTION), recased(GROUP))}) == ("prod",)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text() | st.sampled_from([WRITE, SUCCESS, SCALE_SET]),
    lambda each: (
        st.lists(each, max_size=3)
        | st.dictionaries(st.sampled_from(["operationName", "resourceUri"]) | st.text(), each, max_size=4)
    ),
    max_leaves=10,
)


@given(id_=JSON, type_=JSON, subject=JSON, data=JSON, schema=st.sampled_from(SCHEMAS))
def test_whatever_an_event_holds_nothing_is_raised(id_: Any, type_: Any, subject: Any, data: Any, schema: str) -> None:
    found = scale_event(event_of(schema, type_=type_, subject=subject, data=data, id=id_))

    assert isinstance(found, ScaleEvent | Ignored)


def test_an_event_concerns_every_cluster_of_its_node_resource_group_and_no_other() -> None:
    event = ScaleEvent("e-1", WRITE, SUBSCRIPTION, GROUP, SCALE_SET, None)
    groups = {
        "prod": (SUBSCRIPTION, GROUP.lower()),
        "prod-bgp": (SUBSCRIPTION.upper(), GROUP),
        "longer": (SUBSCRIPTION, f"{GROUP}_2"),
        "shorter": (SUBSCRIPTION, GROUP[:-1]),
        "elsewhere": ("00000000-0000-0000-0000-000000000002", GROUP),
    }

    assert concerns(event, groups) == ("prod", "prod-bgp")
    assert concerns(event, {}) == ()


def verdict(payload: dict[str, Any]) -> str:
    found = scale_event(decoded(payload))
    return found.operation if isinstance(found, ScaleEvent) else found.reason


@NEEDS_SAMPLES
def test_samples_every_one_is_judged() -> None:
    """Origin of the samples: Microsoft's documentation, two delivered events, and shapes derived from both."""
    verdicts: dict[str, str] = {}
    for file in sorted(SAMPLES.rglob("*.json")):
        payload = json.loads(file.read_text(encoding="utf-8"))
        for each in payload if isinstance(payload, list) else [payload]:  # the host splits an array into single calls
            verdicts[str(file.relative_to(SAMPLES))] = verdict(each).removeprefix("Microsoft.Compute/")

    both = ("cloudevent", "eventgridevent")
    scale_sets = "operation 'Microsoft.Compute/virtualMachineScaleSets/virtualMachines"
    expected = {
        f"derived-vmss/nap-vm-{what}.{schema}.json": f"virtualMachines/{what}"
        for what in ("write", "delete")
        for schema in both
    }
    for what in ("write", "delete"):
        for schema in both:
            expected[f"derived-vmss/vmss-{what}.{schema}.json"] = f"virtualMachineScaleSets/{what}"
            expected[f"derived-vmss/vmss-vm-{what}.{schema}.json"] = f"{scale_sets}/{what}' does not count"
    for schema in both:
        expected[f"derived-vmss/vmss-delete-action.{schema}.json"] = "virtualMachineScaleSets/delete/action"
    expected["real/vm-write.2018-08-05.gist-akki-s.partial.json"] = "virtualMachines/write"
    foreign = {name: found for name, found in verdicts.items() if name not in expected}

    assert {name: verdicts[name] for name in expected} == expected
    assert foreign
    assert all(found.startswith("operation '") and found.endswith("does not count") for found in foreign.values())


def test_the_room_needs_no_azure_library() -> None:
    code = "import shared.events, sys; print('azure' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "False"
