"""The Route Server or virtual hub of a BGP mode: is it what the mode says, who can peer with it, do nodes learn from it.

Reads Azure Resource Manager and nothing else; what is found is a value that may be kept. Whether the hub is ready for a
write is not asked here but by its target, at each pass. The rules for the networks around it: `hub_rails`.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import msgspec

from shared.errors import RefusedError, TargetError
from shared.hub_rails import (
    carried_pod_cidrs,
    learning_from_route_server,
    learning_from_virtual_hub,
    refuse_overlaps,
)
from shared.models import Finding, Network, Severity
from shared.pool_subnets import NETWORK_API_VERSION, PoolSubnet
from shared.resource_manager import ResourceManager, T, explained, read
from shared.subnet_tables import TABLE_ACTION, learned_route_findings
from shared.virtual_networks import NETWORK_ACTION, network_of, read_virtual_networks

_HUB_ACTION = "Microsoft.Network/virtualHubs/read"
_IP_CONFIGURATIONS_ACTION = "Microsoft.Network/virtualHubs/ipConfigurations/read"
_CONNECTIONS_ACTION = "Microsoft.Network/virtualHubs/hubVirtualNetworkConnections/read"

ACTIONS = (_HUB_ACTION, _IP_CONFIGURATIONS_ACTION, _CONNECTIONS_ACTION, TABLE_ACTION, NETWORK_ACTION)
"""What the app's identity needs to find out about a hub: the first three on the hub, the others on the nodes' networks and
tables, and on the network of the Route Server or of the connection."""

_DEFAULT_TABLE = "defaultRouteTable"


@dataclass(frozen=True, slots=True)
class HubTopology:
    """What a hub looks like from a cluster. Changes rarely: worth keeping, and finding out anew after a failure."""

    hub_id: str
    reachable: tuple[Network, ...]
    """Where a peer's address must lie; empty where that is not known, which is a finding then."""
    findings: tuple[Finding, ...] = ()


class _Reference(msgspec.Struct, frozen=True):
    id: str = ""


class _HubProperties(msgspec.Struct, frozen=True, rename="camel"):
    virtual_wan: _Reference | None = None


class _Hub(msgspec.Struct, frozen=True):
    properties: _HubProperties


class _IpConfigurationProperties(msgspec.Struct, frozen=True):
    subnet: _Reference = _Reference()


class _IpConfiguration(msgspec.Struct, frozen=True):
    properties: _IpConfigurationProperties


class _IpConfigurations(msgspec.Struct, frozen=True):
    value: tuple[_IpConfiguration, ...]


class _PropagatedTables(msgspec.Struct, frozen=True):
    labels: tuple[str, ...] = ()
    ids: tuple[_Reference, ...] = ()


class _RoutingConfiguration(msgspec.Struct, frozen=True, rename="camel"):
    associated_route_table: _Reference = _Reference()
    propagated_route_tables: _PropagatedTables = _PropagatedTables()


class _ConnectionProperties(msgspec.Struct, frozen=True, rename="camel"):
    remote_virtual_network: _Reference
    routing_configuration: _RoutingConfiguration | None = None


class _Connection(msgspec.Struct, frozen=True):
    properties: _ConnectionProperties


def discover_route_server(
    arm: ResourceManager, hub_id: str, *, subnets: Sequence[PoolSubnet], pod_cidrs: Sequence[Network]
) -> HubTopology:
    """The Route Server `hub_id` and the networks around it. Peers lie in its network or in one directly peered with it.

    Raises RefusedError where it is a virtual hub, or where BGP cannot carry the pod CIDRs, and TargetError where Azure does
    not answer. Two GETs, one for each distinct network, and one for each distinct route table of the subnets.
    """
    carried, findings = carried_pod_cidrs(pod_cidrs, hub_id)
    if _hub(arm, hub_id).virtual_wan is not None:
        raise RefusedError(
            f"{hub_id} is the hub of a Virtual WAN, not a Route Server; use mode virtualWan with hubConnectionId, or correct "
            "routing.virtualHubId"
        )
    home = _home(arm, hub_id)
    nodes = _node_networks(subnets)
    networks, hidden = read_virtual_networks(arm, (*nodes, *home))
    refuse_overlaps(carried, (networks[each.lower()] for each in nodes if each.lower() in networks))
    at_home = [networks[each.lower()] for each in home if each.lower() in networks]
    return HubTopology(
        hub_id,
        at_home[0].around if at_home else (),
        (
            *findings,
            *(() if home else (_without_network(hub_id),)),
            *hidden,
            *(finding for each in home for finding in learning_from_route_server(nodes, each, networks)),
            *learned_route_findings(arm, subnets, carried),
        ),
    )


def discover_virtual_hub(
    arm: ResourceManager,
    hub_id: str,
    connection_id: str,
    *,
    subnets: Sequence[PoolSubnet],
    pod_cidrs: Sequence[Network],
) -> HubTopology:
    """The hub `hub_id` of a Virtual WAN, its connection to the peers' network, and the networks around it.

    Peers lie in the connected network itself, not beyond it. Raises RefusedError where it is a Route Server, or where BGP
    cannot carry the pod CIDRs, and TargetError where Azure does not answer. Two GETs, one for each distinct network, and one
    for each distinct route table of the subnets. Source: https://learn.microsoft.com/azure/virtual-wan/scenario-bgp-peering-hub
    """
    carried, findings = carried_pod_cidrs(pod_cidrs, hub_id)
    if _hub(arm, hub_id).virtual_wan is None:
        raise RefusedError(
            f"{hub_id} belongs to no Virtual WAN, so it is a Route Server; use mode routeServer without hubConnectionId, or "
            "correct routing.virtualHubId"
        )
    what = f"the connection {connection_id} of the hub"
    connection = _read(
        arm, connection_id, _Connection, what=what, action=_CONNECTIONS_ACTION, key="hubConnectionId"
    ).properties
    connected = connection.remote_virtual_network.id
    nodes = _node_networks(subnets)
    networks, hidden = read_virtual_networks(arm, (*nodes, connected))
    refuse_overlaps(carried, (networks[each.lower()] for each in nodes if each.lower() in networks))
    network = networks.get(connected.lower())
    return HubTopology(
        hub_id,
        network.prefixes if network else (),
        (
            *findings,
            *hidden,
            *_connection_findings(connection, connection_id),
            *learning_from_virtual_hub(nodes, connected, networks),
            *learned_route_findings(arm, subnets, carried),
        ),
    )


def _hub(arm: ResourceManager, hub_id: str) -> _HubProperties:
    return _read(arm, hub_id, _Hub, what=f"the hub {hub_id}", action=_HUB_ACTION, key="virtualHubId").properties


def _home(arm: ResourceManager, hub_id: str) -> tuple[str, ...]:
    """The network the Route Server is in; none while it has no IP configuration, and never two: there is one subnet for it."""
    what = f"the IP configurations of the Route Server {hub_id}"
    path = f"{hub_id}/ipConfigurations"
    found = _read(arm, path, _IpConfigurations, what=what, action=_IP_CONFIGURATIONS_ACTION, key="virtualHubId").value
    return tuple(network_of(each.properties.subnet.id) for each in found if each.properties.subnet.id)[:1]


def _without_network(hub_id: str) -> Finding:
    message = (
        f"the Route Server {hub_id} has no IP configuration, so that it is in no network and nobody can peer with it; give it "
        "its subnet, RouteServerSubnet, and a public address"
    )
    return Finding(Severity.WARNING, "hubWithoutNetwork", message, hub_id)


def _read(arm: ResourceManager, path: str, shape: type[T], *, what: str, action: str, key: str) -> T:
    try:
        return read(arm, path, shape, api_version=NETWORK_API_VERSION)
    except TargetError as error:
        way_out = {
            403: f"grant the app's identity {action} on the hub",
            404: f"check routing.{key}; Azure shows nothing of that id",
        }.get(error.status, "")
        raise explained(error, f"cannot read {what}", way_out) from error


def _node_networks(subnets: Sequence[PoolSubnet]) -> tuple[str, ...]:
    """The distinct networks the nodes are in, sorted."""
    ids: dict[str, str] = {}
    for subnet in subnets:
        network_id = network_of(subnet.id)
        ids.setdefault(network_id.lower(), network_id)
    return tuple(ids[key] for key in sorted(ids))


def _connection_findings(connection: _ConnectionProperties, connection_id: str) -> tuple[Finding, ...]:
    """A warning where peers behind the connection are not heard, or do not hear.

    The label `default` stands for the defaultRouteTable (facts: recorded, azure-cli virtual WAN scenarios). Source of the
    rule: https://learn.microsoft.com/azure/virtual-wan/scenario-bgp-peering-hub
    """
    routing = connection.routing_configuration
    if routing is None:  # not stated; what Azure makes then is the default
        return ()
    missing = []
    if not _is_default_table(routing.associated_route_table):
        missing.append(f"associated with {_DEFAULT_TABLE}")
    propagated = routing.propagated_route_tables
    if "default" not in propagated.labels and not any(_is_default_table(each) for each in propagated.ids):
        missing.append(f"propagating to {_DEFAULT_TABLE}")
    if not missing:
        return ()
    message = (
        f"the connection {connection_id} is not {' and not '.join(missing)}; a hub takes BGP peers behind no other, so "
        "associate it with that table and let it propagate there"
    )
    return (Finding(Severity.WARNING, "connectionNotOnDefaultRouteTable", message, connection_id),)


def _is_default_table(table: _Reference) -> bool:
    return table.id.rpartition("/")[2].lower() == _DEFAULT_TABLE.lower()
