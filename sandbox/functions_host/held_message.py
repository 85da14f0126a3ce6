"""A queue message in our hands: invisible to others, kept so while its function runs, then settled exactly once."""

import asyncio
import math
from collections.abc import Awaitable, Callable

from azure.core.exceptions import AzureError, HttpResponseError
from azure.storage.queue import QueueMessage
from azure.storage.queue.aio import QueueClient

from sandbox.functions_host.logs import host_log


class HeldMessage:
    """Renews its lease of `lease` seconds at half time, as the cloud does, until it is settled."""

    def __init__(self, client: QueueClient, message: QueueMessage, lease: float) -> None:
        self.message = message
        self._client = client
        self._lease = math.ceil(lease)
        self._lock = asyncio.Lock()
        self._settled = False
        self._renewal = asyncio.create_task(self._renew(lease / 2))

    async def delete(self) -> bool:
        """The message is done. False when it was no longer ours."""
        return await self._settle(lambda: self._client.delete_message(self.message))

    async def release(self, seconds: float) -> bool:
        """Give the message back, to be visible again in `seconds`. False when it was no longer ours."""
        return await self._settle(
            lambda: self._client.update_message(self.message, visibility_timeout=math.ceil(seconds))
        )

    async def _settle(self, action: Callable[[], Awaitable[object]]) -> bool:
        # The lock lets a renewal under way finish first: it changes the receipt that settling needs.
        async with self._lock:
            if self._settled:
                return False
            self._settled = True
            self._renewal.cancel()
            try:
                await action()
            except HttpResponseError as error:
                # Somebody else took it over, or it is gone. Either way it is no longer ours to settle, as in the cloud.
                host_log.warning("queue message %s is no longer ours: %s", self.message.id, error.reason)
                return False
            return True

    async def _renew(self, every: float) -> None:
        while True:
            await asyncio.sleep(every)
            async with self._lock:
                try:
                    renewed = await self._client.update_message(self.message, visibility_timeout=self._lease)
                except AzureError as error:
                    host_log.warning("queue message %s could not be kept invisible: %s", self.message.id, error)
                else:
                    self.message.pop_receipt = renewed.pop_receipt
