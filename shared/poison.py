"""Wake-ups that failed for good: the messages of the poison queue, which nobody takes up again by himself."""

import base64
import binascii
from typing import TYPE_CHECKING

from azure.core.exceptions import AzureError, ResourceNotFoundError

from shared.errors import RequestError, StorageError
from shared.phrases import first_line
from shared.wake import Poison, parse_wake

if TYPE_CHECKING:  # whoever hands in the queue has paid for the import
    from azure.storage.queue import QueueClient

LOOK_AT = 32
"""Messages that Azure shows at a time: https://learn.microsoft.com/rest/api/storageservices/peek-messages"""


def read_poison(queue: "QueueClient") -> Poison:
    """What lies in the poison queue; a queue that is not there yet is empty. Raises StorageError."""
    try:
        count = queue.get_queue_properties().approximate_message_count or 0
        shown = queue.peek_messages(LOOK_AT) if count else []
    except ResourceNotFoundError:
        return Poison(0)
    except AzureError as error:
        raise StorageError(
            f"the poison queue could not be read ({first_line(error)}); check AzureWebJobsStorage and "
            "that the app's identity is Storage Queue Data Contributor on it"
        ) from error
    return Poison(count, tuple(sorted({_cluster(str(message.content)) for message in shown})))


def _cluster(content: str) -> str:
    """The functions host writes messages in base64; what is no wake-up is called just that."""
    try:
        return parse_wake(base64.b64decode(content, validate=True)).cluster
    except (binascii.Error, RequestError):
        return "(no wake-up)"
