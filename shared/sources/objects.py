"""Nodes and CiliumNodes as an API server lists them, and how the two become one reading.

Pure: values in, values out. How the lists are fetched is told in `kubernetes`; who gets a route is decided in `desired`.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import ip_address, ip_network
from typing import Annotated, Generic, Literal, TypeVar

import msgspec

from shared.desired import network_order
from shared.models import Address, Network, Node, Reading, Severity
from shared.sources.oddities import Oddities

PodCidrSource = Literal["auto", "ciliumNode", "node"]
"""Whose pod CIDRs count; `auto` is CiliumNodes where the API serves them, else Nodes."""

INTERNAL_IP = "InternalIP"
"""The only address type that is a next hop: a CiliumInternalIP lies inside the pod CIDR itself (cilium#31079)."""

KNOWN_TEXTS = 2**14
"""How many pod CIDRs, and how many addresses, are remembered as parsed: three times what the largest cluster has, in some MB.
An instance reads the same ones in every pass, and parsing them takes longer than everything else it does with a node."""

Name = Annotated[str, msgspec.Meta(min_length=1)]


class NodeMetadata(msgspec.Struct, frozen=True, rename="camel"):
    """Who the node is and since when."""

    name: Name
    creation_timestamp: str
    deletion_timestamp: str | None = None


class NodeSpec(msgspec.Struct, frozen=True):
    """`podCIDR` alone is what API servers before 1.16 wrote (seen in the AKS recording of 2020)."""

    pod_cidrs: tuple[str, ...] = msgspec.field(default=(), name="podCIDRs")
    pod_cidr: str = msgspec.field(default="", name="podCIDR")


class NodeAddress(msgspec.Struct, frozen=True):
    """One entry of a Node's `status.addresses`; both fields are required by the API."""

    type: str
    address: str


class NodeStatus(msgspec.Struct, frozen=True):
    """Where the node can be reached."""

    addresses: tuple[NodeAddress, ...] = ()


class NodeObject(msgspec.Struct, frozen=True):
    """A `v1` Node, as far as it is read."""

    metadata: NodeMetadata
    spec: NodeSpec = NodeSpec()
    status: NodeStatus = NodeStatus()


class CandidateNode(NodeObject, frozen=True):
    """A Node with what choosing peers takes, told from its labels in `candidates`. Never decoded."""

    may_peer: bool = False
    zone: str = ""
    pod_limit: int = 0


class CiliumMetadata(msgspec.Struct, frozen=True):
    """A CiliumNode carries the name of its Node."""

    name: Name


class CiliumAddress(msgspec.Struct, frozen=True):
    """One entry of `spec.addresses`; the CRD requires neither field."""

    type: str = ""
    ip: str = ""


class PoolAllocation(msgspec.Struct, frozen=True):
    """What one pool gave to the node. `cidrs` are plain strings and optional (CiliumNode CRD, `format: cidr`)."""

    cidrs: tuple[str, ...] = ()


class Pools(msgspec.Struct, frozen=True):
    """Multi-pool IPAM; a node that has asked for nothing yet has `pools: {}` (cilium#37946)."""

    allocated: tuple[PoolAllocation, ...] = ()


class Ipam(msgspec.Struct, frozen=True):
    """Cluster-pool and Kubernetes host scope write `podCIDRs`, multi-pool writes `pools`; a migration moves one to the other."""

    pod_cidrs: tuple[str, ...] = msgspec.field(default=(), name="podCIDRs")
    pools: Pools = Pools()


class CiliumSpec(msgspec.Struct, frozen=True):
    """Addresses and address management of one node."""

    addresses: tuple[CiliumAddress, ...] = ()
    ipam: Ipam = Ipam()


class CiliumNodeObject(msgspec.Struct, frozen=True):
    """A `cilium.io/v2` CiliumNode, as far as it is read."""

    metadata: CiliumMetadata
    spec: CiliumSpec = CiliumSpec()


T_co = TypeVar("T_co", covariant=True)


class ListMetadata(msgspec.Struct, frozen=True):
    """`continue` is absent or empty on the last page (recorded: built-in kinds leave it out, CRDs print "")."""

    next_page: str = msgspec.field(default="", name="continue")
    revision: str = msgspec.field(default="", name="resourceVersion")


class ObjectList(msgspec.Struct, Generic[T_co], frozen=True):
    """One page. Everything is required, so that no other JSON passes for an empty list."""

    kind: str
    metadata: ListMetadata
    items: tuple[T_co, ...]


@dataclass(frozen=True, slots=True)
class Listing(Generic[T_co]):
    """A whole list, and the point in the cluster's history it shows: a watch from `revision` tells all that came after it."""

    revision: str
    items: tuple[T_co, ...]


class NodeList(ObjectList[NodeObject], frozen=True):
    """A page of Nodes."""

    kind: Literal["NodeList"]


class CiliumNodeList(ObjectList[CiliumNodeObject], frozen=True):
    """A page of CiliumNodes."""

    kind: Literal["CiliumNodeList"]


def node_essence(node: NodeObject) -> NodeObject:
    """The node without the addresses that `merge` passes over, so that two that differ in nothing else are equal."""
    addresses = tuple(entry for entry in node.status.addresses if entry.type == INTERNAL_IP)
    return msgspec.structs.replace(node, status=NodeStatus(addresses))


def cilium_node_essence(cilium: CiliumNodeObject) -> CiliumNodeObject:
    """The same of a CiliumNode; the agent adds and moves a CiliumInternalIP, a health address and more on its own."""
    addresses = tuple(entry for entry in cilium.spec.addresses if entry.type == INTERNAL_IP)
    return msgspec.structs.replace(cilium, spec=CiliumSpec(addresses, cilium.spec.ipam))


def merge(
    nodes: Iterable[NodeObject], cilium_nodes: Sequence[CiliumNodeObject] | None, source: PodCidrSource
) -> Reading:
    """One `Node` per Node object, sorted by name, and what was odd, whatever the order of the lists.

    Pod CIDRs come from the CiliumNode of the same name; from the Node itself where `cilium_nodes` is None, that is where
    CiliumNodes were not asked for or are not served. Next hops come from the Node, and from its CiliumNode for a family
    of which the Node names none. `source` is what was configured: a person who left the choice to `auto` is warned
    where the two disagree (cilium#14152, hcloud-cloud-controller-manager#915), one who chose is only told.
    """
    by_name = {cilium.metadata.name: cilium for cilium in cilium_nodes or ()}
    oddities = Oddities()
    merged: list[Node] = []
    for node in sorted(nodes, key=lambda node: node.metadata.name):
        cilium = by_name.get(node.metadata.name)
        candidate = node if isinstance(node, CandidateNode) else None
        merged.append(
            Node(
                name=node.metadata.name,
                created=node.metadata.creation_timestamp,
                pod_cidrs=_pod_cidrs(node, cilium, oddities, reads_nodes=cilium_nodes is None),
                addresses=_addresses(node, cilium, oddities),
                deleting=node.metadata.deletion_timestamp is not None,
                may_peer=candidate.may_peer if candidate else False,
                zone=candidate.zone if candidate else "",
                pod_limit=candidate.pod_limit if candidate else 0,
            )
        )
    for name in sorted(by_name.keys() - {node.name for node in merged}):
        oddities.note("ciliumNodeWithoutNode", name)
    return Reading(tuple(merged), oddities.findings(mismatch=Severity.WARNING if source == "auto" else Severity.INFO))


@lru_cache(maxsize=KNOWN_TEXTS)
def parse_cidr(text: str) -> Network | None:
    """The network of `text` with host bits masked, None where it is none.

    Takes what Go's net.ParseCIDR takes, which is how Cilium reads its own field (pkg/cidr): address, slash, prefix
    length. Python's `ip_network` alone would also take a bare address, a netmask and an IPv6 zone.
    """
    if not re.fullmatch(r"[0-9A-Fa-f:.]+/[0-9]{1,3}", text):
        return None
    try:
        return ip_network(text, strict=False)
    except ValueError:
        return None


@lru_cache(maxsize=KNOWN_TEXTS)
def _parse_address(text: str) -> Address | None:
    if "%" in text:  # a zone only means something on the machine itself
        return None
    try:
        return ip_address(text)
    except ValueError:
        return None


def _pod_cidrs(
    node: NodeObject, cilium: CiliumNodeObject | None, oddities: Oddities, *, reads_nodes: bool
) -> tuple[Network, ...]:
    of_node = node.spec.pod_cidrs or ((node.spec.pod_cidr,) if node.spec.pod_cidr else ())
    of_cilium: tuple[str, ...] = ()
    if cilium is not None:
        pools = cilium.spec.ipam.pools.allocated
        of_cilium = (*cilium.spec.ipam.pod_cidrs, *(cidr for pool in pools for cidr in pool.cidrs))

    chosen = of_node if reads_nodes else of_cilium
    parsed = set[Network]()
    for text in chosen:
        if (network := parse_cidr(text)) is None:
            oddities.note("podCidrInvalid", node.metadata.name, repr(text))
        else:
            parsed.add(network)
    networks = tuple(sorted(parsed, key=network_order))
    if networks and of_node is not chosen and (others := _networks(of_node)) and networks != others:
        told = f"CiliumNode {' '.join(map(str, networks))}, Node {' '.join(map(str, others))}"
        oddities.note("podCidrMismatch", node.metadata.name, told)
    return networks


def _networks(texts: Iterable[str]) -> tuple[Network, ...]:
    parsed = {network for network in map(parse_cidr, texts) if network is not None}
    return tuple(sorted(parsed, key=network_order))


def _addresses(node: NodeObject, cilium: CiliumNodeObject | None, oddities: Oddities) -> tuple[Address, ...]:
    name = node.metadata.name
    own = _internal_ips(((entry.type, entry.address) for entry in node.status.addresses), name, oddities)
    if cilium is None:
        return own
    cilium_own = _internal_ips(((entry.type, entry.ip) for entry in cilium.spec.addresses), name, oddities)
    merged = list(own)
    for version in (4, 6):
        ours = [address for address in own if address.version == version]
        theirs = [address for address in cilium_own if address.version == version]
        if not ours:
            merged.extend(theirs)
        elif theirs and ours[0] not in theirs:
            oddities.note("internalIpMismatch", name, f"Node {ours[0]}, CiliumNode {theirs[0]}")
    return tuple(merged)


def _internal_ips(entries: Iterable[tuple[str, str]], name: str, oddities: Oddities) -> tuple[Address, ...]:
    addresses: dict[Address, None] = {}
    for kind, text in entries:
        if kind == INTERNAL_IP:
            address = _parse_address(text)
            if address is None:
                oddities.note("internalIpInvalid", name, repr(text))
            else:
                addresses[address] = None
    return tuple(addresses)
