"""Who else wrote to a target: Azure's activity log, read once, when somebody was found to fight with us.

Whose a write is, is told by its correlation id, not by its principal: a second installation of this app with the same identity
is just the writer to be found, and would hide behind "it is us". Our own ids come from Azure's answers to our writes, so they
are right also where Azure should not take the id that we send.

The log lags by minutes, so the last write of a fight may be missing; one of those before it is not. Only the writer's name and
the operation leave this room: a record carries claims and addresses of people.

Shape: https://learn.microsoft.com/rest/api/monitor/activity-logs/list (api-version 2015-04-01)
"""

from collections.abc import Collection, Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

import msgspec

from shared import shapes
from shared.errors import TargetError

API_VERSION = "2015-04-01"
_PAGES = 3


class ActivityLog(Protocol):
    """What is needed of Azure Resource Manager; `targets.arm.Arm` fits."""

    def glance(self, path: str, *, api_version: str, query: Mapping[str, str]) -> dict[str, Any]:
        """One GET without patience, or TargetError."""
        ...


class _Named(msgspec.Struct):
    value: str = ""


class _Record(msgspec.Struct, rename="camel"):
    caller: str | None = None
    correlation_id: str = ""
    event_timestamp: str = ""
    resource_id: str = ""
    operation_name: _Named = msgspec.field(default_factory=_Named)
    status: _Named = msgspec.field(default_factory=_Named)
    claims: dict[str, Any] | None = None


class _Page(msgspec.Struct, rename="camel"):
    value: list[_Record] = msgspec.field(default_factory=list)
    next_link: str | None = None


def other_writer(
    log: ActivityLog,
    target: str,
    *,
    now: datetime,
    within: timedelta,
    own: Collection[str],
    client_id: str | None = None,
) -> str:
    """Who wrote `target`, or one of its routes or connections, last, and was not us; empty where that cannot be told.

    `own` are the correlation ids of our writes in lower case, `client_id` that of our identity. Raises nothing: that the log
    may not be read (`Microsoft.Insights/eventtypes/values/read`) is no reason to say less about the fight itself.
    """
    try:
        records = list(_records(log, target, now - within, now))
    except (TargetError, msgspec.ValidationError):
        return ""
    others = [record for record in records if _is_write(record, target) and record.correlation_id.lower() not in own]
    if not others:
        return ""
    last = max(others, key=lambda record: record.event_timestamp)
    name = last.caller or "somebody whom the log does not name"
    app = str((last.claims or {}).get("appid", ""))
    if client_id and client_id.lower() in {app.lower(), name.lower()}:
        name += " (this app's own identity, so perhaps a second installation of it)"
    return f"{name}, {last.operation_name.value} at {last.event_timestamp[:19]}Z"


def _records(log: ActivityLog, target: str, since: datetime, until: datetime) -> Iterable[_Record]:
    """Of the target's whole resource group: a route of a table has an id of its own, which a filter by the table's id misses."""
    _, _, subscription, _, group, *_ = target.split("/")
    path = f"/subscriptions/{subscription}/providers/Microsoft.Insights/eventtypes/management/values"
    wanted = f"eventTimestamp ge '{_stamp(since)}' and eventTimestamp le '{_stamp(until)}' and resourceGroupName eq '{group}'"
    query = {"$filter": wanted}
    for _ in range(_PAGES):
        page = shapes.convert(log.glance(path, api_version=API_VERSION, query=query), _Page)
        yield from page.value
        token = _skip_token(page.next_link)
        if not token:
            return
        query = {"$filter": wanted, "$skiptoken": token}


def _is_write(record: _Record, target: str) -> bool:
    """Of the records of one operation (started, accepted, succeeded) the one of its end."""
    where, what = record.resource_id.lower(), record.operation_name.value.lower()
    mine = where == target.lower() or where.startswith(f"{target.lower()}/")
    return mine and what.endswith(("/write", "/delete")) and record.status.value in {"Succeeded", "Accepted"}


def _skip_token(next_link: str | None) -> str:
    """As it stands in the link, encoded as it is: azure-core puts parameters into an address as they come."""
    for part in (next_link or "").partition("?")[2].split("&"):
        name, _, value = part.partition("=")
        if name.lower() in {"$skiptoken", "%24skiptoken"}:
            return value
    return ""


def _stamp(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
