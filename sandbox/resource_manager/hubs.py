"""The virtual hubs of the stand-in together, as tests and the demo build them, and what their peers announce."""

import copy
import threading
from collections.abc import Callable, Mapping, Sequence
from ipaddress import ip_network
from typing import Any

from sandbox.resource_manager import resource_ids
from sandbox.resource_manager.answers import Body
from sandbox.resource_manager.bgp_connections import BgpConnections, check_peer
from sandbox.resource_manager.bgp_rules import parse_peer
from sandbox.resource_manager.faults import Faults
from sandbox.resource_manager.learned_routes import Announce, LearnedRoutes, Speakers
from sandbox.resource_manager.operations import Operations
from sandbox.resource_manager.resource_groups import DEFAULT_LOCATION
from sandbox.resource_manager.resource_ids import NETWORK
from sandbox.resource_manager.routing import Endpoint
from sandbox.resource_manager.virtual_hub import PROVISIONED, Hub, connection_properties, hub_properties
from sandbox.resource_manager.virtual_hubs import VirtualHubs
from sandbox.resource_manager.virtual_networks import VirtualNetworks

_SUBNET_OFFSET = 4
_HUB_OFFSET = 68
"""Where in its prefix a router has its first address; the second one follows (facts: recorded 10.0.0.4 and 10.168.0.68)."""

_CHILDREN = ("ipConfigurations", "hubVirtualNetworkConnections", "bgpConnections")


class Hubs:
    """Route Servers and Virtual WAN hubs. Safe in any thread under `lock`."""

    def __init__(
        self,
        operations: Operations,
        faults: Faults,
        networks: VirtualNetworks,
        lock: threading.RLock,
        add_group_of: Callable[[str], None],
    ) -> None:
        self._operations = operations
        self._networks = networks
        self._lock = lock
        self._add_group_of = add_group_of
        self._hubs = VirtualHubs(operations, faults)
        self._peers = BgpConnections(self._hubs)
        self._speakers = Speakers()
        self._learned = LearnedRoutes(self._peers, self._speakers, operations, faults, self._prefixes_of)

    def endpoints(self) -> tuple[Endpoint, ...]:
        """What these provider types serve."""
        return (*self._hubs.endpoints(), *self._peers.endpoints(), *self._learned.endpoints())

    def add_route_server(
        self,
        hub_id: str,
        *,
        subnet_id: str,
        routing_state: str = PROVISIONED,
        connections: Sequence[tuple[str, str, int]] = (),
        public_ip_id: str | None = None,
        location: str = DEFAULT_LOCATION,
        **properties: Any,
    ) -> None:
        """Create a Route Server in a subnet that is there; `connections` are name, address and ASN of its peers.

        `public_ip_id` is the id of its public address, one named after it if None; no such resource is served. `properties`
        are laid over those of the hub. Raises KeyError without the subnet, AzureError for what Azure would
        refuse.
        """
        with self._lock:
            address = ip_network(self._networks.prefix_of(subnet_id)).network_address + _SUBNET_OFFSET
            parsed = resource_ids.parse(hub_id)
            default_ip = f"{parsed.group_id}/providers/{NETWORK}/publicIPAddresses/{parsed.name}-ip"
            hub = Hub(
                hub_id,
                location,
                "RouteServer",
                hub_properties(properties),
                router_ips=(str(address), str(address + 1)),
                routing_state=routing_state,
                ip_configuration={
                    "privateIPAllocationMethod": "Dynamic",
                    "publicIPAddress": {"id": public_ip_id or default_ip},
                    "subnet": {"id": subnet_id},
                },
            )
            self._add(hub, [_peer_body(*each) for each in connections])

    def add_virtual_hub(
        self,
        hub_id: str,
        *,
        address_prefix: str,
        connections_to: Mapping[str, str],
        routing_state: str = PROVISIONED,
        connections: Sequence[tuple[str, str, int, str]] = (),
        router_ips: tuple[str, str] | None = None,
        location: str = DEFAULT_LOCATION,
        **properties: Any,
    ) -> None:
        """Create a Virtual WAN hub with network connections; `connections_to` maps the name of each to a network's id.

        `connections` are name, address and ASN of its peers and the name of the network connection of each. `properties`
        are laid over those of the hub. Raises AzureError for what Azure would refuse.
        """
        parsed = resource_ids.parse(hub_id)
        first = ip_network(address_prefix).network_address + _HUB_OFFSET
        wan = f"{parsed.group_id}/providers/{NETWORK}/virtualWans/{parsed.name}-wan"
        with self._lock:
            hub = Hub(
                hub_id,
                location,
                None,
                hub_properties({"virtualWan": {"id": wan}} | properties, address_prefix=address_prefix),
                router_ips=router_ips or (str(first), str(first + 1)),
                routing_state=routing_state,
                connections={
                    name: connection_properties(hub_id, network_id) for name, network_id in connections_to.items()
                },
            )
            bodies = [
                _peer_body(name, ip, asn, f"{hub_id}/hubVirtualNetworkConnections/{connection}")
                for name, ip, asn, connection in connections
            ]
            self._add(hub, bodies)

    def hub(self, hub_id: str) -> Body:
        """A hub as a GET would show it now, as a copy, with the lists of its children on top, which no GET shows.

        Raises KeyError when there is none.
        """
        with self._lock:
            self._operations.settle()
            hub = self._hubs.known(hub_id)
            peers = [hub.render_peer(peer) for peer, _ in hub.peers.values()]
            children = (hub.render_ip_configurations(), hub.render_connections(), peers)
            return hub.render(hub.routing_state) | dict(zip(_CHILDREN, children, strict=True))

    def peers(self, hub_id: str) -> dict[str, int]:
        """Address → ASN of the hub's peers, whatever their state. Raises KeyError when there is no such hub."""
        found = (each["properties"] for each in self.hub(hub_id)["bgpConnections"])
        return {each["peerIp"]: each["peerAsn"] for each in found}

    def edit_hub(self, hub_id: str, change: Callable[[Body], object]) -> None:
        """Another client's finished write: `change` alters the body that `hub` gives in place, the version moves on.

        It may alter the hub's `properties` with its routingState, and add, drop or alter network connections and peers. It
        waits its turn: what runs on the hub is ended first. Raises AzureError for what Azure would refuse.
        """
        with self._lock:
            hub = self._hubs.known(hub_id)
            self._operations.end_on(hub.id)
            body = self.hub(hub_id)
            change(body)
            properties = copy.deepcopy(body["properties"])
            connections = {each["name"]: each["properties"] for each in body["hubVirtualNetworkConnections"]}
            edited = Hub(
                hub.id,
                hub.location,
                hub.kind,
                {name: value for name, value in properties.items() if name not in _NOT_WRITABLE},
                hub.router_ips,
                properties["routingState"],
                hub.ip_configuration,
                copy.deepcopy(connections),
            )
            self._add(edited, body["bgpConnections"])

    def occupy(self, hub_id: str) -> Callable[[], None]:
        """Another client's operation runs on the hub until the returned function is called: Updating, and no write is taken."""
        with self._lock:
            hub = self._hubs.known(hub_id)
            self._operations.check_idle(hub.id)
            over = threading.Event()
            hub.become("Updating")
            self._operations.start(
                "PutVirtualHubOperation",
                hub.id,
                location=hub.location,
                api_version="2025-05-01",
                seconds=0.0,
                finish=lambda _: hub.become("Succeeded"),
                hangs=lambda: not over.is_set(),
            )
        return over.set

    def learn(self, hub_id: str, peer_ip: str, routes: Mapping[str, str], instances: Sequence[int] = (0, 1)) -> None:
        """Say what the speaker at an address announces: prefix → next hop, to these instances of the hub's router.

        It counts for the peer of that address, whenever that is made, and replaces what was said before. Nobody announces
        anything to an instance that is left out. Raises ValueError for an instance other than 0 and 1.
        """
        announced = dict(routes)
        self.speaker(hub_id, peer_ip, lambda: announced, instances)

    def speaker(self, hub_id: str, peer_ip: str, announce: Announce, instances: Sequence[int] = (0, 1)) -> None:
        """Like `learn`, with routes that are asked for each time: `announce` runs in the server and must not call it."""
        with self._lock:
            self._speakers.add(hub_id, peer_ip, announce, instances)

    def _add(self, hub: Hub, peers: Sequence[Body]) -> None:
        for body in peers:
            peer = parse_peer(body, body["name"])
            check_peer(hub, peer)
            hub.put(peer, body["properties"].get("provisioningState", "Succeeded"))
        self._add_group_of(hub.id)
        self._hubs.add(hub)

    def _prefixes_of(self, hub: Hub) -> list[str]:
        if hub.ip_configuration is not None:
            subnet_id: str = hub.ip_configuration["subnet"]["id"]
            return self._networks.prefixes_of(subnet_id.partition("/subnets/")[0])
        networks = (each["remoteVirtualNetwork"]["id"] for each in hub.connections.values())
        return [prefix for network in networks for prefix in self._networks.prefixes_of(network)]


_NOT_WRITABLE = frozenset({"provisioningState", "routingState", "virtualRouterAsn", "virtualRouterIps"})


def _peer_body(name: str, ip: str, asn: int, connection_id: str | None = None) -> Body:
    properties: Body = {"peerIp": ip, "peerAsn": asn}
    if connection_id is not None:
        properties["hubVirtualNetworkConnection"] = {"id": connection_id}
    return {"name": name, "properties": properties}
