"""The route tables of node subnets in the BGP modes: do they let learned routes through. In mode udr: `targets.route_table`."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from ipaddress import ip_network

import msgspec

from shared.errors import TargetError
from shared.models import Finding, Network, Severity
from shared.pool_subnets import NETWORK_API_VERSION, PoolSubnet
from shared.resource_manager import ResourceManager, explained, read

TABLE_ACTION = "Microsoft.Network/routeTables/read"
"""What the app's identity needs on the route tables of the nodes' subnets."""


class _RouteProperties(msgspec.Struct, frozen=True, rename="camel"):
    address_prefix: str = ""


class _Route(msgspec.Struct, frozen=True):
    properties: _RouteProperties


class _TableProperties(msgspec.Struct, frozen=True, rename="camel"):
    disable_bgp_route_propagation: bool = False
    routes: tuple[_Route, ...] = ()


class _Table(msgspec.Struct, frozen=True):
    properties: _TableProperties


def learned_route_findings(
    arm: ResourceManager, subnets: Sequence[PoolSubnet], pod_cidrs: Sequence[Network]
) -> tuple[Finding, ...]:
    """A warning for each subnet whose route table hides learned routes or has routes of its own to pods.

    Gateway routes and learned ones come to a subnet the same way; of equal prefixes the table's route wins. A table that
    cannot be read, for whatever reason, is a warning too, since nothing is refused on its account. One GET for each
    distinct table. Source: https://learn.microsoft.com/azure/virtual-network/virtual-networks-udr-overview
    """
    ids = {subnet.route_table.lower(): subnet.route_table for subnet in subnets if subnet.route_table}
    tables: dict[str, _TableProperties] = {}
    findings: list[Finding] = []
    for key, table_id in sorted(ids.items()):
        try:
            tables[key] = read(arm, table_id, _Table, api_version=NETWORK_API_VERSION).properties
        except TargetError as error:
            way_out = f"grant the app's identity {TABLE_ACTION} on it" if error.status == 403 else ""
            told = explained(error, f"cannot see whether the route table {table_id} hides learned routes", way_out)
            findings.append(Finding(Severity.WARNING, "routeTableUnreadable", str(told), table_id))
    return (*findings, *_judged(subnets, tables, pod_cidrs))


def _judged(
    subnets: Iterable[PoolSubnet], tables: Mapping[str, _TableProperties], pod_cidrs: Sequence[Network]
) -> Iterator[Finding]:
    for subnet in subnets:
        table = tables.get((subnet.route_table or "").lower())
        if table is None:
            continue
        pools = ", ".join(subnet.pools)
        where = f"the route table {subnet.route_table} of the subnet {subnet.id} of the agent pools {pools}"
        if table.disable_bgp_route_propagation:
            message = (
                f"{where} does not propagate gateway routes (disableBgpRoutePropagation), which hides the learned pod "
                "routes from the nodes there; set 'Propagate gateway routes' to Yes"
            )
            yield Finding(Severity.WARNING, "gatewayRoutesNotPropagated", message, subnet.id)
        inside = [
            each
            for each in _prefixes(table)
            for cidr in pod_cidrs
            if each.prefixlen > cidr.prefixlen and each.overlaps(cidr)
        ]
        if inside:
            message = (
                f"{where} has routes inside the pod CIDRs ({len(inside)}, the first to {inside[0]}): they win over learned "
                "ones of the same prefix and nobody keeps them up to date; delete them once the hub has learned the routes"
            )
            yield Finding(Severity.WARNING, "tableRoutesToPods", message, subnet.id)


def _prefixes(table: _TableProperties) -> Iterator[Network]:
    """Those of its routes; one to a service tag has none."""
    for route in table.routes:
        try:
            yield ip_network(route.properties.address_prefix)
        except ValueError:
            continue
