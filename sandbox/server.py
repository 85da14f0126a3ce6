"""One background thread with an event loop that serves every HTTP endpoint of the sandbox."""

import asyncio
import ssl
import threading
from collections.abc import Coroutine
from typing import Any, Self, TypeVar

from aiohttp import web

T = TypeVar("T")

_TURNS_TO_CLOSE = 5
"""A transport closes over the next turns of the loop: one for the socket, one for TLS, one for the protocol above."""


class ServerThread:
    """Runs aiohttp applications beside synchronous code. Use as a context manager."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self.loop.run_forever, name="sandbox-servers", daemon=True)
        self._runners: list[web.AppRunner] = []

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self.run(self._stop())
        self.run(self.loop.shutdown_asyncgens())
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join()
        self.loop.close()

    def run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine on the server's loop and wait for its result."""
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop).result()

    def serve(self, app: web.Application, *, tls: ssl.SSLContext | None = None, port: int = 0) -> str:
        """Serve `app` on loopback and return its base URL; port 0 picks a free one."""
        return self.run(self._serve(app, tls, port))

    async def _stop(self) -> None:
        """Stop serving and cut what is still connected: a TLS transport left to its goodbye outlives the loop."""
        servers = [runner.server for runner in self._runners if runner.server]
        transports = [connection.transport for server in servers for connection in server.connections]
        for transport in transports:  # before the clean-up: Python 3.11.2 cannot abort one that says goodbye already
            if isinstance(transport, asyncio.WriteTransport):
                transport.abort()
        for runner in reversed(self._runners):
            await runner.cleanup()
        left = asyncio.all_tasks() - {task for task in (asyncio.current_task(),) if task}
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)
        for _ in range(_TURNS_TO_CLOSE):
            await asyncio.sleep(0)

    async def _serve(self, app: web.Application, tls: ssl.SSLContext | None, port: int) -> str:
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", port, ssl_context=tls)
        await site.start()
        self._runners.append(runner)
        bound = runner.addresses[0][1]
        return f"{'https' if tls else 'http'}://127.0.0.1:{bound}"
