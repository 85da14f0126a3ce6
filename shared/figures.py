"""The figures of a pass: OpenTelemetry's names, units and attributes, in one line of the log. Pure; docs/metrics.md has the list.

Application Insights gets the line through the functions host like any other, so no exporter is loaded. The worker hands over
the message alone (azure-functions-python-worker#788, #1681), hence JSON in the message.

Names: https://opentelemetry.io/docs/specs/semconv/general/metrics/
"""

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from shared.arm_calls import ArmCall
from shared.report import ClusterReport, Result, TargetReport, render_json

NAME: Final = "aks_pod_routes.figures"
"""What the line begins with, behind the correlation id."""
VERSION: Final = 1
"""Of the line's form: a change that old queries do not survive gets a new one."""
TARGETS: Final = 16
"""So many targets are told, the fullest ones: a message ends after 32,768 characters, and a target takes 1,700 of them where its names are as long as Azure has them.
Source: https://learn.microsoft.com/azure/azure-monitor/app/data-model-complete (message of a trace)"""

CLUSTER: Final = "k8s.cluster.name"
RESOURCE: Final = "cloud.resource_id"
"""Both names are OpenTelemetry's own: https://opentelemetry.io/docs/specs/semconv/registry/attributes/"""


@dataclass(frozen=True, slots=True)
class Metric:
    """One measurement. A counter's value is that of the pass, a gauge's that after it."""

    name: str
    unit: str
    value: float
    attributes: tuple[tuple[str, str | int], ...] = ()

    def as_json(self) -> dict[str, Any]:
        """As it stands in the line."""
        told: dict[str, Any] = {"name": f"aks_pod_routes.{self.name}", "unit": self.unit, "value": self.value}
        return {**told, "attributes": dict(self.attributes)} if self.attributes else told


@dataclass(frozen=True, slots=True)
class Beside:
    """What is counted beside the report."""

    correlation: str = ""
    calls: Sequence[ArmCall] = ()
    repaired: frozenset[tuple[str, str]] = frozenset()
    """Target and prefix, or peer address, of what was drift."""
    seconds_since_event: float | None = None
    poison: int | None = None


def figures_line(report: ClusterReport, beside: Beside) -> str:
    """The line, without the correlation id that the log puts before it."""
    attributes = {
        CLUSTER: report.cluster,
        "aks_pod_routes.mode": report.mode,
        "aks_pod_routes.trigger": report.trigger,
        "aks_pod_routes.outcome": str(report.outcome),
        "aks_pod_routes.correlation_id": beside.correlation,
    }
    told = [metric.as_json() for metric in metrics(report, beside)]
    body = {"version": VERSION, "attributes": attributes, "metrics": told}
    return f"{NAME} {json.dumps(body, ensure_ascii=False, separators=(',', ':'))}"


def metrics(report: ClusterReport, beside: Beside) -> Iterator[Metric]:
    """Every measurement of a pass, in the order of docs/metrics.md."""
    yield Metric("passes", "{pass}", 1)
    yield Metric("pass.duration", "s", report.duration_ms / 1000)
    yield from _changes(report, beside)
    if beside.seconds_since_event is not None and _applied(report):
        yield Metric("event_to_route.duration", "s", round(beside.seconds_since_event, 3))
    yield from _requests(beside.calls)
    yield Metric("node.count", "{node}", report.node_count)
    yield Metric("waiting_node.count", "{node}", len(report.waiting))
    for target in sorted(report.targets, key=_utilization, reverse=True)[:TARGETS]:
        yield from _headroom(target)
    yield from _findings(report)
    if beside.poison is not None:
        yield Metric("poison_message.count", "{message}", beside.poison)


def _changes(report: ClusterReport, beside: Beside) -> Iterator[Metric]:
    changes: Counter[tuple[str, str]] = Counter()
    repairs: Counter[str] = Counter()
    for target in render_json([report])["clusters"][0]["targets"]:
        for change in target["changes"]:
            changes[change["action"], str(change["result"])] += 1
            place = (target["target"].lower(), change.get("prefix") or change.get("peerIp"))
            repairs[change["action"]] += change["result"] == Result.APPLIED and place in beside.repaired
    for (action, result), count in sorted(changes.items()):
        yield Metric("changes", "{change}", count, (_action(action), ("aks_pod_routes.change.result", result)))
    for action, count in sorted(repairs.items()):
        if count:
            yield Metric("drift.repairs", "{repair}", count, (_action(action),))


def _action(action: str) -> tuple[str, str]:
    return "aks_pod_routes.change.action", action


def _applied(report: ClusterReport) -> bool:
    return any(entry.result is Result.APPLIED for target in report.targets for entry in target.changes)


def _requests(calls: Iterable[ArmCall]) -> Iterator[Metric]:
    counts = Counter((call.method, call.status or 0) for call in calls)
    for (method, status), count in sorted(counts.items()):
        answered: tuple[tuple[str, str | int], ...] = (("http.response.status_code", status),) if status else ()
        yield Metric("arm.requests", "{request}", count, (("http.request.method", method), *answered))


def _headroom(target: TargetReport) -> Iterator[Metric]:
    resource = (RESOURCE, target.target)
    is_hub = "/virtualhubs/" in target.target.lower()
    where = (resource, ("aks_pod_routes.target.kind", "hub" if is_hub else "routeTable"))
    if not target.capacity:
        return
    yield Metric("target.usage", "{entry}", target.managed + target.foreign, where)
    yield Metric("target.limit", "{entry}", target.capacity, where)
    yield Metric("target.utilization", "1", round(_utilization(target), 4), where)
    if is_hub:
        yield Metric("peer.count", "{peer}", target.managed, (resource,))
    else:
        yield Metric("route.count", "{route}", target.managed, (resource,))


def _utilization(target: TargetReport) -> float:
    return (target.managed + target.foreign) / target.capacity if target.capacity else 0.0


def _findings(report: ClusterReport) -> Iterator[Metric]:
    found = Counter(
        (finding.code, str(finding.severity))
        for finding in (*report.findings, *(each for target in report.targets for each in target.findings))
    )
    for (code, severity), count in sorted(found.items()):
        attributes = (("aks_pod_routes.finding.code", code), ("aks_pod_routes.finding.severity", severity))
        yield Metric("finding.count", "{finding}", count, attributes)
