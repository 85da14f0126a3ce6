"""A managed identity that gives no token. What is slow or down is played in `network`."""

from aiohttp import web

from sandbox.endpoint import Handler, Undo
from sandbox.faults.fault import Ground
from sandbox.faults.strikes import Strikes

_REFUSAL = "No User Assigned or Delegated Managed Identity found for specified ClientId/ResourceId/PrincipalId."
"""Wording: https://github.com/Azure-Samples/azure-search-openai-demo/issues/2148."""


def refuses(ground: Ground, strikes: Strikes) -> Undo:
    """The managed identity is not assigned to the app: the token endpoint answers 400."""

    async def refused(request: web.Request, handler: Handler) -> web.StreamResponse:
        if strikes():
            return web.json_response({"statusCode": 400, "message": _REFUSAL}, status=400)
        return await handler(request)

    return ground.cloud.identity_endpoint.detour(refused)
