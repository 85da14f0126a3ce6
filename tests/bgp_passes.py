"""Nodes, hubs and passes over them in mode routeServer, all in memory: what the tests of BGP peers share."""

from collections.abc import Sequence
from dataclasses import replace
from ipaddress import IPv4Address
from typing import Any

from shared.models import Node
from shared.modes import BgpPeers
from shared.ownership import peer_name
from shared.reconcile import Order, reconcile
from shared.report import ClusterReport
from tests.examples import OLD, OWNER, RULES, codes, node, ruled
from tests.fake_hub import FakeHub
from tests.fakes import FakeNodes

ASN = 65001
POD_RULES = ruled(pod_cidrs=RULES.pod_cidrs[:1])


def labelled(number: int, *, created: str = OLD, **more: Any) -> Node:
    """A node that may peer: n4 has 10.0.0.4 and 100.64.4.0/24."""
    plain = node(f"n{number}", f"100.64.{number}.0/24", at=f"10.0.0.{number}", created=created, **more)
    return replace(plain, may_peer=True, pod_limit=30)


def name(address: str) -> str:
    return peer_name(OWNER, IPv4Address(address))


def hub_with(*addresses: str, foreign: Sequence[tuple[str, str, int]] = (), asn: int = ASN, **more: Any) -> FakeHub:
    """A hub with peers of ours that announce nothing yet."""
    return FakeHub(OWNER, *((name(address), address, asn) for address in addresses), *foreign, **more)


def announcing(hub: FakeHub, *nodes: Node) -> FakeHub:
    """Each node announces its own pod CIDR."""
    for each in nodes:
        hub.announced[str(each.addresses[0])] = {str(cidr): str(each.addresses[0]) for cidr in each.pod_cidrs}
    return hub


def run(
    nodes: Sequence[Node],
    hub: FakeHub,
    *,
    order: Order = Order("http"),  # noqa: B008  # a frozen value
    **more: Any,
) -> ClusterReport:
    mode = replace(BgpPeers("routeServer", POD_RULES, ASN, capacity=8), **more)
    return reconcile(mode, FakeNodes(*nodes), [hub], order, pause=lambda _: None, before_write=lambda: None)


def found(report: ClusterReport) -> list[str]:
    return [each.split()[0] for each in codes(report.targets[0].findings)]


N4, N5, N6, N7 = (labelled(number) for number in (4, 5, 6, 7))
MANY = [labelled(number) for number in range(4, 13)]
