"""The faults of virtual hubs as the official client meets them."""

from collections.abc import Iterator
from typing import Any

import pytest
from azure.core.exceptions import HttpResponseError

from sandbox.cluster import GROUP as GROUP_ID
from sandbox.cluster import NETWORK_ID
from tests.sandbox.faults_stage import GROUP, Scene, scene_in

pytestmark = pytest.mark.wire

HUB = f"{GROUP_ID}/providers/Microsoft.Network/virtualHubs/rs-shop"


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    with scene_in(tmp_path_factory.mktemp("ca")) as scene:
        yield scene


@pytest.fixture
def scene(running: Scene) -> Iterator[Scene]:
    running.cloud.arm.add_route_server(
        HUB, subnet_id=f"{NETWORK_ID}/subnets/snet-apps", connections=[("there", "10.10.4.9", 65001)]
    )
    running.cloud.arm.hubs.learn(HUB, "10.10.4.9", {"100.64.0.0/24": "10.10.4.9"})
    yield running
    running.faults.clear()
    assert "10.10.4.9" in running.cloud.arm.peers(HUB)


def put(scene: Scene, name: str = "new", ip: str = "10.10.4.4") -> Any:
    body = {"properties": {"peerIp": ip, "peerAsn": 65001}}
    client: Any = scene.network.virtual_hub_bgp_connection
    return client.begin_create_or_update(GROUP, "rs-shop", name, body).result()


def learned(scene: Scene) -> Any:
    client: Any = scene.network.virtual_hub_bgp_connections
    return client.begin_list_learned_routes(GROUP, "rs-shop", "there").result()


@pytest.mark.parametrize(
    ("name", "status", "code"),
    [
        ("hub-busy", 409, "AnotherOperationInProgress"),
        ("hub-not-provisioned", 400, "HubBgpConnectionParentHubMustHaveProvisionedRoutingState"),
    ],
)
def test_a_write_of_a_peer_is_refused_once_and_nothing_changes(scene: Scene, name: str, status: int, code: str) -> None:
    before, struck = scene.cloud.arm.hubs.hub(HUB), scene.faults.struck[name]
    scene.faults.on(name, times=1)
    with pytest.raises(HttpResponseError) as refused:
        put(scene)
    assert (refused.value.status_code, refused.value.error.code) == (status, code)  # type: ignore[union-attr]
    assert (scene.cloud.arm.hubs.hub(HUB), scene.faults.struck[name] - struck) == (before, 1)
    assert put(scene).provisioning_state == "Succeeded"


def test_a_busy_hub_refuses_deletes_as_well_and_is_read_all_the_same(scene: Scene) -> None:
    scene.faults.on("hub-busy")
    client: Any = scene.network.virtual_hub_bgp_connection
    with pytest.raises(HttpResponseError, match="AnotherOperationInProgress"):
        client.begin_delete(GROUP, "rs-shop", "there")
    assert client.get(GROUP, "rs-shop", "there").provisioning_state == "Succeeded"
    assert learned(scene)["RouteServiceRole_IN_0"]


@pytest.mark.parametrize("state", ["Provisioning", "Failed"])
def test_a_hub_shows_a_router_that_is_not_provisioned(scene: Scene, state: str) -> None:
    scene.faults.on("hub-not-provisioned", state=state)
    hub = scene.network.virtual_hubs.get(GROUP, "rs-shop")
    assert (hub.routing_state, hub.provisioning_state, hub.virtual_router_ips) == (state, "Succeeded", [])
    scene.faults.off("hub-not-provisioned")
    assert scene.network.virtual_hubs.get(GROUP, "rs-shop").routing_state == "Provisioned"


def test_an_accepted_write_of_a_peer_fails(scene: Scene) -> None:
    scene.faults.on("hub-operation-fails", code="Odd", message="Sorry.", times=1)
    assert learned(scene)["RouteServiceRole_IN_0"], "a read is no write"
    with pytest.raises(HttpResponseError, match=r"\(Odd\) Sorry."):
        put(scene)
    client: Any = scene.network.virtual_hub_bgp_connection
    assert client.get(GROUP, "rs-shop", "new").provisioning_state == "Failed"
    assert put(scene).provisioning_state == "Succeeded"


def test_an_accepted_write_of_a_peer_hangs_until_the_fault_is_off_and_holds_the_hub(scene: Scene) -> None:
    scene.faults.on("hub-operation-hangs", times=1)
    body = {"properties": {"peerIp": "10.10.4.4", "peerAsn": 65001}}
    client: Any = scene.network.virtual_hub_bgp_connection
    client.begin_create_or_update(GROUP, "rs-shop", "new", body, polling=False)
    assert scene.network.virtual_hubs.get(GROUP, "rs-shop").provisioning_state == "Updating"
    with pytest.raises(HttpResponseError, match="AnotherOperationInProgress"):
        put(scene, "other", "10.10.4.5")
    scene.faults.off("hub-operation-hangs")
    assert scene.network.virtual_hubs.get(GROUP, "rs-shop").provisioning_state == "Succeeded"


def test_table_faults_leave_hubs_alone_and_hub_faults_leave_tables_alone(scene: Scene) -> None:
    for name in ("operation-fails", "operation-hangs", "operation-in-progress", "busy-table"):
        scene.faults.on(name)
    assert put(scene).provisioning_state == "Succeeded"
    scene.faults.clear()
    for name in [name for name in scene.faults.names if name.startswith("hub-")]:
        scene.faults.on(name)
    assert scene.put("new").provisioning_state == "Succeeded"


def test_learned_routes_fail_after_they_were_promised(scene: Scene) -> None:
    scene.faults.on("hub-routes-fail", times=1)
    with pytest.raises(HttpResponseError, match="InternalServerError"):
        learned(scene)
    assert learned(scene)["RouteServiceRole_IN_0"][0].next_hop == "10.10.4.9"


def test_learned_routes_are_nonsense(scene: Scene) -> None:
    scene.faults.on("hub-routes-nonsense", times=1)
    answer = learned(scene)
    assert answer["RouteServiceRole_IN_0"] is None
    assert [each.network for each in answer["RouteServiceRole_IN_1"]] == ["everywhere", None]
    assert learned(scene)["RouteServiceRole_IN_0"][0].network == "100.64.0.0/24"
