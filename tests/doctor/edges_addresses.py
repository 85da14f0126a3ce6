"""The edges of the rules about addresses, subnets, nodes and peers: as in `edges_network`."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from ipaddress import IPv4Address, ip_network

from shared.doctor.check import Verdict
from shared.doctor.facts import Held, Interface, Lock, Neighbour, Queue, Traces
from shared.doctor.unknown import Unknown
from shared.models import Finding, Reading, Severity
from shared.pool_subnets import PoolSubnet
from shared.virtual_networks import Peering, VirtualNetwork
from tests.doctor.cases import (
    BEHIND_A_HUB,
    HEALTHY,
    HUB,
    HUB_ID,
    LIMIT,
    NOW,
    PASS,
    RUNNING,
    SETS,
    TABLE,
    Edge,
    setup,
)
from tests.examples import node
from tests.fake_arm import CLUSTER, RT_A, RT_B, SYSTEM, VNET

OK, WARNING, PROBLEM, UNKNOWN = Verdict.OK, Verdict.WARNING, Verdict.PROBLEM, Verdict.UNKNOWN
PART, APART, WHOLE = ip_network("100.64.0.0/16"), ip_network("10.99.0.0/16"), ip_network("100.64.0.0/10")
PEERED = VirtualNetwork(
    VNET, (), (Peering("/remote", (PART,), uses_remote_gateways=False, allows_gateway_transit=False),)
)
UNSEEN = Finding(Severity.WARNING, "subnetUnreadable", f"cannot read the subnet at {SYSTEM}; grant a/read", SYSTEM)
HIDDEN = Finding(
    Severity.WARNING,
    "networkUnreadable",
    "cannot read the network: HTTP 403; grant the app's identity Microsoft.X/read on it; so",
    VNET,
)
UNEVEN = Reading(
    (node("a", "100.64.0.0/24", at="10.1.0.4"), node("b", "100.64.1.0/24", "100.64.2.0/24", at="10.1.0.5"))
)
OURS = ("apr_prod-weu_10.1.9.4", IPv4Address("10.1.9.4"), 65001)

ADDRESS_EDGES: Mapping[str, Edge] = {
    "a part of the cluster's pod CIDRs": (
        HEALTHY,
        {"setup": setup(pod_cidrs=(PART,))},
        "podCidrs",
        OK,
        "100.64.0.0/16, configured",
    ),
    "pod CIDRs outside of the cluster's": (
        HEALTHY,
        {"setup": setup(pod_cidrs=(PART, APART))},
        "podCidrs",
        WARNING,
        "podCidrs has 10.99.0.0/16, which is outside",
    ),
    "pod CIDRs of a cluster that declares none": (
        HEALTHY,
        {"setup": setup(pod_cidrs=(PART,)), "cluster": replace(RUNNING, pod_cidrs=())},
        "podCidrs",
        OK,
        "configured",
    ),
    "no pod CIDRs": (
        HEALTHY,
        {"cluster": replace(RUNNING, pod_cidrs=())},
        "podCidrs",
        PROBLEM,
        "and none are configured",
    ),
    "a peered network with the pods' addresses": (
        HEALTHY,
        {"networks": {VNET.lower(): PEERED}},
        "podCidrsNetworks",
        WARNING,
        "a route to pods hides the machines",
    ),
    "the same behind a hub": (
        BEHIND_A_HUB,
        {"networks": {VNET.lower(): PEERED}},
        "podCidrsNetworks",
        PROBLEM,
        "system routes win over BGP routes",
    ),
    "a network that is hidden": (
        HEALTHY,
        {"networks": {}, "unread_networks": (HIDDEN,)},
        "podCidrsNetworks",
        UNKNOWN,
        "cannot read the network",
    ),
    "another network that is hidden": (
        HEALTHY,
        {"unread_networks": (replace(HIDDEN, resource="/elsewhere"),)},
        "podCidrsNetworks",
        OK,
        "no overlap with 10.1.0.0/16",
    ),
    "no network that is known": (HEALTHY, {"networks": {}}, "podCidrsNetworks", OK, ""),
    "services with the pods' addresses": (
        HEALTHY,
        {"cluster": replace(RUNNING, service_cidrs=(PART,))},
        "podCidrsServices",
        PROBLEM,
        "may be a pod's or a service's",
    ),
    "a cluster that states no service CIDR": (
        HEALTHY,
        {"cluster": replace(RUNNING, service_cidrs=())},
        "podCidrsServices",
        OK,
        "states no service CIDR",
    ),
    "a neighbour far away": (
        HEALTHY,
        {"neighbours": (Neighbour("other", (WHOLE,), frozenset({"/far"})),)},
        "podCidrsClusters",
        WARNING,
        "can never be connected",
    ),
    "a neighbour at another hub": (
        BEHIND_A_HUB,
        {"neighbours": (Neighbour("other", (WHOLE,), frozenset(), "/hub"),)},
        "podCidrsClusters",
        WARNING,
        "can never be connected",
    ),
    "no subnet that is known": (HEALTHY, {"subnets": ()}, "subnetRouteTables", OK, ""),
    "a subnet that is hidden": (
        HEALTHY,
        {"subnets": (PoolSubnet(SYSTEM, ("system",), None),), "unread_subnets": (UNSEEN,)},
        "subnetRouteTables",
        UNKNOWN,
        "cannot read the subnet",
    ),
    "no subnet that is known, and one that is hidden": (
        HEALTHY,
        {"subnets": (), "unread_subnets": (UNSEEN,)},
        "subnetRouteTables",
        UNKNOWN,
        "cannot read the subnet",
    ),
    "a subnet with a table that is not ours": (
        HEALTHY,
        {"setup": setup(route_tables=(RT_B,))},
        "subnetRouteTables",
        PROBLEM,
        "which is not configured",
    ),
    "a table without a subnet": (
        HEALTHY,
        {"tables": (replace(TABLE, used=False),)},
        "routeTables",
        WARNING,
        "no subnet has the route table",
    ),
    "a hub that is being made": (
        BEHIND_A_HUB,
        {"hub": replace(HUB, routing_state="Provisioning")},
        "hub",
        WARNING,
        "not Provisioned",
    ),
    "a network that does not learn": (
        BEHIND_A_HUB,
        {
            "hub": replace(
                HUB,
                topology=replace(
                    HUB.topology, findings=(Finding(Severity.WARNING, "noRemoteGateway", "it is deaf; set it"),)
                ),
            )
        },
        "hubNetworks",
        PROBLEM,
        "it is deaf",
    ),
    "a table that hides routes is no matter of networks": (
        BEHIND_A_HUB,
        {
            "hub": replace(
                HUB,
                topology=replace(
                    HUB.topology, findings=(Finding(Severity.WARNING, "tableRoutesToPods", "it hides; delete"),)
                ),
            )
        },
        "hubNetworks",
        OK,
        "learns what the hub learned",
    ),
    "a scale set that does not forward beside a machine that does": (
        HEALTHY,
        {
            "interfaces": (
                Interface(f"{SETS}/a", forwards=False),
                Interface("/virtualMachines/b", forwards=True, addresses=frozenset({"10.1.0.4"})),
            )
        },
        "ipForwarding",
        PROBLEM,
        "off in 1 scale set(s): a",
    ),
    "one pod CIDR twice, and nothing else": (
        HEALTHY,
        {"nodes": Reading((node("a", "100.64.0.0/24", at="10.1.0.4"), node("b", "100.64.0.0/24", at="10.1.0.5")))},
        "nodePodCidrs",
        PROBLEM,
        "100.64.0.0/24 is the pod CIDR of a and of b",
    ),
    "a pod CIDR outside": (
        HEALTHY,
        {"nodes": Reading((node("a", "10.99.0.0/24", at="10.1.0.4"),))},
        "nodePodCidrs",
        WARNING,
        "which is outside 100.64.0.0/10",
    ),
    "our peer and one of somebody else": (
        BEHIND_A_HUB,
        {"hub": replace(HUB, connections=(OURS, ("theirs", None, None), ("other", OURS[1], 65002)))},
        "bgpPeers",
        OK,
        "1 peers of ours and 2 foreign ones, of 8",
    ),
    "connections that are hidden": (
        BEHIND_A_HUB,
        {"hub": replace(HUB, connections=Unknown("them", "no", "a/read on it"))},
        "bgpPeers",
        UNKNOWN,
        "may not read them",
    ),
    "the most that a node announces counts": (
        BEHIND_A_HUB,
        {"nodes": UNEVEN, "setup": setup(BEHIND_A_HUB, addresses=None)},
        "routesPerPeer",
        OK,
        "up to 2 routes",
    ),
    "a reflector that announces them all": (BEHIND_A_HUB, {"nodes": UNEVEN}, "routesPerPeer", OK, "up to 3 routes"),
    "the subscription allows less than is configured": (
        HEALTHY,
        {"limits": {LIMIT: 400}},
        "routeHeadroom",
        WARNING,
        "the subscription allows 400, but limits.routesPerTable says 1000",
    ),
    "the subscription names no limit": (
        HEALTHY,
        {"limits": {LIMIT: Unknown("limits", "no such name")}},
        "routeHeadroom",
        OK,
        "was not readable",
    ),
    "a lease for just a quarter of an hour": (
        HEALTHY,
        {"traces": Traces(NOW, leased=True, last_pass=replace(PASS, at=NOW - timedelta(minutes=15)))},
        "lease",
        OK,
        "a pass is writing",
    ),
    "a wake-up of just a quarter of an hour": (
        HEALTHY,
        {"queue": Queue(1, NOW - timedelta(minutes=15), 0, ())},
        "wakeQueue",
        OK,
        "1 wake-ups",
    ),
    "a cluster behind a hub that must not be deleted": (
        BEHIND_A_HUB,
        {"locks": {CLUSTER: (Lock("l", "CanNotDelete", CLUSTER),)}},
        "locks",
        OK,
        "1 lock(s)",
    ),
    "a hub that must not be written": (
        BEHIND_A_HUB,
        {"locks": {HUB_ID: (Lock("l", "ReadOnly", HUB_ID),)}},
        "locks",
        PROBLEM,
        "nothing can be written to it",
    ),
    "permissions that are hidden": (
        HEALTHY,
        {"rights": (Held(RT_A, ("a",), essential=True, grants=Unknown("them", "no", "a/read on it")),)},
        "permissions",
        UNKNOWN,
        "may not read them",
    ),
    "permissions on what is not there": (
        HEALTHY,
        {"rights": (Held(RT_A, ("a",), essential=True, grants=Unknown("them", "gone", absent=True)),)},
        "permissions",
        OK,
        "",
    ),
}
