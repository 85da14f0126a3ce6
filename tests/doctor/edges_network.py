"""The edges of the rules about cluster, tables and hubs: healthy facts, changes, code, verdict, words of the evidence."""

from collections.abc import Mapping
from dataclasses import replace
from ipaddress import IPv4Address, IPv4Network, ip_network

from shared.doctor.check import Verdict
from shared.doctor.facts import Traces, Unfit
from shared.doctor.unknown import Unknown
from shared.models import Finding, Node, Reading, Severity
from tests.doctor.cases import (
    BEHIND_A_HUB,
    HEALTHY,
    HUB,
    LIMIT,
    NOTHING,
    NOW,
    PASS,
    RUNNING,
    TABLE,
    Edge,
    setup,
)

OK, WARNING, PROBLEM, UNKNOWN = Verdict.OK, Verdict.WARNING, Verdict.PROBLEM, Verdict.UNKNOWN


def routes(count: int) -> tuple[tuple[str, IPv4Network], ...]:
    return tuple((f"r{at}", IPv4Network(f"10.{at // 256}.{at % 256}.0/24")) for at in range(count))


def nodes(count: int, each: int = 1) -> Reading:
    """`count` nodes with `each` pod CIDRs."""
    cidrs = IPv4Network("100.64.0.0/10").subnets(new_prefix=27)
    return Reading(
        tuple(
            Node(
                f"n{at}",
                "2026-11-01T00:00:00Z",
                tuple(next(cidrs) for _ in range(each)),
                (IPv4Address("10.1.0.4") + at,),
            )
            for at in range(count)
        )
    )


NETWORK_EDGES: Mapping[str, Edge] = {
    "an operation on the cluster failed": (
        HEALTHY,
        {"cluster": replace(RUNNING, provisioning_state="failed")},
        "clusterState",
        WARNING,
        "the last operation on it failed",
    ),
    "the cluster is being deleted": (
        HEALTHY,
        {"cluster": replace(RUNNING, provisioning_state="deleting")},
        "clusterState",
        PROBLEM,
        "is being deleted",
    ),
    "another network plugin": (
        HEALTHY,
        {"cluster": replace(RUNNING, network_plugin="kubenet")},
        "networkPlugin",
        PROBLEM,
        "has the network plugin kubenet",
    ),
    "another network plugin that is only observed": (
        HEALTHY,
        {"cluster": replace(RUNNING, network_plugin="kubenet"), "setup": setup(mode="observe")},
        "networkPlugin",
        OK,
        "has the network plugin kubenet",
    ),
    "no other network plugin": (HEALTHY, {}, "networkPlugin", OK, "its network plugin is none"),
    "there is no such cluster": (
        HEALTHY,
        {"cluster": Unknown("the cluster", "cannot read it; check aksClusterId", absent=True)},
        "clusterState",
        PROBLEM,
        "cannot read it",
    ),
    "the API server fails": (HEALTHY, {"nodes": NOTHING}, "nodesReadable", PROBLEM, "cannot read it: Azure failed"),
    "the cluster's pod CIDRs are no networks": (
        HEALTHY,
        {"cluster": replace(RUNNING, pod_cidrs=(), pod_cidrs_problem="'x' is no network")},
        "podCidrs",
        PROBLEM,
        "'x' is no network",
    ),
    "a table whose last write failed": (
        HEALTHY,
        {"tables": (replace(TABLE, state="Failed"),)},
        "routeTables",
        WARNING,
        "what it shows is not what the network does",
    ),
    "79 % of a table": (
        HEALTHY,
        {"tables": (replace(TABLE, routes=routes(77)),), "limits": {LIMIT: 100}, "setup": setup(routes_per_table=100)},
        "routeHeadroom",
        OK,
        "79 of 100 routes (79%)",
    ),
    "80 % of a table": (
        HEALTHY,
        {"tables": (replace(TABLE, routes=routes(78)),), "limits": {LIMIT: 100}, "setup": setup(routes_per_table=100)},
        "routeHeadroom",
        WARNING,
        "80 of 100 routes (80%)",
    ),
    "a table that is full": (
        HEALTHY,
        {"tables": (replace(TABLE, routes=routes(98)),), "limits": {LIMIT: 100}, "setup": setup(routes_per_table=100)},
        "routeHeadroom",
        WARNING,
        "100 of 100 routes",
    ),
    "a table that the next pass would overflow": (
        HEALTHY,
        {"tables": (replace(TABLE, routes=routes(99)),), "limits": {LIMIT: 100}, "setup": setup(routes_per_table=100)},
        "routeHeadroom",
        PROBLEM,
        "101 of 100 routes (101%)",
    ),
    "the subscription allows more than is configured": (
        HEALTHY,
        {"limits": {LIMIT: 1000}, "setup": setup(routes_per_table=400)},
        "routeHeadroom",
        OK,
        "3 of 400 routes",
    ),
    "the subscription's limit is hidden": (
        HEALTHY,
        {"limits": {LIMIT: Unknown("limits", "no", "a/read on it")}},
        "routeHeadroom",
        OK,
        "not readable: needs a/read on it",
    ),
    "a hub that failed": (
        BEHIND_A_HUB,
        {"hub": replace(HUB, routing_state="Failed")},
        "hub",
        PROBLEM,
        "routingState Failed",
    ),
    "pod CIDRs of both families behind a hub": (
        BEHIND_A_HUB,
        {"setup": setup(BEHIND_A_HUB, pod_cidrs=(ip_network("100.64.0.0/10"), ip_network("fd00::/48")))},
        "podCidrsFamily",
        WARNING,
        "the pod CIDRs fd00::/48 are IPv6",
    ),
    "pod CIDRs of the wrong family behind a hub": (
        BEHIND_A_HUB,
        {"setup": setup(BEHIND_A_HUB, pod_cidrs=(ip_network("fd00::/48"),))},
        "podCidrsFamily",
        PROBLEM,
        "the pod CIDRs fd00::/48 are IPv6",
    ),
    "a hub of another kind": (
        BEHIND_A_HUB,
        {"hub": Unfit("it is a virtual hub; use mode virtualWan")},
        "hub",
        PROBLEM,
        "it is a virtual hub",
    ),
    "nobody may peer": (
        BEHIND_A_HUB,
        {"setup": setup(BEHIND_A_HUB, addresses=None)},
        "bgpPeers",
        PROBLEM,
        "there is nobody to peer with the hub",
    ),
    "a reflector at half of the limit": (
        BEHIND_A_HUB,
        {"nodes": nodes(20, 100)},
        "routesPerPeer",
        OK,
        "up to 2000 routes",
    ),
    "a reflector at the limit": (
        BEHIND_A_HUB,
        {"nodes": nodes(4, 1000)},
        "routesPerPeer",
        WARNING,
        "up to 4000 routes",
    ),
    "a reflector over half of the limit": (
        BEHIND_A_HUB,
        {"nodes": nodes(3, 667)},
        "routesPerPeer",
        WARNING,
        "up to 2001 routes",
    ),
    "a reflector over the limit": (
        BEHIND_A_HUB,
        {"nodes": nodes(3, 1334)},
        "routesPerPeer",
        PROBLEM,
        "it ends the session",
    ),
    "nodes announce their own": (
        BEHIND_A_HUB,
        {"nodes": nodes(30, 100), "setup": setup(BEHIND_A_HUB, addresses=None)},
        "routesPerPeer",
        OK,
        "up to 100 routes",
    ),
    "no pass yet": (
        BEHIND_A_HUB,
        {"traces": Traces(NOW, leased=False, last_pass=None)},
        "learnedRoutes",
        UNKNOWN,
        "no pass has left a report yet",
    ),
    "the last pass missed routes": (
        BEHIND_A_HUB,
        {
            "traces": Traces(
                NOW,
                leased=False,
                last_pass=replace(PASS, findings=(Finding(Severity.ERROR, "learnedMissing", "2 of 2; check"),)),
            )
        },
        "learnedRoutes",
        PROBLEM,
        "2 of 2",
    ),
    "the last pass found something else": (
        BEHIND_A_HUB,
        {
            "traces": Traces(
                NOW,
                leased=False,
                last_pass=replace(PASS, findings=(Finding(Severity.ERROR, "brake", "2 of 2; check"),)),
            )
        },
        "learnedRoutes",
        OK,
        "found nothing amiss",
    ),
}
