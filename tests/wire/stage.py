"""One cluster in the sandbox's cloud, and the app's fleet in front of it: what the on-the-wire tests act on and look at."""

import json
from collections.abc import Callable, Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any

from sandbox.cloud import Cloud
from sandbox.cluster import CLUSTER_ID, Cluster, table_id
from sandbox.resource_manager import AzureError, Call, route
from sandbox.resource_manager.answers import JSON_UTF8, Answer
from shared.fleet import Fleet
from shared.reconcile import Order
from shared.report import ClusterReport, Result, TargetReport
from shared.wiring import build_fleet

SYSTEM, APPS = table_id("rt-system"), table_id("rt-apps")
ONE_TABLE: dict[str, Any] = {"routing": {"mode": "udr", "routeTables": [APPS]}}
Body = dict[str, Any]


@dataclass
class Stage:
    """`clusters` on top of `settings` are what the app is told; every setting may be changed before `start`."""

    cloud: Cloud
    settings: dict[str, str]
    cluster: Cluster = field(init=False)

    def __post_init__(self) -> None:
        self.cluster = Cluster(self.cloud)
        self.arm = self.cloud.arm
        self.kubernetes = self.cloud.kubernetes

    def start(self, *clusters: Mapping[str, Any], **settings: str) -> "App":
        """The app, as `wiring` builds it. Each of `clusters` comes on top of the configuration of shop-weu."""
        configured = [{**SHOP, **changes} for changes in clusters or ({},)]
        told = {**self.settings, "AKS_POD_ROUTES_CLUSTERS": json.dumps(configured), **settings}
        return App(build_fleet(told), self)

    def calls(self, table: str = APPS) -> list[str]:
        """What was asked of a table and of operations, in order: methods, and `poll` for each poll."""
        wanted = table.lower()
        calls = self.arm.calls
        return [
            "poll" if call.is_poll else call.method for call in calls if call.is_poll or call.path.lower() == wanted
        ]

    def ours(self, table: str = APPS) -> dict[str, str]:
        """Prefix → next hop of the routes that carry a name of this app's making, whatever the cluster in it."""
        routes = self.arm.table(table)["properties"]["routes"]
        return {
            each["properties"]["addressPrefix"]: each["properties"]["nextHopIpAddress"]
            for each in routes
            if each["name"].startswith("apr_")
        }

    def discovery(self) -> list[Call]:
        """Calls that find things out, rather than read or write a route table."""
        return [call for call in self.arm.calls if "/routetables/" not in call.path.lower() and not call.is_poll]

    def pages(self) -> tuple[int, int]:
        """How many pages of Nodes and of CiliumNodes were read."""
        calls = self.kubernetes.calls
        return calls.count("/api/v1/nodes", method="GET"), calls.count("/ciliumnodes", method="GET")

    @property
    def asked(self) -> int:
        """How many requests reached Resource Manager, whatever for."""
        return len(self.arm.calls)

    def forget_calls(self) -> None:
        self.arm.clear_calls()
        self.kubernetes.clear_calls()

    def hand_edit(self, table: str = APPS, name: str = "by-hand", prefix: str = "192.168.7.0/24") -> Callable[[], None]:
        """Somebody else's finished write: one more route."""

        def edit(body: Body) -> None:
            body["properties"]["routes"].append(route(name, prefix, "10.10.240.9"))

        return lambda: self.arm.edit_table(table, edit)


class PreparedError(AzureError):
    """An answer that is no error of the usual shape, for `refuse_next`."""

    def __init__(self, status: int, body: Body | str) -> None:
        super().__init__(status, "", "")
        self._body = body

    def answer(self) -> Answer:
        html = isinstance(self._body, str) and self._body.startswith("<")
        return Answer(self.status, self._body, content_type="text/html" if html else JSON_UTF8)


SHOP: Mapping[str, Any] = {"name": "shop-weu", "aksClusterId": CLUSTER_ID, "routing": {"mode": "udr"}}


@dataclass
class App:
    """A fleet, with shorter words for what tests ask of it."""

    fleet: Fleet
    stage: Stage

    def run(self, **order: Any) -> ClusterReport:
        """One pass over the only cluster."""
        (report,) = self.run_all(**order)
        return report

    def run_all(self, **order: Any) -> tuple[ClusterReport, ...]:
        """One pass over all clusters."""
        return self.fleet.run(None, Order("timer", **order))


def results(report: TargetReport) -> set[str]:
    """Every result among the changes of a table."""
    return {str(change.result) for change in report.changes}


def applied(report: ClusterReport) -> int:
    """How many changes are said to be applied, in all tables."""
    return sum(change.result is Result.APPLIED for target in report.targets for change in target.changes)


def of_table(report: ClusterReport, table: str) -> TargetReport:
    return next(target for target in report.targets if target.target.lower() == table.lower())


def findings(report: ClusterReport) -> list[tuple[str, str]]:
    """Code and resource of everything a person should know, of the cluster and of its tables."""
    told = [*report.findings, *(finding for target in report.targets for finding in target.findings)]
    return [(finding.code, finding.resource) for finding in told]


def said(report: ClusterReport) -> str:
    """Every error of the pass, for looking at its sentences."""
    return "\n".join(filter(None, [report.error, *(target.error for target in report.targets)]))


def without_ours(table: Body) -> Body:
    """A table's body without our routes and without what moves with every version."""
    body = deepcopy(table)
    del body["etag"], body["properties"]["provisioningState"]
    routes = [each for each in body["properties"]["routes"] if not each["name"].startswith("apr_shop-weu_100.")]
    for each in routes:
        del each["etag"], each["properties"]["provisioningState"]
    body["properties"]["routes"] = routes
    return body
