"""How a server ends a connection before its answer is complete."""

import asyncio
import socket
import struct

from aiohttp import web

_NO_LINGER = struct.pack("ii", 1, 0)
"""On, for 0 seconds: a close throws away what was not sent and tells the other side with a reset (man 7 socket)."""


def close(request: web.Request) -> None:
    """Close the connection in order: what was written arrives, the rest never does."""
    if request.transport is not None:
        request.transport.close()


def reset(transport: asyncio.BaseTransport | None) -> None:
    """Break the connection: the other side reads ECONNRESET."""
    if not isinstance(transport, asyncio.WriteTransport):
        return
    transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _NO_LINGER)
    transport.abort()
