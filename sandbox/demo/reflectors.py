"""The second act: the cluster's pod CIDRs are announced to a Route Server by two reflectors, and the route tables step aside."""

from ipaddress import ip_network

from sandbox.cluster import POD_CIDR, POOLS, table_id
from sandbox.demo.hub_view import HubView
from sandbox.demo.stage import Stage
from sandbox.hub import REFLECTORS, RouteServer, reflected
from sandbox.resource_manager.answers import Body


class ReflectorsAct:
    """The steps, in their order."""

    def __init__(self, stage: Stage, hub: RouteServer) -> None:
        self._stage, self._tell, self._hub = stage, stage.tell, hub
        self._cluster = stage.world.cluster
        self._view = HubView(stage, hub)

    def play(self) -> None:
        """All of them."""
        for step in (self.two_peers, self.a_closed_port, self.tables_in_the_way, self.scale_out):
            step()

    def two_peers(self) -> None:
        """From nothing to two peers, one operation after the other."""
        self._cluster.add("apps", 5)
        nodes = len(self._cluster.nodes)
        self._tell.step("Mode routeServer: two reflectors become the peers of a Route Server")
        self._stage.world.redeploy(routing=reflected())
        self._tell.say(
            f"The app is deployed with mode routeServer; the cluster has {nodes} nodes. A hub takes 8 peers and one operation "
            "at a time, and Azure takes 80 to 136 s for each, which is 2 s here."
        )
        text = self._view.show_plan()
        self._tell.check(
            all(f"+ {each}" in text for each in REFLECTORS) and not self._hub.peers(),
            "two peers are planned, none is made",
        )
        answer = self._stage.world.host.http("POST", "/api/reconcile")
        self._tell.say(f"POST /api/reconcile: HTTP {answer.status_code}")
        self._tell.check(answer.status_code == 200, "the reconcile succeeded")
        done = self._view.show()
        self._tell.check(done == [f"+ {each}" for each in REFLECTORS], "the peers were added one after the other")
        self._view.expect_peers(REFLECTORS, "the hub has the two peers and no other")

    def a_closed_port(self) -> None:
        """A connection is not yet a session: what the hub learned is verified."""
        nodes = len(self._cluster.expected())
        self._tell.step("Connections alone route nothing: the app verifies what the hub has learned")
        found = self._view.findings()
        self._tell.say("A network security group still blocks TCP 179 to the reflectors. The app says so:")
        self._tell.quote("\n".join(f"{code}: {found.get(code)}" for code in ("learnedMissing", "peerSilent")))
        self._tell.check(
            f"{nodes} of {nodes} pod CIDRs" in found.get("learnedMissing", "") and "peerSilent" in found,
            f"all {nodes} pod CIDRs are reported missing, and both peers as silent",
        )
        self._hub.start_reflectors()
        self._tell.say("The operator opens the port; both sessions come up.")
        self._view.show()
        self._tell.check(
            all(routes == self._cluster.expected() for routes in self._hub.learned().values()),
            f"the hub learned {nodes} pod CIDRs from each reflector, with the nodes as next hops",
        )
        self._tell.check(
            not any(code.startswith("learned") or code == "peerSilent" for code in self._view.findings()),
            "nothing is missing or silent any more",
        )

    def tables_in_the_way(self) -> None:
        """What the first act left behind would win over what was learned."""
        self._tell.step("What the routes of yesterday would break: the app warns, the operator clears them away")
        found = self._view.findings()
        codes = ("gatewayRoutesNotPropagated", "tableRoutesToPods")
        self._tell.say(
            "The plan above warned of two traps: rt-system hides learned routes from its subnet (its propagation is off), and "
            "both tables still hold the pod routes of the first act, which win over learned ones."
        )
        self._tell.check(all(code in found for code in codes), "both are among the findings still")
        for pool in POOLS:
            self._stage.world.cloud.arm.edit_table(table_id(pool.table), _step_aside)
        self._tell.say(
            "The operator lets rt-system propagate gateway routes and deletes the pod routes of both tables, now that the "
            "hub has learned them. The app does neither by itself: the tables are not its own in this mode."
        )
        self._tell.check(
            not any(self._cluster.ours(pool.table) for pool in POOLS), "no table holds a pod route any more"
        )

    def scale_out(self) -> None:
        """Two nodes more: the reflectors announce them, the app has nothing to write."""
        self._tell.step("Scale-out: reflectors announce the new nodes, and the app writes nothing")
        since, _ = self._stage.deliver("apps", "write")
        self._cluster.add("apps", 2)
        self._stage.settled(since)
        done = self._view.show()
        self._tell.check(not done, "no operation on the hub")
        self._tell.check(
            all(routes == self._cluster.expected() for routes in self._hub.learned().values()),
            f"the hub learned all {len(self._cluster.expected())} pod CIDRs",
        )
        self._tell.say("A wake-up has the networks looked at anew, so the cleared tables were seen:")
        self._view.show_plan()
        self._tell.check(not self._view.findings(), "the app finds nothing to complain about")


def _step_aside(body: Body) -> None:
    """Let learned routes through, and hold no pod route."""
    pods = ip_network(POD_CIDR)
    body["properties"]["disableBgpRoutePropagation"] = False
    body["properties"]["routes"] = [
        each
        for each in body["properties"]["routes"]
        if not ip_network(each["properties"]["addressPrefix"]).subnet_of(pods)  # type: ignore[arg-type]  # all are IPv4
    ]
