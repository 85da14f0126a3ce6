"""One route table as a target: GET, merge, one conditional PUT, wait for the operation, hand back the result.

A PUT replaces the whole table (facts: azure-cli#10970), so what is foreign, and every property this app does not know, goes
back exactly as it came. Read as plain JSON: the SDK's models take forty times as long. azure-mgmt-network has no etag argument;
If-Match is sent as a header, which Azure honours (facts: recorded 412 PreconditionFailedEtagMismatch).
"""

import io
import json
from collections.abc import Mapping, Sequence
from functools import lru_cache
from ipaddress import ip_address, ip_network
from typing import Any

from azure.core.exceptions import AzureError
from azure.core.polling import LROPoller
from azure.mgmt.core.tools import parse_resource_id

from shared.changes import Create, Delete, RouteChange, Update
from shared.errors import TargetError
from shared.models import Address, Foreign, Network, Observed, ObservedRoutes, Route, Rules
from shared.ownership import is_ours
from shared.resource_manager import explained
from shared.targets.arm import Arm, translate
from shared.targets.plain import PlainPolling

API_VERSION = "2026-03-01"
"""Of reads and writes alike: a property that only a newer version shows would be lost by a write on an older reading."""
POLL_SECONDS = 2.0
"""Between two polls where Azure sends no Retry-After (it does: 10 s at first); a write takes 2 to 3 s (facts: recorded)."""
OPERATION_SECONDS = 240.0
"""An operation on a route table that has not ended by then is reported as failed; the next pass sees what became of it."""
KNOWN_TEXTS = 2**14
"""How many prefixes, and how many next hops, are remembered as parsed: an instance reads the same ones in every pass."""
_FAILED = "Failed"
"""State of a table or route after an operation that failed: what it shows is not what the network does, so that a route of
ours in it differs from every wish and is written again."""


class RouteTable:
    """Fits `reconcile.Target`."""

    def __init__(self, arm: Arm, table_id: str, rules: Rules) -> None:
        self.id = table_id
        self._arm = arm
        parts = parse_resource_id(table_id)
        self._operations = arm.network(str(parts["subscription"])).route_tables
        self._where = (str(parts["resource_group"]), str(parts["name"]))
        self._rules = rules

    def observe(self) -> ObservedRoutes:
        """What the table holds now; TargetError when it cannot be read."""
        try:
            body = self._arm.get(self.id, api_version=API_VERSION)
        except TargetError as error:
            raise explained(error, self.id) from error
        if not body.get("etag") or "properties" not in body:
            raise TargetError(
                f"{self.id}: Azure's answer has no etag or no properties; nothing is written on such a reading"
            )
        return self._observed(body)

    def apply(self, observed: ObservedRoutes, changes: Sequence[RouteChange]) -> ObservedRoutes:
        """One PUT with If-Match, the polls of its operation, and its final GET. Raises SupersededError, TargetError."""
        body = json.dumps(merge(observed.body, changes), separators=(",", ":")).encode()
        try:
            poller = self._operations.begin_create_or_update(
                *self._where,
                io.BytesIO(body),
                api_version=API_VERSION,
                headers={"If-Match": observed.body["etag"]},
                polling=PlainPolling(POLL_SECONDS),
            )
            return self._observed(self._result(poller))
        except (AzureError, ValueError) as error:
            raise translate(error, self.id) from error

    def _result(self, poller: LROPoller[Any]) -> dict[str, Any]:
        poller.wait(OPERATION_SECONDS)
        if not poller.done():
            raise TargetError(
                f"{self.id}: the write did not end within {OPERATION_SECONDS:.0f} s; the next pass sees what became of it"
            )
        result: dict[str, Any] = poller.result()
        return result

    def _observed(self, body: dict[str, Any]) -> ObservedRoutes:
        managed: list[Route] = []
        foreign: list[Foreign] = []
        state = (body.get("properties") or {}).get("provisioningState")
        for route in _routes(body):
            properties = route.get("properties") or {}
            name, prefix = route["name"], _network(properties.get("addressPrefix"))
            next_hop = _address(properties.get("nextHopIpAddress"))
            if prefix is not None and is_ours(name, prefix, self._rules.owner, self._rules.pod_cidrs):
                failed = _FAILED in {state, properties.get("provisioningState")}
                managed.append(Route(name, prefix, next_hop, _FAILED if failed else properties.get("nextHopType", "")))
            else:
                foreign.append(Foreign(name, prefix, next_hop))
        return Observed(tuple(managed), tuple(foreign), body)


def merge(table: Mapping[str, Any], changes: Sequence[RouteChange]) -> dict[str, Any]:
    """The table with `changes` and nothing else changed: other routes and unknown properties as they came, in their order."""
    replaced: dict[str, Route | None] = {}
    added: list[dict[str, Any]] = []
    for change in changes:
        match change:
            case Delete(previous):
                replaced[previous.name.lower()] = None
            case Update(previous, route):
                replaced[previous.name.lower()] = route
            case Create(route):
                added.append(_written(route))
    routes: list[dict[str, Any]] = []
    for existing in _routes(table):
        successor = replaced.get(existing["name"].lower(), existing)
        if successor is not None:
            routes.append(_written(successor) if isinstance(successor, Route) else existing)
    return {**table, "properties": {**table["properties"], "routes": [*routes, *added]}}


def _routes(table: Mapping[str, Any]) -> list[dict[str, Any]]:
    routes: list[dict[str, Any]] = (table.get("properties") or {}).get("routes") or []
    return routes


def _written(route: Route) -> dict[str, Any]:
    return {
        "name": route.name,
        "properties": {
            "addressPrefix": str(route.prefix),
            "nextHopType": route.next_hop_type,
            "nextHopIpAddress": str(route.next_hop),
        },
    }


@lru_cache(maxsize=KNOWN_TEXTS)
def _network(text: str | None) -> Network | None:
    """None for what is no network: a service tag, or nothing at all."""
    try:
        return ip_network(text or "", strict=False)
    except ValueError:
        return None


@lru_cache(maxsize=KNOWN_TEXTS)
def _address(text: str | None) -> Address | None:
    try:
        return ip_address(text or "")
    except ValueError:
        return None
