"""Microsoft.Network/virtualNetworks and their subnets. Only reading; networks come from the builder."""

import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from ipaddress import ip_network

from sandbox.resource_manager import errors, resource_ids
from sandbox.resource_manager.answers import Answer, Body
from sandbox.resource_manager.resource_ids import NETWORK
from sandbox.resource_manager.route_table import new_etag
from sandbox.resource_manager.routing import GROUP, Ask, Endpoint
from sandbox.resource_manager.virtual_network_peering import Peering

TYPE = f"{NETWORK}/virtualNetworks"
_NETWORKS = f"{GROUP}/providers/{TYPE}"
_NETWORK = f"{_NETWORKS}/{{network}}"
_SUBNETS = f"{_NETWORK}/subnets"
_SUBNET = f"{_SUBNETS}/{{subnet}}"

SUBNET_BITS = 8
"""How many bits longer a subnet's prefix is than its network's: 10.0.0.0/8 is cut into /16 subnets."""


@dataclass(frozen=True, slots=True)
class VirtualNetwork:
    """A network, its subnets with their prefixes and the route table of each, and its peerings."""

    id: str
    location: str
    prefixes: tuple[str, ...]
    subnets: Mapping[str, tuple[str, str | None]]
    """Name → (prefix, route table id or None)."""
    peerings: tuple[Peering, ...] = ()
    etag: str = field(default_factory=new_etag)
    guid: str = field(default_factory=lambda: str(uuid.uuid4()))

    def render(self) -> Body:
        """The network's body."""
        return {
            "name": resource_ids.parse(self.id).name,
            "id": self.id,
            "etag": self.etag,
            "type": TYPE,
            "location": self.location,
            "properties": {
                "provisioningState": "Succeeded",
                "resourceGuid": self.guid,
                "addressSpace": {"addressPrefixes": list(self.prefixes)},
                "privateEndpointVNetPolicies": "Disabled",
                "subnets": [self.render_subnet(name) for name in self.subnets],
                "virtualNetworkPeerings": [each.render(self.id, self.etag) for each in self.peerings],
                "enableDdosProtection": False,
            },
        }

    def render_subnet(self, name: str) -> Body:
        """A subnet's body; `routeTable` is there only where one is associated."""
        prefix, route_table = self.subnets[name]
        properties: Body = {"provisioningState": "Succeeded", "addressPrefix": prefix}
        if route_table is not None:
            properties["routeTable"] = {"id": route_table}
        properties |= {"delegations": [], "privateEndpointNetworkPolicies": "Disabled"}
        properties["privateLinkServiceNetworkPolicies"] = "Enabled"
        return {
            "name": name,
            "id": f"{self.id}/subnets/{name}",
            "etag": self.etag,
            "properties": properties,
            "type": f"{TYPE}/subnets",
        }


class VirtualNetworks:
    """All virtual networks."""

    def __init__(self) -> None:
        self._networks: dict[str, VirtualNetwork] = {}

    def add(
        self,
        network_id: str,
        subnets: Mapping[str, str | None],
        prefixes: Sequence[str],
        location: str,
        *,
        placed: Mapping[str, str],
        peerings: Sequence[Peering],
    ) -> None:
        """Put a network there; subnets that are not `placed` get consecutive free prefixes out of the network's first one."""
        resource_ids.expect(network_id, TYPE)
        cuts = _cuts(prefixes[0], placed.values())
        found = {name: (placed.get(name) or next(cuts), table) for name, table in subnets.items()}
        network = VirtualNetwork(network_id, location, tuple(prefixes), found, tuple(peerings))
        self._networks[resource_ids.key(network_id)] = network

    def prefixes_of(self, network_id: str) -> list[str]:
        """The address prefixes of a network. Raises KeyError when there is none."""
        return list(self._networks[resource_ids.key(network_id)].prefixes)

    def prefix_of(self, subnet_id: str) -> str:
        """The address prefix of a subnet. Raises KeyError when there is none."""
        network_id, _, name = subnet_id.partition("/subnets/")
        return self._networks[resource_ids.key(network_id)].subnets[name][0]

    def subnets_of(self, table_id: str) -> list[str]:
        """The ids of the subnets that use a route table."""
        wanted = resource_ids.key(table_id)
        return [
            f"{network.id}/subnets/{name}"
            for network in self._networks.values()
            for name, (_, table) in network.subnets.items()
            if table is not None and resource_ids.key(table) == wanted
        ]

    def endpoints(self) -> tuple[Endpoint, ...]:
        """What this provider type serves."""
        return (
            Endpoint("GET", _NETWORK, self._get, NETWORK),
            Endpoint("GET", _NETWORKS, self._list, NETWORK),
            Endpoint("GET", _SUBNET, self._get_subnet, NETWORK),
            Endpoint("GET", _SUBNETS, self._list_subnets, NETWORK),
        )

    def _get(self, ask: Ask) -> Answer:
        network = self._asked(ask)
        return Answer(200, network.render(), {"ETag": network.etag})

    def _list(self, ask: Ask) -> Answer:
        scope = GROUP.format(**ask.names).lower() + "/"
        found = [network for network in self._networks.values() if network.id.lower().startswith(scope)]
        return Answer(200, {"value": [network.render() for network in found]})

    def _get_subnet(self, ask: Ask) -> Answer:
        network = self._asked(ask)
        name = next((name for name in network.subnets if name.lower() == ask.names["subnet"].lower()), None)
        if name is None:
            raise errors.child_not_found(f"{network.id}/subnets/{ask.names['subnet']}")
        return Answer(200, network.render_subnet(name), {"ETag": network.etag})

    def _list_subnets(self, ask: Ask) -> Answer:
        network = self._asked(ask)
        return Answer(200, {"value": [network.render_subnet(name) for name in network.subnets]})

    def _asked(self, ask: Ask) -> VirtualNetwork:
        network_id = _NETWORK.format(**ask.names)
        network = self._networks.get(resource_ids.key(network_id))
        if network is None:
            raise errors.resource_not_found(resource_ids.parse(network_id))
        return network


def _cuts(prefix: str, taken: Iterable[str]) -> Iterator[str]:
    """Consecutive prefixes for subnets, without those that overlap one that is taken."""
    others = [ip_network(each) for each in taken]
    for cut in ip_network(prefix).subnets(prefixlen_diff=SUBNET_BITS):
        if not any(cut.version == other.version and cut.overlaps(other) for other in others):
            yield str(cut)
