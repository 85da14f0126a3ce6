"""The objects of one resource as they are held in memory, and how far they can be relied on. No requests, no threads, no clock."""

from collections.abc import Callable
from typing import Generic, TypeVar, assert_never

from shared.sources.objects import CiliumNodeObject, Listing, NodeObject
from shared.sources.watch_events import Absent, Bookmark, Present

T = TypeVar("T", bound=NodeObject | CiliumNodeObject)


class Held(Generic[T]):
    """Begins with nothing, which is not to be trusted.

    The rule of trust: what is held may be read while a watch tells what changes in it, and for the moment between a list
    or a watch that ended as it should and the next watch. In every other case it is listed anew before it is read.
    """

    def __init__(self, essence: Callable[[T], T]) -> None:
        """`essence` takes from an object what does not matter; two objects are the same where their essences are."""
        self.generation = 0
        """How often it was listed. Events of a watch that began before the last list are older than what is held."""
        self.revision: str | None = None
        """Where the next watch begins; None where only a new list can tell."""
        self.trusted = False
        self._essence = essence
        self._objects: dict[str, T] = {}

    @property
    def objects(self) -> tuple[T, ...]:
        """What is held, in no particular order."""
        return tuple(self._objects.values())

    def install(self, listing: Listing[T]) -> bool:
        """Hold what was listed, instead of everything before; whether that makes a difference."""
        objects = {item.metadata.name: self._essence(item) for item in listing.items}
        changed = objects != self._objects
        self._objects = objects
        self.revision = listing.revision
        self.generation += 1
        return changed

    def apply(self, event: Present[T] | Absent | Bookmark) -> bool:
        """Take over what a watch tells; whether that makes a difference."""
        self.revision = event.revision
        match event:
            case Bookmark():
                return False
            case Absent(name=name):
                return self._objects.pop(name, None) is not None
            case Present():
                item = self._essence(event.object)
                name = item.metadata.name
                changed = self._objects.get(name) != item
                self._objects[name] = item
                return changed
            case _ as never:
                assert_never(never)

    def lose_place(self) -> None:
        """A watch can no longer tell what happens; only a list can."""
        self.revision = None
        self.trusted = False
