"""A table that is read once and carried forward by its own writes."""

from dataclasses import replace
from ipaddress import IPv4Address

import pytest

from shared.errors import SupersededError, TargetError
from shared.models import BgpPeer, Foreign, ForeignPeer, Route
from shared.modes import BgpPeers
from shared.ownership import peer_name
from shared.reconcile import Order, Target, reconcile
from shared.report import ClusterReport, Outcome
from shared.targets.carried import Carried
from tests.examples import OWNER, RULES, managed, node, ruled
from tests.fake_hub import FakeHub, HubFault
from tests.fakes import FakeNodes, FakeTable, Fault, run

N1, N2 = node("n1", "100.64.1.0/24", at="10.0.0.4"), node("n2", "100.64.2.0/24", at="10.0.0.5")
N1_AT, N2_AT = IPv4Address("10.0.0.4"), IPv4Address("10.0.0.5")


def passes(*tables: Target[Route, Foreign], nodes: FakeNodes) -> None:
    run(nodes, *tables)  # type: ignore[arg-type]  # any target will do


def test_it_is_read_once_however_many_passes_there_are() -> None:
    table, nodes = FakeTable(RULES), FakeNodes(N1)
    carried = Carried(table)
    for seen in ((N1,), (N1,), (N1, N2), (N1, N2), (N2,)):
        nodes.nodes = seen
        passes(carried, nodes=nodes)
    assert (table.reads, len(table.requests)) == (1, 3)
    assert table.routed == {"100.64.2.0/24": "10.0.0.5"}


def test_another_writer_is_noticed_when_there_is_something_to_write() -> None:
    table, nodes = FakeTable(RULES), FakeNodes(N1)
    carried = Carried(table)
    passes(carried, nodes=nodes)
    table.edit(lambda table: table.routes.clear())
    passes(carried, nodes=nodes)
    assert table.routed == {}
    nodes.nodes = (N1, N2)
    passes(carried, nodes=nodes)
    assert table.routed == {"100.64.1.0/24": "10.0.0.4", "100.64.2.0/24": "10.0.0.5"}
    assert table.reads == 2


@pytest.mark.parametrize("fault", [Fault.FAILED, Fault.HALF, Fault.LATE, Fault.REFUSED])
def test_after_a_write_that_failed_it_is_read_anew(fault: Fault) -> None:
    table, nodes = FakeTable(RULES, managed("100.64.9.0/24", "10.0.0.9"), faults=[fault]), FakeNodes(N1, N2)
    carried = Carried(table)
    passes(carried, nodes=nodes)
    passes(carried, nodes=nodes)
    assert table.reads == 2
    assert table.routed == {"100.64.1.0/24": "10.0.0.4", "100.64.2.0/24": "10.0.0.5"}


def test_a_read_that_failed_is_not_carried() -> None:
    table = FakeTable(RULES)
    carried = Carried(table)
    table.unreadable = True
    with pytest.raises(TargetError):
        carried.observe()
    table.unreadable = False
    assert carried.observe().size == 0


def test_a_hub_on_which_azure_is_at_work_is_read_anew_until_it_is_not() -> None:
    hub = FakeHub(OWNER, faults=[HubFault.LATE])
    nodes = FakeNodes(replace(N1, may_peer=True), replace(N2, may_peer=True))
    carried = Carried(hub)

    def one() -> ClusterReport:
        mode = BgpPeers("routeServer", ruled(pod_cidrs=RULES.pod_cidrs[:1]), 65001, capacity=8)
        return reconcile(mode, nodes, [carried], Order("event"), pause=lambda _: None, before_write=lambda: None)

    assert [one().unfinished for _ in range(3)] == [True, True, True]
    assert hub.reads == 3
    hub.end()
    assert [one().outcome for _ in range(3)] == [Outcome.APPLIED, Outcome.IN_SYNC, Outcome.IN_SYNC]
    assert hub.reads == 4
    assert hub.operations == ["+ 10.0.0.4", "+ 10.0.0.5"]


def test_a_peer_that_was_made_again_counts_as_serving_only_when_the_hub_is_read_anew() -> None:
    """Its session may not be up yet, and the last other one must not go before."""
    nodes = [replace(each, may_peer=True) for each in (N1, N2)]
    hub = FakeHub(OWNER, *((peer_name(OWNER, at), str(at), 65009) for at in (N1_AT, N2_AT)))
    hub.announced = {str(at): {"100.64.1.0/24": str(at)} for at in (N1_AT, N2_AT)}
    carried, mode = Carried(hub), BgpPeers("routeServer", ruled(pod_cidrs=RULES.pod_cidrs[:1]), 65001, capacity=8)

    def one(target: Target[BgpPeer, ForeignPeer]) -> Outcome:
        source = FakeNodes(*nodes)
        order = Order("event")
        return reconcile(mode, source, [target], order, pause=lambda _: None, before_write=lambda: None).outcome

    assert [one(carried), one(carried)] == [Outcome.HELD, Outcome.HELD]
    assert hub.operations == ["- 10.0.0.4", "+ 10.0.0.4"]
    assert one(Carried(hub)) is Outcome.APPLIED


def test_a_hub_that_is_not_ready_yet_is_read_anew() -> None:
    hub = FakeHub(OWNER)
    hub.ready = False
    carried = Carried(hub)
    assert carried.observe().busy is not None
    hub.ready = True
    assert carried.observe().busy is None


def test_errors_of_the_table_are_the_callers_to_see() -> None:
    table = FakeTable(RULES, faults=[Fault.OVERTAKEN])
    carried = Carried(table)
    with pytest.raises(SupersededError):
        carried.apply(carried.observe(), ())
