"""Turns objects, pages and watch events into the JSON a client asked for."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from sandbox.kubernetes_api.entries import Entry, encode
from sandbox.kubernetes_api.kinds import Resource
from sandbox.kubernetes_api.lists import Page
from sandbox.kubernetes_api.media import Form
from sandbox.kubernetes_api.tables import cells_of, columns_of

META = "meta.k8s.io/v1"


@dataclass(frozen=True, slots=True)
class Rendering:
    """How to write a resource. `now` is the wall-clock time for ages; `include` is a Table's `includeObject`."""

    resource: Resource
    form: Form
    include: str
    now: float

    def one(self, entry: Entry, *, headers: bool = True) -> bytes:
        """A single object. In a watch only the first Table carries its column definitions (`headers`)."""
        match self.form:
            case Form.OBJECT:
                return entry.full
            case Form.METADATA:
                return encode(_partial(entry.metadata))
            case Form.TABLE:
                metadata = {"resourceVersion": str(entry.revision)}
                return self._table(metadata, [entry], headers=headers)

    def many(self, page: Page) -> bytes:
        """A page of a list, with the newline that Go's JSON encoder ends with (recorded lengths count it)."""
        metadata: dict[str, Any] = {"resourceVersion": str(page.revision)}
        if page.token:
            metadata["continue"] = page.token
        if page.remaining is not None:
            metadata["remainingItemCount"] = page.remaining
        match self.form:
            case Form.OBJECT:
                return self._list(metadata, page)
            case Form.METADATA:
                items = [_partial(entry.metadata) for entry in page.entries]
                kind = "PartialObjectMetadataList"
                return encode({"kind": kind, "apiVersion": META, "metadata": metadata, "items": items}) + b"\n"
            case Form.TABLE:
                return self._table(metadata, page.entries, headers=True) + b"\n"

    def bookmark(self, revision: int, annotations: Mapping[str, str]) -> bytes:
        """The object of a BOOKMARK event: no more than a revision."""
        noted = {"annotations": annotations} if annotations else {}
        metadata = {"resourceVersion": str(revision), **noted}
        if self.form is Form.METADATA:
            return encode(_partial(metadata))
        if self.form is Form.TABLE:
            # Not recorded: a table without rows.
            return self._table(metadata, (), headers=False)
        kind = {"kind": self.resource.kind, "apiVersion": self.resource.api_version}
        return encode({**kind, "metadata": metadata, **self.resource.zero}, sort_keys=self.resource.custom)

    def _list(self, metadata: Mapping[str, Any], page: Page) -> bytes:
        items = b",".join(entry.listed for entry in page.entries)
        kind, version = encode(f"{self.resource.kind}List"), encode(self.resource.api_version)
        if self.resource.custom:
            # A custom resource's list always prints `continue` (facts: recorded).
            shown = encode({"continue": "", **metadata}, sort_keys=True)
            return b'{"apiVersion":%b,"items":[%b],"kind":%b,"metadata":%b}\n' % (version, items, kind, shown)
        shown = encode(metadata)
        return b'{"kind":%b,"apiVersion":%b,"metadata":%b,"items":[%b]}\n' % (kind, version, shown, items)

    def _table(self, metadata: Mapping[str, Any], entries: Iterable[Entry], *, headers: bool) -> bytes:
        columns = [column.definition() for column in columns_of(self.resource)] if headers else []
        rows = [
            {"cells": cells_of(self.resource, entry, self.now), "object": self._included(entry)} for entry in entries
        ]
        head = {"kind": "Table", "apiVersion": META, "metadata": metadata}
        return encode({**head, "columnDefinitions": columns, "rows": rows})

    def _included(self, entry: Entry) -> Any:
        match self.include:
            case "None":
                return None
            case "Object":
                return entry.object
            case _:
                return _partial(entry.metadata)


def event_line(kind: str, body: bytes) -> bytes:
    """One line of a watch."""
    return b'{"type":"%b","object":%b}\n' % (kind.encode(), body)


def _partial(metadata: Mapping[str, Any]) -> dict[str, Any]:
    return {"kind": "PartialObjectMetadata", "apiVersion": META, "metadata": metadata}
