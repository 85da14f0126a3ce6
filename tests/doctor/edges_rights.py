"""The edges of the rules about machines, rights, events and neighbours: as in `edges_network`."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from ipaddress import ip_network

from shared.cilium import parse
from shared.doctor.check import Verdict
from shared.doctor.facts import Grant, Held, Interface, LastPass, Lock, Neighbour, Queue, Subscription, Traces
from shared.doctor.unknown import Unknown
from shared.virtual_networks import Peering, VirtualNetwork
from tests.doctor.cases import (
    BEHIND_A_HUB,
    HEALTHY,
    HUB_ID,
    NOTHING,
    NOW,
    PASS,
    SETS,
    Edge,
)
from tests.fake_arm import CLUSTER, RT_A, VNET

OK, WARNING, PROBLEM, UNKNOWN = Verdict.OK, Verdict.WARNING, Verdict.PROBLEM, Verdict.UNKNOWN
MACHINES = SETS.replace("virtualMachineScaleSets", "virtualMachines")

RIGHTS_EDGES: Mapping[str, Edge] = {
    "a machine that is no node does not forward": (
        HEALTHY,
        {"interfaces": (Interface(f"{MACHINES}/jump", forwards=False, addresses=frozenset({"10.1.0.99"})),)},
        "ipForwarding",
        OK,
        "0 machine(s)",
    ),
    "a machine that is a node does not forward": (
        HEALTHY,
        {"interfaces": (Interface(f"{MACHINES}/nap", forwards=False, addresses=frozenset({"10.1.0.4"})),)},
        "ipForwarding",
        PROBLEM,
        "1 machine(s): nap",
    ),
    "without the nodes every machine counts": (
        HEALTHY,
        {"nodes": NOTHING, "interfaces": (Interface(f"{MACHINES}/nap", forwards=False),)},
        "ipForwarding",
        PROBLEM,
        "1 machine(s): nap",
    ),
    "WireGuard needs no forwarding": (
        HEALTHY,
        {
            "cilium": parse({"routing-mode": "native", "enable-wireguard": "true"}),
            "interfaces": (Interface(f"{SETS}/a", forwards=False),),
        },
        "ipForwarding",
        OK,
        "not needed: with option wireguard",
    ),
    "a lock on something else": (
        HEALTHY,
        {"locks": {RT_A: (Lock("l", "ReadOnly", f"{RT_A}-2x/y"),)}},
        "locks",
        OK,
        "1 lock(s)",
    ),
    "a lock on the subscription": (
        HEALTHY,
        {"locks": {RT_A: (Lock("l", "ReadOnly", RT_A.partition("/resourceGroups")[0].upper()),)}},
        "locks",
        PROBLEM,
        "nothing can be written to it",
    ),
    "a table that must not be deleted": (
        HEALTHY,
        {"locks": {RT_A: (Lock("l", "CanNotDelete", RT_A),)}},
        "locks",
        OK,
        "1 lock(s)",
    ),
    "a hub that must not be deleted": (
        BEHIND_A_HUB,
        {"locks": {HUB_ID: (Lock("l", "CanNotDelete", HUB_ID),)}},
        "locks",
        PROBLEM,
        "no BGP peer can be deleted",
    ),
    "a lock on the cluster": (
        HEALTHY,
        {"locks": {CLUSTER: (Lock("l", "ReadOnly", CLUSTER),)}},
        "locks",
        PROBLEM,
        "listClusterUserCredential",
    ),
    "locks of what is not there": (HEALTHY, {"locks": {RT_A: Unknown("locks", "gone", absent=True)}}, "locks", OK, ""),
    "an action that is missing": (
        HEALTHY,
        {"rights": (Held(RT_A, ("a/read", "a/write"), essential=True, grants=(Grant(("*/read",)),)),)},
        "permissions",
        PROBLEM,
        "rt-a: a/write",
    ),
    "an action that is missing for the witness": (
        HEALTHY,
        {"rights": (Held(RT_A, ("a/read",), essential=False, grants=()),)},
        "permissions",
        WARNING,
        "which only the second witness",
    ),
    "a second subscription that works": (
        HEALTHY,
        {"subscriptions": (Subscription("/a", "Failed", ()), Subscription("/b", "Succeeded", ()))},
        "eventSubscription",
        OK,
        "b delivers every kind",
    ),
    "an event type in another case of the table": (
        HEALTHY,
        {"subscriptions": (Subscription("/a", "Succeeded", ("Microsoft.Resources.ResourceWriteSuccess",)),)},
        "eventSubscription",
        WARNING,
        "ResourceDeleteSuccess",
    ),
    "no subscription": (
        HEALTHY,
        {"subscriptions": ()},
        "eventSubscription",
        WARNING,
        "only the timer notices new nodes",
    ),
    "a subscription that failed": (
        HEALTHY,
        {"subscriptions": (Subscription("/a", "Failed", ()),)},
        "eventSubscription",
        PROBLEM,
        "is in state Failed",
    ),
    "two subscriptions, one for every kind of event": (
        HEALTHY,
        {
            "subscriptions": (
                Subscription("/a", "Succeeded", ("Microsoft.Resources.ResourceWriteSuccess",)),
                Subscription("/b", "Succeeded", ()),
            )
        },
        "eventSubscription",
        OK,
        "b delivers every kind",
    ),
    "no event ever, and an old node": (
        HEALTHY,
        {"traces": Traces(None, leased=False, last_pass=PASS)},
        "lastEvent",
        WARNING,
        "no scale event has ever arrived, although the newest node is from 2026-01-01 00:00 UTC",
    ),
    "no event ever, and a node of half an hour": (
        HEALTHY,
        {"traces": Traces(None, leased=False, last_pass=PASS), "now": datetime(2026, 1, 1, 0, 30, tzinfo=UTC)},
        "lastEvent",
        OK,
        "no node is old enough",
    ),
    "no event ever, and no node": (
        HEALTHY,
        {"traces": Traces(None, leased=False, last_pass=PASS), "nodes": NOTHING},
        "lastEvent",
        OK,
        "no node is old enough",
    ),
    "an event, and no node": (HEALTHY, {"nodes": NOTHING}, "lastEvent", OK, "the last one arrived"),
    "a lease and no pass that ever ended": (
        HEALTHY,
        {"traces": Traces(NOW, leased=True, last_pass=None)},
        "lease",
        WARNING,
        "no pass has ended yet",
    ),
    "no lease and no pass for long": (
        HEALTHY,
        {"traces": Traces(NOW, leased=False, last_pass=LastPass(NOW - timedelta(days=2), "applied", ()))},
        "lease",
        OK,
        "nobody holds the lease",
    ),
    "a node half an hour after the last event": (
        HEALTHY,
        {"traces": Traces(datetime(2025, 12, 31, 23, 30, tzinfo=UTC), leased=False, last_pass=PASS)},
        "lastEvent",
        OK,
        "the last one arrived",
    ),
    "a node later than that": (
        HEALTHY,
        {"traces": Traces(datetime(2025, 12, 31, 23, 29, tzinfo=UTC), leased=False, last_pass=PASS)},
        "lastEvent",
        WARNING,
        "but the newest node is from 2026-01-01 00:00 UTC",
    ),
    "a pass at work": (HEALTHY, {"traces": Traces(NOW, leased=True, last_pass=PASS)}, "lease", OK, "a pass is writing"),
    "a pass at work for a quarter of an hour": (
        HEALTHY,
        {"traces": Traces(NOW, leased=True, last_pass=LastPass(NOW - timedelta(minutes=16), "applied", ()))},
        "lease",
        WARNING,
        "holds the cluster's lease",
    ),
    "many fresh wake-ups": (
        HEALTHY,
        {"queue": Queue(40, NOW - timedelta(minutes=14), 0, ())},
        "wakeQueue",
        OK,
        "40 wake-ups",
    ),
    "an old wake-up": (
        HEALTHY,
        {"queue": Queue(40, NOW - timedelta(minutes=16), 0, ())},
        "wakeQueue",
        PROBLEM,
        "waited for 16 minutes",
    ),
    "somebody else's poison": (
        HEALTHY,
        {"queue": Queue(0, None, 3, ("other",))},
        "poisonQueue",
        OK,
        "those shown are of other",
    ),
    "poison": (
        HEALTHY,
        {"queue": Queue(0, None, 3, ("other", "prod-weu"))},
        "poisonQueue",
        WARNING,
        "3 wake-ups failed for good",
    ),
    "a neighbour with other addresses": (
        HEALTHY,
        {"neighbours": (Neighbour("other", (ip_network("10.200.0.0/16"),), frozenset()),)},
        "podCidrsClusters",
        OK,
        "no overlap with other",
    ),
    "a neighbour in a peered network": (
        HEALTHY,
        {
            "neighbours": (Neighbour("other", (ip_network("100.64.0.0/16"),), frozenset({"/remote"})),),
            "networks": {
                VNET.lower(): VirtualNetwork(
                    VNET, (), (Peering("/Remote", (), uses_remote_gateways=False, allows_gateway_transit=False),)
                )
            },
        },
        "podCidrsClusters",
        PROBLEM,
        "their networks meet",
    ),
    "a neighbour at the same hub": (
        BEHIND_A_HUB,
        {"neighbours": (Neighbour("other", (ip_network("100.64.0.0/16"),), frozenset(), HUB_ID.upper()),)},
        "podCidrsClusters",
        PROBLEM,
        "their networks meet",
    ),
    "a neighbour that cannot be read": (
        HEALTHY,
        {"neighbours": (NOTHING,)},
        "podCidrsClusters",
        UNKNOWN,
        "Azure failed",
    ),
}
