"""From an AKS cluster's resource id alone: its API server, its pod CIDRs, its node resource group, its subnets and route tables.

Reads Azure Resource Manager and nothing else; what is found is a value that may be kept. Whether a cluster suits its mode
is told here, too. The hub of the BGP modes is found in `hubs`, how Resource Manager is reached is told in `targets.arm`.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from shared.errors import RefusedError
from shared.kubeconfig import Cluster
from shared.managed_cluster import ManagedCluster, read_api_server, read_managed_cluster
from shared.models import Finding, Network, Severity
from shared.pool_subnets import PoolSubnet, read_pool_subnets, subnet_findings
from shared.resource_manager import ResourceManager

Mode = Literal["udr", "routeServer", "virtualWan", "observe"]
"""`routing.mode` of the configuration."""


@dataclass(frozen=True, slots=True)
class Topology:
    """What a cluster looks like from the outside. Changes rarely: worth keeping, and finding out anew after a failure."""

    subscription: str
    node_resource_group: str
    api_server: Cluster | None
    """None only in mode observe, where the cluster is stopped or being deleted: nothing of Kubernetes can be read then."""
    network_plugin: str
    """In lower case; `none` but in mode observe."""
    network_dataplane: str
    """In lower case, empty where the cluster states none; `azure` with `cilium` is Azure CNI powered by Cilium."""
    pod_cidrs: tuple[Network, ...] = ()
    """As the cluster declares them; empty where it declares none, as was seen with network plugin `none` (Azure/AKS#5399)."""
    subnets: tuple[PoolSubnet, ...] = ()
    """Those of the agent pools, as far as they are known; with their route tables, whether these are written or not."""
    route_tables: tuple[str, ...] = ()
    """The configured ones, else the distinct ones of the agent pools' subnets, sorted. Never empty in mode udr."""
    findings: tuple[Finding, ...] = ()


@dataclass(frozen=True, slots=True)
class Obstacle:
    """Why pod routes of ours make no sense in a cluster: `refusal` with the way out, `finding` where nothing is written."""

    severity: Severity
    code: str
    refusal: str
    finding: str


def discover(arm: ResourceManager, cluster_id: str, *, mode: Mode, route_tables: tuple[str, ...] = ()) -> Topology:
    """The cluster as Azure knows it. `route_tables` are the configured ones; empty means those of the pools' subnets.

    Raises TargetError where Azure does not answer. Raises RefusedError where pods cannot be routed by us (another network
    plugin, a stopped cluster) and, in mode udr, where there is no route table; mode observe, which writes nothing, has
    findings instead. Only mode udr without configured tables needs to read every subnet; to the others a subnet that cannot
    be read is a finding. One GET, one POST, and one GET for each distinct subnet.
    """
    cluster = read_managed_cluster(arm, cluster_id)
    found = tuple(obstacles(cluster, cluster_id))
    if found and mode != "observe":
        raise RefusedError(found[0].refusal)
    api_server = None if _is_down(cluster) else read_api_server(arm, cluster_id)
    subscription = cluster_id.split("/")[2]
    subnets, unreadable = read_pool_subnets(
        arm,
        cluster.subnet_of_pool,
        f"/subscriptions/{subscription}/resourceGroups/{cluster.node_resource_group}",
        tolerant=mode != "udr" or bool(route_tables),
    )
    tables = route_tables or _tables_of(subnets)
    if mode == "udr" and not tables:
        raise RefusedError(
            f"none of the {len(subnets)} subnets of the agent pools of {cluster_id} has a route table; associate one "
            "with each, or name the tables in routing.routeTables"
        )
    observed = tuple(Finding(each.severity, each.code, each.finding, cluster_id) for each in found)
    return Topology(
        subscription=subscription,
        node_resource_group=cluster.node_resource_group,
        api_server=api_server,
        network_plugin=cluster.network_plugin,
        network_dataplane=cluster.network_dataplane,
        pod_cidrs=cluster.pod_cidrs,
        subnets=subnets,
        route_tables=tables,
        findings=observed + unreadable + (subnet_findings(subnets, route_tables) if mode == "udr" else ()),
    )


def node_resource_group(arm: ResourceManager, cluster_id: str) -> str:
    """The resource group that holds the cluster's machines. One GET, whatever the cluster's state; raises TargetError."""
    return read_managed_cluster(arm, cluster_id).node_resource_group


def _is_down(cluster: ManagedCluster) -> bool:
    """Nobody answers at its API server, and a kubeconfig cannot be counted on either."""
    return cluster.provisioning_state == "deleting" or cluster.power_state == "stopped"


def obstacles(cluster: ManagedCluster, cluster_id: str) -> Iterator[Obstacle]:
    """Why pod routes of ours make no sense in the cluster; the one that matters most comes first."""
    the_cluster = f"the cluster {cluster_id}"
    if cluster.provisioning_state == "deleting":
        deleted = f"{the_cluster} is being deleted"
        way_out = "take it out of AKS_POD_ROUTES_CLUSTERS"
        yield Obstacle(Severity.WARNING, "clusterBeingDeleted", f"{deleted}; {way_out}", f"{deleted}; {way_out}")
    if cluster.power_state == "stopped":
        stopped = f"{the_cluster} is stopped"
        yield Obstacle(
            Severity.WARNING,
            "clusterStopped",
            f"{stopped}; start it, its routes stay as they are until then",
            f"{stopped}: its nodes cannot be read until it is started",
        )
    if cluster.network_plugin != "none":
        yield _other_plugin(cluster, the_cluster)
    if cluster.pod_cidrs_problem:
        problem = f"the pod CIDRs of {the_cluster} cannot be read: {cluster.pod_cidrs_problem}"
        yield Obstacle(Severity.WARNING, "podCidrsUnreadable", problem, problem)


def _other_plugin(cluster: ManagedCluster, the_cluster: str) -> Obstacle:
    plugin = cluster.network_plugin
    reason = {
        "azure": "with Azure CNI, overlay and Cilium variants included, Azure routes pods itself",
        "kubenet": "with kubenet a controller of AKS writes the routes, and two writers would undo each other's work",
    }.get(plugin, "only clusters that bring their own CNI are handled")
    seen = f"{the_cluster} has the network plugin {plugin or '(not stated)'}, not none: {reason}"
    refusal = f"{seen}; take it out of AKS_POD_ROUTES_CLUSTERS"
    if (plugin, cluster.network_dataplane) == ("azure", "cilium"):
        # https://learn.microsoft.com/azure/aks/azure-cni-powered-by-cilium
        powered = (
            f"{the_cluster} runs Azure CNI powered by Cilium: Azure gives its pods their addresses and routes them natively "
            "already, so that it needs neither pod routes nor BGP peers"
        )
        return Obstacle(Severity.INFO, "azureCniPoweredByCilium", refusal, powered)
    return Obstacle(Severity.INFO, "otherNetworkPlugin", refusal, seen)


def _tables_of(subnets: tuple[PoolSubnet, ...]) -> tuple[str, ...]:
    tables: dict[str, str] = {}
    for subnet in subnets:
        if subnet.route_table:
            tables.setdefault(subnet.route_table.lower(), subnet.route_table)
    return tuple(tables[key] for key in sorted(tables))
