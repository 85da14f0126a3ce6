"""What a pass has to tell other teams, as events: which kinds there are, what each carries, and when it is told. Pure.

How events reach an Event Grid topic is told in `announcing_topic`, their meaning for a reader in docs/events.md.

What lasts is told when it begins, not by every pass: deletes that are held, headroom that is low and passes that fail are
compared with the cluster's last report.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Final

import msgspec

from shared.history_drift import Place
from shared.report import ClusterReport, Outcome, Result, render_json

PREFIX: Final = "AksPodRoutes."
MOST: Final = 100
"""Changes that one event names: 64 KB are one operation of Event Grid, and a change takes 300 bytes.
Source: https://learn.microsoft.com/azure/event-grid/quotas-limits"""
_LOW: Final = {"headroom", "noRoom"}
"""Findings of the rails that say so; see `safety` and `peer_safety`."""

Count = Annotated[int, msgspec.Meta(ge=0)]


class Change(msgspec.Struct, rename="camel", omit_defaults=True, forbid_unknown_fields=True):
    """One route (prefix, nextHop) or BGP peer (peerIp, peerAsn). Not set where it does not apply."""

    target: str
    action: str
    name: str
    prefix: str | None = None
    next_hop: str | None = None
    previous_next_hop: str | None = None
    peer_ip: str | None = None
    peer_asn: int | None = None
    node: str | None = None


class _Data(msgspec.Struct, rename="camel", forbid_unknown_fields=True):
    cluster: str
    mode: str
    trigger: str
    correlation_id: str
    """As in the log, the history and Azure's activity log."""


class RoutesChanged(_Data):
    """A pass created, updated or deleted routes or BGP peers, and Azure shows them."""

    created: Count
    updated: Count
    deleted: Count
    changes: list[Change]
    """At most 100; the counts are of all."""


class DriftRepaired(_Data):
    """A pass put back what somebody else had changed. The same changes are in RoutesChanged, too."""

    repaired: Count
    changes: list[Change]


class DeletesHeld(_Data):
    """A rail keeps deletes of one target back, for a person to decide. Told when other ones are held than before."""

    target: str
    held: Count
    changes: list[Change]
    reasons: list[str]


class ReconcileFailed(_Data):
    """A pass failed, or a target of it. Told when it begins, and when other targets fail than before."""

    error: str | None
    targets: list["FailedTarget"]


class FailedTarget(msgspec.Struct, forbid_unknown_fields=True):
    """A target that failed, and why."""

    target: str
    error: str | None


class HeadroomLow(_Data):
    """A route table or hub is nearly full, or full. Told when it begins, and when it is full after being nearly full."""

    target: str
    used: Count
    capacity: Count
    message: str


Data = RoutesChanged | DriftRepaired | DeletesHeld | ReconcileFailed | HeadroomLow
KINDS: Final = (RoutesChanged, DriftRepaired, DeletesHeld, ReconcileFailed, HeadroomLow)


@dataclass(frozen=True, slots=True)
class Announcement:
    """A CloudEvent without id and time, which the topic's client adds."""

    type: str
    source: str
    subject: str
    data: Mapping[str, Any]


def announcements(
    report: ClusterReport,
    before: Mapping[str, Any] | None,
    *,
    source: str,
    correlation: str,
    repaired: frozenset[Place] = frozenset(),
) -> tuple[Announcement, ...]:
    """What a pass has to tell. `before` is the cluster's last report, JSON, and `source` the id of the AKS cluster.

    A pass that found the cluster busy has nothing to tell. Plans are not to be handed in.
    """
    (now,) = render_json([report])["clusters"]
    who = {
        "cluster": report.cluster,
        "mode": report.mode,
        "trigger": report.trigger,
        "correlation_id": correlation,
    }
    told: list[Data] = [
        *_changed(now, who),
        *_repaired(now, who, repaired),
        *_held(now, before, who),
        *_failed(now, before, who),
        *_low(now, before, who),
    ]
    return tuple(_announcement(data, source or f"urn:aks-pod-routes:{report.cluster}") for data in told)


def json_schemas() -> dict[str, Any]:
    """The schema of every kind's data, as docs/events.schema.json has it."""
    _, components = msgspec.json.schema_components(KINDS, ref_template="#/$defs/{name}")
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Data of the events of aks-pod-routes, by type without AksPodRoutes.",
        "$defs": components,
    }


def _announcement(data: Data, source: str) -> Announcement:
    subject = data.target if isinstance(data, DeletesHeld | HeadroomLow) else data.cluster
    return Announcement(f"{PREFIX}{type(data).__name__}", source, subject, msgspec.to_builtins(data))


def _changed(now: Mapping[str, Any], who: dict[str, str]) -> Iterator[RoutesChanged]:
    changes = [change for change, result in _changes(now) if result == Result.APPLIED]
    if changes:
        counts = Counter(change.action for change in changes)
        yield RoutesChanged(
            **who, created=counts["create"], updated=counts["update"], deleted=counts["delete"], changes=changes[:MOST]
        )


def _repaired(now: Mapping[str, Any], who: dict[str, str], repaired: frozenset[Place]) -> Iterator[DriftRepaired]:
    changes = [
        change
        for change, result in _changes(now)
        if result == Result.APPLIED and (change.target.lower(), change.prefix or change.peer_ip or "") in repaired
    ]
    if changes:
        yield DriftRepaired(**who, repaired=len(changes), changes=changes[:MOST])


def _held(now: Mapping[str, Any], before: Mapping[str, Any] | None, who: dict[str, str]) -> Iterator[DeletesHeld]:
    for target in now["targets"]:
        held = _held_deletes(target)
        if held and {change["name"] for change in held} != {
            change["name"] for change in _held_deletes(_of(before, target))
        }:
            reasons = sorted({change.get("reason", "") for change in held} - {""})
            changes = [_change(target["target"], change) for change in held[:MOST]]
            yield DeletesHeld(**who, target=target["target"], held=len(held), changes=changes, reasons=reasons[:MOST])


def _failed(now: Mapping[str, Any], before: Mapping[str, Any] | None, who: dict[str, str]) -> Iterator[ReconcileFailed]:
    if now["outcome"] != Outcome.FAILED:
        return
    if before is None or before.get("outcome") != Outcome.FAILED or _failing(before).keys() != _failing(now).keys():
        targets = [FailedTarget(target, error) for target, error in _failing(now).items()]
        yield ReconcileFailed(**who, error=now["error"], targets=targets[:MOST])


def _low(now: Mapping[str, Any], before: Mapping[str, Any] | None, who: dict[str, str]) -> Iterator[HeadroomLow]:
    for target in now["targets"]:
        known = {finding["code"] for finding in _of(before, target).get("findings", ())}
        for finding in target["findings"]:
            if finding["code"] in _LOW - known:
                yield HeadroomLow(
                    **who,
                    target=target["target"],
                    used=target["managed"] + target["foreign"],
                    capacity=target["capacity"],
                    message=finding["message"],
                )


def _changes(now: Mapping[str, Any]) -> Iterator[tuple[Change, str]]:
    for target in now["targets"]:
        for change in target["changes"]:
            yield _change(target["target"], change), change["result"]


def _change(target: str, change: Mapping[str, Any]) -> Change:
    known = {field: change.get(name) for field, name in _FIELDS}
    return Change(target, change["action"], change["name"], **known)


_FIELDS: Final[Sequence[tuple[str, str]]] = tuple(
    (field.name, field.encode_name)
    for field in msgspec.structs.fields(Change)
    if field.name not in {"target", "action", "name"}
)


def _held_deletes(target: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return [
        change
        for change in target.get("changes", ())
        if change["action"] == "delete" and change["result"] == Result.HELD
    ]


def _failing(report: Mapping[str, Any]) -> dict[str, str | None]:
    return {each["target"]: each["error"] for each in report["targets"] if each["outcome"] == Outcome.FAILED}


def _of(before: Mapping[str, Any] | None, target: Mapping[str, Any]) -> Mapping[str, Any]:
    """The same target in the last report; empty where it was not there."""
    targets: Sequence[Mapping[str, Any]] = (before or {}).get("targets", ())
    return next((each for each in targets if each["target"].lower() == target["target"].lower()), {})
