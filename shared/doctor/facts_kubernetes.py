"""Reads the nodes and Cilium's configuration through what serves passes, too: `sources.kubernetes`."""

from collections.abc import Mapping
from typing import Protocol

from shared.cilium import CiliumConfig, parse
from shared.doctor.unknown import Unknown
from shared.errors import AppError
from shared.models import Reading
from shared.sources.cilium_config import NAME, NAMESPACE, Cause, Unreadable
from shared.sources.failures import AnswerError

CONFIG_PERMISSION = f"get on configmap {NAMESPACE}/{NAME} (infra/kubernetes/reader.yaml has a role for it)"
NODES_PERMISSION = (
    "get, list and watch on nodes and ciliumnodes.cilium.io (infra/kubernetes/reader.yaml), or with Azure RBAC the data actions "
    "Microsoft.ContainerService/managedClusters/nodes/read and …/customresources/read"
)


class Source(Protocol):
    """Fits `KubernetesSource`, which has no way to write."""

    def read(self) -> Reading:
        """All nodes, or an AppError."""
        ...

    def cilium_config(self) -> Mapping[str, str] | Unreadable:
        """The entries of Cilium's ConfigMap."""
        ...


def read_nodes(source: Source) -> Reading | Unknown:
    """Raises nothing for what an API server may answer."""
    try:
        return source.read()
    except AppError as error:
        denied = isinstance(error, AnswerError) and error.status == 403
        return Unknown("the nodes", str(error), NODES_PERMISSION if denied else "")


def read_cilium(source: Source) -> CiliumConfig | Unknown:
    """Raises nothing."""
    found = source.cilium_config()
    if isinstance(found, Unreadable):
        permission = CONFIG_PERMISSION if found.cause is Cause.FORBIDDEN else ""
        return Unknown(f"configmap {NAMESPACE}/{NAME}", found.message, permission, resource=f"{NAMESPACE}/{NAME}")
    return parse(found)
