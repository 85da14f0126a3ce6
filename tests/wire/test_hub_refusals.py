"""Hubs that are not ready, not there, or closed to the app: what a pass says, and that it writes nothing."""

import pytest

from sandbox.cluster import NETWORK_ID
from sandbox.hub import HUB_ID
from shared.report import Outcome
from tests.wire.hub_stage import HubStage, changes, routing
from tests.wire.stage import PreparedError, Stage, said

pytestmark = pytest.mark.wire

SUBNET = f"{NETWORK_ID}/subnets/RouteServerSubnet"


@pytest.fixture
def hub(stage: Stage, waits: list[float]) -> HubStage:
    """Operations end at their first poll."""
    _ = waits
    return HubStage(stage)


@pytest.mark.parametrize("state", ["None", "Provisioning"])
def test_a_hub_that_is_still_being_made_is_planned_for_and_left_alone(hub: HubStage, state: str) -> None:
    hub.arm.add_route_server(HUB_ID, subnet_id=SUBNET, routing_state=state)
    hub.add(1)
    report = hub.start().run()
    assert (report.outcome, report.unfinished, said(report), hub.writes()) == (Outcome.PLANNED, False, "", [])
    assert f"the hub's routingState is {state}" in report.targets[0].changes[0].reason
    assert changes(report) == ["create 10.10.4.4 planned"]


def test_a_hub_that_shows_no_routing_state_yet_is_left_alone(hub: HubStage) -> None:
    hub.add(1)
    app = hub.start()
    app.run(dry_run=True)
    body = hub.arm.hubs.hub(HUB_ID)
    del body["properties"]["routingState"]
    hub.arm.refuse_next("GET", "rs-shop", PreparedError(200, body))
    report = app.run()
    assert (report.outcome, report.unfinished, hub.writes()) == (Outcome.PLANNED, False, [])
    assert "the hub's routingState is None" in report.targets[0].changes[0].reason


def test_a_hub_whose_router_failed_says_so(hub: HubStage) -> None:
    hub.arm.add_route_server(HUB_ID, subnet_id=SUBNET, routing_state="Failed")
    hub.add(1)
    report = hub.start().run()
    assert report.outcome is Outcome.FAILED
    assert "HubBgpConnectionParentHubMustHaveProvisionedRoutingState" in said(report)
    assert "The routing state of the virtual hub" in said(report)


def test_a_hub_that_does_not_exist_is_named_with_the_key_to_correct(hub: HubStage) -> None:
    report = hub.start(routing(virtualHubId=HUB_ID.replace("rs-shop", "rs-nope"))).run()
    assert report.outcome is Outcome.FAILED
    assert "rs-nope" in said(report)
    assert "check routing.virtualHubId" in said(report)
    assert hub.writes() == []


def test_a_hub_that_may_not_be_read_names_the_permission(hub: HubStage) -> None:
    hub.arm.answer_next("GET", "virtualHubs", 403, "AuthorizationFailed", "does not have authorization")
    report = hub.start().run()
    assert report.outcome is Outcome.FAILED
    assert "grant the app's identity Microsoft.Network/virtualHubs/read" in said(report)


def test_a_hub_that_vanished_since_it_was_discovered_is_one_failed_target(hub: HubStage) -> None:
    hub.add(1)
    app = hub.start()
    app.run()
    hub.arm.answer_next("GET", "rs-shop", 404, "ResourceNotFound", "not found")
    report = app.run()
    assert report.outcome is Outcome.FAILED
    assert "it does not exist; create it or correct its id" in said(report)


@pytest.mark.parametrize(("status", "code"), [(403, "AuthorizationFailed"), (403, "RequestDisallowedByPolicy")])
def test_a_write_that_is_refused_harms_nothing_and_stops_there(hub: HubStage, status: int, code: str) -> None:
    hub.add(1, 2)
    hub.arm.answer_next("PUT", "bgpConnections", status, code, "no")
    report = hub.start().run()
    assert (report.outcome, hub.peers()) == (Outcome.FAILED, {})
    assert f"HTTP {status} {code}" in said(report)
    assert changes(report) == ["create 10.10.4.4 failed", "create 10.10.4.5 failed"]
