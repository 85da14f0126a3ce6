"""What is ours: a route that carries our owner id in its name AND lies inside the cluster's pod CIDRs.

Azure routes carry no tags and no description, so the name is the only place for an owner (facts: cloud-provider-azure
stores the node there for the same reason). The name says owner and prefix, never the node: a pod CIDR that moves to
another node keeps its route and only changes the next hop.
"""

import re
from collections.abc import Collection, Iterable

from shared.models import Network

_MARK = "apr"
_NAME = re.compile(rf"{_MARK}_([a-z0-9-]{{1,20}})_[0-9a-f.]+-\d+(?:_\d+)?", re.IGNORECASE)


def route_name(owner: str, prefix: Network, taken: Collection[str] = ()) -> str:
    """The name of `owner`'s route for `prefix`, at most 80 characters of letters, digits, `_`, `.` and `-`.

    IPv6 colons become dots: `fd00:10::/64` is `fd00.10..-64`. `taken` holds the names (lower case) in use in the table
    by routes for other prefixes; a number is appended where a hand-edited route sits on the name.
    Source: https://learn.microsoft.com/azure/azure-resource-manager/management/resource-name-rules#microsoftnetwork
    """
    address = str(prefix.network_address).replace(":", ".")
    plain = name = f"{_MARK}_{owner}_{address}-{prefix.prefixlen}"
    number = 2
    while name.lower() in taken:
        name = f"{plain}_{number}"
        number += 1
    return name


def owner_of(name: str) -> str | None:
    """The owner id in a route's name, or None for a name that is not of our making. Azure names ignore case."""
    match = _NAME.fullmatch(name)
    return match[1].lower() if match else None


def is_inside(prefix: Network, pod_cidrs: Iterable[Network]) -> bool:
    """Whether `prefix` lies whole inside one of `pod_cidrs`."""
    return any(
        prefix.version == pod_cidr.version
        and pod_cidr.network_address <= prefix.network_address  # type: ignore[operator]  # same version
        and prefix.broadcast_address <= pod_cidr.broadcast_address  # type: ignore[operator]  # same version
        for pod_cidr in pod_cidrs
    )


def is_ours(name: str, prefix: Network | None, owner: str, pod_cidrs: Iterable[Network]) -> bool:
    """Name AND prefix: either alone makes a route foreign."""
    return prefix is not None and owner_of(name) == owner and is_inside(prefix, pod_cidrs)
