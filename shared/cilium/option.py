"""Which of the ways to reach pods a cluster is on, judged by Cilium's configuration alone."""

from enum import StrEnum
from typing import assert_never

from shared.cilium.configuration import CiliumConfig, Routing

AZURE_IPAM = frozenset({"delegated-plugin", "azure"})
"""IPAM modes in which Azure itself assigns the pods' addresses and routes them: delegated IPAM is what AKS configures for Azure
CNI powered by Cilium, `azure` is Cilium's older way to take addresses of the virtual network.
Source: https://docs.cilium.io/en/stable/network/concepts/ipam/ (Azure Delegated IPAM, Azure IPAM)"""


class Option(StrEnum):
    """How pods of other nodes are reached. The two in which Azure needs our routes or peers come first."""

    USER_DEFINED_ROUTES = "userDefinedRoutes"
    """Native and unencrypted; the nodes announce nothing, so Azure has to be told by route tables."""
    BGP = "bgp"
    """Native and unencrypted; the nodes announce their pod CIDRs."""
    WIREGUARD = "wireguard"
    """Native, and encrypted between the nodes' addresses: Azure sees no pod address between nodes."""
    TUNNEL = "tunnel"
    """An overlay: Azure sees no pod address at all."""
    AZURE_CNI = "azureCni"
    """Azure assigns and routes the pods' addresses."""
    UNKNOWN = "unknown"


def option_of(config: CiliumConfig) -> Option:
    """The option in force.

    IPsec counts as unencrypted here: which addresses its packets carry is up to Cilium's version, so routes are assumed
    to be needed.
    """
    if config.ipam in AZURE_IPAM:
        return Option.AZURE_CNI
    match config.routing:
        case Routing.TUNNEL:
            return Option.TUNNEL
        case Routing.NATIVE if config.wireguard:
            return Option.WIREGUARD
        case Routing.NATIVE:
            return Option.BGP if config.bgp_control_plane else Option.USER_DEFINED_ROUTES
        case Routing.UNKNOWN:
            return Option.UNKNOWN
        case _ as never:
            assert_never(never)
