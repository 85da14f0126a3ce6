"""A hub that lives in memory, with the behaviour of a real one as far as a pass sees it. Rules of the product are not repeated.

A hub takes one operation at a time and 8 connections, one per address (facts: recorded exchanges, route-server-faq). What it
learns from a peer is what its speaker announces, once the connection is there.
"""

from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from ipaddress import IPv4Address, ip_address, ip_network

from shared.changes import Create, Delete, PeerChange, Update
from shared.errors import SupersededError, TargetError, UnfinishedError
from shared.models import BgpPeer, Busy, ForeignPeer, Learned, LearnedRoute, Observed, ObservedPeers
from shared.ownership import is_our_peer

HUB = (
    "/subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/rg-net"
    "/providers/Microsoft.Network/virtualHubs/rs-prod"
)
AZURE_PEERS = 8
INSTANCES = 2


class HubFault(Enum):
    """What becomes of one operation."""

    LOCKED = auto()
    """Somebody else's operation is at work: 409 AnotherOperationInProgress."""
    REFUSED = auto()
    FAILED = auto()
    """Accepted, and the connection ends as Failed."""
    LATE = auto()
    """It outlasts a pass; `FakeHub.end` ends it."""


@dataclass(slots=True)
class Connection:
    """A bgpConnection."""

    name: str
    ip: IPv4Address
    asn: int
    state: str = "Succeeded"


class FakeHub:
    """Fits `reconcile.Target`."""

    def __init__(
        self, owner: str, *connections: tuple[str, str, int], limit: int = AZURE_PEERS, faults: Iterable[HubFault] = ()
    ) -> None:
        self.id = HUB
        self.owner = owner
        self.connections = {name: Connection(name, IPv4Address(ip), asn) for name, ip, asn in connections}
        self.limit = limit
        self.faults = deque(faults)
        self.ready = True
        self.announced: dict[str, dict[str, str]] = {}
        """Address of a speaker → prefix → next hop. It needs no connection; the hub learns of it when there is one."""
        self.unreadable_learned = False
        self.reads = 0
        self.operations: list[str] = []
        """`+` and `-` with the address, as they were accepted."""
        self.least_peers = len(connections)
        self._late: list[tuple[str, Connection]] = []

    def observe(self) -> ObservedPeers:
        self.reads += 1
        return self._observed(None)

    def apply(self, observed: ObservedPeers, changes: Sequence[PeerChange]) -> ObservedPeers:
        (change,) = changes  # a hub takes one at a time
        match change:
            case Delete(previous):
                self._operate("-", Connection(previous.name, self.connections[previous.name].ip, 0))
            case Update(previous, entry):
                self._operate("-", Connection(previous.name, self.connections[previous.name].ip, 0))
                self._operate("+", Connection(entry.name, entry.ip, entry.asn))
            case Create(entry):
                self._operate("+", Connection(entry.name, entry.ip, entry.asn))
        ended = {change.previous.name} if isinstance(change, Delete | Update) else set()
        return self._observed({name: told for name, told in observed.learned.items() if name not in ended})

    def end(self) -> None:
        """What was late ends."""
        for kind, connection in self._late:
            self._land(kind, connection)
        self._late.clear()

    @property
    def peers(self) -> dict[str, int]:
        """Address → AS number of every connection."""
        return {str(each.ip): each.asn for each in self.connections.values()}

    @property
    def ours(self) -> list[str]:
        """The addresses of our peers."""
        return [str(each.ip) for each in self.connections.values() if is_our_peer(each.name, each.ip, self.owner)]

    def _operate(self, kind: str, connection: Connection) -> None:
        fault = self.faults.popleft() if self.faults else None
        if fault is HubFault.LOCKED or self._late:
            raise SupersededError("HTTP 409 AnotherOperationInProgress", status=409, retry_after=5)
        if fault is HubFault.REFUSED:
            raise TargetError("HTTP 403 RequestDisallowedByPolicy", status=403)
        if kind == "+" and connection.name not in self.connections:
            if str(connection.ip) in self.peers:
                raise TargetError("HTTP 400: two connections of one address", status=400)
            if len(self.connections) >= self.limit:
                raise TargetError(f"HTTP 400: more than {self.limit} connections", status=400)
        self.operations.append(f"{kind} {connection.ip}")
        if fault is HubFault.LATE:
            self._late.append((kind, connection))
            state = "Deleting" if kind == "-" else "Updating"
            self.connections[connection.name] = Connection(connection.name, connection.ip, connection.asn, state)
            raise UnfinishedError("Azure is at work on it")
        self._land(kind, connection, failed=fault is HubFault.FAILED)
        if fault is HubFault.FAILED:
            raise TargetError("the operation ended in Failed", status=200)

    def _land(self, kind: str, connection: Connection, *, failed: bool = False) -> None:
        if kind == "-":
            del self.connections[connection.name]
        else:
            connection.state = "Failed" if failed else "Succeeded"
            self.connections[connection.name] = connection
        self.least_peers = min(self.least_peers, len(self.connections))

    def _observed(self, learned: Mapping[str, Learned | None] | None) -> ObservedPeers:
        """With what was learned before, since asking for it takes a while; None asks."""
        ours: list[BgpPeer] = []
        others: list[ForeignPeer] = []
        for each in self.connections.values():
            if is_our_peer(each.name, each.ip, self.owner):
                ours.append(BgpPeer(each.name, each.ip, each.asn, failed=each.state == "Failed"))
            else:
                others.append(ForeignPeer(each.name, each.ip, each.asn))
        busy = next(
            (
                Busy(f"at work on {each.name}", at_work=True)
                for each in self.connections.values()
                if "ing" in each.state
            ),
            None if self.ready else Busy("the hub is not ready", at_work=False),
        )
        if learned is None:
            learned = {peer.name: self._learned(peer) for peer in ours}
        return Observed(tuple(ours), tuple(others), busy=busy, learned=learned)

    def _learned(self, peer: BgpPeer) -> Learned | None:
        if self.unreadable_learned:
            return None
        routes = tuple(
            LearnedRoute(ip_network(prefix), ip_address(hop))
            for prefix, hop in self.announced.get(str(peer.ip), {}).items()
        )
        return (routes,) * INSTANCES
