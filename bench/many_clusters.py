"""Many AKS clusters in one subscription of the sandbox, and several instances of the app over one storage account.

All clusters show the same nodes, as one Kubernetes stand-in has them; each is an AKS cluster of its own with a network, a
subnet and a route table of its own. Some of them can be made slow, some dead.
"""

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Self

from aiohttp import web

from sandbox.azurite import Azurite
from sandbox.cloud import Cloud
from sandbox.cluster import GROUP, NODE_GROUP, POD_CIDR, SUBSCRIPTION, Cluster, table_id
from sandbox.endpoint import Endpoint, Handler
from sandbox.functions_host.process import FunctionsHost
from sandbox.world import APP, NEVER

SLOW_SECONDS = 5.0
"""What every answer of a slow API server takes."""
RETRY = {"AzureFunctionsJobHost__extensions__queues__visibilityTimeout": "00:00:10"}
"""A failed message comes back after 10 s instead of the 45 s of host.json, so that the bench ends sooner."""


class ManyClusters:
    """Use as a context manager. `arm_latency` is added to every answer of Resource Manager, in seconds.

    Every cluster whose number is in `slow` has an API server that `trouble` makes slow, those in `dead` one that it stops.
    """

    def __init__(
        self, folder: Path, *, count: int, nodes: int, hosts: int, arm_latency: float, slow: int, dead: int
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.cloud = Cloud(folder, instant=True)
        self.names = tuple(f"shop-{number:03}" for number in range(count))
        self.tables = {name: table_id(f"rt-{name}") for name in self.names}
        spread = self.names[5 :: max(1, count // (slow + dead + 1))]
        self.slow, self.dead = spread[:slow], spread[slow : slow + dead]
        self.hosts: list[FunctionsHost] = []
        self._folder = folder
        self._shape = (nodes, hosts, arm_latency)
        self._azurite = Azurite(folder / "azurite")
        self._running = ExitStack()

    def __enter__(self) -> Self:
        nodes, hosts, latency = self._shape
        with ExitStack() as starting:
            starting.enter_context(self.cloud)
            starting.enter_context(self._azurite)
            certificate = self.cloud.authority.server_context
            self._slow_endpoint, self._dead_endpoint = (
                Endpoint(self.cloud.servers, self.cloud.kubernetes.app(), tls=certificate()) for _ in range(2)
            )
            self.cloud.arm_endpoint.detour(_after(latency))
            Cluster(self.cloud).add("apps", nodes)
            for name in self.names:
                self._add(name)
            for number in range(hosts):
                host = FunctionsHost(APP, self.settings, folder=self._folder / f"host-{number}")
                self.hosts.append(starting.enter_context(host))
            self._running = starting.pop_all()
        return self

    def __exit__(self, *exc: object) -> None:
        self._running.close()

    @property
    def settings(self) -> dict[str, str]:
        """The app settings, all of them."""
        clusters = [
            {
                "name": name,
                "aksClusterId": _cluster_id(name),
                "routing": {"mode": "udr"},
                "settle": {"maxSeconds": 1, "quietSeconds": 0},
            }
            for name in self.names
        ]
        return {
            **self.cloud.settings,
            "AKS_POD_ROUTES_CLUSTERS": json.dumps(clusters),
            "AKS_POD_ROUTES_SCHEDULE": NEVER,
            "AzureWebJobsStorage": self._azurite.connection_string,
            **RETRY,
        }

    def with_a_cold_instance(self) -> Self:
        """The first instance ends, and one that knows nothing takes its place."""
        self.hosts[0].stop()
        self.hosts[0].__enter__()
        return self

    @contextmanager
    def trouble(self) -> Iterator[None]:
        """Some clusters are slow, some are dead inside the block."""
        undo = self._slow_endpoint.detour(_after(SLOW_SECONDS)), self._dead_endpoint.shut()
        try:
            yield
        finally:
            for each in undo:
                each()

    def in_step(self) -> int:
        """How many tables hold a route for every node."""
        return sum(len(self.cloud.arm.routes(table)) == self._shape[0] for table in self.tables.values())

    def _add(self, name: str) -> None:
        arm = self.cloud.arm
        network = f"{GROUP}/providers/Microsoft.Network/virtualNetworks/vnet-{name}"
        arm.add_route_table(self.tables[name])
        arm.add_virtual_network(network, {"snet": self.tables[name]}, prefixes=["10.10.0.0/16"])
        arm.add_cluster(
            _cluster_id(name),
            node_resource_group=node_group(name),
            pools={"apps": f"{network}/subnets/snet"},
            pod_cidrs=[POD_CIDR],
            kube_server=self._server(name),
            kube_ca_pem=self.cloud.authority.ca_pem,
        )

    def _server(self, name: str) -> str:
        if name in self.slow:
            return self._slow_endpoint.url
        return self._dead_endpoint.url if name in self.dead else self.cloud.kubernetes_url


def node_group(name: str) -> str:
    """The node resource group of a cluster."""
    return NODE_GROUP.replace("shop-weu", name)


def event_of(name: str, event: dict[str, object]) -> dict[str, object]:
    """An event of the sandbox's own cluster as one of another cluster's."""
    told: dict[str, object] = json.loads(json.dumps(event).replace(NODE_GROUP, node_group(name)))
    return told


def _cluster_id(name: str) -> str:
    return f"/subscriptions/{SUBSCRIPTION}/resourceGroups/rg-shop/providers/Microsoft.ContainerService/managedClusters/{name}"


def _after(seconds: float) -> Callable[[web.Request, Handler], Awaitable[web.StreamResponse]]:
    async def wait(request: web.Request, handler: Handler) -> web.StreamResponse:
        await asyncio.sleep(seconds)
        return await handler(request)

    return wait
