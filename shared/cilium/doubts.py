"""What in Cilium's configuration contradicts itself or the pod CIDRs, whatever mode is configured here."""

from collections.abc import Iterator, Sequence
from ipaddress import IPv4Network, IPv6Network, collapse_addresses

from shared.cilium.configuration import CiliumConfig
from shared.cilium.option import Option
from shared.models import Finding, Network, Severity

RESOURCE = "kube-system/cilium-config"
"""Where all of this is written."""

_NATIVE = frozenset({Option.USER_DEFINED_ROUTES, Option.BGP, Option.WIREGUARD})
_ROUTED = frozenset({Option.USER_DEFINED_ROUTES, Option.BGP})


def finding(code: str, message: str, severity: Severity = Severity.WARNING) -> Finding:
    """A finding about Cilium's configuration."""
    return Finding(severity, code, message, RESOURCE)


def doubts(option: Option, config: CiliumConfig, pod_cidrs: Sequence[Network]) -> tuple[Finding, ...]:
    """Every contradiction that matters with `option`, in a fixed order. Without `pod_cidrs` none with them is looked for."""
    return (
        *_unreadable(config),
        *(_addresses(config, pod_cidrs) if option in _NATIVE else ()),
        *(_pool(config, pod_cidrs) if option in _NATIVE else ()),
        *(_forwarding(config) if option in _ROUTED else ()),
        *_needless(option, config),
    )


def _unreadable(config: CiliumConfig) -> Iterator[Finding]:
    if config.unreadable:
        yield finding(
            "ciliumValueUnreadable",
            f"Not understood, so the default was assumed: {', '.join(config.unreadable)}. Check it against Cilium's documentation.",
        )


def _addresses(config: CiliumConfig, pod_cidrs: Sequence[Network]) -> Iterator[Finding]:
    """Which packets keep the pod's address.

    Source: https://docs.cilium.io/en/stable/network/concepts/masquerading/
    """
    if not config.masquerade:
        yield finding(
            "masqueradeOff",
            "Masquerading is off (enable-ipv4-masquerade: false), so pods leave the cluster with their own address: the internet and "
            "every network without a way back to the pod CIDRs stays silent. Set enableIPv4Masquerade=true, unless a firewall on the "
            "way translates them.",
        )
    elif config.ip_masq_agent:
        return  # the ranges are the agent's own, in a ConfigMap of its own
    elif config.native_cidr is None:
        yield finding(
            "nativeCidrMissing",
            "Native routing without a native routing CIDR: with masquerading on, Cilium's agents refuse to start like this once they are "
            'restarted ("native routing cidr must be configured"). Set ipv4NativeRoutingCIDR to a range that covers all pod CIDRs.',
        )
    else:
        yield from _native_cidr(config.native_cidr, pod_cidrs)


def _native_cidr(native: Network, pod_cidrs: Sequence[Network]) -> Iterator[Finding]:
    pods = [cidr for cidr in pod_cidrs if cidr.version == native.version]
    outside = [cidr for cidr in pods if not _covers([native], cidr)]
    if outside:
        yield finding(
            "nativeCidrTooNarrow",
            f"The native routing CIDR {native} does not cover the pod CIDRs {_listed(outside)}: packets to pods there are masqueraded "
            "to the node's address. Set ipv4NativeRoutingCIDR to a range that covers all pod CIDRs.",
        )
    elif pods and not _covers(pods, native):
        yield finding(
            "nativeCidrTooWide",
            f"The native routing CIDR {native} is wider than the pod CIDRs {_listed(pods)}: pods reach the rest of it with their own "
            "address, which works only where Azure knows the way back from there. Where that is not meant, narrow "
            "ipv4NativeRoutingCIDR.",
            Severity.INFO,
        )


def _pool(config: CiliumConfig, pod_cidrs: Sequence[Network]) -> Iterator[Finding]:
    outside = [pool for pool in config.pool_cidrs if not _covers(pod_cidrs, pool)]
    if config.ipam == "cluster-pool" and pod_cidrs and outside:
        yield finding(
            "poolOutsidePodCidrs",
            f"Cilium's cluster pool {_listed(outside)} is not within the pod CIDRs {_listed(pod_cidrs)}: nodes that get a CIDR outside of "
            "them get no route. Set podCidrs to the cluster pool.",
        )


def _forwarding(config: CiliumConfig) -> Iterator[Finding]:
    if config.direct_node_routes:
        yield finding(
            "directNodeRoutes",
            "auto-direct-node-routes is on, which is for nodes on one layer 2 network. Azure has none: it forwards by destination "
            "address, whoever the kernel names as neighbour, so its own routes are needed all the same. Set autoDirectNodeRoutes=false.",
        )
    if config.ipsec:
        yield finding(
            "ipsec",
            "IPsec is on. Whether its packets carry the pods' or the nodes' addresses depends on Cilium's version, so Azure's routes "
            "are taken as needed; this combination is not tested here. WireGuard (encryption.type=wireguard) is.",
        )


def _needless(option: Option, config: CiliumConfig) -> Iterator[Finding]:
    if config.bgp_control_plane and option in {Option.TUNNEL, Option.WIREGUARD}:
        way = "tunnel" if option is Option.TUNNEL else "WireGuard"
        yield finding(
            "bgpBesideTunnel",
            f"The BGP control plane is on, but what goes between pods travels in the {way}, so announced pod CIDRs only serve those who "
            "reach pods from outside the cluster.",
            Severity.INFO,
        )


def _covers(ranges: Sequence[Network], network: Network) -> bool:
    """Whether the ranges together hold all of `network`."""
    match network:
        case IPv4Network():
            fours = collapse_addresses(each for each in ranges if isinstance(each, IPv4Network))
            return any(network.subnet_of(each) for each in fours)
        case IPv6Network():
            sixes = collapse_addresses(each for each in ranges if isinstance(each, IPv6Network))
            return any(network.subnet_of(each) for each in sixes)


def _listed(networks: Sequence[Network]) -> str:
    return " ".join(map(str, networks))
