"""Writes answers to the wire the way the real server does: headers, compression, chunks, and the record of calls."""

import asyncio
import gzip
import uuid
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import aclosing
from typing import Any

from aiohttp import web

from sandbox import hanging_up
from sandbox.kubernetes_api.calls import Call, Calls
from sandbox.kubernetes_api.entries import encode
from sandbox.kubernetes_api.faults import Truncation
from sandbox.kubernetes_api.watches import Cut

COMPRESSED_FROM_BYTES = 128 * 1024
"""Smaller answers are not worth compressing to a kube-apiserver, larger ones go out at its level 1."""
CHUNKED_FROM_BYTES = 2049
"""Go's HTTP server announces a length up to its 2 KiB buffer and sends longer bodies in chunks."""
_SLICE_BYTES = 64 * 1024
_JSON = "application/json"
_TEXT = "text/plain; charset=utf-8"


class Replies:
    """Sends answers and records them."""

    def __init__(self, calls: Calls, wall_clock: Callable[[], float]) -> None:
        self._calls = calls
        self._wall_clock = wall_clock

    async def send(
        self,
        request: web.Request,
        code: int,
        body: Mapping[str, Any] | str | bytes,
        headers: Mapping[str, str] | None = None,
        *,
        cut: Truncation | None = None,
    ) -> web.StreamResponse:
        """Send a whole answer. A mapping is encoded, bytes are JSON already, a str is plain text.

        `cut` sends half of it and ends the connection.
        """
        content_type = _TEXT if isinstance(body, str) else _JSON
        raw = _bytes(body)
        sent = {"Content-Type": content_type, **(headers or {})}
        if len(raw) >= COMPRESSED_FROM_BYTES and "gzip" in request.headers.get("Accept-Encoding", ""):
            raw = await asyncio.to_thread(gzip.compress, raw, 1)
            sent |= {"Content-Encoding": "gzip", "Vary": "Accept-Encoding"}
        response = _response(code, sent)
        if len(raw) < CHUNKED_FROM_BYTES:
            response.content_length = len(raw)
        else:
            response.enable_chunked_encoding()
        call = self._record(request, code)
        await response.prepare(request)
        end = len(raw) // 2 if cut else len(raw)
        for start in range(0, end, _SLICE_BYTES):
            piece = raw[start : min(start + _SLICE_BYTES, end)]
            call.bytes += len(piece)
            await response.write(piece)
        if cut and cut.reset:
            hanging_up.reset(request.transport)
        elif cut:
            hanging_up.close(request)
        return response

    async def stream(self, request: web.Request, lines: AsyncGenerator[bytes]) -> web.StreamResponse:
        """Send a watch, line by line. Its first line does not wait for the second."""
        response = _response(200, {"Content-Type": _JSON})
        response.enable_chunked_encoding()
        call = self._record(request, 200)
        await response.prepare(request)
        try:
            async with aclosing(lines):
                async for line in lines:
                    call.bytes += len(line)
                    await response.write(line)
        except Cut as cut:
            if not cut.clean:
                hanging_up.close(request)
        return response

    def _record(self, request: web.Request, code: int) -> Call:
        call = Call(request.method, request.path, dict(request.query), code, self._wall_clock())
        self._calls.add(call)
        return call


def _bytes(body: Mapping[str, Any] | str | bytes) -> bytes:
    if isinstance(body, bytes):
        return body
    # Go's JSON encoder ends with a newline; recorded lengths count it.
    return body.encode() if isinstance(body, str) else encode(body) + b"\n"


def _response(code: int, headers: Mapping[str, str]) -> web.StreamResponse:
    always = {"Audit-Id": str(uuid.uuid4()), "Cache-Control": "no-cache, private"}
    return web.StreamResponse(status=code, headers={**always, **headers})
