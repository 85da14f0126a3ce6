"""The only place that builds credentials, clients and what runs on them."""

import logging
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import cache, partial
from typing import TYPE_CHECKING

from azure.core.credentials import TokenCredential
from azure.core.exceptions import AzureError
from azure.mgmt.core.tools import parse_resource_id

from shared.config import Cluster, Config, Storage, load_config
from shared.coordination import CONTAINER, Coordination
from shared.discovery import node_resource_group
from shared.errors import SourceError
from shared.fleet import Fleet
from shared.poison import read_poison
from shared.surroundings import Connection
from shared.targets.arm import Arm
from shared.wake import WAKE_QUEUE

if TYPE_CHECKING:
    from azure.storage.queue import QueueClient

AKS_SCOPE = "6dae42f8-4368-4678-94ff-3960e28e3630/.default"
"""The Entra server application of every AKS cluster, the same in all clouds.
Source: https://azure.github.io/kubelogin/concepts/aks.html"""

POISON_QUEUE = f"{WAKE_QUEUE}-poison"
"""Where the functions host puts a message that failed `maxDequeueCount` times.
Source: https://learn.microsoft.com/azure/azure-functions/functions-bindings-storage-queue-trigger#poison-messages"""


class SystemClock:
    """Fits `fleet.Clock`."""

    def now(self) -> datetime:
        """The wall clock, in UTC."""
        return datetime.now(UTC)

    monotonic = staticmethod(time.monotonic)
    sleep = staticmethod(time.sleep)


def build_fleet(settings: Mapping[str, str]) -> Fleet:
    """The configured clusters, ready to run. Raises ConfigError; touches no network."""
    logging.getLogger("azure").setLevel(logging.WARNING)  # azure-core logs every request at INFO
    config = load_config(settings)
    credential = _credential(settings, config)
    arm = Arm(credential, config.arm_endpoint)
    return Fleet(
        config,
        connect=partial(_connect, arm=arm, credential=credential),
        locate=partial(_locate, arm=arm),
        coordination=cache(partial(_coordination, config.storage, credential)),
        poison=lambda: read_poison(_poison_queue(config.storage, credential)),
        clock=SystemClock(),
    )


def _credential(settings: Mapping[str, str], config: Config) -> TokenCredential:
    """The managed identity where there is one; on a developer's machine whoever is signed in (`az login`)."""
    from azure.identity import DefaultAzureCredential, ManagedIdentityCredential  # noqa: PLC0415  # one of them is used

    if "IDENTITY_ENDPOINT" in settings:
        return ManagedIdentityCredential(client_id=config.client_id)
    return DefaultAzureCredential(managed_identity_client_id=config.client_id)


def _coordination(storage: Storage, credential: TokenCredential) -> Coordination:
    from azure.storage.blob import BlobServiceClient, LinearRetry  # noqa: PLC0415  # a plan needs none of it

    retry = LinearRetry(backoff=1, retry_total=3, random_jitter_range=0)  # the default tries for a minute and a half
    if storage.connection_string:
        service = BlobServiceClient.from_connection_string(storage.connection_string, retry_policy=retry)
    else:
        service = BlobServiceClient(storage.blob_service_uri or "", credential, retry_policy=retry)
    return Coordination(service.get_container_client(CONTAINER))


def _poison_queue(storage: Storage, credential: TokenCredential) -> "QueueClient":
    from azure.storage.queue import LinearRetry, QueueServiceClient  # noqa: PLC0415  # only the status needs it

    retry = LinearRetry(backoff=1, retry_total=3, random_jitter_range=0)
    if storage.connection_string:
        service = QueueServiceClient.from_connection_string(storage.connection_string, retry_policy=retry)
    else:
        service = QueueServiceClient(storage.queue_service_uri or "", credential, retry_policy=retry)
    return service.get_queue_client(POISON_QUEUE)


def _locate(cluster: Cluster, *, arm: Arm) -> tuple[str, str] | None:
    """Subscription and node resource group of a cluster; None for one that is no AKS cluster. Raises TargetError."""
    if cluster.aks_cluster_id is None:
        return None
    return str(parse_resource_id(cluster.aks_cluster_id)["subscription"]), node_resource_group(
        arm, cluster.aks_cluster_id
    )


def _connect(cluster: Cluster, *, arm: Arm, credential: TokenCredential) -> Connection:
    from shared.connections import connect  # noqa: PLC0415  # the Kubernetes client costs 0.2 s; an event needs none

    return connect(cluster, arm=arm, token=_aks_token(credential))


def _aks_token(credential: TokenCredential) -> Callable[[], str]:
    """Asks the credential every time; it keeps the token and renews it before it expires."""

    def token() -> str:
        try:
            return credential.get_token(AKS_SCOPE).token
        except AzureError as error:
            raise SourceError(
                f"no token for the API server ({str(error).partition(chr(10))[0][:200]}); check that the managed identity "
                "is assigned to the app and that AZURE_CLIENT_ID is its client id"
            ) from error

    return token
