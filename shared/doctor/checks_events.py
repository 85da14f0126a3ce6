"""Do scale events reach the app, and is it at work on what reached it."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from shared.doctor.check import Check, Topic
from shared.doctor.facts import Facts, Queue, Subscription, Traces
from shared.doctor.unknown import Unknown
from shared.models import Node, Reading

SUBSCRIPTION = Topic("eventSubscription", "Event Grid sends scale events to the app")
EVENTS = Topic("lastEvent", "Scale events arrive")
LEASE = Topic("lease", "No pass is stuck")
QUEUE = Topic("wakeQueue", "Wake-ups are taken up")
POISON = Topic("poisonQueue", "No wake-up failed for good")

EVENT_TYPES = (
    "Microsoft.Resources.ResourceWriteSuccess",
    "Microsoft.Resources.ResourceDeleteSuccess",
    "Microsoft.Resources.ResourceActionSuccess",
)
"""Scale-out, a removed pool, and scale-in, which is the action delete on a scale set. Source: shared.events"""

EVENT_DELAY = timedelta(minutes=30)
"""Event Grid delivers within seconds, and an event comes before its node; what is later than this does not count on events."""

STUCK = timedelta(minutes=15)
"""The platform ends a function after 10 minutes (`functionTimeout` in host.json)."""


def event_checks(facts: Facts) -> Iterator[Check]:
    """The way of an event: subscription, queue, pass."""
    match facts.subscriptions:
        case None:
            pass
        case Unknown():
            yield SUBSCRIPTION.unknown(facts.subscriptions)
        case found:
            yield _subscription(found)
    match facts.traces:
        case Unknown():
            yield EVENTS.unknown(facts.traces)
            yield LEASE.unknown(facts.traces)
        case Traces():
            if facts.setup.cluster_id:
                yield _last_event(facts, facts.traces)
            yield _lease(facts.now, facts.traces)
    match facts.queue:
        case Unknown():
            yield QUEUE.unknown(facts.queue)
            yield POISON.unknown(facts.queue)
        case Queue():
            yield _waiting(facts.now, facts.queue)
            yield _poison(facts.setup.name, facts.queue)


def _subscription(found: tuple[Subscription, ...]) -> Check:
    if not found:
        return SUBSCRIPTION.warning(
            "no Event Grid subscription of the node resource group leads to a function on_scale_event or a web hook, so that "
            "only the timer notices new nodes",
            "create a system topic for the node resource group and subscribe on_scale_event to it (infra/)",
        )
    lacking = {
        each.id: [kind for kind in EVENT_TYPES if each.event_types and kind not in each.event_types] for each in found
    }
    working = [each for each in found if each.state.lower() == "succeeded"]
    if not working:
        return SUBSCRIPTION.problem(
            f"the Event Grid subscription {found[0].id} is in state {found[0].state} and delivers nothing",
            "create it anew; it must be made while the function exists",
            found[0].id,
        )
    best = min(working, key=lambda each: len(lacking[each.id]))
    if lacking[best.id]:
        return SUBSCRIPTION.warning(
            f"the Event Grid subscription {best.id} leaves out {', '.join(lacking[best.id])}",
            "add these event types; scale-in is an action on the scale set, a removed pool a delete",
            best.id,
        )
    return SUBSCRIPTION.ok(f"{best.id.rpartition('/')[2]} delivers every kind of scale event", best.id)


def _last_event(facts: Facts, traces: Traces) -> Check:
    """A node that appeared long after the last event came without one."""
    born = sorted(datetime.fromisoformat(node.created) for node in _nodes(facts) if node.created)
    if traces.woken_at is None:
        if born and facts.now - born[-1] > EVENT_DELAY:
            return EVENTS.warning(
                f"no scale event has ever arrived, although the newest node is from {_at(born[-1])}",
                "check the Event Grid subscription and its delivery failures; events from before it was made do not count",
            )
        return EVENTS.ok("no scale event has arrived yet, and no node is old enough to miss one")
    if born and born[-1] - traces.woken_at > EVENT_DELAY:
        return EVENTS.warning(
            f"the last scale event arrived at {_at(traces.woken_at)}, but the newest node is from {_at(born[-1])}",
            "check the Event Grid subscription and its delivery failures",
        )
    return EVENTS.ok(f"the last one arrived at {_at(traces.woken_at)}")


def _nodes(facts: Facts) -> Iterator[Node]:
    return iter(facts.nodes.nodes if isinstance(facts.nodes, Reading) else ())


def _lease(now: datetime, traces: Traces) -> Check:
    """How old a lease is Azure does not tell; a pass that ends leaves a report."""
    last = traces.last_pass
    ended = f"the last pass ended at {_at(last.at)} ({last.outcome})" if last else "no pass has ended yet"
    if traces.leased and (last is None or now - last.at > STUCK):
        return LEASE.warning(
            f"a pass holds the cluster's lease now, and {ended}",
            "look again in a minute; if it stays so, look for its function in the log, and restart the app",
        )
    return LEASE.ok(f"{'a pass is writing' if traces.leased else 'nobody holds the lease'}; {ended}")


def _waiting(now: datetime, queue: Queue) -> Check:
    if queue.oldest is not None and now - queue.oldest > STUCK:
        minutes = (now - queue.oldest) // timedelta(minutes=1)
        return QUEUE.problem(
            f"{queue.count} wake-ups, the oldest of which has waited for {minutes} minutes: nobody takes them up",
            "check that the function on_wake is enabled and indexed, and that the app may read its queue; restart the app",
        )
    return QUEUE.ok(f"{queue.count} wake-ups, none of which waits for long")


def _poison(name: str, queue: Queue) -> Check:
    if not queue.failed:
        return POISON.ok("none")
    mine = name in queue.failed_clusters
    evidence = (
        f"{queue.failed} wake-ups failed for good; those shown are of {', '.join(queue.failed_clusters) or 'nobody'}"
    )
    if not mine:
        return POISON.ok(evidence)
    return POISON.warning(
        evidence, "see the log for why on_wake failed; then clear the poison queue, the timer has done their work"
    )


def _at(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M} UTC"
