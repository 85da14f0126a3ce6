"""What should be true, kept apart from the product's code: the nodes as they are, and which routes they are entitled to."""

from dataclasses import dataclass, field


@dataclass(slots=True)
class Member:
    """A live node. What Kubernetes cannot tell for the moment is still true of it."""

    name: str
    pool: str
    address: str
    machine: str
    """The address that Azure tells of its machine."""
    cidr: str | None = None
    has_cilium_node: bool = True
    shows_address: bool = True

    @property
    def is_whole(self) -> bool:
        """Whether everything its route needs can be read."""
        return self.cidr is not None and self.has_cilium_node and self.shows_address


@dataclass(slots=True)
class Model:
    """The nodes, the machines behind them, and what was left of earlier ones."""

    members: list[Member] = field(default_factory=list)
    machines: set[str] = field(default_factory=set)
    """Addresses of the machines Azure has, those of nodes that Kubernetes has forgotten included."""

    def routes(self) -> dict[str, str]:
        """Prefix → next hop of every node whose route can be known."""
        return {each.cidr: each.address for each in self.members if each.is_whole and each.cidr}

    def shows_any_cidr(self) -> bool:
        """Whether Kubernetes shows the pod CIDR of any node."""
        return any(each.cidr and each.has_cilium_node for each in self.members)

    def works(self, prefix: str, hop: str | None) -> bool:
        """Whether a route carries the traffic of a live node."""
        return any(each.cidr == prefix and each.address == hop for each in self.members)

    def is_entitled(self, prefix: str, hop: str | None, *, forced: bool) -> bool:
        """Whether a route must not be taken away. A person may force what a node that shows nothing would keep."""
        return any(
            each.cidr == prefix
            and each.address == hop
            and not (forced and not each.has_cilium_node and not each.shows_address)
            for each in self.members
        )
