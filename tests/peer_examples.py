"""Nodes that may peer, and what is desired of them, written short, for tables of examples."""

from collections.abc import Iterable, Sequence
from ipaddress import IPv4Address, ip_address, ip_network

from shared.models import ForeignPeer, Node
from shared.peers import DesiredPeers, desire_peers

OLD, NEW = "2026-01-01T00:00:00Z", "2026-06-01T00:00:00Z"
NVA = ForeignPeer("nva-1", IPv4Address("10.0.9.9"), 65010)


def node(
    name: str, at: str = "", *, zone: str = "", created: str = OLD, labelled: bool = True, leaving: bool = False
) -> Node:
    """`at` holds its InternalIPs, separated by spaces. Each node has a pod CIDR and takes 110 pods."""
    pods = (ip_network(f"100.64.{name.removeprefix('n').removesuffix('-a')}.0/24"),)
    addresses = tuple(map(ip_address, at.split()))
    return Node(name, created, pods, addresses, leaving, may_peer=labelled, zone=zone, pod_limit=110)


def ips(*texts: str) -> tuple[IPv4Address, ...]:
    return tuple(map(IPv4Address, texts))


def wished(
    *nodes: Node, present: Iterable[IPv4Address] = (), foreign: Sequence[ForeignPeer] = (), places: int = 8
) -> DesiredPeers:
    return desire_peers(nodes, None, present=present, foreign=foreign, max_peers=places + len(foreign))


def chosen(desired: DesiredPeers) -> list[str]:
    """By address: the node of each, or the address where it has none."""
    return [each.node or str(each.ip) for each in desired.chosen]


def staying(desired: DesiredPeers) -> set[IPv4Address]:
    """What is there once the hub has been brought to what is desired."""
    return {each.ip for each in desired.chosen} | desired.kept


def fleet(count: int, *, labelled: int) -> list[Node]:
    return [
        node(f"n{number}", f"10.0.0.{number}", zone=f"westeurope-{number % 3 + 1}", labelled=number <= labelled)
        for number in range(1, count + 1)
    ]


A1 = node("n1", "10.0.0.11", zone="a", created="2026-01-01T00:00:00Z")
A2 = node("n2", "10.0.0.12", zone="a", created="2026-01-02T00:00:00Z")
A3 = node("n3", "10.0.0.13", zone="a", created="2026-01-03T00:00:00Z")
B4 = node("n4", "10.0.0.14", zone="b", created="2026-01-04T00:00:00Z")
B5 = node("n5", "10.0.0.15", zone="b", created="2026-01-05T00:00:00Z")
C6 = node("n6", "10.0.0.16", zone="c", created="2026-01-06T00:00:00Z")
ALL = (A1, A2, A3, B4, B5, C6)


def at(*nodes: Node) -> tuple[IPv4Address, ...]:
    return tuple(address for node in nodes for address in node.addresses if isinstance(address, IPv4Address))
