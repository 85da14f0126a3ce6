"""From an AKS cluster's resource id alone: its API server, its pod CIDRs, its node resource group, its route tables.

Reads Azure Resource Manager and nothing else; what is found is a value that may be kept. As whom the API server is asked
is told in `sources`, how Resource Manager is reached in `targets.arm`.
"""

import base64
import binascii
from dataclasses import dataclass, field
from ipaddress import ip_network

import msgspec

from shared.errors import RefusedError, TargetError
from shared.kubeconfig import Cluster, current_cluster
from shared.models import Finding, Network
from shared.pool_subnets import PoolSubnet, read_pool_subnets, subnet_findings
from shared.resource_manager import ResourceManager, ask, explained, read

CLUSTER_API_VERSION = "2025-02-01"
"""Stable; the one whose answers were recorded (facts: recorded, cloud-provider-azure managedclusterclient)."""

_ROLE = "Azure Kubernetes Service Cluster User Role"
"""Reads the cluster and lists its user credential, nothing else
(https://learn.microsoft.com/azure/role-based-access-control/built-in-roles/containers)."""


@dataclass(frozen=True, slots=True)
class Topology:
    """What a cluster looks like from the outside. Changes rarely: worth keeping, and finding out anew after a failure."""

    subscription: str
    node_resource_group: str
    server: str
    ca_pem: bytes = field(repr=False)
    pod_cidrs: tuple[Network, ...] = ()
    """As the cluster declares them; empty where it declares none, as was seen with network plugin `none` (Azure/AKS#5399)."""
    route_tables: tuple[str, ...] = ()
    """The configured ones, else the distinct ones of the agent pools' subnets, sorted."""
    findings: tuple[Finding, ...] = ()


class _PowerState(msgspec.Struct, frozen=True):
    code: str = ""


class _AgentPool(msgspec.Struct, frozen=True):
    name: str
    subnet: str = msgspec.field(default="", name="vnetSubnetID")


class _NetworkProfile(msgspec.Struct, frozen=True, rename="camel"):
    network_plugin: str = ""
    pod_cidr: str = ""
    pod_cidrs: tuple[str, ...] = ()


class _ClusterProperties(msgspec.Struct, frozen=True, rename="camel"):
    node_resource_group: str
    network_profile: _NetworkProfile
    provisioning_state: str = ""
    power_state: _PowerState = _PowerState()
    agent_pool_profiles: tuple[_AgentPool, ...] = ()


class _ManagedCluster(msgspec.Struct, frozen=True):
    properties: _ClusterProperties


class _Credential(msgspec.Struct, frozen=True):
    value: str


class _Credentials(msgspec.Struct, frozen=True):
    kubeconfigs: tuple[_Credential, ...]


def discover(arm: ResourceManager, cluster_id: str, *, route_tables: tuple[str, ...] = ()) -> Topology:
    """The cluster as Azure knows it. `route_tables` are the configured ones; empty means those of the pools' subnets.

    Raises RefusedError where routes of ours make no sense (another network plugin, a stopped cluster, no route table) and
    TargetError where Azure does not answer. With configured tables the subnets are read for findings only, so that a
    subnet that cannot be read is a finding itself.
    """
    cluster = _managed_cluster(arm, cluster_id)
    _refuse_unsuitable(cluster, cluster_id)
    api_server = _api_server(arm, cluster_id)
    subscription = cluster_id.split("/")[2]
    subnets, unreadable = read_pool_subnets(
        arm,
        {pool.name: pool.subnet for pool in cluster.agent_pool_profiles},
        f"/subscriptions/{subscription}/resourceGroups/{cluster.node_resource_group}",
        tolerant=bool(route_tables),
    )
    return Topology(
        subscription=subscription,
        node_resource_group=cluster.node_resource_group,
        server=api_server.server,
        ca_pem=api_server.ca_pem,
        pod_cidrs=_pod_cidrs(cluster.network_profile, cluster_id),
        route_tables=route_tables or _tables_of(subnets, cluster_id),
        findings=unreadable + subnet_findings(subnets, route_tables),
    )


def node_resource_group(arm: ResourceManager, cluster_id: str) -> str:
    """The resource group that holds the cluster's machines. One GET, whatever the cluster's state; raises TargetError."""
    return _managed_cluster(arm, cluster_id).node_resource_group


def _managed_cluster(arm: ResourceManager, cluster_id: str) -> _ClusterProperties:
    try:
        return read(arm, cluster_id, _ManagedCluster, api_version=CLUSTER_API_VERSION).properties
    except TargetError as error:
        way_out = {
            403: f"grant the app's identity {_ROLE} on the cluster",
            404: "check aksClusterId; Azure shows no cluster of that id",
        }.get(error.status, "")
        raise explained(error, f"cannot read the cluster {cluster_id}", way_out) from error


def _refuse_unsuitable(cluster: _ClusterProperties, cluster_id: str) -> None:
    if cluster.provisioning_state.lower() == "deleting":
        raise RefusedError(f"the cluster {cluster_id} is being deleted; take it out of AKS_POD_ROUTES_CLUSTERS")
    if cluster.power_state.code.lower() == "stopped":
        raise RefusedError(f"the cluster {cluster_id} is stopped; start it, its routes stay as they are until then")
    plugin = cluster.network_profile.network_plugin.lower()
    if plugin != "none":
        reason = {
            "azure": "with Azure CNI, overlay and Cilium variants included, Azure routes pods itself",
            "kubenet": "with kubenet a controller of AKS writes the routes, and two writers would undo each other's work",
        }.get(plugin, "only clusters that bring their own CNI are handled")
        raise RefusedError(
            f"the cluster {cluster_id} has the network plugin {plugin or '(not stated)'}, not none: {reason}; "
            "take it out of AKS_POD_ROUTES_CLUSTERS"
        )


def _api_server(arm: ResourceManager, cluster_id: str) -> Cluster:
    """Server and certificate authority; whatever credential the answer carries is dropped unread.

    On a cluster without Entra integration the user credential is a client certificate of an administrator
    (https://learn.microsoft.com/azure/aks/control-kubeconfig-access), and using it would be borrowing.
    """
    path = f"{cluster_id}/listClusterUserCredential"
    try:
        kubeconfigs = ask(arm, path, _Credentials, api_version=CLUSTER_API_VERSION).kubeconfigs
    except TargetError as error:
        way_out = f"grant the app's identity {_ROLE} on the cluster" if error.status == 403 else ""
        raise explained(error, f"cannot learn the API server of the cluster {cluster_id}", way_out) from error
    where = f"the kubeconfig Azure returned for {cluster_id}"
    if not kubeconfigs:
        raise RefusedError(f"{where} is empty; is the cluster fully created?")
    try:
        text = base64.b64decode(kubeconfigs[0].value, validate=True)
    except binascii.Error:
        raise RefusedError(f"{where} is not base64") from None
    return current_cluster(text, where=where)


def _pod_cidrs(profile: _NetworkProfile, cluster_id: str) -> tuple[Network, ...]:
    texts = profile.pod_cidrs or ((profile.pod_cidr,) if profile.pod_cidr else ())
    try:
        return tuple(ip_network(text) for text in texts)
    except ValueError as error:
        raise RefusedError(f"the pod CIDRs of the cluster {cluster_id} cannot be read: {error}") from None


def _tables_of(subnets: tuple[PoolSubnet, ...], cluster_id: str) -> tuple[str, ...]:
    tables: dict[str, str] = {}
    for subnet in subnets:
        if subnet.route_table:
            tables.setdefault(subnet.route_table.lower(), subnet.route_table)
    if not tables:
        raise RefusedError(
            f"none of the {len(subnets)} subnets of the agent pools of {cluster_id} has a route table; associate one "
            "with each, or name the tables in routing.routeTables"
        )
    return tuple(tables[key] for key in sorted(tables))
