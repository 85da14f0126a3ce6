"""The remote control of a running sandbox: plain HTTP for curl, to scale, break and watch it from another terminal."""

import asyncio
import threading
import time
from collections.abc import Callable, Mapping
from ipaddress import IPv4Address

from aiohttp import web

from sandbox.cluster import POOLS, scale_event, table_id
from sandbox.control_words import answering, number
from sandbox.fault_words import fault_lines, options_of
from sandbox.hub import RouteServer
from sandbox.hub_control import HubControl
from sandbox.narration import Routes, changed_routes
from sandbox.world import World

REGISTER_SECONDS = 3.0
"""From a scale operation's event to the node's registration; minutes in Azure."""
CIDR_SECONDS = 2.0
"""From a node's registration to its pod CIDR."""
TABLES = tuple(pool.table for pool in POOLS)


class Control:
    """What a person may do to a world."""

    def __init__(self, world: World, hub: RouteServer | None = None) -> None:
        self._world = world
        self._hub = hub

    def app(self) -> web.Application:
        """The HTTP application; every deed answers with a sentence, a wrong word with 400."""
        app = web.Application()
        app.router.add_get("/tables", self._tables)
        app.router.add_get("/watch", self._watch)
        app.router.add_get("/faults", self._faults)
        deeds: Mapping[str, Callable[[web.Request], str]] = {
            "/scale": self._scale,
            "/break": self._break,
            "/vanish": self._vanish,
            "/timer": self._timer,
            "/fault": self._fault,
        }
        if self._hub is not None:
            peers = HubControl(self._world, self._hub)
            app.router.add_get("/peers", answering(peers.peers))
            deeds = {**deeds, "/label": peers.label, "/replace": peers.replace}
        for path, deed in deeds.items():
            app.router.add_post(path, answering(deed))
        return app

    def _scale(self, request: web.Request) -> str:
        pool, by = request.query.get("pool", "apps"), number(request, "by", 1)
        if pool not in {each.name for each in POOLS}:
            raise ValueError(f"pool {pool!r}: there are {', '.join(each.name for each in POOLS)}")
        cluster, host = self._world.cluster, self._world.host
        if by < 0:
            gone = [name for name in cluster.nodes if f"-{pool}-" in name][by:]
            cluster.remove(gone)
            host.send_event("on_scale_event", scale_event(pool, "delete/action"))
            return f"{len(gone)} node(s) of {pool} removed; the event is out"
        host.send_event("on_scale_event", scale_event(pool, "write"))
        threading.Thread(target=self._join, args=(pool, by), daemon=True).start()
        return (
            f"the event is out; {by} node(s) of {pool} register in {REGISTER_SECONDS:.0f} s "
            f"and get their pod CIDRs {CIDR_SECONDS:.0f} s later"
        )

    def _join(self, pool: str, count: int) -> None:
        time.sleep(REGISTER_SECONDS)
        names = self._world.cluster.register(pool, count)
        time.sleep(CIDR_SECONDS)
        self._world.cluster.assign_cidrs(names)

    def _break(self, request: web.Request) -> str:
        table, hop = request.query.get("table", TABLES[0]), request.query.get("nextHop", "10.10.0.99")
        if table not in TABLES:
            raise ValueError(f"table {table!r}: there are {', '.join(TABLES)}")
        routes = sorted(self._world.cluster.ours(table))
        prefix = request.query.get("prefix") or next(iter(routes), "")
        if prefix not in routes:
            raise ValueError(
                f"prefix {prefix!r}: {table} has {', '.join(routes) or 'no pod route yet, reconcile first'}"
            )
        try:
            IPv4Address(hop)
        except ValueError:
            raise ValueError(f"nextHop {hop!r}: write an address such as 10.10.0.99") from None
        self._world.cluster.edit_route(table, prefix, nextHopIpAddress=hop)
        return f"{table}: {prefix} goes to {hop} now; the timer will see"

    def _vanish(self, request: web.Request) -> str:
        nodes = self._world.cluster.nodes
        fraction = number(request, "fraction", 0.5)
        if not 0 <= fraction <= 1:
            raise ValueError(f"fraction {fraction}: write a number from 0 to 1")
        gone = nodes[: int(len(nodes) * fraction)]
        self._world.cluster.remove_nodes(gone)
        return f"{len(gone)} of {len(nodes)} nodes vanished without an event, their machines run on; the timer will see"

    def _timer(self, _: web.Request) -> str:
        self._world.host.run("on_timer")
        return "on_timer runs now"

    def _fault(self, request: web.Request) -> str:
        faults = self._world.faults
        words = dict(request.query)
        fault = faults.find(words.pop("name", ""))
        if words.pop("off", ""):
            faults.off(fault.name)
            return f"{fault.name} is off; it struck {faults.struck[fault.name]} time(s) so far"
        faults.on(fault.name, **options_of(fault, words))
        return f"{fault.name} is on: {fault.plays}"

    async def _faults(self, _: web.Request) -> web.Response:
        return web.Response(text=fault_lines(self._world.faults))

    async def _tables(self, _: web.Request) -> web.Response:
        return web.Response(text="".join(f"{name}\n{_listed(routes)}" for name, routes in self._snapshot().items()))

    async def _watch(self, request: web.Request) -> web.StreamResponse:
        """Every change of either table from now on, line by line, until the caller hangs up."""
        response = web.StreamResponse(headers={"Content-Type": "text/plain; charset=utf-8"})
        await response.prepare(request)
        before = self._snapshot()
        while True:
            after = self._snapshot()
            for table in TABLES:
                for line in changed_routes(before[table], after[table]).values():
                    await response.write(f"{time.strftime('%H:%M:%S')}  {table:<10} {line}\n".encode())
            before = after
            await asyncio.sleep(0.2)

    def _snapshot(self) -> dict[str, Routes]:
        return {table: self._world.cloud.arm.routes(table_id(table)) for table in TABLES}


def _listed(routes: Routes) -> str:
    return "".join(f"  {prefix:<18} via {hop}\n" for prefix, hop in routes.items())
