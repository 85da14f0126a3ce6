"""One background thread with an event loop that serves every HTTP endpoint of the sandbox."""

import asyncio
import socket
import ssl
import threading
from collections.abc import Coroutine
from dataclasses import dataclass
from typing import Any, Self, TypeVar

from aiohttp import web

from sandbox import hanging_up
from sandbox.held_port import hold

T = TypeVar("T")

_TURNS_TO_CLOSE = 5
"""A transport closes over the next turns of the loop: one for the socket, one for TLS, one for the protocol above."""


@dataclass(slots=True)
class _Served:
    """One application on its port. `held` keeps the port while nobody listens."""

    runner: web.AppRunner
    tls: ssl.SSLContext | None
    port: int
    site: web.TCPSite
    held: socket.socket | None = None

    async def listen(self) -> None:
        """Listen on the port once more."""
        self.site = web.TCPSite(self.runner, "127.0.0.1", self.port, ssl_context=self.tls)
        await self.site.start()

    def reset_connections(self) -> None:
        """Break what is connected."""
        for connection in self.runner.server.connections if self.runner.server else ():
            hanging_up.reset(connection.transport)


class ServerThread:
    """Runs aiohttp applications beside synchronous code. Use as a context manager."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self.loop.run_forever, name="sandbox-servers", daemon=True)
        self._served: dict[str, _Served] = {}

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

    def shut(self, url: str) -> None:
        """Break every connection to what is served there, and refuse new ones until `open`; the address is kept."""
        self.run(self._shut(self._served[url]))

    def open(self, url: str) -> None:
        """Listen again."""
        self.run(self._open(self._served[url]))

    def reset_connections(self, url: str) -> None:
        """Break every connection to what is served there; new ones are welcome."""

        async def reset() -> None:
            self._served[url].reset_connections()

        self.run(reset())

    async def _stop(self) -> None:
        """Stop serving and cut what is still connected: a TLS transport left to its goodbye outlives the loop."""
        runners = [served.runner for served in self._served.values()]
        servers = [runner.server for runner in runners if runner.server]
        transports = [connection.transport for server in servers for connection in server.connections]
        for transport in transports:  # before the clean-up: Python 3.11.2 cannot abort one that says goodbye already
            if isinstance(transport, asyncio.WriteTransport):
                transport.abort()
        for served in reversed(self._served.values()):
            await served.runner.cleanup()
            if served.held:
                served.held.close()
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
        bound: int = runner.addresses[0][1]
        url = f"{'https' if tls else 'http'}://127.0.0.1:{bound}"
        self._served[url] = _Served(runner, tls, bound, site)
        return url

    @staticmethod
    async def _shut(served: _Served) -> None:
        if served.held is None:
            await served.site.stop()
            served.held = hold(served.port)
            served.reset_connections()

    @staticmethod
    async def _open(served: _Served) -> None:
        if served.held is not None:
            served.held.close()
            served.held = None
            await served.listen()
