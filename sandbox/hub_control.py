"""The part of the remote control that is about a Route Server: who peers, what it learned, which nodes carry the label."""

from aiohttp import web

from sandbox.cluster import PEER_LABEL, POOLS, scale_event
from sandbox.control_words import number
from sandbox.hub import REFLECTORS, RouteServer
from sandbox.world import World


class HubControl:
    """What a person may ask of a hub and do to its peers' nodes. Nodes announce their pod CIDRs as soon as they have the label."""

    def __init__(self, world: World, hub: RouteServer) -> None:
        self._world, self._hub = world, hub
        for name in world.cluster.labelled():
            hub.speak(name)

    def peers(self, _: web.Request) -> str:
        """Every connection, and what the hub learned over it."""
        names = {self._world.cluster.address(name): name for name in self._world.cluster.nodes}
        names |= dict.fromkeys(REFLECTORS, "reflector")
        learned = self._hub.learned()
        lines = [
            f"{address}  AS {asn}  {names.get(address, 'nobody')}\n{_listed(learned.get(address, {}))}".rstrip()
            for address, asn in self._hub.peers().items()
        ]
        return "\n".join(lines) or "rs-shop has no peer yet"

    def label(self, request: web.Request) -> str:
        """The next nodes of a pool get the label, or the last ones lose it; the timer will see."""
        pool, by = request.query.get("pool", "apps"), number(request, "by", 1)
        if pool not in {each.name for each in POOLS}:
            raise ValueError(f"pool {pool!r}: there are {', '.join(each.name for each in POOLS)}")
        cluster = self._world.cluster
        labelled = [name for name in cluster.labelled() if f"-{pool}-" in name]
        if by < 0:
            cluster.unlabel(labelled[by:])
            return f"{len(labelled[by:])} node(s) of {pool} lose the label {PEER_LABEL}; the timer will see"
        fresh = [name for name in cluster.nodes if f"-{pool}-" in name and name not in labelled][:by]
        self._join(fresh)
        return f"{len(fresh)} node(s) of {pool} get the label {PEER_LABEL}; the timer will see"

    def replace(self, request: web.Request) -> str:
        """A labelled node goes and another one comes in its place, with an event."""
        cluster = self._world.cluster
        labelled = cluster.labelled()
        old = request.query.get("node") or next(iter(labelled), "")
        if old not in labelled:
            raise ValueError(f"node {old!r}: those with the label are {', '.join(labelled) or 'none, label one first'}")
        pool = next(each.name for each in POOLS if f"-{each.name}-" in old)
        new = cluster.add(pool)
        self._join(new)
        cluster.remove([old])
        self._world.host.send_event("on_scale_event", scale_event(pool, "write"))
        return f"{new[0]} replaces {old}; the event is out"

    def _join(self, names: list[str]) -> None:
        for name in names:
            self._hub.speak(name)
        self._world.cluster.label(names)


def _listed(routes: dict[str, str]) -> str:
    return "".join(f"  {prefix:<18} via {hop}\n" for prefix, hop in routes.items())
