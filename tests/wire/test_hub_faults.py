"""A whole pass over a hub under every fault that can meet it: it copes or says what is wrong, harms nothing, and goes on.

The faults of route tables, nodes and storage are tried in `test_faults`; here are those of hubs, and those of Resource
Manager that meet any path.
"""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any

import pytest

from sandbox.azurite import Azurite
from sandbox.faults import Faults
from sandbox.faults.catalogue import CATALOGUE
from sandbox.hub import PEER_ASN
from shared.report import Outcome
from tests.wire.hub_stage import HubStage, told
from tests.wire.stage import App, Body, Stage, said

pytestmark = pytest.mark.wire

NAMES = [fault.name for fault in CATALOGUE if fault.name.startswith("hub-")]
"""The others, but for those of Resource Manager in general, are tried in `test_faults`."""
HUBS = "/virtualhubs/"
PEERS = "/bgpconnections/"


@dataclass(frozen=True, slots=True)
class Ends:
    """How a pass under a fault ends: the words of its error, none where it copes. `finding` is one that it must have."""

    words: str = ""
    outcome: Outcome = Outcome.FAILED
    struck: int = 1
    options: dict[str, Any] = field(default_factory=dict)
    finding: str = ""
    reason: str = ""
    """Why a change is only planned."""
    patience: float = 25.0
    """Seconds that the pass waits for an operation."""


COPES = Outcome.APPLIED
LATER = Outcome.PLANNED
BUSY = "gave up after 4 attempts; the next pass tries again"
ENDS = {
    "hub-busy": Ends(f"HTTP 409 AnotherOperationInProgress: another operation is at work on it ({BUSY}", struck=4),
    "hub-operation-fails": Ends("the operation that Azure had accepted failed: InternalServerError"),
    "hub-operation-hangs": Ends(outcome=LATER, reason="Azure is at work on rs-shop for longer than", patience=0.05),
    "hub-not-provisioned": Ends(outcome=LATER, reason="the hub's routingState is Provisioning"),
    "hub-routes-fail": Ends(outcome=COPES, struck=3),
    "hub-routes-nonsense": Ends(outcome=COPES, struck=3),
}
GENERAL = {
    "throttled": Ends("HTTP 429 SubscriptionRequestsThrottled: Azure throttles", options={"path": HUBS}),
    "server-error": Ends("HTTP 500 InternalServerError: Azure failed", options={"path": HUBS}),
    "unavailable": Ends("HTTP 503: Azure failed; the next pass tries again", options={"path": HUBS}),
    "operation-in-progress": Ends("HTTP 409 AnotherOperationInProgress", struck=4, options={"path": PEERS}),
    "busy-table": Ends("HTTP 429 RetryableError", struck=4, options={"path": PEERS}),
    "poll-404": Ends("HTTP 404 NotFound: Azure no longer knows the write that it accepted"),
    "slow": Ends(outcome=COPES, struck=4, options={"delay": 0.01}),
    "reset": Ends("Azure Resource Manager could not be reached or answered nonsense"),
    "token-expired": Ends("HTTP 401 ExpiredAuthenticationToken: the token was refused", options={"path": HUBS}),
    "policy": Ends("HTTP 403 RequestDisallowedByPolicy: an Azure Policy assignment forbids", options={"path": PEERS}),
    "lock": Ends("HTTP 409 ScopeLocked: a management lock forbids this write", options={"path": PEERS}),
    "forbidden": Ends("HTTP 403 AuthorizationFailed: grant the app's identity", options={"path": HUBS}),
    "forbidden to write": Ends("HTTP 403 AuthorizationFailed", options={"path": PEERS, "method": "PUT"}),
    "forbidden to ask what was learned": Ends(outcome=COPES, struck=3, options={"path": PEERS, "method": "POST"}),
    "server-error of what was learned": Ends(outcome=COPES, struck=3, options={"path": PEERS, "method": "POST"}),
}


@dataclass(frozen=True, slots=True)
class Trouble:
    """Three peers of ours that serve, two foreign ones, one node replaced by another, and a fault about to strike."""

    hub: HubStage
    faults: Faults
    app: App
    gone: str
    new: str

    def serving(self) -> set[str]:
        """Addresses of live nodes that peer."""
        return set(self.hub.peers()) - {self.gone, self.new}

    def in_step(self) -> bool:
        labelled = {self.hub.cluster.address(name) for name in self.hub.cluster.nodes}
        return self.hub.peers() == dict.fromkeys(labelled, PEER_ASN) and self.hub.states() == {"Succeeded"}


@pytest.fixture
def trouble(open_stage: Callable[..., Stage], azurite: Azurite, waits: list[float]) -> Iterator[Trouble]:
    _ = waits
    hub = HubStage(open_stage(instant=True))
    with ExitStack() as running:
        faults = running.enter_context(Faults(hub.cloud, azurite))
        hub.add_foreign(("On-Premises", "10.10.0.200", 65010), ("apr_other_10.10.0.201", "10.10.0.201", 65011))
        names = hub.add(1, 2, 3)
        app = hub.start()
        assert app.run().outcome is Outcome.APPLIED
        gone = hub.cluster.address(names[0])
        hub.cluster.remove(names[:1])
        (new,) = hub.add(1)
        hub.stage.forget_calls()
        yield Trouble(hub, faults, app, gone, hub.cluster.address(new))


def test_every_fault_of_hubs_is_tried() -> None:
    assert set(ENDS) == set(NAMES)


@pytest.mark.parametrize("name", [*ENDS, *GENERAL])
def test_a_pass_under_a_fault_ends_in_a_sentence_or_copes_and_harms_nothing(
    trouble: Trouble, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    end, fault = {**ENDS, **GENERAL}[name], name.partition(" ")[0]
    serving, foreign = trouble.serving(), trouble.hub.foreign()
    trouble.faults.on(fault, **end.options)
    with monkeypatch.context() as impatient:
        impatient.setattr("shared.targets.hub.OPERATION_SECONDS", end.patience)
        report = trouble.app.run()
    struck = trouble.faults.struck[fault]
    assert (report.outcome, end.words in said(report)) == (end.outcome, True), said(report)
    assert bool(said(report)) == (end.outcome is Outcome.FAILED)
    assert "the pass broke off" not in said(report)
    assert end.reason in " ".join(change.reason for target in report.targets for change in target.changes)
    assert struck >= end.struck
    assert (trouble.serving(), trouble.hub.foreign()) == (serving, foreign)
    trouble.faults.clear()
    trouble.app.run()
    trouble.app.run()  # what failed is made again, one by one
    assert (trouble.in_step(), trouble.hub.foreign()) == (True, foreign)
    trouble.hub.stage.forget_calls()
    assert (trouble.app.run().outcome, trouble.hub.writes()) == (Outcome.IN_SYNC, [])
    assert trouble.faults.struck[fault] == struck


@pytest.mark.parametrize("name", ["hub-routes-fail", "hub-routes-nonsense"])
def test_routes_that_cannot_be_told_are_a_finding_and_nothing_is_called_missing(trouble: Trouble, name: str) -> None:
    trouble.app.run()
    trouble.faults.on(name)
    report = trouble.app.run()
    assert (report.outcome, report.targets[0].error) == (Outcome.IN_SYNC, None)
    assert "learnedUnknown" in told(report)
    assert not {"learnedMissing", "peerSilent", "learnedStale"} & told(report).keys()


@pytest.mark.parametrize(
    ("name", "times", "options"),
    [
        ("hub-busy", 3, {}),
        ("throttled", 3, {"path": HUBS}),
        ("server-error", 3, {"path": HUBS}),
        ("unavailable", 3, {"path": HUBS}),
        ("reset", 1, {}),
    ],
)
def test_what_passes_by_itself_is_waited_for_within_the_pass(
    trouble: Trouble, name: str, times: int, options: dict[str, Any]
) -> None:
    trouble.faults.on(name, times=times, **options)
    report = trouble.app.run()
    assert (report.outcome, trouble.in_step()) == (Outcome.APPLIED, True), said(report)
    assert trouble.faults.struck[name] == times


def test_a_peer_whose_operation_failed_is_deleted_and_made_again(trouble: Trouble) -> None:
    trouble.faults.on("hub-operation-fails", times=1)
    assert trouble.app.run().outcome is Outcome.FAILED
    assert trouble.hub.states() == {"Succeeded", "Failed"}
    trouble.hub.stage.forget_calls()
    trouble.app.run()
    assert trouble.hub.operations() == [f"- {trouble.gone}", f"- {trouble.new}", f"+ {trouble.new}"]


def test_a_delete_whose_operation_failed_is_tried_again(trouble: Trouble) -> None:
    trouble.hub.arm.scripts.operations.add("DELETE", PEERS, ("InternalServerError", "An error occurred."))
    report = trouble.app.run()
    assert (report.outcome, trouble.gone in trouble.hub.peers()) == (Outcome.FAILED, True)
    trouble.app.run()
    assert trouble.in_step()


def test_a_write_that_landed_although_its_answer_was_lost_is_seen_by_the_next_pass(trouble: Trouble) -> None:
    """The client sends the same PUT again; Azure finds nothing to do, or its own operation at work."""
    path: Body = {"path": PEERS, "method": "GET"}
    trouble.faults.on("server-error", **path)
    assert trouble.app.run().outcome is Outcome.FAILED
    trouble.faults.clear()
    trouble.app.run()
    assert trouble.in_step()
    puts = [call for call in trouble.hub.writes() if call.method == "PUT"]
    assert len(puts) == 1
