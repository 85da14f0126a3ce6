"""The rails: plan → plan. They hold or skip changes and say why, with the numbers and the way out; they never add any.

Before the brake holds anything, Azure is asked for a second witness: is the machine gone, too?

Order matters: what the policy leaves out is not counted by the brake, and what the brake holds still fills the table.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace

from shared.desired import Desired
from shared.models import Address, Finding, Foreign, Observed, Policy, Rules, Severity
from shared.plan import Create, Delete, Plan, Step, Update, Verdict
from shared.witness import Evidence

HEADROOM_WARNING = 0.8
"""Share of the routes per table from which on a table is called nearly full."""


_FORCE = 'if the nodes are gone for good, POST /api/reconcile with {"force": true}'


Witness = Callable[[Iterable[Address | None]], Evidence]
"""Says of next hops whether Azure still has a machine behind them; asked only where the brake would hold something."""


def guard(
    plan: Plan,
    observed: Observed,
    desired: Desired,
    rules: Rules,
    *,
    force: bool = False,
    witness: Witness | None = None,
) -> Plan:
    """The plan with every rail applied. `force` lets deletes go, except those of an empty reading, and nothing else."""
    plan = _policy(plan, rules.policy)
    plan = _brake(plan, observed, desired, rules, force=force, witness=witness)
    return _capacity(plan, observed, rules)


def _policy(plan: Plan, policy: Policy) -> Plan:
    """A policy is a choice, not a failure: what it leaves out is no change of the plan, only a finding."""
    match policy:
        case Policy.SYNC:
            return plan
        case Policy.UPSERT_ONLY:
            kept = tuple(step for step in plan.steps if not isinstance(step.change, Delete))
        case Policy.CREATE_ONLY:
            kept = tuple(step for step in plan.steps if isinstance(step.change, Create))
    left = len(plan.steps) - len(kept)
    if not left:
        return plan
    finding = Finding(
        Severity.INFO, "policy", f"policy {policy} leaves {left} existing route(s) as they are; sync would change them"
    )
    return Plan(kept, (*plan.findings, finding))


def _brake(
    plan: Plan, observed: Observed, desired: Desired, rules: Rules, *, force: bool, witness: Witness | None
) -> Plan:
    deletes = [step.change.previous for step in plan.steps if isinstance(step.change, Delete)]
    if not deletes:
        return plan
    unsound = _empty(desired, len(deletes)) or (None if force else _unplaced(desired, len(deletes)))
    if unsound is not None:
        return _hold(plan, {route.next_hop: unsound.code for route in deletes}, unsound)
    ours = _ours_with_news(plan, observed)
    if force or not _too_many(len(deletes), ours, rules):
        return plan
    if witness is None:
        return _hold(plan, {route.next_hop: "brake" for route in deletes}, _brake_finding(len(deletes), 0, ours, rules))
    evidence = witness(route.next_hop for route in deletes)
    kept = sum(route.next_hop in evidence.kept for route in deletes)
    return _hold(
        plan,
        {hop: f"brake; {why}" for hop, why in evidence.kept.items()},
        *([_brake_finding(kept, len(deletes) - kept, ours, rules)] if kept else []),
        *_witness_findings(evidence, len(deletes) - kept, len(deletes), ours),
    )


def _hold(plan: Plan, reasons: Mapping[Address | None, str], *findings: Finding) -> Plan:
    """The plan with the deletes of these next hops held; what else would be deleted goes, since Azure vouches for it."""

    def judged(step: Step) -> Step:
        if not isinstance(step.change, Delete):
            return step
        reason = reasons.get(step.change.previous.next_hop)
        if reason is None:
            return replace(step, reason=f"Azure no longer has a machine with {step.change.previous.next_hop}")
        return replace(step, verdict=Verdict.HELD, reason=reason)

    return Plan(tuple(judged(step) for step in plan.steps), (*plan.findings, *findings))


def _empty(desired: Desired, deletes: int) -> Finding | None:
    """No pod CIDR at all is a broken reading, not a wish to delete everything (external-dns#2858, #3997)."""
    if not desired.is_empty:
        return None
    return Finding(
        Severity.ERROR,
        "emptyReading",
        f"no node with a pod CIDR was read, so {deletes} delete(s) are held; an empty reading never deletes, not even "
        "with force. To give the routes up, remove them by hand",
    )


def _unplaced(desired: Desired, deletes: int) -> Finding | None:
    """A live node that shows neither pod CIDR nor address may own any of the routes that nobody claims."""
    if not desired.unplaced:
        return None
    return Finding(
        Severity.WARNING,
        "unplacedNodes",
        f"{', '.join(desired.unplaced[:3])}{' …' if len(desired.unplaced) > 3 else ''}: {len(desired.unplaced)} live "
        f"node(s) have neither pod CIDR nor address yet, so {deletes} delete(s) that might be theirs are held; {_FORCE}",
    )


def _ours_with_news(plan: Plan, observed: Observed) -> int:
    """Our routes, those about to be made included: else a held delete would pass as soon as they are there."""
    news = sum(
        isinstance(change, Create) or (isinstance(change, Update) and isinstance(change.previous, Foreign))
        for change in plan.changes
    )
    return len(observed.managed) + news


def _too_many(deletes: int, ours: int, rules: Rules) -> bool:
    """The rail against mass deletion. Small tables have it too: only `freeDeletes` of them pass unasked."""
    return deletes > rules.free_deletes and deletes / ours > rules.max_delete_fraction


def _brake_finding(held: int, released: int, ours: int, rules: Rules) -> Finding:
    deletes = held + released
    these = "these deletes are" if not released else f"the {held} that Azure does not vouch for are"
    return Finding(
        Severity.ERROR,
        "brake",
        f"{deletes} of {ours} routes would be deleted: {100 * deletes / ours:.4g}% is over "
        f"{100 * rules.max_delete_fraction:.4g}% (limits.maxDeleteFraction), so {these} held; {_FORCE}",
    )


def _witness_findings(evidence: Evidence, released: int, deletes: int, ours: int) -> Iterator[Finding]:
    if evidence.silence:
        yield Finding(
            Severity.WARNING, "secondWitnessSilent", f"Azure could not vouch for any delete: {evidence.silence}"
        )
    elif released:
        yield Finding(
            Severity.INFO,
            "secondWitness",
            f"{deletes} of {ours} routes would be deleted, which is over the brake; Azure no longer has the machines of "
            f"{released}, so these go",
        )


def _capacity(plan: Plan, observed: Observed, rules: Rules) -> Plan:
    """Existing routes stay, then as many new ones as fit, by network; the rest is named."""
    freed = sum(isinstance(change, Delete) for change in plan.changes)
    room = rules.routes_per_table - observed.size + freed
    steps: list[Step] = []
    left_out: list[str] = []
    for step in plan.steps:
        if isinstance(step.change, Create) and step.verdict is Verdict.PLANNED:
            room -= 1
            if room < 0:
                left_out.append(step.change.node)
                step = replace(step, verdict=Verdict.SKIPPED, reason="no room")  # noqa: PLW2901  # the step, judged
        steps.append(step)
    findings = plan.findings
    used = rules.routes_per_table - room
    if left_out:
        findings += (_no_room(left_out, rules.routes_per_table),)
    elif used >= HEADROOM_WARNING * rules.routes_per_table:
        findings += (_headroom(used, rules.routes_per_table),)
    return Plan(tuple(steps), findings)


def _no_room(nodes: list[str], capacity: int) -> Finding:
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
