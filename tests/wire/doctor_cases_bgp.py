"""Situations of the BGP modes."""

from sandbox.cluster import GROUP
from sandbox.hub import HUB_ID, REFLECTORS
from sandbox.kubernetes_api.cilium_node import cilium_node
from sandbox.resource_manager.virtual_network_peering import Peering
from shared.doctor.check import Verdict
from tests.wire.doctor_case import Case
from tests.wire.doctor_stage import MACHINE, Ward
from tests.wire.stage import SYSTEM

OTHER_NETWORK = f"{GROUP}/providers/Microsoft.Network/virtualNetworks/vnet-other"
PROBLEM, WARNING, UNKNOWN = Verdict.PROBLEM, Verdict.WARNING, Verdict.UNKNOWN


def foreign_connection(ward: Ward) -> None:
    ward.configured[0]["routing"]["maxPeers"] = 2
    theirs = {"name": "firewall", "properties": {"peerIp": "10.10.251.9", "peerAsn": 65002}}
    ward.arm.edit_hub(HUB_ID, lambda body: body["bgpConnections"].append(theirs))


def silent_reflectors(ward: Ward) -> None:
    for reflector in REFLECTORS:
        ward.arm.hubs.speaker(HUB_ID, reflector, dict)


BGP = (
    Case(
        "a table that hides learned routes",
        lambda ward: ward.arm.edit_table(
            SYSTEM, lambda body: body["properties"].update(disableBgpRoutePropagation=True)
        ),
        {"routePropagation": PROBLEM},
        ("does not propagate gateway routes", "-> set 'Propagate gateway routes' to Yes"),
        bgp=True,
    ),
    Case(
        "the BGP control plane is off",
        lambda ward: ward.cilium(enable_bgp_control_plane="false"),
        {"ciliumBgp": PROBLEM},
        ("Cilium's BGP control plane is off, so they announce nothing", "-> Set bgpControlPlane.enabled=true"),
        bgp=True,
    ),
    Case(
        "a hub that is not ready",
        lambda _: None,
        {"hub": WARNING},
        ("the hub's routingState is Provisioning, not Provisioned", "-> wait"),
        bgp=True,
        after=lambda ward: ward.arm.scripts.routing_states.add("*", "rs-shop", "Provisioning", times=9),
    ),
    Case(
        "foreign connections take the places",
        foreign_connection,
        {"bgpPeers": WARNING},
        ("2 candidates for BGP peers, but 1 place(s)", "do not peer: 10.10.251."),
        bgp=True,
    ),
    Case(
        "a reflector with too much to tell",
        lambda _: None,
        {"routesPerPeer": WARNING},
        ("announces up to 2102 routes, of the 4000 that a hub takes", "-> use larger pod CIDRs per node, or mode udr"),
        bgp=True,
        after=lambda ward: ward.kubernetes.put(
            cilium_node(
                MACHINE.rpartition("/")[2],
                addresses=["10.10.4.200"],
                pod_cidrs=[f"100.100.{at // 16}.{at % 16 * 16}/28" for at in range(2100)],
            )
        ),
    ),
    Case(
        "reflectors that tell the hub nothing",
        silent_reflectors,
        {"learnedRoutes": PROBLEM},
        ("the hub learned 3 of 3 pod CIDRs from no peer", "nothing was learned from 2 of 2 peers"),
        bgp=True,
    ),
    Case(
        "pod CIDRs that BGP does not carry",
        lambda ward: ward.recreate(pod_cidrs=["100.64.0.0/10", "fd00:10::/48"]),
        {"podCidrsFamily": WARNING},
        (
            "the pod CIDRs fd00:10::/48 are IPv6, which Azure's BGP peers do not carry",
            "-> for both families use mode udr",
        ),
        bgp=True,
    ),
    Case(
        "nodes in a network that is not peered with the hub's",
        lambda _: None,
        {"hubNetworks": PROBLEM},
        ("is not peered with", "where the Route Server is: nodes there learn no pod routes", "-> peer the two"),
        bgp=True,
        after=lambda ward: ward.move_the_hub(),
    ),
    Case(
        "a lock against deleting on the hub",
        lambda ward: ward.arm.access.lock(HUB_ID, "CanNotDelete"),
        {"locks": PROBLEM},
        ("the lock keep (CanNotDelete) on", "no BGP peer can be deleted"),
        bgp=True,
    ),
    Case(
        "a peered network with the pods' addresses",
        lambda _: None,
        {"podCidrsNetworks": PROBLEM},
        ("system routes win over BGP routes there", "or use mode udr, whose routes win"),
        bgp=True,
        after=lambda ward: ward.network(peerings=[Peering(OTHER_NETWORK, ["100.80.0.0/16"])]),
    ),
)
