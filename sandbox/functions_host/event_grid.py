"""The Event Grid webhook: both handshakes, then one invocation per event.

Rules: HttpRequestProcessor and EventGridExtensionConfigProvider of Microsoft.Azure.WebJobs.Extensions.EventGrid
(https://github.com/Azure/azure-sdk-for-net/tree/main/sdk/eventgrid), and the CloudEvents webhook specification
(https://github.com/cloudevents/spec/blob/v1.0/http-webhook.md#4-abuse-protection).
"""

import asyncio
import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

from aiohttp import web

from sandbox.functions_host import protos
from sandbox.functions_host.functions import Function
from sandbox.functions_host.invoker import Invoker
from sandbox.functions_host.keys import Keys

PATH: Final = "/runtime/webhooks/EventGrid"


class EventGridTrigger:
    """All Event Grid functions of the app."""

    def __init__(self, functions: Sequence[Function], keys: Keys, invoker: Invoker) -> None:
        self._functions = {function.name: function for function in functions if not function.disabled}
        self._keys = keys
        self._invoker = invoker

    async def handle(self, request: web.Request) -> web.Response:
        """Answer what Event Grid sends: 202 when every function succeeded, 500 when one failed, so that it is sent again."""
        if not self._keys.allow_event_grid(request):
            return web.Response(status=401)
        name = request.query.get("functionName", "")
        function = self._functions.get(name)
        if function is None:
            return web.Response(status=404, text=f"cannot find function: '{name}'")
        if request.method == "OPTIONS":
            return _allow_origin(request)
        try:
            return await self._receive(function, request)
        except (ValueError, LookupError, TypeError) as error:
            return web.Response(status=400, text=f"not an event: {type(error).__name__}: {error}")

    async def _receive(self, function: Function, request: web.Request) -> web.Response:
        kind = request.headers.get("aeg-event-type", "").lower()
        # A subscription with the CloudEvents schema may come without Event Grid's own header.
        if not kind and request.content_type.startswith("application/cloudevents"):
            kind = "notification"
        match kind:
            case "subscriptionvalidation":
                code = _validation_code(json.loads(await request.text()))
                return web.json_response({"validationResponse": code})
            case "notification":
                body = json.loads(await request.text())
                return await self._run(function, body if isinstance(body, list) else [body])
            case "unsubscribe":
                return web.Response(status=202)
            case _:
                return web.Response(status=400, text="the header aeg-event-type has to be Notification")

    async def _run(self, function: Function, events: Sequence[Any]) -> web.Response:
        if not all(isinstance(event, dict) for event in events):
            raise ValueError("an event has to be a JSON object")
        outcomes = await asyncio.gather(
            *(
                self._invoker.invoke(
                    function, protos.TypedData(json=json.dumps(event)), metadata=_metadata(event), trigger=_told(event)
                )
                for event in events
            )
        )
        failed = next((outcome.error for outcome in outcomes if outcome.error is not None), None)
        return web.Response(status=202) if failed is None else web.Response(status=500, text=failed)


def _allow_origin(request: web.Request) -> web.Response:
    origin = request.headers.get("WebHook-Request-Origin")
    if origin is None:
        return web.Response(status=400, text="the header WebHook-Request-Origin is missing")
    return web.Response(headers={"WebHook-Allowed-Origin": origin, "WebHook-Allowed-Rate": "*"})


def _validation_code(body: Any) -> str:
    if isinstance(body, list):
        return str(body[0]["data"]["validationCode"])
    data = body["data"]
    # The validation event in the CloudEvents schema carries its data as JSON within JSON.
    return str((json.loads(data) if isinstance(data, str) else data)["validationCode"])


def _metadata(event: Mapping[str, Any]) -> dict[str, protos.TypedData]:
    return {"data": protos.TypedData(json=json.dumps(event.get("data")))}


def _told(event: Mapping[str, Any]) -> dict[str, object]:
    # Never the whole event: its claims are personal data.
    return {"eventId": event.get("id"), "eventType": event.get("eventType") or event.get("type")}
