"""Microsoft.ContainerService/managedClusters: reading a cluster and asking for its kubeconfig."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from ipaddress import ip_network

from sandbox.resource_manager import errors, resource_ids
from sandbox.resource_manager.answers import Answer, AzureError, Body
from sandbox.resource_manager.kubeconfig import credential
from sandbox.resource_manager.resource_ids import CONTAINER_SERVICE
from sandbox.resource_manager.routing import GROUP, Ask, Endpoint

TYPE = f"{CONTAINER_SERVICE}/managedClusters"
_CLUSTER = f"{GROUP}/providers/{TYPE}/{{cluster}}"

_VERSION = "1.33"
_PATCH = "1.33.5"


@dataclass(frozen=True, slots=True)
class Cluster:
    """What the stand-in knows of an AKS cluster."""

    id: str
    location: str
    node_resource_group: str
    pools: Mapping[str, str | None]
    """Name → subnet id, None for a pool in the network AKS manages."""
    pod_cidrs: Sequence[str]
    network_plugin: str
    kube_server: str
    kube_ca_pem: bytes | None
    power_state: str
    private_fqdn: str | None
    entra: bool
    service_cidr: str

    def render(self) -> Body:
        """The cluster's body, in the shape of a recorded answer: a lower-case `resourcegroups` in the id is AKS's own."""
        parsed = resource_ids.parse(self.id)
        host = f"{parsed.name.lower()}-{hashlib.sha256(self.id.lower().encode()).hexdigest()[:8]}"
        properties: Body = {
            "provisioningState": "Succeeded",
            "powerState": {"code": self.power_state},
            "kubernetesVersion": _VERSION,
            "currentKubernetesVersion": _PATCH,
            "dnsPrefix": parsed.name,
            "fqdn": f"{host}.hcp.{self.location}.azmk8s.io",
            "azurePortalFQDN": f"{host}.portal.hcp.{self.location}.azmk8s.io",
            "agentPoolProfiles": [self._pool(name, first=index == 0) for index, name in enumerate(self.pools)],
            "servicePrincipalProfile": {"clientId": "msi"},
            "nodeResourceGroup": self.node_resource_group,
            "enableRBAC": True,
            "supportPlan": "KubernetesOfficial",
            "networkProfile": self._network(),
            "maxAgentPools": 100,
            "identityProfile": {"kubeletidentity": self._kubelet(parsed)},
            "autoUpgradeProfile": {"nodeOSUpgradeChannel": "NodeImage"},
            "disableLocalAccounts": self.entra,
            "securityProfile": {},
            "storageProfile": {
                "diskCSIDriver": {"enabled": True},
                "fileCSIDriver": {"enabled": True},
                "snapshotController": {"enabled": True},
            },
            "oidcIssuerProfile": {"enabled": False},
            "workloadAutoScalerProfile": {},
            "resourceUID": hashlib.sha256(self.id.lower().encode()).hexdigest()[:24],
            "metricsProfile": {"costAnalysis": {"enabled": False}},
        }
        if self.entra:
            properties["aadProfile"] = {"managed": True, "enableAzureRBAC": True, "tenantID": _TENANT}
        if self.private_fqdn is not None:
            properties["privateFQDN"] = self.private_fqdn
            properties["apiServerAccessProfile"] = {"enablePrivateCluster": True}
        return {
            "id": self.id.replace("/resourceGroups/", "/resourcegroups/", 1),
            "location": self.location,
            "name": parsed.name,
            "type": "Microsoft.ContainerService/ManagedClusters",
            "properties": properties,
            "identity": {"type": "SystemAssigned", "principalId": _PRINCIPAL, "tenantId": _TENANT},
            "sku": {"name": "Base", "tier": "Standard"},
        }

    def _pool(self, name: str, *, first: bool) -> Body:
        pool: Body = {
            "name": name,
            "count": 3,
            "vmSize": "Standard_D4ds_v5",
            "osDiskSizeGB": 128,
            "osDiskType": "Managed",
            "kubeletDiskType": "OS",
        }
        if (subnet := self.pools[name]) is not None:
            pool["vnetSubnetID"] = subnet
        return pool | {
            "maxPods": 250,
            "type": "VirtualMachineScaleSets",
            "enableAutoScaling": False,
            "scaleDownMode": "Delete",
            "provisioningState": "Succeeded",
            "powerState": {"code": self.power_state},
            "orchestratorVersion": _VERSION,
            "currentOrchestratorVersion": _PATCH,
            "enableNodePublicIP": False,
            "mode": "System" if first else "User",
            "osType": "Linux",
            "osSKU": "Ubuntu",
            "nodeImageVersion": "AKSUbuntu-2204gen2containerd-202510.19.1",
            "upgradeSettings": {"maxSurge": "10%"},
            "enableFIPS": False,
            "securityProfile": {"enableVTPM": False, "enableSecureBoot": False},
        }

    def _network(self) -> Body:
        network: Body = {
            "networkPlugin": self.network_plugin,
            "networkPolicy": "none",
            "loadBalancerSku": "standard",
            "loadBalancerProfile": {"managedOutboundIPs": {"count": 1}, "backendPoolType": "nodeIPConfiguration"},
            "serviceCidr": self.service_cidr,
            "dnsServiceIP": str(ip_network(self.service_cidr)[10]),
            "outboundType": "loadBalancer",
            "serviceCidrs": [self.service_cidr],
            "ipFamilies": ["IPv4", "IPv6"] if any(":" in cidr for cidr in self.pod_cidrs) else ["IPv4"],
        }
        if self.pod_cidrs:
            network |= {"podCidr": self.pod_cidrs[0], "podCidrs": list(self.pod_cidrs)}
        return network

    def _kubelet(self, parsed: resource_ids.ResourceId) -> Body:
        identity = f"Microsoft.ManagedIdentity/userAssignedIdentities/{parsed.name}-agentpool"
        scope = f"/subscriptions/{parsed.subscription}/resourcegroups/{self.node_resource_group}"
        return {"resourceId": f"{scope}/providers/{identity}", "clientId": _PRINCIPAL, "objectId": _PRINCIPAL}


_TENANT = "00000000-0000-0000-0000-0000000000aa"
_PRINCIPAL = "00000000-0000-0000-0000-0000000000bb"


class ManagedClusters:
    """All AKS clusters."""

    def __init__(self) -> None:
        self._clusters: dict[str, Cluster] = {}

    def add(self, cluster: Cluster) -> None:
        """Put a cluster there; one of the same id is replaced."""
        resource_ids.expect(cluster.id, TYPE)
        self._clusters[resource_ids.key(cluster.id)] = cluster

    def endpoints(self) -> tuple[Endpoint, ...]:
        """What this provider type serves."""
        return (
            Endpoint("GET", _CLUSTER, self._get, CONTAINER_SERVICE),
            Endpoint("POST", f"{_CLUSTER}/listClusterUserCredential", self._user, CONTAINER_SERVICE),
            Endpoint("POST", f"{_CLUSTER}/listClusterAdminCredential", self._admin, CONTAINER_SERVICE),
        )

    def _get(self, ask: Ask) -> Answer:
        return Answer(200, self._asked(ask).render(), content_type="application/json")

    def _user(self, ask: Ask) -> Answer:
        return self._credential("User", self._asked(ask))

    def _admin(self, ask: Ask) -> Answer:
        cluster = self._asked(ask)
        if cluster.entra:
            raise AzureError(  # https://github.com/hashicorp/terraform-provider-azurerm/pull/15489
                400,
                "BadRequest",
                "Getting static credential isn't allowed because this cluster is set to disable local accounts.",
                details=(),
            )
        return self._credential("Admin", cluster)

    @staticmethod
    def _credential(kind: str, cluster: Cluster) -> Answer:
        parsed = resource_ids.parse(cluster.id)
        body = credential(
            kind, parsed.name, parsed.group, cluster.kube_server, cluster.kube_ca_pem, entra=cluster.entra
        )
        return Answer(200, body, content_type="application/json")

    def _asked(self, ask: Ask) -> Cluster:
        cluster_id = _CLUSTER.format(**ask.names)
        cluster = self._clusters.get(resource_ids.key(cluster_id))
        if cluster is None:
            raise errors.resource_not_found(resource_ids.parse(cluster_id))
        return cluster
