"""The resources this API serves: Node, CiliumNode and ConfigMap. Their names and shapes, not their contents."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Resource:
    """One served resource."""

    kind: str
    plural: str
    singular: str
    group: str
    version: str
    short_names: tuple[str, ...]
    custom: bool
    """Defined by a CustomResourceDefinition: encoded with sorted keys, its list items carry kind and apiVersion."""
    namespaced: bool = False
    zero: Mapping[str, Any] = field(default_factory=dict, hash=False)
    """What a bookmark's object holds beside its resourceVersion (facts: recorded, zero values for a built-in kind)."""

    @property
    def api_version(self) -> str:
        """`v1` or `group/version`, as objects carry it."""
        return f"{self.group}/{self.version}" if self.group else self.version

    @property
    def qualified(self) -> str:
        """`nodes` or `plural.group`, as error messages name it."""
        return f"{self.plural}.{self.group}" if self.group else self.plural

    @property
    def path(self) -> str:
        """Where its collection is served, over all namespaces."""
        return f"/apis/{self.api_version}/{self.plural}" if self.group else f"/api/{self.version}/{self.plural}"


NODES = Resource(
    kind="Node",
    plural="nodes",
    singular="node",
    group="",
    version="v1",
    short_names=("no",),
    custom=False,
    zero={
        "spec": {},
        "status": {
            "daemonEndpoints": {"kubeletEndpoint": {"Port": 0}},
            "nodeInfo": dict.fromkeys(
                (
                    "machineID",
                    "systemUUID",
                    "bootID",
                    "kernelVersion",
                    "osImage",
                    "containerRuntimeVersion",
                    "kubeletVersion",
                    "kubeProxyVersion",
                    "operatingSystem",
                    "architecture",
                ),
                "",
            ),
        },
    },
)

CILIUM_NODES = Resource(
    kind="CiliumNode",
    plural="ciliumnodes",
    singular="ciliumnode",
    group="cilium.io",
    version="v2",
    short_names=("cn", "ciliumn"),
    custom=True,
)

CONFIG_MAPS = Resource(
    kind="ConfigMap",
    plural="configmaps",
    singular="configmap",
    group="",
    version="v1",
    short_names=("cm",),
    custom=False,
    namespaced=True,
)

RESOURCES = (NODES, CILIUM_NODES, CONFIG_MAPS)


def by_kind(kind: str) -> Resource:
    """The resource of a kind; ValueError for a kind that is not served."""
    for resource in RESOURCES:
        if resource.kind == kind:
            return resource
    raise ValueError(f"kind {kind!r} is not served here; served are {', '.join(r.kind for r in RESOURCES)}")


def by_plural(plural: str) -> Resource:
    """The resource of a plural, as rights name it; ValueError for one that is not served."""
    for resource in RESOURCES:
        if resource.plural == plural:
            return resource
    raise ValueError(f"resource {plural!r} is not served here; served are {', '.join(r.plural for r in RESOURCES)}")
