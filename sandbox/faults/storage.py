"""Storage that is away, slow, or takes a lease from under the one who holds it."""

import asyncio
from collections.abc import Callable

from azure.storage.blob import BlobLeaseClient, BlobServiceClient

from sandbox.endpoint import Undo
from sandbox.faults.fault import Ground, Storage
from sandbox.faults.refusals import TABLES
from sandbox.faults.strikes import Strikes

CONTAINER = "aks-pod-routes"


def down(ground: Ground, strikes: Strikes) -> Undo:
    """Blobs and queues refuse connections, and those that are open are reset. Counts once: nobody hears who knocks."""
    if not strikes():
        return lambda: None
    proxies = _storage(ground).proxies
    for proxy in proxies:
        proxy.shut()

    def off() -> None:
        for proxy in proxies:
            proxy.open()

    return off


def slow(ground: Ground, strikes: Strikes, *, delay: float = 3.0) -> Undo:
    """Every request to blobs and queues is `delay` seconds on its way."""

    async def wait() -> None:
        if strikes():
            await asyncio.sleep(delay)

    proxies = _storage(ground).proxies
    for proxy in proxies:
        proxy.before_request = wait

    def off() -> None:
        for proxy in proxies:
            proxy.before_request = None

    return off


def lease_broken(ground: Ground, strikes: Strikes, *, method: str = "GET") -> Undo:
    """Somebody breaks the lease of the writer just before its request for a route table is served."""
    connection = _storage(ground).azurite.connection_string

    def decide(verb: str, path: str) -> Callable[[], None] | None:
        meant = method.upper() in {"*", verb} and TABLES in path.lower()
        return (lambda: _break_leases(connection, strikes)) if meant else None

    return ground.cloud.arm.scripts.before.whenever(decide)


def _break_leases(connection: str, strikes: Strikes) -> None:
    with BlobServiceClient.from_connection_string(connection) as service:
        container = service.get_container_client(CONTAINER)
        if not container.exists():
            return
        for blob in container.list_blobs():
            if blob.lease.state == "leased" and strikes():
                BlobLeaseClient(container.get_blob_client(blob.name)).break_lease(lease_break_period=0)


def _storage(ground: Ground) -> Storage:
    if ground.storage is None:
        raise ValueError("there is no storage here: hand an Azurite to Faults")
    return ground.storage
