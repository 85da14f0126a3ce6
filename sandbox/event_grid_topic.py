"""An Event Grid custom topic that takes CloudEvents: checks the request as Azure does, keeps what came, fails as it is told.

Shape: https://learn.microsoft.com/azure/event-grid/post-to-custom-topic and
https://learn.microsoft.com/azure/event-grid/authenticate-with-microsoft-entra-id. The topic has its local authentication
switched off, so that a key or a shared access signature is refused. The wording of the errors is inferred.
"""

import asyncio
import json
import threading
from collections import deque
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from sandbox.identity import Tokens

AUDIENCE = "https://eventgrid.azure.net"
MAX_BYTES = 1_048_576
"""Of a batch: https://learn.microsoft.com/azure/event-grid/quotas-limits"""
_REQUIRED = ("id", "source", "specversion", "type")
_BATCH = "application/cloudevents-batch+json"
_SINGLE = "application/cloudevents+json"


@dataclass(frozen=True, slots=True)
class Failure:
    """How one request is to end. Without a status it is answered well, but only after `seconds`; endless is math.inf."""

    status: int = 0
    seconds: float = 0.0


@dataclass
class EventGridTopic:
    """One topic; `app` is to be served over TLS. Safe to look at from any thread."""

    tokens: Tokens
    failures: deque[Failure] = field(default_factory=deque)
    """What becomes of the next requests, in their order; then they are taken."""
    arrived: threading.Event = field(default_factory=threading.Event)
    """Set when a request has come, whatever becomes of it."""
    requests: int = 0
    _events: list[dict[str, Any]] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def events(self) -> list[dict[str, Any]]:
        """Every event that was taken, in the order of arrival."""
        with self._lock:
            return [*self._events]

    def fail(self, *failures: Failure) -> None:
        """Let the next requests end like this."""
        self.failures.extend(failures)

    def app(self) -> web.Application:
        """What answers at the topic's endpoint, `/api/events`."""
        app = web.Application(client_max_size=4 * MAX_BYTES)
        app.router.add_post("/api/events", self._publish)
        return app

    async def _publish(self, request: web.Request) -> web.Response:
        self.requests += 1
        self.arrived.set()
        body = await request.read()
        refused = self._refusal(request, body)
        if refused is not None:
            return refused
        failure = self.failures.popleft() if self.failures else Failure()
        if failure.seconds:
            await asyncio.sleep(min(failure.seconds, 3600.0))
        if failure.status:
            return _error(failure.status)
        told = json.loads(body)
        with self._lock:
            self._events.extend(told if isinstance(told, list) else [told])
        return web.Response(status=200)

    def _refusal(self, request: web.Request, body: bytes) -> web.Response | None:
        if {"aeg-sas-key", "aeg-sas-token"} & {name.lower() for name in request.headers}:
            return _error(401, "Local authentication is disabled for this topic; use Microsoft Entra ID.")
        if not self.tokens.accepts(request.headers.get("Authorization"), AUDIENCE):
            return _error(401, "The request authorization failed: no valid bearer token.")
        if request.query.get("api-version") != "2018-01-01":
            return _error(400, "The api-version query parameter is missing or unknown.")
        if len(body) > MAX_BYTES:
            return _error(413)
        wrong = _what_is_wrong(request.content_type, body)
        return _error(400, wrong) if wrong else None


def _what_is_wrong(kind: str, body: bytes) -> str:
    """Why this is no batch of CloudEvents; empty where it is one."""
    if kind not in {_BATCH, _SINGLE}:
        return f"This topic takes CloudEvents, not {kind}."
    try:
        told = json.loads(body)
    except ValueError:
        return "The request body is not JSON."
    events = told if isinstance(told, list) and kind == _BATCH else [told]
    complete = all(isinstance(each, dict) and all(each.get(name) for name in _REQUIRED) for each in events)
    return "" if complete else f"A CloudEvent needs {', '.join(_REQUIRED)}."


_WORDS = {
    401: ("Unauthorized", "The request authorization failed."),
    403: ("Forbidden", "The principal may not publish, or its address is not admitted by the topic's firewall."),
    404: ("ResourceNotFound", "The topic does not exist."),
    413: ("RequestEntityTooLarge", "The batch is larger than 1 MB."),
    429: ("TooManyRequests", "The topic is throttled."),
    503: ("ServiceUnavailable", "The service is busy. Please retry."),
}


def _error(status: int, message: str = "") -> web.Response:
    code, usual = _WORDS.get(status, ("BadRequest", "The request is not understood."))
    headers = {"Retry-After": "60"} if status in {429, 503} else {}
    body = {"error": {"code": code, "message": message or usual, "details": []}}
    return web.json_response(body, status=status, headers=headers)
