"""Is this Event Grid event a scale event of ours, and of which cluster? Pure: no azure import, no clock, no log.

The event is only a hint to go and look: nothing about nodes or routes is taken from it. An event carries claims and
addresses of people, so the answers here hold what identifies it and no more.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

_MACHINES = "Microsoft.Compute/virtualMachines"
_SCALE_SETS = "Microsoft.Compute/virtualMachineScaleSets"
OPERATIONS = (
    f"{_SCALE_SETS}/write",
    f"{_SCALE_SETS}/delete",
    f"{_SCALE_SETS}/delete/action",
    f"{_SCALE_SETS}/deallocate/action",
    f"{_SCALE_SETS}/start/action",
    f"{_SCALE_SETS}/reimage/action",
    f"{_MACHINES}/write",
    f"{_MACHINES}/delete",
)
"""What makes nodes come, go or change: scale sets, and single machines (VM pools, node auto-provisioning).

Source: https://learn.microsoft.com/azure/role-based-access-control/permissions/compute. The autoscaler's scale-in is
`delete/action` on the scale set. Writes to machines inside a scale set are disks being attached, and do not count.
"""

_SPELLING = {operation.lower(): operation for operation in OPERATIONS}

_DONE = frozenset(f"microsoft.resources.resource{what}success" for what in ("write", "delete", "action"))
"""Failures and cancellations change nothing worth a look.

Source: https://learn.microsoft.com/azure/event-grid/event-schema-subscriptions#available-event-types
"""

_RESOURCE = re.compile(
    r"/subscriptions/(?P<subscription>[^/]+)/resourceGroups/(?P<group>[^/]+)/providers/[^/]+/[^/]+/[^/]+", re.IGNORECASE
)


class Event(Protocol):
    """What the trigger hands over: EventGridEvent or CloudEvent of azure.functions, whichever the subscription sends.

    The first has `event_type` and `event_time`, the second `type` and `time`. Any value may be missing (None): the
    binding takes over what came.
    """

    @property
    def id(self) -> str:
        """Unique per event, the same in every delivery of it."""

    @property
    def subject(self) -> str | None:
        """The id of the resource the event is about."""

    def get_json(self) -> Any:  # the binding promises nothing
        """The event's data."""


@dataclass(frozen=True, slots=True)
class ScaleEvent:
    """An operation on machines that has ended well."""

    id: str
    operation: str
    """Spelled as in OPERATIONS, however the event spells it."""
    subscription: str
    resource_group: str
    resource: str
    """Id of the scale set or machine, as the event spells it."""
    time: datetime | None

    @property
    def place(self) -> tuple[str, str]:
        """Subscription id and resource group, as the event spells them."""
        return self.subscription, self.resource_group


@dataclass(frozen=True, slots=True)
class Ignored:
    """An event that is none of our business; `reason` is for a debug line and holds nothing personal."""

    reason: str


def scale_event(event: Event) -> ScaleEvent | Ignored:
    """What `event` means to us. Raises nothing, whatever the event holds."""
    event_type = getattr(event, "event_type", None) or getattr(event, "type", None)
    if not isinstance(event_type, str) or event_type.lower() not in _DONE:
        return Ignored(f"event type {_shown(event_type)} does not count")
    data = event.get_json()
    if not isinstance(data, Mapping):
        return Ignored("the event has no data object")
    name = data.get("operationName")
    operation = _SPELLING.get(name.lower()) if isinstance(name, str) else None
    if operation is None:
        return Ignored(f"operation {_shown(name)} does not count")
    found = _resource(data.get("resourceUri")) or _resource(event.subject)
    if not found:
        return Ignored("neither resourceUri nor subject is the id of a resource in a resource group")
    time = getattr(event, "event_time", None) or getattr(event, "time", None)
    return ScaleEvent(
        id=str(event.id),
        operation=operation,
        subscription=found["subscription"],
        resource_group=found["group"],
        resource=found[0],
        time=time if isinstance(time, datetime) else None,
    )


def concerns(event: ScaleEvent, node_resource_groups: Mapping[str, tuple[str, str]]) -> tuple[str, ...]:
    """The clusters in whose node resource group the event lies.

    `node_resource_groups` maps a cluster's name to the subscription id and the name of the group. Compared as a whole
    and without regard to case: Azure spells both ways, and `MC_aks` must not be taken for `MC_aks_2`.
    """
    place = tuple(part.lower() for part in event.place)
    return tuple(
        cluster
        for cluster, (subscription, group) in node_resource_groups.items()
        if (subscription.lower(), group.lower()) == place
    )


def _resource(text: object) -> re.Match[str] | None:
    """The resource at the start of an id; some senders append the action to it ("…/aks-np1-vmss/start")."""
    return _RESOURCE.match(text) if isinstance(text, str) else None


def _shown(value: object) -> str:
    return repr(value[:100]) if isinstance(value, str) else f"of type {type(value).__name__}"
