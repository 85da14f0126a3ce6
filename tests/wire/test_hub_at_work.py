"""Operations on a hub take minutes, one after the other: passes that end before, and who goes on where they left."""

import itertools
import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from azure.core.pipeline.transport import HttpTransport, RequestsTransport
from azure.storage.blob import BlobServiceClient

from sandbox.azurite import Azurite
from sandbox.hub import HUB_ID, PEER_ASN
from shared.coordination import CONTAINER
from shared.report import ClusterReport, Outcome
from shared.wake import Wake
from shared.wiring import SystemClock
from tests.chaos.arena import KilledError, break_lease
from tests.wire.hub_stage import Hands, HubStage, changes, routing, told
from tests.wire.stage import PreparedError, Stage, said

pytestmark = pytest.mark.wire


@pytest.fixture
def hands(monkeypatch: pytest.MonkeyPatch) -> Iterator[Hands]:
    """Everybody's sleep moves the stand-in's clock."""
    made = Hands()
    monkeypatch.setattr(HttpTransport, "sleep", lambda _, seconds: made.sleep(seconds))
    monkeypatch.setattr(SystemClock, "sleep", staticmethod(made.sleep))
    yield made
    made.release()


@pytest.fixture
def slow_hub(open_stage: Callable[..., Stage], hands: Hands) -> HubStage:
    """Operations take as long as in Azure, by a clock that costs nobody anything."""
    made = HubStage(open_stage())
    made.move_time(hands)
    return made


def test_operations_come_strictly_one_after_the_other(slow_hub: HubStage) -> None:
    """Each ends, and the connections are read, before the next one is sent; Azure would answer 409."""
    names = slow_hub.add(1, 2, 3)
    app = slow_hub.start()
    app.run()
    slow_hub.cluster.remove(names[:1])
    slow_hub.add(1)
    app.run()
    assert slow_hub.operations() == ["+ 10.10.4.4", "+ 10.10.4.5", "+ 10.10.4.6", "+ 10.10.4.7", "- 10.10.4.4"]
    assert {call.status for call in slow_hub.writes()} == {201, 202}
    calls = " ".join(re.sub(r" [\d.]+", "", each) for each in slow_hub.calls())
    whole = r"(PUT( poll)+ GET list ?|DELETE( poll)+ list ?)"
    assert len(re.findall(whole, calls)) == 5
    times = [call.at for call in slow_hub.writes()]
    assert all(after - before >= 90 for before, after in itertools.pairwise(times))


def unfinished(hub: HubStage, hands: Hands, monkeypatch: pytest.MonkeyPatch) -> ClusterReport:
    """A pass of which Azure accepted the first write, and then takes its time."""
    hands.stop()
    with monkeypatch.context() as impatient:
        impatient.setattr("shared.targets.hub.OPERATION_SECONDS", 0.05)
        return hub.start().run()


def test_an_operation_that_outlasts_the_pass_is_found_at_work_by_others_and_gone_on_with(
    slow_hub: HubStage, hands: Hands, monkeypatch: pytest.MonkeyPatch
) -> None:
    slow_hub.add(1, 2)
    first = unfinished(slow_hub, hands, monkeypatch)
    assert (first.outcome, first.unfinished, said(first)) == (Outcome.PLANNED, True, "")
    assert changes(first) == ["create 10.10.4.4 planned", "create 10.10.4.5 planned"]
    assert "Azure is at work on rs-shop" in first.targets[0].changes[0].reason

    slow_hub.stage.forget_calls()
    other = slow_hub.start()
    second = other.run()
    assert (second.outcome, second.unfinished, slow_hub.writes()) == (Outcome.PLANNED, True, [])
    assert slow_hub.counted()["list"] == 1
    assert not [each for each in slow_hub.calls() if each.startswith("learned")]
    assert slow_hub.states() == {"Updating"}

    hands.move(100)
    hands.release()
    slow_hub.stage.forget_calls()
    third = other.run()
    assert (third.outcome, third.unfinished) == (Outcome.APPLIED, False)
    assert slow_hub.operations() == ["+ 10.10.4.5"]


def test_a_delete_that_outlasts_the_pass_is_found_at_work_too(
    slow_hub: HubStage, hands: Hands, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = slow_hub.add(1, 2)
    app = slow_hub.start()
    app.run()
    slow_hub.cluster.remove(names[1:])
    slow_hub.arm.before_next("DELETE", "bgpConnections", hands.stop)
    with monkeypatch.context() as impatient:
        impatient.setattr("shared.targets.hub.OPERATION_SECONDS", 0.05)
        first = app.run()
    assert (first.outcome, first.unfinished, slow_hub.states()) == (Outcome.PLANNED, True, {"Succeeded", "Deleting"})
    slow_hub.stage.forget_calls()
    assert (app.run().unfinished, slow_hub.writes()) == (True, [])
    hands.move(100)
    hands.release()
    assert app.run().outcome is Outcome.IN_SYNC
    assert slow_hub.peers() == {"10.10.4.4": PEER_ASN}


def test_an_update_that_is_interrupted_between_its_halves_is_completed(
    slow_hub: HubStage, hands: Hands, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The peer is deleted and not yet created: the next pass sees that it is missing."""
    slow_hub.add(1, 2)
    slow_hub.start().run()
    app = slow_hub.start(routing(peerAsn=65002))
    slow_hub.arm.before_next("DELETE", "bgpConnections", hands.stop)
    with monkeypatch.context() as impatient:
        impatient.setattr("shared.targets.hub.OPERATION_SECONDS", 0.05)
        assert app.run().unfinished
    hands.move(100)
    hands.release()
    slow_hub.stage.forget_calls()
    app.run()
    assert slow_hub.operations()[0] == "+ 10.10.4.4"
    app.run()
    assert slow_hub.peers() == {"10.10.4.4": 65002, "10.10.4.5": 65002}


def test_an_instance_killed_while_azure_is_at_work_is_succeeded_by_one_that_waits_and_goes_on(
    slow_hub: HubStage, hands: Hands, azurite: Azurite, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From the moment in which its first write was accepted, no request leaves it any more."""
    slow_hub.add(1, 2)
    victim = slow_hub.start()
    send = RequestsTransport.send

    def dying(self: RequestsTransport, request: Any, **options: Any) -> Any:
        if slow_hub.writes():
            raise KilledError("killed")
        return send(self, request, **options)

    with monkeypatch.context() as killed:
        killed.setattr(RequestsTransport, "send", dying)
        assert victim.run().outcome is Outcome.FAILED
    with BlobServiceClient.from_connection_string(azurite.connection_string) as blobs:
        break_lease(blobs.get_container_client(CONTAINER), "leases/shop-weu")
    assert slow_hub.states() == {"Updating"}

    slow_hub.stage.forget_calls()
    heir = slow_hub.start()
    report = heir.run()
    assert (report.outcome, report.unfinished, slow_hub.writes()) == (Outcome.PLANNED, True, [])
    hands.move(100)
    assert heir.run().outcome is Outcome.APPLIED
    assert slow_hub.operations() == ["+ 10.10.4.5"]
    assert slow_hub.peers() == {"10.10.4.4": PEER_ASN, "10.10.4.5": PEER_ASN}


def test_somebody_else_s_operation_on_the_hub_is_waited_out_by_coming_back(slow_hub: HubStage) -> None:
    slow_hub.add(1)
    app = slow_hub.start()
    over = slow_hub.arm.hubs.occupy(HUB_ID)
    report = app.run()
    assert (report.outcome, report.unfinished, slow_hub.writes()) == (Outcome.PLANNED, True, [])
    assert "provisioningState Updating" in report.targets[0].changes[0].reason
    over()
    assert app.run().outcome is Outcome.APPLIED


def test_a_hub_that_is_slow_to_tell_what_it_learned_holds_up_no_pass(
    slow_hub: HubStage, hands: Hands, monkeypatch: pytest.MonkeyPatch
) -> None:
    slow_hub.add(1)
    app = slow_hub.start()
    app.run()
    hands.stop()
    monkeypatch.setattr("shared.targets.hub.LEARNED_SECONDS", 0.05)
    report = app.run()
    assert (report.outcome, "learnedUnknown" in told(report)) == (Outcome.IN_SYNC, True)


@pytest.mark.parametrize("state", ["Updating", "Deleting"])
@pytest.mark.parametrize("whose", ["the hub's", "ours", "foreign"])
def test_every_sign_that_azure_is_at_work_counts(slow_hub: HubStage, whose: str, state: str) -> None:
    """Whether a hub shows what its connections go through is not known, so either is enough."""
    slow_hub.add_foreign(("On-Premises", "10.10.0.200", 65010))
    slow_hub.add(1)
    app = slow_hub.start()
    app.run()
    slow_hub.add(2)
    hub, connections = slow_hub.arm.hubs.hub(HUB_ID), slow_hub.connections()
    shown = {"the hub's": hub, "foreign": connections[0], "ours": connections[1]}[whose]
    shown["properties"]["provisioningState"] = state
    slow_hub.arm.refuse_next("GET", "rs-shop", PreparedError(200, hub))
    slow_hub.arm.refuse_next("GET", "rs-shop", PreparedError(200, {"value": connections}))
    slow_hub.stage.forget_calls()
    report = app.run()
    assert (report.outcome, report.unfinished, slow_hub.calls()) == (Outcome.PLANNED, True, ["hub", "list"])
    assert state in report.targets[0].changes[0].reason
    assert app.run().outcome is Outcome.APPLIED


def test_a_vigil_stays_until_azure_is_done_with_every_peer(
    open_stage: Callable[..., Stage], monkeypatch: pytest.MonkeyPatch, waits: list[float]
) -> None:
    hub = HubStage(open_stage(speed=400.0))  # a quarter of a second to a write
    hub.add(1, 2)
    monkeypatch.setattr("shared.targets.hub.OPERATION_SECONDS", 0.02)
    monkeypatch.setattr("shared.settle.AT_WORK_SECONDS", 0.1)
    app = hub.start(routing() | {"settle": {"maxSeconds": 60, "quietSeconds": 0}})
    report, left = app.fleet.keep_vigil(Wake("shop-weu"))
    assert report is not None
    assert (report.outcome, report.unfinished, left) == (Outcome.IN_SYNC, False, False)
    assert hub.operations() == ["+ 10.10.4.4", "+ 10.10.4.5"]
    assert waits  # polls, which nobody waited for here


def test_a_second_instance_finds_the_first_one_writing_and_is_busy(slow_hub: HubStage) -> None:
    slow_hub.add(1)
    first, second = slow_hub.start(), slow_hub.start()
    seen: list[ClusterReport] = []
    slow_hub.arm.before_next("PUT", "bgpConnections", lambda: seen.append(second.run()))
    assert first.run().outcome is Outcome.APPLIED
    assert [each.outcome for each in seen] == [Outcome.BUSY]
    assert slow_hub.operations() == ["+ 10.10.4.4"]
