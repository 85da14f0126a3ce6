"""Where the machines of the configured clusters are: asked of Azure once per instance, since it never changes."""

import logging
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

from shared.config import Cluster
from shared.correlation import carrying
from shared.errors import TargetError

Place = tuple[str, str]
"""Subscription and node resource group."""

ASKED_AT_ONCE = 8

_log = logging.getLogger("aks_pod_routes")


class Places:
    """The places of all clusters. `locate` gives None for one that is no AKS cluster; it may raise TargetError."""

    def __init__(self, clusters: Sequence[Cluster], locate: Callable[[Cluster], Place | None]) -> None:
        self._clusters = clusters
        self._locate = locate
        self._known: dict[str, Place] = {}
        self._locating = threading.Lock()

    def of_all(self, *, in_doubt: Place) -> dict[str, Place]:
        """By name of the cluster.

        A needless wake-up is cheaper than a lost one: a cluster that cannot be located is taken to be where the event is,
        if its subscription is the event's.
        """
        with self._locating:  # events come side by side, and one of them is enough to ask
            unknown = [cluster for cluster in self._clusters if cluster.name not in self._known]
            with ThreadPoolExecutor(max_workers=ASKED_AT_ONCE, thread_name_prefix="locate") as side_by_side:
                located = list(side_by_side.map(carrying(self._try_to_locate), unknown))
            doubtful: dict[str, Place] = {}
            for cluster, place in zip(unknown, located, strict=True):
                if isinstance(place, TargetError):
                    _log.warning("%s: not located: %s", cluster.name, place)
                    if f"/{in_doubt[0]}/".lower() in (cluster.aks_cluster_id or "").lower():
                        doubtful[cluster.name] = in_doubt
                elif place is not None:
                    self._known[cluster.name] = place
            return self._known | doubtful

    def _try_to_locate(self, cluster: Cluster) -> Place | TargetError | None:
        try:
            return self._locate(cluster)
        except TargetError as error:
            return error
