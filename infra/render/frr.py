"""frr.conf and daemons of a route reflector. The same files serve on the machine and in the tests with real routers.

Written for FRR 8.4 and newer; 8.4.4 is in Ubuntu 24.04 and in Debian 12 (https://packages.ubuntu.com/noble/frr).
"""

from ipaddress import IPv4Address, IPv4Network

from infra.render.inputs import HUB_ASN, Bgp, Inputs

MULTIHOP = 4
"""Hops to the hub, which always sits in a subnet of its own. Azure's fabric may hide some; more costs nothing."""

HUB_TIMERS = (60, 180)
"""Keepalive and hold time, seconds, as Azure's hubs have them. Shorter ones are not offered: a side that keeps to 60 s would
be taken for dead. VPN gateways are known not to negotiate them down (facts: techcommunity, Azure VPN Gateway BGP timers)."""

NODE_TIMERS = (3, 9)
"""The shortest Cilium supports.
Source: https://docs.cilium.io/en/stable/network/bgp-control-plane/bgp-control-plane-configuration/#timers"""

MAX_FDS = 8192
"""Open files of bgpd. FRR's unit allows 1,024, which ends at about as many nodes; `MAX_FDS` of the daemons file lifts it."""


def daemons() -> str:
    """What the frr package starts besides zebra and staticd, which it always starts: bgpd, with room for many sessions."""
    return (
        "# Rendered by `python -m infra.render`; edit its inputs instead.\n"
        "bgpd=yes\n"
        "vtysh_enable=yes\n"
        f"MAX_FDS={MAX_FDS}\n"
        'zebra_options="  -A 127.0.0.1 -s 90000000"\n'
        'bgpd_options="   -A 127.0.0.1"\n'
        'staticd_options="-A 127.0.0.1"\n'
    )


def frr_conf(inputs: Inputs, bgp: Bgp, number: int) -> str:
    """The configuration of reflector `number`, counted from 1. Only host name and router id differ between reflectors."""
    return "\n".join(
        [
            "! Rendered by `python -m infra.render`; edit its inputs instead.",
            "frr defaults traditional",
            f"hostname reflector-{number}",
            "log syslog informational",
            "!",
            "! Only the default route leads to the nodes, as always on Azure. Without this, no route would count as usable.",
            "ip nht resolve-via-default",
            "! A reflector carries no traffic: nothing it learns goes to its kernel.",
            "bgp no-rib",
            "!",
            "! What a node may announce: pod CIDRs, reached through an address of a node.",
            *_prefix_list("POD-CIDRS", [_pod_cidrs(pods, inputs) for pods in inputs.pod_cidrs]),
            *_prefix_list("NODE-ADDRESSES", [f"{subnet} ge 32" for subnet in bgp.node_subnets]),
            "!",
            "route-map FROM-NODES permit 10",
            " match ip address prefix-list POD-CIDRS",
            " match ip next-hop prefix-list NODE-ADDRESSES",
            "!",
            "route-map TO-NODES permit 10",
            " match ip address prefix-list POD-CIDRS",
            "!",
            "! The hub has nothing the nodes need: their packets leave by Azure's effective routes.",
            "route-map FROM-HUB deny 10",
            "!",
            "route-map TO-HUB permit 10",
            " match ip address prefix-list POD-CIDRS",
            " set ip next-hop unchanged",
            "!",
            "! Apply the route maps now, not 5 s later by asking every node to say everything again: a node whose agent",
            "! restarts in that moment would lose its route.",
            "bgp route-map delay-timer 0",
            "!",
            *_router(bgp, bgp.reflectors[number - 1]),
            "",
        ]
    )


def _router(bgp: Bgp, address: IPv4Address) -> list[str]:
    return [
        f"router bgp {bgp.asn}",
        f" bgp router-id {address}",
        f" bgp cluster-id {bgp.reflectors[0]}",
        " bgp log-neighbor-changes",
        " no bgp default ipv4-unicast",
        " ! A node that falls silent is dead: its routes go with the hold time, not after the restart time (RFC 8538).",
        " ! One whose agent closes the connection is restarting, and keeps them for the restart time (RFC 4724).",
        " no bgp graceful-restart notification",
        f" bgp listen limit {bgp.max_routes}",
        " neighbor NODES peer-group",
        f" neighbor NODES remote-as {bgp.asn}",
        f" neighbor NODES timers {_timers(NODE_TIMERS)}",
        " neighbor HUB peer-group",
        f" neighbor HUB remote-as {HUB_ASN}",
        f" neighbor HUB ebgp-multihop {MULTIHOP}",
        f" neighbor HUB timers {_timers(HUB_TIMERS)}",
        " neighbor HUB timers connect 10",
        *(f" neighbor {hub} peer-group HUB" for hub in bgp.hub_addresses),
        *(f" bgp listen range {subnet} peer-group NODES" for subnet in bgp.node_subnets),
        " !",
        " address-family ipv4 unicast",
        "  neighbor NODES activate",
        "  neighbor NODES route-reflector-client",
        "  neighbor NODES route-map FROM-NODES in",
        "  neighbor NODES route-map TO-NODES out",
        f"  neighbor NODES maximum-prefix {bgp.prefixes_per_node}",
        "  neighbor HUB activate",
        "  neighbor HUB route-map FROM-HUB in",
        "  neighbor HUB route-map TO-HUB out",
        f"  neighbor HUB maximum-prefix-out {bgp.max_routes}",
        " exit-address-family",
    ]


def _prefix_list(name: str, entries: list[str]) -> list[str]:
    return [f"ip prefix-list {name} seq {10 * at} permit {entry}" for at, entry in enumerate(entries, 1)]


def _pod_cidrs(pods: IPv4Network, inputs: Inputs) -> str:
    """Never the whole range, unless it is one node's: a node that announced it would draw the traffic of all others."""
    if pods.prefixlen == inputs.node_mask_size:
        return str(pods)
    longest = 32 if inputs.multi_pool else inputs.node_mask_size  # pools may have other mask sizes
    return f"{pods} ge {inputs.node_mask_size} le {longest}"


def _timers(timers: tuple[int, int]) -> str:
    return f"{timers[0]} {timers[1]}"
