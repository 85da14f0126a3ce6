"""One line of a watch, understood: what is there, what is gone, how far the watch has come. Pure.

Nothing but the few fields of `objects` is built; the rest of a line, 17 KB for a Node, is only skipped over (25 µs).
Lines: https://kubernetes.io/docs/reference/using-api/api-concepts/#efficient-detection-of-changes
"""

from dataclasses import dataclass
from typing import Annotated, Generic, Literal, TypeVar, assert_never

import msgspec

from shared import shapes
from shared.sources.objects import CiliumNodeObject, NodeObject

T = TypeVar("T", bound=NodeObject | CiliumNodeObject)


class LostPlaceError(Exception):
    """What happened since cannot be had from this watch: it expired (410), or it sends what nobody can understand."""


@dataclass(frozen=True, slots=True)
class Present(Generic[T]):
    """The object is there and looks like this; whether it did before is not told (ADDED, MODIFIED)."""

    revision: str
    object: T


@dataclass(frozen=True, slots=True)
class Absent:
    """The object of that name is gone. The revision is that of its removal (facts: recorded)."""

    revision: str
    name: str


@dataclass(frozen=True, slots=True)
class Bookmark:
    """Everything up to `revision` has been told."""

    revision: str


class _Line(msgspec.Struct, frozen=True):
    type: Literal["ADDED", "MODIFIED", "DELETED", "BOOKMARK", "ERROR"]
    object: msgspec.Raw


class _Metadata(msgspec.Struct, frozen=True):
    revision: Annotated[str, msgspec.Meta(min_length=1)] = msgspec.field(name="resourceVersion")


class _Versioned(msgspec.Struct, frozen=True):
    """What every object of a watch has; a bookmark's has nothing else that means anything (facts: recorded)."""

    kind: str
    metadata: _Metadata


def decode(line: bytes, kind: str, type_: type[T]) -> Present[T] | Absent | Bookmark:
    """The event in `line`, of a watch that sends objects of `kind`.

    Raises LostPlaceError for an ERROR, whatever its code, and for anything else than such an event: to pass over a
    line could mean to miss a change, a new list misses none.
    """
    try:
        event = shapes.decode(line, _Line)
        if event.type == "ERROR":
            raise LostPlaceError
        versioned = shapes.decode(event.object, _Versioned)
        if versioned.kind != kind:
            raise LostPlaceError
        revision = versioned.metadata.revision
        match event.type:
            case "BOOKMARK":
                return Bookmark(revision)
            case "ADDED" | "MODIFIED":
                return Present(revision, shapes.decode(event.object, type_))
            case "DELETED":
                return Absent(revision, shapes.decode(event.object, type_).metadata.name)
            case _ as never:
                assert_never(never)
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise LostPlaceError from None
