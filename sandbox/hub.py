"""A Route Server beside the sandbox's cluster, and who announces what to it: each node its own pod CIDR, reflectors all of them."""

from collections.abc import Mapping
from functools import partial

from sandbox.cloud import Cloud
from sandbox.cluster import GROUP, NETWORK_ID, Cluster

HUB_ID = f"{GROUP}/providers/Microsoft.Network/virtualHubs/rs-shop"
REFLECTORS = ("10.10.251.4", "10.10.251.5")
PEER_ASN = 65001
PEER_LABEL = "aks-pod-routes/bgp-peer"


class RouteServer:
    """`rs-shop`, ready to be used, with no connection. Every method may be called from any thread."""

    def __init__(self, cloud: Cloud, cluster: Cluster) -> None:
        self._arm = cloud.arm
        self._cluster = cluster
        self._arm.add_route_server(HUB_ID, subnet_id=f"{NETWORK_ID}/subnets/RouteServerSubnet")
        for reflector in REFLECTORS:
            self._arm.hubs.speaker(HUB_ID, reflector, cluster.expected)

    def peers(self) -> dict[str, int]:
        """Address → AS number of every connection."""
        return self._arm.peers(HUB_ID)

    def speak(self, name: str) -> str:
        """A node begins to announce its own pod CIDR, for as long as it exists. Returns its address."""
        address = self._cluster.address(name)
        self._arm.hubs.speaker(HUB_ID, address, partial(self._own, address))
        return address

    def _own(self, address: str) -> Mapping[str, str]:
        return {prefix: hop for prefix, hop in self._cluster.expected().items() if hop == address}
