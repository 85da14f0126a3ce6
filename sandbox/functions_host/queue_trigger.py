"""Runs a function for every message of a storage queue, with the cloud's leases, retries and poison queue.

Rules: QueueListener, QueueProcessor and QueueTriggerBinding of Microsoft.Azure.WebJobs.Extensions.Storage.Queues
(https://github.com/Azure/azure-sdk-for-net/tree/main/sdk/storage).
"""

import asyncio
import contextlib
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import partial
from typing import Final

from azure.core.exceptions import AzureError, ResourceNotFoundError
from azure.storage.queue import QueueMessage

from sandbox.functions_host import protos
from sandbox.functions_host.functions import Function
from sandbox.functions_host.held_message import HeldMessage
from sandbox.functions_host.invoker import Invoker, Outcome
from sandbox.functions_host.logs import host_log
from sandbox.functions_host.polling import Backoff
from sandbox.functions_host.queues import Queues
from sandbox.functions_host.settings import QueueOptions

_STOP_SECONDS: Final = 2.0
_FOREVER: Final = datetime.max.replace(tzinfo=UTC)


class QueueTrigger:
    """The listener of one function. `lease` is in seconds: how long a message of a killed host stays invisible."""

    def __init__(
        self, function: Function, queues: Queues, options: QueueOptions, invoker: Invoker, *, lease: float
    ) -> None:
        self._function = function
        self._queues = queues
        self._options = options
        self._invoker = invoker
        self._lease = lease
        self._connection = function.trigger.text("connection")
        self._queue = function.trigger.text("queueName")
        self._client = queues.client(self._connection, self._queue)
        self._held: set[HeldMessage] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._stopping = False
        self._poller: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to look for messages."""
        self._poller = asyncio.create_task(self._poll(), name=f"poll {self._queue}")

    async def stop(self) -> None:
        """Take no further messages. A look under way is finished, for it may already have hidden some."""
        self._stopping = True
        self._queues.rouse()
        if self._poller:
            await asyncio.wait({self._poller}, timeout=_STOP_SECONDS)
            self._poller.cancel()

    async def release(self) -> None:
        """Make every message still in hand visible again, at once."""
        for held in list(self._held):
            with contextlib.suppress(AzureError):
                await held.release(0)

    async def _poll(self) -> None:
        backoff = Backoff(self._options.max_polling_interval)
        found = False
        while not self._stopping:
            batch = await self._receive()
            for message in batch:
                self._begin(message)
            if batch:
                found = True
                await self._wait_for_room()
            else:
                await self._queues.wait_for_news(self._connection, self._queue, backoff.next_delay(found=found))
                found = False

    async def _receive(self) -> list[QueueMessage]:
        size = self._options.batch_size
        try:
            pages = self._client.receive_messages(
                messages_per_page=size, visibility_timeout=round(self._lease)
            ).by_page()
            async for page in pages:
                return [message async for message in page]
        except ResourceNotFoundError:
            with contextlib.suppress(AzureError):
                await self._queues.create(self._connection, self._queue)
        except AzureError as error:
            host_log.warning("queue %s cannot be read: %s", self._queue, error)
        return []

    async def _wait_for_room(self) -> None:
        while len(self._tasks) > self._options.new_batch_size and not self._stopping:
            await asyncio.wait(self._tasks, return_when=asyncio.FIRST_COMPLETED)

    def _begin(self, message: QueueMessage) -> None:
        task = asyncio.create_task(self._process(message), name=f"message {message.id}")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _process(self, message: QueueMessage) -> None:
        held = HeldMessage(self._client, message, self._lease)
        self._held.add(held)
        try:
            if (message.dequeue_count or 0) > self._options.max_dequeue_count:
                await self._poison(held)
                return
            try:
                body = self._queues.decode(message.content)
            except ValueError:
                host_log.error("queue message %s in %s is not base64, see messageEncoding", message.id, self._queue)
                await self._give_up(held)
                return
            await self._invoker.invoke(
                self._function,
                _value(body, self._function.trigger.text("dataType")),
                metadata=_metadata(message, body),
                trigger={"queue": self._queue, "messageId": message.id, "dequeueCount": message.dequeue_count},
                settle=partial(self._settle, held),
            )
        except AzureError as error:
            host_log.warning("queue message %s of %s could not be settled: %s", message.id, self._queue, error)
        finally:
            self._held.discard(held)

    async def _settle(self, held: HeldMessage, outcome: Outcome) -> Mapping[str, object]:
        if outcome.ok:
            return {"message": "deleted" if await held.delete() else "lost"}
        return {"message": await self._give_up(held)}

    async def _give_up(self, held: HeldMessage) -> str:
        if (held.message.dequeue_count or 0) >= self._options.max_dequeue_count:
            return "poisoned" if await self._poison(held) else "lost"
        seconds = self._options.visibility_timeout.total_seconds()
        return "released" if await held.release(seconds) else "lost"

    async def _poison(self, held: HeldMessage) -> bool:
        target = f"{self._queue}-poison"
        limit = self._options.max_dequeue_count
        host_log.warning("queue message %s failed %d times and goes to %s", held.message.id, limit, target)
        await self._queues.send_encoded(self._connection, target, held.message.content)
        return await held.delete()


def by_hand(text: str) -> tuple[protos.TypedData, dict[str, protos.TypedData]]:
    """Input and metadata for a message that was never in the queue, as the admin API makes it."""
    message = QueueMessage(content=text)
    message.id, message.dequeue_count, message.pop_receipt = "", 0, ""
    return protos.TypedData(string=text), _metadata(message, text.encode())


def _value(body: bytes, data_type: str) -> protos.TypedData:
    if data_type.lower() == "binary":
        return protos.TypedData(bytes=body)
    return protos.TypedData(string=body.decode(errors="replace"))


def _metadata(message: QueueMessage, body: bytes) -> dict[str, protos.TypedData]:
    # Numbers and times travel as JSON: the host knows no other form for them (GrpcMessageConversionExtensions.ToRpc).
    return {
        "QueueTrigger": protos.TypedData(string=body.decode(errors="replace")),
        "Id": protos.TypedData(string=message.id),
        "PopReceipt": protos.TypedData(string=message.pop_receipt),
        "DequeueCount": protos.TypedData(json=json.dumps(message.dequeue_count)),
        "InsertionTime": _time(message.inserted_on or datetime.now(UTC)),
        "ExpirationTime": _time(message.expires_on or _FOREVER),
        "NextVisibleTime": _time(message.next_visible_on or _FOREVER),
    }


def _time(moment: datetime) -> protos.TypedData:
    return protos.TypedData(json=json.dumps(moment.isoformat()))
