"""The second witness for the brake: what Azure's machines say about deletes that would be held. Pure.

Kubernetes is the first witness: the node is gone. Where too many are gone at once, Azure is asked whether their machines
are gone too. How it is asked is told in `machines`, what the brake makes of the evidence in `safety`.

    no answer, or one that does not count                              →  kept, all of them
    a live node or a machine of Azure has the address                  →  kept
    a machine of Azure has the name of the node that had the address   →  kept
    otherwise                                                          →  released

A route to an address that no machine has carries nothing, so the address decides and a release can cut nothing off. What
can mislead is an answer with machines missing from it, which Azure gives without an error (azure-sdk-for-go#14110: an empty
list for want of permission; #6396: no interfaces for machines that exist). So an answer counts only if it has what it must
have. An address that another machine took over keeps its route: what the prefix means there, Azure cannot tell. Once the
others are released, such a rest is mostly below the brake.
"""

import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from shared.models import Address, Node
from shared.phrases import some

_INSTANCE_DIGITS = 6
"""A scale set's computer names are its prefix and six digits of base 36.
Source: https://learn.microsoft.com/azure/virtual-machine-scale-sets/virtual-machine-scale-sets-instance-ids"""


@dataclass(frozen=True, slots=True)
class Machine:
    """A machine Azure has, running or deallocated, or a network interface of no machine: its address is taken all the same."""

    name: str
    """Its computer name, in whatever case."""
    addresses: frozenset[Address] = frozenset()
    hidden: bool = False
    """It has an interface whose address Azure does not show: it may have any address."""


@dataclass(frozen=True, slots=True)
class Machines:
    """Every machine of a node resource group, read in full as far as Azure says so."""

    machines: tuple[Machine, ...]
    scale_sets: frozenset[str] = frozenset()
    """Computer name prefixes, in whatever case, of the scale sets whose instances are among `machines`, all of them."""


@dataclass(frozen=True, slots=True)
class NoAnswer:
    """The machines could not be read in full, and why. Never to be taken for no machines."""

    reason: str


Answer = Machines | NoAnswer


@dataclass(frozen=True, slots=True)
class Evidence:
    """What the second witness says of some next hops: each is in `kept` or in `released`."""

    kept: Mapping[Address | None, str]
    """Next hop → why its deletes stay held, as the end of a sentence."""
    released: frozenset[Address] = frozenset()
    silence: str = ""
    """Why there is no answer that counts; then everything is kept. Empty where there is one."""


def weigh(next_hops: Iterable[Address | None], answer: Answer, live: Sequence[Node]) -> Evidence:
    """Which of `next_hops` nothing in Azure stands behind any more; `live` are all nodes of the same reading as the deletes."""
    silence = answer.reason if isinstance(answer, NoAnswer) else _does_not_count(answer, live)
    if isinstance(answer, NoAnswer) or silence:
        return Evidence(dict.fromkeys(next_hops, "Azure gave no answer that counts"), silence=silence)
    nodes = {address: node.name for node in live for address in node.addresses}
    holders = {address: machine.name for machine in answer.machines for address in machine.addresses}
    kept: dict[Address | None, str] = {}
    released: set[Address] = set()
    for hop in next_hops:
        if hop is None:
            kept[hop] = "it has no address that Azure could be asked about"
        elif hop in nodes:
            kept[hop] = f"{hop} is the address of the live node {nodes[hop]}"
        elif hop in holders:
            kept[hop] = f"Azure still has {holders[hop]} with {hop}"
        else:
            released.add(hop)
    return Evidence(kept, frozenset(released))


def _does_not_count(answer: Machines, live: Sequence[Node]) -> str:
    """Why an answer is not believed to be whole; empty where it is."""
    if not answer.machines:
        return "Azure lists no machine at all in the node resource group; a cluster has some"
    nodes = {node.name.lower() for node in live}
    hidden = sorted(each.name for each in answer.machines if each.hidden and each.name.lower() not in nodes)
    if hidden:
        return f"Azure shows no address of {some(hidden)}, which may have any"
    missing = sorted(node.name for node in live if not _accounted_for(node, answer))
    if missing:
        return (
            f"Azure shows no machine of {some(missing)}, live in Kubernetes, so what it shows is not all; check that the "
            "app's identity may read every machine of the node resource group"
        )
    return ""


def _accounted_for(node: Node, answer: Machines) -> bool:
    """Azure shows the node's machine, or the scale set it was in, which no longer has it.

    A Node object outlives its machine by a minute or more (cloud-controller-manager), so in every scale-in some are left.
    """
    return (
        node.name.lower() in _names(answer)
        or any(not machine.addresses.isdisjoint(node.addresses) for machine in answer.machines)
        or node.name.lower()[:-_INSTANCE_DIGITS] in {prefix.lower() for prefix in answer.scale_sets}
    )


def _names(answer: Machines) -> frozenset[str]:
    """In lower case: Azure keeps the case a name was written in, Kubernetes knows lower case only."""
    return frozenset(machine.name.lower() for machine in answer.machines)


@dataclass(slots=True)
class Hearing:
    """One reading's hearing of the second witness: Azure is asked when the first table needs it, and once for all tables.

    Tables are planned side by side, so it is safe to share between threads.
    """

    ask: Callable[[], Answer]
    live: Sequence[Node]
    _answer: Answer | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def about(self, next_hops: Iterable[Address | None]) -> Evidence:
        """The evidence about these next hops."""
        with self._lock:
            if self._answer is None:
                self._answer = self.ask()
        return weigh(next_hops, self._answer, self.live)
