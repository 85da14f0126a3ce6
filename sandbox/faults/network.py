"""What happens to bytes and connections on the way to an endpoint, whatever it serves."""

import asyncio
import ssl
from collections.abc import Callable

import trustme
from aiohttp import web

from sandbox import hanging_up
from sandbox.endpoint import Endpoint, Handler, Undo
from sandbox.faults.fault import Ground
from sandbox.faults.strikes import Strikes

Where = Callable[[Ground], Endpoint]


def _arm(ground: Ground) -> Endpoint:
    return ground.cloud.arm_endpoint


def _kubernetes(ground: Ground) -> Endpoint:
    return ground.cloud.kubernetes_endpoint


def arm_slow(ground: Ground, strikes: Strikes, *, delay: float = 3.0, method: str = "*", path: str = "") -> Undo:
    """Resource Manager does what it is asked, and its answer comes `delay` seconds late."""

    async def later(request: web.Request, handler: Handler) -> web.StreamResponse:
        late = _meant(request, method, path) and strikes()
        answer = await handler(request)
        if late:
            await asyncio.sleep(delay)
        return answer

    return _arm(ground).detour(later)


def arm_reset(ground: Ground, strikes: Strikes, *, method: str = "*", path: str = "") -> Undo:
    """Resource Manager does what it is asked, and the connection is reset in the middle of the answer."""

    async def broken(request: web.Request, handler: Handler) -> web.StreamResponse:
        answer = await handler(request)
        if not _meant(request, method, path) or not strikes():
            return answer
        body = answer.body if isinstance(answer, web.Response) and isinstance(answer.body, bytes) else b""
        half = web.StreamResponse(status=answer.status, headers=answer.headers)
        half.content_length = len(body)
        await half.prepare(request)
        await half.write(body[: len(body) // 2])
        hanging_up.reset(request.transport)
        return half

    return _arm(ground).detour(broken)


def arm_tls(ground: Ground, strikes: Strikes) -> Undo:
    """Something answers in Resource Manager's place, with a certificate of an authority that nobody trusts."""
    return _distrust(_arm(ground), strikes)


def arm_down(ground: Ground, strikes: Strikes) -> Undo:
    """Resource Manager refuses connections, and those that are open are reset. Counts once: nobody hears who knocks."""
    return _shut(_arm(ground), strikes)


def kubernetes_slow(ground: Ground, strikes: Strikes, *, delay: float = 3.0, path: str = "") -> Undo:
    """The API server begins to answer `delay` seconds late, watches included."""
    return _delay(_kubernetes(ground), strikes, delay, path)


def kubernetes_tls(ground: Ground, strikes: Strikes) -> Undo:
    """Something answers in the API server's place, with a certificate of an authority that nobody trusts."""
    return _distrust(_kubernetes(ground), strikes)


def kubernetes_down(ground: Ground, strikes: Strikes) -> Undo:
    """The API server refuses connections, and those that are open are reset. Counts once: nobody hears who knocks."""
    return _shut(_kubernetes(ground), strikes)


def identity_slow(ground: Ground, strikes: Strikes, *, delay: float = 3.0) -> Undo:
    """The token endpoint answers `delay` seconds late."""
    return _delay(ground.cloud.identity_endpoint, strikes, delay, "")


def identity_down(ground: Ground, strikes: Strikes) -> Undo:
    """The token endpoint refuses connections; tokens that are held stay good. Counts once: nobody hears who knocks."""
    return _shut(ground.cloud.identity_endpoint, strikes)


def _delay(endpoint: Endpoint, strikes: Strikes, delay: float, path: str) -> Undo:
    async def later(request: web.Request, handler: Handler) -> web.StreamResponse:
        if _meant(request, "*", path) and strikes():
            await asyncio.sleep(delay)
        return await handler(request)

    return endpoint.detour(later)


def _shut(endpoint: Endpoint, strikes: Strikes) -> Undo:
    return endpoint.shut() if strikes() else lambda: None


def _distrust(endpoint: Endpoint, strikes: Strikes) -> Undo:
    stranger = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA(organization_name="somebody else").issue_cert("127.0.0.1", "localhost").configure_cert(stranger)
    return endpoint.certify(lambda: stranger if strikes() else None)


def _meant(request: web.Request, method: str, path: str) -> bool:
    return method.upper() in {"*", request.method} and path.lower() in request.path.lower()
