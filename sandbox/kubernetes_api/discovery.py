"""What the API says about itself: versions, groups and resources. Enough for kubectl and every client library.

Shapes: https://kubernetes.io/docs/reference/using-api/api-concepts/#discovery-api (the unaggregated form, which
clients fall back to).
"""

from collections.abc import Mapping
from typing import Any

from sandbox.kubernetes_api.kinds import NODES, RESOURCES, Resource

VERSION = {
    "major": "1",
    "minor": "36",
    "emulationMajor": "1",
    "emulationMinor": "36",
    "minCompatibilityMajor": "1",
    "minCompatibilityMinor": "35",
    "gitVersion": "v1.36.2",
    "gitCommit": "0" * 40,
    "gitTreeState": "clean",
    "buildDate": "2026-11-01T00:00:00Z",
    "goVersion": "go1.26.6",
    "compiler": "gc",
    "platform": "linux/amd64",
}
"""A version as AKS would offer it; the behaviour was recorded from this one."""


def answer_to(path: str, *, custom: bool) -> Mapping[str, Any] | str | None:
    """The document at a path that is no resource, plain text for health, None where nothing is served.

    `custom` says whether the CustomResourceDefinition is installed.
    """
    resources = [resource for resource in RESOURCES if custom or not resource.custom]
    versions = {resource.api_version: resource.path.rpartition("/")[0] for resource in resources}
    groups = [_group(resource) for resource in resources if resource.group]
    documents: dict[str, Mapping[str, Any] | str] = {
        "/version": VERSION,
        "/healthz": "ok",
        "/livez": "ok",
        "/readyz": "ok",
        "/api": {"kind": "APIVersions", "versions": [NODES.version], "serverAddressByClientCIDRs": []},
        "/apis": {"kind": "APIGroupList", "apiVersion": "v1", "groups": groups},
        **{f"/apis/{group['name']}": {"kind": "APIGroup", "apiVersion": "v1", **group} for group in groups},
        **{
            path: _resources(version, [resource for resource in resources if resource.api_version == version])
            for version, path in versions.items()
        },
    }
    return documents.get(path.rstrip("/"))


def _group(resource: Resource) -> dict[str, Any]:
    version = {"groupVersion": resource.api_version, "version": resource.version}
    return {"name": resource.group, "versions": [version], "preferredVersion": version}


def _resources(version: str, resources: list[Resource]) -> dict[str, Any]:
    return {
        "kind": "APIResourceList",
        "apiVersion": "v1",
        "groupVersion": version,
        "resources": [
            {
                "name": resource.plural,
                "singularName": resource.singular,
                "namespaced": resource.namespaced,
                "kind": resource.kind,
                "verbs": ["delete", "get", "list", "watch"],
                "shortNames": list(resource.short_names),
            }
            for resource in resources
        ],
    }
