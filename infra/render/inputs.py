"""The clusters file and the network file → Inputs. Checked as a whole: whoever holds Inputs need not check again."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network
from itertools import combinations

from infra.render.network import Network, read_network
from shared.config import Cluster, RouteServerRouting, VirtualWanRouting, load_config
from shared.errors import ConfigError, UnknownClusterError
from shared.label_selector import LabelSelector
from shared.models import Network as IpNetwork

HUB_ASN = 65515
"""Of every Route Server and virtual hub. The app's configuration refuses it as `peerAsn`, so the two always differ.
Source: https://learn.microsoft.com/azure/route-server/route-server-faq"""

_PREFIXES_PER_NODE = {"clusterPool": 4, "multiPool": 64}
"""cluster-pool gives a node one IPv4 CIDR, so more than a few is a fault; multi-pool adds CIDRs as the node fills up."""


@dataclass(frozen=True, slots=True)
class Bgp:
    """What the speakers are told."""

    asn: int
    """`peerAsn` of the app's configuration: of the nodes and of the reflectors."""
    hub_addresses: tuple[IPv4Address, ...]
    """Of the two instances."""
    hub_subnet: IPv4Network
    node_subnets: tuple[IPv4Network, ...]
    reflectors: tuple[IPv4Address, ...]
    """`peers.addresses`; empty where nodes peer with the hub directly."""
    node_selector: LabelSelector | None
    """`peers.nodeSelector`; None where there are reflectors."""
    max_routes: int
    prefixes_per_node: int


@dataclass(frozen=True, slots=True)
class Inputs:
    """One cluster, as far as its network is rendered."""

    cluster: str
    pod_cidrs: tuple[IPv4Network, ...]
    native_routing_cidr: IPv4Network
    node_mask_size: int
    multi_pool: bool
    wireguard: bool
    bgp: Bgp | None
    """None where no BGP is spoken: UDR, or WireGuard alone."""


def read_inputs(clusters: str, network_text: str) -> Inputs:
    """What both files say together. `clusters` is a value of AKS_POD_ROUTES_CLUSTERS: JSON, or the path of a file.

    Raises ConfigError with every problem, one line each, naming the file's field.
    """
    network = read_network(network_text)
    # The storage account is asked for by the app, not by a rendering.
    config = load_config({"AKS_POD_ROUTES_CLUSTERS": clusters, "AzureWebJobsStorage": "UseDevelopmentStorage=true"})
    try:
        cluster = config.cluster(network.cluster)
    except UnknownClusterError as error:
        raise ConfigError((f"network.cluster: {error}",)) from None
    others = [each for each in config.clusters if each is not cluster]
    if problems := tuple(_problems(cluster, network, others)):
        raise ConfigError(problems)
    pod_cidrs = _ipv4(cluster.pod_cidrs)
    return Inputs(
        cluster=cluster.name,
        pod_cidrs=pod_cidrs,
        native_routing_cidr=_range(network.native_routing_cidr or pod_cidrs[0]),
        node_mask_size=network.node_mask_size,
        multi_pool=network.ipam == "multiPool",
        wireguard=network.encryption == "wireguard",
        bgp=_bgp(cluster, network),
    )


def _bgp(cluster: Cluster, network: Network) -> Bgp | None:
    routing = cluster.routing
    if not isinstance(routing, RouteServerRouting | VirtualWanRouting) or network.hub_subnet is None:
        return None
    return Bgp(
        asn=routing.peer_asn,
        hub_addresses=tuple(sorted(network.hub_addresses)),
        hub_subnet=_range(network.hub_subnet),
        node_subnets=tuple(sorted(_ipv4(network.node_subnets))),
        reflectors=routing.peers.addresses or (),  # in their order: reflector-1 stays reflector-1
        node_selector=routing.peers.node_selector,
        max_routes=network.max_routes,
        prefixes_per_node=network.prefixes_per_node or _PREFIXES_PER_NODE[network.ipam],
    )


def _problems(cluster: Cluster, network: Network, others: Sequence[Cluster]) -> Iterator[str]:
    name = f"clusters ({cluster.name})"
    yield from _pod_range_problems(name, cluster, network)
    match cluster.routing:
        case RouteServerRouting() | VirtualWanRouting():
            yield from _hub_problems(network)
            yield from _subnet_problems(cluster, network)
            yield from _reflector_problems(name, cluster, network, others)
        case routing if routing.mode == "observe" and network.encryption == "none":
            yield (
                "network.encryption: is none, and mode observe keeps no routes, so pods on different nodes would not reach "
                "each other; set wireguard, or choose mode udr, routeServer or virtualWan in the clusters file"
            )


def _pod_range_problems(name: str, cluster: Cluster, network: Network) -> Iterator[str]:
    if not cluster.pod_cidrs:
        yield f"{name}.podCidrs: is missing; the app can discover it, a rendering cannot, so write it down"
    for at, pods in enumerate(cluster.pod_cidrs):
        if not isinstance(pods, IPv4Network):
            yield f"{name}.podCidrs[{at}]: {pods} is IPv6; AKS without a network plugin is IPv4 only, so nothing is rendered"
        elif network.node_mask_size < pods.prefixlen:
            yield (
                f"network.nodeMaskSize: {network.node_mask_size} is larger than the whole pod range {pods}; "
                f"choose {pods.prefixlen} to 28"
            )
        elif network.native_routing_cidr and not pods.subnet_of(_range(network.native_routing_cidr)):
            yield (
                f"network.nativeRoutingCidr: {network.native_routing_cidr} does not hold the pod range {pods}, "
                "so pods would be masqueraded on their way to it; choose a range around every pod range"
            )
    if len(cluster.pod_cidrs) > 1 and not network.native_routing_cidr:
        yield (
            f"network.nativeRoutingCidr: is missing; Cilium takes one range and the cluster has {len(cluster.pod_cidrs)} pod "
            "ranges, so give the range around all of them"
        )


def _hub_problems(network: Network) -> Iterator[str]:
    if not network.node_subnets:
        yield "network.nodeSubnets: is missing; give the address ranges of the node pools' subnets"
    if network.hub_subnet is None:
        yield "network.hubSubnet: is missing; give the range of RouteServerSubnet, or of the virtual hub"
    if len(network.hub_addresses) != 2 or len(set(network.hub_addresses)) != 2:
        yield (
            f"network.hubAddresses: has {len(set(network.hub_addresses))} different addresses and needs 2: every peer speaks "
            "to both instances; take virtualRouterIps of the Route Server or hub"
        )
    for at, address in enumerate(network.hub_addresses):
        if network.hub_subnet and address not in network.hub_subnet:
            yield f"network.hubAddresses[{at}]: {address} is outside hubSubnet {network.hub_subnet}; correct one of them"


def _subnet_problems(cluster: Cluster, network: Network) -> Iterator[str]:
    """System routes of the VNet win over learned routes, so a pod range inside a subnet is lost (facts: route-server-faq)."""
    subnets = [(f"network.nodeSubnets[{at}]", subnet) for at, subnet in enumerate(network.node_subnets)]
    if network.hub_subnet:
        subnets.append(("network.hubSubnet", network.hub_subnet))
    for where, subnet in subnets:
        for pods in cluster.pod_cidrs:
            if subnet.overlaps(pods):
                yield f"{where}: {subnet} overlaps the pod range {pods}; Azure's own routes would win over the pods'"
    for (_, first), (where, second) in combinations(subnets, 2):
        if first.overlaps(second):
            yield f"{where}: {second} overlaps {first}; subnets of one network do not overlap, correct one of them"


def _reflector_problems(name: str, cluster: Cluster, network: Network, others: Sequence[Cluster]) -> Iterator[str]:
    taken = {address: other.name for other in others for address in _reflectors(other)}
    for at, address in enumerate(_reflectors(cluster)):
        where = f"{name}.routing.peers.addresses[{at}]"
        for pods in cluster.pod_cidrs:
            if address in pods:
                yield f"{where}: reflector {address} is inside the pod range {pods}; give it an address of its own subnet"
        for subnet in network.node_subnets:
            if address in subnet:
                yield (
                    f"{where}: reflector {address} is inside the node subnet {subnet}, where Azure may give its address to a "
                    "node; give the reflectors a subnet of their own"
                )
        if network.hub_subnet and address in network.hub_subnet:
            yield f"{where}: reflector {address} is inside hubSubnet {network.hub_subnet}, which takes no machines"
        if address in taken:
            yield f"{where}: {address} also serves cluster {taken[address]}; one reflector serves one cluster"


def _reflectors(cluster: Cluster) -> tuple[IPv4Address, ...]:
    routing = cluster.routing
    return (routing.peers.addresses or ()) if isinstance(routing, RouteServerRouting | VirtualWanRouting) else ()


def _ipv4(networks: Sequence[IpNetwork]) -> tuple[IPv4Network, ...]:
    return tuple(_range(network) for network in networks)


def _range(network: IpNetwork) -> IPv4Network:
    """Narrows the type; IPv6 was refused before."""
    assert isinstance(network, IPv4Network)  # noqa: S101  # a promise of the checks above, not a check itself
    return network
