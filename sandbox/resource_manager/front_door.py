"""The way of a request: token, racing writers, scripted errors, the router, the call log, the headers of every answer."""

import asyncio
import json
import threading
import uuid
from collections.abc import Callable
from typing import Any

from aiohttp import web

from sandbox.identity import Tokens
from sandbox.resource_manager import errors
from sandbox.resource_manager.answers import Answer, AzureError
from sandbox.resource_manager.calls import Call, CallLog
from sandbox.resource_manager.faults import Faults
from sandbox.resource_manager.routing import Ask, Router

_QUOTA = {"GET": ("reads", 16499), "DELETE": ("deletes", 11999)}
"""Remaining-quota header by method, writes else; the figures of 2025/26 (facts). They do not count down."""

_ALWAYS = {
    "Cache-Control": "no-cache",
    "Pragma": "no-cache",
    "Expires": "-1",
    "Strict-Transport-Security": "max-age=31536000; includeSubDomains",
    "X-Content-Type-Options": "nosniff",
}


class FrontDoor:
    """Takes requests of aiohttp and gives answers. `settle` brings the state up to the clock before each one."""

    def __init__(
        self,
        tokens: Tokens,
        audience: Callable[[], str],
        *,
        router: Router,
        faults: Faults,
        log: CallLog,
        lock: threading.RLock,
        clock: Callable[[], float],
        settle: Callable[[], None],
    ) -> None:
        self._tokens = tokens
        self._audience = audience
        self._router = router
        self._faults = faults
        self._log = log
        self._lock = lock
        self._clock = clock
        self._settle = settle

    async def serve(self, request: web.Request) -> web.Response:
        """Answer one request and record it."""
        content = await request.read()
        if self._tokens.accepts(request.headers.get("Authorization"), self._audience()):
            callback = self._faults.before.take(request.method, request.path)
            if callback is not None:
                await asyncio.to_thread(callback)
            with self._lock:
                self._settle()
                answer = self._answer(request, content)
        else:
            answer = errors.unauthenticated(header="Authorization" in request.headers).answer()
        self._log.record(
            Call(
                method=request.method,
                path=request.path,
                status=answer.status,
                api_version=request.query.get("api-version", ""),
                at=self._clock(),
                request_bytes=len(content),
            )
        )
        return _response(request.method, answer)

    def _answer(self, request: web.Request, content: bytes) -> Answer:
        try:
            if error := self._faults.answers.take(request.method, request.path):
                raise error
            body = _decode(content)
            ask = Ask(request.method, request.path, request.query, request.headers, body, {})
            return self._router.answer(ask)
        except AzureError as error:
            return error.answer()


def _decode(content: bytes) -> Any:
    if not content:
        return None
    try:
        return json.loads(content)
    except ValueError as error:
        raise errors.invalid_request(
            f"The request content was invalid and could not be deserialized: '{error}'."
        ) from error


def _response(method: str, answer: Answer) -> web.Response:
    headers = {**_ALWAYS, "x-ms-request-id": str(uuid.uuid4())}
    if answer.headers.get("x-ms-failure-cause") != "gateway":
        kind, left = _QUOTA.get(method, ("writes", 11999))
        headers[f"x-ms-ratelimit-remaining-subscription-global-{kind}"] = str(left)
    headers |= answer.headers
    if answer.body is None:
        return web.Response(status=answer.status, headers=headers)
    text = answer.body if isinstance(answer.body, str) else json.dumps(answer.body, separators=(",", ":"))
    headers["Content-Type"] = answer.content_type
    return web.Response(status=answer.status, headers=headers, body=text.encode())
