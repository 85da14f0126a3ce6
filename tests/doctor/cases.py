"""Facts about a cluster written short: a healthy one, which tests change."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address, ip_network
from typing import Any

from shared.cilium import parse
from shared.doctor.check import Check, Verdict
from shared.doctor.checks import judge
from shared.doctor.facts import Facts, Grant, Held, Hub, Interface, LastPass, Queue, Setup, Subscription, Table, Traces
from shared.doctor.unknown import Unknown
from shared.hubs import HubTopology
from shared.managed_cluster import ManagedCluster
from shared.models import Reading
from shared.pool_subnets import PoolSubnet
from shared.virtual_networks import VirtualNetwork
from tests.examples import node
from tests.fake_arm import CLUSTER, NODE_GROUP, RT_A, SUBSCRIPTION, SYSTEM, VNET

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
PODS = (ip_network("100.64.0.0/10"),)
HUB_ID = f"{SUBSCRIPTION}/resourceGroups/rg-net/providers/Microsoft.Network/virtualHubs/rs-1"
SETS = f"{SUBSCRIPTION}/resourceGroups/{NODE_GROUP}/providers/Microsoft.Compute/virtualMachineScaleSets"
NATIVE = parse({"routing-mode": "native", "ipv4-native-routing-cidr": "100.64.0.0/10"})
ANNOUNCING = parse(
    {"routing-mode": "native", "ipv4-native-routing-cidr": "100.64.0.0/10", "enable-bgp-control-plane": "true"}
)
RUNNING = ManagedCluster(
    NODE_GROUP, "succeeded", "running", "none", "", PODS, "", (ip_network("10.0.0.0/16"),), {"system": SYSTEM}
)
TABLE = Table(RT_A, "westeurope", (("to-firewall", ip_network("0.0.0.0/0")),), "Succeeded", used=True)
LIMIT = f"{RT_A.split('/')[2]}/westeurope"
READING = Reading((node("a", "100.64.0.0/24", at="10.1.0.4"), node("b", "100.64.1.0/24", at="10.1.0.5")))
PASS = LastPass(NOW - timedelta(minutes=3), "inSync", ())

HEALTHY = Facts(
    Setup("prod-weu", "udr", CLUSTER),
    NOW,
    cluster=RUNNING,
    nodes=READING,
    cilium=NATIVE,
    subnets=(PoolSubnet(SYSTEM, ("system",), RT_A),),
    networks={VNET.lower(): VirtualNetwork(VNET, (ip_network("10.1.0.0/16"),), ())},
    tables=(TABLE,),
    interfaces=(Interface(f"{SETS}/aks-system", forwards=True),),
    limits={LIMIT: 1000},
    locks={RT_A: ()},
    rights=(Held(RT_A, ("Microsoft.Network/routeTables/write",), essential=True, grants=(Grant(("*",)),)),),
    subscriptions=(Subscription("/…/eventSubscriptions/on-scale-event", "Succeeded", ()),),
    traces=Traces(NOW - timedelta(minutes=4), leased=False, last_pass=PASS),
    queue=Queue(0, None, 0, ()),
)

HUB = Hub(HubTopology(HUB_ID, ()), "Provisioned", "Succeeded", ())

BEHIND_A_HUB = replace(
    HEALTHY,
    setup=Setup("prod-weu", "routeServer", CLUSTER, hub_id=HUB_ID, addresses=(IPv4Address("10.1.9.4"),)),
    cilium=ANNOUNCING,
    tables=(),
    locks={HUB_ID: ()},
    hub=HUB,
)


NOTHING = Unknown("it", "cannot read it: Azure failed; the next examination tries again")

Edge = tuple[Facts, Mapping[str, Any], str, Verdict, str]
"""Facts, what of them is changed, and of the check: code, verdict, words of the evidence."""


def on(facts: Facts = HEALTHY, **changes: Any) -> tuple[Check, ...]:
    """The checks of a cluster, but for `changes`."""
    return judge(replace(facts, **changes))


def setup(facts: Facts = HEALTHY, **changes: Any) -> Setup:
    """What is configured, but for `changes`."""
    return replace(facts.setup, **changes)


def bad(checks: tuple[Check, ...]) -> list[tuple[str, Verdict, str, str]]:
    """Whatever is not ok: code, verdict, evidence, way out."""
    return [
        (check.code, check.verdict, check.evidence, check.way_out)
        for check in checks
        if check.verdict is not Verdict.OK
    ]
