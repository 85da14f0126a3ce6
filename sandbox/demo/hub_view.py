"""A hub as the demo shows it: who peers, what was asked of it and when, what it learned, what the app says of it."""

import re
from collections.abc import Collection
from typing import Any

from sandbox.demo.stage import Stage
from sandbox.hub import HUB_ID, RouteServer
from sandbox.resource_manager.calls import Call

_CONNECTION = re.compile(rf"{re.escape(HUB_ID)}/bgpConnections/(?P<name>[^/]+)", re.IGNORECASE)
_SIGNS = {"PUT": "+", "DELETE": "-"}


class HubView:
    """What a person sees of `hub`; `show` tells the operations since it was called last."""

    def __init__(self, stage: Stage, hub: RouteServer) -> None:
        self._stage, self._hub = stage, hub
        self._told = len(stage.world.cloud.arm.calls)

    def plan(self) -> dict[str, Any]:
        """The app's plan of the cluster, which writes nothing."""
        plan: dict[str, Any] = self._stage.world.host.http("GET", "/api/plan").json()["clusters"][0]
        return plan

    def findings(self) -> dict[str, str]:
        """Code → message of what the app finds now; of several with one code the last."""
        plan = self.plan()
        found = [*plan.get("findings", ()), *(each for target in plan["targets"] for each in target["findings"])]
        return {each["code"]: each["message"] for each in found}

    def show_plan(self) -> str:
        """The plan as the app writes it for a person."""
        text = self._stage.world.host.http("GET", "/api/plan?format=text").text
        self._stage.tell.say("GET /api/plan?format=text, which writes nothing:")
        self._stage.tell.quote(text)
        return text

    def operations(self) -> list[str]:
        """What was asked of the hub since `show` was called last: `+` or `-` with the address."""
        return [self._written(call) for call in self._calls()]

    def show(self) -> list[str]:
        """The operations since the last time, one after the other, and what the hub has learned from whom."""
        calls = self._calls()
        tell = self._stage.tell
        print("     rs-shop")
        for call in calls:
            print(f"       {self._written(call):<22} {call.at - calls[0].at:5.1f} s")
        for address, routes in self._hub.learned().items():
            print(f"         peer {address:<15} {len(routes)} prefix{'es' * (len(routes) != 1)} learned")
        if calls:
            tell.check(
                all(call.status < 300 for call in calls),
                "the hub refused none of them: one ended before the next began",
            )
        self._told = len(self._stage.world.cloud.arm.calls)
        return [self._written(call) for call in calls]

    def expect_peers(self, addresses: Collection[str], claim: str) -> None:
        """Check who peers with the hub."""
        self._stage.tell.check(self._hub.peers().keys() == set(addresses), claim)

    def _calls(self) -> list[Call]:
        calls = self._stage.world.cloud.arm.calls[self._told :]
        return [call for call in calls if call.method in _SIGNS and _CONNECTION.fullmatch(call.path)]

    @staticmethod
    def _written(call: Call) -> str:
        """The app's names end in the peer's address."""
        return f"{_SIGNS[call.method]} {call.path.rpartition('_')[2]}"
