"""All checks, in the order of a packet's way: cluster, Cilium, addresses, network, nodes, room, rights, events."""

from shared.doctor.check import Check
from shared.doctor.checks_cilium import cilium_checks
from shared.doctor.checks_cluster import cluster_checks
from shared.doctor.checks_events import event_checks
from shared.doctor.checks_headroom import headroom_checks
from shared.doctor.checks_network import network_checks
from shared.doctor.checks_nodes import node_checks
from shared.doctor.checks_pod_cidrs import pod_cidr_checks
from shared.doctor.checks_rights import rights_checks
from shared.doctor.facts import Facts


def judge(facts: Facts) -> tuple[Check, ...]:
    """Every check that applies to the cluster, always in the same order."""
    return (
        *cluster_checks(facts),
        *cilium_checks(facts),
        *pod_cidr_checks(facts),
        *network_checks(facts),
        *node_checks(facts),
        *headroom_checks(facts),
        *rights_checks(facts),
        *event_checks(facts),
    )
