"""The ways in which Azure can be told where pods are, as a pass needs them: what to change in a target, in which writes. Pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from ipaddress import IPv4Address
from typing import Protocol

from shared.changes import Change, E, F, PeerChange, Plan, RouteChange
from shared.desired import Desired
from shared.learned import verify
from shared.models import Finding, Network, Observed, ObservedPeers, ObservedRoutes, Reading, Rules
from shared.peer_plan import PeerPlan, in_turn, plan_peers
from shared.peer_safety import guard_peers
from shared.peers import desire_peers
from shared.plan import RoutePlan, make_plan
from shared.safety import guard
from shared.witness import Hearing


@dataclass(frozen=True, slots=True)
class Look:
    """One look at the nodes, what they entitle to, and who may vouch for deletes."""

    reading: Reading
    desired: Desired
    hearing: Hearing | None


class Mode(Protocol[E, F]):
    """What a target holds in this mode, and how it comes to hold what it should."""

    @property
    def name(self) -> str:
        """As in the configuration."""
        ...

    @property
    def rules(self) -> Rules:
        """Of the cluster."""
        ...

    @property
    def capacity(self) -> int:
        """How many entries a target takes, whoever owns them."""
        ...

    def plan(self, observed: Observed[E, F], seen: Look, *, force: bool) -> Plan[E, F]:
        """What to change in a target, every rail applied."""
        ...

    def writes(self, observed: Observed[E, F], changes: Sequence[Change[E, F]]) -> Iterable[Sequence[Change[E, F]]]:
        """`changes` as the writes they take, one after the other."""
        ...


@dataclass(frozen=True, slots=True)
class UserDefinedRoutes:
    """One route per pod CIDR; a table is written in one go. Fits `Mode`."""

    rules: Rules
    name: str = "udr"

    @property
    def capacity(self) -> int:
        """Routes of a table."""
        return self.rules.routes_per_table

    def plan(self, observed: ObservedRoutes, seen: Look, *, force: bool) -> RoutePlan:
        """See `plan` and `safety`."""
        plan = make_plan(observed, seen.desired, self.rules)
        witness = seen.hearing.about if seen.hearing else None
        return guard(plan, observed, seen.desired, self.rules, force=force, witness=witness)

    def writes(self, observed: ObservedRoutes, changes: Sequence[RouteChange]) -> Iterable[Sequence[RouteChange]]:
        """All in one."""
        _ = observed
        return (changes,)


@dataclass(frozen=True, slots=True)
class BgpPeers:
    """A few BGP peers that announce all pod CIDRs to a hub, which takes one operation at a time. Fits `Mode`."""

    name: str
    rules: Rules
    asn: int
    capacity: int
    """`maxPeers`."""
    addresses: tuple[IPv4Address, ...] | None = None
    """Who peers, such as route reflectors; None where it is the nodes that may."""
    reachable: tuple[Network, ...] = ()
    """Where a peer can be; empty where that is not known."""

    def plan(self, observed: ObservedPeers, seen: Look, *, force: bool) -> PeerPlan:
        """See `peers`, `peer_plan` and `peer_safety`; what the hub has learned is told in findings."""
        desired = desire_peers(
            seen.reading.nodes,
            self.addresses,
            present=(peer.ip for peer in observed.managed),
            foreign=observed.foreign,
            max_peers=self.capacity,
            reachable=self.reachable,
        )
        plan = plan_peers(observed, desired, self.asn, self.rules)
        witness = seen.hearing.about if seen.hearing else None
        plan = guard_peers(plan, observed, desired, self.rules, self.capacity, force=force, witness=witness)
        return plan if plan.changes else replace(plan, findings=plan.findings + self._verified(observed, seen.desired))

    def writes(self, observed: ObservedPeers, changes: Sequence[PeerChange]) -> Iterable[Sequence[PeerChange]]:
        """One after the other."""
        return in_turn(observed, changes, self.capacity)

    def _verified(self, observed: ObservedPeers, desired: Desired) -> tuple[Finding, ...]:
        """Only of a hub at rest: nothing is expected of one at work or without peers, or of a peer that was made just now."""
        peers = {peer.name: f"{peer.name} ({peer.ip})" for peer in observed.managed}
        if observed.busy is not None or not peers or peers.keys() - observed.learned.keys():
            return ()
        learned = {told: observed.learned[name] for name, told in peers.items()}
        return verify(desired, learned, self.rules.pod_cidrs)


@dataclass(frozen=True, slots=True)
class Observation:
    """Nothing is written; what was found is told. Fits `Mode`."""

    rules: Rules
    name: str = "observe"
    capacity: int = 0

    def plan(self, observed: ObservedRoutes, seen: Look, *, force: bool) -> RoutePlan:
        """No change."""
        _ = observed, seen, force
        return Plan()

    def writes(self, observed: ObservedRoutes, changes: Sequence[RouteChange]) -> Iterable[Sequence[RouteChange]]:
        """None."""
        _ = observed, changes
        return ()
