"""What must be so in the nodes' networks for BGP routes to work there: judged here, on values; read in `hubs`.

    the nodes' network is                                   nodes learn what the Route Server learned
    the Route Server's own                                →  always
    peered, using its gateways, and these lent            →  yes
    peered otherwise, or not at all                       →  no: a warning

A virtual hub has its connected networks use its gateways by itself: two networks with the same gateways have the same hub.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence

from shared.errors import RefusedError
from shared.models import Finding, Network, Severity
from shared.virtual_networks import VirtualNetwork

Networks = Mapping[str, VirtualNetwork]
"""Lower-case id → network, as far as they could be read."""


def carried_pod_cidrs(pod_cidrs: Sequence[Network], hub_id: str) -> tuple[tuple[Network, ...], tuple[Finding, ...]]:
    """The IPv4 ones; the others are a finding `ipv6PodCidrs`. RefusedError where there are only others.

    Source: https://learn.microsoft.com/azure/route-server/route-server-faq
    """
    carried = tuple(each for each in pod_cidrs if each.version == 4)
    left_out = ", ".join(str(each) for each in pod_cidrs if each.version == 6)
    if not left_out:
        return carried, ()
    reason = f"the pod CIDRs {left_out} are IPv6, which Azure's BGP peers do not carry"
    if not carried:
        raise RefusedError(f"{reason}; use mode udr")
    message = f"{reason}: pods are reached by IPv4 alone; for both families use mode udr"
    return carried, (Finding(Severity.WARNING, "ipv6PodCidrs", message, hub_id),)


def refuse_overlaps(pod_cidrs: Sequence[Network], node_networks: Iterable[VirtualNetwork]) -> None:
    """RefusedError where a pod CIDR overlaps what the nodes' networks route already, for themselves or for a peered network.

    System routes of a virtual network and of its peerings win over BGP routes, even over more specific ones.
    Source: https://learn.microsoft.com/azure/route-server/route-server-faq
    """
    found = overlaps(pod_cidrs, node_networks)
    if found:
        raise RefusedError(
            f"pod CIDRs lie inside the nodes' networks: {'; '.join(found)}. System routes win over BGP routes there, even "
            "over more specific ones; give Cilium a range outside these networks, or use mode udr, whose routes win"
        )


def overlaps(pod_cidrs: Sequence[Network], node_networks: Iterable[VirtualNetwork]) -> list[str]:
    """Every pod CIDR that overlaps an address space routed in the nodes' networks, for themselves or a peered one, in words."""
    return [
        f"{cidr} overlaps {prefix} of the virtual network {owner}"
        for network in node_networks
        for owner, prefixes in (
            (network.id, network.prefixes),
            *((f"{each.remote}, which is peered with {network.id}", each.prefixes) for each in network.peerings),
        )
        for prefix in prefixes
        for cidr in pod_cidrs
        if cidr.overlaps(prefix)
    ]


def learning_from_route_server(node_networks: Iterable[str], home: str, networks: Networks) -> Iterator[Finding]:
    """A warning for each of the nodes' networks that does not learn what the Route Server in the network `home` learned.

    Where one side of a peering cannot be read, the other is believed. Source: https://learn.microsoft.com/azure/route-server/route-server-faq
    """
    at_home = networks.get(home.lower())
    for network_id in node_networks:
        if network_id.lower() == home.lower():
            continue
        network = networks.get(network_id.lower())
        near = network.peerings_with(home) if network else None
        far = at_home.peerings_with(network_id) if at_home else None
        if near == () or far == ():
            message = (
                f"the virtual network {network_id} of the nodes is not peered with {home}, where the Route Server is: nodes "
                "there learn no pod routes; peer the two, with the gateways of the Route Server's network"
            )
            yield Finding(Severity.WARNING, "nodeNetworkApart", message, network_id)
            continue
        missing = []
        if near and not any(each.uses_remote_gateways for each in near):
            missing.append(f"useRemoteGateways of the peering in {network_id}")
        if far and not any(each.allows_gateway_transit for each in far):
            missing.append(f"allowGatewayTransit of the peering in {home}")
        if missing:
            message = (
                f"the virtual network {network_id} of the nodes is peered with {home}, where the Route Server is, but does "
                f"not use its gateways: nodes there learn no pod routes; set {' and '.join(missing)}"
            )
            yield Finding(Severity.WARNING, "noRemoteGateway", message, network_id)


def learning_from_virtual_hub(node_networks: Iterable[str], connected: str, networks: Networks) -> Iterator[Finding]:
    """A warning for each of the nodes' networks not seen to be on the hub that the network `connected` is on."""
    hub = _gateways_of(networks.get(connected.lower()))
    for network_id in node_networks:
        network = networks.get(network_id.lower())
        if network is None or network_id.lower() == connected.lower() or (hub and _gateways_of(network) == hub):
            continue
        message = (
            f"the virtual network {network_id} of the nodes is neither that of hubConnectionId ({connected}) nor seen to be "
            "connected to the same hub: nodes there learn no pod routes; connect it to the hub, with defaultRouteTable"
        )
        yield Finding(Severity.WARNING, "nodeNetworkApart", message, network_id)


def _gateways_of(network: VirtualNetwork | None) -> str:
    """The network whose gateways it uses; empty where it uses none of another's."""
    peerings = network.peerings if network else ()
    return next((each.remote.lower() for each in peerings if each.uses_remote_gateways), "")
