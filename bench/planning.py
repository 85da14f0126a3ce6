"""Planning alone: the pure rules over any number of nodes, with nothing to do, everything new, or a tenth of it changed."""

import time
from collections.abc import Callable
from ipaddress import IPv4Address, IPv4Network, ip_network

from shared.changes import Plan, fingerprint
from shared.desired import desire
from shared.models import Foreign, Node, Observed, ObservedRoutes, Route, Rules
from shared.ownership import route_name
from shared.plan import make_plan
from shared.safety import guard

_RULES = Rules("shop-weu", (ip_network("100.0.0.0/8"),), routes_per_table=10**6)
_FIRST_POD, _FIRST_NODE = int(IPv4Address("100.0.0.0")), int(IPv4Address("10.16.0.0"))


def case(nodes: int, *, changed: int = 0) -> Callable[[], Plan[Route, Foreign]]:
    """A whole planning, from nodes to fingerprint, of a table in which `changed` pod CIDRs have another next hop."""
    live = tuple(_node(number) for number in range(nodes))
    observed: ObservedRoutes = Observed(tuple(_route(node, wrong=at < changed) for at, node in enumerate(live)), ())

    def plan() -> Plan[Route, Foreign]:
        desired = desire(live, _RULES.pod_cidrs)
        drawn = guard(make_plan(observed, desired, _RULES), observed, desired, _RULES)
        fingerprint({"table": drawn})
        return drawn

    return plan


def cpu_seconds(run: Callable[[], object], repeat: int = 5) -> float:
    """The least of several runs, in processor time: what others do on the machine counts little."""

    def once() -> float:
        before = time.process_time()
        run()
        return time.process_time() - before

    return min(once() for _ in range(repeat))


def _node(number: int) -> Node:
    prefix = IPv4Network((_FIRST_POD + 256 * number, 24))
    return Node(f"node-{number:06}", "2026-11-01T08:00:00Z", (prefix,), (IPv4Address(_FIRST_NODE + number),))


def _route(node: Node, *, wrong: bool) -> Route:
    (prefix,), (hop,) = node.pod_cidrs, node.addresses
    return Route(route_name("shop-weu", prefix), prefix, IPv4Address("10.15.0.1") if wrong else hop)
