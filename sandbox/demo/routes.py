"""The first act: a day of a cluster whose pod routes are kept in two route tables."""

import time

from sandbox.cluster import FIREWALL, POOLS, table_id
from sandbox.demo.stage import Stage
from sandbox.narration import Routes
from sandbox.world import eventually

TABLES = tuple(pool.table for pool in POOLS)


class RoutesAct:
    """The steps, in their order."""

    def __init__(self, stage: Stage) -> None:
        self._stage, self._world, self._tell = stage, stage.world, stage.tell
        self._cluster, self._arm, self._host = stage.world.cluster, stage.world.cloud.arm, stage.world.host
        self._owners: dict[str, str] = {}
        self._before = self._snapshot()

    def play(self) -> None:
        """All of them."""
        for step in (
            self.first_reconcile,
            self.scale_out,
            self.scale_in,
            self.broken_by_hand,
            self.half_the_nodes_vanish,
            self.forced_reconcile,
            self.evening,
        ):
            step()

    def first_reconcile(self) -> None:
        """An empty pair of tables and eight nodes."""
        self._tell.step("First reconcile: eight nodes, no pod route yet")
        self._cluster.add("system", 3)
        self._cluster.add("apps", 5)
        self._tell.say(
            "Pools system (3 nodes, table rt-system) and apps (5 nodes, table rt-apps) are up. rt-system also holds the "
            "network team's routes: 0.0.0.0/0 to a firewall and 192.168.0.0/16 to on-premises."
        )
        plan = self._host.http("GET", "/api/plan?format=text")
        self._tell.say("GET /api/plan?format=text, which writes nothing:")
        self._tell.quote(plan.text)
        answer = self._host.http("POST", "/api/reconcile")
        self._tell.say(
            f"POST /api/reconcile: HTTP {answer.status_code}, {answer.json()['clusters'][0]['durationMs']} ms"
        )
        self._show("reconcile, asked for over HTTP")
        self._tell.check(answer.status_code == 200, "the reconcile succeeded")
        self._tell.check(all(self._puts(table) == 1 for table in TABLES), "one write per table")
        self._in_step()

    def scale_out(self) -> None:
        """The event is earlier than the nodes, and the nodes are earlier than their pod CIDRs."""
        self._tell.step("Scale-out: the event comes before the nodes, the nodes come before their pod CIDRs")
        since, at = self._stage.deliver("apps", "write")
        self._world.cloud.kubernetes.wait_for_watches(2)
        self._tell.say("on_wake has looked: nothing new yet. It stays and watches Nodes and CiliumNodes.")
        names = self._cluster.register("apps", 2)
        self._tell.say("Two nodes register. They have no pod CIDR yet.")
        eventually(lambda: f"{names[1]} (no pod CIDR yet)" in self._host.log(), "the wake-up has seen the new nodes")
        self._cluster.assign_cidrs(names)
        assigned = time.monotonic()
        self._tell.say("Cilium's operator gives them their pod CIDRs.")
        self._await_tables("both tables route the new nodes")
        self._tell.say(self._timing(at) + f", {self._last_put() - assigned:.1f} s after the pod CIDRs")
        self._show("on_wake")
        self._stage.settled(since)
        self._in_step()

    def scale_in(self) -> None:
        """Two nodes go."""
        self._tell.step("Scale-in: the autoscaler removes two nodes")
        self._cluster.remove([name for name in self._cluster.nodes if "apps" in name][:2])
        since, at = self._stage.deliver("apps", "delete/action", schema="eventGrid")
        self._await_tables("both tables have lost the routes of the two nodes")
        self._tell.say(self._timing(at))
        self._show("on_wake")
        self._stage.settled(since)
        self._in_step()

    def broken_by_hand(self) -> None:
        """A next hop and a next hop type are edited; the timer finds it."""
        self._tell.step("A route broken by hand, repaired by the timer")
        first, second = sorted(self._cluster.expected())[:2]
        self._cluster.edit_route("rt-apps", first, nextHopIpAddress="10.10.0.99")
        self._cluster.edit_route("rt-apps", second, nextHopType="None", nextHopIpAddress=None)
        self._show("somebody with the CLI")
        self._stage.run_timer()
        self._show("on_timer")
        self._in_step()

    def half_the_nodes_vanish(self) -> None:
        """Half of the Node objects are gone at once, and nobody knows why."""
        self._tell.step("Half of the nodes vanish at once: the brake holds")
        gone = self._cluster.nodes[::2]
        self._cluster.remove_nodes(gone)
        self._tell.say(
            f"{len(gone)} Node objects are gone, their machines run on. An API server with a broken etcd would look like this."
        )
        lines = self._host.log().count("\n")
        self._stage.run_timer()
        said = [line for line in self._host.log().splitlines()[lines:] if "would be deleted" in line]
        self._tell.check(len(said) == len(TABLES), "the log says for each table what is held, and how to go on")
        self._show("on_timer")
        held = self._host.http("GET", "/api/plan?format=text")
        self._tell.say(f"GET /api/plan?format=text: HTTP {held.status_code}")
        self._tell.quote(held.text)
        self._tell.check(held.status_code == 422, "a plan of nothing but held deletes answers 422")
        self._tell.check(self._snapshot() == self._before, "not one route was deleted")

    def forced_reconcile(self) -> None:
        """A person has looked, and lets it go: exactly the plan that was shown."""
        self._tell.step("They are gone for good: a forced reconcile over HTTP, of exactly the plan that was seen")
        stale = self._host.http(
            "POST", "/api/reconcile", json={"cluster": "shop-weu", "force": True, "expect": "0" * 12}
        )
        self._tell.check(stale.status_code == 409, "another plan than the expected one answers 409 and writes nothing")
        seen = self._host.http("GET", "/api/plan").json()["clusters"][0]["fingerprint"]
        answer = self._host.http(
            "POST", "/api/reconcile?format=text", json={"cluster": "shop-weu", "force": True, "expect": seen}
        )
        self._tell.say(f'POST /api/reconcile {{"force": true, "expect": "{seen}"}}: HTTP {answer.status_code}')
        self._tell.check(answer.status_code == 200, "the forced reconcile succeeded")
        self._show("reconcile, forced over HTTP")
        self._in_step()

    def evening(self) -> None:
        """Half of the nodes go again, this time for real."""
        self._tell.step("Evening: the cluster shrinks by half, and Azure vouches for it")
        self._cluster.add("apps", 6)
        self._stage.run_timer()
        self._before = self._snapshot()
        self._cluster.remove([name for name in self._cluster.nodes if "apps" in name][-6:])
        since, at = self._stage.deliver("apps", "delete/action")
        self._await_tables("both tables have lost the routes of the six nodes")
        self._tell.say(
            self._timing(at) + ". Azure was asked, since it was over the brake: it no longer has those machines."
        )
        self._show("on_wake")
        self._stage.settled(since)
        self._tell.check("Azure no longer has the machines of 6" in self._host.log(), "the log says who vouched for it")
        self._in_step()

    def _await_tables(self, what: str) -> None:
        eventually(lambda: all(self._cluster.ours(table) == self._cluster.expected() for table in TABLES), what)

    def _in_step(self) -> None:
        nodes = len(self._cluster.expected())
        self._tell.check(
            all(self._cluster.ours(table) == self._cluster.expected() for table in TABLES),
            f"both tables route exactly the {nodes} nodes",
        )
        table = self._arm.table(table_id("rt-system"))
        foreign = {
            route["name"]: route["properties"].get("nextHopIpAddress", route["properties"]["nextHopType"])
            for route in table["properties"]["routes"]
            if route["name"] in {"to-firewall", "on-premises"}
        }
        self._tell.check(
            foreign == {"to-firewall": FIREWALL, "on-premises": "VirtualNetworkGateway"}
            and table["tags"] == {"owner": "network-team"}
            and table["properties"]["disableBgpRoutePropagation"] is True,
            "the network team's routes, the tag and the propagation flag are as they were",
        )

    def _show(self, by: str) -> None:
        """Both tables against the last time they were shown."""
        kubernetes = self._world.cloud.kubernetes
        for name in kubernetes.names("CiliumNode"):
            for cidr in kubernetes.get("CiliumNode", name)["spec"]["ipam"].get("podCIDRs", []):
                self._owners[cidr] = name
        after = self._snapshot()
        for table in TABLES:
            self._tell.table(table, self._before[table], after[table], self._owners, by)
        self._before = after

    def _snapshot(self) -> dict[str, Routes]:
        return {table: self._arm.routes(table_id(table)) for table in TABLES}

    def _puts(self, table: str) -> int:
        return self._arm.count("PUT", table_id(table))

    def _last_put(self) -> float:
        return max(call.at for call in self._arm.calls if call.method == "PUT")

    def _timing(self, event: float) -> str:
        return f"The last table was written {self._last_put() - event:.1f} s after the event"
