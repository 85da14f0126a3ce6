"""Reads the ConfigMap with Cilium's configuration, or says why it cannot. What it means is told in `shared.cilium`.

Nobody's pass depends on it: a cluster that hides it is served all the same. So nothing is raised here.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from http import HTTPStatus
from typing import Literal

import msgspec

from shared import shapes
from shared.errors import AppError
from shared.models import Finding, Severity
from shared.sources.api_server import ApiServer
from shared.sources.failures import refusal

NAMESPACE, NAME = "kube-system", "cilium-config"
PATH = f"/api/v1/namespaces/{NAMESPACE}/configmaps/{NAME}"
"""Where Cilium's Helm chart and AKS put it: install/kubernetes/cilium/templates/cilium-configmap.yaml in cilium/cilium."""

_PERMISSION = (
    f"the app's identity get on configmap {NAME} in namespace {NAMESPACE} (infra/kubernetes/reader.yaml has a role for it), or "
    "with Azure RBAC the data action Microsoft.ContainerService/managedClusters/configmaps/read"
)
_ABSENCE = f"is Cilium installed in another namespace than {NAMESPACE}, or not at all?"


class Cause(StrEnum):
    """Why there is nothing to read."""

    ABSENT = "absent"
    FORBIDDEN = "forbidden"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Unreadable:
    """Cilium's configuration is not known. `message` is a sentence with the way out."""

    cause: Cause
    message: str

    @property
    def finding(self) -> Finding:
        """The same for a report."""
        return Finding(Severity.WARNING, "ciliumConfigUnreadable", self.message, f"{NAMESPACE}/{NAME}")


class _ConfigMap(msgspec.Struct, frozen=True):
    """A `v1` ConfigMap; one without entries has no `data`."""

    kind: Literal["ConfigMap"]
    data: dict[str, str] = msgspec.field(default_factory=dict)


def read_cilium_config(api: ApiServer) -> Mapping[str, str] | Unreadable:
    """The entries of the ConfigMap as they are written. Raises nothing.

    Authorization comes before the look-up, so a 404 means that it may be read and is not there.
    """
    try:
        answer = api.get(PATH)
    except AppError as error:
        return Unreadable(Cause.FAILED, str(error))
    what = f"configmap {NAMESPACE}/{NAME}"
    if answer.status != HTTPStatus.OK:
        causes: dict[int, Cause] = {HTTPStatus.NOT_FOUND: Cause.ABSENT, HTTPStatus.FORBIDDEN: Cause.FORBIDDEN}
        sentence = refusal(what, answer.status, answer.body, permission=_PERMISSION, absence=_ABSENCE, act="read")
        return Unreadable(causes.get(answer.status, Cause.FAILED), sentence)
    try:
        return shapes.decode(answer.body, _ConfigMap).data
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        size = len(answer.body)
        return Unreadable(Cause.FAILED, f"cannot read {what}: {size} bytes are not what an API server sends: {error}")
