"""What the tests of the front door share: a world with two clusters, and what tests ask of it and do to it."""

import json
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any, Self

import requests
from azure.core.exceptions import ResourceExistsError
from azure.storage.blob import BlobLeaseClient, BlobServiceClient
from azure.storage.queue import QueueClient, TextBase64DecodePolicy, TextBase64EncodePolicy

from sandbox.azurite import ACCOUNT_KEY
from sandbox.cluster import (
    CLUSTER_ID,
    FIREWALL,
    GROUP,
    NETWORK_ID,
    NODE_GROUP,
    POD_CIDR,
    POOLS,
    SUBSCRIPTION,
    Cluster,
    table_id,
)
from sandbox.functions_host.process import FunctionsHost, Invocation
from sandbox.kubernetes_api.aks_node import aks_node, scale_set_node_name
from sandbox.kubernetes_api.api import KubernetesApi
from sandbox.kubernetes_api.cilium_node import cilium_node
from sandbox.server import ServerThread
from sandbox.world import APP, World

TABLES = tuple(pool.table for pool in POOLS)
QUEUE = "aks-pod-routes-wake"
FIXED = {"system": 2, "apps": 2}
"""The nodes of shop-weu at the start of a test."""

BOOKS_ID = f"{GROUP}/providers/Microsoft.ContainerService/managedClusters/books-weu"
BOOKS_GROUP = "MC_rg-shop_books-weu_westeurope"
BOOKS_NETWORK = f"{GROUP}/providers/Microsoft.Network/virtualNetworks/vnet-books"
BOOKS_TABLE = table_id("rt-books")
BOOKS_CIDR = "100.128.0.0/16"

ONE_PASS = {"maxSeconds": 1, "quietSeconds": 0}
"""A wake-up under these settings is a single pass."""

SOON = {"AzureFunctionsJobHost__extensions__queues__visibilityTimeout": "00:00:01"}
"""Overrides host.json as the cloud allows it: a failed message is tried again in a second, not in half a minute.

Source: https://learn.microsoft.com/azure/azure-functions/functions-host-json#override-hostjson-values
"""

NO_WAKE = {"AzureWebJobs.on_wake.Disabled": "true"}
"""Messages stay in the queue, where they can be counted."""

FOREIGN = {"0.0.0.0/0": FIREWALL, "192.168.0.0/16": "VirtualNetworkGateway"}
"""The network team's routes in rt-system."""


class Stage(World):
    """Two clusters: `shop-weu` of the sandbox, and `books-weu` with an API server, a subnet and a table of its own.

    `extra` are app settings on top. Every test starts with `reset`.
    """

    def __init__(self, folder: Path, *, settle: Mapping[str, int], extra: Mapping[str, str] | None = None) -> None:
        super().__init__(folder, instant=True, cluster_settings={"settle": dict(settle)})
        self.books = KubernetesApi(self.cloud.tokens)
        self._extra = dict(extra or {})
        self._books_running = ExitStack()
        self._log_start = 0

    def __enter__(self) -> Self:
        self._books_url = self._books_running.enter_context(ServerThread()).serve(
            self.books.app(), tls=self.cloud.authority.server_context()
        )
        try:
            super().__enter__()
        except BaseException:
            self._books_running.close()
            raise
        self.reset()
        for cluster in ("shop-weu", "books-weu"):  # one after the other; how a cold instance does is a test of its own
            assert self.ask("GET", f"/api/plan?cluster={cluster}").status_code == 200
        return self

    def __exit__(self, *exc: object) -> None:
        super().__exit__(*exc)
        self._books_running.close()

    @property
    def settings(self) -> dict[str, str]:
        """The app settings; the second cluster comes with the first one's way to settle."""
        books = {**self.configuration, "name": "books-weu", "aksClusterId": BOOKS_ID}
        return {
            **super().settings,
            "AKS_POD_ROUTES_CLUSTERS": json.dumps([self.configuration, books]),
            **SOON,
            **self._extra,
        }

    @contextmanager
    def other_host(self, folder: Path, **settings: str) -> Iterator[FunctionsHost]:
        """A second, cold instance of the app over the same world, with `settings` on top; it takes no messages."""
        with self.host_with({**self.settings, **NO_WAKE, **settings}, folder) as host:
            yield host

    @contextmanager
    def host_with(self, settings: Mapping[str, str], folder: Path) -> Iterator[FunctionsHost]:
        """A second, cold instance of the app with exactly these settings."""
        with FunctionsHost(APP, settings, folder=folder) as host:
            yield host
            assert not self.leaked(host.log())

    def reset(self) -> None:
        """Fixed clusters with empty tables, nothing scripted, nothing counted, nothing in the queues."""
        for api in (self.cloud.kubernetes, self.books):
            api.clear_faults()
            for kind in ("Node", "CiliumNode"):
                for name in api.names(kind):
                    api.delete(kind, name)
            api.clear_calls()
        for script in vars(self.cloud.arm._faults).values():
            script._planned.clear()
        self.cluster = Cluster(self.cloud)
        for pool, count in FIXED.items():
            self.cluster.add(pool, count)
        self._add_books()
        self.cloud.arm.clear_calls()
        for name in (QUEUE, f"{QUEUE}-poison"):
            with self.queue(name) as queue:
                queue.clear_messages()
        self._log_start = len(self.host.log())

    def _add_books(self) -> None:
        arm = self.cloud.arm
        arm.add_route_table(BOOKS_TABLE)
        arm.add_virtual_network(BOOKS_NETWORK, {"snet-books": BOOKS_TABLE}, prefixes=["10.20.0.0/16"])
        self._add_cluster_of_books(BOOKS_ID)
        name, address = scale_set_node_name("books", 0), "10.20.0.4"
        self.books.put(aks_node(name, "books", [address], subscription=SUBSCRIPTION, node_resource_group=BOOKS_GROUP))
        self.books.put(cilium_node(name, addresses=[address], pod_cidrs=["100.128.0.0/24"]))

    def _add_cluster_of_books(self, cluster_id: str) -> None:
        self.cloud.arm.add_cluster(
            cluster_id,
            node_resource_group=BOOKS_GROUP,
            pools={"books": f"{BOOKS_NETWORK}/subnets/snet-books"},
            pod_cidrs=[BOOKS_CIDR],
            kube_server=self._books_url,
            kube_ca_pem=self.cloud.authority.ca_pem,
        )

    def restart_host(self) -> None:
        """The instance goes away in the way of the platform, and another one starts on the same storage."""
        self.host.stop()
        self.host.__enter__()
        self._log_start = len(self.host.log())

    @property
    def shop_alone(self) -> str:
        """A configuration of one cluster."""
        return json.dumps([self.configuration])

    def many(self, count: int) -> str:
        """As many AKS clusters more, twins of books-weu, as a configuration of them alone."""
        names = [f"twin-{number}" for number in range(count)]
        group = BOOKS_ID.rpartition("/")[0]
        for name in names:
            self._add_cluster_of_books(f"{group}/{name}")
        twins = [{**self.configuration, "name": name, "aksClusterId": f"{group}/{name}"} for name in names]
        return json.dumps(twins)

    def change_shop(self, **changes: Any) -> None:
        """The AKS cluster shop-weu becomes another one, and the app forgets what it had discovered of it."""
        self.change_shop_behind_its_back(**changes)
        self.forget()

    def change_shop_behind_its_back(self, **changes: Any) -> None:
        """The AKS cluster shop-weu becomes another one; `pools` maps pools to the names of their subnets."""
        pools = changes.pop("pools", {pool.name: pool.subnet for pool in POOLS})
        usual = {
            "node_resource_group": NODE_GROUP,
            "pod_cidrs": [POD_CIDR],
            "kube_server": self.cloud.kubernetes_url,
            "kube_ca_pem": self.cloud.authority.ca_pem,
        }
        subnets = {pool: f"{NETWORK_ID}/subnets/{subnet}" for pool, subnet in pools.items()}
        self.cloud.arm.add_cluster(CLUSTER_ID, pools=subnets, **usual | changes)

    def forget(self) -> None:
        """Let a plan of shop-weu fail in every way, after which the app discovers it anew."""
        self.cloud.kubernetes.answer_next("/api/v1/nodes", 403, {"kind": "Status", "message": "on purpose"})
        self.cloud.arm.answer_next("GET", "managedClusters/shop-weu", 403, "AuthorizationFailed", "on purpose")
        assert self.ask("GET", "/api/plan?cluster=shop-weu").status_code == 502
        self.cloud.kubernetes.clear_faults()
        self.cloud.arm.clear_calls()
        self._log_start = len(self.host.log())

    def ask(self, method: str, path: str, **options: Any) -> requests.Response:
        """Call the app; whatever it answers holds no secret."""
        answer = self.host.http(method, path, **options)
        assert not self.leaked(answer.text)
        return answer

    def reconcile(self, cluster: str = "shop-weu", **order: Any) -> requests.Response:
        """One pass over HTTP."""
        return self.ask("POST", "/api/reconcile", json={"cluster": cluster, **order})

    def ended(self, function: str, count: int, *, after: int) -> list[Invocation]:
        """The first `count` invocations of a function to end after a cursor."""
        found: list[Invocation] = []
        while len(found) < count:
            found.append(self.host.wait_invocation(function, after=found[-1].cursor if found else after))
        return found

    def by_hand(self, function: str) -> Invocation:
        """Run a function by hand and wait for its end."""
        since = self.host.cursor()
        self.host.run(function)
        return self.host.wait_invocation(function, after=since)

    def new_log(self) -> str:
        """The host's log since the start of the test."""
        return self.host.log()[self._log_start :]

    def writes(self) -> list[str]:
        """Every request that could change something in Azure."""
        return [
            f"{call.method} {call.path}"
            for call in self.cloud.arm.calls
            if call.method != "GET" and not call.path.endswith("/listClusterUserCredential")
        ]

    def in_step(self) -> bool:
        """Whether both tables of shop-weu route exactly its nodes."""
        return all(self.cluster.ours(table) == self.cluster.expected() for table in TABLES)

    def foreign(self) -> dict[str, str]:
        """What rt-system holds beside ours."""
        ours = self.cluster.ours("rt-system")
        routes = self.cloud.arm.routes(table_id("rt-system"))
        return {prefix: hop for prefix, hop in routes.items() if prefix not in ours}

    @contextmanager
    def queue(self, name: str = QUEUE) -> Iterator[QueueClient]:
        """A queue of the app, there for certain."""
        with QueueClient.from_connection_string(
            self.azurite.connection_string,
            name,
            message_encode_policy=TextBase64EncodePolicy(),
            message_decode_policy=TextBase64DecodePolicy(),
        ) as client:
            with suppress(ResourceExistsError):
                client.create_queue()
            yield client

    def messages(self, name: str = QUEUE) -> list[str]:
        """What lies in a queue and can be seen."""
        with self.queue(name) as queue:
            return [str(message.content) for message in queue.peek_messages(max_messages=32)]

    @contextmanager
    def lease(self, cluster: str = "shop-weu") -> Iterator[BlobLeaseClient]:
        """Be the other writer of a cluster inside the block."""
        with BlobServiceClient.from_connection_string(self.azurite.connection_string) as blobs:
            container = blobs.get_container_client("aks-pod-routes")
            if not container.exists():
                container.create_container()
            blob = container.get_blob_client(f"leases/{cluster}")
            if not blob.exists():
                blob.upload_blob(b"")
            lease = blob.acquire_lease()
            try:
                yield lease
            finally:
                lease.release()

    def blobs(self) -> list[str]:
        """The names of all blobs of the app."""
        with BlobServiceClient.from_connection_string(self.azurite.connection_string) as blobs:
            container = blobs.get_container_client("aks-pod-routes")
            return [blob.name for blob in container.list_blobs()] if container.exists() else []

    def delete_blobs(self) -> None:
        """As if the app had never written anything."""
        with BlobServiceClient.from_connection_string(self.azurite.connection_string) as blobs:
            container = blobs.get_container_client("aks-pod-routes")
            for name in self.blobs():
                container.delete_blob(name)

    def leaked(self, text: str) -> list[str]:
        """The secrets that can be read in a text: keys of host and storage, and every token there ever was."""
        secrets = {
            self.host.master_key,
            self.host.function_key,
            self.host.event_grid_key,
            self.cloud.kubectl_token,
            self.cloud.settings["IDENTITY_HEADER"],
            ACCOUNT_KEY,
            *self.cloud.tokens._known,
        }
        return [secret for secret in secrets if secret in text]
