"""What happens to nodes: they come, go, move, and are told badly of."""

from hypothesis import strategies as st
from hypothesis.stateful import rule

from tests.chaos.stage import Stage, indexes, pools


class NodeSteps(Stage):
    """The cluster's life."""

    @rule(pool=pools, count=st.integers(1, 3), complete=st.booleans())
    def scale_out(self, pool: str, count: int, complete: bool) -> None:  # noqa: FBT001  # Hypothesis names it
        self.arena.join(pool, count)
        if complete:
            self.assign_cidrs()

    @rule()
    def assign_cidrs(self) -> None:
        for member in self.members:
            if member.cidr is None and member.has_cilium_node:
                self.arena.assign(member)

    @rule(which=indexes, count=st.integers(1, 5), machines=st.booleans())
    def scale_in(self, which: int, count: int, machines: bool) -> None:  # noqa: FBT001
        start = which % max(1, len(self.members))
        self.arena.leave(self.members[start : start + count], machines=machines)

    @rule(which=indexes, pool=pools)
    def replace_with_the_same_cidr(self, which: int, pool: str) -> None:
        if old := self.pick(which, lambda member: member.is_whole):
            self.arena.leave([old], machines=True)
            self.arena.join(pool, 1)
            self.arena.assign(self.members[-1], old.cidr)

    @rule(which=indexes, other=indexes)
    def swap_cidrs(self, which: int, other: int) -> None:
        one, two = self.pick(which, lambda each: each.is_whole), self.pick(other, lambda each: each.is_whole)
        if one and two and one is not two:
            one.cidr, two.cidr = two.cidr, one.cidr
            self.arena.show(one)
            self.arena.show(two)

    @rule(which=indexes)
    def give_another_cidr(self, which: int) -> None:
        if member := self.pick(which, lambda each: each.is_whole):
            self.arena.assign(member)

    @rule(which=indexes)
    def change_address(self, which: int) -> None:
        """Of the node; Azure goes on telling the old one, as the sandbox's machines do not move."""
        if member := self.pick(which, lambda each: each.is_whole):
            octets = member.address.split(".")
            member.address = ".".join([*octets[:3], str(100 + self.edits % 100)])
            self.edits += 1
            self.arena.show(member)

    @rule(which=indexes, ready=st.booleans())
    def change_readiness(self, which: int, ready: bool) -> None:  # noqa: FBT001
        if member := self.pick(which):
            self.arena.show(member, ready=ready)

    @rule(which=indexes)
    def lose_cilium_node(self, which: int) -> None:
        if member := self.pick(which, lambda each: each.has_cilium_node):
            member.has_cilium_node = False
            self.arena.show(member)

    @rule(which=indexes)
    def lose_address(self, which: int) -> None:
        if member := self.pick(which, lambda each: each.shows_address):
            member.shows_address = False
            self.arena.show(member)

    @rule()
    def heal_nodes(self) -> None:
        for member in self.members:
            if not (member.has_cilium_node and member.shows_address):
                member.has_cilium_node = member.shows_address = True
                self.arena.show(member)
