"""The nodes: do their interfaces forward packets to pods, do Node and CiliumNode agree, has each its own pod CIDR."""

from collections.abc import Iterator, Sequence

from shared.cilium import CiliumConfig, Option, option_of
from shared.desired import desire
from shared.doctor.check import Check, Topic
from shared.doctor.facts import Facts, Interface
from shared.doctor.unknown import Unknown
from shared.models import Reading
from shared.phrases import some

FORWARDING = Topic("ipForwarding", "The nodes' network interfaces forward packets")
AGREEMENT = Topic("nodeAgreement", "Node and CiliumNode agree")
CIDRS = Topic("nodePodCidrs", "Each node has pod CIDRs of its own")

_NOT_ROUTED = {Option.TUNNEL, Option.WIREGUARD, Option.AZURE_CNI}
"""Azure sees no pod address on its way to another node."""


def node_checks(facts: Facts) -> Iterator[Check]:
    """What needs the nodes is left out where they could not be read, which is told once, elsewhere."""
    yield from _forwarding(facts)
    if isinstance(facts.nodes, Reading):
        yield from AGREEMENT.told(
            facts.nodes.findings, otherwise=f"{len(facts.nodes.nodes)} nodes without a contradiction"
        )
        if facts.pod_cidrs:
            yield from _pod_cidrs(facts, facts.nodes)


def _forwarding(facts: Facts) -> Iterator[Check]:
    """Azure drops what an interface without IP forwarding sends or gets under another address than its own.

    Source: https://learn.microsoft.com/azure/virtual-network/virtual-networks-udr-overview#user-defined
    """
    if facts.interfaces is None:
        return
    if isinstance(facts.cilium, CiliumConfig) and (option := option_of(facts.cilium)) in _NOT_ROUTED:
        yield FORWARDING.ok(f"not needed: with option {option} packets between nodes carry the nodes' addresses")
        return
    if isinstance(facts.interfaces, Unknown):
        yield FORWARDING.unknown(facts.interfaces)
        return
    judged = [each for each in facts.interfaces if each.is_scale_set or _is_node(each, facts.nodes)]
    sets = [each for each in judged if each.is_scale_set and not each.forwards]
    machines = [each for each in judged if not each.is_scale_set and not each.forwards]
    if sets:
        yield FORWARDING.problem(
            f"IP forwarding is off in {len(sets)} scale set(s): {_names(sets)}; Azure drops every packet to a pod there",
            "set enableIPForwarding in the scale set's network interface configuration and reimage its instances; look for "
            "an Azure Policy that turns it off",
            sets[0].owner,
        )
    if machines:
        yield FORWARDING.problem(
            f"IP forwarding is off on the interfaces of {len(machines)} machine(s): {_names(machines)}; Azure drops every packet "
            "to a pod there. Node auto-provisioning creates its machines so (karpenter-provider-azure)",
            "enable IP forwarding on these interfaces, for new machines by an Azure Policy; or use pools in scale sets",
            machines[0].owner,
        )
    if not sets and not machines:
        count = sum(each.is_scale_set for each in judged)
        yield FORWARDING.ok(f"on in {count} scale set(s) and on the interfaces of {len(judged) - count} machine(s)")


def _is_node(interface: Interface, nodes: Reading | Unknown | None) -> bool:
    """The node resource group may hold machines that are no nodes; without the nodes each is taken for one."""
    if not isinstance(nodes, Reading):
        return True
    return any(str(address) in interface.addresses for node in nodes.nodes for address in node.addresses)


def _pod_cidrs(facts: Facts, reading: Reading) -> Iterator[Check]:
    desired = desire(reading.nodes, facts.pod_cidrs)
    twice = {prefix: claims for prefix, claims in desired.claims.items() if len(claims) > 1}
    for prefix, claims in twice.items():
        yield CIDRS.problem(
            f"{prefix} is the pod CIDR of {' and of '.join(claim.node for claim in claims)}: it can be routed to one of them only",
            f"delete the CiliumNode of {claims[-1].node}, the younger node, so that it gets another CIDR",
            claims[-1].node,
        )
    if desired.findings or not twice:
        yield from CIDRS.told(
            desired.findings, otherwise=f"{len(desired.claims)} pod CIDRs of {len(reading.nodes)} nodes, none twice"
        )


def _names(interfaces: Sequence[Interface]) -> str:
    return some([each.owner.rpartition("/")[2] for each in interfaces])
