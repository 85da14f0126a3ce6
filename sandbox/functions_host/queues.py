"""The storage queues of the app: clients, encoding, and word of a new message to whoever polls."""

import asyncio
import base64
import contextlib
from collections.abc import Callable

from azure.core.exceptions import ResourceExistsError, ResourceNotFoundError
from azure.storage.queue.aio import QueueClient


class Queues:
    """One client per queue, shared by trigger and output bindings."""

    def __init__(self, connection_string: Callable[[str], str], *, base64_encoding: bool) -> None:
        self._connection_string = connection_string
        self._base64 = base64_encoding
        self._clients: dict[tuple[str, str], QueueClient] = {}
        self._news: dict[tuple[str, str], asyncio.Event] = {}

    def client(self, connection: str, queue: str) -> QueueClient:
        """The queue behind a binding; it need not exist yet. Raises SettingsError for an unknown connection."""
        key = (connection, queue)
        if key not in self._clients:
            self._clients[key] = QueueClient.from_connection_string(self._connection_string(connection), queue)
        return self._clients[key]

    async def create(self, connection: str, queue: str) -> None:
        """Make sure that the queue exists."""
        with contextlib.suppress(ResourceExistsError):
            await self.client(connection, queue).create_queue()

    async def send(self, connection: str, queue: str, body: bytes) -> None:
        """Put a message with this body on the queue."""
        await self.send_encoded(connection, queue, self.encode(body))

    async def send_encoded(self, connection: str, queue: str, content: str) -> None:
        """Put a message on the queue just as it is, creating the queue where it is missing."""
        client = self.client(connection, queue)
        try:
            await client.send_message(content)
        except ResourceNotFoundError:
            await self.create(connection, queue)
            await client.send_message(content)
        self._event(connection, queue).set()

    async def wait_for_news(self, connection: str, queue: str, seconds: float) -> None:
        """Return after `seconds`, or at once when this host has sent to the queue, as the cloud's shared watcher does."""
        event = self._event(connection, queue)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(event.wait(), seconds)
        event.clear()

    def rouse(self) -> None:
        """End every wait for news."""
        for event in self._news.values():
            event.set()

    def encode(self, body: bytes) -> str:
        """A body as it lies in the queue, by `messageEncoding` of host.json."""
        return base64.b64encode(body).decode() if self._base64 else body.decode()

    def decode(self, content: str) -> bytes:
        """The body behind what lies in the queue. Raises ValueError when it is not base64 but should be."""
        return base64.b64decode(content, validate=True) if self._base64 else content.encode()

    async def close(self) -> None:
        """Close all connections."""
        for client in self._clients.values():
            await client.close()

    def _event(self, connection: str, queue: str) -> asyncio.Event:
        return self._news.setdefault((connection, queue), asyncio.Event())
