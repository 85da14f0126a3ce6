"""Invariant 8: the app is killed, with SIGKILL, at every step of a pass and in a vigil; the next pass repairs everything."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
from aiohttp import web

from sandbox.azurite import Azurite
from shared.reconcile import Order
from shared.report import ClusterReport, Outcome
from shared.wake import Wake
from tests.chaos.arena import Arena
from tests.chaos.doomed import Moment, killed_after, killed_at
from tests.chaos.judge import TABLES
from tests.chaos.no_waiting import RunningAhead

pytestmark = pytest.mark.wire


def _table(method: str) -> Moment:
    return Moment(f"{method} of a table", lambda request: request.method == method and _is_table(request))


def _is_table(request: web.Request) -> bool:
    return request.path.lower() in {table.lower() for table in TABLES}


class _SecondGet:
    """The GET of a table that has been written before: what an operation ends with."""

    def __init__(self) -> None:
        self._written: set[str] = set()

    def __call__(self, request: web.Request) -> bool:
        if request.method == "PUT" and _is_table(request):
            self._written.add(request.path)
        return request.method == "GET" and request.path in self._written


KUBERNETES = (
    Moment("before the nodes are listed", lambda request: request.path == "/api/v1/nodes"),
    Moment("between two pages", lambda request: "continue" in request.query),
    Moment("in a vigil, before it watches", lambda request: "watch" in request.query, work="vigil"),
)
AZURE = (
    Moment("while the cluster is discovered", lambda request: "managedClusters" in request.path),
    Moment("before a table is read", _table("GET").at),
    Moment("before the write", _table("PUT").at),
    Moment("once the write is accepted", _table("PUT").at, served=True),
    Moment("before a poll", lambda request: "/operations/" in request.path),
    Moment("once the operation has ended", lambda request: "/operations/" in request.path, served=True),
    Moment("before the result is read", _SecondGet()),
    Moment("with everything done but to give the lease back", _SecondGet(), served=True),
    Moment("in a vigil, before the write", _table("PUT").at, work="vigil"),
    Moment("in a vigil, once the write is accepted", _table("PUT").at, served=True, work="vigil"),
)


@pytest.fixture
def arena(azurite: Azurite, ahead: RunningAhead, tmp_path: Path) -> Iterator[Arena]:
    """Three nodes are routed; then one of them leaves, one comes complete and one without pod CIDR."""
    with Arena(tmp_path, azurite) as arena:
        arena.join("apps", 3)
        for member in arena.model.members:
            arena.assign(member)
        assert timer(arena).outcome is Outcome.APPLIED
        arena.leave(arena.model.members[:1], machines=True)
        arena.join("system", 2)
        arena.assign(arena.model.members[-1])
        yield arena


def timer(arena: Arena) -> ClusterReport:
    """A pass of an instance that knows nothing."""
    (report,) = arena.new_instance().run(None, Order("timer"))
    return report


@pytest.mark.parametrize("moment", [*KUBERNETES, *AZURE], ids=lambda moment: moment.name)
def test_what_a_killed_instance_leaves_is_repaired_by_the_next_pass(arena: Arena, moment: Moment) -> None:
    endpoint = arena.cloud.kubernetes_endpoint if moment in KUBERNETES else arena.cloud.arm_endpoint
    killed_at(moment, endpoint, arena.settings(), arena.name)
    if arena.leased():
        attempts = arena.judge.attempts
        assert timer(arena).outcome is Outcome.BUSY  # the dead writer's lease lives on
        assert arena.judge.attempts == attempts
    arena.end_leases()

    assert timer(arena).outcome in {Outcome.APPLIED, Outcome.IN_SYNC}
    assert all(arena.judge.ours(table) == arena.model.routes() for table in TABLES)
    assert timer(arena).outcome is Outcome.IN_SYNC
    arena.judge.check_foreign()
    assert arena.judge.violations == []


def test_the_message_of_a_killed_keeper_finds_a_new_one(arena: Arena) -> None:
    watches = partial(arena.cloud.kubernetes.wait_for_watches, 2, timeout=60)
    killed_after(watches, "vigil", arena.settings(stay=300), arena.name)
    assert arena.leased("vigils")
    fleet = arena.new_instance()
    assert fleet.keep_vigil(Wake(arena.name)) == (None, False)  # somebody seems to be at it
    arena.end_leases()
    for member in arena.model.members:
        if member.cidr is None:
            arena.assign(member)

    report, left = fleet.keep_vigil(Wake(arena.name), returned=True)

    assert report is not None
    assert (report.outcome, left) == (Outcome.APPLIED, False)
    assert all(arena.judge.ours(table) == arena.model.routes() for table in TABLES)
    assert arena.judge.violations == []
