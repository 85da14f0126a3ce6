"""What targets hold, entry by entry, for people to look through: whose it is, and which node is behind it. Pure."""

import re
from collections.abc import Iterable, Iterator
from typing import Any

from shared.desired import network_order
from shared.models import Address, BgpPeer, Foreign, ForeignPeer, Observed, Reading, Route
from shared.ownership import owner_of
from shared.status import RouteRow

_POOL = re.compile(r"aks-(?P<pool>[a-z0-9]{1,12})-[0-9]+-vmss[0-9a-z]{6}")
"""Nodes of a scale set: https://learn.microsoft.com/azure/aks/faq (names of the nodes)."""


def inventory(target: str, observed: Observed[Any, Any], reading: Reading, owner: str) -> tuple[RouteRow, ...]:
    """Every route of a table, or every peer of a hub, by prefix or address; `owner` is that of what is managed."""
    nodes = {address: node.name for node in reading.nodes for address in node.addresses}
    held = [(each, True) for each in observed.managed] + [(each, False) for each in observed.foreign]
    return tuple(row for _, row in sorted(_rows(target, held, nodes, owner), key=lambda pair: pair[0]))


def _rows(
    target: str,
    held: Iterable[tuple[Route | Foreign | BgpPeer | ForeignPeer, bool]],
    nodes: dict[Address, str],
    owner: str,
) -> Iterator[tuple[tuple[int, ...], RouteRow]]:
    for each, managed in held:
        match each:
            case Route() | Foreign():
                node = nodes.get(each.next_hop) if each.next_hop is not None else None
                hop = str(each.next_hop) if each.next_hop is not None else getattr(each, "next_hop_type", None)
                order = network_order(each.prefix) if each.prefix is not None else (9,)
                yield (
                    order,
                    RouteRow(
                        target,
                        each.name,
                        managed,
                        prefix=str(each.prefix) if each.prefix is not None else None,
                        next_hop=hop,
                        owner=owner_of(each.name),
                        node=node,
                        pool=_pool(node),
                    ),
                )
            case BgpPeer() | ForeignPeer():
                node = nodes.get(each.ip) if each.ip is not None else None
                yield (
                    (int(each.ip) if each.ip is not None else 0,),
                    RouteRow(
                        target,
                        each.name,
                        managed,
                        peer_ip=str(each.ip) if each.ip is not None else None,
                        peer_asn=each.asn,
                        owner=owner if managed else None,
                        node=node,
                        pool=_pool(node),
                    ),
                )


def _pool(node: str | None) -> str | None:
    match = _POOL.fullmatch(node or "")
    return match["pool"] if match else None
