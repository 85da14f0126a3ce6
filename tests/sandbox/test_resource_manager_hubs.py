"""Virtual hubs in the Resource Manager stand-in: what is read, and the life of their peers."""

from collections.abc import Iterator
from typing import Any

import pytest
from azure.core.exceptions import HttpResponseError, ResourceExistsError
from azure.mgmt.network.models import BgpConnection

from sandbox.authority import Authority
from sandbox.server import ServerThread
from tests.sandbox.hubs_stage import SERVER, SPOKE, WAN, delete, put, states, with_hubs
from tests.sandbox.resource_manager_stage import GROUP, NETWORK, SUBSCRIPTION, Arm, served

pytestmark = pytest.mark.wire


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[ServerThread, Authority]]:
    with served(tmp_path_factory.mktemp("ca")) as serving:
        yield serving


@pytest.fixture
def stage(server: tuple[ServerThread, Authority]) -> Arm:
    return with_hubs(server, instant=False)


@pytest.fixture
def instant(server: tuple[ServerThread, Authority]) -> Arm:
    return with_hubs(server)


def test_a_route_server_shows_its_router_but_not_its_peers(stage: Arm) -> None:
    answer = stage.send("GET", SERVER.lower())
    body = answer.json()
    assert (answer.status_code, "ETag" in answer.headers) == (200, False)
    assert (body["kind"], body["id"], body["location"]) == ("RouteServer", SERVER, "westeurope")
    assert body["properties"]["virtualRouterIps"] == ["10.10.16.4", "10.10.16.5"]
    assert (body["properties"]["virtualRouterAsn"], body["properties"]["routingState"]) == (65515, "Provisioned")
    assert not {"bgpConnections", "addressPrefix", "virtualWan"} & body["properties"].keys()


def test_a_virtual_wan_hub_has_no_kind_but_a_prefix_and_a_wan(stage: Arm) -> None:
    body = stage.send("GET", WAN).json()
    assert "kind" not in body
    assert body["properties"]["addressPrefix"] == "10.20.0.0/24"
    assert body["properties"]["virtualRouterIps"] == ["10.20.0.68", "10.20.0.69"]
    assert body["properties"]["virtualWan"]["id"].endswith("/virtualWans/hub-Prod-wan")


def test_hubs_are_listed_by_group_and_by_subscription(stage: Arm) -> None:
    other = "/subscriptions/99999999-2222-3333-4444-555555555555/resourceGroups/rg-net/providers"
    stage.rm.add_virtual_hub(
        f"{other}/Microsoft.Network/virtualHubs/far", address_prefix="10.99.0.0/24", connections_to={}
    )
    for scope in (GROUP, f"/subscriptions/{SUBSCRIPTION}"):
        answer = stage.send("GET", f"{scope}/providers/Microsoft.Network/virtualHubs")
        assert [each["id"] for each in answer.json()["value"]] == [SERVER, WAN]
        assert "ETag" not in answer.headers


def test_an_ip_configuration_names_the_subnet_and_the_public_address(stage: Arm) -> None:
    [listed] = stage.send("GET", f"{SERVER}/ipConfigurations").json()["value"]
    one = stage.send("GET", f"{SERVER}/ipConfigurations/default")
    assert (one.json(), one.headers["ETag"]) == (listed, listed["etag"])
    assert listed["properties"]["subnet"]["id"] == f"{NETWORK}/subnets/RouteServerSubnet"
    assert listed["properties"]["publicIPAddress"]["id"].endswith("/publicIPAddresses/rs-Prod-ip")
    assert stage.send("GET", f"{WAN}/ipConfigurations").json() == {"value": []}


def test_a_network_connection_propagates_to_the_default_table(stage: Arm) -> None:
    [listed] = stage.send("GET", f"{WAN}/hubVirtualNetworkConnections").json()["value"]
    assert stage.send("GET", SPOKE.upper()).json() == listed
    assert listed["properties"]["remoteVirtualNetwork"]["id"] == NETWORK
    table = {"id": f"{WAN}/hubRouteTables/defaultRouteTable"}
    routing = listed["properties"]["routingConfiguration"]
    assert (routing["associatedRouteTable"], routing["propagatedRouteTables"]["ids"]) == (table, [table])


@pytest.mark.parametrize(
    ("path", "code"),
    [
        (f"{GROUP}/providers/Microsoft.Network/virtualHubs/no", "ResourceNotFound"),
        (f"{GROUP}/providers/Microsoft.Network/virtualHubs/no/bgpConnections/p", "ResourceNotFound"),
        (f"{SERVER}/bgpConnections/no", "NotFound"),
        (f"{SERVER}/ipConfigurations/no", "NotFound"),
        (f"{WAN}/hubVirtualNetworkConnections/no", "NotFound"),
    ],
)
def test_what_is_not_there_is_a_404(stage: Arm, path: str, code: str) -> None:
    answer = stage.send("GET", path)
    assert (answer.status_code, answer.json()["error"]["code"]) == (404, code)


def test_a_new_peer_takes_its_time_and_the_hub_is_updating_meanwhile(stage: Arm) -> None:
    before = stage.send("GET", SERVER).json()["etag"]
    answer = put(stage, "one", "10.10.0.4")
    assert (answer.status_code, answer.headers["Retry-After"]) == (201, "10")
    assert "Location" not in answer.headers
    assert answer.json()["properties"] == {"provisioningState": "Updating", "peerIp": "10.10.0.4", "peerAsn": 65001}
    assert states(stage) == {"hub": "Updating", "foreign": "Succeeded", "one": "Updating"}
    during = stage.send("GET", SERVER).json()["etag"]
    url = answer.headers["Azure-AsyncOperation"]
    stage.clock.now += 99
    assert stage.send("GET", url).json() == {"status": "InProgress"}
    stage.clock.now += 1
    assert stage.send("GET", url).json() == {"status": "Succeeded"}
    assert states(stage) == {"hub": "Succeeded", "foreign": "Succeeded", "one": "Succeeded"}
    assert len({before, during, stage.send("GET", SERVER).json()["etag"]}) == 3
    assert stage.rm.peers(SERVER) == {"10.10.0.200": 65010, "10.10.0.4": 65001}


def test_the_hub_and_its_children_are_one_version(stage: Arm) -> None:
    put(stage, "one", "10.10.0.4")
    etag = stage.send("GET", SERVER).json()["etag"]
    children = ("bgpConnections/one", "bgpConnections/foreign", "ipConfigurations/Default")
    answers = [stage.send("GET", f"{SERVER}/{child}") for child in children]
    assert {answer.headers["ETag"] for answer in answers} == {answer.json()["etag"] for answer in answers} == {etag}


def test_a_peer_is_gone_when_its_delete_has_ended(stage: Arm) -> None:
    answer = delete(stage, "FOREIGN")
    assert (answer.status_code, answer.content) == (202, b"")
    assert states(stage) == {"hub": "Updating", "foreign": "Deleting"}
    result = answer.headers["Location"]
    assert stage.send("GET", result).status_code == 202
    stage.clock.now += 90
    assert stage.send("GET", answer.headers["Azure-AsyncOperation"]).json() == {"status": "Succeeded"}
    assert stage.send("GET", result).status_code == 204
    assert states(stage) == {"hub": "Succeeded"}
    assert delete(stage, "foreign").status_code == 204


@pytest.mark.parametrize("first", ["put", "delete"])
def test_a_second_write_to_the_same_hub_is_refused_until_the_first_has_ended(stage: Arm, first: str) -> None:
    assert (put(stage, "one", "10.10.0.4") if first == "put" else delete(stage, "foreign")).ok
    refused = [put(stage, "two", "10.10.0.5"), put(stage, "foreign", "10.10.0.200", 65010), delete(stage, "foreign")]
    assert [answer.status_code for answer in refused] == [409] * 3
    error = refused[0].json()["error"]
    assert (error["code"], error["details"]) == ("AnotherOperationInProgress", [])
    assert (
        "in progress. To retrieve status of the operation use uri: https://westeurope.network.azure.com/"
        in error["message"]
    )
    assert put(stage, "three", "10.10.0.6", hub=WAN, hubVirtualNetworkConnection={"id": SPOKE}).status_code == 201
    stage.clock.now += 100
    assert put(stage, "two", "10.10.0.5").status_code == 201


def test_a_put_of_what_is_there_ends_at_once_and_leaves_the_version_alone(stage: Arm) -> None:
    etag = stage.send("GET", SERVER).json()["etag"]
    answer = put(stage, "Foreign", "10.10.0.200", 65010)
    assert (answer.status_code, answer.json()["properties"]["provisioningState"]) == (200, "Succeeded")
    assert (answer.json()["name"], answer.json()["etag"]) == ("foreign", etag)
    assert stage.send("GET", answer.headers["Azure-AsyncOperation"]).json() == {"status": "Succeeded"}


def test_another_connection_of_the_network_is_a_change_that_takes_its_time(stage: Arm) -> None:
    stage.rm.edit_hub(
        WAN,
        lambda body: body["hubVirtualNetworkConnections"].append(
            body["hubVirtualNetworkConnections"][0] | {"name": "spoke-2"}
        ),
    )
    assert put(stage, "p", "10.10.0.4", hub=WAN, hubVirtualNetworkConnection={"id": SPOKE}).status_code == 201
    stage.clock.now += 100
    other = {"id": SPOKE.replace("spoke-1", "spoke-2")}
    answer = put(stage, "p", "10.10.0.4", hub=WAN, hubVirtualNetworkConnection=other)
    assert (answer.status_code, answer.json()["properties"]["provisioningState"]) == (200, "Updating")
    assert answer.json()["properties"]["hubVirtualNetworkConnection"] == other


def test_properties_that_nobody_knows_here_are_kept(instant: Arm) -> None:
    maps = {"inboundRouteMap": {"id": f"{WAN}/routeMaps/in"}}
    put(instant, "one", "10.10.0.4", routingConfiguration=maps, connectionState="Connected", somethingNew=7)
    properties = instant.send("GET", f"{SERVER}/bgpConnections/one").json()["properties"]
    assert (properties["routingConfiguration"], properties["somethingNew"]) == (maps, 7)
    assert "connectionState" not in properties


def test_the_official_client_writes_lists_and_deletes_peers(instant: Arm) -> None:
    with instant.sdk() as client:
        body = BgpConnection(
            {"properties": {"peerIp": "10.10.0.4", "peerAsn": 65001, "hubVirtualNetworkConnection": {"id": SPOKE}}}
        )
        peer: Any = client.virtual_hub_bgp_connection
        made = peer.begin_create_or_update("rg-Net", "hub-Prod", "one", body).result()
        assert (made.provisioning_state, made.peer_ip, made.peer_asn) == ("Succeeded", "10.10.0.4", 65001)
        listed = list(client.virtual_hub_bgp_connections.list("rg-Net", "hub-Prod"))
        assert [(each.name, each.etag) for each in listed] == [("one", made.etag)]
        assert client.virtual_hubs.get("rg-Net", "hub-Prod").routing_state == "Provisioned"
        peer.begin_delete("rg-Net", "hub-Prod", "one").result()
        assert list(client.virtual_hub_bgp_connections.list("rg-Net", "hub-Prod")) == []


def test_the_official_client_meets_a_busy_hub_and_an_operation_that_fails(instant: Arm) -> None:
    done = instant.rm.hubs.occupy(WAN)
    body = {"properties": {"peerIp": "10.10.0.4", "peerAsn": 65001, "hubVirtualNetworkConnection": {"id": SPOKE}}}
    with instant.sdk() as client:
        peer: Any = client.virtual_hub_bgp_connection
        assert client.virtual_hubs.get("rg-Net", "hub-Prod").provisioning_state == "Updating"
        with pytest.raises(ResourceExistsError, match="AnotherOperationInProgress"):
            peer.begin_create_or_update("rg-Net", "hub-Prod", "one", body)
        done()
        assert client.virtual_hubs.get("rg-Net", "hub-Prod").provisioning_state == "Succeeded"
        instant.rm.fail_operation_next("hub-prod/bgpconnections/one", "InternalServerError", "An error occurred.")
        with pytest.raises(HttpResponseError, match="InternalServerError"):
            peer.begin_create_or_update("rg-Net", "hub-Prod", "one", body).result()
    assert states(instant, WAN) == {"hub": "Succeeded", "one": "Failed"}
