"""A Route Server beside the sandbox's cluster, and who announces what to it: each node its own pod CIDR, reflectors all of them."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from sandbox.cloud import Cloud
from sandbox.cluster import GROUP, NETWORK_ID, PEER_LABEL, Cluster

HUB_ID = f"{GROUP}/providers/Microsoft.Network/virtualHubs/rs-shop"
REFLECTORS = ("10.10.251.4", "10.10.251.5")
PEER_ASN = 65001


class RouteServer:
    """`rs-shop`, ready to be used, with no connection. Every method may be called from any thread."""

    def __init__(self, cloud: Cloud, cluster: Cluster) -> None:
        self._arm = cloud.arm
        self._cluster = cluster
        self._speakers: dict[str, Callable[[], Mapping[str, str]]] = {}
        self._arm.add_route_server(HUB_ID, subnet_id=f"{NETWORK_ID}/subnets/RouteServerSubnet")

    def peers(self) -> dict[str, int]:
        """Address → AS number of every connection."""
        return self._arm.peers(HUB_ID)

    def learned(self) -> dict[str, dict[str, str]]:
        """Address of every connection → what its speaker announces at the moment, prefix → next hop."""
        return {address: dict(self._speakers.get(address, dict)()) for address in self.peers()}

    def start_reflectors(self) -> None:
        """The two reflectors begin to announce the pod CIDRs of all nodes."""
        for reflector in REFLECTORS:
            self._announce(reflector, self._cluster.expected)

    def speak(self, name: str) -> str:
        """A node begins to announce its own pod CIDR, for as long as it exists. Returns its address."""
        address = self._cluster.address(name)
        self._announce(address, partial(self._own, address))
        return address

    def _announce(self, address: str, announce: Callable[[], Mapping[str, str]]) -> None:
        self._speakers[address] = announce
        self._arm.hubs.speaker(HUB_ID, address, announce)

    def _own(self, address: str) -> Mapping[str, str]:
        return {prefix: hop for prefix, hop in self._cluster.expected().items() if hop == address}


def reflected() -> dict[str, Any]:
    """The settings of the cluster's routing with the reflectors as peers."""
    return _routing({"addresses": list(REFLECTORS)})


def direct() -> dict[str, Any]:
    """The settings of the cluster's routing with labelled nodes as peers."""
    return _routing({"nodeSelector": PEER_LABEL})


def _routing(peers: dict[str, Any]) -> dict[str, Any]:
    return {"mode": "routeServer", "virtualHubId": HUB_ID, "peerAsn": PEER_ASN, "peers": peers}
