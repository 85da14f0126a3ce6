"""The Resource Manager stand-in: what it refuses, with which status, code and wording."""

from collections.abc import Callable, Iterator
from functools import partial
from io import BytesIO
from typing import Any

import pytest
from azure.core.exceptions import ClientAuthenticationError, HttpResponseError

from sandbox.resource_manager import AzureError, route
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

Make = Callable[..., Arm]


@pytest.fixture(name="make", scope="module")
def _make(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Make]:
    """Makes a stand-in with one table of one route."""
    with served(tmp_path_factory.mktemp("ca")) as server:
        yield partial(with_table, server)


@pytest.mark.parametrize(
    ("routes", "code"),
    [
        ([route("x" * 81, "10.1.0.0/16", "10.0.0.4")], "InvalidResourceName"),
        ([route("", "10.1.0.0/16", "10.0.0.4")], "InvalidResourceName"),
        ([route("_a", "10.1.0.0/16", "10.0.0.4")], "InvalidResourceName"),
        ([route("a-", "10.1.0.0/16", "10.0.0.4")], "InvalidResourceName"),
        ([route("a/b", "10.1.0.0/16", "10.0.0.4")], "InvalidResourceName"),
        ([route("a", "10.1.0.0/16", "10.0.0.4"), route("A", "10.2.0.0/16", "10.0.0.4")], "DuplicateResourceName"),
        ([route("a", "10.1.0.0/16", "10.0.0.4"), route("b", "10.1.0.0/16", "10.0.0.5")], "RouteConflict"),
        ([route("a", "fd00::/64", "fd01::4"), route("b", "fd00:0:0::/64", "fd01::5")], "RouteConflict"),
        ([route("a", "10.1.0.0", "10.0.0.4")], "InvalidAddressPrefixFormat"),
        ([route("a", "10.1.0.0/33", "10.0.0.4")], "InvalidAddressPrefixFormat"),
        ([route("a", "10.0.4.0/24--no-wait", "10.0.0.4")], "InvalidAddressPrefixFormat"),
        ([route("a", "10.1.0.0/255.255.0.0", "10.0.0.4")], "InvalidAddressPrefixFormat"),
        ([{"name": "a", "properties": {"nextHopType": "None"}}], "InvalidAddressPrefixFormat"),
        ([route("a", "10.1.2.3/16", "10.0.0.4")], "InvalidCIDRNotation"),
        ([route("a", "10.1.0.0/16")], "MissingNextHopIpAddress"),
        ([route("a", "10.1.0.0/16", "node-7")], "InvalidNextHopIpAddress"),
        ([route("a", "10.1.0.0/16", "10.0.0.4", next_hop_type="None")], "NextHopIpAddressNotAllowed"),
        ([route("a", "10.1.0.0/16", next_hop_type="Elsewhere")], "InvalidJson"),
        ([route("a", "10.1.0.0/16", next_hop_type="VirtualApplianceEcmp")], "InvalidNextHop"),
        (["no object"], "InvalidJson"),
        ([route(f"r{n}", f"10.{n}.0.0/16", "10.0.0.4") for n in range(6)], "RoutesPerRouteTableLimitReached"),
    ],
)
def test_a_bad_route_is_refused_with_400_and_its_code_and_changes_nothing(
    make: Make, routes: list[dict[str, Any]], code: str
) -> None:
    stage = make(routes_per_table=5)
    before = stage.rm.table(TABLE)
    answer = stage.send("PUT", TABLE, body(*routes))
    error = answer.json()["error"]
    assert answer.status_code == 400
    assert code in {error["code"], *(detail["code"] for detail in error["details"])}
    assert stage.rm.table(TABLE) == before


@pytest.mark.parametrize(
    "good",
    [
        route("a.b_c-d_", "10.1.0.0/16", "10.0.0.4"),
        route("9", "10.1.0.0/16", "10.0.0.4"),
        route("x" * 80, "0.0.0.0/1", "10.0.0.4"),
        route("v6", "fd00:1::/64", "fd00::4"),
        route("tag", "AzureCloud.WestEurope", next_hop_type="Internet"),
        route("case", "10.1.0.0/16", next_hop_type="vnetlocal"),
    ],
)
def test_a_good_route_is_taken(make: Make, good: dict[str, Any]) -> None:
    stage = make()
    name = good["name"]
    assert stage.send("PUT", f"{TABLE}/routes/{name}", good).status_code == 201


def test_a_route_that_conflicts_with_another_names_both(make: Make) -> None:
    stage = make()
    answer = stage.send("PUT", f"{TABLE}/routes/mine", route("mine", "0.0.0.0/0", "10.0.0.4"))
    assert answer.json()["error"] == {
        "code": "RouteConflict",
        "message": "Route: mine conflicts with Route: fw. Routes cannot have the same AddressPrefix.",
        "details": [],
    }


@pytest.mark.parametrize(
    ("sent", "status", "code"),
    [
        ({"properties": {}}, 400, "LocationRequired"),
        ({"location": "eastus"}, 409, "InvalidResourceLocation"),
        ({"location": "West Europe"}, 200, None),
        (["no object"], 400, "InvalidRequestFormat"),
        ({"location": "westeurope", "properties": {"routes": {}}}, 400, "InvalidRequestFormat"),
        ({"location": "westeurope", "properties": []}, 400, "InvalidRequestFormat"),
    ],
)
def test_a_table_needs_an_object_with_its_location(make: Make, sent: object, status: int, code: str | None) -> None:
    answer = make().send("PUT", TABLE, sent)
    assert (answer.status_code, answer.json().get("error", {}).get("code")) == (status, code)


@pytest.mark.parametrize(
    ("path", "code", "cause"),
    [
        (TABLE + "x", "ResourceNotFound", "gateway"),
        (f"{TABLE}x/routes/a", "ResourceNotFound", "gateway"),
        (TABLE.replace("rg-Net", "rg-None"), "ResourceGroupNotFound", "gateway"),
        (TABLE.replace(SUBSCRIPTION, "nowhere"), "SubscriptionNotFound", "gateway"),
        (f"{TABLE}/routes/none", "NotFound", None),
        (NETWORK, "ResourceNotFound", "gateway"),
        (CLUSTER, "ResourceNotFound", "gateway"),
        (f"/subscriptions/{SUBSCRIPTION}/providers/Microsoft.Network/locations/w/operations/none", "NotFound", None),
    ],
)
def test_what_does_not_exist_is_a_404_of_the_front_door_or_of_the_provider(
    make: Make, path: str, code: str, cause: str | None
) -> None:
    answer = make().send("GET", path)
    assert (answer.status_code, answer.json()["error"]["code"]) == (404, code)
    assert answer.headers.get("x-ms-failure-cause") == cause
    assert ("details" in answer.json()["error"]) is (cause is None)


@pytest.mark.parametrize(
    ("version", "code"),
    [
        (None, "MissingApiVersionParameter"),
        ("latest", "NoRegisteredProviderFound"),
        ("2001-01-01", "NoRegisteredProviderFound"),
        ("2999-01-01", "NoRegisteredProviderFound"),
    ],
)
def test_a_missing_or_unknown_api_version_is_a_400(make: Make, version: str | None, code: str) -> None:
    answer = make().send("GET", TABLE, version=version)
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, code)


def test_without_a_live_token_for_this_endpoint_there_is_a_401(make: Make) -> None:
    stage = make()
    other = f"Bearer {stage.tokens.issue('https://management.azure.com')[0]}"
    for authorization in ("", "Bearer nonsense", "Basic x", other):
        answer = stage.send("GET", TABLE, authorization=authorization)
        assert answer.status_code == 401
        expected = "InvalidAuthenticationToken" if authorization else "AuthenticationFailed"
        assert answer.json()["error"]["code"] == expected
        assert answer.headers["WWW-Authenticate"].startswith("Bearer ")
    with stage.sdk() as client:
        client.route_tables.get("rg-Net", "rt-Pods")
        stage.tokens.revoke_all()
        with pytest.raises(ClientAuthenticationError, match="InvalidAuthenticationToken"):
            client.route_tables.get("rg-Net", "rt-Pods")


def test_what_the_sandbox_lacks_is_a_501_and_never_looks_like_azure(make: Make) -> None:
    answer = make().send("GET", f"{GROUP}/providers/Microsoft.Network/loadBalancers/lb")
    assert (answer.status_code, answer.json()["error"]["code"]) == (501, "NotInSandbox")


def test_a_body_that_is_no_json_is_a_400(make: Make) -> None:
    stage = make()
    with stage.sdk() as client, pytest.raises(HttpResponseError, match="could not be deserialized"):
        client.route_tables.begin_create_or_update("rg-Net", "rt-Pods", BytesIO(b"{"))


def test_the_builder_refuses_an_id_of_another_kind(make: Make) -> None:
    stage = make()
    for wrong in ("nonsense", GROUP, NETWORK, f"{GROUP}/providers/Microsoft.Network/routeTables"):
        with pytest.raises(ValueError, match="is not the id of a"):
            stage.rm.add_route_table(wrong)
    with pytest.raises(AzureError, match="RouteConflict"):
        stage.rm.add_route_table(TABLE, [route("a", "10.0.0.0/8", "10.0.0.4"), route("b", "10.0.0.0/8", "10.0.0.4")])
    with pytest.raises(KeyError):
        stage.rm.table(TABLE + "x")
