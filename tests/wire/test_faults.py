"""A whole pass under every fault of the sandbox: it copes or says what is wrong, harms nothing, and the next one is in step.

What the faults are on the wire is tested beside the sandbox; here it is the app that is tested.
"""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any

import pytest
from urllib3 import Retry

from sandbox.azurite import Azurite
from sandbox.cluster import POOLS
from sandbox.faults import Faults
from sandbox.faults.catalogue import CATALOGUE
from sandbox.faults.writers import MARK
from sandbox.world import eventually
from shared.report import Outcome
from shared.wake import Wake
from tests.wire.stage import APPS, SYSTEM, App, Body, Stage, said, without_ours

pytestmark = pytest.mark.wire

NAMES = [fault.name for fault in CATALOGUE if not fault.name.startswith("hub-")]
"""Those of hubs are tried in `test_hub_faults`."""


@dataclass(frozen=True, slots=True)
class Ends:
    """How a pass under a fault ends: the words of its error, none where it copes. `struck` is how often at least."""

    words: str = ""
    outcome: Outcome = Outcome.FAILED
    struck: int = 1
    options: dict[str, Any] = field(default_factory=dict)
    patience: float = 240.0
    """Seconds that the pass waits for an operation."""


COPES = Outcome.APPLIED
SLOW: dict[str, Any] = {"delay": 0.01}
BUSY = "gave up after 4 attempts; the next pass tries again"
ENDS = {
    "throttled": Ends("HTTP 429 SubscriptionRequestsThrottled: Azure throttles this subscription"),
    "server-error": Ends("HTTP 500 InternalServerError: Azure failed; the next pass tries again"),
    "unavailable": Ends("HTTP 503: Azure failed; the next pass tries again"),
    "race-once": Ends(outcome=COPES),
    "race-forever": Ends(f"HTTP 412 PreconditionFailed: another writer was faster ({BUSY}", struck=4),
    "operation-in-progress": Ends(f"HTTP 409 AnotherOperationInProgress: another operation is at work on it ({BUSY}"),
    "busy-table": Ends(f"HTTP 429 RetryableError: another operation is at work on it ({BUSY}", struck=4),
    "operation-fails": Ends("the operation that Azure had accepted failed: InternalServerError"),
    "operation-hangs": Ends("the write did not end within", patience=0.05),
    "poll-404": Ends("HTTP 404 NotFound"),
    "lost-route": Ends("Azure reported success, but 1 change(s) are not there; the next pass tries again"),
    "slow": Ends(outcome=COPES, struck=4, options=SLOW),
    "reset": Ends("Azure Resource Manager could not be reached or answered nonsense"),
    "tls": Ends("CERTIFICATE_VERIFY_FAILED"),
    "down": Ends("Connection refused"),
    "token-expired": Ends("HTTP 401 ExpiredAuthenticationToken: the token was refused"),
    "token-refused": Ends("HTTP 401 InvalidAuthenticationToken: the token was refused"),
    "policy": Ends("HTTP 403 RequestDisallowedByPolicy: an Azure Policy assignment forbids this write"),
    "lock": Ends("HTTP 409 ScopeLocked: a management lock forbids this write"),
    "forbidden": Ends("HTTP 403 AuthorizationFailed: grant the app's identity the missing action"),
    "second-writer": Ends("HTTP 412 PreconditionFailed: another writer was faster", struck=8),
    "overwriter": Ends("Azure reported success, but", struck=2),
    "kubernetes-unauthorized": Ends("cannot list nodes: 401 Unauthorized; the token is not accepted"),
    "kubernetes-forbidden": Ends("cannot list nodes: 403 nodes is forbidden"),
    "kubernetes-expired-list": Ends("the list expired twice while it was read (410)", struck=2),
    "kubernetes-overload": Ends(
        "429 Too many requests, please try again later.; the API server is overloaded", struck=4
    ),
    "kubernetes-server-error": Ends("cannot list nodes: 500 Internal error occurred: etcdserver: request timed out"),
    "kubernetes-empty-list": Ends(outcome=Outcome.HELD, struck=2),
    "kubernetes-truncated": Ends("the answer broke off (ProtocolError); the next pass tries again"),
    "kubernetes-garbage": Ends("is not what an API server sends"),
    "kubernetes-slow": Ends(outcome=COPES, struck=2, options=SLOW),
    "kubernetes-reset": Ends("the answer broke off (ProtocolError); the next pass tries again"),
    "kubernetes-tls": Ends("TLS failed (unable to get local issuer certificate)"),
    "kubernetes-down": Ends("the connection failed (Connection refused)"),
    "identity-down": Ends("Connection refused"),
    "identity-refuses": Ends("no token for Azure Resource Manager"),
    "identity-slow": Ends(outcome=COPES, options=SLOW),
    "storage-down": Ends("the app's storage account could not be used"),
    "storage-slow": Ends(outcome=COPES, options=SLOW),
}
ONLY_WATCHES = {"kubernetes-expired-watch", "kubernetes-silent-watch", "kubernetes-dropped-watches"}
"""A single pass does not watch, a wake-up does."""


@dataclass(frozen=True, slots=True)
class Trouble:
    """A cluster in step whose tables lack one change, and the faults that are about to strike."""

    stage: Stage
    faults: Faults
    app: App
    gone: str
    """The pod CIDR of a node that has left."""

    def foreign(self) -> list[Body]:
        """What is not ours in every table, but for the marks of the other writer."""
        return [self._unmarked(without_ours(self.stage.arm.table(table))) for table in (APPS, SYSTEM)]

    def lost(self, before: dict[str, str]) -> set[str]:
        """Prefixes of live nodes whose route is no longer what it was."""
        return {
            prefix
            for table in (APPS, SYSTEM)
            for prefix, hop in before.items()
            if prefix != self.gone and self.stage.ours(table).get(prefix) != hop
        }

    def in_step(self) -> bool:
        return all(self.stage.cluster.ours(pool.table) == self.stage.cluster.expected() for pool in POOLS)

    def puts(self) -> int:
        return sum(call.method == "PUT" for call in self.stage.arm.calls)

    @staticmethod
    def _unmarked(table: Body) -> Body:
        body = deepcopy(table)
        tags = body.pop("tags", None) or {}
        body["tags"] = {name: value for name, value in tags.items() if name != MARK}
        routes = [each for each in body["properties"]["routes"] if each["name"] != MARK]
        body["properties"]["routes"] = routes
        return body


@pytest.fixture
def trouble(
    open_stage: Callable[..., Stage], azurite: Azurite, waits: list[float], monkeypatch: pytest.MonkeyPatch
) -> Iterator[Trouble]:
    monkeypatch.setattr("shared.sources.kubernetes.PAGE_SIZE", 2)
    monkeypatch.setattr(Retry, "sleep", lambda *_: None)
    stage = open_stage(instant=True)
    stage.cloud.tokens.lifetime = 200.0  # no token is kept, so that a fault of the identity is felt at once
    with ExitStack() as running:
        faults = running.enter_context(Faults(stage.cloud, azurite))
        stage.cluster.add("apps", 4)
        app = stage.start(AzureWebJobsStorage=faults.connection_string)
        assert app.run().outcome is Outcome.APPLIED
        first = stage.cluster.nodes[0]
        gone = stage.kubernetes.get("CiliumNode", first)["spec"]["ipam"]["podCIDRs"][0]
        stage.cluster.remove([first])
        stage.cluster.add("apps", 1)
        stage.forget_calls()
        yield Trouble(stage, faults, app, gone)


def test_every_fault_is_tried() -> None:
    assert {*ENDS, *ONLY_WATCHES, "storage-lease-broken"} == set(NAMES)


@pytest.mark.parametrize("name", ENDS)
def test_a_pass_under_a_fault_ends_in_a_sentence_or_copes_and_harms_nothing(
    trouble: Trouble, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    end, before, foreign = ENDS[name], trouble.stage.ours(), trouble.foreign()
    trouble.faults.on(name, **end.options)
    with monkeypatch.context() as patched:
        patched.setattr("shared.targets.route_table.OPERATION_SECONDS", end.patience)
        report = trouble.app.run()
    struck = trouble.faults.struck[name]
    assert (report.outcome, end.words in said(report)) == (end.outcome, True), said(report)
    assert "the pass broke off" not in said(report)
    assert struck >= end.struck
    assert trouble.foreign() == foreign
    if name != "overwriter":  # which is not us
        assert trouble.lost(before) == set()
    trouble.faults.clear()
    trouble.app.run()
    assert trouble.in_step()
    assert trouble.foreign() == foreign
    trouble.stage.forget_calls()
    assert (trouble.app.run().outcome, trouble.puts()) == (Outcome.IN_SYNC, 0)
    assert trouble.faults.struck[name] == struck


@pytest.mark.parametrize(("name", "options"), [("race-once", {}), ("second-writer", {"method": "PUT", "times": 1})])
def test_what_somebody_else_wrote_just_before_the_write_survives_it(
    trouble: Trouble, name: str, options: dict[str, Any]
) -> None:
    trouble.faults.on(name, **options)
    assert trouble.app.run().outcome is Outcome.APPLIED
    assert trouble.in_step()
    tables = [trouble.stage.arm.table(table) for table in (APPS, SYSTEM)]
    written = [
        each.get("tags", {}).get(MARK) or [route for route in each["properties"]["routes"] if route["name"] == MARK]
        for each in tables
    ]
    assert sum(map(bool, written)) == 1


@pytest.mark.parametrize("name", sorted(ONLY_WATCHES))
def test_a_single_pass_does_not_notice_what_happens_to_watches(trouble: Trouble, name: str) -> None:
    trouble.faults.on(name)
    assert trouble.app.run().outcome is Outcome.APPLIED
    assert (trouble.in_step(), trouble.faults.struck[name]) == (True, 0)


@pytest.mark.parametrize("name", ["kubernetes-expired-watch", "kubernetes-dropped-watches"])
def test_a_wake_up_whose_watches_break_sees_every_change_all_the_same(trouble: Trouble, name: str) -> None:
    stage = trouble.stage
    app = stage.start(
        {"settle": {"maxSeconds": 10, "quietSeconds": 1}}, AzureWebJobsStorage=trouble.faults.connection_string
    )
    trouble.faults.on(name, times=4)
    (waiting,) = stage.cluster.register("apps", 1)
    with ThreadPoolExecutor(1) as beside:
        window = beside.submit(app.fleet.keep_vigil, Wake("shop-weu"))
        eventually(lambda: trouble.faults.struck[name] >= 2, "the watches have broken")
        stage.cluster.assign_cidrs([waiting])
        report, _ = window.result()
    assert report is not None
    assert (report.outcome in {Outcome.APPLIED, Outcome.IN_SYNC}, trouble.in_step()) == (True, True), said(report)


def test_a_wake_up_whose_watches_fall_silent_ends_at_its_maximum_and_the_next_pass_sees_everything(
    trouble: Trouble,
) -> None:
    stage = trouble.stage
    app = stage.start(
        {"settle": {"maxSeconds": 1, "quietSeconds": 1}}, AzureWebJobsStorage=trouble.faults.connection_string
    )
    trouble.faults.on("kubernetes-silent-watch")
    (waiting,) = stage.cluster.register("apps", 1)
    with ThreadPoolExecutor(1) as beside:
        window = beside.submit(app.fleet.keep_vigil, Wake("shop-weu"))
        stage.kubernetes.wait_for_watches(2)
        stage.cluster.assign_cidrs([waiting])
        report, _ = window.result()
    assert report is not None
    assert [each.node for each in report.waiting] == [waiting]
    assert trouble.faults.struck["kubernetes-silent-watch"] == 2
    assert app.run().outcome is Outcome.APPLIED
    assert trouble.in_step()


@pytest.mark.parametrize("method", ["GET", "PUT"])
def test_a_lease_broken_in_the_middle_of_a_pass_harms_nothing(trouble: Trouble, method: str) -> None:
    before, foreign = trouble.stage.ours(), trouble.foreign()
    trouble.faults.on("storage-lease-broken", method=method, times=1)
    report = trouble.app.run()
    assert report.outcome in {Outcome.APPLIED, Outcome.FAILED, Outcome.PARTIAL, Outcome.BUSY}
    assert "the pass broke off" not in said(report)
    assert (trouble.faults.struck["storage-lease-broken"], trouble.lost(before)) == (1, set())
    trouble.app.run()
    assert (trouble.in_step(), trouble.foreign()) == (True, foreign)


@pytest.mark.parametrize(
    ("name", "times"),
    [
        ("throttled", 3),
        ("server-error", 3),
        ("unavailable", 3),
        ("race-forever", 3),
        ("operation-in-progress", 3),
        ("busy-table", 3),
        ("reset", 1),
        ("second-writer", 2),
        ("kubernetes-expired-list", 1),
        ("kubernetes-overload", 3),
        ("kubernetes-reset", 1),
        ("kubernetes-truncated", 1),
    ],
)
def test_what_passes_by_itself_is_waited_for_within_the_pass(trouble: Trouble, name: str, times: int) -> None:
    trouble.faults.on(name, times=times)
    report = trouble.app.run()
    assert (report.outcome, trouble.in_step()) == (Outcome.APPLIED, True), said(report)
    assert trouble.faults.struck[name] == times
