"""Reads what the app left in its storage account: marker, lease and last report of a cluster, and the queues of all."""

from datetime import datetime
from typing import TYPE_CHECKING

import msgspec
from azure.core.exceptions import AzureError, HttpResponseError, ResourceNotFoundError

from shared import shapes
from shared.doctor.facts import LastPass, Queue, Traces
from shared.doctor.unknown import Unknown
from shared.errors import StorageError
from shared.models import Finding, Severity
from shared.phrases import first_line
from shared.poison import read_poison

if TYPE_CHECKING:  # whoever hands them in has paid for the import
    from azure.storage.blob import BlobProperties, ContainerClient
    from azure.storage.queue import QueueClient

BLOB_ACTION = "Microsoft.Storage/storageAccounts/blobServices/containers/blobs/read"
QUEUE_ACTION = "Microsoft.Storage/storageAccounts/queueServices/queues/messages/read"
LOOK_AT = 32
"""Messages that Azure shows at a time: https://learn.microsoft.com/rest/api/storageservices/peek-messages"""


class _Finding(msgspec.Struct, frozen=True):
    severity: Severity
    code: str
    message: str
    resource: str = ""


class _Target(msgspec.Struct, frozen=True):
    findings: tuple[_Finding, ...] = ()


class _Report(msgspec.Struct, frozen=True):
    outcome: str
    targets: tuple[_Target, ...] = ()


class Storage:
    """The storage account without a way to write. `container` is the app's, `wakes` and `poison` are its queues."""

    __slots__ = ("_container", "_poison", "_wakes")

    def __init__(self, container: "ContainerClient", wakes: "QueueClient", poison: "QueueClient") -> None:
        self._container = container
        self._wakes = wakes
        self._poison = poison

    def traces(self, cluster: str) -> Traces | Unknown:
        """Three or four requests; a blob that is not there has never been written."""
        try:
            marker = self._properties(f"wakes/{cluster}")
            lease = self._properties(f"leases/{cluster}")
            report = self._properties(f"reports/{cluster}.json")
            return Traces(
                marker.last_modified if marker else None,
                leased=lease is not None and lease.lease.state == "leased",
                last_pass=self._last_pass(cluster, report.last_modified) if report else None,
            )
        except (AzureError, msgspec.DecodeError) as error:
            return _unread(error, f"what the app left about {cluster}", BLOB_ACTION)

    def queue(self) -> Queue | Unknown:
        """Up to four requests. A message that somebody is at work on is not shown, but counted."""
        try:
            count = self._wakes.get_queue_properties().approximate_message_count or 0
            shown = self._wakes.peek_messages(LOOK_AT) if count else []
        except ResourceNotFoundError:
            count, shown = 0, []
        except AzureError as error:
            return _unread(error, "the queue of wake-ups", QUEUE_ACTION)
        try:
            poison = read_poison(self._poison)
        except StorageError as error:
            return _unread(error.__cause__ or error, "the poison queue", QUEUE_ACTION)
        oldest = min((each.inserted_on for each in shown if each.inserted_on), default=None)
        return Queue(count, oldest, poison.count, poison.clusters)

    def _properties(self, name: str) -> "BlobProperties | None":
        try:
            return self._container.get_blob_client(name).get_blob_properties()
        except ResourceNotFoundError:
            return None

    def _last_pass(self, cluster: str, at: datetime) -> LastPass:
        text = self._container.download_blob(f"reports/{cluster}.json").readall()
        report = shapes.decode(text, _Report)
        found = (each for target in report.targets for each in target.findings)
        return LastPass(
            at, report.outcome, tuple(Finding(each.severity, each.code, each.message, each.resource) for each in found)
        )


def _unread(error: BaseException, what: str, action: str) -> Unknown:
    denied = isinstance(error, HttpResponseError) and error.status_code == 403
    permission = f"{action} on the storage account (Storage Blob Data Contributor, Storage Queue Data Contributor)"
    reason = (
        f"cannot read {what} ({first_line(error)}); check AzureWebJobsStorage and the roles of the app's identity on it"
    )
    return Unknown(what, reason, permission if denied else "")
