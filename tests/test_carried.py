"""A table that is read once and carried forward by its own writes."""

import pytest

from shared.errors import SupersededError, TargetError
from shared.models import Foreign, Route
from shared.reconcile import Target
from shared.targets.carried import Carried
from tests.examples import RULES, managed, node
from tests.fakes import FakeNodes, FakeTable, Fault, run

N1, N2 = node("n1", "100.64.1.0/24", at="10.0.0.4"), node("n2", "100.64.2.0/24", at="10.0.0.5")


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


def test_errors_of_the_table_are_the_callers_to_see() -> None:
    table = FakeTable(RULES, faults=[Fault.OVERTAKEN])
    carried = Carried(table)
    with pytest.raises(SupersededError):
        carried.apply(carried.observe(), ())
