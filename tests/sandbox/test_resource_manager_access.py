"""Permissions, locks, limits and event subscriptions: what the stand-in shows of them, and that they have the effect they say."""

from collections.abc import Iterator

import pytest

from sandbox.authority import Authority
from sandbox.resource_manager.access import action_of
from sandbox.server import ServerThread
from tests.sandbox.resource_manager_stage import (
    CLUSTER,
    GROUP,
    NETWORK,
    SUBSCRIPTION,
    TABLE,
    Arm,
    body,
    served,
    with_table,
)

pytestmark = pytest.mark.wire

PERMISSIONS = "providers/Microsoft.Authorization/permissions"
LOCKS = "providers/Microsoft.Authorization/locks"
WRITE = "Microsoft.Network/routeTables/write"
NODES = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/MC_nodes"
TOPIC = f"{GROUP}/providers/Microsoft.EventGrid/systemTopics/nodes"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[ServerThread, Authority]]:
    with served(tmp_path_factory.mktemp("ca")) as serving:
        yield serving


@pytest.fixture
def arm(server: tuple[ServerThread, Authority]) -> Arm:
    return with_table(server)


def test_the_identity_may_do_everything_at_first(arm: Arm) -> None:
    answer = arm.send("GET", f"{TABLE}/{PERMISSIONS}", version="2022-04-01")
    assert (answer.status_code, answer.json()) == (
        200,
        {"value": [{"actions": ["*"], "notActions": [], "dataActions": [], "notDataActions": []}]},
    )


def test_what_is_forbidden_is_refused_there_and_shown_there(arm: Arm) -> None:
    undo = arm.rm.access.forbid(WRITE, scope=TABLE)
    refused = arm.send("PUT", TABLE, body())
    assert (refused.status_code, refused.json()["error"]["code"]) == (403, "AuthorizationFailed")
    assert WRITE in refused.json()["error"]["message"]
    (role,) = arm.send("GET", f"{TABLE}/{PERMISSIONS}", version="2022-04-01").json()["value"]
    assert role["notActions"] == [WRITE]
    (role,) = arm.send("GET", f"{GROUP}/{PERMISSIONS}", version="2022-04-01").json()["value"]
    assert role["notActions"] == []
    assert arm.send("GET", TABLE).status_code == 200
    undo()
    assert arm.send("PUT", TABLE, body()).status_code == 200


@pytest.mark.parametrize(("level", "put", "delete"), [("ReadOnly", 409, 409), ("CanNotDelete", 200, 409)])
def test_a_lock_covers_what_is_below_it(arm: Arm, level: str, put: int, delete: int) -> None:
    undo = arm.rm.access.lock(GROUP, level, name="l")
    (lock,) = arm.send("GET", f"{TABLE}/{LOCKS}", version="2020-05-01").json()["value"]
    assert lock == {
        "properties": {"level": level},
        "id": f"{GROUP}/{LOCKS}/l",
        "type": "Microsoft.Authorization/locks",
        "name": "l",
    }
    assert arm.send("GET", TABLE).status_code == 200
    assert arm.send("PUT", TABLE, body()).status_code == put
    assert arm.send("DELETE", f"{TABLE}/routes/fw").status_code == delete
    undo()
    assert arm.send("GET", f"{TABLE}/{LOCKS}", version="2020-05-01").json() == {"value": []}


def test_a_lock_beside_it_is_not_shown(arm: Arm) -> None:
    arm.rm.access.lock(f"{TABLE}-2")
    assert arm.send("GET", f"{TABLE}/{LOCKS}", version="2020-05-01").json() == {"value": []}


@pytest.mark.parametrize(
    ("method", "path", "action"),
    [
        ("GET", TABLE, "Microsoft.Network/routeTables/read"),
        ("GET", TABLE.rpartition("/")[0], "Microsoft.Network/routeTables/read"),
        ("PUT", f"{TABLE}/routes/a", "Microsoft.Network/routeTables/routes/write"),
        ("DELETE", TABLE, "Microsoft.Network/routeTables/delete"),
        ("GET", f"{NETWORK}/subnets/a", "Microsoft.Network/virtualNetworks/subnets/read"),
        (
            "POST",
            f"{CLUSTER}/listClusterUserCredential",
            "Microsoft.ContainerService/managedClusters/listClusterUserCredential/action",
        ),
        ("GET", f"{TABLE}/{LOCKS}", "Microsoft.Authorization/locks/read"),
        (
            "GET",
            f"/subscriptions/{SUBSCRIPTION}/providers/Microsoft.Network/locations/westeurope/usages",
            "Microsoft.Network/locations/usages/read",
        ),
    ],
)
def test_each_request_needs_the_action_that_azure_names(method: str, path: str, action: str) -> None:
    assert action_of(method, path) == action


def test_the_limits_of_a_subscription_are_listed_by_name(arm: Arm) -> None:
    path = f"/subscriptions/{SUBSCRIPTION}/providers/Microsoft.Network/locations/westeurope/usages"
    arm.rm.usages.limits["RoutesPerRouteTable"] = 400
    found = {each["name"]["value"]: each for each in arm.send("GET", path).json()["value"]}
    assert found["RoutesPerRouteTable"] == {
        "currentValue": 0,
        "id": f"{path}/RoutesPerRouteTable",
        "limit": 400,
        "name": {"localizedValue": "RoutesPerRouteTable", "value": "RoutesPerRouteTable"},
        "unit": "Count",
    }


def test_a_subscription_is_listed_where_it_was_made(arm: Arm) -> None:
    arm.rm.add_resource_group(NODES)
    arm.rm.event_grid.add_system_topic(TOPIC, NODES)
    arm.rm.event_grid.subscribe(TOPIC, "/app/functions/on_scale_event")
    grid = "providers/Microsoft.EventGrid"
    at_group = arm.send("GET", f"{NODES}/{grid}/eventSubscriptions", version="2025-02-15").json()
    assert at_group == {"value": []}
    (topic,) = arm.send("GET", f"/subscriptions/{SUBSCRIPTION}/{grid}/systemTopics", version="2025-02-15").json()[
        "value"
    ]
    assert (topic["id"], topic["properties"]["source"]) == (TOPIC, NODES)
    (found,) = arm.send("GET", f"{TOPIC}/eventSubscriptions", version="2025-02-15").json()["value"]
    assert found["id"] == f"{TOPIC}/eventSubscriptions/aks-pod-routes"
    assert found["properties"]["topic"] == NODES
    assert found["properties"]["destination"]["properties"]["resourceId"] == "/app/functions/on_scale_event"
    arm.rm.event_grid.unsubscribe(TOPIC)
    assert arm.send("GET", f"{TOPIC}/eventSubscriptions", version="2025-02-15").json() == {"value": []}


def test_a_topic_that_is_not_there_has_no_subscriptions(arm: Arm) -> None:
    assert arm.send("GET", f"{TOPIC}/eventSubscriptions", version="2025-02-15").status_code == 404
