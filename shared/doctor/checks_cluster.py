"""Is the cluster one of those this app is for, does it run, can its nodes be read. The rules for its kind: `shared.discovery`."""

from collections.abc import Iterator

from shared.discovery import obstacles
from shared.doctor.check import Check, Topic, parted
from shared.doctor.facts import Facts
from shared.doctor.unknown import Unknown

STATE = Topic("clusterState", "The cluster runs")
PLUGIN = Topic("networkPlugin", "The cluster brings its own CNI")
API = Topic("nodesReadable", "The nodes can be read")

_STATES = {"clusterBeingDeleted", "clusterStopped"}
_PLUGINS = {"otherNetworkPlugin", "azureCniPoweredByCilium"}


def cluster_checks(facts: Facts) -> Iterator[Check]:
    """Of a cluster that is reached by a kubeconfig alone, only whether its nodes can be read."""
    match facts.cluster:
        case None:
            pass
        case Unknown():
            yield STATE.unknown(facts.cluster)
            yield PLUGIN.unknown(facts.cluster)
        case cluster:
            cluster_id = facts.setup.cluster_id or ""
            found = {each.code: each for each in obstacles(cluster, cluster_id)}
            for code in _STATES & found.keys():
                yield STATE.problem(*parted(found[code].refusal), cluster_id)
            if cluster.provisioning_state == "failed":
                yield STATE.warning(
                    "it runs, but the last operation on it failed (provisioningState Failed)",
                    "see the activity log of the cluster and repeat the operation",
                    cluster_id,
                )
            elif not _STATES & found.keys():
                yield STATE.ok(
                    f"it is {cluster.power_state or 'running'}, provisioningState {cluster.provisioning_state}"
                )
            for code in _PLUGINS & found.keys():
                if facts.setup.mode == "observe":  # which is there to tell about any cluster
                    yield PLUGIN.ok(found[code].finding, cluster_id)
                else:
                    yield PLUGIN.problem(*parted(found[code].refusal), cluster_id)
            if not _PLUGINS & found.keys():
                yield PLUGIN.ok("its network plugin is none")
    yield from _nodes(facts)


def _nodes(facts: Facts) -> Iterator[Check]:
    match facts.nodes:
        case None:
            pass
        case Unknown() as unknown if unknown.permission:
            yield API.unknown(unknown)
        case Unknown(reason=reason):
            yield API.problem(*parted(reason))
        case reading:
            yield API.ok(f"{len(reading.nodes)} nodes were read from the API server")
