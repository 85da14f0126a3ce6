"""The managed identity of the sandbox: an App Service token endpoint, and the check that its tokens pass elsewhere.

Shape: https://learn.microsoft.com/azure/app-service/overview-managed-identity#rest-endpoint-reference (api-version 2019-08-01).
"""

import secrets
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from aiohttp import web

AKS_AUDIENCE = "6dae42f8-4368-4678-94ff-3960e28e3630"
"""The Entra server application of every AKS cluster, in all clouds."""


@dataclass(frozen=True, slots=True)
class Token:
    """What a bearer token is good for."""

    audience: str
    expires_at: float


class Tokens:
    """What the identity provider knows: which bearer token is good for which audience until when."""

    def __init__(self, *, lifetime: float = 86_400.0, clock: Callable[[], float] = time.time) -> None:
        self.lifetime = lifetime
        self._clock = clock
        self._known: dict[str, Token] = {}
        self._lock = threading.Lock()

    def issue(self, audience: str) -> tuple[str, Token]:
        """A new token for `audience` (a resource URI or application id, compared without a trailing slash)."""
        token = Token(audience.rstrip("/"), self._clock() + self.lifetime)
        bearer = f"sandbox.{secrets.token_urlsafe(24)}"
        with self._lock:
            self._known[bearer] = token
        return bearer, token

    def accepts(self, authorization: str | None, audience: str) -> bool:
        """Whether an Authorization header carries a live token for `audience`."""
        scheme, _, bearer = (authorization or "").partition(" ")
        with self._lock:
            token = self._known.get(bearer)
        return (
            scheme.lower() == "bearer"
            and token is not None
            and token.audience == audience.rstrip("/")
            and token.expires_at > self._clock()
        )

    def revoke_all(self) -> None:
        """Every token issued so far is refused from now on."""
        with self._lock:
            self._known.clear()


def identity_app(tokens: Tokens, header: str) -> web.Application:
    """The token endpoint; `header` is the secret that IDENTITY_HEADER carries."""

    async def token(request: web.Request) -> web.Response:
        if request.headers.get("X-IDENTITY-HEADER") != header:
            return web.json_response({"statusCode": 401, "message": "Bad X-IDENTITY-HEADER"}, status=401)
        resource = request.query.get("resource")
        if request.query.get("api-version") != "2019-08-01" or not resource:
            return web.json_response({"statusCode": 400, "message": "resource and api-version are needed"}, status=400)
        bearer, issued = tokens.issue(resource)
        return web.json_response(
            {
                "access_token": bearer,
                "expires_on": str(int(issued.expires_at)),
                "resource": resource,
                "token_type": "Bearer",
                "client_id": request.query.get("client_id", "00000000-0000-0000-0000-000000000001"),
            }
        )

    app = web.Application()
    app.router.add_get("/msi/token", token)
    return app
