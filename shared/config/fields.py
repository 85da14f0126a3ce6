"""The types of a cluster's keys: text in, checked value out. Each knows one key alone; `together` knows their company."""

import re
from collections.abc import Callable
from ipaddress import AddressValueError, IPv4Address, IPv4Network, IPv6Network, ip_interface
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, Field, PlainValidator, StrictInt, StrictStr, WithJsonSchema

from shared.label_selector import LabelSelector
from shared.models import Network

_SUBSCRIPTION = "/subscriptions/00000000-0000-0000-0000-000000000000"
_NETWORK = f"{_SUBSCRIPTION}/resourceGroups/network/providers/Microsoft.Network"
_RESOURCE_ID = re.compile(
    r"/subscriptions/[0-9a-z-]+/resourceGroups/[-\w.()]{1,90}/providers/(?P<provider>[a-z0-9.]+)(?P<rest>(/[-\w.]+/[-\w.]+)+)",
    re.IGNORECASE,
)

AZURE_ASNS = frozenset({8074, 8075, 12076, 65515, 65517, 65518, 65519, 65520})
"""AS numbers Azure keeps for itself. Source: https://learn.microsoft.com/azure/route-server/route-server-faq"""

RESERVED_ASNS = frozenset({0, 23456, *range(64496, 64512), 65535})
"""AS numbers nobody may use. Source: https://www.iana.org/assignments/iana-as-numbers-special-registry"""

_ASN_ADVICE = "choose a private one, such as 65001 (64512 to 65514, 65521 to 65534)"

SHORTEST_PREFIX = 8
"""The largest range a cluster may call its own is a /8, like Cilium's default pool 10.0.0.0/8; more is a slip."""


def _name(value: str) -> str:
    if not re.fullmatch(r"[a-z0-9-]{1,20}", value):
        msg = "must be 1 to 20 of a-z, 0-9 and '-': it becomes part of route names"
        raise ValueError(msg)
    return value


def _resource_id(kind: str, what: str) -> Callable[[str], str]:
    """A check that a text is the id of a `kind` ("Microsoft.Network/routeTables"), ignoring case as Azure does."""
    provider, *types = kind.split("/")
    expected = "/subscriptions/<id>/resourceGroups/<group>/providers/" + provider
    expected += "".join(f"/{type_}/<name>" for type_ in types)

    def check(value: str) -> str:
        match = _RESOURCE_ID.fullmatch(value)
        if not match:
            msg = f"is not the id of {what}; expected {expected}"
            raise ValueError(msg)
        found = "/".join([match["provider"], *match["rest"].split("/")[1::2]])
        if found.lower() != kind.lower():
            msg = f"is the id of a {found}, not of {what}; expected {expected}"
            raise ValueError(msg)
        return value

    return check


def parse_network(value: object) -> Network:
    """A pod range as a network; raises ValueError for anything that can only be a slip.

    Python also reads "10.0.0.0/255.0.0.0" and a bare address as networks. Azure and Cilium do not write them that way.
    """
    if isinstance(value, IPv4Network | IPv6Network):
        return value
    if not isinstance(value, str):
        msg = "must be text such as 100.64.0.0/10"
        raise ValueError(msg)  # noqa: TRY004  # pydantic turns ValueError into a problem, and a TypeError into a crash
    address, slash, length = value.partition("/")
    if not slash:
        msg = "has no prefix length; write it like 100.64.0.0/10"
        raise ValueError(msg)
    try:
        if not re.fullmatch(r"[0-9]{1,3}", length) or "%" in address:
            raise AddressValueError
        network = ip_interface(value).network
    except ValueError:
        msg = "is not a network; write it like 100.64.0.0/10 or fd00:10::/48"
        raise ValueError(msg) from None
    if str(network.network_address) != address and ip_interface(value).ip != network.network_address:
        msg = f"has host bits set; the network is {network}"
        raise ValueError(msg)
    _refuse_unusable(network)
    return network


def _refuse_unusable(network: Network) -> None:
    if network.prefixlen < SHORTEST_PREFIX:
        msg = f"{network} is larger than a /{SHORTEST_PREFIX}; name the range the pods really use"
        raise ValueError(msg)
    if network.is_loopback or network.is_link_local or network.is_multicast or network.is_unspecified:
        msg = f"{network} is loopback, link-local or multicast; pods cannot have it"
        raise ValueError(msg)


def _asn(value: int) -> int:
    if value in AZURE_ASNS:
        msg = f"{value} is Azure's own ASN; {_ASN_ADVICE}"
        raise ValueError(msg)
    if not 0 <= value <= 65535:
        msg = f"{value} is no 16-bit ASN, and Azure's hubs know no others; {_ASN_ADVICE}"
        raise ValueError(msg)
    if value in RESERVED_ASNS:
        msg = f"{value} is reserved by IANA; {_ASN_ADVICE}"
        raise ValueError(msg)
    return value


def parse_peer_address(value: object) -> IPv4Address:
    """The address of a BGP peer. Azure Route Server speaks no IPv6 (facts: route-server-faq)."""
    if isinstance(value, IPv4Address):
        return value
    if not isinstance(value, str):
        msg = "must be text such as 10.10.17.4"
        raise ValueError(msg)  # noqa: TRY004  # as above
    try:
        address = IPv4Address(value)
    except ValueError:
        msg = "is not an IPv4 address; write it like 10.10.17.4 (Azure's BGP peers have no IPv6)"
        raise ValueError(msg) from None
    if address.is_multicast or address.is_loopback or address.is_unspecified:
        msg = f"{address} is no address of a machine; give the peer's private address"
        raise ValueError(msg)
    return address


def parse_selector(value: object) -> LabelSelector:
    """The nodes that peer, by their labels; raises ValueError for what is no label selector."""
    if isinstance(value, LabelSelector):
        return value
    if not isinstance(value, str):
        msg = "must be text such as aks-pod-routes/bgp-peer=true"
        raise ValueError(msg)  # noqa: TRY004  # as above
    return LabelSelector.parse(value)


def _kubeconfig(value: object) -> Path | None:
    if isinstance(value, Path) or value is None:
        return value
    if not isinstance(value, str) or not value.strip() or "\0" in value:
        msg = "must be the path of a kubeconfig file"
        raise ValueError(msg)
    try:
        return Path(value).expanduser()
    except RuntimeError:  # "~somebody" without a home
        msg = "starts with the home of somebody who is not known here; write the path out"
        raise ValueError(msg) from None


Name = Annotated[StrictStr, AfterValidator(_name), Field(json_schema_extra={"pattern": "^[a-z0-9-]{1,20}$"})]

AksClusterId = Annotated[
    StrictStr,
    AfterValidator(_resource_id("Microsoft.ContainerService/managedClusters", "an AKS cluster")),
    Field(
        json_schema_extra={
            "pattern": "^(/[^/]+){8}$",
            "examples": [
                f"{_SUBSCRIPTION}/resourceGroups/aks/providers/Microsoft.ContainerService/managedClusters/prod-weu"
            ],
        }
    ),
]
RouteTableId = Annotated[
    StrictStr,
    AfterValidator(_resource_id("Microsoft.Network/routeTables", "a route table")),
    Field(
        json_schema_extra={
            "pattern": "^(/[^/]+){8}$",
            "examples": [f"{_NETWORK}/routeTables/rt-pods"],
        }
    ),
]
VirtualHubId = Annotated[
    StrictStr,
    AfterValidator(_resource_id("Microsoft.Network/virtualHubs", "a Route Server or virtual hub")),
    Field(
        json_schema_extra={
            "pattern": "^(/[^/]+){8}$",
            "examples": [f"{_NETWORK}/virtualHubs/rs-prod"],
        }
    ),
]
HubConnectionId = Annotated[
    StrictStr,
    AfterValidator(
        _resource_id(
            "Microsoft.Network/virtualHubs/hubVirtualNetworkConnections", "a virtual network connection of a hub"
        )
    ),
    Field(
        json_schema_extra={
            "pattern": "^(/[^/]+){10}$",
            "examples": [f"{_NETWORK}/virtualHubs/hub-weu/hubVirtualNetworkConnections/spoke-1"],
        }
    ),
]
PodCidr = Annotated[
    Network,
    PlainValidator(parse_network),
    WithJsonSchema({"type": "string", "pattern": "^[0-9a-fA-F.:]+/[0-9]{1,3}$", "examples": ["100.64.0.0/10"]}),
]
Asn = Annotated[StrictInt, AfterValidator(_asn), Field(json_schema_extra={"minimum": 1, "maximum": 65534})]
PeerAddress = Annotated[
    IPv4Address,
    PlainValidator(parse_peer_address),
    WithJsonSchema({"type": "string", "format": "ipv4", "examples": ["10.10.17.4"]}),
]
NodeSelector = Annotated[
    LabelSelector, PlainValidator(parse_selector), WithJsonSchema({"minLength": 1, "type": "string"})
]
Kubeconfig = Annotated[
    Path | None,
    PlainValidator(_kubeconfig),
    WithJsonSchema({"type": ["string", "null"], "minLength": 1, "examples": ["~/.kube/config"]}),
]
