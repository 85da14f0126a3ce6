"""Nodes → claims on prefixes: who is entitled to a route, who waits and why. Knows nothing of what exists in Azure."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from shared.models import Address, Claim, Finding, Network, Node, Severity, Waiting
from shared.ownership import is_inside


@dataclass(frozen=True, slots=True)
class Desired:
    """What the live nodes entitle to. A live node keeps its routes, whatever is known of it at the moment."""

    claims: Mapping[Network, tuple[Claim, ...]]
    """Per prefix, in the one order of networks, the older node first; more than one is a conflict."""
    kept_next_hops: frozenset[Address] = frozenset()
    """Addresses of nodes whose pod CIDR is not known: what is routed to them stays."""
    unplaced: tuple[str, ...] = ()
    """Live nodes without pod CIDR and address: any route might be theirs."""
    waiting: tuple[Waiting, ...] = ()
    findings: tuple[Finding, ...] = ()

    @property
    def is_empty(self) -> bool:
        """No pod CIDR of any node is known: as a reading of what is wanted, this is no reading."""
        return not self.claims


def desire(nodes: Iterable[Node], pod_cidrs: tuple[Network, ...]) -> Desired:
    """The claims of `nodes` inside `pod_cidrs`, whatever the order they come in."""
    claims: defaultdict[Network, list[Claim]] = defaultdict(list)
    kept_next_hops: set[Address] = set()
    unplaced: list[str] = []
    waiting: list[Waiting] = []
    outside: list[tuple[Node, Network]] = []

    for node in sorted(nodes, key=lambda node: (node.created, node.name)):
        if not node.pod_cidrs:
            kept_next_hops.update(node.addresses)
            if not node.deleting:
                waiting.append(Waiting(node.name, "no pod CIDR yet"))
            if not node.addresses:
                unplaced.append(node.name)
        for prefix in node.pod_cidrs:
            next_hop = _next_hop(node, prefix)
            if not is_inside(prefix, pod_cidrs):
                outside.append((node, prefix))
                continue
            claims[prefix].append(
                Claim(node.name, node.created, prefix, next_hop, keeps_only=node.deleting or next_hop is None)
            )
            if next_hop is None and not node.deleting:
                waiting.append(Waiting(node.name, f"no InternalIP of IPv{prefix.version} for {prefix}"))

    ordered = {prefix: tuple(claims[prefix]) for prefix in sorted(claims, key=network_order)}
    return Desired(
        claims=ordered,
        kept_next_hops=frozenset(kept_next_hops),
        unplaced=tuple(unplaced),
        waiting=tuple(waiting),
        findings=_outside_findings(outside, pod_cidrs) + _overlap_findings(ordered),
    )


def network_order(network: Network) -> tuple[int, int, int]:
    """The one order of networks everywhere: IPv4 first, then by address, the wider one first."""
    return network.version, int(network.network_address), network.prefixlen


def _next_hop(node: Node, prefix: Network) -> Address | None:
    return next((address for address in node.addresses if address.version == prefix.version), None)


def _outside_findings(outside: list[tuple[Node, Network]], pod_cidrs: tuple[Network, ...]) -> tuple[Finding, ...]:
    """Routes outside the configured range would never be cleaned up again (hcloud-cloud-controller-manager#482, #793)."""
    ranges = ", ".join(map(str, pod_cidrs))
    return tuple(
        Finding(
            Severity.WARNING,
            "outsidePodCidrs",
            f"{node.name} has the pod CIDR {prefix}, which is outside {ranges}; "
            "it gets no route. Widen podCidrs or correct Cilium's cluster pool",
            node.name,
        )
        for node, prefix in outside
    )


def _overlap_findings(claims: Mapping[Network, tuple[Claim, ...]]) -> tuple[Finding, ...]:
    """Different prefixes may overlap in Azure, the longer one wins; between nodes it means a broken allocation."""
    findings: list[Finding] = []
    widest: Network | None = None
    for prefix in claims:
        if widest is not None and is_inside(prefix, (widest,)):
            inner, outer = claims[prefix][0].node, claims[widest][0].node
            if inner != outer:
                findings.append(
                    Finding(
                        Severity.WARNING,
                        "overlappingCidrs",
                        f"{prefix} of {inner} lies inside {widest} of {outer}; the longer prefix gets the traffic. "
                        "Check Cilium's cluster pool and its operator's log",
                        inner,
                    )
                )
        else:
            widest = prefix
    return tuple(findings)
