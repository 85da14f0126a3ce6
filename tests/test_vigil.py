"""The protocol of wake-ups, explored: the product's own steps in every interleaving of three keepers, with crashes anywhere.

A state is what the storage account holds and where every keeper stands; the explorer visits each state once. A keeper's next
step is done and its generator goes on to the step after; between any two steps anybody else may act. A crash ends a keeper
between two steps: its message becomes visible again, as one that returned, and a lease it held ends by itself some time later.
Who holds a returned message does not take a dead keeper's lease for a living one's (`Fleet.keep_vigil`), but waits it out.
"""

from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass, replace
from types import GeneratorType
from typing import Any

import pytest

from shared.vigil import Answer, Step, keep

Protocol = Callable[[], Generator[Step, Answer, bool]]
KEEPERS = 3
YES, NO = True, False
DEAD = -1
"""Who holds a lease whose keeper crashed."""


@dataclass(frozen=True, slots=True)
class Keeper:
    """A queue function with its message in hand: the answers it got so far are all there is to know of it."""

    answers: tuple[Answer, ...] = ()
    looked: int = 0
    """The marker when it last began to settle; counts once it has gone on from there."""
    returned: bool = False
    """Its message was in a crashed keeper's hand before."""


@dataclass(frozen=True, slots=True)
class World:
    """The storage account, the keepers, and how much is still to come."""

    events: int
    crashes: int
    unsent: int = 0
    """Events that have moved the marker and have not sent their message."""
    marker: int = 0
    messages: int = 0
    returned: int = 0
    lease: int | None = None
    covered: int = 0
    """Up to which marker somebody has settled the cluster."""
    keepers: tuple[Keeper | None, ...] = (None,) * KEEPERS

    @property
    def is_over(self) -> bool:
        return not (self.events or self.unsent or self.messages or self.returned or any(self.keepers))


def position(protocol: Protocol, keeper: Keeper) -> tuple[Any, Step | None, bool]:
    """Where a keeper stands: a key of it, its next step, and what it returned if it has ended."""
    steps = protocol()
    try:
        step = next(steps)
        for answer in keeper.answers:
            step = steps.send(answer)
    except StopIteration as ended:
        return ("ended", ended.value), None, ended.value
    assert isinstance(steps, GeneratorType)
    frame = steps.gi_frame
    assert frame is not None
    return (frame.f_lasti, tuple(sorted(frame.f_locals.items(), key=str))), step, False


def outcomes(world: World, number: int, step: Step) -> Iterator[tuple[World, Answer]]:
    """The world after a keeper's step, and the answer it gets; time may be left or not."""
    match step:
        case Step.ACQUIRE:
            taken = world.lease is not None
            yield (world if taken else replace(world, lease=number)), not taken
        case Step.MARKER:
            yield world, str(world.marker)
        case Step.SETTLE:
            yield world, None
        case Step.TIME:
            yield world, True
            yield world, False
        case Step.RELEASE:
            yield replace(world, lease=None), None


def moves(world: World, protocol: Protocol, *, waits_it_out: bool) -> Iterator[World]:
    """Everything that may happen next."""
    if world.events:  # the event function moves the marker …
        yield replace(world, events=world.events - 1, marker=world.marker + 1, unsent=world.unsent + 1)
    if world.unsent:  # … and then its message goes out; a crash between the two makes Event Grid deliver it again
        yield replace(world, unsent=world.unsent - 1, messages=world.messages + 1)
        if world.crashes:
            yield replace(world, unsent=world.unsent - 1, events=world.events + 1, crashes=world.crashes - 1)
    if world.lease == DEAD:
        yield replace(world, lease=None)
    for number, keeper in enumerate(world.keepers):
        if keeper is None:
            if world.messages:
                yield place(replace(world, messages=world.messages - 1), number, Keeper())
            if world.returned:
                yield place(replace(world, returned=world.returned - 1), number, Keeper(returned=True))
            continue
        yield from turns(world, number, keeper, protocol, waits_it_out=waits_it_out)
        if world.crashes:
            lease = DEAD if world.lease == number else world.lease
            crashed = replace(world, crashes=world.crashes - 1, returned=world.returned + 1, lease=lease)
            yield place(crashed, number, None)


def turns(world: World, number: int, keeper: Keeper, protocol: Protocol, *, waits_it_out: bool) -> Iterator[World]:
    """A keeper does its next step; where it ends, its message is deleted, or replaced by a new one."""
    _, step, _ = position(protocol, keeper)
    assert step is not None
    if step is Step.ACQUIRE and keeper.returned and world.lease == DEAD and waits_it_out:
        return
    settled = replace(world, covered=max(world.covered, keeper.looked))
    for after, answer in outcomes(settled, number, step):
        looked = world.marker if step is Step.SETTLE else keeper.looked
        moved = replace(keeper, answers=(*keeper.answers, answer), looked=looked)
        _, following, done = position(protocol, moved)
        if following is not None:
            yield place(after, number, moved)
        else:
            yield place(after if done else replace(after, messages=after.messages + 1), number, None)


def place(world: World, number: int, keeper: Keeper | None) -> World:
    keepers = [*world.keepers]
    keepers[number] = keeper
    return replace(world, keepers=tuple(keepers))


def key(world: World, protocol: Protocol) -> object:
    """Worlds that differ only in how their keepers got where they are, or in which slot they sit, are one."""
    stands = sorted(
        (str(position(protocol, keeper)[0]), keeper.looked, keeper.returned, world.lease == number)
        for number, keeper in enumerate(world.keepers)
        if keeper
    )
    rest = (world.events, world.crashes, world.unsent, world.marker, world.messages, world.returned, world.covered)
    return rest, world.lease is None, world.lease == DEAD, tuple(stands)


def explore(protocol: Protocol, *, events: int, crashes: int, waits_it_out: bool = True) -> tuple[int, list[World]]:
    """How many states there are, and the ends in which a wake-up was lost."""
    first = World(events, crashes)
    seen, todo, lost = {key(first, protocol)}, [first], []
    while todo:
        world = todo.pop()
        if world.is_over:
            if world.covered < world.marker:
                lost.append(world)
            continue
        for after in moves(world, protocol, waits_it_out=waits_it_out):
            mark = key(after, protocol)
            if mark not in seen:
                seen.add(mark)
                todo.append(after)
    return len(seen), lost


@pytest.mark.parametrize(("events", "crashes", "least"), [(1, 3, 100), (2, 2, 2000), (3, 1, 10000)])
def test_no_interleaving_and_no_crash_loses_a_wake_up(events: int, crashes: int, least: int) -> None:
    states, lost = explore(keep, events=events, crashes=crashes)
    assert lost == []
    assert states > least


def without_the_check_before_release() -> Generator[Step, Answer, bool]:
    """Reads the marker, but goes whatever it says."""
    while (yield Step.ACQUIRE):
        yield Step.MARKER
        yield Step.SETTLE
        marker = yield Step.MARKER
        yield Step.RELEASE
        if (yield Step.MARKER) == marker:
            return True
    return True


def without_the_check_after_release() -> Generator[Step, Answer, bool]:
    """Gives the lease back and goes."""
    while (yield Step.ACQUIRE):
        marker = yield Step.MARKER
        seen = False
        while not seen:
            yield Step.SETTLE
            before, marker = marker, (yield Step.MARKER)
            seen = marker == before
        yield Step.RELEASE
        return True
    return True


@pytest.mark.parametrize("protocol", [without_the_check_before_release, without_the_check_after_release])
def test_without_either_check_a_wake_up_is_lost(protocol: Protocol) -> None:
    assert explore(protocol, events=2, crashes=0)[1]


def test_a_returned_message_that_takes_a_dead_lease_for_a_living_one_is_lost() -> None:
    assert explore(keep, events=1, crashes=1, waits_it_out=False)[1]


def steps_of(*answers: Answer) -> list[Step]:
    """The steps of one keeper that gets these answers, up to its end or to the first step without one."""
    keeping, taken = keep(), []
    for answer in (None, *answers):
        try:
            taken.append(keeping.send(answer))  # None starts it
        except StopIteration:
            break
    return taken


def test_who_finds_the_lease_taken_goes_at_once() -> None:
    assert steps_of(NO) == [Step.ACQUIRE]


def test_a_quiet_vigil_looks_at_the_marker_before_and_after_it_lets_go() -> None:
    assert steps_of(YES, "1", None, "1", None, "1") == [
        Step.ACQUIRE,
        Step.MARKER,
        Step.SETTLE,
        Step.MARKER,
        Step.RELEASE,
        Step.MARKER,
    ]


def test_a_wake_up_that_arrives_meanwhile_makes_another_window_without_letting_go() -> None:
    assert steps_of(YES, "1", None, "2", YES, None)[3:] == [Step.MARKER, Step.TIME, Step.SETTLE, Step.MARKER]


def test_without_time_for_another_window_the_lease_is_given_back_and_somebody_else_is_asked() -> None:
    keeping = keep()
    next(keeping)
    for answer in (YES, "1", None, "2", NO, None):
        keeping.send(answer)
    with pytest.raises(StopIteration) as ended:
        keeping.send(NO)
    assert ended.value.value is False
