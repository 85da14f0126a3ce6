"""What the tests play themselves: an instance of the hub, and a node that does what Cilium's objects tell it.

Cilium speaks through GoBGP inside its agent (`gobgp` has nodes like that). Here FRR stands in for it, with the AS numbers, addresses, timers, hops and graceful
restart of the rendered objects; like Cilium it calls its peers and listens to nobody.
"""

from collections.abc import Iterable, Mapping, Sequence
from ipaddress import IPv4Address, IPv4Network
from typing import Any

HUB_ASN = 65515
HUB_HOLD = 180
"""Azure's hubs: keepalive 60 s, hold 180 s, 4,000 routes from a peer.
Source: https://learn.microsoft.com/azure/route-server/route-server-faq"""

ANNOUNCED_BY_HUB = ("0.0.0.0/0", "192.168.0.0/16", "10.10.0.0/16")
"""A default route, an on-premises range and the VNet's own, as gateways and virtual networks bring them."""

CILIUM_OPTIONS = ("-A", "127.0.0.1", "-n", "-p", "0")
HUB_OPTIONS = ("-A", "127.0.0.1", "-n")


def hub_config(address: IPv4Address, peers: Iterable[IPv4Address], peer_asn: int, extra: Sequence[str] = ()) -> str:
    """An instance of a Route Server with one bgpConnection per peer. `extra` prefixes are announced besides the usual."""
    lines = [
        f"router bgp {HUB_ASN}",
        f" bgp router-id {address}",
        " no bgp ebgp-requires-policy",
        " no bgp network import-check",
        f" timers bgp 60 {HUB_HOLD}",
    ]
    for peer in peers:
        lines += [f" neighbor {peer} remote-as {peer_asn}", f" neighbor {peer} ebgp-multihop 255"]
        lines += [f" neighbor {peer} timers connect 2"]
    lines += [" address-family ipv4 unicast"]
    lines += [f"  network {prefix}" for prefix in (*ANNOUNCED_BY_HUB, *extra)]
    lines += [f"  neighbor {peer} maximum-prefix 4000" for peer in peers]
    return "\n".join([*lines, " exit-address-family", ""])


def node_config(
    address: IPv4Address, announced: Sequence[IPv4Network], objects: Mapping[str, Mapping[str, Any]]
) -> str:
    """A node with these pod CIDRs, as the rendered objects (by kind) have it."""
    peer_config = objects["CiliumBGPPeerConfig"]
    (instance,) = objects["CiliumBGPClusterConfig"]["spec"]["bgpInstances"]
    spec = peer_config["spec"]
    timers, restart = spec["timers"], spec["gracefulRestart"]
    lines = [
        f"router bgp {instance['localASN']}",
        f" bgp router-id {address}",
        " no bgp default ipv4-unicast",
        " no bgp ebgp-requires-policy",
        " no bgp network import-check",
    ]
    if restart["enabled"]:
        lines += [" bgp graceful-restart", f" bgp graceful-restart restart-time {restart['restartTimeSeconds']}"]
        lines += [" bgp graceful-restart preserve-fw-state"]
    for peer in instance["peers"]:
        assert peer["peerConfigRef"]["name"] == peer_config["metadata"]["name"]
        neighbor = f" neighbor {peer['peerAddress']}"
        lines += [
            f"{neighbor} remote-as {peer['peerASN']}",
            f"{neighbor} timers {timers['keepAliveTimeSeconds']} {timers['holdTimeSeconds']}",
            f"{neighbor} timers connect {timers['connectRetryTimeSeconds']}",
        ]
        if hops := spec.get("ebgpMultihop"):
            lines += [f"{neighbor} ebgp-multihop {hops}"]
    (family,) = spec["families"]
    lines += [f" address-family {family['afi']} {family['safi']}"]
    if family["advertisements"]["matchLabels"] == objects["CiliumBGPAdvertisement"]["metadata"]["labels"]:
        lines += [f"  network {prefix}" for prefix in announced]
    lines += [f"  neighbor {peer['peerAddress']} activate" for peer in instance["peers"]]
    return "\n".join([*lines, " exit-address-family", ""])
