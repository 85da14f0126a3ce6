"""Nodes with the labels, and told from these who may peer, in which zone it is and how many pods it takes. Pure.

Only read where peers are chosen among the nodes: whoever writes routes decodes no labels. Who becomes a peer is decided
elsewhere, among the `Node`s that `objects.merge` makes of these.
"""

from collections.abc import Callable
from typing import Literal

import msgspec

from shared.label_selector import LabelSelector
from shared.sources.objects import CandidateNode, NodeMetadata, NodeObject, NodeStatus, ObjectList, node_essence

ZONE_LABEL = "topology.kubernetes.io/zone"


class LabelledMetadata(NodeMetadata, frozen=True):
    """Who the node is, with its labels."""

    labels: dict[str, str] = msgspec.field(default_factory=dict)


class Allocatable(msgspec.Struct, frozen=True):
    """Of `status.allocatable`, the pods alone. A quantity, which the API writes as text; a reading never fails for it."""

    pods: str | int | float | None = None


class CapacityStatus(NodeStatus, frozen=True):
    """Where the node can be reached, and how much it takes."""

    allocatable: Allocatable = Allocatable()


class LabelledNode(NodeObject, frozen=True):
    """A `v1` Node, as far as it is read where peers are chosen among the nodes."""

    metadata: LabelledMetadata
    status: CapacityStatus = CapacityStatus()


class LabelledNodeList(ObjectList[LabelledNode], frozen=True):
    """A page of Nodes with their labels."""

    kind: Literal["NodeList"]


def candidate_essence(selector: LabelSelector) -> Callable[[NodeObject], NodeObject]:
    """What of a Node matters where the nodes that `selector` names may peer: whether it is one, instead of its labels.

    So two Nodes that differ only in labels which say neither this nor the zone are equal. A Node decoded without labels
    stays without.
    """

    def essence(node: NodeObject) -> NodeObject:
        plain = node_essence(node)
        if not isinstance(node, LabelledNode):
            return plain
        metadata = node.metadata
        return CandidateNode(
            metadata=NodeMetadata(metadata.name, metadata.creation_timestamp, metadata.deletion_timestamp),
            spec=plain.spec,
            status=plain.status,
            may_peer=selector.matches(metadata.labels),
            zone=zone_of(metadata.labels.get(ZONE_LABEL, "")),
            pod_limit=_pod_limit(node.status.allocatable.pods),
        )

    return essence


def zone_of(label: str) -> str:
    """The availability zone a zone label names; empty for none.

    Azure writes `<region>-<zone>` for a machine in a zone and the number of its fault domain, such as `0`, for one in none
    (https://kubernetes-sigs.github.io/cloud-provider-azure/topics/availability-zones/; facts: recorded as "0").
    """
    text = label.strip()
    return "" if text.isdecimal() else text


def _pod_limit(pods: str | float | None) -> int:
    """0 for what is no plain number. A quantity could also be written as 1k, but AKS takes 250 pods per node at most.

    Source: https://learn.microsoft.com/azure/aks/quotas-skus-regions
    """
    text = str(pods)
    return int(text) if text.isascii() and text.isdecimal() else 0
