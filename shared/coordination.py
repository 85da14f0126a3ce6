"""One writer per cluster at a time, over all instances of the app: a blob lease that is renewed while a pass runs.

A killed process stops renewing, so its lease ends by itself after LEASE_SECONDS; nothing has to be cleaned up.
"""

import logging
import threading
from collections.abc import Iterator
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

if TYPE_CHECKING:  # whoever hands in the container has paid for the import
    from azure.storage.blob import BlobLeaseClient, ContainerClient

CONTAINER = "aks-pod-routes"
LEASE_SECONDS = 30
"""How long a dead writer blocks its cluster; Azure takes 15 to 60 s.
Source: https://learn.microsoft.com/rest/api/storageservices/lease-blob"""
RENEW_SECONDS = 10
"""Two renewals may fail before the lease ends."""

_log = logging.getLogger("aks_pod_routes")


class Leases:
    """The leases of all clusters, in one container of the Functions storage account."""

    def __init__(self, container: "ContainerClient") -> None:
        self._container = container

    @contextmanager
    def writer(self, cluster: str) -> Iterator[None]:
        """Be the one writer of `cluster` inside the block. Raises BusyError where there is one, StorageError."""
        lease = self._acquire(cluster)
        ended = threading.Event()
        renewal = threading.Thread(target=_renew, args=(lease, ended, cluster), name=f"lease-{cluster}", daemon=True)
        renewal.start()
        try:
            yield
        finally:
            ended.set()
            renewal.join()
            _release(lease, cluster)

    def _acquire(self, cluster: str) -> "BlobLeaseClient":
        blob = self._container.get_blob_client(f"leases/{cluster}")
        try:
            try:
                return blob.acquire_lease(LEASE_SECONDS)
            except ResourceNotFoundError:
                self._create(f"leases/{cluster}")
                return blob.acquire_lease(LEASE_SECONDS)
        except AzureError as error:
            if isinstance(error, HttpResponseError) and error.status_code == 409:
                raise BusyError(
                    f"another pass is writing for {cluster}; its lease ends {LEASE_SECONDS} s after its last sign of life",
                    retry_after=LEASE_SECONDS // 2,
                ) from error
            raise StorageError(
                f"the app's storage account could not be used ({str(error).partition(chr(10))[0][:200]}); check "
                "AzureWebJobsStorage and that the app's identity is Storage Blob Data Contributor on it"
            ) from error

    def _create(self, name: str) -> None:
        """Container and blob, by whoever is first; the container usually comes with the deployment."""
        with suppress(ResourceExistsError):
            self._container.create_container()
        with suppress(ResourceExistsError, ResourceModifiedError):
            self._container.upload_blob(name, b"", overwrite=False)


def _renew(lease: "BlobLeaseClient", ended: threading.Event, cluster: str) -> None:
    while not ended.wait(RENEW_SECONDS):
        try:
            lease.renew()
        except AzureError as error:
            _log.warning("the lease of %s was not renewed: %s", cluster, type(error).__name__)


def _release(lease: "BlobLeaseClient", cluster: str) -> None:
    try:
        lease.release()
    except AzureError as error:
        _log.warning("the lease of %s was not released and ends by itself: %s", cluster, type(error).__name__)
