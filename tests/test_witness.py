"""The second witness: what is released, what is kept and why, and which answers do not count."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from ipaddress import ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.models import Address, Node
from shared.witness import Answer, Evidence, Hearing, Machine, Machines, NoAnswer, weigh
from tests.examples import node

POOL = "aks-np1-31415926-vmss"
NO_COUNT = "Azure gave no answer that counts"


def at(text: str) -> Address:
    return ip_address(text)


def machine(name: str, *addresses: str, hidden: bool = False) -> Machine:
    return Machine(name, frozenset(map(ip_address, addresses)), hidden)


def azure(*machines: Machine, sets: tuple[str, ...] = (POOL,)) -> Machines:
    return Machines(machines, frozenset(sets))


A, B, C = f"{POOL}00000a", f"{POOL}00000b", f"{POOL}00000c"
LIVE = (node(A, "100.64.0.0/24", at="10.0.0.4"),)
"""One node is live; those at .5 and above are gone."""
SEEN = machine(A, "10.0.0.4")


def asked(answer: Answer, *hops: str | None, live: tuple[Node, ...] = LIVE) -> Evidence:
    return weigh([at(hop) if hop else None for hop in hops], answer, live)


def released(evidence: Evidence) -> set[str]:
    return set(map(str, evidence.released))


def test_a_route_is_released_when_azure_no_longer_has_a_machine_with_its_address() -> None:
    evidence = asked(azure(SEEN), "10.0.0.5", "10.0.0.6")
    assert released(evidence) == {"10.0.0.5", "10.0.0.6"}
    assert (evidence.kept, evidence.silence) == ({}, "")


@pytest.mark.parametrize(
    ("machines", "hop", "why"),
    [
        ((machine(B, "10.0.0.5"),), "10.0.0.5", f"Azure still has {B} with 10.0.0.5"),
        ((machine("kube-apiserver.nic", "10.0.0.5"),), "10.0.0.5", "Azure still has kube-apiserver.nic with 10.0.0.5"),
        ((machine(B, "10.0.0.9", "10.0.0.5"),), "10.0.0.5", f"Azure still has {B} with 10.0.0.5"),
        ((machine(B, "fd00:0:0::5"),), "fd00::5", f"Azure still has {B} with fd00::5"),
        ((), "10.0.0.4", f"10.0.0.4 is the address of the live node {A}"),
        ((machine(B, "10.0.0.9"),), None, "it has no address that Azure could be asked about"),
    ],
    ids=["machine", "interface of no machine", "second address", "IPv6", "address of a live node", "no address"],
)
def test_a_route_is_kept_while_something_may_stand_behind_it(
    machines: tuple[Machine, ...], hop: str | None, why: str
) -> None:
    evidence = asked(azure(SEEN, *machines), hop, "10.0.0.7")
    assert evidence.kept == {at(hop) if hop else None: why}
    assert released(evidence) == {"10.0.0.7"}


def test_each_family_of_a_dual_stack_machine_speaks_for_itself() -> None:
    evidence = asked(azure(SEEN, machine(B, "10.0.0.5")), "10.0.0.5", "fd00::5")
    assert (set(evidence.kept), released(evidence)) == ({at("10.0.0.5")}, {"fd00::5"})


def test_an_address_that_a_new_machine_took_over_keeps_the_route() -> None:
    """The machine is a node's by now, whose pod CIDR is another: Azure cannot tell what the old prefix means there."""
    took_over = node(B, "100.64.7.0/24", at="10.0.0.5")
    evidence = asked(azure(SEEN, machine(B, "10.0.0.5")), "10.0.0.5", live=(*LIVE, took_over))
    assert evidence.kept == {at("10.0.0.5"): f"10.0.0.5 is the address of the live node {B}"}


@pytest.mark.parametrize(
    ("answer", "live", "why"),
    [
        (NoAnswer("HTTP 403 AuthorizationFailed"), LIVE, "HTTP 403 AuthorizationFailed"),
        (azure(), LIVE, "no machine at all"),
        (azure(), (), "no machine at all"),
        (azure(SEEN, machine(B, hidden=True)), LIVE, f"no address of {B}, which may have any"),
        (azure(SEEN, machine(B, "10.0.0.9", hidden=True)), LIVE, f"no address of {B}"),
        (azure(machine(B, "10.0.0.9"), sets=()), LIVE, f"no machine of {A}, live in Kubernetes"),
        (azure(machine(B, "10.0.0.9"), sets=("aks-np2-31415926-vmss",)), LIVE, f"no machine of {A}, live"),
        (azure(SEEN), (*LIVE, node("aks-virtual-1", at="10.0.9.9")), "no machine of aks-virtual-1"),
        (azure(SEEN, sets=()), (*LIVE, *(node(f"x{n}") for n in range(5))), "x0, x1, x2 and 2 more"),
    ],
    ids=[
        "no answer", "empty", "empty, and no node either", "hidden machine", "half hidden machine", "live node unseen",
        "its scale set unseen", "a node outside the group", "several",
    ],
)  # fmt: skip
def test_an_answer_that_does_not_count_keeps_everything(answer: Answer, live: tuple[Node, ...], why: str) -> None:
    evidence = asked(answer, "10.0.0.5", None, live=live)
    assert evidence.kept == {at("10.0.0.5"): NO_COUNT, None: NO_COUNT}
    assert evidence.released == frozenset()
    assert why in evidence.silence


@pytest.mark.parametrize(
    ("answer", "live"),
    [
        (azure(machine(A.upper(), "10.0.0.99"), sets=()), LIVE),
        (azure(machine("vm-1", "10.0.0.4"), sets=()), LIVE),
        (azure(machine(B, "10.0.0.9")), LIVE),
        (azure(machine(B, "10.0.0.9"), sets=(POOL.upper(),)), LIVE),
        (azure(machine(A, hidden=True)), LIVE),
        (azure(machine(A, "10.0.0.4"), sets=()), (node(A),)),
    ],
    ids=[
        "seen by name", "seen by address", "its scale set no longer has it", "whatever the case of the set",
        "hidden, but Kubernetes knows its address", "a node without address is seen by name",
    ],
)  # fmt: skip
def test_an_answer_counts_that_accounts_for_every_live_node(answer: Answer, live: tuple[Node, ...]) -> None:
    assert released(asked(answer, "10.0.0.5", live=live)) == {"10.0.0.5"}


def test_a_scale_set_stands_for_names_of_its_own_making_only() -> None:
    """A longer or shorter rest than six digits is another's name."""
    for name in (f"{POOL}0000a", f"{POOL}-00000a", "00000a"):
        assert asked(azure(machine(B, "10.0.0.9")), "10.0.0.5", live=(node(name, at="10.0.0.4"),)).silence


# Whatever happens


_ADDRESSES = tuple(map(ip_address, (*(f"10.0.0.{n}" for n in range(4, 12)), "fd00::4", "fd00::5")))
_NAMES = (A, B, C, "aks-np2-1-vmss000000", "aks-np2-1-vmss000001", "nap-x7k", "nap-2v9")
_PREFIXES = (POOL, "aks-np2-1-vmss")


def prefix_of(name: str) -> str:
    """The scale set of a machine; empty for one of its own."""
    return name[:-6] if name[:-6] in _PREFIXES else ""


@st.composite
def clouds(draw: st.DrawFn) -> tuple[tuple[Machine, ...], tuple[Node, ...]]:
    """What is true: the machines that exist, at distinct addresses, and the live nodes, most of them on one of these.

    Kubernetes may have forgotten nodes whose machines run, and still have some whose machines are gone.
    """
    names = draw(st.lists(st.sampled_from(_NAMES), unique=True, min_size=1))
    places = draw(st.permutations(_ADDRESSES))
    machines = tuple(Machine(name, frozenset({place})) for name, place in zip(names, places, strict=False))
    registered = draw(st.lists(st.sampled_from(machines), unique=True))
    leftover = draw(st.sampled_from((*_NAMES, "")))
    nodes = [node(each.name, at=str(next(iter(each.addresses)))) for each in registered]
    if leftover and leftover not in names:
        nodes.append(node(leftover, at=str(places[-1])))
    return machines, tuple(nodes)


def shown(machines: tuple[Machine, ...], prefixes: tuple[str, ...] = _PREFIXES) -> Machines:
    """A whole answer."""
    return Machines(machines, frozenset(prefixes))


@given(clouds(), st.lists(st.sampled_from((*_ADDRESSES, None))))
def test_every_next_hop_is_either_kept_or_released(
    cloud: tuple[tuple[Machine, ...], tuple[Node, ...]], hops: list[Address | None]
) -> None:
    machines, live = cloud
    evidence = weigh(hops, shown(machines), live)
    assert set(evidence.kept) | set(evidence.released) == set(hops)
    assert not set(evidence.kept) & set(evidence.released)


@given(clouds(), st.data())
def test_no_route_of_a_machine_that_exists_is_released_by_an_answer_that_shows_it_or_hides_a_live_node(
    cloud: tuple[tuple[Machine, ...], tuple[Node, ...]], data: st.DataObject
) -> None:
    """What Azure can hide is a kind: one scale set, or all machines of their own (want of permission, a region's trouble)."""
    machines, live = cloud
    hidden = data.draw(st.sampled_from(("nothing", "", *_PREFIXES)))
    answer = shown(
        tuple(each for each in machines if prefix_of(each.name) != hidden),
        tuple(prefix for prefix in _PREFIXES if prefix != hidden),
    )
    evidence = weigh(_ADDRESSES, answer, live)
    exist = {address for each in machines for address in each.addresses}
    if hidden == "nothing" or any(prefix_of(each.name) == hidden for each in live):
        assert not evidence.released & exist


@given(clouds(), st.booleans())
def test_no_route_of_a_live_node_is_ever_released(
    cloud: tuple[tuple[Machine, ...], tuple[Node, ...]],
    whole: bool,  # noqa: FBT001  # drawn by Hypothesis
) -> None:
    machines, live = cloud
    evidence = weigh(_ADDRESSES, shown(machines if whole else machines[:1]), live)
    assert not evidence.released & {address for each in live for address in each.addresses}


@given(clouds(), st.text())
def test_no_answer_releases_nothing(cloud: tuple[tuple[Machine, ...], tuple[Node, ...]], reason: str) -> None:
    machines, live = cloud
    for answer in (NoAnswer(reason), shown(()), shown((*machines, Machine("unknown", hidden=True)))):
        assert not weigh(_ADDRESSES, answer, live).released


@given(clouds(), st.data())
def test_of_two_answers_that_count_the_one_with_more_machines_never_releases_more(
    cloud: tuple[tuple[Machine, ...], tuple[Node, ...]], data: st.DataObject
) -> None:
    machines, live = cloud
    fewer = data.draw(st.lists(st.sampled_from(machines), unique=True))
    less, more = (weigh(_ADDRESSES, shown(tuple(each)), live) for each in (fewer, machines))
    assert less.silence or more.released <= less.released


# A hearing


class Azure:
    """Answers, and counts how often it was asked; `during` runs while it is."""

    def __init__(self, answer: Answer, during: Callable[[], object] = lambda: None) -> None:
        self.answer = answer
        self.asked = 0
        self._during = during

    def __call__(self) -> Answer:
        self.asked += 1
        self._during()
        return self.answer


def test_azure_is_asked_once_however_many_tables_need_it_side_by_side() -> None:
    started = threading.Event()
    witness = Azure(azure(SEEN), during=lambda: started.wait(5))
    hearing = Hearing(witness, LIVE)
    with ThreadPoolExecutor(4) as tables:
        heard = [tables.submit(hearing.about, [at(f"10.0.0.{n}")]) for n in range(5, 9)]
        started.set()
        assert [released(each.result()) for each in heard] == [{f"10.0.0.{n}"} for n in range(5, 9)]
    assert witness.asked == 1


def test_azure_is_not_asked_before_a_table_needs_it() -> None:
    witness = Azure(azure(SEEN))
    Hearing(witness, LIVE)
    assert witness.asked == 0


def test_no_answer_is_not_asked_for_again_in_the_same_hearing() -> None:
    witness = Azure(NoAnswer("HTTP 429"))
    hearing = Hearing(witness, LIVE)
    assert hearing.about([at("10.0.0.5")]).silence == hearing.about([at("10.0.0.6")]).silence == "HTTP 429"
    assert witness.asked == 1
