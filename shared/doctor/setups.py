"""From a configured cluster to what the checks need of it."""

from shared.config import Cluster, RouteServerRouting, UdrRouting, VirtualWanRouting
from shared.doctor.facts import Setup


def setup_of(cluster: Cluster) -> Setup:
    """The same, without the configuration's own types."""
    routing = cluster.routing
    bgp = routing if isinstance(routing, RouteServerRouting | VirtualWanRouting) else None
    return Setup(
        name=cluster.name,
        mode=routing.mode,
        cluster_id=cluster.aks_cluster_id,
        pod_cidrs=cluster.pod_cidrs,
        pod_cidr_source=cluster.pod_cidr_source,
        route_tables=routing.route_tables if isinstance(routing, UdrRouting) else (),
        routes_per_table=cluster.limits.routes_per_table,
        hub_id=bgp.virtual_hub_id if bgp else "",
        hub_connection_id=routing.hub_connection_id if isinstance(routing, VirtualWanRouting) else "",
        max_peers=bgp.max_peers if bgp else 0,
        kubeconfig=cluster.kubeconfig is not None,
        addresses=bgp.peers.addresses if bgp else None,
    )
