"""What is ours: the name carries our owner id AND a route lies inside the pod CIDRs, a BGP peer has the address it names.

Azure routes and bgpConnections carry no tags and no description, so the name is the only place for an owner (facts:
cloud-provider-azure stores the node there for the same reason). The name says owner and prefix, or owner and address, never
the node: a pod CIDR that moves to another node keeps its route and only changes the next hop. A route's name ends in the
length of its prefix, a peer's does not, so neither is ever taken for the other.
"""

import re
from collections.abc import Collection, Iterable
from ipaddress import IPv4Address

from shared.models import Network

_MARK = "apr"
_OWNER = rf"{_MARK}_([a-z0-9-]{{1,20}})"
_NAME = re.compile(rf"{_OWNER}_[0-9a-f.]+-\d+(?:_\d+)?", re.IGNORECASE)
_PEER_NAME = re.compile(rf"{_OWNER}_([0-9.]+)(?:_[0-9]+)?", re.IGNORECASE)


def route_name(owner: str, prefix: Network, taken: Collection[str] = ()) -> str:
    """The name of `owner`'s route for `prefix`, at most 80 characters of letters, digits, `_`, `.` and `-`.

    IPv6 colons become dots: `fd00:10::/64` is `fd00.10..-64`. `taken` holds the names (lower case) in use in the table
    by routes for other prefixes; a number is appended where a hand-edited route sits on the name.
    Source: https://learn.microsoft.com/azure/azure-resource-manager/management/resource-name-rules#microsoftnetwork
    """
    address = str(prefix.network_address).replace(":", ".")
    return _free(f"{_MARK}_{owner}_{address}-{prefix.prefixlen}", taken)


def peer_name(owner: str, ip: IPv4Address, taken: Collection[str] = ()) -> str:
    """The name of `owner`'s bgpConnection for the peer at `ip`, made of the same characters as a route's.

    `taken` holds the names (lower case) of the hub's connections to other peers; a number is appended where one of them
    sits on the name: to write under it would change a connection that is not ours.
    Source: https://learn.microsoft.com/azure/azure-resource-manager/management/resource-name-rules#microsoftnetwork
    """
    return _free(f"{_MARK}_{owner}_{ip}", taken)


def owner_of(name: str) -> str | None:
    """The owner id in a route's name, or None for a name that is not of our making. Azure names ignore case."""
    match = _NAME.fullmatch(name)
    return match[1].lower() if match else None


def is_inside(prefix: Network, pod_cidrs: Iterable[Network]) -> bool:
    """Whether `prefix` lies whole inside one of `pod_cidrs`: it is as long or longer, and begins with the same bits."""
    address = int(prefix.network_address)
    return any(
        prefix.version == pod_cidr.version
        and prefix.prefixlen >= pod_cidr.prefixlen
        and not (address ^ int(pod_cidr.network_address)) >> (pod_cidr.max_prefixlen - pod_cidr.prefixlen)
        for pod_cidr in pod_cidrs
    )


def is_ours(name: str, prefix: Network | None, owner: str, pod_cidrs: Iterable[Network]) -> bool:
    """Name AND prefix: either alone makes a route foreign."""
    return prefix is not None and owner_of(name) == owner and is_inside(prefix, pod_cidrs)


def is_our_peer(name: str, ip: IPv4Address | None, owner: str) -> bool:
    """Owner AND the connection's own address in its name: either alone makes a peer foreign. Azure names ignore case.

    `ip` is None for a connection whose address cannot be read.
    """
    match = _PEER_NAME.fullmatch(name)
    return ip is not None and match is not None and (match[1].lower(), match[2]) == (owner, str(ip))


def _free(plain: str, taken: Collection[str]) -> str:
    name, number = plain, 2
    while name.lower() in taken:
        name = f"{plain}_{number}"
        number += 1
    return name
