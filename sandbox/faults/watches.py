"""Watches of the API server that begin well and then go wrong, those that are open already among them."""

from sandbox.endpoint import Undo
from sandbox.faults.fault import Ground
from sandbox.faults.strikes import Strikes
from sandbox.kubernetes_api.watches import Cut, Handle


def silent(ground: Ground, strikes: Strikes, *, path: str = "") -> Undo:
    """A watch sends nothing any more, neither changes nor bookmarks nor its end; when the fault ends, it is broken off.

    So it is where something in between has forgotten the connection: nobody hears, until somebody sends.
    """
    watches = ground.cloud.kubernetes.watches
    silenced: list[Handle] = []

    def decide(handle: Handle) -> None:
        if path in handle.resource.path and strikes():
            handle.silent = True
            silenced.append(handle)

    undo = watches.whenever(decide)

    def off() -> None:
        undo()
        for handle in silenced:
            handle.cut = Cut(clean=False)
        ground.cloud.kubernetes.tick()

    return off


def dropped(ground: Ground, strikes: Strikes, *, path: str = "") -> Undo:
    """Every watch breaks off, and so does each new one as soon as it has begun."""

    def decide(handle: Handle) -> None:
        if path in handle.resource.path and strikes():
            handle.cut = Cut(clean=False)

    return ground.cloud.kubernetes.watches.whenever(decide)
