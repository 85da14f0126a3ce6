"""Observed + desired → Plan: what to change in one route table. Pure, deterministic; the rails come after, in `safety`.

A route's identity is its prefix, as it is for Azure (two routes of a table cannot share one); the name only carries the
owner. So a pod CIDR that moves to another node is one update, and a swap of two is two updates in the same write:

    managed route with the prefix   next hop right   →  nothing
                                    next hop wrong   →  Update
    foreign route with the prefix   adopt            →  Update, and it becomes ours
                                    otherwise        →  Create, skipped as a conflict
    no route with the prefix                         →  Create
    managed route nobody claims     a live node without known pod CIDR is its next hop  →  nothing
                                    otherwise        →  Delete

A claim that only keeps (`Claim.keeps_only`) writes nothing; while it is the rightful one, its route stays as it is.
"""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from shared.desired import Desired, network_order
from shared.models import Claim, Finding, Foreign, Observed, Route, Rules, Severity
from shared.ownership import is_inside, owner_of, route_name


@dataclass(frozen=True, slots=True)
class Delete:
    """Take `previous` out of the table."""

    previous: Route


@dataclass(frozen=True, slots=True)
class Update:
    """Put `route` in the place of `previous`, which is foreign where it is adopted."""

    previous: Route | Foreign
    route: Route
    node: str


@dataclass(frozen=True, slots=True)
class Create:
    """Add `route`."""

    route: Route
    node: str


Change = Delete | Update | Create


class Verdict(StrEnum):
    """What the rules let happen to a change."""

    PLANNED = "planned"
    HELD = "held"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True)
class Step:
    """A wanted change and whether it may happen now."""

    change: Change
    verdict: Verdict = Verdict.PLANNED
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Plan:
    """Every wanted change of one route table: deletes, updates, creates, each by network."""

    steps: tuple[Step, ...] = ()
    findings: tuple[Finding, ...] = ()

    @property
    def wanted(self) -> tuple[Change, ...]:
        """All of them, whatever the rails say."""
        return tuple(step.change for step in self.steps)

    @property
    def changes(self) -> tuple[Change, ...]:
        """Those that may happen now."""
        return tuple(step.change for step in self.steps if step.verdict is Verdict.PLANNED)


def make_plan(observed: Observed, desired: Desired, rules: Rules) -> Plan:
    """Everything that separates the table from what the nodes claim, in a fixed order."""
    managed = {route.prefix: route for route in observed.managed}
    foreign = {route.prefix: route for route in observed.foreign if route.prefix is not None}
    names = observed.names
    updates: list[Step] = []
    creates: list[Step] = []
    findings: list[Finding] = []

    for prefix in sorted(desired.claims, key=network_order):
        existing, taken = managed.get(prefix), foreign.get(prefix)
        holder = existing or (taken if rules.adopt else None)
        claim, *losers = _by_right(desired.claims[prefix], holder)
        if claim.keeps_only:
            pass
        elif existing is not None:
            route = Route(existing.name, prefix, claim.next_hop)
            if route != existing:
                updates.append(Step(Update(existing, route, claim.node)))
        elif taken is not None and rules.adopt:
            route = Route(route_name(rules.owner, prefix, names), prefix, claim.next_hop)
            updates.append(Step(Update(taken, route, claim.node)))
        else:
            create = Create(Route(route_name(rules.owner, prefix, names), prefix, claim.next_hop), claim.node)
            conflict = f"the foreign route {taken.name} has this prefix" if taken else ""
            creates.append(Step(create, Verdict.SKIPPED if taken else Verdict.PLANNED, conflict))
        for loser in (loser for loser in losers if not loser.keeps_only):
            lost = Create(Route(route_name(rules.owner, prefix, names), prefix, loser.next_hop), loser.node)
            creates.append(Step(lost, Verdict.SKIPPED, f"{claim.node} has this pod CIDR too"))
            findings.append(_duplicate(claim, loser, routed=_rank(claim, holder) == 0))

    deletes = [Step(Delete(route)) for route in _unclaimed(observed, desired)]
    findings += _foreign_findings(observed, desired, rules)
    return Plan((*deletes, *updates, *creates), tuple(findings))


def fingerprint(plans: Mapping[str, Plan]) -> str:
    """Twelve hex digits that stand for every wanted change of every target, whatever the rails make of them.

    The same wanted changes give the same fingerprint whenever and wherever they are computed, so that a person can
    approve a plan and `expect` it, with or without force.
    """
    lines = (
        "\n".join([target.lower(), *map(_line, plan.wanted)])
        for target, plan in sorted(plans.items(), key=lambda item: item[0].lower())
    )
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()[:12]


def holds(observed: Observed, change: Change) -> bool:
    """Whether a table that was read after the write shows the change."""
    match change:
        case Delete(previous):
            return all(route.name.lower() != previous.name.lower() for route in observed.managed)
        case Update(route=route) | Create(route=route):
            return route in observed.managed


def _by_right(claims: tuple[Claim, ...], holder: Route | Foreign | None) -> list[Claim]:
    """The rightful claim first: who is routed now, else the older node (cilium#30629, #41986 hand a CIDR out twice)."""
    return sorted(claims, key=lambda claim: _rank(claim, holder))


def _rank(claim: Claim, holder: Route | Foreign | None) -> int:
    """0: routed now. 1: would be routed. 2: keeps what it has, and has nothing."""
    if holder is not None and claim.next_hop is not None and claim.next_hop == holder.next_hop:
        return 0
    return 2 if claim.keeps_only else 1


def _unclaimed(observed: Observed, desired: Desired) -> list[Route]:
    return sorted(
        (
            route
            for route in observed.managed
            if route.prefix not in desired.claims and route.next_hop not in desired.kept_next_hops
        ),
        key=lambda route: (network_order(route.prefix), route.name),
    )


def _duplicate(claim: Claim, loser: Claim, *, routed: bool) -> Finding:
    why = "is routed now" if routed else "is the older node"
    return Finding(
        Severity.ERROR,
        "duplicateCidr",
        f"{claim.prefix} is the pod CIDR of {claim.node} and of {loser.node}; {claim.node} keeps it, since it {why}. "
        f"Pods on {loser.node} are unreachable: delete its CiliumNode so that it gets another CIDR",
        loser.node,
    )


def _foreign_findings(observed: Observed, desired: Desired, rules: Rules) -> Iterable[Finding]:
    for route in sorted(observed.foreign, key=lambda route: route.name):
        if route.prefix is None:
            continue
        if is_inside(route.prefix, rules.pod_cidrs):
            if route.prefix not in desired.claims:
                yield Finding(
                    Severity.WARNING,
                    "foreignInPodCidrs",
                    f"the foreign route {route.name} ({route.prefix}) lies inside podCidrs and is left alone; "
                    "where it overlaps a node's pod CIDR the longer prefix gets the traffic",
                    route.name,
                )
            elif not rules.adopt:
                nodes = ", ".join(claim.node for claim in desired.claims[route.prefix])
                yield Finding(
                    Severity.WARNING,
                    "foreignConflict",
                    f"the foreign route {route.name} has the pod CIDR {route.prefix} of {nodes}; Azure takes one route "
                    "per prefix. Remove it, or set adopt: true to make it ours",
                    route.name,
                )
        elif owner_of(route.name) == rules.owner:
            yield Finding(
                Severity.INFO,
                "outOfRange",
                f"{route.name} ({route.prefix}) carries this cluster's name but lies outside podCidrs, so it is not "
                "ours to touch; remove it by hand if nothing needs it",
                route.name,
            )


def _line(change: Change) -> str:
    match change:
        case Delete(previous):
            return f"- {_written(previous)}"
        case Update(previous, route, node):
            return f"~ {_written(previous)} {_written(route)} {node}"
        case Create(route, node):
            return f"+ {_written(route)} {node}"


def _written(route: Route | Foreign) -> str:
    kind = route.next_hop_type if isinstance(route, Route) else "foreign"
    return f"{route.name} {route.prefix} {kind} {route.next_hop}"
