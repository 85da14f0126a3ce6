"""Nodes, routes and rules written short, for tables of examples. Random ones are in `strategies`, behaviour is in `fakes`."""

from dataclasses import replace
from ipaddress import ip_address, ip_network
from typing import Any

from shared.changes import AnyChange, Create, Delete, Step, Update, Verdict
from shared.desired import Desired, desire
from shared.models import (
    VIRTUAL_APPLIANCE,
    BgpPeer,
    Finding,
    Foreign,
    ForeignPeer,
    Network,
    Node,
    Observed,
    ObservedRoutes,
    Route,
    Rules,
)
from shared.ownership import route_name
from shared.plan import RoutePlan
from shared.report import ClusterReport

OWNER = "prod-weu"
TABLE = (
    "/subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/rg-net"
    "/providers/Microsoft.Network/routeTables/rt-pods"
)
RULES = Rules(OWNER, (ip_network("100.64.0.0/10"), ip_network("fd00:10::/48")))
OLD, NEW = "2026-01-01T00:00:00Z", "2026-06-01T00:00:00Z"


def net(text: str) -> Network:
    return ip_network(text)


def node(name: str, *cidrs: str, at: str = "", created: str = OLD, deleting: bool = False) -> Node:
    """`at` holds its InternalIPs, separated by spaces."""
    return Node(name, created, tuple(map(ip_network, cidrs)), tuple(map(ip_address, at.split())), deleting)


def managed(prefix: str, hop: str | None, *, kind: str = VIRTUAL_APPLIANCE, name: str = "") -> Route:
    return Route(name or named(prefix), net(prefix), ip_address(hop) if hop else None, kind)


def foreign(name: str, prefix: str | None, hop: str | None = None) -> Foreign:
    return Foreign(name, net(prefix) if prefix else None, ip_address(hop) if hop else None)


def named(prefix: str, owner: str = OWNER) -> str:
    return route_name(owner, net(prefix))


def table(*routes: Route | Foreign) -> ObservedRoutes:
    return Observed(
        tuple(route for route in routes if isinstance(route, Route)),
        tuple(route for route in routes if isinstance(route, Foreign)),
    )


def wish(*nodes: Node) -> Desired:
    """What `nodes` entitle to under RULES."""
    return desire(nodes, RULES.pod_cidrs)


def ruled(**changes: Any) -> Rules:
    """RULES but for `changes`."""
    return replace(RULES, **changes)


def told(plan: RoutePlan) -> list[str]:
    """Every step as a line: the change, and in brackets why it may not happen."""
    return [_line(step) for step in plan.steps]


def results(report: ClusterReport, number: int = 0) -> list[str]:
    """Every change of the report's table of that number as a line: the change and its result."""
    return [f"{written(entry.change)} {entry.result}" for entry in report.targets[number].changes]


def codes(findings: tuple[Finding, ...]) -> list[str]:
    """Each finding as `code resource`, in their order."""
    return [f"{finding.code} {finding.resource}".strip() for finding in findings]


def written(change: AnyChange) -> str:
    match change:
        case Delete(previous):
            return f"- {_what(previous)}"
        case Update(previous, entry, node):
            return f"~ {_what(entry)} {_whom(previous)} > {_whom(entry)} {node}".rstrip()
        case Create(entry, node):
            return f"+ {_what(entry)} {_whom(entry)} {node}".rstrip()


def _what(entry: Route | BgpPeer) -> object:
    return entry.ip if isinstance(entry, BgpPeer) else entry.prefix


def _whom(entry: Route | Foreign | BgpPeer | ForeignPeer) -> object:
    return entry.asn if isinstance(entry, BgpPeer | ForeignPeer) else entry.next_hop


def _line(step: Step[Route, Foreign]) -> str:
    note = "" if step.verdict is Verdict.PLANNED else f" [{step.verdict}]"
    return written(step.change) + note
