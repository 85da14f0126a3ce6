"""The network file: what a rendering needs and the clusters file does not say. What the keys mean together is not known here."""

from ipaddress import IPv4Network
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StrictInt, StrictStr, ValidationError
from pydantic.alias_generators import to_camel
from pydantic_core import ErrorDetails

from shared.config import yaml_document
from shared.config.fields import PeerAddress, PodCidr
from shared.errors import ConfigError
from shared.models import Network as IpNetwork

MAX_ROUTES = 2000
"""Routes announced to one instance of the hub: half of the 4,000 it takes from a peer. The limit counts what the hub has
learned plus what an update brings, so a reflector that announces everything again after a restart counts twice.
Source: https://learn.microsoft.com/azure/route-server/route-server-faq, facts: azure-docs PR 127613 (September 2025)."""

_EXPECTED = {
    "int_type": "a whole number",
    "string_type": "text",
    "tuple_type": "an array",
    "literal_error": "one of",
}


def _ipv4(network: IpNetwork) -> IPv4Network:
    if not isinstance(network, IPv4Network):
        msg = f"{network} is IPv6; neither Azure's BGP peers nor AKS without a network plugin carry it"
        raise ValueError(msg)  # noqa: TRY004  # pydantic turns ValueError into a problem
    return network


Range = Annotated[PodCidr, AfterValidator(_ipv4)]


class Network(BaseModel):
    """The keys of the network file."""

    model_config = ConfigDict(frozen=True, extra="forbid", alias_generator=to_camel)

    cluster: StrictStr
    """The name of one cluster of the clusters file."""
    ipam: Literal["clusterPool", "multiPool"] = "clusterPool"
    """How Cilium hands out pod CIDRs: one to each node, or as many as it needs from pools."""
    encryption: Literal["none", "wireguard"] = "none"
    node_mask_size: Annotated[StrictInt, Field(ge=9, le=28)] = 24
    """Prefix length of one node's pod CIDR."""
    native_routing_cidr: Range | None = None
    """Where Cilium does not masquerade; absent, the cluster's only pod range."""
    node_subnets: tuple[Range, ...] = ()
    hub_addresses: tuple[PeerAddress, ...] = ()
    """`virtualRouterIps` of the Route Server or virtual hub."""
    hub_subnet: Range | None = None
    """RouteServerSubnet, or the address range of the virtual hub."""
    max_routes: Annotated[StrictInt, Field(ge=1, le=MAX_ROUTES)] = MAX_ROUTES
    prefixes_per_node: Annotated[StrictInt, Field(ge=1, le=MAX_ROUTES)] | None = None
    """How many prefixes a reflector takes from one node; absent, 4 for clusterPool and 64 for multiPool."""


def read_network(text: str) -> Network:
    """The network file in `text` (YAML or JSON). Raises ConfigError with every problem, one line per key."""
    try:
        found, repeated = yaml_document.parse(text)
    except ValueError as error:
        raise ConfigError((f"network: {error}",)) from None
    problems = [f"network: {problem}" for problem in repeated]
    if not isinstance(found, dict):
        raise ConfigError(("network: must be an object with the key cluster",))
    try:
        network = Network.model_validate({key: value for key, value in found.items() if value is not None})
    except ValidationError as error:
        problems += [_problem(each) for each in error.errors(include_url=False)]
    if problems:
        raise ConfigError(tuple(problems))
    return network


def _problem(error: ErrorDetails) -> str:
    where = "network" + "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in error["loc"])
    context = error.get("ctx", {})
    match error["type"]:
        case "missing":
            text = "is missing; give the name of a cluster of the clusters file"
        case "extra_forbidden" | "invalid_key":
            known = ", ".join(field.alias or name for name, field in Network.model_fields.items())
            text = f"unknown key; the keys are {known}"
        case "value_error":
            text = str(context["error"])
        case "literal_error":
            text = f"must be {context['expected']}"
        case "greater_than_equal" | "less_than_equal":
            bounds = "the least is" if "ge" in context else "the most is"
            text = f"{error['input']} is out of range; {bounds} {context.get('ge', context.get('le'))}"
        case kind:
            text = f"must be {_EXPECTED[kind]}" if kind in _EXPECTED else error["msg"]
    return f"{where}: {text}"
