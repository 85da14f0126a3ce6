"""What a target holds, as people look through it."""

from ipaddress import IPv4Address

from shared.inventory import inventory
from shared.models import BgpPeer, ForeignPeer, Observed, Reading
from tests.examples import OWNER, TABLE, foreign, managed, named, node, table

POOLED = node("aks-np1-31415926-vmss00000a", "100.64.2.0/24", at="10.0.0.5")
READING = Reading((POOLED, node("vm-1", "100.64.1.0/24", at="10.0.0.4")))


def test_routes_come_by_prefix_with_owner_node_and_pool() -> None:
    observed = table(
        managed("100.64.2.0/24", "10.0.0.5"),
        managed("100.64.1.0/24", "10.0.0.4"),
        foreign("firewall", "0.0.0.0/0", "10.0.9.9"),
        foreign(named("100.64.7.0/24", "other"), "100.64.7.0/24"),
        foreign("tag", None),
    )
    assert [
        (row.prefix, row.next_hop, row.owner, row.node, row.pool, row.managed)
        for row in inventory(TABLE, observed, READING, OWNER)
    ] == [
        ("0.0.0.0/0", "10.0.9.9", None, None, None, False),
        ("100.64.1.0/24", "10.0.0.4", OWNER, "vm-1", None, True),
        ("100.64.2.0/24", "10.0.0.5", OWNER, POOLED.name, "np1", True),
        ("100.64.7.0/24", None, "other", None, None, False),
        (None, None, None, None, None, False),
    ]


def test_peers_come_by_address() -> None:
    observed = Observed(
        (BgpPeer("ours", IPv4Address("10.0.0.5"), 65001),),
        (ForeignPeer("theirs", IPv4Address("10.0.0.4"), 65002), ForeignPeer("odd")),
    )
    assert [
        (row.name, row.peer_ip, row.peer_asn, row.owner, row.node) for row in inventory("hub", observed, READING, OWNER)
    ] == [
        ("odd", None, None, None, None),
        ("theirs", "10.0.0.4", 65002, None, "vm-1"),
        ("ours", "10.0.0.5", 65001, OWNER, POOLED.name),
    ]
