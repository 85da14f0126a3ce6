"""The entries of Cilium's ConfigMap as one value: only those that decide how pods are reached.

Keys and how they are written: install/kubernetes/cilium/templates/cilium-configmap.yaml in cilium/cilium, 1.16 to 1.20-dev.
Defaults: https://docs.cilium.io/en/stable/cmdref/cilium-agent/, since what the chart leaves out the agent decides.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from ipaddress import ip_network

from shared.models import Network

_SHOWN = 40
"""Characters of an entry that is not understood; enough to find it again."""

_TRUE = frozenset({"1", "t", "T", "TRUE", "true", "True"})
_FALSE = frozenset({"0", "f", "F", "FALSE", "false", "False"})


class Routing(StrEnum):
    """How packets travel between nodes."""

    NATIVE = "native"
    TUNNEL = "tunnel"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class CiliumConfig:
    """How Cilium was configured. The agents take a change over when they are restarted; this is what they will run with."""

    routing: Routing = Routing.TUNNEL
    tunnel_protocol: str = "vxlan"
    """Of the tunnel between nodes; it also stands there where the routing is native, and then means nothing."""
    native_cidr: Network | None = None
    """`ipv4-native-routing-cidr`: packets to it are not masqueraded."""
    wireguard: bool = False
    node_encryption: bool = False
    """`encrypt-node`: WireGuard also carries what goes from node to pod and from pod to node."""
    ipsec: bool = False
    ipam: str = "cluster-pool"
    pool_cidrs: tuple[Network, ...] = ()
    """The ranges that cluster-pool IPAM cuts the nodes' pod CIDRs from, IPv4 first."""
    pool_mask_size: int | None = None
    """The prefix length of a node's IPv4 pod CIDR with cluster-pool IPAM."""
    bgp_control_plane: bool = False
    masquerade: bool = True
    """IPv4 packets that leave the native routing CIDR get the node's address."""
    bpf_masquerade: bool = False
    ip_masq_agent: bool = False
    """The ranges that are not masqueraded come from the ip-masq-agent's own ConfigMap."""
    direct_node_routes: bool = False
    """`auto-direct-node-routes`: nodes route to each other's pods through the kernel, as neighbours on one network."""
    unreadable: tuple[str, ...] = ()
    """Entries that were not understood, as `key: value`; their defaults stand in."""


def parse(data: Mapping[str, str]) -> CiliumConfig:
    """What the entries say. Raises nothing: unknown keys mean nothing here, absent ones the agent's default."""
    entries = _Entries(data)
    routing, protocol = _routing(entries)
    return CiliumConfig(
        routing=routing,
        tunnel_protocol=protocol,
        native_cidr=next(iter(entries.networks("ipv4-native-routing-cidr")), None),
        wireguard=entries.flag("enable-wireguard"),
        node_encryption=entries.flag("encrypt-node"),
        ipsec=entries.flag("enable-ipsec"),
        ipam=entries.text("ipam") or "cluster-pool",
        pool_cidrs=(*entries.networks("cluster-pool-ipv4-cidr"), *entries.networks("cluster-pool-ipv6-cidr")),
        pool_mask_size=entries.number("cluster-pool-ipv4-mask-size"),
        bgp_control_plane=entries.flag("enable-bgp-control-plane"),
        masquerade=entries.flag("enable-ipv4-masquerade", default=True),
        bpf_masquerade=entries.flag("enable-bpf-masquerade"),
        ip_masq_agent=entries.flag("enable-ip-masq-agent"),
        direct_node_routes=entries.flag("auto-direct-node-routes"),
        unreadable=tuple(entries.unreadable),
    )


def _routing(entries: "_Entries") -> tuple[Routing, str]:
    """`routing-mode` and `tunnel-protocol` since 1.14; before, `tunnel` said both: disabled, vxlan or geneve (cilium#27841)."""
    mode, old = entries.text("routing-mode"), entries.text("tunnel")
    protocol = entries.text("tunnel-protocol") or (old if old != "disabled" else "") or "vxlan"
    if not mode and old:
        mode = {"disabled": "native", "vxlan": "tunnel", "geneve": "tunnel"}.get(old, old)
    match mode or "tunnel":
        case "native":
            return Routing.NATIVE, protocol
        case "tunnel":
            return Routing.TUNNEL, protocol
        case _:
            entries.note("routing-mode" if entries.text("routing-mode") else "tunnel")
            return Routing.UNKNOWN, protocol


class _Entries:
    """Text by key, read as what it stands for; what cannot be read is written down."""

    def __init__(self, data: Mapping[str, str]) -> None:
        self._data = data
        self.unreadable: list[str] = []

    def text(self, key: str) -> str:
        return self._data.get(key, "").strip()

    def flag(self, key: str, *, default: bool = False) -> bool:
        """As Go's strconv.ParseBool reads it, which is what the agent uses."""
        text = self.text(key) or str(default)
        if text not in _TRUE | _FALSE:
            self.note(key)
            return default
        return text in _TRUE

    def number(self, key: str) -> int | None:
        text = self.text(key)
        if not text:
            return None
        if not (text.isascii() and text.isdecimal()):
            self.note(key)
            return None
        return int(text)

    def networks(self, key: str) -> tuple[Network, ...]:
        """A list is written with blanks by the chart and may be with commas."""
        found = []
        for text in re.split(r"[\s,]+", self.text(key)):
            try:
                if text:
                    found.append(ip_network(text, strict=False))
            except ValueError:
                self.note(key)
        return tuple(found)

    def note(self, key: str) -> None:
        """The entry was not understood."""
        text = " ".join(self.text(key).split())
        self.unreadable.append(f"{key}: {text if len(text) <= _SHOWN else text[:_SHOWN] + '…'}")
