"""A TCP proxy of our own, which knows nothing of what it passes on: what stands between the app and storage."""

import asyncio
import socket
from collections.abc import Awaitable, Callable
from contextlib import suppress
from urllib.parse import urlsplit

from sandbox import hanging_up
from sandbox.held_port import hold
from sandbox.server import ServerThread

_CHUNK_BYTES = 64 * 1024


class Proxy:
    """Listens on a loopback port of its own and passes every connection on to `target`. Close it at the end.

    `before_request` is awaited before each piece is passed on towards the target, which is about once per request.
    """

    def __init__(self, servers: ServerThread, target: str) -> None:
        address = urlsplit(target)
        self._target = (address.hostname, address.port)
        self._servers = servers
        self._connections: set[asyncio.StreamWriter] = set()
        self._held: socket.socket | None = None
        self.before_request: Callable[[], Awaitable[None]] | None = None
        self._server = servers.run(self._listen(0))
        self._port: int = self._server.sockets[0].getsockname()[1]
        self.url = f"{address.scheme}://127.0.0.1:{self._port}"

    def shut(self) -> None:
        """Reset all connections and refuse new ones until `open`; the port is kept."""
        self._servers.run(self._shut())

    def open(self) -> None:
        """Listen again."""
        self._servers.run(self._open())

    def close(self) -> None:
        """Stop for good."""
        self.shut()
        if self._held:
            self._held.close()

    async def _listen(self, port: int) -> asyncio.Server:
        return await asyncio.start_server(self._connected, "127.0.0.1", port)

    async def _shut(self) -> None:
        if self._held is None:
            self._server.close()
            self._held = hold(self._port)
            for writer in self._connections:
                hanging_up.reset(writer.transport)

    async def _open(self) -> None:
        if self._held is not None:
            self._held.close()
            self._held = None
            self._server = await self._listen(self._port)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Pass on in both directions until either side ends."""
        self._connections.add(writer)
        try:
            with suppress(OSError):
                there_reader, there_writer = await asyncio.open_connection(*self._target)
                try:
                    ways = [
                        asyncio.ensure_future(self._pass_on(reader, there_writer, towards_target=True)),
                        asyncio.ensure_future(self._pass_on(there_reader, writer, towards_target=False)),
                    ]
                    _, open_ways = await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
                    for way in open_ways:
                        way.cancel()
                    await asyncio.gather(*ways, return_exceptions=True)
                finally:
                    there_writer.close()
        finally:
            self._connections.discard(writer)
            writer.close()

    async def _pass_on(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, towards_target: bool
    ) -> None:
        while piece := await reader.read(_CHUNK_BYTES):
            if towards_target and self.before_request is not None:
                await self.before_request()
            writer.write(piece)
            await writer.drain()
