"""What of Cilium's configuration a person should know, given the mode that is configured here.

What contradicts itself, whatever the mode, is told in `doubts`; which option is in force in `option`.
"""

from collections.abc import Iterator, Sequence
from typing import Literal

from shared.cilium.configuration import CiliumConfig, Routing
from shared.cilium.doubts import doubts, finding
from shared.cilium.option import Option, option_of
from shared.models import Finding, Network, Severity

Mode = Literal["udr", "routeServer", "virtualWan", "observe"]
PodCidrSource = Literal["auto", "ciliumNode", "node"]

_OWN_CIDRS = frozenset({"cluster-pool", "multi-pool"})
"""IPAM modes in which Cilium's operator assigns the pod CIDRs, whatever the Nodes say.
Source: https://docs.cilium.io/en/stable/network/concepts/ipam/"""

_PER_NODE = _OWN_CIDRS | {"kubernetes", "cluster-pool-v2beta"}
"""IPAM modes in which a node has pod CIDRs at all."""


def findings_for(
    mode: Mode, config: CiliumConfig, pod_cidrs: Sequence[Network], *, pod_cidr_source: PodCidrSource = "auto"
) -> tuple[Finding, ...]:
    """What is worth knowing, the most telling first.

    In mode observe that is the option in force (code `option`, INFO) and what contradicts itself; in the others what
    contradicts the mode (WARNING), then the same. Without `pod_cidrs` nothing is compared with them.
    """
    option = option_of(config)
    if mode == "observe":
        return (_in_force(option, config), *_node_traffic(option, config), *doubts(option, config, pod_cidrs))
    return (*_contradictions(mode, option, config, pod_cidr_source), *doubts(option, config, pod_cidrs))


def _in_force(option: Option, config: CiliumConfig) -> Finding:
    return finding("option", f"Option {option}: {_meaning(option, config)}. Found: {_found(config)}.", Severity.INFO)


_MEANING = {
    Option.USER_DEFINED_ROUTES: (
        "native routing without WireGuard, and the nodes announce nothing over BGP; Azure has to be told where pod CIDRs are, by "
        "user-defined routes (mode udr)"
    ),
    Option.BGP: (
        "native routing without WireGuard, and the BGP control plane is on; Azure can learn the pod CIDRs from a Route Server (mode "
        "routeServer) or a Virtual WAN hub (mode virtualWan), or be told by mode udr"
    ),
    Option.WIREGUARD: (
        "native routing, encrypted by WireGuard from node to node; packets between pods of different nodes carry the nodes' "
        "addresses, so Azure needs no routes for them"
    ),
    Option.TUNNEL: "an overlay; packets between nodes travel in a tunnel with the nodes' addresses, so Azure needs no routes",
    Option.AZURE_CNI: "Azure assigns the pods' addresses and routes them natively already, so there is nothing to do",
    Option.UNKNOWN: "the routing mode is not one this version knows",
}
_AZURE_CNI_OF = {
    "delegated-plugin": "Azure CNI powered by Cilium",
    "azure": "Cilium takes the pods' addresses from the virtual network",
}


def _meaning(option: Option, config: CiliumConfig) -> str:
    if option is Option.AZURE_CNI:
        return f"{_AZURE_CNI_OF[config.ipam]}; {_MEANING[option]}"
    if option is Option.TUNNEL and config.wireguard:
        return f"{_MEANING[option]}; WireGuard encapsulates them a second time"
    return _MEANING[option]


def _found(config: CiliumConfig) -> str:
    tunnel = f" over {config.tunnel_protocol}" if config.routing is Routing.TUNNEL else ""
    masquerading = "by eBPF" if config.bpf_masquerade else "by iptables"
    return ", ".join(
        [
            f"routing {config.routing}{tunnel}",
            f"native routing CIDR {config.native_cidr or 'none'}",
            f"encryption {_encryption(config)}",
            f"IPAM {config.ipam}{_pool(config)}",
            f"BGP control plane {'on' if config.bgp_control_plane else 'off'}",
            f"masquerading {masquerading if config.masquerade else 'off'}",
        ]
    )


def _encryption(config: CiliumConfig) -> str:
    if config.wireguard:
        return "WireGuard for pods and nodes" if config.node_encryption else "WireGuard for pods"
    return "IPsec" if config.ipsec else "none"


def _pool(config: CiliumConfig) -> str:
    if not config.pool_cidrs:
        return ""
    share = f", /{config.pool_mask_size} per node" if config.pool_mask_size is not None else ""
    return f" ({' '.join(map(str, config.pool_cidrs))}{share})"


def _node_traffic(option: Option, config: CiliumConfig) -> Iterator[Finding]:
    """Only between pods is WireGuard the default; node to pod and back is `encrypt-node`.

    Source: https://docs.cilium.io/en/stable/security/network/encryption-wireguard/ ("Which traffic is encrypted").
    """
    if option is Option.WIREGUARD and not config.node_encryption:
        yield finding(
            "nodeTrafficOutsideWireGuard",
            "WireGuard carries only what goes from pod to pod. What goes between a node and a pod of another node, such as from "
            "host-network pods or through a NodePort, still carries the pod's address, which Azure drops without a route. Set "
            "encryption.nodeEncryption=true, or let mode udr keep routes.",
        )


def _contradictions(
    mode: Literal["udr", "routeServer", "virtualWan"], option: Option, config: CiliumConfig, source: PodCidrSource
) -> Iterator[Finding]:
    kept = "routes" if mode == "udr" else "BGP peers"
    match option:
        case Option.TUNNEL:
            yield finding(
                "tunnelRouting",
                f"Cilium tunnels between nodes in {config.tunnel_protocol}, so the {kept} of mode {mode} do nothing for pods that "
                "talk to each other. Set routingMode=native and ipv4NativeRoutingCIDR in Cilium (with aksbyocni.enabled=false), "
                "or the mode to observe.",
            )
        case Option.WIREGUARD:
            yield from _wireguard(mode, config, kept)
        case Option.AZURE_CNI:
            yield finding(
                "azureCniNeedsNoRoutes",
                f"Azure itself assigns and routes the pods' addresses (IPAM {config.ipam}), so the {kept} of mode {mode} are not "
                "needed, and nodes have no pod CIDRs of Cilium's. Set the mode to observe.",
            )
        case Option.UNKNOWN:
            yield finding(
                "optionUnknown",
                f"Whether Cilium needs the {kept} of mode {mode} cannot be told: {_meaning(option, config)}.",
            )
        case Option.BGP if mode == "udr":
            yield finding(
                "bgpNotNeeded",
                "Cilium's BGP control plane is on, and mode udr does not need it: where a hub learns the same pod CIDRs, the "
                "user-defined routes win.",
                Severity.INFO,
            )
    if mode != "udr" and config.routing is Routing.NATIVE and option is not Option.AZURE_CNI:
        yield from _silent_nodes(mode, config)
    if option is not Option.AZURE_CNI:
        yield from _ipam(config, source)


def _wireguard(mode: str, config: CiliumConfig, kept: str) -> Iterator[Finding]:
    if config.node_encryption:
        yield finding(
            "wireguardNeedsNoRoutes",
            f"WireGuard carries everything between nodes with the nodes' addresses, so the {kept} of mode {mode} serve only those "
            "who reach pods from outside the cluster. Where nobody does, set the mode to observe.",
        )
    else:
        yield finding(
            "wireguardNeedsNoRoutes",
            f"WireGuard carries what goes from pod to pod with the nodes' addresses, so the {kept} of mode {mode} serve only what "
            "goes between a node and a pod of another node (encrypt-node is off), or comes from outside the cluster.",
            Severity.INFO,
        )


def _silent_nodes(mode: str, config: CiliumConfig) -> Iterator[Finding]:
    if not config.bgp_control_plane:
        yield finding(
            "bgpControlPlaneOff",
            f"Mode {mode} lets Azure learn pod CIDRs from the nodes, but Cilium's BGP control plane is off, so they announce nothing. "
            "Set bgpControlPlane.enabled=true and apply the CiliumBGP objects, or use mode udr.",
        )


def _ipam(config: CiliumConfig, source: PodCidrSource) -> Iterator[Finding]:
    if source == "node" and config.ipam in _OWN_CIDRS:
        yield finding(
            "podCidrSourceMismatch",
            f"podCidrSource is node, but with IPAM {config.ipam} Cilium assigns the pod CIDRs itself and writes them to the "
            "CiliumNodes; those of the Nodes may be absent or another node's. Set podCidrSource: ciliumNode, or leave it out.",
        )
    if config.ipam not in _PER_NODE:
        yield finding(
            "ipamWithoutPodCidrs",
            f"IPAM {config.ipam} gives a node no pod CIDR of its own, so there is nothing to route to it. Modes with pod CIDRs are "
            f"{', '.join(sorted(_PER_NODE - {'cluster-pool-v2beta'}))}.",
        )
