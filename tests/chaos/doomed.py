"""A process of its own that works for the app and is killed, with SIGKILL, at a chosen request."""

import asyncio
import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

from aiohttp import web

from sandbox.endpoint import Endpoint, Handler
from tests.chaos.arena import NODES_PER_PAGE

Work = Literal["pass", "vigil"]
_PATIENCE = 60.0
_PROCESSES = multiprocessing.get_context("forkserver")
"""Forks of a process that has imported everything; not of this one, which has threads."""
_PROCESSES.set_forkserver_preload(["tests.chaos.doomed", "shared.wiring", "shared.sources.kubernetes"])


@dataclass(frozen=True, slots=True)
class Moment:
    """A request that is recognised by `is_it`, before it is served or once it is."""

    name: str
    at: Callable[[web.Request], bool]
    served: bool = False
    """Whether it has its effect, and only its answer finds nobody."""
    work: Work = "pass"


def killed_at(moment: Moment, endpoint: Endpoint, settings: Mapping[str, str], cluster: str) -> None:
    """Let a new process do its work and kill it at that moment. Raises TimeoutError where the moment does not come."""
    reached, killed = threading.Event(), threading.Event()

    async def hold(request: web.Request, handler: Handler) -> web.StreamResponse:
        if reached.is_set() or not moment.at(request):
            return await handler(request)
        if moment.served:
            await handler(request)
        reached.set()
        await asyncio.to_thread(killed.wait, _PATIENCE)
        return web.Response(status=503)  # to nobody

    def wait() -> None:
        if not reached.wait(_PATIENCE):
            raise TimeoutError(f"{moment.name}: it did not come to that within {_PATIENCE:.0f} s")

    undo = endpoint.detour(hold)
    try:
        killed_after(wait, moment.work, settings, cluster)
    finally:
        killed.set()
        undo()


def killed_after(wait: Callable[[], object], kind: Work, settings: Mapping[str, str], cluster: str) -> None:
    """Let a new process do its work and kill it once `wait` returns."""
    process = _PROCESSES.Process(target=work, args=(kind, dict(settings), cluster, NODES_PER_PAGE), daemon=True)
    process.start()
    try:
        wait()
    finally:
        process.kill()
        process.join()
    if process.exitcode != -signal.SIGKILL:
        raise RuntimeError(f"the process was not killed, it had ended with {process.exitcode}")


def work(kind: Work, settings: Mapping[str, str], cluster: str, nodes_per_page: int) -> None:
    """What the process does."""
    from shared.reconcile import Order  # noqa: PLC0415  # after the settings are there
    from shared.sources import kubernetes  # noqa: PLC0415
    from shared.wake import Wake  # noqa: PLC0415
    from shared.wiring import build_fleet  # noqa: PLC0415

    os.environ.update(settings)
    kubernetes.PAGE_SIZE = nodes_per_page
    fleet = build_fleet(settings)
    if kind == "pass":
        fleet.run(None, Order("timer"))
    else:
        fleet.keep_vigil(Wake(cluster))
