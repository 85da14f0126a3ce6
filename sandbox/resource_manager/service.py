"""The stand-in as a whole: the builder that tests and the demo use, the call counts and the scripted trouble."""

import copy
import math
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from aiohttp import web

from sandbox.identity import Tokens
from sandbox.resource_manager import resource_ids
from sandbox.resource_manager.access import Access
from sandbox.resource_manager.answers import AzureError, Body
from sandbox.resource_manager.calls import Call, CallLog
from sandbox.resource_manager.event_grid import EventGrid
from sandbox.resource_manager.faults import Faults
from sandbox.resource_manager.front_door import FrontDoor
from sandbox.resource_manager.hubs import Hubs
from sandbox.resource_manager.machines import Machines
from sandbox.resource_manager.managed_clusters import Cluster, ManagedClusters
from sandbox.resource_manager.operations import Operations
from sandbox.resource_manager.pace import Pace
from sandbox.resource_manager.pages import PAGE_SIZE, Pages
from sandbox.resource_manager.resource_groups import DEFAULT_LOCATION, ResourceGroups
from sandbox.resource_manager.route_rules import DEFAULT_ROUTES_PER_TABLE
from sandbox.resource_manager.route_tables import RouteTables
from sandbox.resource_manager.routes import Routes
from sandbox.resource_manager.routing import Router
from sandbox.resource_manager.usages import Usages
from sandbox.resource_manager.virtual_network_peering import Peering
from sandbox.resource_manager.virtual_networks import VirtualNetworks


class ResourceManager:
    """A Resource Manager endpoint with true behaviour. Serve `app()`, then set `base_url`, which is also the audience.

    Everything here may be called from any thread while the server runs. `clock` is in seconds; `speed` divides every
    duration and every Retry-After; `instant` ends every operation as soon as it is accepted, so that the first poll
    sees the end and no Retry-After is ever sent. Lists of machines have `page_size` items per page.
    """

    def __init__(
        self,
        tokens: Tokens,
        *,
        clock: Callable[[], float] = time.monotonic,
        speed: float = 1.0,
        instant: bool = False,
        routes_per_table: int = DEFAULT_ROUTES_PER_TABLE,
        page_size: int = PAGE_SIZE,
    ) -> None:
        self.base_url = ""
        self.clock = clock
        self._lock = threading.RLock()
        self._log = CallLog()
        self._faults = Faults()
        self._groups = ResourceGroups()
        self._operations = Operations(Pace(clock, math.inf if instant else speed), lambda: self.base_url)
        self._networks = VirtualNetworks()
        self._tables = RouteTables(self._operations, self._faults, self._networks.subnets_of, limit=routes_per_table)
        self._clusters = ManagedClusters()
        self.machines = Machines(Pages(page_size, lambda: self.base_url), self._lock, self._add_group_of)
        """Scale sets, virtual machines and their network interfaces, with a builder of their own."""
        self.hubs = Hubs(self._operations, self._faults, self._networks, self._lock, self._add_group_of)
        """Route Servers and Virtual WAN hubs, with a builder of their own, and what their peers announce."""
        self.add_route_server = self.hubs.add_route_server
        self.add_virtual_hub = self.hubs.add_virtual_hub
        self.access = Access(self._faults, self._lock)
        """What the identity that asks may do, and the management locks."""
        self.usages = Usages({"RoutesPerRouteTable": routes_per_table})
        """The limits of subscriptions; they count nothing by themselves."""
        self.event_grid = EventGrid(self._lock, self._add_group_of)
        """System topics and event subscriptions."""
        self.peers = self.hubs.peers
        self.edit_hub = self.hubs.edit_hub
        providers = (
            self._groups,
            self._operations,
            self._tables,
            Routes(self._tables),
            self._networks,
            self._clusters,
            self.machines,
            self.hubs,
            self.access,
            self.usages,
            self.event_grid,
        )
        self._door = FrontDoor(
            tokens,
            lambda: self.base_url,
            router=Router([each for provider in providers for each in provider.endpoints()], self._groups.check),
            faults=self._faults,
            log=self._log,
            lock=self._lock,
            clock=clock,
            settle=self._operations.settle,
        )

    def app(self) -> web.Application:
        """The HTTP application."""
        app = web.Application(client_max_size=16 * 2**20)
        app.router.add_route("*", "/{path:.*}", self._door.serve)
        return app

    def add_resource_group(self, group_id: str, *, location: str = DEFAULT_LOCATION) -> None:
        """Create a resource group and its subscription. Resources create theirs on their own."""
        with self._lock:
            self._groups.add(group_id, location)

    def add_virtual_network(
        self,
        network_id: str,
        subnets: Mapping[str, str | None],
        *,
        prefixes: Sequence[str] = ("10.0.0.0/8",),
        placed: Mapping[str, str] | None = None,
        peerings: Sequence[Peering] = (),
        location: str = DEFAULT_LOCATION,
    ) -> None:
        """Create a virtual network; `subnets` maps the name of each to the id of its route table or None.

        `placed` maps the names of those subnets to a prefix that shall not just get the next free one.
        """
        with self._lock:
            self._add_group_of(network_id)
            self._networks.add(network_id, subnets, prefixes, location, placed=placed or {}, peerings=peerings)

    def add_route_table(
        self,
        table_id: str,
        routes: Sequence[Body] = (),
        *,
        tags: Mapping[str, str] | None = None,
        location: str = DEFAULT_LOCATION,
        **properties: Any,
    ) -> None:
        """Create a route table. `routes` are bodies as `route` makes them, `properties` go in as they are.

        Raises AzureError for what Azure would refuse.
        """
        with self._lock:
            self._add_group_of(table_id)
            body = {"tags": tags, "properties": {**properties, "routes": list(routes)}}
            self._tables.add(table_id, copy.deepcopy(body), location)

    def add_cluster(
        self,
        cluster_id: str,
        *,
        node_resource_group: str,
        pools: Mapping[str, str | None],
        pod_cidrs: Sequence[str],
        kube_server: str,
        kube_ca_pem: bytes | None,
        network_plugin: str = "none",
        power_state: str = "Running",
        private_fqdn: str | None = None,
        entra: bool = True,
        service_cidr: str = "10.255.0.0/16",
        location: str = DEFAULT_LOCATION,
    ) -> None:
        """Create an AKS cluster, or replace the one of that id; its node resource group comes with it.

        `pools` maps the name of each agent pool to the id of its subnet, None for a network that AKS manages.
        `entra=False` is a cluster with local accounts, whose user credential is a client certificate.
        """
        with self._lock:
            self._add_group_of(cluster_id)
            subscription = resource_ids.parse(cluster_id).subscription
            self._groups.add(f"/subscriptions/{subscription}/resourceGroups/{node_resource_group}", location)
            self._clusters.add(
                Cluster(
                    id=cluster_id,
                    location=location,
                    node_resource_group=node_resource_group,
                    pools=dict(pools),
                    pod_cidrs=tuple(pod_cidrs),
                    network_plugin=network_plugin,
                    kube_server=kube_server,
                    kube_ca_pem=kube_ca_pem,
                    power_state=power_state,
                    private_fqdn=private_fqdn,
                    entra=entra,
                    service_cidr=service_cidr,
                )
            )

    def table(self, table_id: str) -> Body:
        """A route table as a GET would show it now, as a copy. Raises KeyError when there is none."""
        with self._lock:
            self._operations.settle()
            return self._tables.render(self._tables.known(table_id))

    def routes(self, table_id: str) -> dict[str, str]:
        """Prefix → next hop address, or the type of next hop where there is no address."""
        routes = self.table(table_id)["properties"]["routes"]
        return {
            route["properties"]["addressPrefix"]: route["properties"].get(
                "nextHopIpAddress", route["properties"]["nextHopType"]
            )
            for route in routes
        }

    def edit_table(self, table_id: str, change: Callable[[Body], object]) -> None:
        """Another writer's finished write: `change` alters the body in place, the version moves on.

        It waits its turn: what runs on the table is ended first. Raises AzureError for what Azure would refuse.
        """
        with self._lock:
            self._tables.edit(table_id, change)

    @property
    def calls(self) -> tuple[Call, ...]:
        """Every request so far, in order of arrival."""
        return self._log.all()

    @property
    def polls(self) -> int:
        """How many requests asked for the state or result of an operation."""
        return sum(call.is_poll for call in self.calls)

    def count(self, method: str, resource_id: str) -> int:
        """How often `method` was called on exactly this resource."""
        return self._log.count(method, resource_id)

    def clear_calls(self) -> None:
        """Forget the calls so far."""
        self._log.clear()

    def answer_next(
        self,
        method: str,
        path_contains: str,
        status: int,
        code: str,
        message: str,
        *,
        headers: Mapping[str, str] | None = None,
        details: Sequence[tuple[str, str]] | None = None,
        times: int = 1,
    ) -> None:
        """Refuse the next `times` matching requests with this error; method `*` means any."""
        error = AzureError(status, code, message, details=details, headers=headers)
        self.refuse_next(method, path_contains, error, times=times)

    def refuse_next(self, method: str, path_contains: str, error: AzureError, *, times: int = 1) -> None:
        """Refuse the next `times` matching requests with an error, such as one out of `errors`."""
        self._faults.answers.add(method, path_contains, error, times=times)

    def fail_operation_next(self, path_contains: str, code: str, message: str) -> None:
        """Accept the next matching write and let its operation end as failed."""
        self._faults.operations.add("*", path_contains, (code, message))

    def lose_route_next(self, path_contains: str, route_name: str) -> None:
        """Accept the next matching write, let its operation succeed, and drop this route from the result."""
        self._faults.lost_routes.add("*", path_contains, lambda _: route_name)

    def before_next(self, method: str, path_contains: str, callback: Callable[[], object]) -> None:
        """Run `callback` just before the next matching request is served: a racing writer. It runs in a thread."""
        self._faults.before.add(method, path_contains, callback)

    @property
    def scripts(self) -> Faults:
        """Where trouble that lasts is written down."""
        return self._faults

    def _add_group_of(self, resource_id: str) -> None:
        self._groups.add(resource_ids.parse(resource_id).group_id)


def route(
    name: str, prefix: str, next_hop: str | None = None, *, next_hop_type: str = "VirtualAppliance", **properties: Any
) -> Body:
    """The body of a route, for the builder. `next_hop` is an address, only for the type VirtualAppliance."""
    body: Body = {"addressPrefix": prefix, "nextHopType": next_hop_type}
    if next_hop is not None:
        body["nextHopIpAddress"] = next_hop
    return {"name": name, "properties": body | properties}
