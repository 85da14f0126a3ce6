"""All nodes of a cluster for as long as somebody stays with them: listed once, then kept up to date by two watches.

Fits `reconcile.NodeSource`, and can be waited on. How one resource is watched is told in `watching`, how long changes are
gathered in `gathering`; when to make a pass is the caller's.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Self

from shared.errors import AppError
from shared.models import Reading
from shared.sources.api_server import ApiServer
from shared.sources.objects import CiliumNodeObject, NodeObject, PodCidrSource, merge
from shared.sources.watching import Desk, Feed, Followed

_Feeds = tuple[Feed[NodeObject] | Feed[CiliumNodeObject], ...]


class Following:
    """The nodes of one cluster, followed. Use as a context manager, from one thread at a time.

    Whose pod CIDRs count is decided by the first list and stays so. The rule that keeps a broken watch from costing a
    route: `read` answers from memory only what a watch vouches for (see `held.Held`), and lists everything else anew.
    """

    def __init__(
        self,
        api: ApiServer,
        nodes: Followed[NodeObject],
        cilium_nodes: Followed[CiliumNodeObject],
        pod_cidr_source: PodCidrSource,
        *,
        clock: Callable[[], float],
    ) -> None:
        """`clock` counts seconds and never goes back."""
        self._desk = Desk(clock)
        self._nodes = Feed(nodes, api, self._desk)
        self._cilium_nodes = Feed(cilium_nodes, api, self._desk)
        self._feeds: _Feeds = (self._nodes, self._cilium_nodes)
        self._pod_cidr_source = pod_cidr_source

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        """End the watches and wait for their threads, whatever has happened before."""
        with self._desk.condition:
            self._desk.stopping = True
            self._desk.condition.notify_all()
        for feed in self._feeds:
            feed.hang_up()
        for feed in self._feeds:
            feed.join()

    def read(self) -> Reading:
        """All nodes as they are now: from memory, without a request, as long as the watches vouch for it.

        What they do not vouch for is listed anew, at first both Nodes and CiliumNodes. Raises SourceError where such a
        list cannot be had in full; what is held stays as it was, and the next call tries again. RuntimeError after the
        context was left.
        """
        with self._desk.condition:
            if self._desk.stopping:
                raise RuntimeError("the nodes are no longer followed")
            doubtful = [feed for feed in self._feeds if not feed.trusted]
        installs = _side_by_side([feed.fetch for feed in doubtful]) if doubtful else []
        with self._desk.condition:
            for install in installs:
                install()
            self._desk.changes.clear()
            nodes, cilium_nodes = self._nodes.objects, self._cilium_nodes.objects
        return merge(nodes or (), cilium_nodes, self._pod_cidr_source)

    def wait(self, seconds: float) -> bool:
        """Wait for a change that matters since the last `read`: a pod CIDR, an InternalIP, a node that comes, goes or is to go.

        Where peers are chosen among the nodes, also whether a node may peer, its zone and how many pods it takes. True once
        there was one and what came with it was gathered (`gathering.GATHER_SECONDS`), also where it came before
        the call. False after `seconds` without. True after `seconds` as well where it cannot be known, because a watch is
        broken just then: `read` finds out, or fails. Raises nothing: a list that a watch needs in order to go on is made
        here, and tried again where it fails; only such a list lets the call take longer than `seconds`.
        """
        desk = self._desk
        deadline = desk.clock() + seconds
        while True:
            with desk.condition:
                now = desk.clock()
                ready = desk.changes.ready_at
                if ready is not None and now >= ready:
                    return True
                if ready is None and now >= deadline:
                    return not all(feed.trusted for feed in self._feeds)
                due = {feed: at for feed in self._feeds if (at := feed.list_due) is not None} if ready is None else {}
                lost = [feed for feed, at in due.items() if at <= now]
                if not lost:
                    desk.condition.wait((min([deadline, *due.values()]) if ready is None else ready) - now)
            for feed in lost:
                self._list_anew(feed)

    def _list_anew(self, feed: Feed[NodeObject] | Feed[CiliumNodeObject]) -> None:
        """Whatever differs from what was held is a change: it happened while no watch could tell."""
        try:
            install = feed.fetch()
        except AppError:
            with self._desk.condition:
                feed.list_failed()
            return
        with self._desk.condition:
            if install():
                self._desk.changes.note(self._desk.clock())


def _side_by_side(fetches: list[Callable[[], Callable[[], bool]]]) -> list[Callable[[], bool]]:
    with ThreadPoolExecutor(max_workers=len(fetches), thread_name_prefix="lists") as beside:
        return [future.result() for future in [beside.submit(fetch) for fetch in fetches]]
