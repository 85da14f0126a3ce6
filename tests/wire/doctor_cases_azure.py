"""Situations of what is around the cluster: tables, machines, room, rights, events; in mode udr."""

import base64
from datetime import timedelta

from sandbox.cluster import GROUP, scale_set_id
from sandbox.kubernetes_api.cilium_node import cilium_node
from shared.doctor.check import Verdict
from tests.wire.doctor_case import Case
from tests.wire.doctor_stage import MACHINE, TOPIC, Ward
from tests.wire.stage import APPS, SYSTEM

UNUSED = f"{GROUP}/providers/Microsoft.Network/routeTables/rt-unused"
PROBLEM, WARNING, UNKNOWN = Verdict.PROBLEM, Verdict.WARNING, Verdict.UNKNOWN


def machines_forward(ward: Ward) -> None:
    ward.arm.machines.forward(MACHINE, on=False)


def configured_tables(ward: Ward, *tables: str) -> None:
    ward.configured = [{"routing": {"mode": "udr", "routeTables": [APPS, SYSTEM, *tables]}}]


def unused_table(ward: Ward) -> None:
    ward.arm.add_route_table(UNUSED)
    configured_tables(ward, UNUSED)


def same_cidr_twice(ward: Ward) -> None:
    first, second = ward.names
    twin = ward.kubernetes.get("CiliumNode", first)["spec"]["ipam"]["podCIDRs"]
    ward.kubernetes.put(cilium_node(second, addresses=[ward.cluster.address(second)], pod_cidrs=twin))


def node_disagrees(ward: Ward) -> None:
    node = ward.kubernetes.get("Node", ward.names[0])
    spec = node["spec"] | {"podCIDR": "100.64.99.0/24", "podCIDRs": ["100.64.99.0/24"]}
    ward.kubernetes.put(node | {"spec": spec})


def hold_the_lease(ward: Ward) -> None:
    ward.later = timedelta(minutes=20)
    ward.container.get_blob_client("leases/shop-weu").acquire_lease(15)


def leave_a_wake_up(ward: Ward) -> None:
    ward.later = timedelta(minutes=20)
    ward.send(ward.wakes, base64.b64encode(b'{"cluster": "shop-weu"}').decode())


def no_event_yet(ward: Ward) -> None:
    ward.later = timedelta(hours=2)
    ward.container.delete_blob("wakes/shop-weu")


AZURE_CASES = (
    Case(
        "a subnet without route table",
        lambda ward: ward.network({"snet-apps": None}),
        {"subnetRouteTables": PROBLEM},
        ("of the agent pools apps has no route table", "-> associate a route table with it"),
    ),
    Case(
        "a subnet with somebody else's table",
        lambda ward: setattr(ward, "configured", [{"routing": {"mode": "udr", "routeTables": [APPS]}}]),
        {"subnetRouteTables": PROBLEM},
        ("rt-system, which is not configured", "-> add that table to routing.routeTables"),
    ),
    Case(
        "a table without subnet",
        unused_table,
        {"routeTables": WARNING},
        (
            "no subnet has the route table",
            "-> associate it with the nodes' subnets, or take it out of routing.routeTables",
        ),
    ),
    Case(
        "a table that is not there",
        lambda ward: configured_tables(ward, UNUSED),
        {"routeTables": PROBLEM},
        ("it does not exist", "-> create it or correct its id in the configuration"),
    ),
    Case(
        "a scale set that does not forward",
        lambda ward: ward.arm.machines.forward(scale_set_id("apps"), on=False),
        {"ipForwarding": PROBLEM},
        ("IP forwarding is off in 1 scale set(s): aks-apps-31415926-vmss", "-> set enableIPForwarding"),
    ),
    Case(
        "a machine that does not forward",
        machines_forward,
        {"ipForwarding": PROBLEM},
        ("IP forwarding is off on the interfaces of 1 machine(s): aks-nap-7x2kq", "Node auto-provisioning creates"),
    ),
    Case(
        "Node and CiliumNode differ",
        node_disagrees,
        {"nodeAgreement": WARNING},
        (
            "Node and CiliumNode name different pod CIDRs on 1 node",
            "set podCidrSource: ciliumNode to say that this is meant",
        ),
    ),
    Case(
        "two nodes with one pod CIDR",
        same_cidr_twice,
        {"nodePodCidrs": PROBLEM},
        ("100.64.0.0/24 is the pod CIDR of", "-> delete the CiliumNode of"),
    ),
    Case(
        "the subscription allows fewer routes than there are",
        lambda ward: ward.arm.usages.limits.update(RoutesPerRouteTable=4),
        {"routeHeadroom": PROBLEM},
        ("rt-system: 5 of 4 routes (125%), 2 of them foreign; the subscription allows 4", "-> remove routes"),
        after=lambda ward: ward.arm.usages.limits.update(RoutesPerRouteTable=4),
    ),
    Case(
        "a table that is nearly full",
        lambda ward: setattr(ward, "configured", [{"limits": {"routesPerTable": 6}}]),
        {"routeHeadroom": WARNING},
        ("rt-system: 5 of 6 routes (83%)", "-> plan for another table"),
    ),
    Case(
        "the subscription allows less than is configured",
        lambda ward: ward.arm.usages.limits.update(RoutesPerRouteTable=400),
        {"routeHeadroom": WARNING},
        ("the subscription allows 400, but limits.routesPerTable says 1000", "-> set limits.routesPerTable to 400"),
    ),
    Case(
        "a lock on a table",
        lambda ward: ward.arm.access.lock(APPS),
        {"locks": PROBLEM},
        ("the lock keep (ReadOnly) on", "covers rt-apps: nothing can be written to it", "-> remove the lock"),
    ),
    Case(
        "no right to write tables",
        lambda ward: ward.arm.access.forbid("Microsoft.Network/routeTables/write", scope=APPS),
        {"permissions": PROBLEM},
        ("rt-apps: Microsoft.Network/routeTables/write", "-> assign the role of the app that has them"),
    ),
    Case(
        "no right to see machines",
        lambda ward: ward.arm.access.forbid("Microsoft.Compute/virtualMachines/read"),
        {"permissions": WARNING},
        ("Microsoft.Compute/virtualMachines/read, which only the second witness and this check use",),
    ),
    Case(
        "no event subscription",
        lambda ward: ward.arm.event_grid.unsubscribe(TOPIC),
        {"eventSubscription": WARNING},
        ("no Event Grid subscription of the node resource group leads to", "-> create a system topic"),
    ),
    Case(
        "an event subscription that failed",
        lambda ward: ward.arm.event_grid.subscribe(TOPIC, "/functions/on_scale_event", state="Failed"),
        {"eventSubscription": PROBLEM},
        ("is in state Failed and delivers nothing", "-> create it anew"),
    ),
    Case(
        "an event subscription without scale-in",
        lambda ward: ward.arm.event_grid.subscribe(
            TOPIC, "/functions/on_scale_event", event_types=["Microsoft.Resources.ResourceWriteSuccess"]
        ),
        {"eventSubscription": WARNING},
        ("leaves out Microsoft.Resources.ResourceDeleteSuccess, Microsoft.Resources.ResourceActionSuccess",),
    ),
    Case(
        "no event ever",
        no_event_yet,
        {"lastEvent": WARNING},
        ("no scale event has ever arrived, although the newest node is from", "-> check the Event Grid subscription"),
    ),
    Case(
        "a pass that does not end",
        lambda _: None,
        {"lease": WARNING},
        ("a pass holds the cluster's lease now, and the last pass ended at", "-> look again in a minute"),
        after=hold_the_lease,
    ),
    Case(
        "a queue that nobody reads",
        leave_a_wake_up,
        {"wakeQueue": PROBLEM},
        ("1 wake-ups, the oldest of which has waited for 20 minutes", "-> check that the function on_wake is enabled"),
    ),
    Case(
        "a wake-up that failed for good",
        lambda ward: ward.send(ward.poison, base64.b64encode(b'{"cluster": "shop-weu"}').decode()),
        {"poisonQueue": WARNING},
        ("1 wake-ups failed for good; those shown are of shop-weu", "-> see the log for why on_wake failed"),
    ),
)
