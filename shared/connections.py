"""From a configured cluster to a connected one: what is discovered, where its nodes are read, what its targets are, per mode."""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from ipaddress import ip_network

from azure.mgmt.core.tools import parse_resource_id

from shared.cilium import findings_for, parse
from shared.config import (
    Cluster,
    ObserveRouting,
    RouteServerRouting,
    UdrRouting,
    VirtualWanRouting,
)
from shared.discovery import Topology, discover, node_resource_group
from shared.errors import RefusedError, TargetError
from shared.hubs import discover_route_server, discover_virtual_hub
from shared.machines import read_machines
from shared.models import Finding, Network, Reading
from shared.modes import BgpPeers, Observation, UserDefinedRoutes
from shared.sources.cilium_config import Unreadable
from shared.sources.kubernetes import KubernetesSource
from shared.surroundings import Connection, FollowableSource
from shared.targets.arm import Arm
from shared.targets.hub import Hub
from shared.targets.nothing import Nothing
from shared.targets.route_table import RouteTable
from shared.witness import Answer, NoAnswer

_EVERYWHERE = (ip_network("0.0.0.0/0"), ip_network("::/0"))
"""Where pod CIDRs may lie in a cluster of which nothing is ours."""


def connect(cluster: Cluster, *, arm: Arm, token: Callable[[], str]) -> Connection:
    """A cluster ready for passes. `token` is for its API server. Raises what discovery raises."""
    match cluster.routing:
        case UdrRouting():
            return _routes(cluster, cluster.routing, arm, token)
        case RouteServerRouting() | VirtualWanRouting():
            return _peers(cluster, cluster.routing, arm, token)
        case ObserveRouting():
            return _observation(cluster, arm, token)


def _routes(cluster: Cluster, routing: UdrRouting, arm: Arm, token: Callable[[], str]) -> Connection:
    tables = routing.route_tables
    topology = None
    if not (cluster.kubeconfig and tables and cluster.pod_cidrs):
        topology = _discovered(cluster, arm, tables)
    rules = cluster.rules(_pod_cidrs(cluster, topology))
    return Connection(
        UserDefinedRoutes(rules),
        _source(cluster, topology, token),
        tuple(RouteTable(arm, table, rules) for table in (topology.route_tables if topology else tables)),
        topology.findings if topology else (),
        _second_witness(cluster, arm),
    )


def _peers(
    cluster: Cluster, routing: RouteServerRouting | VirtualWanRouting, arm: Arm, token: Callable[[], str]
) -> Connection:
    topology = _discovered(cluster, arm)
    subnets = topology.subnets if topology else ()
    pod_cidrs = _pod_cidrs(cluster, topology)
    match routing:
        case RouteServerRouting():
            connection_id = None
            hub = discover_route_server(arm, routing.virtual_hub_id, subnets=subnets, pod_cidrs=pod_cidrs)
        case VirtualWanRouting():
            connection_id = routing.hub_connection_id
            hub = discover_virtual_hub(arm, routing.virtual_hub_id, connection_id, subnets=subnets, pod_cidrs=pod_cidrs)
    mode = BgpPeers(
        routing.mode,
        cluster.rules(pod_cidrs),
        asn=routing.peer_asn,
        capacity=routing.max_peers,
        addresses=routing.peers.addresses,
        reachable=hub.reachable,
    )
    return Connection(
        mode,
        _source(cluster, topology, token),
        (Hub(arm, routing.virtual_hub_id, cluster.name, hub_connection_id=connection_id),),
        (topology.findings if topology else ()) + hub.findings,
        _second_witness(cluster, arm),
    )


def _observation(cluster: Cluster, arm: Arm, token: Callable[[], str]) -> Connection:
    topology = _discovered(cluster, arm)
    pod_cidrs = cluster.pod_cidrs or (topology.pod_cidrs if topology else ())
    findings = topology.findings if topology else ()
    source: FollowableSource = _Nobody()
    if cluster.kubeconfig or (topology and topology.api_server):
        nodes = _source(cluster, topology, token)
        source, findings = nodes, findings + _cilium_findings(nodes.cilium_config(), pod_cidrs)
    where = cluster.aks_cluster_id or str(cluster.kubeconfig)
    return Connection(Observation(cluster.rules(pod_cidrs or _EVERYWHERE)), source, (Nothing(where),), findings)


def _cilium_findings(config: Mapping[str, str] | Unreadable, pod_cidrs: tuple[Network, ...]) -> tuple[Finding, ...]:
    if isinstance(config, Unreadable):
        return (config.finding,)
    return findings_for("observe", parse(config), pod_cidrs)


@dataclass(frozen=True, slots=True)
class _Nobody:
    """The nodes of a cluster that is stopped. Fits `surroundings.FollowableSource`."""

    def read(self) -> Reading:
        """No node."""
        return Reading(())

    def follow(self) -> "AbstractContextManager[_Nobody]":
        """Itself."""
        return nullcontext(self)

    def wait(self, seconds: float) -> bool:
        """Nothing changes."""
        _ = seconds
        return False


def _discovered(cluster: Cluster, arm: Arm, route_tables: tuple[str, ...] = ()) -> Topology | None:
    """None for a cluster that is reached by a kubeconfig alone."""
    if cluster.aks_cluster_id is None:
        return None
    return discover(arm, cluster.aks_cluster_id, mode=cluster.routing.mode, route_tables=route_tables)


def _pod_cidrs(cluster: Cluster, topology: Topology | None) -> tuple[Network, ...]:
    pod_cidrs = cluster.pod_cidrs or (topology.pod_cidrs if topology else ())
    if not pod_cidrs:
        raise RefusedError(
            "AKS reports no pod CIDRs for the cluster (networkProfile.podCidrs); set podCidrs to Cilium's cluster pool"
        )
    return pod_cidrs


def _source(cluster: Cluster, topology: Topology | None, token: Callable[[], str]) -> KubernetesSource:
    selector = None
    if isinstance(cluster.routing, RouteServerRouting | VirtualWanRouting):
        selector = cluster.routing.peers.node_selector
    if cluster.kubeconfig:
        return KubernetesSource.from_kubeconfig(
            cluster.kubeconfig, pod_cidr_source=cluster.pod_cidr_source, peer_selector=selector
        )
    if topology is None or topology.api_server is None:
        raise RefusedError("the cluster has neither an API server nor a kubeconfig")
    server = topology.api_server
    return KubernetesSource.connect(
        server.server, server.ca_pem, token, pod_cidr_source=cluster.pod_cidr_source, peer_selector=selector
    )


def _second_witness(cluster: Cluster, arm: Arm) -> Callable[[], Answer] | None:
    """Asked rarely, so where the machines are is found out only then."""
    if cluster.aks_cluster_id is None or not cluster.limits.second_witness:
        return None
    subscription = parse_resource_id(cluster.aks_cluster_id)["subscription"]

    def ask() -> Answer:
        try:
            group = node_resource_group(arm, cluster.aks_cluster_id or "")
        except TargetError as error:
            return NoAnswer(str(error))
        return read_machines(arm, f"/subscriptions/{subscription}/resourceGroups/{group}")

    return ask
