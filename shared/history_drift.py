"""What counts as drift, and who is fighting with us: pure rules over what was applied before. No storage, no clock.

A ledger remembers for every route or peer of ours what was applied last: which next hop (of a peer: which AS number), for which
node. Every change goes through it, so that a later change can be told apart, by its key (prefix or peer address):

    create  the ledger has it, with the same node and next hop       →  drift: it vanished
    update  the same node and next hop as applied last               →  drift: somebody changed it
    delete  the ledger remembers that it was deleted before          →  drift: it came back
    anything else, and anything the ledger does not know             →  no drift: nodes changed, or the first time

An update that leaves the next hop as it is repairs what Azure failed to do (`Failed`), and nobody's change.
Whether an event or the timer asked makes no difference: a wake-up repairs drift, too, and the timer brings new nodes as well.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

import msgspec

from shared import shapes
from shared.changes import AnyChange, Create, Delete, Update
from shared.models import BgpPeer, Finding, Route, Severity
from shared.phrases import some
from shared.report import ChangeReport, ClusterReport, Result

FIGHT_TIMES: Final = 3
"""So many restorations of one route within FIGHT_WITHIN are no accident."""
FIGHT_WITHIN: Final = timedelta(hours=1)
TOMBSTONES: Final = 200
"""Deleted entries that a target's ledger remembers, the newest ones."""

Place = tuple[str, str]
"""A target's id in lower case, and a prefix or peer address in it."""


class Applied(msgspec.Struct, frozen=True, array_like=True):
    """What was applied last. `told` is the next hop or AS number; empty after a delete, and so is `node`."""

    told: str = ""
    node: str = ""


class Ledger(msgspec.Struct, frozen=True):
    """By target id in lower case, then by prefix or peer address."""

    targets: dict[str, dict[str, Applied]] = msgspec.field(default_factory=dict)


def parse_ledger(text: str | None) -> Ledger:
    """An empty one where there is none, or none that makes sense: then nothing counts as drift until it is known again."""
    try:
        return shapes.decode(text or "{}", Ledger)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return Ledger()


def key(change: ChangeReport) -> str:
    """The prefix of a route, the address of a peer."""
    told = _entry(change)
    return str(told.ip if isinstance(told, BgpPeer) else told.prefix)


def drift(report: ClusterReport, ledger: Ledger) -> frozenset[Place]:
    """Where this pass put back what somebody else had changed; only what is known to be applied."""
    return frozenset(
        (target.target.lower(), key(entry))
        for target in report.targets
        for entry in target.changes
        if entry.result is Result.APPLIED
        and _is_drift(entry, ledger.targets.get(target.target.lower(), {}).get(key(entry)))
    )


def written_down(report: ClusterReport, ledger: Ledger) -> Ledger:
    """The ledger after the pass; what failed is forgotten, since nobody knows what became of it."""
    targets = dict(ledger.targets)
    for target in report.targets:
        applied = dict(targets.get(target.target.lower(), {}))
        for entry in target.changes:
            place = key(entry)
            if entry.result in {Result.APPLIED, Result.FAILED}:
                applied.pop(place, None)  # so that what is written last stands last
            if entry.result is Result.APPLIED:
                applied[place] = _applied(entry)
        targets[target.target.lower()] = _without_old_tombstones(applied)
    return Ledger({target: applied for target, applied in targets.items() if applied})


@dataclass(frozen=True, slots=True)
class Restored:
    """Which routes or peers one pass put back, and when."""

    at: datetime
    places: frozenset[Place]


@dataclass(frozen=True, slots=True)
class Fight:
    """Somebody undoes what we write to `target`, again and again."""

    target: str
    keys: tuple[str, ...]
    times: int = field(default=FIGHT_TIMES)
    """Of the most restored one."""


def fights(restorations: Iterable[Restored], now: datetime) -> tuple[Fight, ...]:
    """Every target of which a route or peer was restored FIGHT_TIMES within FIGHT_WITHIN before `now`."""
    counts: dict[Place, int] = {}
    for restored in restorations:
        if timedelta(0) <= now - restored.at <= FIGHT_WITHIN:
            for place in restored.places:
                counts[place] = counts.get(place, 0) + 1
    fought = sorted(place for place, times in counts.items() if times >= FIGHT_TIMES)
    by_target: dict[str, list[str]] = {}
    for target, name in fought:
        by_target.setdefault(target, []).append(name)
    return tuple(
        Fight(target, tuple(names), max(counts[target, name] for name in names)) for target, names in by_target.items()
    )


def fight_finding(fight: Fight, writer: str = "") -> Finding:
    """The sentence for a person. `writer` says who wrote, where the activity log tells."""
    who = f"by the activity log it is {writer}" if writer else "the target's activity log in Azure tells who it is"
    return Finding(
        Severity.WARNING,
        "fightingWriter",
        f"{some(fight.keys)} of {fight.target.rpartition('/')[2]}: put back {fight.times} times within an hour, and each time "
        f"somebody else changed it again; {who}. Have one writer only: stop the other one, or take this target out of the "
        "configuration",
        fight.target,
    )


def _entry(change: ChangeReport) -> Route | BgpPeer:
    match change.change:
        case Delete(previous):
            return previous
        case Update(entry=entry) | Create(entry=entry):
            return entry


def _applied(change: ChangeReport) -> Applied:
    match change.change:
        case Delete():
            return Applied()
        case Update(entry=entry, node=node) | Create(entry=entry, node=node):
            return Applied(str(entry.asn if isinstance(entry, BgpPeer) else entry.next_hop), node)


def _is_drift(change: ChangeReport, before: Applied | None) -> bool:
    return before is not None and before == _applied(change) and not _only_failed(change.change)


def _only_failed(change: AnyChange) -> bool:
    match change:
        case Update(Route() as previous, Route() as entry):
            return previous.next_hop == entry.next_hop
        case Update(BgpPeer() as previous, BgpPeer() as entry):
            return previous.asn == entry.asn
        case _:
            return False


def _without_old_tombstones(applied: dict[str, Applied]) -> dict[str, Applied]:
    dead = [place for place, each in applied.items() if not each.told]
    return {place: each for place, each in applied.items() if place not in set(dead[:-TOMBSTONES])}
