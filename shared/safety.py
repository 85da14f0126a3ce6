"""The rails of a route table: those of every target, an eye on what the nodes showed, and the room in the table."""

from shared.changes import Plan
from shared.desired import Desired
from shared.models import Finding, ObservedRoutes, Rules, Severity
from shared.plan import RoutePlan
from shared.rails import Witness, brake, empty_reading, fit, obey, unplaced_nodes

HEADROOM_WARNING = 0.8
"""Share of the routes per table from which on a table is called nearly full."""


def guard(
    plan: RoutePlan,
    observed: ObservedRoutes,
    desired: Desired,
    rules: Rules,
    *,
    force: bool = False,
    witness: Witness | None = None,
) -> RoutePlan:
    """The plan with every rail applied. `force` lets deletes go, except those of an empty reading, and nothing else."""
    plan = obey(plan, rules.policy, "route(s)")
    unsound = _unsound(plan, desired, force=force)
    plan = brake(plan, observed, rules, things="routes", unsound=unsound, force=force, witness=witness)
    plan, used, left_out = fit(plan, observed, rules.routes_per_table)
    if left_out:
        return Plan(plan.steps, (*plan.findings, _no_room(left_out, rules.routes_per_table)))
    if used >= HEADROOM_WARNING * rules.routes_per_table:
        return Plan(plan.steps, (*plan.findings, _headroom(used, rules.routes_per_table)))
    return plan


def _unsound(plan: RoutePlan, desired: Desired, *, force: bool) -> Finding | None:
    if desired.is_empty:
        return empty_reading(plan, "no node with a pod CIDR was read")
    if desired.unplaced and not force:
        return unplaced_nodes(plan, desired.unplaced, "neither pod CIDR nor address")
    return None


def _no_room(nodes: tuple[str, ...], capacity: int) -> Finding:
    return Finding(
        Severity.ERROR,
        "noRoom",
        f"the table holds {capacity} routes at most (limits.routesPerTable); {len(nodes)} pod CIDR(s) got no route: "
        f"{', '.join(nodes)}. Remove routes, use larger pod CIDRs per node, or move pools to another table",
    )


def _headroom(used: int, capacity: int) -> Finding:
    return Finding(
        Severity.WARNING,
        "headroom",
        f"{used} of {capacity} routes are used ({used / capacity:.0%}); "
        "plan for another table or larger pod CIDRs per node",
    )
