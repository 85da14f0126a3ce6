"""The third act: nodes with a label peer with the Route Server themselves, and what that leaves out."""

from sandbox.cluster import PEER_LABEL
from sandbox.demo.hub_view import HubView
from sandbox.demo.stage import Stage
from sandbox.hub import REFLECTORS, RouteServer, direct
from sandbox.world import eventually

PEERS = 3


class DirectAct:
    """The steps, in their order."""

    def __init__(self, stage: Stage, hub: RouteServer) -> None:
        self._stage, self._tell, self._hub = stage, stage.tell, hub
        self._cluster = stage.world.cluster
        self._view = HubView(stage, hub)
        self._addresses: list[str] = []

    def play(self) -> None:
        """All of them."""
        for step in (self.three_labels, self.the_last_reflector, self.unreachable_nodes, self.replaced):
            step()

    def three_labels(self) -> None:
        """Three nodes get the label; they come before the reflectors go."""
        self._tell.step("Direct: three labelled nodes take over from the reflectors, and come before these go")
        names = self._cluster.nodes[-PEERS:]
        self._cluster.label(names)
        self._addresses = [self._hub.speak(name) for name in names]
        self._stage.world.redeploy(routing=direct())
        self._tell.say(
            f"{', '.join(names)} get the label {PEER_LABEL}, and the app is deployed with that nodeSelector."
        )
        text = self._view.show_plan()
        self._tell.check(
            "held: the last peer that the hub learns from" in text,
            "one reflector is to stay until the hub has learned from a node",
        )
        answer = self._stage.world.host.http("POST", "/api/reconcile")
        self._tell.say(f"POST /api/reconcile: HTTP {answer.status_code}")
        self._tell.check(answer.status_code == 200, "the reconcile succeeded")
        done = self._view.show()
        self._tell.check(
            [each[0] for each in done] == ["+"] * PEERS + ["-"], "three peers were added before the first one went"
        )
        self._view.expect_peers([*self._addresses, REFLECTORS[1]], "the other reflector still peers")

    def the_last_reflector(self) -> None:
        """The next pass sees that the nodes serve."""
        self._tell.step("The next pass sees routes learned from the nodes, and the last reflector goes")
        self._stage.run_timer()
        done = self._view.show()
        self._tell.check(done == [f"- {REFLECTORS[1]}"], "nothing else was done")
        self._view.expect_peers(self._addresses, "the three nodes peer with the hub, and nobody else")

    def unreachable_nodes(self) -> None:
        """A node announces its own pod CIDR only."""
        nodes = len(self._cluster.nodes)
        mute = nodes - PEERS
        self._tell.step(
            f"The price of direct peering: {mute} of {nodes} nodes announce nothing, and the app says so loudly"
        )
        self._view.show_plan()
        found = self._view.findings()
        self._tell.check(
            f"{mute} of {nodes} nodes" in found.get("unreachableNodes", ""),
            f"the {mute} nodes that do not peer are reported as unreachable, with the room they have for pods",
        )
        self._tell.check(
            f"{mute} of {nodes} pod CIDRs" in found.get("learnedMissing", ""),
            f"what the hub has learned confirms it: {mute} pod CIDRs are missing",
        )

    def replaced(self) -> None:
        """A peer's node is replaced by another one."""
        self._tell.step("A node that peers is replaced: the new peer is added before the old one goes")
        old = self._cluster.labelled()[0]
        gone = self._cluster.address(old)
        (new,) = self._cluster.add("apps")
        self._cluster.label([new])
        come = self._hub.speak(new)
        self._cluster.remove([old])
        self._tell.say(f"An upgrade replaces {old} ({gone}) by {new} ({come}).")
        since, _ = self._stage.deliver("apps", "write")
        eventually(lambda: gone not in self._hub.peers(), "the old peer is gone")
        self._stage.settled(since)
        done = self._view.show()
        self._tell.check(done == [f"+ {come}", f"- {gone}"], "first the new peer, then the old one")
        self._addresses = [*(each for each in self._addresses if each != gone), come]
        self._view.expect_peers(self._addresses, "three nodes peer with the hub again")
