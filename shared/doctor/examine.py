"""Examines clusters: gathers the facts about each and has them judged. The one door to this package for whoever wires it."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import Protocol

from shared.config import Cluster, RouteServerRouting, VirtualWanRouting
from shared.doctor.check import Examination
from shared.doctor.checks import judge
from shared.doctor.facts import Queue, Setup, Traces
from shared.doctor.facts_kubernetes import Source
from shared.doctor.gathering import Surroundings, gather
from shared.doctor.read_only import ReadOnly
from shared.doctor.setups import setup_of
from shared.doctor.unknown import Unknown
from shared.errors import RefusedError
from shared.kubeconfig import Cluster as ApiServer
from shared.resource_manager import ResourceManager
from shared.sources.kubernetes import KubernetesSource

CLUSTERS_AT_ONCE = 4


class Storage(Protocol):
    """Fits `facts_storage.Storage`."""

    def traces(self, cluster: str) -> Traces | Unknown:
        """What the app left about a cluster."""
        ...

    def queue(self) -> Queue | Unknown:
        """The wake-ups of all clusters."""
        ...


def examine(
    clusters: Sequence[Cluster],
    configured: Sequence[Cluster],
    *,
    arm: ResourceManager,
    token: Callable[[], str],
    storage: Storage,
    now: datetime,
) -> tuple[Examination, ...]:
    """Each of `clusters`, side by side, among all that are `configured`. Raises nothing for what could not be read.

    Nothing is written, by construction: of `arm` only GET and listClusterUserCredential are used. `token` is for the API
    servers, `now` is in UTC. What several clusters share is read once.
    """
    setups = {each.name: setup_of(each) for each in configured}
    by_name = {each.name: each for each in configured}

    def source(setup: Setup, api_server: ApiServer | None) -> Source:
        return _source(by_name[setup.name], api_server, token)

    def examined(cluster: Cluster) -> Examination:
        others = [setup for name, setup in setups.items() if name != cluster.name]
        setup = setups[cluster.name]
        return Examination(cluster.name, setup.mode, judge(gather(setup, others, around)))

    with ThreadPoolExecutor(max_workers=CLUSTERS_AT_ONCE, thread_name_prefix="doctor") as side_by_side:
        queue = side_by_side.submit(storage.queue)
        around = Surroundings(ReadOnly(arm), source, storage.traces, queue.result, now)
        return tuple(side_by_side.map(examined, clusters))


def _source(cluster: Cluster, api_server: ApiServer | None, token: Callable[[], str]) -> Source:
    """As for a pass, labels of peers included."""
    routing = cluster.routing
    selector = routing.peers.node_selector if isinstance(routing, RouteServerRouting | VirtualWanRouting) else None
    if cluster.kubeconfig:
        return KubernetesSource.from_kubeconfig(
            cluster.kubeconfig, pod_cidr_source=cluster.pod_cidr_source, peer_selector=selector
        )
    if api_server is None:
        raise RefusedError("the cluster has neither an API server nor a kubeconfig")
    return KubernetesSource.connect(
        api_server.server,
        api_server.ca_pem,
        token,
        pod_cidr_source=cluster.pod_cidr_source,
        peer_selector=selector,
    )
