"""The result of an operation as it came: waiting is azure-core's, as ever, but nothing is made of what it ends with.

Models of the SDK take a hundred times as long as the JSON itself; a table of 1,000 routes, or what a hub learned, is read for
two or three of its fields.
"""

import json
from collections.abc import Callable
from typing import Any

from azure.core.pipeline import PipelineResponse
from azure.mgmt.core.polling.arm_polling import ARMPolling


class PlainPolling(ARMPolling):
    """For `polling` of any `begin_…`; polls every `seconds` where Azure sends no Retry-After. The result is what `take` makes."""

    def __init__(self, seconds: float, take: Callable[[bytes], Any] = json.loads) -> None:
        super().__init__(seconds, stream=True)  # or every answer becomes dicts on its way through the pipeline
        self._take = take

    def initialize(
        self, client: Any, initial_response: Any, deserialization_callback: Callable[[PipelineResponse[Any, Any]], Any]
    ) -> None:
        """As azure-core does it, with another way to take the result in hand."""
        _ = deserialization_callback
        super().initialize(client, initial_response, lambda answer: self._take(answer.http_response.content))

    def request_status(self, status_link: str) -> PipelineResponse[Any, Any]:
        """As azure-core does it, and read to the end."""
        answer = super().request_status(status_link)
        answer.http_response.read()
        return answer
