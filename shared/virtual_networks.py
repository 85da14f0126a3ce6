"""Virtual networks as Resource Manager describes them: address space and peerings. What they mean for BGP: `hub_rails`."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from ipaddress import ip_network

import msgspec

from shared.errors import TargetError
from shared.models import Finding, Network, Severity
from shared.pool_subnets import NETWORK_API_VERSION
from shared.resource_manager import ResourceManager, explained, read

NETWORK_ACTION = "Microsoft.Network/virtualNetworks/read"
"""What the app's identity needs on a virtual network; its peerings come with it."""

_HIDDEN = (403, 404)
"""A network somebody else keeps: not ours to see, and no reason to stop. Another status is a failure that passes."""


@dataclass(frozen=True, slots=True)
class Peering:
    """One side of a peering that is connected. `remote` is the id of the other network, `prefixes` what it adds to this one."""

    remote: str
    prefixes: tuple[Network, ...]
    uses_remote_gateways: bool
    """This network learns routes from the gateway or Route Server of the other, if that allows it. True for one at most.
    Source: https://learn.microsoft.com/azure/virtual-network/virtual-network-manage-peering"""
    allows_gateway_transit: bool


@dataclass(frozen=True, slots=True)
class VirtualNetwork:
    """A network and the networks it is directly peered with."""

    id: str
    prefixes: tuple[Network, ...]
    peerings: tuple[Peering, ...]

    @property
    def around(self) -> tuple[Network, ...]:
        """Its address space and that of the networks it is directly peered with."""
        return (*self.prefixes, *(prefix for each in self.peerings for prefix in each.prefixes))

    def peerings_with(self, network_id: str) -> tuple[Peering, ...]:
        """Several where only subnets are peered."""
        return tuple(each for each in self.peerings if each.remote.lower() == network_id.lower())


class _Reference(msgspec.Struct, frozen=True):
    id: str = ""


class _AddressSpace(msgspec.Struct, frozen=True, rename="camel"):
    address_prefixes: tuple[str, ...] = ()


class _PeeringProperties(msgspec.Struct, frozen=True, rename="camel"):
    peering_state: str = ""
    remote_virtual_network: _Reference = _Reference()
    remote_address_space: _AddressSpace = _AddressSpace()
    use_remote_gateways: bool = False
    allow_gateway_transit: bool = False


class _Peering(msgspec.Struct, frozen=True):
    properties: _PeeringProperties


class _Properties(msgspec.Struct, frozen=True, rename="camel"):
    address_space: _AddressSpace = _AddressSpace()
    virtual_network_peerings: tuple[_Peering, ...] = ()


class _VirtualNetwork(msgspec.Struct, frozen=True):
    properties: _Properties


def network_of(subnet_id: str) -> str:
    """The id of the virtual network a subnet is in."""
    return subnet_id.rsplit("/", 2)[0]


def read_virtual_networks(
    arm: ResourceManager, network_ids: Iterable[str]
) -> tuple[Mapping[str, VirtualNetwork], tuple[Finding, ...]]:
    """Lower-case id → network, each read once. One that the app may not see is a finding `networkUnreadable` instead.

    Raises TargetError where Azure fails in another way.
    """
    ids: dict[str, str] = {}
    for network_id in network_ids:
        ids.setdefault(network_id.lower(), network_id)
    networks: dict[str, VirtualNetwork] = {}
    hidden: list[Finding] = []
    for key, network_id in sorted(ids.items()):
        try:
            networks[key] = _read(arm, network_id)
        except TargetError as error:
            if error.status not in _HIDDEN:
                raise
            message = f"{error}; until then nothing that depends on it is checked"
            hidden.append(Finding(Severity.WARNING, "networkUnreadable", message, network_id))
    return networks, tuple(hidden)


def _read(arm: ResourceManager, network_id: str) -> VirtualNetwork:
    try:
        properties = read(arm, network_id, _VirtualNetwork, api_version=NETWORK_API_VERSION).properties
    except TargetError as error:
        way_out = f"grant the app's identity {NETWORK_ACTION} on it" if error.status in _HIDDEN else ""
        raise explained(error, f"cannot read the virtual network {network_id}", way_out) from error
    return VirtualNetwork(
        network_id,
        _networks(properties.address_space, network_id),
        tuple(
            Peering(
                each.remote_virtual_network.id,
                _networks(each.remote_address_space, network_id),
                uses_remote_gateways=each.use_remote_gateways,
                allows_gateway_transit=each.allow_gateway_transit,
            )
            for each in (peering.properties for peering in properties.virtual_network_peerings)
            if each.peering_state.lower() == "connected"  # in any other state it carries nothing
        ),
    )


def _networks(space: _AddressSpace, network_id: str) -> tuple[Network, ...]:
    try:
        return tuple(ip_network(prefix) for prefix in space.address_prefixes)
    except ValueError as error:
        raise TargetError(f"Azure's answer for {network_id} is not understood: {error}") from None
