"""Runs HTTP functions: route, key, request in, response out."""

from collections.abc import Mapping, Sequence

from aiohttp import web

from sandbox.functions_host import protos
from sandbox.functions_host.functions import Function
from sandbox.functions_host.invoker import Invoker
from sandbox.functions_host.keys import Keys
from sandbox.functions_host.routes import Route


class HttpTrigger:
    """All HTTP functions of the app."""

    def __init__(self, functions: Sequence[Function], prefix: str, keys: Keys, invoker: Invoker) -> None:
        self._keys = keys
        self._invoker = invoker
        self.routes = sorted((Route.of(function, prefix) for function in functions), key=lambda r: r.precedence)

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Answer any request that is not for the host itself.

        404 for an unknown route and for a known one with another method
        (https://github.com/Azure/azure-functions-host/issues/10098), 401 without a right key, 500 without a body for a
        function that raised.
        """
        for route in self.routes:
            parameters = route.match(request.method, request.path)
            if parameters is not None:
                return await self._run(route.function, request, parameters)
        return web.Response(status=404)

    async def _run(self, function: Function, request: web.Request, parameters: Mapping[str, str]) -> web.StreamResponse:
        if function.disabled and not self._keys.allow_admin(request):
            return web.Response(status=404)
        if not self._keys.allow_function(request, function.trigger.text("authLevel", "function")):
            return web.Response(status=401)
        outcome = await self._invoker.invoke(
            function,
            protos.TypedData(http=await _to_rpc(request, parameters)),
            trigger={"method": request.method, "path": request.path},
        )
        if not outcome.ok:
            return web.Response(status=500)
        return _to_response(outcome.response.return_value)


async def _to_rpc(request: web.Request, parameters: Mapping[str, str]) -> protos.RpcHttp:
    # As the cloud's host builds it: lower-case header names, repeated values joined, empty query values left out.
    body = await request.read()
    query = {key: ",".join(request.query.getall(key)) for key in request.query}
    return protos.RpcHttp(
        method=request.method,
        url=str(request.url),
        headers={key.lower(): ",".join(request.headers.getall(key)) for key in request.headers},
        params=parameters,
        query={key: value for key, value in query.items() if value},
        body=protos.TypedData(bytes=body) if body else protos.TypedData(),
    )


def _to_response(value: protos.TypedData | None) -> web.Response:
    if value is None or value.WhichOneof("data") is None:
        return web.Response(status=204)
    if value.http is None:
        return web.Response(text=value.string or value.json or "")
    http = value.http
    body = http.body.bytes if http.body else None
    return web.Response(status=int(http.status_code), headers=dict(http.headers), body=body or b"")
