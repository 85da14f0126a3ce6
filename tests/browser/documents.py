"""Documents for the page, made with the builders that the app uses, so that page and app cannot drift apart."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from shared.status import (
    ClusterStatus,
    DriftDay,
    Finding,
    RouteRow,
    drift,
    headroom,
    passes,
    status_document,
)
from shared.wake import Poison

NOW = datetime(2026, 11, 22, 3, 0, tzinfo=UTC)
GROUP = "/subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/rg-net/providers/Microsoft.Network"
HUB = f"{GROUP}/virtualHubs/rs-prod"

Json = dict[str, Any]


def table(number: int = 0) -> str:
    """The resource id of a route table."""
    return f"{GROUP}/routeTables/rt-pods-{number}"


def ago(**back: float) -> str:
    """RFC 3339, so long before the document was made."""
    return (NOW - timedelta(**back)).isoformat().replace("+00:00", "Z")


def node(number: int) -> str:
    """A node's name."""
    return f"aks-np1-38167372-vmss{number:06x}"


def change(number: int, action: str = "create", result: str = "applied", **more: str) -> Json:
    """A change of the route of one node."""
    prefix = f"100.64.{number}.0/24"
    told = {"action": action, "name": f"shop-{number}", "prefix": prefix, "nextHop": f"10.0.0.{number}"}
    return {**told, "previousNextHop": None, "node": node(number), "result": result, **more}


def target(resource: str = table(), outcome: str = "inSync", managed: int = 14, **more: Any) -> Json:
    """A target of a report."""
    counts = {"managed": managed, "foreign": 2, "capacity": 1000}
    return {"target": resource, "outcome": outcome, **counts, "error": None, "changes": [], "findings": [], **more}


def report(cluster: str, outcome: str = "inSync", *, targets: Sequence[Json] | None = None, **more: Any) -> Json:
    """A report of one cluster, two minutes old."""
    told = {"cluster": cluster, "mode": "udr", "trigger": "timer", "outcome": outcome, "fingerprint": "4f1c09ab2d37"}
    nodes = {"total": 14, "waiting": []}
    when = {"startedAt": ago(minutes=2), "durationMs": 812, "error": None}
    return {**told, **when, "nodes": nodes, "targets": [target()] if targets is None else [*targets], **more}


def routes(tables: int = 1, each: int = 14) -> list[RouteRow]:
    """Managed routes of one node each, and one foreign route per table."""
    ours = [
        RouteRow(
            target=table(number),
            name=f"shop-{at}",
            prefix=f"100.{64 + at // 256}.{at % 256}.0/24",
            next_hop=f"10.0.{at // 250}.{at % 250 + 4}",
            owner="shop-weu",
            node=node(at),
            pool="np1" if at % 2 else "np2",
            managed=True,
        )
        for number in range(tables)
        for at in range(each)
    ]
    hop = "10.0.0.1"
    firewall = [
        RouteRow(target=table(number), name="to-firewall", prefix="0.0.0.0/0", next_hop=hop, managed=False)
        for number in range(tables)
    ]
    return [*ours, *firewall]


def kept(outcome: str, trigger: str, *, hours: float, **counts: int) -> Json:
    """An entry of the history, as a listing shows it."""
    told = {"id": f"entry-{hours}", "at": ago(hours=hours), "outcome": outcome, "trigger": trigger, "actor": trigger}
    return {**told, "correlationId": "6f1c09ab-2d37", "durationMs": 812, **counts}


def drift_of(repaired: Mapping[int, int] = {}) -> tuple[DriftDay, ...]:
    """Drift by days back from now."""
    return drift(((NOW - timedelta(days=back), count) for back, count in repaired.items()), NOW.date())


def cluster(name: str, told: Json | None = None, **more: Any) -> ClusterStatus:
    """A cluster with what its report says; without one, in step."""
    told = told or report(name)
    parts = {"headroom": headroom(told), "drift": drift_of({3: 2, 8: 1}), **more}
    return ClusterStatus(cluster=name, mode=told["mode"], report=told, **parts)


def waiting(*reasons: str) -> Json:
    """Nodes of a report, of which some wait."""
    return {"total": 14, "waiting": [{"node": node(at), "reason": reason} for at, reason in enumerate(reasons)]}


def healthy(name: str = "shop-weu") -> ClusterStatus:
    """In step, with a scale-out an hour ago."""
    return cluster(name, history=passes([kept("applied", "event", hours=1, applied=2)]))


def troubled(name: str = "prod-weu") -> ClusterStatus:
    """A brake that holds, a node that waits, a table nearly full and a doctor with findings."""
    held = [
        change(number, "delete", "held", reason="5 of 14 routes are over 30 %; a second witness is missing")
        for number in (5, 6, 7, 8, 9)
    ]
    moved = change(3, "update", previousNextHop="10.0.0.5")
    conflict = {
        "severity": "warning",
        "code": "foreignConflict",
        "message": "100.64.40.0/24 is routed by to-appliance, which is not ours; delete it or set adopt",
        "resource": table(),
    }
    told = report(
        name,
        "held",
        nodes=waiting("no pod CIDR yet", "no pod CIDR yet: CiliumNode is missing"),
        targets=[
            target(table(0), "held", 946, changes=[*held, moved], findings=[conflict]),
            target(table(1), "inSync", 31, findings=[conflict]),
        ],
    )
    earlier = [
        kept("held", "event", hours=0.5, held=5),
        kept("applied", "timer", hours=20, applied=3, repaired=2),
        kept("failed", "http", hours=30, failed=1),
    ]
    doctor = [
        Finding(
            severity="error",
            code="ipForwarding",
            message="3 NICs do not forward: turn IP forwarding on",
            resource="vmss-np1",
        ),
        Finding(severity="info", code="headroom", message="The subscription allows 1000 routes per table."),
    ]
    return cluster(name, told, history=passes(earlier), findings=doctor, drift=drift_of({0: 4, 1: 2, 5: 11, 9: 1}))


def failing(name: str = "dev-neu") -> ClusterStatus:
    """Nodes could not be read: there is an error, and no target."""
    sentence = "the API server did not answer within 30 s; is it private, and the app in its network?"
    return cluster(name, report(name, "failed", error=sentence, nodes={"total": 0, "waiting": []}, targets=[]))


def hub_cluster(name: str = "hub-weu") -> ClusterStatus:
    """BGP peers in place of routes."""
    peer = {
        "action": "create",
        "name": "hub-weu-10.0.0.4",
        "peerIp": "10.0.0.4",
        "peerAsn": 65001,
        "previousPeerAsn": None,
    }
    made = target(HUB, "applied", 2, capacity=8, foreign=0, changes=[{**peer, "node": node(4), "result": "applied"}])
    return cluster(name, report(name, "applied", mode="routeServer", targets=[made]))


def peers() -> list[RouteRow]:
    """What `hub_cluster` has when its routes are asked for."""
    return [
        RouteRow(
            target=HUB,
            name=f"p{at}",
            peer_ip=f"10.0.0.{at}",
            peer_asn=65001,
            owner="hub-weu",
            node=node(at),
            managed=True,
        )
        for at in (4, 5)
    ]


def unseen(name: str = "new-weu") -> ClusterStatus:
    """Configured, but no pass has ended yet."""
    return ClusterStatus(cluster=name, mode="observe")


def document(*clusters: ClusterStatus, poison: Poison = Poison(0), at: datetime = NOW) -> Json:  # noqa: B008  # frozen
    """The document of `GET /api/status`."""
    return status_document(at, clusters, poison)


def every_kind() -> Iterable[ClusterStatus]:
    """One of each."""
    return healthy(), troubled(), failing(), hub_cluster(), unseen()
