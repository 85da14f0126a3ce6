"""Reads what Resource Manager knows of a cluster's surroundings: route tables, limits, the hub. Where it cannot, it says why.

The cluster itself, its subnets and networks are read by rooms that stand already: `managed_cluster`, `pool_subnets`,
`virtual_networks`, `hubs`.
"""

import re
from collections.abc import Iterable
from ipaddress import IPv4Address, ip_network

import msgspec

from shared.doctor.facts import Hub, Neighbour, Setup, Table, Unfit
from shared.doctor.unknown import Unknown
from shared.errors import RefusedError, TargetError
from shared.hubs import HubTopology, discover_route_server, discover_virtual_hub
from shared.managed_cluster import ManagedCluster, read_managed_cluster
from shared.models import Network
from shared.pool_subnets import NETWORK_API_VERSION, PoolSubnet
from shared.resource_manager import ResourceManager, read, read_all
from shared.subnet_tables import TABLE_ACTION
from shared.virtual_networks import network_of

CLUSTER_ACTION = "Microsoft.ContainerService/managedClusters/read"
HUB_ACTION = "Microsoft.Network/virtualHubs/read"
CONNECTIONS_ACTION = "Microsoft.Network/virtualHubs/bgpConnections/read"
USAGES_ACTION = "Microsoft.Network/locations/usages/read"

ROUTES_PER_TABLE = "RoutesPerRouteTable"
"""The name of the limit. Source: examples/UsageList.json of Microsoft.Network 2025-05-01 in Azure/azure-rest-api-specs"""

_DENIED = re.compile(r"perform action '([\w./]+)'")
"""In the message of AuthorizationFailed (facts: recorded)."""


class _RouteProperties(msgspec.Struct, frozen=True, rename="camel"):
    address_prefix: str = ""


class _Route(msgspec.Struct, frozen=True):
    name: str
    properties: _RouteProperties = _RouteProperties()


class _Reference(msgspec.Struct, frozen=True):
    id: str


class _TableProperties(msgspec.Struct, frozen=True, rename="camel"):
    provisioning_state: str = ""
    routes: tuple[_Route, ...] = ()
    subnets: tuple[_Reference, ...] = ()


class _Table(msgspec.Struct, frozen=True):
    location: str
    properties: _TableProperties


class _UsageName(msgspec.Struct, frozen=True):
    value: str = ""


class _Usage(msgspec.Struct, frozen=True):
    limit: int
    name: _UsageName = _UsageName()


class _HubProperties(msgspec.Struct, frozen=True, rename="camel"):
    routing_state: str = "None"
    provisioning_state: str = ""


class _Hub(msgspec.Struct, frozen=True):
    properties: _HubProperties


class _ConnectionProperties(msgspec.Struct, frozen=True, rename="camel"):
    peer_ip: str = ""
    peer_asn: int | None = None


class _Connection(msgspec.Struct, frozen=True):
    name: str
    properties: _ConnectionProperties = _ConnectionProperties()


def unread(error: TargetError, what: str, action: str, resource: str, *, where: str = "it") -> Unknown:
    """Why something could not be read. `action` is what that takes where Azure does not say it, `where` the scope."""
    text = str(error)
    denied = _DENIED.search(text)
    permission = f"{denied[1] if denied else action} on {where}" if error.status == 403 else ""
    reason = text if text.startswith("cannot ") else f"cannot read {what}: {text}"
    return Unknown(what, reason, permission, absent=error.status == 404, resource=resource)


def read_cluster(arm: ResourceManager, cluster_id: str) -> ManagedCluster | Unknown:
    """One GET."""
    try:
        return read_managed_cluster(arm, cluster_id)
    except TargetError as error:
        return unread(error, f"the cluster {cluster_id}", CLUSTER_ACTION, cluster_id)


def read_neighbour(arm: ResourceManager, setup: Setup) -> Neighbour | Unknown:
    """Another configured cluster: where its pods and its nodes are. One GET, none where it has only a kubeconfig."""
    if setup.cluster_id is None:
        return Neighbour(setup.name, setup.pod_cidrs, frozenset(), setup.hub_id)
    cluster = read_cluster(arm, setup.cluster_id)
    if isinstance(cluster, Unknown):
        return cluster
    networks = frozenset(network_of(each).lower() for each in cluster.subnet_of_pool.values() if each)
    return Neighbour(setup.name, setup.pod_cidrs or cluster.pod_cidrs, networks, setup.hub_id)


def read_table(arm: ResourceManager, table_id: str) -> Table | Unknown:
    """One GET."""
    try:
        table = read(arm, table_id, _Table, api_version=NETWORK_API_VERSION)
    except TargetError as error:
        return unread(error, f"the route table {table_id}", TABLE_ACTION, table_id)
    routes = tuple((each.name, _network(each.properties.address_prefix)) for each in table.properties.routes)
    state = table.properties.provisioning_state
    return Table(table_id, table.location, routes, state, used=bool(table.properties.subnets))


def read_limit(arm: ResourceManager, subscription: str, location: str) -> int | Unknown:
    """Routes per table that the subscription allows in a region. One GET."""
    scope = f"/subscriptions/{subscription}"
    path = f"{scope}/providers/Microsoft.Network/locations/{location}/usages"
    what = f"the network limits of the subscription {subscription} in {location}"
    try:
        usages = read_all(arm, path, _Usage, api_version=NETWORK_API_VERSION)
    except TargetError as error:
        return unread(error, what, USAGES_ACTION, scope, where="the subscription")
    found = [each.limit for each in usages if each.name.value.lower() == ROUTES_PER_TABLE.lower()]
    return found[0] if found else Unknown(what, f"{what} name no {ROUTES_PER_TABLE}", resource=scope)


def read_hub(arm: ResourceManager, setup: Setup, subnets: tuple[PoolSubnet, ...]) -> Hub | Unfit | Unknown:
    """What discovery of the mode reads, and the connections of the hub: four GETs, one per distinct network and table."""
    what = f"the hub {setup.hub_id}"
    try:
        topology = _topology(arm, setup, subnets)
        state = read(arm, setup.hub_id, _Hub, api_version=NETWORK_API_VERSION).properties
    except RefusedError as error:
        return Unfit(str(error))
    except TargetError as error:
        return unread(error, what, HUB_ACTION, setup.hub_id)
    try:
        listed = read_all(arm, f"{setup.hub_id}/bgpConnections", _Connection, api_version=NETWORK_API_VERSION)
    except TargetError as error:
        connections = unread(error, f"the BGP connections of {what}", CONNECTIONS_ACTION, setup.hub_id, where="the hub")
        return Hub(topology, state.routing_state, state.provisioning_state, connections)
    found = tuple((each.name, _address(each.properties.peer_ip), each.properties.peer_asn) for each in listed)
    return Hub(topology, state.routing_state, state.provisioning_state, found)


def _topology(arm: ResourceManager, setup: Setup, subnets: tuple[PoolSubnet, ...]) -> HubTopology:
    """Without pod CIDRs, so that nothing is refused on their account: they are a check of their own."""
    if setup.hub_connection_id:
        return discover_virtual_hub(arm, setup.hub_id, setup.hub_connection_id, subnets=subnets, pod_cidrs=())
    return discover_route_server(arm, setup.hub_id, subnets=subnets, pod_cidrs=())


def targets_of(setup: Setup, subnets: Iterable[PoolSubnet]) -> tuple[str, ...]:
    """The route tables that are written: the configured ones, else those of the nodes' subnets."""
    ids = {each.route_table.lower(): each.route_table for each in subnets if each.route_table}
    return setup.route_tables or tuple(ids[key] for key in sorted(ids))


def _network(text: str) -> Network | None:
    try:
        return ip_network(text, strict=False)
    except ValueError:
        return None


def _address(text: str) -> IPv4Address | None:
    try:
        return IPv4Address(text)
    except ValueError:
        return None
