"""The host's own endpoints: status, functions, running one by hand, and the journal.

All but the journal as the cloud has them: https://learn.microsoft.com/azure/azure-functions/functions-manually-run-non-http.
"""

import asyncio
import time
from collections.abc import Mapping, Sequence
from typing import Any, Final

from aiohttp import web

from sandbox.functions_host import protos, queue_trigger
from sandbox.functions_host.functions import Function
from sandbox.functions_host.invoker import Invoker
from sandbox.functions_host.journal import Journal
from sandbox.functions_host.keys import Keys
from sandbox.functions_host.timer import TimerTrigger

_LONGEST_WAIT: Final = 60.0


class Admin:
    """What a person or a test asks the host itself. Everything wants the master key."""

    def __init__(
        self,
        *,
        functions: Sequence[Function],
        timers: Mapping[str, TimerTrigger],
        keys: Keys,
        invoker: Invoker,
        journal: Journal,
        worker: Mapping[str, str],
    ) -> None:
        self._functions = {function.name.lower(): function for function in functions}
        self._timers = timers
        self._keys = keys
        self._invoker = invoker
        self._journal = journal
        self._worker = worker
        self._started = time.monotonic()
        self._tasks: set[asyncio.Task[Any]] = set()

    def add_routes(self, router: web.UrlDispatcher) -> None:
        """Serve the endpoints below /admin."""
        router.add_get("/admin/host/status", self._status)
        router.add_get("/admin/functions", self._list)
        router.add_post("/admin/functions/{name}", self._run)
        router.add_get("/admin/invocations", self._invocations)

    async def _status(self, request: web.Request) -> web.Response:
        if not self._keys.allow_admin(request):
            return web.Response(status=401)
        uptime = round((time.monotonic() - self._started) * 1000)
        return web.json_response({"id": "sandbox", "state": "Running", "processUptime": uptime, **self._worker})

    async def _list(self, request: web.Request) -> web.Response:
        if not self._keys.allow_admin(request):
            return web.Response(status=401)
        return web.json_response(
            [
                {
                    "name": function.name,
                    "language": "python",
                    "isDisabled": function.disabled,
                    "href": f"{request.url.origin()}/admin/functions/{function.name}",
                    "config": {"bindings": [dict(binding.properties) for binding in function.bindings]},
                }
                for function in self._functions.values()
            ]
        )

    async def _run(self, request: web.Request) -> web.Response:
        """202 and the run goes on behind; 404 for an unknown function, 400 for one that is not run this way."""
        if not self._keys.allow_admin(request):
            return web.Response(status=401)
        function = self._functions.get(request.match_info["name"].lower())
        if function is None:
            return web.Response(status=404)
        try:
            body = await request.json()
            given = body.get("input")
        except (ValueError, AttributeError):
            return web.Response(status=400, text='the body has to be {"input": "…"}')
        text = given if isinstance(given, str) else ""
        metadata: Mapping[str, protos.TypedData]
        match function.trigger.type:
            case "timerTrigger":
                value, metadata = self._timers[function.name].request(), {}
            case "queueTrigger":
                value, metadata = queue_trigger.by_hand(text)
            case "eventGridTrigger":
                value, metadata = protos.TypedData(json=text), {}
            case _:
                return web.Response(status=400, text=f"{function.name} is an HTTP function: call its URL")
        run = self._invoker.invoke(function, value, metadata=metadata, trigger={"byHand": True})
        task = asyncio.create_task(run)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return web.Response(status=202)

    async def _invocations(self, request: web.Request) -> web.Response:
        """What changed after `since`, waiting up to `wait` seconds; `next` is the `since` of the next question."""
        if not self._keys.allow_admin(request):
            return web.Response(status=401)
        try:
            since = int(request.query.get("since", "0"))
            wait = min(float(request.query.get("wait", "0")), _LONGEST_WAIT)
        except ValueError:
            return web.Response(status=400, text="since and wait have to be numbers")
        cursor, entries = await self._journal.since(since, wait=wait)
        return web.json_response({"next": cursor, "invocations": [entry.to_json() for entry in entries]})
