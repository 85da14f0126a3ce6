"""The pod CIDRs against everything else that has addresses: the cluster itself, its networks, its services, other clusters."""

from collections.abc import Iterable, Iterator, Sequence

from shared.doctor.check import Check, Topic, parted
from shared.doctor.facts import Facts, Neighbour
from shared.doctor.unknown import Unknown
from shared.errors import RefusedError
from shared.hub_rails import carried_pod_cidrs, overlaps
from shared.managed_cluster import ManagedCluster
from shared.models import Network
from shared.ownership import is_inside
from shared.phrases import some
from shared.virtual_networks import network_of

DECLARED = Topic("podCidrs", "The pod CIDRs are those of the cluster")
NETWORKS = Topic("podCidrsNetworks", "The pod CIDRs are free in the nodes' networks")
SERVICES = Topic("podCidrsServices", "The pod CIDRs are apart from the service CIDRs")
FAMILY = Topic("podCidrsFamily", "BGP carries the pod CIDRs")
CLUSTERS = Topic("podCidrsClusters", "The pod CIDRs are apart from those of other clusters")


def pod_cidr_checks(facts: Facts) -> Iterator[Check]:
    """Whatever the mode."""
    yield from _declared(facts)
    if not facts.pod_cidrs:
        return
    if facts.setup.by_bgp:
        yield from _family(facts)
    yield from _networks(facts)
    if isinstance(facts.cluster, ManagedCluster):
        yield _services(facts.pod_cidrs, facts.cluster.service_cidrs)
    if facts.neighbours:
        yield from _clusters(facts)


def _declared(facts: Facts) -> Iterator[Check]:
    """The control plane reaches pods, such as webhooks, by the cluster's own pod CIDRs.

    Source: https://learn.microsoft.com/azure/aks/use-byo-cni
    """
    cluster, configured = facts.cluster, facts.setup.pod_cidrs
    if not isinstance(cluster, ManagedCluster):
        if isinstance(cluster, Unknown):
            yield DECLARED.unknown(cluster)
        return
    if cluster.pod_cidrs_problem:
        yield DECLARED.problem(
            f"the cluster's pod CIDRs cannot be read: {cluster.pod_cidrs_problem}",
            "set podCidrs to Cilium's cluster pool",
        )
        return
    outside = [each for each in configured if cluster.pod_cidrs and not is_inside(each, cluster.pod_cidrs)]
    if not facts.pod_cidrs:
        yield DECLARED.problem(
            "AKS reports no pod CIDRs for the cluster (networkProfile.podCidrs), and none are configured",
            "set podCidrs to Cilium's cluster pool",
        )
    elif outside:
        yield DECLARED.warning(
            f"podCidrs has {_listed(outside)}, which is outside of the cluster's own pod CIDRs ({_listed(cluster.pod_cidrs)}): "
            "the control plane does not reach pods there, such as webhooks",
            "give Cilium a pool inside the cluster's pod CIDRs; a cluster keeps those it was created with (--pod-cidr)",
        )
    else:
        whose = "configured" if configured else "the cluster's own"
        yield DECLARED.ok(f"{_listed(facts.pod_cidrs)}, {whose}")


def _family(facts: Facts) -> Iterator[Check]:
    try:
        carried, findings = carried_pod_cidrs(facts.pod_cidrs, facts.setup.hub_id)
    except RefusedError as error:
        yield FAMILY.problem(*parted(str(error)), facts.setup.hub_id)
    else:
        yield from FAMILY.told(findings, otherwise=f"{_listed(carried)}, all of IPv4")


def _networks(facts: Facts) -> Iterator[Check]:
    """Routes of a table win inside the network, learned ones do not.

    Source: https://learn.microsoft.com/azure/route-server/route-server-faq
    """
    at_nodes = {network_of(subnet.id).lower() for subnet in facts.subnets}
    near = [network for key, network in facts.networks.items() if key in at_nodes]
    found = overlaps(facts.pod_cidrs, near)
    way_out = "give Cilium a range outside of these networks"
    if found and facts.setup.by_bgp:
        yield NETWORKS.problem(
            f"{some(found)}: system routes win over BGP routes there, so that pods are not reached",
            f"{way_out}, or use mode udr, whose routes win",
        )
    elif found:
        yield NETWORKS.warning(f"{some(found)}: a route to pods hides the machines that have its addresses", way_out)
    hidden = [each for each in facts.unread_networks if each.resource.lower() in at_nodes]
    if hidden or (near and not found):
        spaces = [str(prefix) for network in near for prefix in network.around]
        yield from NETWORKS.told(hidden, otherwise=f"no overlap with {some(spaces)}, peered networks included")


def _services(pod_cidrs: Sequence[Network], services: Sequence[Network]) -> Check:
    found = [
        f"{cidr} overlaps the service CIDR {service}"
        for cidr in pod_cidrs
        for service in services
        if cidr.overlaps(service)
    ]
    if found:
        return SERVICES.problem(
            f"{some(found)}: an address there may be a pod's or a service's",
            "give Cilium a range outside; the service CIDR of a cluster cannot be changed",
        )
    return SERVICES.ok(f"no overlap with {_listed(services) or 'any: the cluster states no service CIDR'}")


def _clusters(facts: Facts) -> Iterator[Check]:
    """Where the networks meet one of the two loses its traffic; where they do not, they can never be connected."""
    setup = facts.setup
    own = {network_of(subnet.id).lower() for subnet in facts.subnets}
    reached = own | {
        each.remote.lower() for key in own & facts.networks.keys() for each in facts.networks[key].peerings
    }
    quiet = True
    for other in facts.neighbours:
        if isinstance(other, Unknown):
            yield CLUSTERS.unknown(other)
            quiet = False
            continue
        pairs = list(_pairs(facts.pod_cidrs, other))
        if not pairs:
            continue
        quiet = False
        way_out = "give each cluster its own range"
        if other.networks & reached or (setup.hub_id and setup.hub_id.lower() == other.hub_id.lower()):
            yield CLUSTERS.problem(
                f"{some(pairs)}, and their networks meet: one of the two loses its traffic", way_out, other.name
            )
        else:
            yield CLUSTERS.warning(f"{some(pairs)}: their networks can never be connected", way_out, other.name)
    if quiet:
        yield CLUSTERS.ok(
            f"no overlap with {some([each.name for each in facts.neighbours if isinstance(each, Neighbour)])}"
        )


def _pairs(pod_cidrs: Iterable[Network], other: Neighbour) -> Iterator[str]:
    for ours in pod_cidrs:
        for theirs in other.pod_cidrs:
            if ours.overlaps(theirs):
                yield f"{ours} overlaps {theirs} of {other.name}"


def _listed(networks: Iterable[Network]) -> str:
    return ", ".join(map(str, networks))
