"""What is known of a cluster and what is around it: values for the checks. How they come to be is told in the `facts_*` modules."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from ipaddress import IPv4Address
from typing import Literal

from shared.cilium import CiliumConfig
from shared.cilium.findings import PodCidrSource
from shared.doctor.unknown import Unknown
from shared.hubs import HubTopology
from shared.managed_cluster import ManagedCluster
from shared.models import Finding, Network, Reading
from shared.pool_subnets import PoolSubnet
from shared.virtual_networks import VirtualNetwork

Mode = Literal["udr", "routeServer", "virtualWan", "observe"]


@dataclass(frozen=True, slots=True)
class Setup:
    """What the configuration says about a cluster, as far as checks care."""

    name: str
    mode: Mode
    cluster_id: str | None = None
    pod_cidrs: tuple[Network, ...] = ()
    """The configured ones."""
    pod_cidr_source: PodCidrSource = "auto"
    route_tables: tuple[str, ...] = ()
    """The configured ones."""
    routes_per_table: int = 1000
    hub_id: str = ""
    hub_connection_id: str = ""
    max_peers: int = 8
    kubeconfig: bool = False
    """Kubernetes is read through a file."""
    addresses: tuple[IPv4Address, ...] | None = None
    """Who peers with the hub; None where it is the nodes that may."""

    @property
    def by_bgp(self) -> bool:
        """Azure learns of pods from a hub."""
        return self.mode in {"routeServer", "virtualWan"}


@dataclass(frozen=True, slots=True)
class Table:
    """A route table."""

    id: str
    location: str
    routes: tuple[tuple[str, Network | None], ...]
    """Name and prefix; None for a service tag."""
    state: str
    used: bool
    """Some subnet has it."""


@dataclass(frozen=True, slots=True)
class Hub:
    """A Route Server or virtual hub, and what is connected to it."""

    topology: HubTopology
    routing_state: str
    provisioning_state: str
    connections: tuple[tuple[str, IPv4Address | None, int | None], ...] | Unknown
    """Name, address and AS number of each."""


@dataclass(frozen=True, slots=True)
class Unfit:
    """The hub is not what the mode says; `reason` is a sentence with the way out at its end."""

    reason: str


@dataclass(frozen=True, slots=True)
class Neighbour:
    """Another configured cluster."""

    name: str
    pod_cidrs: tuple[Network, ...]
    networks: frozenset[str]
    """The ids of the virtual networks its nodes are in, in lower case."""
    hub_id: str = ""


@dataclass(frozen=True, slots=True)
class Interface:
    """The network interfaces of a scale set, as its model makes them, or one interface of a machine of its own."""

    owner: str
    """The id of the scale set or machine."""
    forwards: bool
    addresses: frozenset[str] = frozenset()
    """Of a machine of its own."""

    @property
    def is_scale_set(self) -> bool:
        """It stands for all instances of a scale set."""
        return "/virtualmachinescalesets/" in self.owner.lower()


@dataclass(frozen=True, slots=True)
class Lock:
    """A management lock. `level` is ReadOnly or CanNotDelete; `scope` is the id of what carries it."""

    name: str
    level: str
    scope: str


@dataclass(frozen=True, slots=True)
class Grant:
    """Actions of one role, with wildcards."""

    actions: tuple[str, ...]
    not_actions: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Held:
    """Which permissions the app's identity has on a resource, and which it needs there."""

    resource: str
    needed: tuple[str, ...]
    essential: bool
    """Without them no pass ends well; the others serve the second witness and the checks."""
    grants: tuple[Grant, ...] | Unknown


@dataclass(frozen=True, slots=True)
class Subscription:
    """An Event Grid subscription that sends events of the node resource group to a function or a web hook."""

    id: str
    state: str
    event_types: tuple[str, ...]
    """Empty means all."""


@dataclass(frozen=True, slots=True)
class LastPass:
    """The last report that was kept."""

    at: datetime
    outcome: str
    findings: tuple[Finding, ...]


@dataclass(frozen=True, slots=True)
class Traces:
    """What the app left in its storage account about one cluster."""

    woken_at: datetime | None
    """When a scale event, or a pass with work left, last asked for a vigil."""
    leased: bool
    """A pass is writing, or was killed within the last half minute."""
    last_pass: LastPass | None


@dataclass(frozen=True, slots=True)
class Queue:
    """Wake-ups that wait to be taken up, of all clusters, and those that failed for good."""

    count: int
    oldest: datetime | None
    """Among those that nobody is at work on."""
    failed: int
    failed_clusters: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Facts:
    """Everything that is known of a cluster at `now`. A None is what does not apply to it."""

    setup: Setup
    now: datetime
    cluster: ManagedCluster | Unknown | None = None
    nodes: Reading | Unknown | None = None
    cilium: CiliumConfig | Unknown | None = None
    subnets: tuple[PoolSubnet, ...] = ()
    unread_subnets: tuple[Finding, ...] = ()
    networks: Mapping[str, VirtualNetwork] = field(default_factory=dict)
    unread_networks: tuple[Finding, ...] = ()
    tables: tuple[Table | Unknown, ...] = ()
    learning: tuple[Finding, ...] = ()
    """What keeps learned routes from the nodes' subnets."""
    hub: Hub | Unfit | Unknown | None = None
    neighbours: tuple[Neighbour | Unknown, ...] = ()
    interfaces: tuple[Interface, ...] | Unknown | None = None
    limits: Mapping[str, int | Unknown] = field(default_factory=dict)
    """Routes per table that the subscription allows, by subscription and location of a table (`limit_key`)."""
    locks: Mapping[str, tuple[Lock, ...] | Unknown] = field(default_factory=dict)
    """By the id of the resource, as it was asked for."""
    rights: tuple[Held, ...] = ()
    subscriptions: tuple[Subscription, ...] | Unknown | None = None
    traces: Traces | Unknown | None = None
    queue: Queue | Unknown | None = None

    @property
    def pod_cidrs(self) -> tuple[Network, ...]:
        """What counts: the configured ones, else those of the cluster."""
        declared = self.cluster.pod_cidrs if isinstance(self.cluster, ManagedCluster) else ()
        return self.setup.pod_cidrs or declared


def limit_key(table: Table) -> str:
    """Whose limit counts for a table."""
    return f"{table.id.split('/')[2]}/{table.location}".lower()
