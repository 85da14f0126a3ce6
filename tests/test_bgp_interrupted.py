"""Passes over a hub that is busy, slow, taken by others, or fails: what they leave to the next pass, and what they say was done."""

import pytest

from shared.errors import BusyError
from shared.modes import BgpPeers
from shared.reconcile import Order, reconcile
from shared.report import Outcome
from tests.bgp_passes import ASN, N4, N5, N6, POD_RULES, hub_with, run
from tests.examples import results
from tests.fake_hub import HubFault
from tests.fakes import FakeNodes


def test_an_operation_that_outlasts_the_pass_is_found_at_work_and_gone_on_with() -> None:
    hub = hub_with(faults=[HubFault.LATE])
    first = run([N4, N5], hub)
    assert results(first) == [f"+ 10.0.0.4 {ASN} n4 planned", f"+ 10.0.0.5 {ASN} n5 planned"]
    assert (first.outcome, first.unfinished, first.targets[0].error) == (Outcome.PLANNED, True, None)
    second = run([N4, N5], hub)
    assert (second.outcome, second.unfinished, hub.operations) == (Outcome.PLANNED, True, ["+ 10.0.0.4"])
    hub.end()
    third = run([N4, N5], hub)
    assert (third.outcome, third.unfinished) == (Outcome.APPLIED, False)
    assert hub.operations == ["+ 10.0.0.4", "+ 10.0.0.5"]


def test_what_azure_is_at_work_on_tells_more_than_a_conflict_beside_it() -> None:
    hub = hub_with(foreign=[("by-hand", "10.0.0.5", 65009)], faults=[HubFault.LATE])
    report = run([N4, N5], hub)
    assert (report.outcome, report.unfinished) == (Outcome.PLANNED, True)
    assert results(report) == [f"+ 10.0.0.4 {ASN} n4 planned", f"+ 10.0.0.5 {ASN} n5 skipped"]


def test_what_was_done_before_an_operation_outlasts_the_pass_is_said_to_be_done() -> None:
    hub = hub_with(faults=[None, HubFault.LATE])
    report = run([N4, N5, N6], hub)
    assert results(report) == [
        f"+ 10.0.0.4 {ASN} n4 applied",
        f"+ 10.0.0.5 {ASN} n5 planned",
        f"+ 10.0.0.6 {ASN} n6 planned",
    ]
    assert (report.outcome, report.unfinished, report.targets[0].managed) == (Outcome.PLANNED, True, 1)


def test_what_was_done_before_a_lost_race_stays_told_where_the_hub_is_busy_then() -> None:
    hub = hub_with(faults=[None, HubFault.LOCKED])

    def occupied(_: float) -> None:
        hub.ready = False

    mode = BgpPeers("routeServer", POD_RULES, ASN, capacity=8)
    report = reconcile(mode, FakeNodes(N4, N5), [hub], Order("http"), pause=occupied, before_write=lambda: None)
    assert results(report) == [f"+ 10.0.0.4 {ASN} n4 applied", f"+ 10.0.0.5 {ASN} n5 planned"]
    assert report.targets[0].changes[1].reason == "the hub is not ready"


def test_nothing_more_is_written_where_we_may_not_write_any_more() -> None:
    hub = hub_with()
    asked: list[int] = []

    def lost_after_one() -> None:
        asked.append(len(hub.operations))
        if len(asked) == 2:
            raise BusyError("the lease was lost", retry_after=15)

    mode = BgpPeers("routeServer", POD_RULES, ASN, capacity=8)
    with pytest.raises(BusyError):
        reconcile(mode, FakeNodes(N4, N5), [hub], Order("http"), pause=lambda _: None, before_write=lost_after_one)
    assert (asked, hub.operations) == ([0, 1], ["+ 10.0.0.4"])


def test_a_plan_of_a_busy_hub_is_a_plan() -> None:
    hub = hub_with(faults=[HubFault.LATE])
    run([N4, N5], hub)
    report = run([N4, N5], hub, order=Order("http", dry_run=True))
    assert (report.outcome, report.unfinished) == (Outcome.PLANNED, False)


def test_a_hub_that_is_not_ready_is_left_to_the_timer() -> None:
    hub = hub_with()
    hub.ready = False
    report = run([N4], hub)
    assert (report.outcome, report.unfinished, hub.operations) == (Outcome.PLANNED, False, [])
    assert report.targets[0].changes[0].reason == "the hub is not ready"


def test_what_was_done_before_a_failure_is_said_to_be_done() -> None:
    hub = hub_with(faults=[None, HubFault.REFUSED])
    report = run([N4, N5, N6], hub)
    assert results(report) == [
        f"+ 10.0.0.4 {ASN} n4 applied",
        f"+ 10.0.0.5 {ASN} n5 failed",
        f"+ 10.0.0.6 {ASN} n6 failed",
    ]
    assert (report.outcome, report.targets[0].managed) == (Outcome.FAILED, 1)


def test_a_lost_race_is_planned_anew_and_what_was_done_before_stays_told() -> None:
    hub = hub_with(faults=[None, HubFault.LOCKED])
    report = run([N4, N5], hub)
    assert results(report) == [f"+ 10.0.0.4 {ASN} n4 applied", f"+ 10.0.0.5 {ASN} n5 applied"]
    assert hub.operations == ["+ 10.0.0.4", "+ 10.0.0.5"]


def test_everything_done_between_several_lost_races_stays_told() -> None:
    hub = hub_with(faults=[None, HubFault.LOCKED, None, HubFault.LOCKED])
    report = run([N4, N5, N6], hub)
    assert results(report) == [f"+ 10.0.0.{n} {ASN} n{n} applied" for n in (4, 5, 6)]


def test_an_approved_plan_survives_a_race_in_the_middle() -> None:
    hub = hub_with(faults=[None, HubFault.LOCKED])
    mark = run([N4, N5], hub, order=Order("http", dry_run=True)).fingerprint
    assert run([N4, N5], hub, order=Order("http", expect=mark)).outcome is Outcome.APPLIED


def test_a_connection_that_failed_is_made_again() -> None:
    hub = hub_with(faults=[HubFault.FAILED])
    assert run([N4], hub).outcome is Outcome.FAILED
    assert run([N4], hub).outcome is Outcome.APPLIED
    assert hub.operations == ["+ 10.0.0.4", "- 10.0.0.4", "+ 10.0.0.4"]
