"""Answers a list: which objects, at which revision, and where to go on. No JSON, no HTTP."""

from collections.abc import Callable
from dataclasses import dataclass

from sandbox.kubernetes_api.entries import Entry
from sandbox.kubernetes_api.kinds import Resource
from sandbox.kubernetes_api.options import ListOptions
from sandbox.kubernetes_api.paging import Continue, token_of
from sandbox.kubernetes_api.pulse import Pulse
from sandbox.kubernetes_api.statuses import expired_continue, expired_revision, revision_too_large
from sandbox.kubernetes_api.store import Snapshot, Store

FRESHNESS_SECONDS = 3.0
"""How long a list waits for a revision that is not there yet (facts: recorded)."""


@dataclass(frozen=True, slots=True)
class Page:
    """One page of a list. `token` is empty on the last page; `remaining` is None where it is not counted."""

    revision: int
    entries: tuple[Entry, ...]
    token: str = ""
    remaining: int | None = None


async def page_of(
    store: Store, resource: Resource, options: ListOptions, *, pulse: Pulse, clock: Callable[[], float]
) -> Page:
    """The page a client asked for; raises the ApiError of an expired or future revision."""
    if options.place is not None:
        return _cut(_continued(store, resource, options.place), options)
    wanted = options.revision or 0
    if wanted:
        await _reach(store, wanted, pulse, clock)
    # A limit with a revision and no match means exactly that revision, for compatibility.
    if wanted and (options.match == "Exact" or (options.limit and not options.match)):
        if store.is_compacted(wanted):
            raise expired_revision()
        return _cut(store.snapshot(resource, wanted), options)
    return _cut(store.snapshot(resource), options)


async def _reach(store: Store, wanted: int, pulse: Pulse, clock: Callable[[], float]) -> None:
    deadline = clock() + FRESHNESS_SECONDS
    with pulse.listen() as listener:
        while store.revision < wanted:
            left = deadline - clock()
            if left <= 0:
                raise revision_too_large(wanted, store.revision)
            await listener.wait(left)


def _continued(store: Store, resource: Resource, place: Continue) -> Snapshot:
    if place.revision is not None and store.is_compacted(place.revision):
        raise expired_continue(token_of(Continue(place.after, None)))
    return store.snapshot(resource, place.revision)


def _cut(snapshot: Snapshot, options: ListOptions) -> Page:
    after = options.place.after if options.place else ""
    selected = tuple(entry for entry in snapshot.entries if entry.key > after and options.selects(entry))
    # Revision 0 is served from the watch cache, which ignores the limit (facts: recorded).
    if not options.limit or options.revision == 0 or len(selected) <= options.limit:
        return Page(snapshot.revision, selected)
    shown = selected[: options.limit]
    token = token_of(Continue(shown[-1].key, snapshot.revision))
    remaining = None if options.selective else len(selected) - len(shown)
    return Page(snapshot.revision, shown, token, remaining)
