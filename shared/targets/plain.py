"""The result of an operation as plain JSON: waiting is azure-core's, as ever, but no model is made of what it ends with.

Models of the SDK take a hundred times as long as the JSON itself; a table of 1,000 routes, or what a hub learned, is read for
three of its fields.
"""

from collections.abc import Callable
from typing import Any

from azure.core.pipeline import PipelineResponse
from azure.mgmt.core.polling.arm_polling import ARMPolling


class PlainPolling(ARMPolling):
    """For `polling` of any `begin_…`; polls every `seconds` where Azure sends no Retry-After."""

    def __init__(self, seconds: float) -> None:
        super().__init__(seconds)

    def initialize(
        self, client: Any, initial_response: Any, deserialization_callback: Callable[[PipelineResponse[Any, Any]], Any]
    ) -> None:
        """As azure-core does it, with another way to take the result in hand."""
        _ = deserialization_callback
        super().initialize(client, initial_response, lambda answer: answer.http_response.json())
