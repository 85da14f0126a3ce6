"""A Resource Manager that answers from a dict, and the answers of a cluster and its networks, for tests of discovery."""

import base64
from collections.abc import Iterable
from typing import Any

import yaml

from shared.errors import TargetError

SUBSCRIPTION = "/subscriptions/11111111-1111-1111-1111-111111111111"
CLUSTER = f"{SUBSCRIPTION}/resourceGroups/rg-aks/providers/Microsoft.ContainerService/managedClusters/prod-weu"
CREDENTIAL = f"{CLUSTER}/listClusterUserCredential"
NODE_GROUP = "MC_rg-aks_prod-weu_westeurope"
NETWORKS = f"{SUBSCRIPTION}/resourceGroups/{NODE_GROUP}/providers/Microsoft.Network/virtualNetworks"
VNET = f"{SUBSCRIPTION}/resourceGroups/rg-net/providers/Microsoft.Network/virtualNetworks/spoke-1"
SYSTEM, USER = f"{VNET}/subnets/system", f"{VNET}/subnets/user"
TABLES = f"{SUBSCRIPTION}/resourceGroups/rg-net/providers/Microsoft.Network/routeTables"
RT_A, RT_B = f"{TABLES}/rt-a", f"{TABLES}/rt-b"
PEM = b"-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n"


class FakeArm:
    """Answers from a dict and remembers what it was asked, with the API version."""

    def __init__(self, answers: dict[str, Any]) -> None:
        self.answers = answers
        self.calls: list[tuple[str, str, str]] = []

    def get(self, path: str, *, api_version: str) -> dict[str, Any]:
        return self._answer("GET", path, api_version)

    def post(self, path: str, *, api_version: str) -> dict[str, Any]:
        return self._answer("POST", path, api_version)

    def _answer(self, method: str, path: str, api_version: str) -> dict[str, Any]:
        self.calls.append((method, path, api_version))
        answer = self.answers.get(path, TargetError("ResourceNotFound: not there", status=404, code="ResourceNotFound"))
        if isinstance(answer, TargetError):
            raise answer
        assert isinstance(answer, dict)
        return answer


def cluster(pools: dict[str, str | None] | None = None, **properties: Any) -> dict[str, Any]:
    pools = {"system": SYSTEM, "user": USER} if pools is None else pools
    profiles = [{"name": name, "count": 3} | ({"vnetSubnetID": id_} if id_ else {}) for name, id_ in pools.items()]
    network = {"networkPlugin": "none", "podCidr": "100.64.0.0/10", "podCidrs": ["100.64.0.0/10"]}
    defaults = {
        "provisioningState": "Succeeded",
        "powerState": {"code": "Running"},
        "nodeResourceGroup": NODE_GROUP,
        "agentPoolProfiles": profiles,
        "networkProfile": network,
        "disableLocalAccounts": True,
    }
    return {"id": CLUSTER, "name": "prod-weu", "properties": defaults | properties}


def credential(text: str | None = None, *, data: dict[str, Any] | None = None) -> dict[str, Any]:
    if data is None:
        data = {"server": "https://prod-weu.hcp:443", "certificate-authority-data": base64.b64encode(PEM).decode()}
    config = {
        "clusters": [{"name": "prod-weu", "cluster": data}],
        "contexts": [{"name": "prod-weu", "context": {"cluster": "prod-weu", "user": "clusterUser"}}],
        "current-context": "prod-weu",
        "users": [{"name": "clusterUser", "user": {"token": "s3cret", "client-key-data": "s3cret", "exec": {}}}],
    }
    value = base64.b64encode(yaml.safe_dump(config).encode()).decode() if text is None else text
    return {"kubeconfigs": [{"name": "clusterUser", "value": value}]}


def subnet(id_: str, table: str | None) -> dict[str, Any]:
    properties: dict[str, Any] = {"provisioningState": "Succeeded", "addressPrefix": "10.1.0.0/24"}
    if table is not None:
        properties["routeTable"] = {"id": table}
    return {"id": id_, "name": id_.rsplit("/", 1)[1], "properties": properties}


def network(
    id_: str, *prefixes: str, peerings: Iterable[dict[str, Any]] = (), subnets: Iterable[str] = ()
) -> dict[str, Any]:
    properties = {
        "provisioningState": "Succeeded",
        "addressSpace": {"addressPrefixes": list(prefixes)},
        "subnets": [subnet(each, None) for each in subnets],
        "virtualNetworkPeerings": list(peerings),
    }
    return {"id": id_, "name": id_.rsplit("/", 1)[1], "properties": properties}


def peering(
    remote: str, *prefixes: str, uses: bool = False, lends: bool = False, state: str = "Connected"
) -> dict[str, Any]:
    """One side: `uses` the gateways of the remote network, `lends` its own to it."""
    properties = {
        "peeringState": state,
        "remoteVirtualNetwork": {"id": remote},
        "remoteAddressSpace": {"addressPrefixes": list(prefixes)},
        "useRemoteGateways": uses,
        "allowGatewayTransit": lends,
    }
    return {"name": "peering", "properties": properties}


def table(id_: str, *prefixes: str, propagates: bool = True) -> dict[str, Any]:
    routes = [{"name": f"r{at}", "properties": {"addressPrefix": prefix}} for at, prefix in enumerate(prefixes)]
    return {"id": id_, "properties": {"disableBgpRoutePropagation": not propagates, "routes": routes}}
