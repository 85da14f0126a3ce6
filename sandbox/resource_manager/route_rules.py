"""What Azure accepts as a route table and as a route. Pure: bodies in, contents out, or the 400 that says why not."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from typing import Any

from sandbox.resource_manager import errors
from sandbox.resource_manager.answers import AzureError, Body

DEFAULT_ROUTES_PER_TABLE = 1000
"""Azure's default since May 2026 (https://azure.microsoft.com/updates?id=562695)."""

_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9_.-]{0,78}[A-Za-z0-9_])?")
"""https://learn.microsoft.com/azure/azure-resource-manager/management/resource-name-rules#microsoftnetwork"""

_SERVICE_TAG = re.compile(r"[A-Za-z][A-Za-z0-9.]*")
"""A route may name a service tag instead of a prefix (https://learn.microsoft.com/azure/virtual-network/virtual-networks-udr-overview)."""

_CIDR = re.compile(r"[0-9A-Fa-f:.]+/\d{1,3}")
"""Address and length; Python's parser alone would also take a netmask."""

_HOP_TYPES = ("VirtualNetworkGateway", "VnetLocal", "Internet", "VirtualAppliance", "VirtualApplianceEcmp", "None")
_READ_ONLY_TABLE = frozenset({"provisioningState", "resourceGuid", "subnets", "routes"})
_READ_ONLY_ROUTE = frozenset({"provisioningState", "hasBgpOverride"})


@dataclass(frozen=True, slots=True)
class Route:
    """A route as it was written: its name and its writable properties, unknown ones included."""

    name: str
    properties: Body


@dataclass(frozen=True, slots=True)
class Content:
    """What a caller can write of a table. Two PUTs with equal contents are the same PUT."""

    tags: Mapping[str, str] | None
    properties: Body
    routes: tuple[Route, ...]

    def find(self, name: str) -> Route | None:
        """The route of that name, compared without regard to case."""
        return next((route for route in self.routes if route.name.lower() == name.lower()), None)


def parse_table(body: object, table_id: str, *, limit: int) -> Content:
    """The content of a table's PUT. Read-only properties are ignored. Raises the AzureError of the first fault."""
    table = _object(body, "")
    properties = _object(table.get("properties", {}), "properties")
    routes = properties.get("routes", [])
    if not isinstance(routes, list):
        raise errors.unparsable("InvalidJson", "Error converting value to a list of routes. Path 'properties.routes'.")
    kept = {name: value for name, value in properties.items() if name not in _READ_ONLY_TABLE}
    parsed = tuple(parse_route(route, table_id) for route in routes)
    check_set(parsed, table_id, limit=limit)
    return Content(table.get("tags"), {"disableBgpRoutePropagation": False} | kept, parsed)


def parse_route(body: object, table_id: str, *, name: str | None = None) -> Route:
    """One route, from a table's list or, with `name` from the URL, from its own PUT."""
    route = _object(body, "route")
    name = name or str(route.get("name") or "")
    check_name(name)
    properties = _object(route.get("properties", {}), f"routes['{name}'].properties")
    kept = {key: value for key, value in properties.items() if key not in _READ_ONLY_ROUTE and value is not None}
    _check_prefix(kept.get("addressPrefix"), f"{table_id}/routes/{name}")
    _check_next_hop(kept, name)
    return Route(name, kept)


def check_name(name: str) -> None:
    """Raise the 400 for a bad name (wording: https://github.com/F5Networks/f5-azure-arm-templates/issues/227)."""
    if not _NAME.fullmatch(name):
        raise AzureError(
            400,
            "InvalidResourceName",
            f"Resource name {name} is invalid. The name can be up to 80 characters long. It must begin with a word "
            "character, and it must end with a word character or with '_'. "
            "The name may contain word characters or '.', '-', '_'.",
            details=(),
        )


def check_set(routes: Iterable[Route], table_id: str, *, limit: int) -> None:
    """Raise the 400 for routes that cannot stand in one table: names, prefixes, number."""
    names: set[str] = set()
    prefixes: dict[str, str] = {}
    for route in routes:
        if route.name.lower() in names:
            # https://github.com/Azure/azure-powershell/issues/9920 (for subnets): the ids in it are empty there too.
            raise errors.unparsable(
                "DuplicateResourceName",
                "Resource /subscriptions//resourceGroups//providers/Microsoft.Network/routeTables/ "
                f"has two child resources with the same name ({route.name}).",
            )
        names.add(route.name.lower())
        prefix = _comparable(route.properties["addressPrefix"])
        if prefix in prefixes:
            # https://github.com/kubernetes-sigs/cloud-provider-azure/issues/657
            raise AzureError(
                400,
                "RouteConflict",
                f"Route: {route.name} conflicts with Route: {prefixes[prefix]}. "
                "Routes cannot have the same AddressPrefix.",
                details=(),
            )
        prefixes[prefix] = route.name
    if len(names) > limit:
        raise AzureError(  # inferred: Azure's own code and wording could not be found
            400,
            "RoutesPerRouteTableLimitReached",
            f"Route table {table_id} cannot have more than {limit} routes as per the limit RoutesPerRouteTable.",
            details=(),
        )


def _object(value: object, where: str) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise errors.unparsable("InvalidJson", f"Error converting value to an object. Path '{where}'.")
    return value


def _comparable(prefix: str) -> str:
    return str(ip_network(prefix)) if "/" in prefix else prefix.lower()


def _network(prefix: object) -> IPv4Network | IPv6Network | None:
    try:
        return ip_network(prefix, strict=False) if isinstance(prefix, str) and _CIDR.fullmatch(prefix) else None
    except ValueError:
        return None


def _check_prefix(prefix: object, route_id: str) -> None:
    if isinstance(prefix, str) and _SERVICE_TAG.fullmatch(prefix):
        return
    network = _network(prefix)
    if network is None:
        raise AzureError(  # recorded for a subnet
            400,
            "InvalidAddressPrefixFormat",
            f"Address prefix {prefix or ''} of resource {route_id} is not formatted correctly. "
            "It should follow CIDR notation, for example 10.0.0.0/24.",
            details=(),
        )
    if ip_address(str(prefix).split("/")[0]) != network.network_address:
        raise AzureError(  # quoted in public for virtual networks and subnets, inferred for routes
            400,
            "InvalidCIDRNotation",
            f"The address prefix {prefix} in resource {route_id} has an invalid CIDR notation. "
            f"For the given prefix length, the address prefix should be {network}.",
            details=(),
        )


def _check_next_hop(properties: Body, name: str) -> None:
    kind = next((known for known in _HOP_TYPES if known.lower() == str(properties.get("nextHopType")).lower()), None)
    if kind is None:
        raise errors.unparsable(
            "InvalidJson",
            f"Error converting value \"{properties.get('nextHopType')}\" to type 'RouteNextHopType'. "
            f"Path 'properties.routes['{name}'].properties.nextHopType'.",
        )
    properties["nextHopType"] = kind
    address = properties.get("nextHopIpAddress")
    if kind == "VirtualAppliance" and not address:
        # https://github.com/hashicorp/terraform-provider-azurerm/pull/20365
        raise _bad_hop(
            "MissingNextHopIpAddress",
            f"NextHopIpAddress cannot be Null or Empty in route {name} when NextHopType is VirtualAppliance.",
        )
    if kind != "VirtualAppliance" and address:
        # Refused: https://github.com/XenitAB/terraform-modules/issues/303; code and wording inferred.
        raise _bad_hop(
            "NextHopIpAddressNotAllowed",
            f"NextHopIpAddress must be Null or Empty in route {name} when NextHopType is {kind}.",
        )
    hops = [address] if address else []
    if kind == "VirtualApplianceEcmp":
        hops = _object(properties.get("nextHop") or {}, "nextHop").get("nextHopIpAddresses") or []
        if len(hops) < 2:  # minItems of the published description; code and wording inferred
            raise _bad_hop("InvalidNextHop", f"Route {name} needs at least two NextHopIpAddresses.")
    for hop in hops:
        try:
            ip_address(str(hop))
        except ValueError:  # inferred
            raise _bad_hop("InvalidNextHopIpAddress", f"NextHopIpAddress {hop} in route {name} is invalid.") from None


def _bad_hop(code: str, message: str) -> AzureError:
    return AzureError(400, code, message, details=())
