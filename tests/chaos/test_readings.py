"""Invariant 1, page by page: a list that fails at any of its pages deletes nothing and writes nothing."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from aiohttp import web

from sandbox.azurite import Azurite
from sandbox.kubernetes_api.faults import Answer
from sandbox.kubernetes_api.statuses import status
from shared.reconcile import Order
from shared.report import Outcome
from tests.chaos.arena import NODES_PER_PAGE, Arena
from tests.chaos.no_waiting import RunningAhead

pytestmark = pytest.mark.wire

PAGES = 3


@pytest.fixture
def arena(azurite: Azurite, ahead: RunningAhead, tmp_path: Path) -> Iterator[Arena]:
    """As many nodes as fill all pages but the last, which has one; all of them are routed."""
    with Arena(tmp_path, azurite) as arena:
        arena.join("apps", NODES_PER_PAGE * (PAGES - 1) + 1)
        for member in arena.model.members:
            arena.assign(member)
        (report,) = arena.instances[0].run(None, Order("timer"))
        assert report.outcome is Outcome.APPLIED
        yield arena


def refused_from(page: int, path: str, code: int) -> Callable[[web.Request], Answer | None]:
    """Refuses the list at `path` from this page on."""
    pages = 0

    def decide(request: web.Request) -> Answer | None:
        nonlocal pages
        if not request.path.endswith(path):
            return None
        pages = pages + 1 if "continue" in request.query else 1
        return Answer(code, status(code, "Refused", "refused")) if pages >= page else None

    return decide


@pytest.mark.parametrize("path", ["/nodes", "/ciliumnodes"])
@pytest.mark.parametrize("code", [401, 403, 500])
def test_a_list_that_is_refused_at_any_page_changes_nothing(arena: Arena, path: str, code: int) -> None:
    attempts = arena.judge.attempts
    for page in range(1, PAGES + 1):
        undo = arena.cloud.kubernetes.faults.whenever(refused_from(page, path, code))
        (report,) = arena.instances[1].run(None, Order("timer", force=True))
        undo()
        assert report.outcome is Outcome.FAILED
    assert arena.judge.attempts == attempts
