"""What the tests of the faults share: a cloud with one cluster in it, and the official clients as its callers."""

import random
import socket
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from azure.core.credentials import AccessToken
from azure.mgmt.network import NetworkManagementClient
from azure.mgmt.network.models import RouteTable
from azure.storage.blob import BlobServiceClient
from kubernetes.client import ApiClient, Configuration, CoreV1Api
from urllib3 import Retry

from sandbox.azurite import Azurite
from sandbox.cloud import Cloud
from sandbox.cluster import SUBSCRIPTION, Cluster, table_id
from sandbox.faults import Faults
from sandbox.identity import AKS_AUDIENCE

APPS = table_id("rt-apps")
GROUP = "rg-shop"
OURS = "apr_shop-weu_"
RESET = "Connection reset by peer" if sys.version_info >= (3, 13) else r"Connection reset by peer|IncompleteRead"
"""What a reset is called: an earlier Python may hide the cause under TLS (https://github.com/python/cpython/issues/115627)."""


class Scene:
    """Two nodes and a table, seen through clients that neither wait nor try again."""

    def __init__(self, cloud: Cloud, faults: Faults) -> None:
        self.cloud = cloud
        self.faults = faults
        self.cluster = Cluster(cloud)
        self.cluster.add("apps", 3)
        self.closing = ExitStack()
        self.network = self.closing.enter_context(self._network())
        self.kubernetes = self.closing.enter_context(ApiClient(self._kubernetes()))

    def get_token(self, *scopes: str, **_: Any) -> AccessToken:
        """A credential's only method."""
        bearer, token = self.cloud.tokens.issue(scopes[0].removesuffix("/.default"))
        return AccessToken(bearer, int(token.expires_at))

    def _network(self) -> NetworkManagementClient:
        url = self.cloud.arm.base_url
        return NetworkManagementClient(
            self,
            SUBSCRIPTION,
            base_url=url,
            credential_scopes=[f"{url}/.default"],
            connection_verify=str(self.cloud.authority.ca_file),
            polling_interval=0,
            retry_total=0,
        )

    def _kubernetes(self) -> Configuration:
        configuration = Configuration(host=self.cloud.kubernetes_url)
        configuration.ssl_ca_cert = str(self.cloud.authority.ca_file)
        configuration.api_key = {"authorization": f"Bearer {self.cloud.tokens.issue(AKS_AUDIENCE)[0]}"}
        configuration.retries = Retry(0)
        return configuration

    def table(self, **options: Any) -> Any:
        """The table, through the SDK."""
        return self.network.route_tables.get(GROUP, "rt-apps", **options)

    def put(self, *names: str, if_match: str = "*") -> Any:
        """Write the table with routes of these names through the SDK, and wait for the operation."""
        routes = [
            {"name": name, "properties": {"addressPrefix": f"100.64.{number}.0/24", "nextHopType": "None"}}
            for number, name in enumerate(names)
        ]
        body = RouteTable({"location": "westeurope", "properties": {"routes": routes}})
        headers = {"If-Match": if_match}
        return self.network.route_tables.begin_create_or_update(GROUP, "rt-apps", body, headers=headers).result()

    def list_nodes(self, **options: Any) -> Any:
        """A page of nodes, through the official client."""
        core: Any = CoreV1Api(self.kubernetes)
        return core.list_node(**options)


def dice(seed: int = 7) -> random.Random:
    """Chance that comes out the same every time."""
    return random.Random(seed)  # noqa: S311  # no cryptography


@contextmanager
def scene_in(folder: Path, azurite: Azurite | None = None) -> Iterator[Scene]:
    """A fresh cloud whose operations end at their first poll."""
    with Cloud(folder, instant=True) as cloud, Faults(cloud, azurite, dice=dice()) as faults:
        scene = Scene(cloud, faults)
        with scene.closing:
            yield scene


def port_is_kept(url: str) -> bool:
    """Whether nobody else may have the port of an address."""
    with socket.socket() as other:
        try:
            other.bind(("127.0.0.1", urlsplit(url).port or 0))
        except OSError:
            return True
    return False


@contextmanager
def blobs(connection: str) -> Iterator[BlobServiceClient]:
    """The official client of blobs, which does not try again."""
    with BlobServiceClient.from_connection_string(connection, retry_total=0) as service:
        yield service
