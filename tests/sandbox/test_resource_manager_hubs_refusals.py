"""Peers that a virtual hub refuses, scripted trouble with them, and other clients of the same hub."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.authority import Authority
from sandbox.resource_manager import AzureError
from sandbox.resource_manager.bgp_rules import parse_peer
from sandbox.server import ServerThread
from tests.sandbox.hubs_stage import SERVER, SPOKE, WAN, delete, put, states, with_hubs
from tests.sandbox.resource_manager_stage import NETWORK, Arm, served

pytestmark = pytest.mark.wire


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[ServerThread, Authority]]:
    with served(tmp_path_factory.mktemp("ca")) as serving:
        yield serving


@pytest.fixture
def stage(server: tuple[ServerThread, Authority]) -> Arm:
    return with_hubs(server)


@pytest.mark.parametrize(
    ("name", "ip", "asn", "code"),
    [
        ("p", "10.10.0.200", 65001, "HubBgpConnectionDuplicatePeerIp"),
        ("p", "fd00::4", 65001, "HubBgpConnectionInvalidPeerIp"),
        ("p", "10.10.0.4/32", 65001, "HubBgpConnectionInvalidPeerIp"),
        ("p", None, 65001, "HubBgpConnectionInvalidPeerIp"),
        ("p", "10.10.0.4", 65515, "HubBgpConnectionInvalidPeerAsn"),
        ("p", "10.10.0.4", 4_200_000_000, "HubBgpConnectionInvalidPeerAsn"),
        ("p", "10.10.0.4", "65001", "HubBgpConnectionInvalidPeerAsn"),
        ("p", "10.10.0.4", None, "HubBgpConnectionInvalidPeerAsn"),
        ("foreign", "10.10.0.4", 65010, "HubBgpConnectionPeerCannotBeChanged"),
        ("foreign", "10.10.0.200", 65011, "HubBgpConnectionPeerCannotBeChanged"),
        ("-p", "10.10.0.4", 65001, "InvalidResourceName"),
    ],
)
def test_a_peer_that_cannot_be_is_refused_and_nothing_changes(
    stage: Arm, name: str, ip: object, asn: object, code: str
) -> None:
    before = stage.rm.hubs.hub(SERVER)
    answer = put(stage, name, ip, asn)
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, code)
    assert stage.rm.hubs.hub(SERVER) == before


RESERVED = {0, 8074, 8075, 12076, 23456, 65515, 65517, 65518, 65519, 65520, 65535, *range(64496, 64512)}


@given(st.integers(-1, 70_000) | st.sampled_from(sorted(RESERVED)))
def test_exactly_the_16_bit_asns_that_nobody_reserves_are_taken(asn: int) -> None:
    body = {"properties": {"peerIp": "10.0.0.4", "peerAsn": asn}}
    if 0 <= asn <= 65535 and asn not in RESERVED:
        assert parse_peer(body, "p").asn == asn
    else:
        with pytest.raises(AzureError, match="HubBgpConnectionInvalidPeerAsn"):
            parse_peer(body, "p")


@pytest.mark.parametrize("body", [None, [], {"properties": []}])
def test_a_body_without_properties_is_refused(stage: Arm, body: object) -> None:
    answer = stage.send("PUT", f"{SERVER}/bgpConnections/p", body)
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "InvalidRequestContent")


def test_a_ninth_peer_is_refused_and_there_is_room_after_a_delete(stage: Arm) -> None:
    for number in range(7):
        assert put(stage, f"p{number}", f"10.10.0.{number + 4}").status_code == 201
    answer = put(stage, "p7", "10.10.0.11")
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "HubBgpConnectionsLimitReached")
    assert "more than 8" in answer.json()["error"]["message"]
    delete(stage, "p0")
    assert put(stage, "p7", "10.10.0.11").status_code == 201
    assert len(stage.rm.peers(SERVER)) == 8


@pytest.mark.parametrize(
    "reference", [None, {"id": SPOKE + "x"}, {"id": f"{SERVER}/hubVirtualNetworkConnections/spoke-1"}]
)
def test_a_virtual_wan_hub_takes_no_peer_without_a_connection_of_its_own(stage: Arm, reference: object) -> None:
    answer = put(stage, "p", "10.10.0.4", hub=WAN, hubVirtualNetworkConnection=reference)
    code = "HubBgpConnectionMustReferenceFullyProvisionedHubVirtualNetworkConnection"
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, code)


def test_a_connection_that_is_not_provisioned_is_none(stage: Arm) -> None:
    def unfinished(body: dict[str, Any]) -> None:
        body["hubVirtualNetworkConnections"][0]["properties"]["provisioningState"] = "Updating"

    stage.rm.edit_hub(WAN, unfinished)
    assert put(stage, "p", "10.10.0.4", hub=WAN, hubVirtualNetworkConnection={"id": SPOKE}).status_code == 400


def test_a_hub_whose_router_is_not_there_has_no_addresses_and_takes_no_peer(stage: Arm) -> None:
    stage.rm.edit_hub(SERVER, lambda body: body["properties"].update(routingState="Provisioning"))
    properties = stage.send("GET", SERVER).json()["properties"]
    assert (properties["provisioningState"], properties["routingState"]) == ("Succeeded", "Provisioning")
    assert properties["virtualRouterIps"] == []
    answer = put(stage, "p", "10.10.0.4")
    code = "HubBgpConnectionParentHubMustHaveProvisionedRoutingState"
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, code)


@pytest.mark.parametrize(
    "write",
    [
        lambda stage, etag: put(stage, "p", "10.10.0.4", If_Match=etag),
        lambda stage, etag: delete(stage, "foreign", If_Match=etag),
    ],
)
def test_a_write_may_insist_on_the_version_of_the_hub(stage: Arm, write: Callable[[Arm, str], Any]) -> None:
    etag = stage.send("GET", SERVER).json()["etag"]
    stage.rm.edit_hub(SERVER, lambda body: None)
    refused = write(stage, etag)
    assert (refused.status_code, refused.json()["error"]["code"]) == (412, "PreconditionFailed")
    now = stage.send("GET", SERVER).json()["etag"]
    assert write(stage, now.removeprefix('W/"').rstrip('"')).ok


def test_a_failed_put_leaves_a_failed_peer_that_can_be_put_again(stage: Arm) -> None:
    stage.rm.fail_operation_next("/bgpConnections/p", "InternalServerError", "An error occurred.")
    answer = put(stage, "p", "10.10.0.4")
    assert answer.status_code == 201
    poll = stage.send("GET", answer.headers["Azure-AsyncOperation"]).json()
    assert (poll["status"], poll["error"]["code"]) == ("Failed", "InternalServerError")
    assert states(stage) == {"hub": "Succeeded", "foreign": "Succeeded", "p": "Failed"}
    again = put(stage, "p", "10.10.0.4")
    assert (again.status_code, again.json()["properties"]["provisioningState"]) == (200, "Updating")
    assert states(stage)["p"] == "Succeeded"


def test_a_failed_delete_leaves_the_peer(stage: Arm) -> None:
    stage.rm.fail_operation_next("/bgpConnections/foreign", "InternalServerError", "An error occurred.")
    assert delete(stage, "foreign").status_code == 202
    assert states(stage) == {"hub": "Succeeded", "foreign": "Failed"}


def test_an_operation_that_hangs_holds_the_hub(stage: Arm) -> None:
    still = [True]
    stage.rm.scripts.hanging.add("PUT", "/bgpConnections/p", lambda: still[0])
    put(stage, "p", "10.10.0.4")
    assert put(stage, "q", "10.10.0.5").status_code == 409
    still.clear()
    still.append(False)
    assert put(stage, "q", "10.10.0.5").status_code == 201


def test_a_scripted_answer_is_given_and_counted(stage: Arm) -> None:
    stage.rm.answer_next("DELETE", "/bgpConnections/", 429, "RetryableError", "busy", headers={"Retry-After": "11"})
    assert [delete(stage, "foreign").status_code for _ in range(2)] == [429, 202]
    assert stage.rm.count("DELETE", f"{SERVER}/bgpConnections/foreign") == 2


def test_another_client_may_be_faster(stage: Arm) -> None:
    theirs = {"name": "theirs", "properties": {"peerIp": "10.10.0.4", "peerAsn": 65020}}
    stage.rm.before_next(
        "PUT", "/bgpConnections/", lambda: stage.rm.edit_hub(SERVER, lambda body: body["bgpConnections"].append(theirs))
    )
    answer = put(stage, "p", "10.10.0.4")
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "HubBgpConnectionDuplicatePeerIp")
    assert stage.rm.peers(SERVER) == {"10.10.0.200": 65010, "10.10.0.4": 65020}


def test_an_edit_waits_its_turn_and_keeps_everything_else(stage: Arm) -> None:
    stage.rm.scripts.hanging.add("PUT", "/bgpConnections/p", lambda: True)
    put(stage, "p", "10.10.0.4")
    before = stage.rm.hubs.hub(SERVER)
    stage.rm.edit_hub(SERVER, lambda body: body["properties"].update(allowBranchToBranchTraffic=True))
    after = stage.rm.hubs.hub(SERVER)
    assert states(stage) == {"hub": "Succeeded", "foreign": "Succeeded", "p": "Succeeded"}
    assert (before["etag"] == after["etag"], after["properties"]["allowBranchToBranchTraffic"]) == (False, True)
    assert [each["name"] for each in after["bgpConnections"]] == ["foreign", "p"]


def test_a_hub_that_azure_would_not_have_cannot_be_built(stage: Arm) -> None:
    with pytest.raises(AzureError, match="InvalidPeerAsn"):
        stage.rm.add_route_server(
            f"{SERVER}-2", subnet_id=f"{NETWORK}/subnets/nodes", connections=[("p", "10.10.0.9", 65515)]
        )
    with pytest.raises(KeyError):
        stage.rm.add_route_server(f"{SERVER}-2", subnet_id=f"{NETWORK}/subnets/no")
    with pytest.raises(KeyError):
        stage.rm.peers(f"{SERVER}-2")


def test_what_is_not_served_is_no_answer_of_azure(stage: Arm) -> None:
    assert stage.send("PUT", SERVER, {}).status_code == 501
    assert stage.send("DELETE", SERVER).status_code == 501
