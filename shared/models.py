"""The words of the domain as frozen values. No I/O, no rules."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from typing import Any, Generic, TypeVar

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

VIRTUAL_APPLIANCE = "VirtualAppliance"
"""Next hop type of every route of ours: the packet goes to an address, here the node's."""


@dataclass(frozen=True, slots=True)
class Node:
    """A live node: its Node object exists, whatever its condition."""

    name: str
    created: str
    """`metadata.creationTimestamp`, RFC 3339 in UTC, so that it orders as text."""
    pod_cidrs: tuple[Network, ...] = ()
    addresses: tuple[Address, ...] = ()
    """Only those of type InternalIP."""
    deleting: bool = False
    """A deletionTimestamp is set: it keeps what it has and gets nothing new."""
    may_peer: bool = False
    """It carries the labels of the nodes that peer with a hub; False where no labels were asked for."""
    zone: str = ""
    """`topology.kubernetes.io/zone`, such as `westeurope-1`; only read where peers are chosen among the nodes."""
    pod_limit: int = 0
    """How many pods it takes (`status.allocatable.pods`); only read where peers are chosen among the nodes."""


@dataclass(frozen=True, slots=True)
class Reading:
    """All nodes of a cluster, read in full, and what was odd about them."""

    nodes: tuple[Node, ...]
    findings: tuple["Finding", ...] = ()


@dataclass(frozen=True, slots=True)
class Route:
    """A route as the rules see it. `next_hop` is None where the next hop type has no single address."""

    name: str
    prefix: Network
    next_hop: Address | None
    next_hop_type: str = VIRTUAL_APPLIANCE

    @property
    def machine(self) -> Address | None:
        """Where the machine behind it is."""
        return self.next_hop


@dataclass(frozen=True, slots=True)
class Foreign:
    """A route that is not ours. `prefix` is None for what is no network, such as a service tag."""

    name: str
    prefix: Network | None
    next_hop: Address | None = None


@dataclass(frozen=True, slots=True)
class BgpPeer:
    """A BGP peer of a hub: who at `ip` announces routes to it."""

    name: str
    """Of the bgpConnection."""
    ip: IPv4Address
    asn: int
    failed: bool = False
    """The last operation on it failed, so that what it shows is not what the hub does."""

    @property
    def machine(self) -> Address | None:
        """Where the machine behind it is."""
        return self.ip


@dataclass(frozen=True, slots=True)
class ForeignPeer:
    """A bgpConnection that is not ours."""

    name: str
    ip: IPv4Address | None = None
    asn: int | None = None


@dataclass(frozen=True, slots=True)
class LearnedRoute:
    """What one instance of a hub learned from one peer."""

    prefix: Network
    next_hop: Address | None


Learned = tuple[tuple[LearnedRoute, ...], ...]
"""What a hub learned from one peer, per instance of the hub; Azure runs two."""


@dataclass(frozen=True, slots=True)
class Busy:
    """Why nothing can be begun on a target now."""

    reason: str
    at_work: bool
    """An operation runs, which ends by itself in minutes; else the target is not ready, nobody knows for how long."""


E_co = TypeVar("E_co", bound=Route | BgpPeer, covariant=True)
F_co = TypeVar("F_co", bound=Foreign | ForeignPeer, covariant=True)


@dataclass(frozen=True, slots=True)
class Observed(Generic[E_co, F_co]):
    """One target as it was read: a route table with routes, a hub with BGP peers."""

    managed: tuple[E_co, ...]
    foreign: tuple[F_co, ...]
    body: Mapping[str, Any] = field(default_factory=dict, compare=False, repr=False)
    """The answer as it came, for the target that read it; the rules never look inside."""
    busy: Busy | None = None
    learned: Mapping[str, Learned | None] = field(default_factory=dict)
    """Of a hub: what it learned from each managed peer, by name; None where that could not be read. Without one just made."""

    @property
    def names(self) -> frozenset[str]:
        """Every entry's name in lower case, the way Azure compares them."""
        return frozenset(each.name.lower() for each in (*self.managed, *self.foreign))

    @property
    def size(self) -> int:
        """How many entries the target holds, whoever owns them."""
        return len(self.managed) + len(self.foreign)


ObservedRoutes = Observed[Route, Foreign]
ObservedPeers = Observed[BgpPeer, ForeignPeer]


@dataclass(frozen=True, slots=True)
class Claim:
    """A node's right to a prefix: route it to `next_hop`."""

    node: str
    created: str
    prefix: Network
    next_hop: Address | None
    keeps_only: bool = False
    """The node keeps a route it has and gets nothing new: it is being deleted, or has no address of the prefix's family
    (then `next_hop` is None)."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """A node that cannot get all its routes yet, and why."""

    node: str
    reason: str


class Severity(StrEnum):
    """How much a finding should worry its reader."""

    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


@dataclass(frozen=True, slots=True)
class Finding:
    """Something a person should know. `code` is stable, `resource` says where."""

    severity: Severity
    code: str
    message: str
    resource: str = ""


class Policy(StrEnum):
    """What a pass may do to existing routes of ours."""

    SYNC = "sync"
    UPSERT_ONLY = "upsertOnly"
    CREATE_ONLY = "createOnly"


@dataclass(frozen=True, slots=True)
class Rules:
    """What the configuration says about one cluster, as far as the rules care."""

    owner: str
    pod_cidrs: tuple[Network, ...]
    policy: Policy = Policy.SYNC
    adopt: bool = False
    max_delete_fraction: float = 0.3
    free_deletes: int = 2
    routes_per_table: int = 1000
