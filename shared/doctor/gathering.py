"""Gathers the facts about one cluster: what depends on nothing else goes side by side, and each resource is read once.

How a thing is read is told in the `facts_*` modules, what is made of it in `checks`.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import datetime

from shared.cilium import CiliumConfig
from shared.doctor.facts import Facts, Held, Interface, Lock, Queue, Setup, Table, Traces, limit_key
from shared.doctor.facts_azure import read_cluster, read_hub, read_limit, read_neighbour, read_table, targets_of, unread
from shared.doctor.facts_event_grid import read_subscriptions
from shared.doctor.facts_kubernetes import Source, read_cilium, read_nodes
from shared.doctor.facts_machines import read_machine_interfaces, read_scale_set_interfaces
from shared.doctor.facts_rights import needs, read_locks, read_rights
from shared.doctor.unknown import Unknown
from shared.errors import AppError, TargetError
from shared.kubeconfig import Cluster as ApiServer
from shared.managed_cluster import ACTIONS, ManagedCluster, read_api_server
from shared.models import Finding, Reading, Severity
from shared.pool_subnets import NETWORK_API_VERSION, PoolSubnet, read_pool_subnets
from shared.resource_manager import ResourceManager
from shared.subnet_tables import learned_route_findings
from shared.virtual_networks import VirtualNetwork, network_of, read_virtual_networks

READS_AT_ONCE = 8

_Networks = tuple[Mapping[str, VirtualNetwork], tuple[Finding, ...]]
_Kubernetes = tuple[Reading | Unknown | None, CiliumConfig | Unknown | None]
_Interfaces = tuple[Interface, ...] | Unknown | None


@dataclass(frozen=True, slots=True)
class Surroundings:
    """Where facts come from. Nothing here can write."""

    arm: ResourceManager
    source: Callable[[Setup, ApiServer | None], Source]
    """The nodes of a cluster whose API server was found, or None where its kubeconfig is to be used. May raise AppErrors."""
    traces: Callable[[str], Traces | Unknown]
    queue: Callable[[], Queue | Unknown]
    now: datetime


def gather(setup: Setup, others: Sequence[Setup], around: Surroundings) -> Facts:
    """Everything there is to know of a cluster for its checks; `others` are the configured ones beside it.

    Raises nothing for what could not be read.
    """
    with ThreadPoolExecutor(max_workers=READS_AT_ONCE, thread_name_prefix=f"doctor-{setup.name}") as beside:
        return _gather(setup, others, around, beside)


def _gather(setup: Setup, others: Sequence[Setup], around: Surroundings, beside: ThreadPoolExecutor) -> Facts:
    """First what depends on nothing, then what the cluster leads to, then what its subnets do. Only this thread waits."""
    arm = around.arm
    traces, queue = beside.submit(around.traces, setup.name), beside.submit(around.queue)
    neighbours = [beside.submit(read_neighbour, arm, other) for other in others]
    cluster = read_cluster(arm, setup.cluster_id) if setup.cluster_id else None
    kubernetes = beside.submit(_kubernetes, setup, cluster, around)
    group = _group_of(setup, cluster)
    interfaces = beside.submit(_interfaces, arm, cluster, group)
    subscriptions = beside.submit(read_subscriptions, arm, group) if group else None
    _ahead(arm, cluster, beside)
    subnets, unread_subnets = _subnets(arm, cluster, group)
    networks = beside.submit(_networks, arm, subnets)
    targets = targets_of(setup, subnets) if setup.mode == "udr" else ()
    tables = [beside.submit(read_table, arm, each) for each in targets]
    rights, locks = _rights(setup, targets, group, arm, beside)
    facts = Facts(setup, around.now, cluster, subnets=subnets, unread_subnets=unread_subnets)
    if setup.by_bgp:
        hub = beside.submit(read_hub, arm, setup, subnets)
        learning = learned_route_findings(arm, subnets, facts.pod_cidrs)
        facts = replace(facts, hub=hub.result(), learning=learning)
    nodes, cilium = kubernetes.result()
    found, hidden = networks.result()
    read_tables = tuple(each.result() for each in tables)
    return replace(
        facts,
        nodes=nodes,
        cilium=cilium,
        networks=found,
        unread_networks=hidden,
        tables=read_tables,
        limits=_limits(arm, read_tables),
        neighbours=tuple(each.result() for each in neighbours),
        interfaces=interfaces.result(),
        rights=tuple(each.result() for each in rights),
        locks={resource: each.result() for resource, each in locks.items()},
        subscriptions=subscriptions.result() if subscriptions else _unread_cluster(cluster),
        traces=traces.result(),
        queue=queue.result(),
    )


def _group_of(setup: Setup, cluster: ManagedCluster | Unknown | None) -> str:
    """The id of the node resource group; empty where it is not known."""
    if not isinstance(cluster, ManagedCluster) or setup.cluster_id is None:
        return ""
    return f"/subscriptions/{setup.cluster_id.split('/')[2]}/resourceGroups/{cluster.node_resource_group}"


def _unread_cluster(cluster: ManagedCluster | Unknown | None) -> Unknown | None:
    """Why nothing behind the cluster is known; None for one that is reached by a kubeconfig alone."""
    return cluster if isinstance(cluster, Unknown) else None


def _kubernetes(setup: Setup, cluster: ManagedCluster | Unknown | None, around: Surroundings) -> _Kubernetes:
    """Nodes and Cilium's configuration; nothing of a cluster that is stopped or goes, which is told as just that."""
    if isinstance(cluster, ManagedCluster) and (
        cluster.power_state == "stopped" or cluster.provisioning_state == "deleting"
    ):
        return None, None
    try:
        api_server = None
        if setup.cluster_id and not setup.kubeconfig:
            api_server = read_api_server(around.arm, setup.cluster_id)
        source = around.source(setup, api_server)
    except TargetError as error:
        unknown = unread(error, "where the API server is", ACTIONS[1], setup.cluster_id or "", where="the cluster")
        return unknown, unknown
    except AppError as error:
        return Unknown("the nodes", str(error)), Unknown("Cilium's configuration", str(error))
    return read_nodes(source), read_cilium(source)


def _interfaces(arm: ResourceManager, cluster: ManagedCluster | Unknown | None, group: str) -> _Interfaces:
    if not group:
        return _unread_cluster(cluster)
    sets, machines = read_scale_set_interfaces(arm, group), read_machine_interfaces(arm, group)
    if isinstance(sets, Unknown):
        return sets
    return machines if isinstance(machines, Unknown) else (*sets, *machines)


def _ahead(arm: ResourceManager, cluster: ManagedCluster | Unknown | None, beside: ThreadPoolExecutor) -> None:
    """Ask for subnets and networks side by side: whoever needs them one after the other finds them answered."""
    if isinstance(cluster, ManagedCluster):
        subnets = {each for each in cluster.subnet_of_pool.values() if each}
        for path in subnets | {network_of(each) for each in subnets}:
            beside.submit(arm.get, path, api_version=NETWORK_API_VERSION)


def _subnets(
    arm: ResourceManager, cluster: ManagedCluster | Unknown | None, group: str
) -> tuple[tuple[PoolSubnet, ...], tuple[Finding, ...]]:
    if not isinstance(cluster, ManagedCluster):
        return (), ()
    return read_pool_subnets(arm, cluster.subnet_of_pool, group, tolerant=True)


def _networks(arm: ResourceManager, subnets: Iterable[PoolSubnet]) -> _Networks:
    """Each on its own, so that a failure hides no other network."""
    found: dict[str, VirtualNetwork] = {}
    hidden: list[Finding] = []
    for network_id in sorted({network_of(each.id) for each in subnets}):
        try:
            networks, findings = read_virtual_networks(arm, [network_id])
        except TargetError as error:
            hidden.append(Finding(Severity.WARNING, "networkUnreadable", str(error), network_id))
        else:
            found |= networks
            hidden += findings
    return found, tuple(hidden)


def _rights(
    setup: Setup, targets: tuple[str, ...], group: str, arm: ResourceManager, beside: ThreadPoolExecutor
) -> tuple[list[Future[Held]], dict[str, Future[tuple[Lock, ...] | Unknown]]]:
    """Permissions wherever some are needed, locks wherever something else is done than a GET."""
    needed = needs(setup, targets, group)
    rights = [
        beside.submit(read_rights, arm, resource, actions, essential=essential)
        for resource, actions, essential in needed
    ]
    acted_on = [resource for resource, actions, essential in needed if essential and len(actions) > 1]
    locks = {resource: beside.submit(read_locks, arm, resource) for resource in acted_on}
    return rights, locks


def _limits(arm: ResourceManager, tables: Iterable[Table | Unknown]) -> Mapping[str, int | Unknown]:
    known = [each for each in tables if isinstance(each, Table)]
    return {limit_key(each): read_limit(arm, each.id.split("/")[2], each.location) for each in known}
