"""Which machines Azure has in a node resource group: scale sets and their instances, machines of their own, interfaces.

Reads Azure Resource Manager and nothing else; only the brake asks, and only before it holds deletes. What is made of the
answer is told in `witness`. Everything that is not a full answer is `NoAnswer`: a list that fails on its third page, too.

Names and addresses are in different lists, Microsoft.Compute's and Microsoft.Network's; read together each vouches for the
other. So it takes 3 requests (scale sets, machines, interfaces), 2 more for each scale set in Uniform mode that has
instances, 1 more for an empty one, and 1 for each further page. AKS's scale sets are Uniform; the instances of Flexible
ones are ordinary machines (https://learn.microsoft.com/cli/azure/vmss/nic).
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from ipaddress import ip_address
from typing import TypeVar

import msgspec

from shared.errors import TargetError
from shared.models import Address
from shared.pool_subnets import NETWORK_API_VERSION
from shared.resource_manager import ResourceManager, explained, read_all
from shared.witness import Answer, Machine, Machines, NoAnswer

COMPUTE_API_VERSION = "2025-04-01"
"""Stable; the one whose answers were recorded (facts: recorded, cloud-provider-azure virtualmachinescalesetvmclient)."""

SCALE_SET_NETWORK_API_VERSION = "2018-10-01"
"""Interfaces of scale sets take versions of Microsoft.Compute and none of Microsoft.Network (azure-sdk-for-python#32029);
this one is in both, and the one azure-mgmt-network asks with."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class _Kind:
    """A list: what it holds, in words, and what it takes to read it."""

    what: str
    action: str
    api_version: str


_SCALE_SETS = _Kind("scale sets", "Microsoft.Compute/virtualMachineScaleSets/read", COMPUTE_API_VERSION)
_INSTANCES = _Kind("instances", "Microsoft.Compute/virtualMachineScaleSets/virtualMachines/read", COMPUTE_API_VERSION)
_SCALE_SET_INTERFACES = _Kind(
    "network interfaces",
    "Microsoft.Compute/virtualMachineScaleSets/networkInterfaces/read",
    SCALE_SET_NETWORK_API_VERSION,
)
_MACHINES = _Kind("virtual machines", "Microsoft.Compute/virtualMachines/read", COMPUTE_API_VERSION)
_INTERFACES = _Kind("network interfaces", "Microsoft.Network/networkInterfaces/read", NETWORK_API_VERSION)

ACTIONS = tuple(kind.action for kind in (_SCALE_SETS, _INSTANCES, _SCALE_SET_INTERFACES, _MACHINES, _INTERFACES))
"""What the app's identity needs on the node resource group for the second witness."""


class _Reference(msgspec.Struct, frozen=True):
    id: str


class _Sku(msgspec.Struct, frozen=True):
    capacity: int | None = None


class _SetOs(msgspec.Struct, frozen=True, rename="camel"):
    computer_name_prefix: str | None = None


class _SetProfile(msgspec.Struct, frozen=True, rename="camel"):
    os_profile: _SetOs | None = None


class _SetProperties(msgspec.Struct, frozen=True, rename="camel"):
    orchestration_mode: str = "Uniform"
    virtual_machine_profile: _SetProfile | None = None


class _ScaleSet(msgspec.Struct, frozen=True):
    id: str
    name: str
    sku: _Sku | None = None
    properties: _SetProperties = _SetProperties()

    @property
    def prefix(self) -> str:
        """How the computer names of its instances begin."""
        profile = self.properties.virtual_machine_profile
        return (profile and profile.os_profile and profile.os_profile.computer_name_prefix) or self.name


class _MachineOs(msgspec.Struct, frozen=True, rename="camel"):
    computer_name: str | None = None


class _MachineNetwork(msgspec.Struct, frozen=True, rename="camel"):
    network_interfaces: tuple[_Reference, ...] = ()


class _MachineProperties(msgspec.Struct, frozen=True, rename="camel"):
    os_profile: _MachineOs | None = None
    network_profile: _MachineNetwork | None = None


class _Machine(msgspec.Struct, frozen=True):
    name: str
    properties: _MachineProperties

    @property
    def computer_name(self) -> str:
        """The machine's own name for itself, which is its node's; the resource's where it has none."""
        profile = self.properties.os_profile
        return (profile and profile.computer_name) or self.name

    @property
    def interfaces(self) -> tuple[str, ...]:
        """The ids of its network interfaces, in lower case."""
        network = self.properties.network_profile
        return tuple(each.id.lower() for each in network.network_interfaces) if network else ()


class _Address(msgspec.Struct, frozen=True):
    private: str | None = msgspec.field(default=None, name="privateIPAddress")


class _IpConfiguration(msgspec.Struct, frozen=True):
    properties: _Address


class _InterfaceProperties(msgspec.Struct, frozen=True, rename="camel"):
    ip_configurations: tuple[_IpConfiguration, ...]


class _Interface(msgspec.Struct, frozen=True):
    id: str
    name: str
    properties: _InterfaceProperties


def read_machines(arm: ResourceManager, group_id: str) -> Answer:
    """Every machine of the resource group `group_id`. Raises nothing for what Azure may answer: that is `NoAnswer`."""
    try:
        return _machines(arm, group_id)
    except TargetError as error:
        return NoAnswer(str(error))


def _machines(arm: ResourceManager, group_id: str) -> Machines:
    compute = f"{group_id}/providers/Microsoft.Compute"
    sets = [
        each
        for each in _listed(arm, f"{compute}/virtualMachineScaleSets", _ScaleSet, _SCALE_SETS)
        if each.properties.orchestration_mode.lower() != "flexible"
    ]
    found = [machine for each in sets for machine in _instances(arm, each)]
    machines = _listed(arm, f"{compute}/virtualMachines", _Machine, _MACHINES)
    interfaces = _listed(arm, f"{group_id}/providers/Microsoft.Network/networkInterfaces", _Interface, _INTERFACES)
    found += _matched(machines, interfaces)
    return Machines(tuple(found), frozenset(each.prefix for each in sets))


def _instances(arm: ResourceManager, scale_set: _ScaleSet) -> list[Machine]:
    """The interfaces of a scale set without instances are not asked for: Azure answers 404 (cilium#24185)."""
    instances = _listed(arm, f"{scale_set.id}/virtualMachines", _Machine, _INSTANCES)
    if instances:
        interfaces = _listed(arm, f"{scale_set.id}/networkInterfaces", _Interface, _SCALE_SET_INTERFACES)
        return _matched(instances, interfaces)
    capacity = scale_set.sku.capacity if scale_set.sku else None
    if capacity:
        raise TargetError(f"Azure lists no instance of {scale_set.id}, which should have {capacity}")
    return []


def _matched(machines: Iterable[_Machine], interfaces: Iterable[_Interface]) -> list[Machine]:
    """Machines with the addresses of their interfaces, and the interfaces that are no machine's."""
    addresses = {interface.id.lower(): _addresses(interface) for interface in interfaces}
    names = {interface.id.lower(): interface.name for interface in interfaces}
    found = [_machine(machine, addresses) for machine in machines]
    taken = {interface for machine in machines for interface in machine.interfaces}
    return found + [Machine(names[key], shown) for key, shown in addresses.items() if key not in taken]


def _machine(machine: _Machine, addresses: Mapping[str, frozenset[Address]]) -> Machine:
    shown = [addresses.get(interface, frozenset()) for interface in machine.interfaces]
    hidden = not shown or not all(shown)
    return Machine(machine.computer_name, frozenset().union(*shown), hidden=hidden)


def _addresses(interface: _Interface) -> frozenset[Address]:
    texts = (configuration.properties.private for configuration in interface.properties.ip_configurations)
    try:
        return frozenset(ip_address(text) for text in texts if text)
    except ValueError as error:
        raise TargetError(f"an address of {interface.id} cannot be read: {error}") from None


def _listed(arm: ResourceManager, path: str, shape: type[T], kind: _Kind) -> tuple[T, ...]:
    """A whole list. Raises TargetError where any page of it cannot be had."""
    try:
        return read_all(arm, path, shape, api_version=kind.api_version)
    except TargetError as error:
        way_out = f"grant the app's identity {kind.action} on the node resource group" if error.status == 403 else ""
        raise explained(error, f"cannot list the {kind.what} at {path}", way_out) from error
