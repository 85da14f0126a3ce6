"""One virtual hub: what it holds, what version it is, what it and its children look like on the wire. No requests."""

import copy
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from sandbox.resource_manager import errors, resource_ids
from sandbox.resource_manager.answers import Body
from sandbox.resource_manager.bgp_rules import Peer
from sandbox.resource_manager.resource_ids import NETWORK
from sandbox.resource_manager.route_table import State, new_etag

TYPE = f"{NETWORK}/virtualHubs"
PROVISIONED = "Provisioned"
ASN = 65515
"""The autonomous system of every hub (https://learn.microsoft.com/azure/route-server/route-server-faq)."""


@dataclass(slots=True)
class Hub:
    """A hub and its children are one version: they share the etag (facts: recorded).

    `properties` are those of the hub itself that are neither a state nor an address of its router; `peers` goes from the
    name in lower case to the peer and its state.
    """

    id: str
    location: str
    kind: Literal["RouteServer"] | None
    properties: Body
    router_ips: tuple[str, str]
    routing_state: str
    ip_configuration: Body | None = None
    connections: dict[str, Body] = field(default_factory=dict)
    """Name → properties of the connections of networks; none in a Route Server."""
    peers: dict[str, tuple[Peer, State]] = field(default_factory=dict)
    state: Literal["Succeeded", "Updating"] = "Succeeded"
    etag: str = field(default_factory=new_etag)

    def peer(self, name: str) -> Peer | None:
        """The peer of that name, compared without regard to case."""
        found = self.peers.get(name.lower())
        return found[0] if found else None

    def put(self, peer: Peer, state: State) -> None:
        """Take on a peer, or another state of one."""
        self.peers[peer.name.lower()] = (peer, state)

    def become(self, state: Literal["Succeeded", "Updating"]) -> None:
        """Take on a state, which makes a new version."""
        self.state = state
        self.etag = new_etag()

    def check(self, if_match: str | None) -> None:
        """Raise the 412 when If-Match names another version; a bare value counts as `W/"value"`, as for tables (inferred)."""
        if if_match is None or if_match == "*":
            return
        wanted = if_match if if_match.startswith("W/") else f'W/"{if_match.strip(chr(34))}"'
        if wanted != self.etag:
            raise errors.etag_mismatch(wanted, self.etag, self.id)

    def has_connection(self, connection_id: str | None) -> bool:
        """Whether that is the id of one of the hub's network connections, and it is provisioned."""
        wanted = resource_ids.key(connection_id or "")
        return any(
            wanted == resource_ids.key(f"{self.id}/hubVirtualNetworkConnections/{name}")
            and properties.get("provisioningState") == "Succeeded"
            for name, properties in self.connections.items()
        )

    def render(self, routing_state: str) -> Body:
        """The hub's body. It has no list of its peers, and its router's addresses only once it is provisioned (facts)."""
        properties: Body = {
            "provisioningState": self.state,
            **copy.deepcopy(self.properties),
            "virtualRouterAsn": ASN,
            "virtualRouterIps": list(self.router_ips) if routing_state == PROVISIONED else [],
            "routingState": routing_state,
        }
        body: Body = {"name": resource_ids.parse(self.id).name, "id": self.id, "etag": self.etag, "type": TYPE}
        body |= {"location": self.location, "properties": properties}
        return body if self.kind is None else body | {"kind": self.kind}

    def render_peer(self, peer: Peer) -> Body:
        """A bgpConnection's body; it has no connectionState (facts: recorded)."""
        _, state = self.peers[peer.name.lower()]
        return self._child("bgpConnections", peer.name, {"provisioningState": state, **peer.properties})

    def render_connections(self) -> list[Body]:
        """The bodies of the network connections."""
        return [
            self._child("hubVirtualNetworkConnections", name, properties)
            for name, properties in self.connections.items()
        ]

    def render_ip_configurations(self) -> list[Body]:
        """The bodies of the IP configurations: one in a Route Server, none in a Virtual WAN hub."""
        if self.ip_configuration is None:
            return []
        properties = {"provisioningState": "Succeeded", **self.ip_configuration}
        return [self._child("ipConfigurations", "Default", properties)]

    def _child(self, kind: str, name: str, properties: Body) -> Body:
        return {
            "name": name,
            "id": f"{self.id}/{kind}/{name}",
            "etag": self.etag,
            "type": f"{TYPE}/{kind}",
            "properties": copy.deepcopy(properties),
        }


def hub_properties(overrides: Mapping[str, object], *, address_prefix: str | None = None) -> Body:
    """What a hub has besides states and addresses (facts: recorded in 2023 and 2024), with changes on top."""
    properties: Body = {
        "virtualHubRouteTableV2s": [],
        "routeTable": {"routes": []},
        "virtualRouterAutoScaleConfiguration": {"minCapacity": 2},
        "networkVirtualAppliances": [],
        "sku": "Standard",
        "allowBranchToBranchTraffic": False,
        "hubRoutingPreference": "ExpressRoute",
    }
    if address_prefix is not None:
        properties["addressPrefix"] = address_prefix
    return properties | dict(overrides)


def connection_properties(hub_id: str, network_id: str) -> Body:
    """A network connection as it is by default: associated with the default table, propagating to it (facts: recorded)."""
    table = {"id": f"{hub_id}/hubRouteTables/defaultRouteTable"}
    static = {"propagateStaticRoutes": True, "vnetLocalRouteOverrideCriteria": "Contains"}
    return {
        "provisioningState": "Succeeded",
        "resourceGuid": str(uuid.uuid4()),
        "routingConfiguration": {
            "associatedRouteTable": table,
            "propagatedRouteTables": {"labels": ["default"], "ids": [table]},
            "vnetRoutes": {"staticRoutes": [], "staticRoutesConfig": static},
        },
        "remoteVirtualNetwork": {"id": network_id},
        "allowHubToRemoteVnetTransit": True,
        "allowRemoteVnetToUseHubVnetGateways": False,
        "enableInternetSecurity": True,
        "connectivityStatus": "Connected",
    }
