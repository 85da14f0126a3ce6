"""The rails of a hub: those of every target, the room for peers, and that a hub never loses the last peer that serves."""

from dataclasses import replace

from shared.changes import Create, Delete, Plan, Step, Update, Verdict
from shared.learned import serves
from shared.models import BgpPeer, Finding, ForeignPeer, ObservedPeers, Rules, Severity
from shared.peer_plan import PeerPlan
from shared.peers import DesiredPeers
from shared.rails import Witness, brake, empty_reading, fit, obey, unplaced_nodes


def guard_peers(
    plan: PeerPlan,
    observed: ObservedPeers,
    desired: DesiredPeers,
    rules: Rules,
    max_peers: int,
    *,
    force: bool = False,
    witness: Witness | None = None,
) -> PeerPlan:
    """The plan with every rail applied. `force` lets deletes go, except those of an empty reading, and nothing else."""
    plan = obey(plan, rules.policy, "peer(s)")
    unsound = _unsound(plan, desired, force=force)
    plan = brake(plan, observed, rules, things="BGP peers", unsound=unsound, force=force, witness=witness)
    if not force:
        plan = _keep_one_serving(plan, observed, max_peers)
    plan, _, left_out = fit(plan, observed, max_peers)
    if left_out:
        return Plan(plan.steps, (*plan.findings, _no_room(len(left_out), observed, max_peers)))
    return plan


def _unsound(plan: PeerPlan, desired: DesiredPeers, *, force: bool) -> Finding | None:
    if desired.is_empty:
        return empty_reading(plan, "nobody who could peer was read (peers.nodeSelector)")
    if desired.unplaced and not force:
        return unplaced_nodes(plan, desired.unplaced, "the labels of peers.nodeSelector, but no address")
    return None


def _keep_one_serving(plan: PeerPlan, observed: ObservedPeers, max_peers: int) -> PeerPlan:
    """Hold one change that would end the last peer from which the hub learns anything.

    A new peer takes a while to bring its session up, even when its connection is made. So what it replaces goes when the
    hub has learned from another one. Where there is but one place, or nobody else to learn from, it goes at once: there is
    no other way.
    """
    serving = {peer.name for peer in observed.managed if serves(observed.learned.get(peer.name, ()))}
    planned = [step for step in plan.steps if step.verdict is Verdict.PLANNED]
    ending = [step for step in planned if _ends(step) in serving]
    others = len(observed.managed) - 1 + sum(isinstance(step.change, Create) for step in planned)
    if len(ending) < len(serving) or not ending or not others or max_peers - len(observed.foreign) < 2:
        return plan
    last = ending[-1]
    reason = "the last peer that the hub learns from; it goes when the hub learns from another one"
    steps = tuple(replace(step, verdict=Verdict.HELD, reason=reason) if step is last else step for step in plan.steps)
    finding = Finding(
        Severity.INFO,
        "lastServingPeer",
        f"{_ends(last)} is the last peer that the hub learns from, so it stays until the hub has learned from another one; "
        "a later pass goes on by itself",
        _ends(last) or "",
    )
    return Plan(steps, (*plan.findings, finding))


def _ends(step: Step[BgpPeer, ForeignPeer]) -> str | None:
    """The connection that a step takes away, if only for a moment."""
    change = step.change
    return change.previous.name if isinstance(change, Delete | Update) else None


def _no_room(left_out: int, observed: ObservedPeers, max_peers: int) -> Finding:
    return Finding(
        Severity.WARNING,
        "noRoom",
        f"{left_out} peer(s) wait until others go: the hub has {observed.size} of {max_peers} connections "
        f"(routing.maxPeers), {len(observed.foreign)} of them foreign",
    )
