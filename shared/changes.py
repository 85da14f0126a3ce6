"""What a plan is made of, whatever the target holds: changes, what the rails say of each, and the plan's fingerprint. Pure.

A target is a route table with routes or a hub with BGP peers. What is to change in one is drawn in `plan` and `peer_plan`.
"""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Generic, TypeVar

from shared.models import BgpPeer, E_co, F_co, Finding, Foreign, ForeignPeer, Observed, Route

E = TypeVar("E", bound=Route | BgpPeer)
"""What is ours in a target."""
F = TypeVar("F", bound=Foreign | ForeignPeer)
"""What is not."""


@dataclass(frozen=True, slots=True)
class Delete(Generic[E_co]):
    """Take `previous` out of the target."""

    previous: E_co


@dataclass(frozen=True, slots=True)
class Update(Generic[E_co, F_co]):
    """Put `entry` in the place of `previous`, which is foreign where it is adopted."""

    previous: E_co | F_co
    entry: E_co
    node: str


@dataclass(frozen=True, slots=True)
class Create(Generic[E_co]):
    """Add `entry`. `node` is empty where it stands for no node."""

    entry: E_co
    node: str


RouteChange = Delete[Route] | Update[Route, Foreign] | Create[Route]
PeerChange = Delete[BgpPeer] | Update[BgpPeer, ForeignPeer] | Create[BgpPeer]
Change = Delete[E] | Update[E, F] | Create[E]
AnyChange = Change[Route | BgpPeer, Foreign | ForeignPeer]


class Verdict(StrEnum):
    """What the rules let happen to a change."""

    PLANNED = "planned"
    HELD = "held"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True)
class Step(Generic[E_co, F_co]):
    """A wanted change and whether it may happen now."""

    change: Delete[E_co] | Update[E_co, F_co] | Create[E_co]
    verdict: Verdict = Verdict.PLANNED
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Plan(Generic[E_co, F_co]):
    """Every wanted change of one target: deletes, updates, creates, each in the one order."""

    steps: tuple[Step[E_co, F_co], ...] = ()
    findings: tuple[Finding, ...] = ()

    @property
    def wanted(self) -> tuple[Delete[E_co] | Update[E_co, F_co] | Create[E_co], ...]:
        """All of them, whatever the rails say."""
        return tuple(step.change for step in self.steps)

    @property
    def changes(self) -> tuple[Delete[E_co] | Update[E_co, F_co] | Create[E_co], ...]:
        """Those that may happen now."""
        return tuple(step.change for step in self.steps if step.verdict is Verdict.PLANNED)


def fingerprint(plans: Mapping[str, Plan[E, F]]) -> str:
    """Twelve hex digits that stand for every wanted change of every target, whatever the rails make of them.

    The same wanted changes give the same fingerprint whenever and wherever they are computed, so that a person can
    approve a plan and `expect` it, with or without force.
    """
    lines = (
        "\n".join([target.lower(), *map(_line, plan.wanted)])
        for target, plan in sorted(plans.items(), key=lambda item: item[0].lower())
    )
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()[:12]


def shown(observed: Observed[E, F], changes: Iterable[Change[E, F]]) -> frozenset[Change[E, F]]:
    """Those of `changes` that a target which was read after the write shows."""
    entries = frozenset(observed.managed)
    names = frozenset(each.name.lower() for each in observed.managed)

    def holds(change: Change[E, F]) -> bool:
        match change:
            case Delete(previous):
                return previous.name.lower() not in names
            case Update(entry=entry) | Create(entry=entry):
                return entry in entries

    return frozenset(filter(holds, changes))


def _line(change: Change[E, F]) -> str:
    match change:
        case Delete(previous):
            return f"- {_written(previous)}"
        case Update(previous, entry, node):
            return f"~ {_written(previous)} {_written(entry)} {node}"
        case Create(entry, node):
            return f"+ {_written(entry)} {node}"


def _written(entry: Route | Foreign | BgpPeer | ForeignPeer) -> str:
    match entry:
        case Route():
            return f"{entry.name} {entry.prefix} {entry.next_hop_type} {entry.next_hop}"
        case Foreign():
            return f"{entry.name} {entry.prefix} foreign {entry.next_hop}"
        case BgpPeer():
            return f"{entry.name} {entry.ip} {'Failed' if entry.failed else entry.asn}"
        case ForeignPeer():
            return f"{entry.name} {entry.ip} foreign {entry.asn}"
