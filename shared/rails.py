"""The rails that every target has, whatever it holds: plan → plan. They hold or skip changes and say why; they never add any.

Before the brake holds anything, Azure is asked for a second witness: is the machine gone, too?

Order matters: what the policy leaves out is not counted by the brake, and what the brake holds still takes up room. Which rails
a route table has on top is told in `safety`, which ones a hub has in `peer_safety`.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace

from shared.changes import Create, Delete, E, F, Plan, Step, Update, Verdict
from shared.models import Address, Finding, Foreign, ForeignPeer, Observed, Policy, Rules, Severity
from shared.witness import Evidence

Witness = Callable[[Iterable[Address | None]], Evidence]
"""Says of addresses whether Azure still has a machine there; asked only where the brake would hold something."""

FORCE = 'if the nodes are gone for good, POST /api/reconcile with {"force": true}'


def obey(plan: Plan[E, F], policy: Policy, things: str) -> Plan[E, F]:
    """A policy is a choice, not a failure: what it leaves out is no change of the plan, only a finding about `things`."""
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
        Severity.INFO, "policy", f"policy {policy} leaves {left} existing {things} as they are; sync would change them"
    )
    return Plan(kept, (*plan.findings, finding))


def brake(
    plan: Plan[E, F],
    observed: Observed[E, F],
    rules: Rules,
    *,
    things: str,
    unsound: Finding | None,
    force: bool,
    witness: Witness | None,
) -> Plan[E, F]:
    """Hold all deletes of an `unsound` reading, and those beyond the brake for which Azure does not vouch."""
    deletes = _deletes(plan)
    if not deletes:
        return plan
    if unsound is not None:
        return _hold(plan, {each.machine: unsound.code for each in deletes}, unsound)
    ours = _ours_with_news(plan, observed)
    if force or not _too_many(len(deletes), ours, rules):
        return plan
    if witness is None:
        finding = _brake_finding(len(deletes), 0, ours, rules, things)
        return _hold(plan, {each.machine: "brake" for each in deletes}, finding)
    evidence = witness(each.machine for each in deletes)
    kept = sum(each.machine in evidence.kept for each in deletes)
    return _hold(
        plan,
        {machine: f"brake; {why}" for machine, why in evidence.kept.items()},
        *([_brake_finding(kept, len(deletes) - kept, ours, rules, things)] if kept else []),
        *_witness_findings(evidence, len(deletes) - kept, len(deletes), ours, things),
    )


def fit(plan: Plan[E, F], observed: Observed[E, F], capacity: int) -> tuple[Plan[E, F], int, tuple[str, ...]]:
    """Existing entries stay, then as many new ones as fit, in their order. Also: how many it will hold, whose were left out."""
    freed = sum(isinstance(change, Delete) for change in plan.changes)
    room = capacity - observed.size + freed
    steps: list[Step[E, F]] = []
    left_out: list[str] = []
    for step in plan.steps:
        if isinstance(step.change, Create) and step.verdict is Verdict.PLANNED:
            room -= 1
            if room < 0:
                left_out.append(step.change.node)
                step = replace(step, verdict=Verdict.SKIPPED, reason="no room")  # noqa: PLW2901  # the step, judged
        steps.append(step)
    return Plan(tuple(steps), plan.findings), capacity - room, tuple(left_out)


def empty_reading(plan: Plan[E, F], what: str) -> Finding:
    """Nothing wanted at all is a broken reading, not a wish to delete everything (external-dns#2858, #3997)."""
    return Finding(
        Severity.ERROR,
        "emptyReading",
        f"{what}, so {len(_deletes(plan))} delete(s) are held; an empty reading never deletes, not even with force. To give "
        "them up, remove them by hand",
    )


def unplaced_nodes(plan: Plan[E, F], nodes: tuple[str, ...], lacking: str) -> Finding:
    """A live node that does not show what is its own may own anything that nobody claims."""
    return Finding(
        Severity.WARNING,
        "unplacedNodes",
        f"{', '.join(nodes[:3])}{' …' if len(nodes) > 3 else ''}: {len(nodes)} live node(s) have {lacking} yet, so "
        f"{len(_deletes(plan))} delete(s) that might be theirs are held; {FORCE}",
    )


def _deletes(plan: Plan[E, F]) -> list[E]:
    return [step.change.previous for step in plan.steps if isinstance(step.change, Delete)]


def _hold(plan: Plan[E, F], reasons: Mapping[Address | None, str], *findings: Finding) -> Plan[E, F]:
    """The plan with the deletes at these addresses held; what else would be deleted goes, since Azure vouches for it."""

    def judged(step: Step[E, F]) -> Step[E, F]:
        if not isinstance(step.change, Delete):
            return step
        machine = step.change.previous.machine
        reason = reasons.get(machine)
        if reason is None:
            return replace(step, reason=f"Azure no longer has a machine with {machine}")
        return replace(step, verdict=Verdict.HELD, reason=reason)

    return Plan(tuple(judged(step) for step in plan.steps), (*plan.findings, *findings))


def _ours_with_news(plan: Plan[E, F], observed: Observed[E, F]) -> int:
    """What is ours, what is about to be included: else a held delete would pass as soon as that is there."""
    news = sum(
        isinstance(change, Create)
        or (isinstance(change, Update) and isinstance(change.previous, Foreign | ForeignPeer))
        for change in plan.changes
    )
    return len(observed.managed) + news


def _too_many(deletes: int, ours: int, rules: Rules) -> bool:
    """The rail against mass deletion. Small targets have it too: only `freeDeletes` of them pass unasked."""
    return deletes > rules.free_deletes and deletes / ours > rules.max_delete_fraction


def _brake_finding(held: int, released: int, ours: int, rules: Rules, things: str) -> Finding:
    deletes = held + released
    these = "these deletes are" if not released else f"the {held} that Azure does not vouch for are"
    return Finding(
        Severity.ERROR,
        "brake",
        f"{deletes} of {ours} {things} would be deleted: {100 * deletes / ours:.4g}% is over "
        f"{100 * rules.max_delete_fraction:.4g}% (limits.maxDeleteFraction), so {these} held; {FORCE}",
    )


def _witness_findings(evidence: Evidence, released: int, deletes: int, ours: int, things: str) -> Iterator[Finding]:
    if evidence.silence:
        yield Finding(
            Severity.WARNING, "secondWitnessSilent", f"Azure could not vouch for any delete: {evidence.silence}"
        )
    elif released:
        yield Finding(
            Severity.INFO,
            "secondWitness",
            f"{deletes} of {ours} {things} would be deleted, which is over the brake; Azure no longer has the machines of "
            f"{released}, so these go",
        )
