"""One HTTP endpoint of the sandbox, and the places where something can come between it and its callers."""

import ssl
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

from aiohttp import web

from sandbox.server import ServerThread

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
Detour = Callable[[web.Request, Handler], Awaitable[web.StreamResponse]]
"""What a request goes through first: it asks the handler when, and if, it likes."""
Undo = Callable[[], None]


class Endpoint:
    """An application that is served on an address for good, whatever comes in between. Usable from any thread."""

    def __init__(
        self, servers: ServerThread, app: web.Application, *, tls: ssl.SSLContext | None = None, port: int = 0
    ) -> None:
        self._servers = servers
        self._tls = tls
        self._detours: tuple[Detour, ...] = ()
        app.middlewares.append(self._lead)
        self.url = servers.serve(app, tls=tls, port=port)

    def detour(self, detour: Detour) -> Undo:
        """Lead every request through `detour`, the newest one first, until the returned function is called."""
        self._detours = (*self._detours, detour)

        def undo() -> None:
            self._detours = tuple(each for each in self._detours if each is not detour)

        return undo

    def shut(self) -> Undo:
        """Break all connections and refuse new ones until the returned function is called."""
        self._servers.shut(self.url)
        return partial(self._servers.open, self.url)

    def certify(self, choose: Callable[[], ssl.SSLContext | None]) -> Undo:
        """Ask `choose` at every TLS handshake for another certificate than its own, until the returned function is called.

        Connections that were made before are broken, so that there are handshakes.
        """
        if self._tls is None:
            raise ValueError(f"{self.url} has no certificate")

        # Called with or without a name: https://docs.python.org/3/library/ssl.html#ssl.SSLContext.sni_callback
        def chosen(connection: ssl.SSLObject, _name: str | None, _context: ssl.SSLContext) -> None:
            connection.context = choose() or connection.context

        callback: Any = chosen  # the annotation of ssl knows only the return type of a refusal
        self._tls.sni_callback = callback
        self._servers.reset_connections(self.url)
        return partial(setattr, self._tls, "sni_callback", None)

    @web.middleware
    async def _lead(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        for detour in self._detours:
            handler = _through(detour, handler)
        return await handler(request)


def _through(detour: Detour, handler: Handler) -> Handler:
    return lambda request: detour(request, handler)
