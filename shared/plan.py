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

from collections.abc import Iterable

from shared.changes import Create, Delete, Plan, Step, Update, Verdict
from shared.desired import Desired, network_order
from shared.models import Claim, Finding, Foreign, ObservedRoutes, Route, Rules, Severity
from shared.ownership import is_inside, owner_of, route_name

RoutePlan = Plan[Route, Foreign]
_Step = Step[Route, Foreign]


def make_plan(observed: ObservedRoutes, desired: Desired, rules: Rules) -> RoutePlan:
    """Everything that separates the table from what the nodes claim, in a fixed order."""
    managed = {route.prefix: route for route in observed.managed}
    foreign = {route.prefix: route for route in observed.foreign if route.prefix is not None}
    names = observed.names
    updates: list[_Step] = []
    creates: list[_Step] = []
    findings: list[Finding] = []

    for prefix, claims in desired.claims.items():
        existing, taken = managed.get(prefix), foreign.get(prefix)
        holder = existing or (taken if rules.adopt else None)
        claim, *losers = _by_right(claims, holder)
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

    deletes: list[_Step] = [Step(Delete(route)) for route in _unclaimed(observed, desired)]
    findings += _foreign_findings(observed, desired, rules)
    return Plan((*deletes, *updates, *creates), tuple(findings))


def _by_right(claims: tuple[Claim, ...], holder: Route | Foreign | None) -> list[Claim]:
    """The rightful claim first: who is routed now, else the older node (cilium#30629, #41986 hand a CIDR out twice)."""
    return sorted(claims, key=lambda claim: _rank(claim, holder))


def _rank(claim: Claim, holder: Route | Foreign | None) -> int:
    """0: routed now. 1: would be routed. 2: keeps what it has, and has nothing."""
    if holder is not None and claim.next_hop is not None and claim.next_hop == holder.next_hop:
        return 0
    return 2 if claim.keeps_only else 1


def _unclaimed(observed: ObservedRoutes, desired: Desired) -> list[Route]:
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


def _foreign_findings(observed: ObservedRoutes, desired: Desired, rules: Rules) -> Iterable[Finding]:
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
