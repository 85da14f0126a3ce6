"""One stored state of one object, encoded once. No history, no requests."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sandbox.kubernetes_api.kinds import Resource

_METADATA_ORDER = (
    "name",
    "namespace",
    "uid",
    "resourceVersion",
    "generation",
    "creationTimestamp",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
    "labels",
    "annotations",
    "ownerReferences",
    "finalizers",
    "managedFields",
)
"""The order in which the server writes a built-in kind's metadata; what is not listed comes last."""


@dataclass(frozen=True, slots=True)
class Entry:
    """An object as it was at `revision`. Treat `object` as read-only."""

    name: str
    revision: int
    object: Mapping[str, Any]
    full: bytes
    """JSON with kind and apiVersion, as GET and WATCH send it."""
    listed: bytes
    """JSON as an item of a list: built-in kinds leave kind and apiVersion out (facts: recorded)."""

    @property
    def metadata(self) -> Mapping[str, Any]:
        """The object's metadata."""
        metadata: Mapping[str, Any] = self.object["metadata"]
        return metadata

    @property
    def namespace(self) -> str:
        """Empty for what belongs to the whole cluster."""
        return str(self.metadata.get("namespace", ""))

    @property
    def key(self) -> str:
        """Unique among the objects of a resource, and what lists are ordered by."""
        return key_of(self.metadata)

    @property
    def labels(self) -> Mapping[str, str]:
        """The object's labels, empty when it has none."""
        return self.metadata.get("labels") or {}


def key_of(metadata: Mapping[str, Any]) -> str:
    """`name`, or `namespace/name` for an object in a namespace."""
    return f"{metadata['namespace']}/{metadata['name']}" if metadata.get("namespace") else str(metadata["name"])


def encode(body: Any, *, sort_keys: bool = False) -> bytes:
    """Compact JSON, as the real server writes it."""
    return json.dumps(body, separators=(",", ":"), ensure_ascii=False, sort_keys=sort_keys).encode()


def entry_of(resource: Resource, body: Mapping[str, Any], revision: int) -> Entry:
    """The entry for an object whose metadata is complete but for its resourceVersion, which becomes `revision`."""
    rest = {key: value for key, value in body.items() if key not in {"kind", "apiVersion", "metadata"}}
    metadata = dict(sorted({**body["metadata"], "resourceVersion": str(revision)}.items(), key=_metadata_rank))
    whole = {"kind": resource.kind, "apiVersion": resource.api_version, "metadata": metadata, **rest}
    full = encode(whole, sort_keys=resource.custom)
    listed = full if resource.custom else encode({"metadata": metadata, **rest})
    return Entry(metadata["name"], revision, whole, full, listed)


def _metadata_rank(field: tuple[str, Any]) -> int:
    return _METADATA_ORDER.index(field[0]) if field[0] in _METADATA_ORDER else len(_METADATA_ORDER)
