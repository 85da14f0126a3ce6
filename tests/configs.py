"""Clusters as people write them, for the tests of the configuration."""

import json
from typing import Any

import pytest

from shared.config import Config, load_config
from shared.errors import ConfigError

GROUP = "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/rg/providers"
AKS = f"{GROUP}/Microsoft.ContainerService/managedClusters"
TABLE = f"{GROUP}/Microsoft.Network/routeTables"
HUB = f"{GROUP}/Microsoft.Network/virtualHubs/hub"
CONNECTION = f"{HUB}/hubVirtualNetworkConnections/spoke-1"
STORAGE = {"AzureWebJobsStorage__accountName": "podroutes"}

UDR: dict[str, Any] = {"name": "prod", "aksClusterId": f"{AKS}/prod", "routing": {"mode": "udr"}}
ROUTE_SERVER: dict[str, Any] = {
    "mode": "routeServer",
    "virtualHubId": HUB,
    "peerAsn": 65001,
    "peers": {"addresses": ["10.1.0.4"]},
}
VIRTUAL_WAN = {**ROUTE_SERVER, "mode": "virtualWan", "hubConnectionId": CONNECTION}

A: dict[str, Any] = {**UDR, "name": "a", "aksClusterId": f"{AKS}/a", "podCidrs": ["10.0.0.0/9"]}
B: dict[str, Any] = {**UDR, "name": "b", "aksClusterId": f"{AKS}/b", "podCidrs": ["10.0.0.0/16"]}
SHARED: dict[str, Any] = {"mode": "udr", "routeTables": [f"{TABLE}/rt"]}


def load(*clusters: Any, **settings: str) -> Config:
    """The configuration with these clusters, a storage account and `settings`."""
    return load_config(STORAGE | {"AKS_POD_ROUTES_CLUSTERS": json.dumps(clusters)} | settings)


def problems(*clusters: Any, **settings: str) -> list[str]:
    """What is refused about it."""
    with pytest.raises(ConfigError) as caught:
        load(*clusters, **settings)
    return list(caught.value.problems)
