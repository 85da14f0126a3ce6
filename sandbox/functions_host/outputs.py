"""Sends what a function put out. Queues are the one output binding here; HTTP answers belong to the HTTP trigger."""

import json

from sandbox.functions_host import protos
from sandbox.functions_host.functions import Binding, Function
from sandbox.functions_host.queues import Queues


class Outputs:
    """The output bindings of the app."""

    def __init__(self, queues: Queues) -> None:
        self._queues = queues

    async def send(self, function: Function, response: protos.InvocationResponse) -> None:
        """Send everything that `response` holds for an output. Raises what storage answers."""
        values = {output.name: output.data for output in response.output_data} | {"$return": response.return_value}
        for name, value in values.items():
            binding = function.binding(name)
            if binding and binding.type == "queue" and value is not None:
                await self._send_to_queue(binding, value)

    async def _send_to_queue(self, binding: Binding, value: protos.TypedData) -> None:
        for body in _messages(value):
            await self._queues.send(binding.text("connection"), binding.text("queueName"), body)


def _messages(value: protos.TypedData) -> list[bytes]:
    """One message per text or blob, one per element of a JSON array, as the cloud's binding splits them."""
    match value.WhichOneof("data"):
        case "bytes":
            return [value.bytes or b""]
        case "string":
            return [(value.string or "").encode()]
        case "json":
            parsed = json.loads(value.json or "null")
            items = parsed if isinstance(parsed, list) else [parsed]
            return [(item if isinstance(item, str) else json.dumps(item)).encode() for item in items]
        case None:
            return []
        case kind:
            raise TypeError(f"a queue message cannot be made of {kind} data")
