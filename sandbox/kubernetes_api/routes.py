"""Reads a request line the way the API server's authorisation does: which verb, on which resource."""

from collections.abc import Mapping
from dataclasses import dataclass

from sandbox.kubernetes_api.kinds import RESOURCES, Resource
from sandbox.kubernetes_api.options import is_set

_VERBS = {"POST": "create", "PUT": "update", "PATCH": "patch"}


@dataclass(frozen=True, slots=True)
class Target:
    """What a request is about. `plural` is empty where the path is no resource."""

    verb: str
    path: str
    group: str = ""
    version: str = ""
    plural: str = ""
    name: str = ""
    namespace: str = ""
    """Empty for what has none, and for a list over all namespaces."""

    def resource(self) -> Resource | None:
        """The served resource, or None."""
        for resource in RESOURCES:
            if (resource.group, resource.version, resource.plural) == (self.group, self.version, self.plural):
                return resource
        return None


def target_of(method: str, path: str, query: Mapping[str, str]) -> Target:
    """The target of a request."""
    namespace = ""
    match path.strip("/").split("/"):
        case ["api", version, "namespaces", namespace, plural, *rest]:
            group = ""
        case ["api", version, plural, *rest]:
            group = ""
        case ["apis", group, version, plural, *rest]:
            pass
        case _:
            return Target(method.lower(), path)
    return Target(_verb(method, query, named=bool(rest)), path, group, version, plural, "/".join(rest), namespace)


def _verb(method: str, query: Mapping[str, str], *, named: bool) -> str:
    if method == "DELETE":
        return "delete" if named else "deletecollection"
    if method in _VERBS:
        return _VERBS[method]
    if named:
        return "get"
    return "watch" if is_set(query, "watch") else "list"
