"""A gate against getting slower that no slow machine can trip: calls and allocations per node are counted, never seconds.

Every stage of a pass is counted at two sizes: what it takes per node is bounded, by about a fifth above what was counted, and
twice the nodes take twice as much. How long it takes is measured by `make bench`; what is imported is in `test_import_budget`.
"""

import cProfile
import gc
import json
import pstats
import tracemalloc
from collections.abc import Callable, Mapping
from ipaddress import IPv4Address, IPv4Network
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest

from sandbox.kubernetes_api.aks_node import aks_node, scale_set_node_name
from sandbox.kubernetes_api.cilium_node import cilium_node
from shared.changes import Plan, fingerprint, shown
from shared.desired import desire
from shared.models import Foreign, Observed, ObservedRoutes, Route, Rules
from shared.plan import make_plan
from shared.report import ChangeReport, ClusterReport, Outcome, Result, TargetReport, render_json, render_text
from shared.safety import guard
from shared.sources import objects
from shared.sources.objects import CiliumNodeList, NodeList, merge
from shared.targets import route_table
from shared.targets.route_table import RouteTable

FEW, MANY = 400, 800
TABLE = (
    "/subscriptions/8ecadfc9-d1a3-4ea4-b844-0d9f87e4d7c8/resourceGroups/rg/providers/Microsoft.Network/routeTables/rt"
)
RULES = Rules("shop-weu", (IPv4Network("100.64.0.0/10"),))
Stage = Callable[[], object]


def stages(nodes: int) -> Mapping[str, Stage]:
    """What a pass does with so many nodes, one thing after the other; all of it is new, and then all of it is there."""
    pages = _pages(nodes)

    def read() -> object:
        listed = msgspec.json.decode(pages[0], type=NodeList), msgspec.json.decode(pages[1], type=CiliumNodeList)
        return merge(listed[0].items, listed[1].items, "auto")

    reading: Any = read()
    nothing = json.dumps({"etag": "1", "location": "weu", "properties": {"routes": []}})
    empty = _table(nothing).observe()

    def plan(observed: Any) -> Plan[Route, Foreign]:
        desired = desire(reading.nodes, RULES.pod_cidrs)
        drawn = guard(make_plan(observed, desired, RULES), observed, desired, RULES)
        fingerprint({TABLE: drawn})
        return drawn

    changes = plan(empty).changes
    body = json.dumps(route_table.merge(empty.body, changes))
    full = _table(body).observe()
    assert len(full.managed) == nodes
    told = tuple(ChangeReport(change, Result.APPLIED) for change in changes)

    def tell() -> object:
        target = TargetReport(TABLE, Outcome.APPLIED, managed=nodes, changes=told)
        reports = [ClusterReport("shop-weu", "udr", "timer", Outcome.APPLIED, targets=(target,))]
        return render_json(reports), render_text(reports)

    return {
        "read the nodes": read,
        "read the table": lambda: _table(body).observe(),
        "plan, all new": lambda: plan(empty),
        "plan, nothing to do": lambda: plan(full),
        "write": lambda: route_table.merge(empty.body, changes),
        "see what was written": lambda: shown(full, changes),
        "tell": tell,
    }


CALLS = {
    "read the nodes": 130,
    "read the table": 100,
    "plan, all new": 118,
    "plan, nothing to do": 112,
    "write": 15,
    "see what was written": 46,
    "tell": 65,
}
"""Calls per node at most, of Python's own functions too, with nothing remembered from an earlier pass."""

KEPT_BYTES = 1_320
"""What a read node may keep allocated."""
PEAK_BYTES = 2_800
"""What reading one may take at its peak, on top of the answer itself."""


@pytest.mark.parametrize("stage", CALLS)
def test_a_stage_makes_few_calls_per_node_and_twice_as_many_for_twice_the_nodes(stage: str) -> None:
    few, many = _calls(stages(FEW)[stage]), _calls(stages(MANY)[stage])
    assert many / MANY <= CALLS[stage]
    assert many <= 2.1 * few


def test_the_gate_notices_a_stage_that_compares_everything_with_everything() -> None:
    """What `see what was written` once did."""

    def squared(nodes: int) -> Stage:
        full: ObservedRoutes = Observed(tuple(_route(number) for number in range(nodes)), ())
        return lambda: [_route(number) in full.managed for number in range(nodes)]

    assert _calls(squared(MANY)) > 2.1 * _calls(squared(FEW))


def test_reading_keeps_and_takes_little_memory_per_node() -> None:
    read = stages(MANY)["read the nodes"]
    _forget()
    gc.collect()
    tracemalloc.start()
    try:
        kept = read()
        size, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    del kept
    assert size / MANY <= KEPT_BYTES
    assert peak / MANY <= PEAK_BYTES


def _calls(run: Stage) -> int:
    _forget()
    profile = cProfile.Profile()
    profile.runcall(run)
    told: Any = pstats.Stats(profile)
    return int(told.total_calls)


def _forget() -> None:
    for remembered in (objects.parse_cidr, objects._parse_address, route_table._network, route_table._address):
        remembered.cache_clear()


def _pages(count: int) -> tuple[bytes, bytes]:
    nodes, cilium_nodes = [], []
    for number in range(count):
        name, address = scale_set_node_name("apps", number), str(_address(number))
        nodes.append(aks_node(name, "apps", [address]))
        cilium_nodes.append(cilium_node(name, addresses=[address], pod_cidrs=[str(_prefix(number))]))
    return _page("NodeList", nodes), _page("CiliumNodeList", cilium_nodes)


def _page(kind: str, items: list[Any]) -> bytes:
    return json.dumps({"kind": kind, "metadata": {"resourceVersion": "7"}, "items": items}).encode()


def _table(body: str) -> RouteTable:
    """A route table that is read as `body`."""
    arm: Any = SimpleNamespace(
        network=lambda _: SimpleNamespace(route_tables=None), get=lambda *_, **__: json.loads(body)
    )
    return RouteTable(arm, TABLE, RULES)


def _route(number: int) -> Route:
    return Route(f"apr_shop-weu_{number}", _prefix(number), _address(number))


def _prefix(number: int) -> IPv4Network:
    return IPv4Network((int(IPv4Address("100.64.0.0")) + 256 * number, 24))


def _address(number: int) -> IPv4Address:
    return IPv4Address("10.16.0.0") + number
