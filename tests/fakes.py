"""Nodes and a route table that live in memory, with the behaviour of the real ones. Rules of the product are not repeated here.

The table does what Azure does as far as a pass sees it (facts: recorded exchanges; cloud-provider-azure#657): names are
unique whatever their case, prefixes are unique, a write is conditional on the version that was read, and every write gives
the table a new version. `Fault` is what can go wrong with one write.
"""

import copy
import json
import re
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from enum import Enum, auto
from ipaddress import ip_address, ip_network
from typing import Any

from shared.changes import Create, Delete, RouteChange, Update
from shared.errors import SourceError, SupersededError, TargetError
from shared.models import Finding, Foreign, Network, Node, Observed, ObservedRoutes, Reading, Route, Rules
from shared.modes import UserDefinedRoutes
from shared.ownership import is_ours
from shared.reconcile import Order, reconcile
from shared.report import ClusterReport
from tests.examples import RULES, TABLE

RawRoute = dict[str, Any]

AZURE_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9_.-]{0,78}[A-Za-z0-9_])?")
"""https://learn.microsoft.com/azure/azure-resource-manager/management/resource-name-rules#microsoftnetwork"""


class FakeNodes:
    """Fits `reconcile.NodeSource`. `nodes` may be changed between passes."""

    def __init__(self, *nodes: Node, findings: tuple[Finding, ...] = ()) -> None:
        self.nodes: Sequence[Node] = nodes
        self.findings = findings
        self.failing = False
        self.following = 0
        self.changes: list[Callable[[], None]] = []

    @contextmanager
    def follow(self) -> Iterator["FakeNodes"]:
        """Itself: nodes in memory are always up to date. `following` counts who does."""
        self.following += 1
        try:
            yield self
        finally:
            self.following -= 1

    def wait(self, seconds: float) -> bool:
        """The next of `changes` happens at once; without one nothing does, however long one waits."""
        _ = seconds
        if not self.changes:
            return False
        self.changes.pop(0)()
        return True

    def come(self, node: Node) -> None:
        """A node more."""
        self.nodes = (*self.nodes, node)

    def read(self) -> Reading:
        if self.failing:
            raise SourceError("the API server did not answer within 30 s")
        return Reading(tuple(self.nodes), self.findings)


class Killed(Exception):  # noqa: N818  # no error of the app: the function was ended from outside
    """The invocation was killed in the middle of a write."""


class Fault(Enum):
    """What becomes of one write."""

    OVERTAKEN = auto()
    """Somebody else's write comes first: 412."""
    LOCKED = auto()
    """Another operation is at work on the table: 429 RetryableErrorDueToAnotherOperation."""
    REFUSED = auto()
    """A policy or lock: 403, nothing happens."""
    FAILED = auto()
    """Accepted, but the operation fails and nothing of it lands (cloud-provider-azure#11003)."""
    HALF = auto()
    """Accepted, but the operation fails after half of the changes."""
    LATE = auto()
    """The operation outlives our patience, and lands."""
    LOST = auto()
    """Azure says that it succeeded; the last change is not there."""
    KILLED_BEFORE = auto()
    KILLED_AFTER = auto()


def _by_hand(table: "FakeTable") -> None:
    number = len(table.routes)
    table.routes.append(raw(f"by-hand-{number}", f"192.168.{number}.0/24", "10.0.255.4"))


class FakeTable:
    """Fits `reconcile.Target`. `interfere` is what the other writer does when a write is OVERTAKEN."""

    def __init__(
        self,
        rules: Rules,
        *routes: RawRoute | Route,
        table_id: str = TABLE,
        limit: int = 1000,
        faults: Iterable[Fault] = (),
        interfere: Callable[["FakeTable"], None] = _by_hand,
    ) -> None:
        self.id = table_id
        self.rules = rules
        self.routes: list[RawRoute] = [of_route(route) if isinstance(route, Route) else route for route in routes]
        self.limit = limit
        self.faults = deque(faults)
        self.interfere = interfere
        self.unreadable = False
        self.reads = 0
        self.requests: list[tuple[RouteChange, ...]] = []
        """Every write that was asked for, also those that came to nothing."""
        self._version = 1
        self._check(self.routes)

    def observe(self) -> ObservedRoutes:
        self.reads += 1
        if self.unreadable:
            raise TargetError(f"{self.id}: HTTP 404 ResourceNotFound: it does not exist", status=404)
        return self._observed()

    def apply(self, observed: ObservedRoutes, changes: Sequence[RouteChange]) -> ObservedRoutes:
        self.requests.append(tuple(changes))
        fault = self.faults.popleft() if self.faults else None
        self._before(fault)
        if observed.body["etag"] != self._version:
            raise SupersededError("HTTP 412 PreconditionFailed: another writer was faster", status=412)
        self._commit(_landing(changes, fault))
        if fault in {Fault.FAILED, Fault.HALF, Fault.LATE}:
            raise TargetError("the operation ended in Failed", status=200, code="InternalServerError")
        if fault is Fault.KILLED_AFTER:
            raise Killed
        return self._observed()

    @property
    def routed(self) -> dict[str, str | None]:
        """What is ours, as prefix → next hop, or the next hop type in brackets where it is not the right one."""
        return {str(route.prefix): _target(route) for route in self._observed().managed}

    @property
    def foreign_bytes(self) -> list[str]:
        """What is not ours, byte for byte and in its order."""
        ours = {route.name for route in self._observed().managed}
        return [json.dumps(route) for route in self.routes if route["name"] not in ours]

    def edit(self, change: Callable[["FakeTable"], None]) -> None:
        """Somebody else's write."""
        change(self)
        self._check(self.routes)
        self._version += 1

    def _before(self, fault: Fault | None) -> None:
        match fault:
            case Fault.OVERTAKEN:
                self.edit(self.interfere)
            case Fault.LOCKED:
                raise SupersededError("HTTP 429 RetryableErrorDueToAnotherOperation", status=429, retry_after=11)
            case Fault.REFUSED:
                raise TargetError("HTTP 403 RequestDisallowedByPolicy", status=403, code="RequestDisallowedByPolicy")
            case Fault.KILLED_BEFORE:
                raise Killed
            case _:
                pass

    def _commit(self, changes: Sequence[RouteChange]) -> None:
        replaced: dict[str, RawRoute | None] = {}
        added: list[RawRoute] = []
        for change in changes:
            match change:
                case Delete(previous):
                    replaced[previous.name.lower()] = None
                case Update(previous, route):
                    replaced[previous.name.lower()] = of_route(route)
                case Create(route):
                    added.append(of_route(route))
        merged = [replaced.get(existing["name"].lower(), existing) for existing in self.routes]
        routes = [route for route in merged if route is not None] + added
        self._check(routes)
        self.routes = routes
        self._version += 1

    def _check(self, routes: list[RawRoute]) -> None:
        names = [route["name"].lower() for route in routes]
        prefixes = [_network(route) or route["properties"]["addressPrefix"] for route in routes]
        if len(set(names)) < len(names):
            raise TargetError("HTTP 400 InvalidRequestFormat: two routes of one name", status=400)
        if len(set(prefixes)) < len(prefixes):
            raise TargetError("HTTP 400 RouteConflict: cannot have the same AddressPrefix", status=400)
        if len(routes) > self.limit:
            raise TargetError(f"HTTP 400: cannot have more than {self.limit} routes", status=400)
        if not all(AZURE_NAME.fullmatch(route["name"]) for route in routes):
            raise TargetError("HTTP 400 InvalidResourceName", status=400)

    def _observed(self) -> ObservedRoutes:
        ours: list[Route] = []
        others: list[Foreign] = []
        for route in self.routes:
            name, prefix, properties = route["name"], _network(route), route["properties"]
            hop = ip_address(properties["nextHopIpAddress"]) if "nextHopIpAddress" in properties else None
            if prefix is not None and is_ours(name, prefix, self.rules.owner, self.rules.pod_cidrs):
                ours.append(Route(name, prefix, hop, properties["nextHopType"]))
            else:
                others.append(Foreign(name, prefix, hop))
        return Observed(tuple(ours), tuple(others), {"etag": self._version, "routes": copy.deepcopy(self.routes)})


def run(
    nodes: FakeNodes,
    *tables: FakeTable,
    rules: Rules = RULES,
    order: Order = Order("http"),  # noqa: B008  # a frozen value
    pause: Callable[[float], None] = lambda _: None,
    before_write: Callable[[], None] = lambda: None,
) -> ClusterReport:
    """One pass in which no wait lasts."""
    return reconcile(UserDefinedRoutes(rules), nodes, tables, order, pause=pause, before_write=before_write)


def raw(name: str, prefix: str, hop: str | None = None, *, kind: str = "VirtualAppliance", **unknown: Any) -> RawRoute:
    """A route as Azure tells it."""
    properties = {"addressPrefix": prefix, "nextHopType": kind, **({"nextHopIpAddress": hop} if hop else {}), **unknown}
    return {"name": name, "properties": properties}


def of_route(route: Route) -> RawRoute:
    hop = None if route.next_hop is None else str(route.next_hop)
    return raw(route.name, str(route.prefix), hop, kind=route.next_hop_type)


def _landing(changes: Sequence[RouteChange], fault: Fault | None) -> Sequence[RouteChange]:
    match fault:
        case Fault.FAILED:
            return ()
        case Fault.HALF:
            return changes[: len(changes) // 2]
        case Fault.LOST:
            return changes[:-1]
        case _:
            return changes


def _network(route: RawRoute) -> Network | None:
    try:
        return ip_network(route["properties"]["addressPrefix"])
    except ValueError:
        return None


def _target(route: Route) -> str | None:
    return str(route.next_hop) if route.next_hop_type == "VirtualAppliance" else f"[{route.next_hop_type}]"
