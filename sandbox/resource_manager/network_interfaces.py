"""Microsoft.Network/networkInterfaces: the interfaces of machines of their own, and of no machine. Only reading."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from ipaddress import ip_address

from sandbox.resource_manager import errors, resource_ids
from sandbox.resource_manager.answers import Answer, Body
from sandbox.resource_manager.pages import Pages
from sandbox.resource_manager.resource_ids import NETWORK
from sandbox.resource_manager.route_table import new_etag
from sandbox.resource_manager.routing import GROUP, Ask, Endpoint

TYPE = f"{NETWORK}/networkInterfaces"
_INTERFACES = f"{GROUP}/providers/{TYPE}"
_INTERFACE = f"{_INTERFACES}/{{interface}}"


@dataclass(frozen=True, slots=True)
class NetworkInterface:
    """An interface, its addresses in their order, and the id of the machine it is attached to, if it is."""

    id: str
    addresses: Sequence[str]
    subnet: str
    machine: str | None = None
    etag: str = field(default_factory=new_etag)
    forwards: bool = True
    """IP forwarding; only an attached one can have it."""

    def render(self, location: str) -> Body:
        """The body of an interface in a resource group, in the shape of a recorded answer.

        That an attached one also has its machine, a MAC address and `primary` is as documented, not recorded
        (https://learn.microsoft.com/azure/virtual-network/virtual-network-network-interface).
        """
        body = self.render_in_scale_set()
        body["properties"] |= {
            "nicType": "Standard",
            "allowPort25Out": True,
            "defaultOutboundConnectivityEnabled": False,
            "auxiliaryMode": "None",
            "auxiliarySku": "None",
        }
        return body | {"type": TYPE, "location": location, "kind": "Regular"}

    def render_in_scale_set(self) -> Body:
        """The body of an interface of a scale set's instance, which has neither type nor location.

        Not recorded; the fields are those that public readers of it decode (Azure/AgentBaker e2e).
        """
        digest = hashlib.sha256(self.id.lower().encode()).hexdigest()
        properties: Body = {
            "provisioningState": "Succeeded",
            "resourceGuid": f"{digest[:8]}-{digest[8:12]}-{digest[12:16]}-{digest[16:20]}-{digest[20:32]}",
            "ipConfigurations": [self._configuration(number) for number in range(len(self.addresses))],
            "dnsSettings": {
                "dnsServers": [],
                "appliedDnsServers": [],
                "internalDomainNameSuffix": f"{digest[:26]}.bx.internal.cloudapp.net",
            },
            "enableAcceleratedNetworking": False,
            "vnetEncryptionSupported": False,
            "enableIPForwarding": self.forwards and self.machine is not None,
            "disableTcpStateTracking": False,
            "hostedWorkloads": [],
            "tapConfigurations": [],
        }
        if self.machine is not None:
            mac = "-".join(digest[at : at + 2].upper() for at in range(0, 6, 2))
            properties |= {"macAddress": f"00-0D-3A-{mac}", "primary": True, "virtualMachine": {"id": self.machine}}
        return {"name": resource_ids.parse(self.id).name, "id": self.id, "etag": self.etag, "properties": properties}

    def _configuration(self, number: int) -> Body:
        name = f"ipConfig{number + 1}"
        return {
            "name": name,
            "id": f"{self.id}/ipConfigurations/{name}",
            "etag": self.etag,
            "type": f"{TYPE}/ipConfigurations",
            "properties": {
                "provisioningState": "Succeeded",
                "privateIPAddress": self.addresses[number],
                "privateIPAllocationMethod": "Dynamic",
                "subnet": {"id": self.subnet},
                "primary": number == 0,
                "privateIPAddressVersion": f"IPv{ip_address(self.addresses[number]).version}",
            },
        }


class NetworkInterfaces:
    """All interfaces but those of Uniform scale sets, which live with their instances."""

    def __init__(self, pages: Pages) -> None:
        self._pages = pages
        self._interfaces: dict[str, tuple[NetworkInterface, str]] = {}

    def add(self, interface: NetworkInterface, location: str) -> None:
        """Put an interface there; one of the same id is replaced."""
        resource_ids.expect(interface.id, TYPE)
        self._interfaces[resource_ids.key(interface.id)] = interface, location

    def forward(self, interface_id: str, *, on: bool) -> None:
        """Turn IP forwarding on or off. Raises KeyError when there is no such interface."""
        key = resource_ids.key(interface_id)
        interface, location = self._interfaces[key]
        self._interfaces[key] = replace(interface, forwards=on, etag=new_etag()), location

    def remove(self, interface_id: str) -> None:
        """Take an interface away. Raises KeyError when there is none."""
        del self._interfaces[resource_ids.key(interface_id)]

    def endpoints(self) -> tuple[Endpoint, ...]:
        """What this provider type serves."""
        return (
            Endpoint("GET", _INTERFACES, self._list, NETWORK),
            Endpoint("GET", _INTERFACE, self._get, NETWORK),
        )

    def _get(self, ask: Ask) -> Answer:
        interface_id = _INTERFACE.format(**ask.names)
        found = self._interfaces.get(resource_ids.key(interface_id))
        if found is None:
            raise errors.resource_not_found(resource_ids.parse(interface_id))
        interface, location = found
        return Answer(200, interface.render(location), {"ETag": interface.etag})

    def _list(self, ask: Ask) -> Answer:
        scope = resource_ids.key(GROUP.format(**ask.names)) + "/"
        found = [each.render(location) for key, (each, location) in self._interfaces.items() if key.startswith(scope)]
        return self._pages.answer(ask, found)
