"""What Azure accepts as a peer of a virtual hub. Pure: bodies in, peers out, or the 400 that says why not."""

from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import AddressValueError, IPv4Address

from sandbox.resource_manager import errors, hub_errors
from sandbox.resource_manager.answers import Body
from sandbox.resource_manager.route_rules import check_name

MAX_PEERS = 8
"""https://learn.microsoft.com/azure/route-server/route-server-faq#route-server-limits"""

_SIXTEEN_BITS = 65535
_AZURE = frozenset({8074, 8075, 12076, 65515, *range(65517, 65521)})
_IANA = frozenset({0, 23456, *range(64496, 64512), 65535})
"""Both sets: https://learn.microsoft.com/azure/route-server/route-server-faq (which goes on above 16 bits); 0 is RFC 7607."""

_READ_ONLY = frozenset({"provisioningState", "connectionState"})


@dataclass(frozen=True, slots=True)
class Peer:
    """A bgpConnection as it was written: its name and its writable properties, unknown ones included."""

    name: str
    properties: Body

    @property
    def ip(self) -> str:
        """The address of the speaker."""
        return str(self.properties["peerIp"])

    @property
    def asn(self) -> int:
        """The autonomous system of the speaker."""
        return int(self.properties["peerAsn"])

    @property
    def connection(self) -> str | None:
        """The id of the hub's network connection behind which it is; None in a Route Server."""
        reference = self.properties.get("hubVirtualNetworkConnection")
        return reference.get("id") if isinstance(reference, dict) else None


def parse_peer(body: object, name: str) -> Peer:
    """A peer from the body of its PUT. Read-only properties are ignored. Raises the AzureError of the first fault."""
    properties = body.get("properties", {}) if isinstance(body, dict) else None
    if not isinstance(properties, dict):
        raise errors.invalid_request("The request content was invalid: it needs an object 'properties'.")
    check_name(name)
    kept = {key: value for key, value in properties.items() if key not in _READ_ONLY and value is not None}
    kept["peerIp"] = _address(kept.get("peerIp"))
    _check_asn(kept.get("peerAsn"))
    return Peer(name, kept)


def check_set(peers: Sequence[Peer], hub_id: str) -> None:
    """Raise the 400 for an address that two peers have, or for more peers than a hub takes."""
    seen: dict[str, str] = {}
    for peer in peers:
        if peer.ip in seen:
            raise hub_errors.duplicate_peer_ip(peer.ip, f"{hub_id}/bgpConnections/{seen[peer.ip]}")
        seen[peer.ip] = peer.name
    if len(peers) > MAX_PEERS:
        raise hub_errors.too_many_peers(hub_id, MAX_PEERS)


def check_change(old: Peer, new: Peer, hub_id: str) -> None:
    """Raise the 400 for what a PUT cannot change in a peer that is there."""
    for what, before, after in (("peerIp", old.ip, new.ip), ("peerAsn", old.asn, new.asn)):
        if before != after:
            raise hub_errors.peer_is_fixed(f"{hub_id}/bgpConnections/{old.name}", what)


def _address(value: object) -> str:
    try:
        return str(IPv4Address(value if isinstance(value, str) else ""))
    except AddressValueError:
        raise hub_errors.invalid_peer_ip(value) from None


def _check_asn(value: object) -> None:
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise hub_errors.invalid_peer_asn(value, "it is not a number")
    if value > _SIXTEEN_BITS:
        raise hub_errors.invalid_peer_asn(value, "only 16-bit ASNs are supported")
    if value in _AZURE:
        raise hub_errors.invalid_peer_asn(value, "it is reserved by Azure")
    if value in _IANA:
        raise hub_errors.invalid_peer_asn(value, "it is reserved by IANA")
