"""Reads whether the machines of a node resource group forward packets: two lists, whatever the number of machines.

A scale set's instances take their interfaces from its model. Machines of their own, such as those of virtual machine pools
and of node auto-provisioning, have interfaces in the resource group.
"""

import msgspec

from shared.doctor.facts import Interface
from shared.doctor.facts_azure import unread
from shared.doctor.unknown import Unknown
from shared.errors import TargetError
from shared.machines import COMPUTE_API_VERSION
from shared.pool_subnets import NETWORK_API_VERSION
from shared.resource_manager import ResourceManager, read_all

SCALE_SETS_ACTION = "Microsoft.Compute/virtualMachineScaleSets/read"
INTERFACES_ACTION = "Microsoft.Network/networkInterfaces/read"


class _ConfigurationProperties(msgspec.Struct, frozen=True):
    enable_ip_forwarding: bool = msgspec.field(default=False, name="enableIPForwarding")


class _Configuration(msgspec.Struct, frozen=True):
    properties: _ConfigurationProperties = _ConfigurationProperties()


class _NetworkProfile(msgspec.Struct, frozen=True, rename="camel"):
    network_interface_configurations: tuple[_Configuration, ...] = ()


class _MachineProfile(msgspec.Struct, frozen=True, rename="camel"):
    network_profile: _NetworkProfile = _NetworkProfile()


class _SetProperties(msgspec.Struct, frozen=True, rename="camel"):
    virtual_machine_profile: _MachineProfile | None = None


class _ScaleSet(msgspec.Struct, frozen=True):
    id: str
    properties: _SetProperties = _SetProperties()


class _Reference(msgspec.Struct, frozen=True):
    id: str


class _Address(msgspec.Struct, frozen=True):
    private: str | None = msgspec.field(default=None, name="privateIPAddress")


class _IpConfiguration(msgspec.Struct, frozen=True):
    properties: _Address = _Address()


class _InterfaceProperties(msgspec.Struct, frozen=True, rename="camel"):
    enable_ip_forwarding: bool = msgspec.field(default=False, name="enableIPForwarding")
    ip_configurations: tuple[_IpConfiguration, ...] = ()
    virtual_machine: _Reference | None = None


class _Interface(msgspec.Struct, frozen=True):
    properties: _InterfaceProperties


def read_scale_set_interfaces(arm: ResourceManager, group_id: str) -> tuple[Interface, ...] | Unknown:
    """One per scale set; it forwards if every interface its model makes does. Flexible ones without a model are left out."""
    path = f"{group_id}/providers/Microsoft.Compute/virtualMachineScaleSets"
    try:
        found = read_all(arm, path, _ScaleSet, api_version=COMPUTE_API_VERSION)
    except TargetError as error:
        return unread(
            error, "the scale sets of the nodes", SCALE_SETS_ACTION, group_id, where="the node resource group"
        )
    return tuple(
        Interface(each.id, all(one.properties.enable_ip_forwarding for one in configurations))
        for each in found
        if (profile := each.properties.virtual_machine_profile)
        and (configurations := profile.network_profile.network_interface_configurations)
    )


def read_machine_interfaces(arm: ResourceManager, group_id: str) -> tuple[Interface, ...] | Unknown:
    """One per interface that is attached to a machine."""
    path = f"{group_id}/providers/Microsoft.Network/networkInterfaces"
    try:
        found = read_all(arm, path, _Interface, api_version=NETWORK_API_VERSION)
    except TargetError as error:
        what = "the network interfaces of the nodes"
        return unread(error, what, INTERFACES_ACTION, group_id, where="the node resource group")
    return tuple(
        Interface(
            machine.id,
            each.properties.enable_ip_forwarding,
            frozenset(one.properties.private for one in each.properties.ip_configurations if one.properties.private),
        )
        for each in found
        if (machine := each.properties.virtual_machine)
    )
