"""What instances of the app share: leases, so that a cluster has one writer and one keeper, and the marker of its wake-ups.

Blobs of one container of the Functions storage account: `leases/<cluster>` for who writes, `vigils/<cluster>` for who keeps
watch, `wakes/<cluster>` the marker, whose ETag is its version, `reports/<cluster>.json` the last report. The order of steps is in `vigil`, the reasons in
docs/wake-ups.md.

A killed process stops renewing, so its lease ends by itself after LEASE_SECONDS; nothing has to be cleaned up.
"""

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from azure.core.exceptions import (
    AzureError,
    HttpResponseError,
    ResourceExistsError,
    ResourceModifiedError,
    ResourceNotFoundError,
)

from shared.errors import BusyError, StorageError
from shared.phrases import first_line

if TYPE_CHECKING:  # whoever hands in the container has paid for the import
    from azure.storage.blob import BlobLeaseClient, ContainerClient

CONTAINER = "aks-pod-routes"
LEASE_SECONDS = 30
"""How long a dead holder blocks its cluster; Azure takes 15 to 60 s.
Source: https://learn.microsoft.com/rest/api/storageservices/lease-blob"""
RENEW_SECONDS = 10
"""Two renewals may fail before the lease ends."""

_log = logging.getLogger("aks_pod_routes")


class Lease:
    """A lease that is held, as far as one can know; kept alive by a thread of its own."""

    def __init__(self, client: "BlobLeaseClient", cluster: str, clock: Callable[[], float], since: float) -> None:
        self._client = client
        self._cluster = cluster
        self._clock = clock
        self._until = since + LEASE_SECONDS
        self._ended = threading.Event()
        self._renewal = threading.Thread(target=self._renew, name=f"lease-{cluster}", daemon=True)
        self._renewal.start()

    def check(self) -> None:
        """Raises BusyError where the lease is lost: broken by somebody, or ended while this process stood still."""
        if self._clock() >= self._until:
            raise BusyError(
                f"the lease of {self._cluster} was lost in the middle of the pass, so nothing more was written; "
                "somebody broke it, or this instance stood still for too long",
                retry_after=LEASE_SECONDS // 2,
            )

    def release(self) -> None:
        """Stop renewing and give it back; where that fails it ends by itself."""
        self._ended.set()
        self._renewal.join()
        try:
            self._client.release()
        except AzureError as error:
            _log.warning("the lease of %s was not released and ends by itself: %s", self._cluster, type(error).__name__)

    def _renew(self) -> None:
        while not self._ended.wait(RENEW_SECONDS):
            asked = self._clock()
            try:
                self._client.renew()
                self._until = asked + LEASE_SECONDS
            except HttpResponseError as error:
                _log.warning("the lease of %s was not renewed: %s", self._cluster, type(error).__name__)
                if error.status_code in {404, 409, 412}:  # broken, taken over, or gone with its blob
                    self._until = asked
                    return
            except AzureError as error:
                _log.warning("the lease of %s was not renewed: %s", self._cluster, type(error).__name__)


class Coordination:
    """Leases and markers of all clusters. Every method raises StorageError where the storage account cannot be used."""

    def __init__(self, container: "ContainerClient", *, clock: Callable[[], float] = time.monotonic) -> None:
        self._container = container
        self._clock = clock

    @contextmanager
    def writer(self, cluster: str) -> Iterator[Lease]:
        """Be the one writer of `cluster` inside the block. Raises BusyError where there is one."""
        lease = self.acquire("leases", cluster)
        if lease is None:
            raise BusyError(
                f"another pass is writing for {cluster}; its lease ends {LEASE_SECONDS} s after its last sign of life",
                retry_after=LEASE_SECONDS // 2,
            )
        try:
            yield lease
        finally:
            lease.release()

    def acquire(self, folder: str, cluster: str) -> Lease | None:
        """The lease on `folder`/`cluster`, or None where somebody has it."""
        blob = self._container.get_blob_client(f"{folder}/{cluster}")
        since = self._clock()
        with _storage_errors():
            try:
                try:
                    client = blob.acquire_lease(LEASE_SECONDS)
                except ResourceNotFoundError:
                    self._create(f"{folder}/{cluster}")
                    client = blob.acquire_lease(LEASE_SECONDS)
            except HttpResponseError as error:
                if error.status_code == 409:
                    return None
                raise
        return Lease(client, cluster, self._clock, since)

    def move_marker(self, cluster: str) -> None:
        """Give the cluster's marker a new version: somebody has to look."""
        with _storage_errors():
            try:
                self._container.upload_blob(f"wakes/{cluster}", b"", overwrite=True)
            except ResourceNotFoundError:
                self._create(f"wakes/{cluster}")

    def marker(self, cluster: str) -> str:
        """The version of the cluster's marker; empty where there has never been a wake-up."""
        with _storage_errors():
            try:
                return self._container.get_blob_client(f"wakes/{cluster}").get_blob_properties().etag
            except ResourceNotFoundError:
                return ""

    def save_report(self, cluster: str, report: str) -> None:
        """Keep the cluster's last report, JSON."""
        with _storage_errors():
            try:
                self._container.upload_blob(f"reports/{cluster}.json", report.encode(), overwrite=True)
            except ResourceNotFoundError:
                self._create(f"reports/{cluster}.json", report.encode())

    def last_report(self, cluster: str) -> str | None:
        """The cluster's last report, JSON; None where there has been none."""
        with _storage_errors():
            try:
                return self._container.download_blob(f"reports/{cluster}.json").readall().decode()
            except ResourceNotFoundError:
                return None

    def _create(self, name: str, content: bytes = b"") -> None:
        """Container and blob, by whoever is first; the container usually comes with the deployment."""
        with suppress(ResourceExistsError):
            self._container.create_container()
        with suppress(ResourceExistsError, ResourceModifiedError):
            self._container.upload_blob(name, content, overwrite=False)


@contextmanager
def _storage_errors() -> Iterator[None]:
    try:
        yield
    except AzureError as error:
        raise StorageError(
            f"the app's storage account could not be used ({first_line(error)}); check "
            "AzureWebJobsStorage and that the app's identity is Storage Blob Data Contributor on it"
        ) from error
