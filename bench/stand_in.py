"""The process that is not measured: sandbox cloud, storage emulator and a cluster of any size.

    python -m bench.stand_in '{"nodes": 1000, "tables": 1, "mode": "udr", "azure": false}'

`azure` makes it as slow as the real one. Commands: `settings`, `add`, `remove`, `move`, `counts`, `clear`.
"""

import asyncio
import gzip
import json
import sys
import tempfile
from functools import lru_cache
from ipaddress import ip_address
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from aiohttp import web

from bench.children import serve
from sandbox.azurite import Azurite
from sandbox.cloud import Cloud
from sandbox.cluster import CLUSTER_ID, NODE_GROUP, SUBSCRIPTION, ZONES, Cluster, table_id
from sandbox.endpoint import Detour, Handler
from sandbox.hub import HUB_ID, REFLECTORS, RouteServer, reflected
from sandbox.kubernetes_api import replies
from sandbox.kubernetes_api.aks_node import aks_node, scale_set_node_name
from sandbox.kubernetes_api.cilium_node import cilium_node
from sandbox.kubernetes_api.lists import Page
from sandbox.kubernetes_api.rendering import Rendering

ARM_SECONDS = 0.12
"""Until Resource Manager answers, above what an operation takes: the lower end of what the NIC reads of others take (0.1 to 0.6 s)."""
KUBERNETES_SECONDS = 0.02
"""The way to an API server of the same region and back, over TLS that is open."""
TABLES = ("rt-apps", "rt-ingress", "rt-batch")
_FIRST_NODE, _FIRST_POD = int(ip_address("10.16.0.0")), int(ip_address("100.64.0.0"))


class Stand:
    """A cluster that grows and shrinks on command."""

    def __init__(self, cloud: Cloud, storage: str, *, nodes: int, tables: int, mode: str) -> None:
        self._cloud = cloud
        self._storage = storage
        self._hops: dict[str, str] = {}
        self._next = 0
        cluster = Cluster(cloud)
        for name in TABLES[1:]:
            cloud.arm.add_route_table(table_id(name))
        self._tables = [table_id(name) for name in TABLES[:tables]]
        self._routing: dict[str, Any] = {"mode": "udr", "routeTables": self._tables}
        if mode != "udr":
            RouteServer(cloud, cluster)
            for reflector in REFLECTORS:
                cloud.arm.hubs.speaker(HUB_ID, reflector, lambda: self._hops)
            self._tables, self._routing = [], reflected()
        self.add(nodes)

    def settings(self) -> dict[str, str]:
        """What the app is told."""
        cluster = {"name": "shop-weu", "aksClusterId": CLUSTER_ID, "routing": self._routing}
        return {
            **self._cloud.settings,
            "AzureWebJobsStorage": self._storage,
            "AKS_POD_ROUTES_CLUSTERS": json.dumps([cluster]),
            "BENCH_TABLES": json.dumps(self._tables),
            "BENCH_KUBERNETES": self._cloud.kubernetes_url,
        }

    def add(self, count: int) -> int:
        """Complete nodes come."""
        for number in range(self._next, self._next + count):
            name, address = scale_set_node_name("apps", number), str(ip_address(_FIRST_NODE + number))
            prefix = f"{ip_address(_FIRST_POD + 256 * number)}/24"
            self._hops[prefix] = address
            place: dict[str, Any] = {
                "subscription": SUBSCRIPTION,
                "node_resource_group": NODE_GROUP,
                "zone": number % ZONES + 1,
            }
            self._cloud.kubernetes.put(aks_node(name, "apps", [address], **place))
            self._cloud.kubernetes.put(cilium_node(name, addresses=[address], pod_cidrs=[prefix]))
        self._next += count
        return len(self._hops)

    def remove(self, count: int) -> int:
        """The oldest nodes go."""
        for prefix in list(self._hops)[:count]:
            number = (int(ip_address(prefix.split("/")[0])) - _FIRST_POD) // 256
            del self._hops[prefix]
            for kind in ("Node", "CiliumNode"):
                self._cloud.kubernetes.delete(kind, scale_set_node_name("apps", number))
        return len(self._hops)

    def counts(self) -> dict[str, int]:
        """What was asked since the last `clear`."""
        arm, kubernetes = self._cloud.arm.calls, self._cloud.kubernetes.calls
        return {
            "gets": sum(call.method == "GET" and not call.is_poll for call in arm),
            "puts": sum(call.method == "PUT" for call in arm),
            "polls": sum(call.is_poll for call in arm),
            "posts": sum(call.method == "POST" for call in arm),
            "lists": kubernetes.count(watch=False),
        }

    def clear(self) -> None:
        """Count from here."""
        self._cloud.arm.clear_calls()
        self._cloud.kubernetes.clear_calls()

    def hops(self) -> dict[str, str]:
        """Prefix → next hop, as it should be."""
        return self._hops

    def right(self) -> bool:
        """Whether every table holds exactly the pod CIDRs of the nodes among ours."""
        wanted = set(self._hops.items())
        return all(wanted <= set(self._cloud.arm.routes(table).items()) for table in self._tables)


def _slow(seconds: float) -> Detour:
    async def later(request: web.Request, handler: Handler) -> web.StreamResponse:
        await asyncio.sleep(seconds)
        return await handler(request)

    return later


def _remember_pages() -> None:
    """A real API server is quicker at this than Python, and what is measured must not be the stand-in."""
    pages: dict[tuple[Any, ...], bytes] = {}
    many = Rendering.many

    def remembered(rendering: Rendering, page: Page) -> bytes:
        key = (rendering.resource.plural, rendering.form, page.revision, page.token, len(page.entries))
        if key not in pages:
            pages[key] = many(rendering, page)
        return pages[key]

    setattr(Rendering, "many", remembered)  # noqa: B010  # a method
    setattr(replies, "gzip", SimpleNamespace(compress=lru_cache(maxsize=64)(gzip.compress)))  # noqa: B010  # not exported


def main() -> None:
    """Serve until nobody asks any more."""
    told = json.loads(sys.argv[1])
    azure = told.pop("azure")
    _remember_pages()
    with (
        tempfile.TemporaryDirectory(prefix="aks-pod-routes-bench-") as folder,
        Azurite(Path(folder) / "storage") as azurite,
        Cloud(Path(folder), instant=not azure) as cloud,
    ):
        if azure:
            cloud.arm_endpoint.detour(_slow(ARM_SECONDS))
            cloud.kubernetes_endpoint.detour(_slow(KUBERNETES_SECONDS))
        stand = Stand(cloud, azurite.connection_string, **told)
        commands = ("settings", "add", "remove", "counts", "clear", "hops", "right")
        serve({name: getattr(stand, name) for name in commands})


if __name__ == "__main__":
    main()
