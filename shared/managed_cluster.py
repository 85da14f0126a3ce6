"""An AKS cluster as Resource Manager describes it, and where its API server is. Read here, judged in `discovery`."""

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import ip_network

import msgspec

from shared.errors import RefusedError, TargetError
from shared.kubeconfig import Cluster, current_cluster
from shared.models import Network
from shared.resource_manager import ResourceManager, ask, explained, read

CLUSTER_API_VERSION = "2025-02-01"
"""Stable; the one whose answers were recorded (facts: recorded, cloud-provider-azure managedclusterclient)."""

ACTIONS = (
    "Microsoft.ContainerService/managedClusters/read",
    "Microsoft.ContainerService/managedClusters/listClusterUserCredential/action",
)
"""What the app's identity needs on the cluster."""

_ROLE = "Azure Kubernetes Service Cluster User Role"
"""Reads the cluster and lists its user credential, nothing else
(https://learn.microsoft.com/azure/role-based-access-control/built-in-roles/containers)."""


@dataclass(frozen=True, slots=True)
class ManagedCluster:
    """What is read of a cluster. Words of Azure's are in lower case; those that it leaves out are empty."""

    node_resource_group: str
    provisioning_state: str
    power_state: str
    network_plugin: str
    network_dataplane: str
    """`cilium` or `azure`; stated for the plugin `azure` (facts: recorded, cloud-provider-azure managedclusterclient)."""
    pod_cidrs: tuple[Network, ...]
    pod_cidrs_problem: str
    """Why they cannot be read; empty where they can, or where the cluster declares none."""
    service_cidrs: tuple[Network, ...]
    """Those that can be read; only told to people."""
    subnet_of_pool: Mapping[str, str]
    """The subnet id of each agent pool; empty for the network AKS manages."""


class _PowerState(msgspec.Struct, frozen=True):
    code: str = ""


class _AgentPool(msgspec.Struct, frozen=True):
    name: str
    subnet: str = msgspec.field(default="", name="vnetSubnetID")


class _NetworkProfile(msgspec.Struct, frozen=True, rename="camel"):
    network_plugin: str = ""
    network_dataplane: str = ""
    pod_cidr: str = ""
    pod_cidrs: tuple[str, ...] = ()
    service_cidr: str | None = None
    service_cidrs: tuple[str, ...] | None = None


class _Properties(msgspec.Struct, frozen=True, rename="camel"):
    node_resource_group: str
    network_profile: _NetworkProfile
    provisioning_state: str = ""
    power_state: _PowerState = _PowerState()
    agent_pool_profiles: tuple[_AgentPool, ...] = ()


class _ManagedCluster(msgspec.Struct, frozen=True):
    properties: _Properties


class _Credential(msgspec.Struct, frozen=True):
    value: str


class _Credentials(msgspec.Struct, frozen=True):
    kubeconfigs: tuple[_Credential, ...]


def read_managed_cluster(arm: ResourceManager, cluster_id: str) -> ManagedCluster:
    """The cluster, whatever its state. One GET; raises TargetError."""
    try:
        properties = read(arm, cluster_id, _ManagedCluster, api_version=CLUSTER_API_VERSION).properties
    except TargetError as error:
        way_out = {
            403: f"grant the app's identity {_ROLE} on the cluster",
            404: "check aksClusterId; Azure shows no cluster of that id",
        }.get(error.status, "")
        raise explained(error, f"cannot read the cluster {cluster_id}", way_out) from error
    profile = properties.network_profile
    pod_cidrs, problem = _pod_cidrs(profile)
    return ManagedCluster(
        node_resource_group=properties.node_resource_group,
        provisioning_state=properties.provisioning_state.lower(),
        power_state=properties.power_state.code.lower(),
        network_plugin=profile.network_plugin.lower(),
        network_dataplane=profile.network_dataplane.lower(),
        pod_cidrs=pod_cidrs,
        pod_cidrs_problem=problem,
        service_cidrs=_service_cidrs(profile),
        subnet_of_pool={pool.name: pool.subnet for pool in properties.agent_pool_profiles},
    )


def read_api_server(arm: ResourceManager, cluster_id: str) -> Cluster:
    """Server and certificate authority; whatever credential the answer carries is dropped unread. One POST.

    On a cluster without Entra integration the user credential is a client certificate of an administrator
    (https://learn.microsoft.com/azure/aks/control-kubeconfig-access), and using it would be borrowing. Raises TargetError,
    and RefusedError where the answer names no server that can be trusted.
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


def _pod_cidrs(profile: _NetworkProfile) -> tuple[tuple[Network, ...], str]:
    texts = profile.pod_cidrs or ((profile.pod_cidr,) if profile.pod_cidr else ())
    try:
        return tuple(ip_network(text) for text in texts), ""
    except ValueError as error:
        return (), str(error)


def _service_cidrs(profile: _NetworkProfile) -> tuple[Network, ...]:
    """A cluster with the plugin `none` has them all the same: kube-proxy or Cilium serves them."""
    found: list[Network] = []
    for text in profile.service_cidrs or ((profile.service_cidr,) if profile.service_cidr else ()):
        try:
            found.append(ip_network(text))
        except ValueError:
            continue
    return tuple(found)
