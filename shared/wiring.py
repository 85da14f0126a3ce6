"""The only place that builds credentials, clients and what runs on them."""

import logging
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from functools import cache, partial
from typing import TYPE_CHECKING

from azure.core.credentials import TokenCredential
from azure.core.exceptions import AzureError
from azure.mgmt.core.tools import parse_resource_id

from shared import correlation
from shared.aftermath import Aftermath
from shared.announcing_topic import Topic, build_publisher
from shared.config import Cluster, Config, Storage, load_config
from shared.coordination import CONTAINER, Coordination
from shared.discovery import node_resource_group
from shared.doctor.check import Examination
from shared.errors import SourceError, StorageError
from shared.fleet import Fleet
from shared.history_blobs import History
from shared.history_chronicle import Chronicle
from shared.history_drift import FIGHT_WITHIN
from shared.history_writers import other_writer
from shared.phrases import first_line
from shared.poison import read_poison
from shared.surroundings import Connection
from shared.targets.arm import Arm
from shared.wake import WAKE_QUEUE, Handout, Poison

if TYPE_CHECKING:
    from azure.storage.blob import ContainerClient
    from azure.storage.queue import QueueServiceClient

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
    logging.getLogger("aks_pod_routes").addFilter(correlation.prefix)
    config = load_config(settings)
    credential = _credential(settings, config)
    arm = Arm(credential, config.arm_endpoint)
    container = cache(partial(_container, config.storage, credential))
    coordination = cache(partial(_coordination, config.storage, credential))
    history = cache(lambda: History(container()))

    def poison() -> Poison:
        return read_poison(_queues(config.storage, credential).get_queue_client(POISON_QUEUE))

    return Fleet(
        config,
        connect=partial(_connect, arm=arm, credential=credential),
        locate=partial(_locate, arm=arm),
        coordination=coordination,
        poison=poison,
        aftermath=Aftermath(
            Chronicle(
                history,
                partial(other_writer, arm, within=FIGHT_WITHIN, client_id=config.client_id),
                config.history_days,
            ),
            {cluster.name: cluster.aks_cluster_id or "" for cluster in config.clusters},
            lambda cluster: coordination().last_report(cluster),
            poison,
            SystemClock().now,
            _topic(config.events_endpoint, credential),
        ),
        hand_out=partial(_hand_out, storage=config.storage, credential=credential),
        doctor=partial(_examine, config=config, arm=arm, credential=credential),
        history=history,
        clock=SystemClock(),
    )


def _topic(endpoint: str | None, credential: TokenCredential) -> Topic | None:
    return Topic(cache(partial(build_publisher, endpoint, credential))) if endpoint else None


def _credential(settings: Mapping[str, str], config: Config) -> TokenCredential:
    """The managed identity where there is one; on a developer's machine whoever is signed in (`az login`)."""
    from azure.identity import DefaultAzureCredential, ManagedIdentityCredential  # noqa: PLC0415  # one of them is used

    if "IDENTITY_ENDPOINT" in settings:
        return ManagedIdentityCredential(client_id=config.client_id)
    return DefaultAzureCredential(managed_identity_client_id=config.client_id)


def _coordination(storage: Storage, credential: TokenCredential) -> Coordination:
    return Coordination(_container(storage, credential))


def _container(storage: Storage, credential: TokenCredential) -> "ContainerClient":
    from azure.storage.blob import BlobServiceClient, LinearRetry  # noqa: PLC0415  # a plan needs none of it

    retry = LinearRetry(backoff=1, retry_total=3, random_jitter_range=0)  # the default tries for a minute and a half
    if storage.connection_string:
        service = BlobServiceClient.from_connection_string(storage.connection_string, retry_policy=retry)
    else:
        service = BlobServiceClient(storage.blob_service_uri or "", credential, retry_policy=retry)
    return service.get_container_client(CONTAINER)


def _queues(storage: Storage, credential: TokenCredential) -> "QueueServiceClient":
    from azure.storage.queue import LinearRetry, QueueServiceClient  # noqa: PLC0415  # a pass needs none of it

    retry = LinearRetry(backoff=1, retry_total=3, random_jitter_range=0)
    if storage.connection_string:
        return QueueServiceClient.from_connection_string(storage.connection_string, retry_policy=retry)
    return QueueServiceClient(storage.queue_service_uri or "", credential, retry_policy=retry)


def _examine(
    clusters: Sequence[Cluster], *, config: Config, arm: Arm, credential: TokenCredential
) -> tuple[Examination, ...]:
    from shared.doctor.examine import examine  # noqa: PLC0415  # only the doctor needs it
    from shared.doctor.facts_storage import Storage as LookedAt  # noqa: PLC0415  # as above

    queues = _queues(config.storage, credential)
    return examine(
        clusters,
        config.clusters,
        arm=arm,
        token=_aks_token(credential),
        storage=LookedAt(
            _container(config.storage, credential),
            queues.get_queue_client(WAKE_QUEUE),
            queues.get_queue_client(POISON_QUEUE),
        ),
        now=datetime.now(UTC),
    )


def _hand_out(handouts: Iterable[Handout], *, storage: Storage, credential: TokenCredential) -> None:
    """Put messages on the queue as the functions host reads them, base64; the queue is made where it is missing."""
    from azure.core.exceptions import ResourceNotFoundError  # noqa: PLC0415  # a round over many clusters is rare
    from azure.storage.queue import TextBase64EncodePolicy  # noqa: PLC0415  # as above

    queue = _queues(storage, credential).get_queue_client(WAKE_QUEUE, message_encode_policy=TextBase64EncodePolicy())
    try:
        for each in handouts:
            text = each.wake.text()
            try:
                queue.send_message(text, visibility_timeout=each.after)
            except ResourceNotFoundError:
                queue.create_queue()
                queue.send_message(text, visibility_timeout=each.after)
    except AzureError as error:
        raise StorageError(f"the round could not be put on the queue {WAKE_QUEUE}: {type(error).__name__}") from error


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
                f"no token for the API server ({first_line(error)}); check that the managed identity "
                "is assigned to the app and that AZURE_CLIENT_ID is its client id"
            ) from error

    return token
