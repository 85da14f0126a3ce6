"""What virtual hubs learn and advertise, and the peerings and placed subnets of the networks around them."""

from collections.abc import Iterator
from typing import Any

import pytest
from azure.core.exceptions import HttpResponseError

from sandbox.authority import Authority
from sandbox.resource_manager import Peering
from sandbox.server import ServerThread
from tests.sandbox.hubs_stage import SERVER, SPOKE, WAN, delete, put, with_hubs
from tests.sandbox.resource_manager_stage import GROUP, NETWORK, Arm, served

pytestmark = pytest.mark.wire

NOTHING: dict[str, list[Any]] = {"RouteServiceRole_IN_0": [], "RouteServiceRole_IN_1": []}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[ServerThread, Authority]]:
    with served(tmp_path_factory.mktemp("ca")) as serving:
        yield serving


@pytest.fixture
def stage(server: tuple[ServerThread, Authority]) -> Arm:
    return with_hubs(server)


def post(stage: Arm, name: str, *, hub: str = SERVER, kind: str = "learnedRoutes") -> Any:
    accepted = stage.send("POST", f"{hub}/bgpConnections/{name}/{kind}")
    assert (accepted.status_code, accepted.content) == (202, b"null")
    return stage.send("GET", accepted.headers["Location"]).json()


def test_a_peer_at_which_nobody_speaks_teaches_nothing(stage: Arm) -> None:
    stage.rm.hubs.learn(SERVER, "10.10.0.201", {"100.64.0.0/24": "10.10.0.201"})
    assert post(stage, "foreign") == post(stage, "foreign", kind="advertisedRoutes") == NOTHING


def test_what_a_speaker_announces_is_learned_over_both_instances(stage: Arm) -> None:
    stage.rm.hubs.learn(SERVER.upper(), "10.10.0.200", {"100.64.0.0/24": "10.10.0.7", "100.64.1.0/24": "10.10.0.8"})
    learned = post(stage, "FOREIGN")
    assert learned["RouteServiceRole_IN_0"][0] == {
        "asPath": "65010",
        "localAddress": "10.10.16.5",
        "network": "100.64.0.0/24",
        "nextHop": "10.10.0.7",
        "origin": "EBgp",
        "sourcePeer": "10.10.0.200",
        "weight": 32768,
    }
    assert {role: [each["nextHop"] for each in routes] for role, routes in learned.items()} == {
        "RouteServiceRole_IN_0": ["10.10.0.7", "10.10.0.8"],
        "RouteServiceRole_IN_1": ["10.10.0.7", "10.10.0.8"],
    }
    assert {each["localAddress"] for each in learned["RouteServiceRole_IN_1"]} == {"10.10.16.4"}


def test_a_speaker_may_have_a_session_with_one_instance_only(stage: Arm) -> None:
    stage.rm.hubs.learn(SERVER, "10.10.0.200", {"100.64.0.0/24": "10.10.0.7"}, instances=(1,))
    learned = post(stage, "foreign")
    assert {role: len(routes) for role, routes in learned.items()} == {
        "RouteServiceRole_IN_0": 0,
        "RouteServiceRole_IN_1": 1,
    }
    with pytest.raises(ValueError, match=r"instances \[2\]: a hub has the instances 0 and 1"):
        stage.rm.hubs.learn(SERVER, "10.10.0.200", {}, instances=(0, 2))


def test_a_speaker_is_asked_each_time_and_may_be_there_before_its_connection(stage: Arm) -> None:
    announced: dict[str, str] = {}
    stage.rm.hubs.speaker(WAN, "10.10.0.4", lambda: announced)
    put(stage, "p", "10.10.0.4", hub=WAN, hubVirtualNetworkConnection={"id": SPOKE})
    assert post(stage, "p", hub=WAN) == NOTHING
    announced["100.64.9.0/24"] = "10.10.0.4"
    assert [each["network"] for each in post(stage, "p", hub=WAN)["RouteServiceRole_IN_0"]] == ["100.64.9.0/24"]


def test_nothing_is_learned_before_the_peer_is_provisioned_nor_after_it_is_gone(
    server: tuple[ServerThread, Authority],
) -> None:
    stage = with_hubs(server, instant=False)
    stage.rm.hubs.learn(SERVER, "10.10.0.4", {"100.64.0.0/24": "10.10.0.4"})
    put(stage, "p", "10.10.0.4")
    accepted = stage.send("POST", f"{SERVER}/bgpConnections/p/learnedRoutes")
    stage.clock.now += 1
    assert stage.send("GET", accepted.headers["Location"]).json() == NOTHING
    stage.clock.now += 99
    assert stage.send("GET", accepted.headers["Location"]).json() != NOTHING
    delete(stage, "p")
    stage.clock.now += 90
    assert stage.send("GET", accepted.headers["Location"]).json() == NOTHING
    assert stage.send("POST", f"{SERVER}/bgpConnections/p/learnedRoutes").status_code == 404


def test_a_result_that_is_not_ready_is_a_202_and_reading_does_not_hold_the_hub(
    server: tuple[ServerThread, Authority],
) -> None:
    stage = with_hubs(server, instant=False)
    accepted = stage.send("POST", f"{SERVER}/bgpConnections/foreign/learnedRoutes")
    poll = stage.send("GET", accepted.headers["Location"])
    assert (poll.status_code, poll.content) == (202, b"null")
    assert (accepted.headers["Retry-After"], "Azure-AsyncOperation" in accepted.headers) == ("10", False)
    assert put(stage, "p", "10.10.0.4").status_code == 201
    assert stage.send("POST", f"{SERVER}/bgpConnections/foreign/learnedRoutes").status_code == 202


def test_a_speaker_is_told_the_prefixes_of_the_hubs_networks(stage: Arm) -> None:
    stage.rm.hubs.learn(SERVER, "10.10.0.200", {})
    advertised = post(stage, "foreign", kind="advertisedRoutes")
    assert [(each["network"], each["nextHop"], each["asPath"]) for each in advertised["RouteServiceRole_IN_0"]] == [
        ("10.10.0.0/16", "10.10.16.4", "65515")
    ]
    put(stage, "p", "10.10.0.4", hub=WAN, hubVirtualNetworkConnection={"id": SPOKE})
    stage.rm.hubs.learn(WAN, "10.10.0.4", {})
    advertised = post(stage, "p", hub=WAN, kind="advertisedRoutes")
    assert [each["network"] for each in advertised["RouteServiceRole_IN_1"]] == ["10.10.0.0/16"]


def test_the_official_client_reads_learned_routes(stage: Arm) -> None:
    stage.rm.hubs.learn(SERVER, "10.10.0.200", {"100.64.0.0/24": "10.10.0.7"})
    with stage.sdk() as client:
        peers: Any = client.virtual_hub_bgp_connections
        learned = peers.begin_list_learned_routes("rg-Net", "rs-Prod", "foreign").result()
        assert {role: [each.next_hop for each in routes] for role, routes in learned.items()} == {
            "RouteServiceRole_IN_0": ["10.10.0.7"],
            "RouteServiceRole_IN_1": ["10.10.0.7"],
        }
        stage.rm.fail_operation_next("/learnedRoutes", "InternalServerError", "An error occurred.")
        with pytest.raises(HttpResponseError, match="InternalServerError"):
            peers.begin_list_learned_routes("rg-Net", "rs-Prod", "foreign").result()


def test_a_network_shows_its_peerings_as_the_official_client_reads_them(stage: Arm) -> None:
    hub_network = NETWORK.replace("vnet", "vnet-hub")
    stage.rm.add_virtual_network(
        NETWORK,
        {},
        prefixes=["10.10.0.0/16"],
        peerings=[Peering(hub_network, ["10.1.0.0/16", "10.2.0.0/16"], use_remote_gateways=True, state="Initiated")],
    )
    with stage.sdk() as client:
        [peering] = client.virtual_networks.get("rg-Net", "vnet").virtual_network_peerings or []
    assert (peering.name, peering.id) == ("to-vnet-hub", f"{NETWORK}/virtualNetworkPeerings/to-vnet-hub")
    remote, space = peering.remote_virtual_network, peering.remote_address_space
    assert (remote and remote.id, space and space.address_prefixes) == (hub_network, ["10.1.0.0/16", "10.2.0.0/16"])
    assert (peering.peering_state, peering.use_remote_gateways, peering.allow_gateway_transit) == (
        "Initiated",
        True,
        False,
    )
    assert (peering.allow_forwarded_traffic, peering.remote_virtual_network_address_space) == (True, space)


def test_subnets_lie_where_they_are_placed_and_the_others_around_them(stage: Arm) -> None:
    network = f"{GROUP}/providers/Microsoft.Network/virtualNetworks/vnet-2"
    stage.rm.add_virtual_network(
        network,
        {"a": None, "RouteServerSubnet": None, "b": None},
        prefixes=["10.8.0.0/16"],
        placed={"RouteServerSubnet": "10.8.1.0/27"},
    )
    subnets = stage.send("GET", f"{network}/subnets").json()["value"]
    assert {each["name"]: each["properties"]["addressPrefix"] for each in subnets} == {
        "a": "10.8.0.0/24",
        "RouteServerSubnet": "10.8.1.0/27",
        "b": "10.8.2.0/24",
    }
