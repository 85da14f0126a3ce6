"""What people do to route tables by hand."""

from collections.abc import Callable
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import rule

from sandbox.resource_manager import route
from tests.chaos.stage import Stage, indexes, tables


class TableSteps(Stage):
    """Operators, to whom the tables belong."""

    @rule(table=tables, which=indexes, hop=st.sampled_from(["10.10.240.66", None]))
    def edit_our_route(self, table: str, which: int, hop: str | None) -> None:
        """Somebody points a route of ours elsewhere, or deletes it."""
        ours = sorted(self.arena.judge.ours(table))
        if not ours:
            return
        prefix = ours[which % len(ours)]

        def edit(body: dict[str, Any]) -> None:
            routes = body["properties"]["routes"]
            found = next(each for each in routes if each["properties"]["addressPrefix"] == prefix)
            if hop is None:
                routes.remove(found)
            else:
                found["properties"]["nextHopIpAddress"] = hop

        self.by_hand(table, edit)

    @rule(table=tables)
    def edit_what_is_foreign(self, table: str) -> None:
        """An operator adds a route and changes a tag."""
        self.edits += 1
        number = self.edits

        def edit(body: dict[str, Any]) -> None:
            body["tags"] = {**(body.get("tags") or {}), "edited": str(number)}
            body["properties"]["routes"].append(route(f"hand-{number}", f"172.{number % 250}.0.0/16", "10.10.240.9"))

        self.by_hand(table, edit)

    def by_hand(self, table: str, edit: Callable[[dict[str, Any]], None]) -> None:
        self.arena.cloud.arm.edit_table(table, edit)
        self.arena.judge.known_by_hand(table)
