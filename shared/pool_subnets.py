"""The subnets a cluster's agent pools are in, and the route table of each. Which tables are written is decided elsewhere."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import msgspec

from shared.errors import TargetError
from shared.models import Finding, Severity
from shared.resource_manager import ResourceManager, explained, read

NETWORK_API_VERSION = "2025-05-01"
"""Stable; the one whose subnet answers were recorded (facts: recorded, cloud-provider-azure subnetclient)."""

SUBNET_ACTION = "Microsoft.Network/virtualNetworks/subnets/read"
"""What the app's identity needs on the subnets of the agent pools."""

MANAGED_SUBNET = "aks-subnet"
"""What AKS calls the subnet of a virtual network it makes itself, in the node resource group, for pools that name none."""


@dataclass(frozen=True, slots=True)
class PoolSubnet:
    """A subnet with agent pools in it."""

    id: str
    pools: tuple[str, ...]
    route_table: str | None
    """Empty where none is associated, None where the subnet could not be read."""


class _RouteTable(msgspec.Struct, frozen=True):
    id: str = ""


class _SubnetProperties(msgspec.Struct, frozen=True, rename="camel"):
    route_table: _RouteTable = _RouteTable()


class _Subnet(msgspec.Struct, frozen=True):
    id: str
    name: str
    properties: _SubnetProperties = _SubnetProperties()


class _NetworkProperties(msgspec.Struct, frozen=True):
    subnets: tuple[_Subnet, ...] = ()


class _VirtualNetwork(msgspec.Struct, frozen=True):
    properties: _NetworkProperties = _NetworkProperties()


class _VirtualNetworks(msgspec.Struct, frozen=True):
    value: tuple[_VirtualNetwork, ...]


def read_pool_subnets(
    arm: ResourceManager, subnet_of_pool: Mapping[str, str], node_resource_group_id: str, *, tolerant: bool
) -> tuple[tuple[PoolSubnet, ...], tuple[Finding, ...]]:
    """The distinct subnets of the agent pools, each read once, sorted by id whatever its case.

    `subnet_of_pool` has the subnet id of each pool, empty for the network AKS manages. Raises TargetError for the first
    subnet that cannot be read; if `tolerant`, it is a finding `subnetUnreadable` and the others are still read. An
    unreadable one whose id is known is among the subnets all the same.
    """
    pools: dict[str, list[str]] = {}
    ids: dict[str, str] = {}
    for pool, subnet_id in sorted(subnet_of_pool.items()):
        pools.setdefault(subnet_id.lower(), []).append(pool)
        ids.setdefault(subnet_id.lower(), subnet_id)

    way_out = "" if tolerant else "name the route tables in routing.routeTables"
    subnets: list[PoolSubnet] = []
    unreadable: list[Finding] = []
    for key in sorted(pools):
        of_pools = tuple(pools[key])
        try:
            found = (
                _named_subnet(arm, ids[key], of_pools, way_out)
                if key
                else _managed_subnets(arm, node_resource_group_id, of_pools, way_out)
            )
            subnets.extend(found)
        except TargetError as error:
            if not tolerant:
                raise
            resource = ids[key] or node_resource_group_id
            unreadable.append(Finding(Severity.WARNING, "subnetUnreadable", str(error), resource))
            if key:
                subnets.append(PoolSubnet(ids[key], of_pools, None))
    return tuple(subnets), tuple(unreadable)


def subnet_findings(subnets: Iterable[PoolSubnet], configured: tuple[str, ...]) -> tuple[Finding, ...]:
    """A warning for each subnet whose nodes will not reach the pods of others.

    That is a subnet without a route table, or, where tables are `configured`, one whose table is not among them.
    """
    managed = {table.lower() for table in configured}
    findings: list[Finding] = []
    for subnet in subnets:
        pools = ", ".join(subnet.pools)
        if subnet.route_table is None:
            continue
        if not subnet.route_table:
            code, state = "subnetWithoutRouteTable", "no route table"
            way_out = "associate a route table with it"
        elif managed and subnet.route_table.lower() not in managed:
            code, state = "subnetRouteTableNotManaged", f"the route table {subnet.route_table}, which is not configured"
            way_out = "add that table to routing.routeTables"
        else:
            continue
        message = (
            f"the subnet {subnet.id} of the agent pools {pools} has {state}: nodes there do not reach pods on other "
            f"nodes; {way_out}"
        )
        findings.append(Finding(Severity.WARNING, code, message, subnet.id))
    return tuple(findings)


def _named_subnet(arm: ResourceManager, subnet_id: str, pools: tuple[str, ...], way_out: str) -> tuple[PoolSubnet, ...]:
    try:
        subnet = read(arm, subnet_id, _Subnet, api_version=NETWORK_API_VERSION)
    except TargetError as error:
        raise _unreadable(error, subnet_id, pools, way_out) from error
    return (PoolSubnet(subnet_id, pools, subnet.properties.route_table.id),)


def _managed_subnets(
    arm: ResourceManager, group_id: str, pools: tuple[str, ...], way_out: str
) -> tuple[PoolSubnet, ...]:
    path = f"{group_id}/providers/Microsoft.Network/virtualNetworks"
    try:
        networks = read(arm, path, _VirtualNetworks, api_version=NETWORK_API_VERSION)
    except TargetError as error:
        raise _unreadable(error, path, pools, way_out) from error
    found = tuple(
        PoolSubnet(subnet.id, pools, subnet.properties.route_table.id)
        for network in networks.value
        for subnet in network.properties.subnets
        if subnet.name.lower() == MANAGED_SUBNET
    )
    if not found:
        nowhere = (
            f"the agent pools {', '.join(pools)} name no subnet, and {group_id} has no virtual network with a subnet "
            f"{MANAGED_SUBNET}"
        )
        raise TargetError(f"{nowhere}; {way_out}" if way_out else nowhere)
    return found


def _unreadable(error: TargetError, path: str, pools: tuple[str, ...], way_out: str) -> TargetError:
    """`way_out` is there if nothing works without the subnet; what always helps is to let the app read it."""
    grant = f"grant the app's identity {SUBNET_ACTION} on it"
    advice = (f"{grant}, or {way_out}" if way_out else grant) if error.status == 403 else ""
    return explained(error, f"cannot read the subnet of the agent pools {', '.join(pools)} at {path}", advice)
