"""The figures of a pass: one line that Application Insights can take apart, with exactly the names that docs/metrics.md promises."""

import json
import re
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any

import pytest

from shared.arm_calls import ArmCall
from shared.changes import AnyChange, Create, Delete, Update
from shared.figures import NAME, TARGETS, VERSION, Beside, figures_line
from shared.models import BgpPeer, Finding, Severity, Waiting
from shared.report import ChangeReport, ClusterReport, Outcome, Result, TargetReport
from tests.examples import TABLE, managed

MANUAL = (Path(__file__).parent.parent / "docs" / "metrics.md").read_text(encoding="utf-8")
HUB = "/subscriptions/1/resourceGroups/rg/providers/Microsoft.Network/virtualHubs/rs-prod"
RESTORED: AnyChange = Update(managed("100.64.3.0/24", "10.0.0.4"), managed("100.64.3.0/24", "10.0.0.7"), "n3")
CREATED = Create(managed("100.64.4.0/24", "10.0.0.8"), "n4")
GONE = Delete(managed("100.64.9.0/24", "10.0.0.12"))
PEER = Create(BgpPeer("apr_shop_10.0.0.9", IPv4Address("10.0.0.9"), 65001), "n9")
FULL = ClusterReport(
    "shop-weu",
    "udr",
    "timer",
    Outcome.HELD,
    duration_ms=812,
    node_count=13,
    waiting=(Waiting("n5", "no pod CIDR yet"),),
    findings=(Finding(Severity.WARNING, "fightingWriter", "…"),),
    targets=(
        TargetReport(
            TABLE,
            Outcome.HELD,
            managed=14,
            foreign=2,
            capacity=1000,
            changes=(
                ChangeReport(RESTORED, Result.APPLIED),
                ChangeReport(CREATED, Result.APPLIED),
                ChangeReport(GONE, Result.HELD, "brake"),
                ChangeReport(RESTORED, Result.FAILED),
            ),
            findings=(Finding(Severity.ERROR, "brake", "…"),),
        ),
        TargetReport(
            HUB, Outcome.APPLIED, managed=2, foreign=1, capacity=8, changes=(ChangeReport(PEER, Result.APPLIED),)
        ),
    ),
)
BESIDE = Beside(
    "0f8fad5b-d9cb-469f-a165-70867728950e",
    (ArmCall("GET", TABLE, 200), ArmCall("GET", TABLE, 200), ArmCall("PUT", TABLE, 201), ArmCall("GET", TABLE)),
    frozenset({(TABLE.lower(), "100.64.3.0/24"), (HUB.lower(), "10.0.0.9")}),
    41.5,
    0,
)


def taken_apart(line: str) -> Any:
    """As the queries of docs/metrics.md do it, whatever stands before it."""
    found = re.search(r"aks_pod_routes\.figures (\{.*\})", f"[{BESIDE.correlation}] {line}")
    assert found
    return json.loads(found[1])


def values(report: ClusterReport, beside: Beside = BESIDE) -> dict[str, float]:
    told: dict[str, float] = {}
    for metric in taken_apart(figures_line(report, beside))["metrics"]:
        attributes = " ".join(str(value).rpartition("/")[2] for value in metric.get("attributes", {}).values())
        name = f"{metric['name'].removeprefix('aks_pod_routes.')} {attributes}".strip()
        assert name not in told
        told[name] = metric["value"]
    return told


def test_a_pass_is_told_in_one_line_with_everything_that_is_counted() -> None:
    assert values(FULL) == {
        "passes": 1,
        "pass.duration": 0.812,
        "changes create applied": 2,
        "changes delete held": 1,
        "changes update applied": 1,
        "changes update failed": 1,
        "drift.repairs create": 1,
        "drift.repairs update": 1,
        "event_to_route.duration": 41.5,
        "arm.requests GET": 1,
        "arm.requests GET 200": 2,
        "arm.requests PUT 201": 1,
        "node.count": 13,
        "waiting_node.count": 1,
        "target.usage rs-prod hub": 3,
        "target.limit rs-prod hub": 8,
        "target.utilization rs-prod hub": 0.375,
        "peer.count rs-prod": 2,
        "target.usage rt-pods routeTable": 16,
        "target.limit rt-pods routeTable": 1000,
        "target.utilization rt-pods routeTable": 0.016,
        "route.count rt-pods": 14,
        "finding.count brake error": 1,
        "finding.count fightingWriter warning": 1,
        "poison_message.count": 0,
    }


def test_the_line_says_whose_pass_it_was() -> None:
    line = figures_line(FULL, BESIDE)
    assert line.startswith(f"{NAME} {{")
    assert "\n" not in line
    told = taken_apart(line)
    assert told["version"] == VERSION == 1
    assert told["attributes"] == {
        "k8s.cluster.name": "shop-weu",
        "aks_pod_routes.mode": "udr",
        "aks_pod_routes.trigger": "timer",
        "aks_pod_routes.outcome": "held",
        "aks_pod_routes.correlation_id": BESIDE.correlation,
    }


def test_what_did_not_happen_is_left_out() -> None:
    quiet = ClusterReport("shop-weu", "udr", "timer", Outcome.FAILED, targets=(TargetReport(TABLE, Outcome.FAILED),))
    assert set(values(quiet, Beside())) == {"passes", "pass.duration", "node.count", "waiting_node.count"}


def test_seconds_from_event_to_route_need_a_route() -> None:
    nothing = ClusterReport("shop-weu", "udr", "event", Outcome.IN_SYNC)
    assert "event_to_route.duration" not in values(nothing)


def test_of_many_targets_the_fullest_are_told_so_that_the_line_fits() -> None:
    long = "/subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/" + "g" * 90
    many = tuple(
        TargetReport(
            f"{long}/providers/Microsoft.Network/routeTables/{'t' * 76}{number:04d}", Outcome.IN_SYNC, number, 0, 1000
        )
        for number in range(200)
    )
    line = figures_line(ClusterReport("shop-weu", "udr", "timer", Outcome.IN_SYNC, targets=many), BESIDE)
    told = [metric["value"] for metric in taken_apart(line)["metrics"] if metric["name"].endswith("usage")]
    assert told == list(range(199, 199 - TARGETS, -1))
    assert len(line) < 32_768 - 500


def documented() -> dict[str, str]:
    """Name → unit, from the table of metrics."""
    return dict(re.findall(r"^\| `(aks_pod_routes\.[a-z_.]+)` \| \w+ \| `([^`]+)` \|", MANUAL, re.MULTILINE))


def test_the_manual_has_every_name_and_unit_and_no_other() -> None:
    assert {
        metric["name"]: metric["unit"] for metric in taken_apart(figures_line(FULL, BESIDE))["metrics"]
    } == documented()


def test_the_manual_has_every_attribute() -> None:
    told = taken_apart(figures_line(FULL, BESIDE))
    known = {*told["attributes"], *(key for metric in told["metrics"] for key in metric.get("attributes", {}))}
    assert {key for key in known if f"`{key}`" not in MANUAL} == set()


def test_the_manual_queries_each_metric() -> None:
    queried = "\n".join(re.findall(r"```kusto\n(.*?)```", MANUAL, re.DOTALL))
    assert {name for name in documented() if f'"{name}"' not in queried} == set()


@pytest.mark.parametrize("name", sorted(documented()))
def test_names_are_opentelemetrys_kind_of_names(name: str) -> None:
    """Source: https://opentelemetry.io/docs/specs/semconv/general/naming/."""
    assert re.fullmatch(r"[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)+", name)
    assert not re.search(r"_(seconds|ms|total|bytes)$", name)
