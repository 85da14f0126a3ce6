"""Cilium's configuration against the mode. The rules are those of `shared.cilium`; here they are sorted by what they are about."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from shared.cilium import CiliumConfig, findings_for, option_of
from shared.doctor.check import Check, Topic
from shared.doctor.facts import Facts
from shared.doctor.unknown import Unknown


@dataclass(frozen=True, slots=True)
class _Aspect:
    """One side of the configuration: the findings about it, and what there is to say without one."""

    topic: Topic
    codes: frozenset[str]
    evidence: Callable[[CiliumConfig], str]


def _encryption(config: CiliumConfig) -> str:
    kinds = [kind for kind, on in (("WireGuard", config.wireguard), ("IPsec", config.ipsec)) if on]
    return f"encryption {' and '.join(kinds) or 'none'}"


def _masquerading(config: CiliumConfig) -> str:
    way = "by eBPF" if config.bpf_masquerade else "by iptables"
    return f"pods that leave the native routing CIDR get the node's address {way}" if config.masquerade else "off"


ASPECTS = (
    _Aspect(
        Topic("ciliumRouting", "Cilium's routing suits the mode"),
        frozenset({"tunnelRouting", "optionUnknown", "azureCniNeedsNoRoutes", "directNodeRoutes", "option"}),
        lambda config: f"routing {config.routing}, which is option {option_of(config)}",
    ),
    _Aspect(
        Topic("ciliumNativeCidr", "Cilium's native routing CIDR covers the pods"),
        frozenset({"nativeCidrMissing", "nativeCidrTooNarrow", "nativeCidrTooWide"}),
        lambda config: f"native routing CIDR {config.native_cidr or 'none'}",
    ),
    _Aspect(
        Topic("ciliumMasquerading", "Pods that leave the cluster are masqueraded"),
        frozenset({"masqueradeOff"}),
        _masquerading,
    ),
    _Aspect(
        Topic("ciliumIpam", "Cilium's IPAM gives nodes pod CIDRs that are ours"),
        frozenset({"poolOutsidePodCidrs", "podCidrSourceMismatch", "ipamWithoutPodCidrs"}),
        lambda config: f"IPAM {config.ipam}, pools {' '.join(map(str, config.pool_cidrs)) or 'not stated'}",
    ),
    _Aspect(
        Topic("ciliumEncryption", "Cilium's encryption goes with the mode"),
        frozenset({"ipsec", "wireguardNeedsNoRoutes", "nodeTrafficOutsideWireGuard"}),
        _encryption,
    ),
    _Aspect(
        Topic("ciliumBgp", "Cilium's BGP control plane is on where it is needed"),
        frozenset({"bgpControlPlaneOff", "bgpNotNeeded", "bgpBesideTunnel"}),
        lambda config: f"BGP control plane {'on' if config.bgp_control_plane else 'off'}",
    ),
    _Aspect(
        Topic("ciliumConfig", "Cilium's configuration is understood"),
        frozenset({"ciliumValueUnreadable"}),
        lambda _: "every entry that matters was understood",
    ),
)
"""Between them they have every code of `shared.cilium`."""


def cilium_checks(facts: Facts) -> Iterator[Check]:
    """One per aspect, or more where several findings are about it."""
    config = facts.cilium
    if config is None:
        return
    if isinstance(config, Unknown):
        yield from (aspect.topic.unknown(config) for aspect in ASPECTS)
        return
    found = findings_for(facts.setup.mode, config, facts.pod_cidrs, pod_cidr_source=facts.setup.pod_cidr_source)
    for aspect in ASPECTS:
        about = (finding for finding in found if finding.code in aspect.codes)
        yield from aspect.topic.told(about, otherwise=aspect.evidence(config))
