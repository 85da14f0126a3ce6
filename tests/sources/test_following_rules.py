"""The rules behind following, without a wire: gathering, pace, and what is held and trusted."""

import msgspec
import pytest

from shared.sources import gathering, pace, watching
from shared.sources.gathering import Gathering
from shared.sources.held import Held
from shared.sources.objects import Listing, NodeObject, node_essence
from shared.sources.pace import Pace
from shared.sources.watch_events import Absent, Bookmark, Present


def node(name: str, *cidrs: str) -> NodeObject:
    metadata = {"name": name, "creationTimestamp": "2026-11-01T08:00:00Z"}
    return msgspec.convert({"metadata": metadata, "spec": {"podCIDRs": cidrs}}, NodeObject)


@pytest.mark.parametrize(
    ("changes", "ready_at"),
    [
        ([], None),
        ([10.0], 10.05),
        ([10.0, 10.04], 10.09),
        ([10.0, 10.04, 10.08, 10.12, 10.16, 10.2, 10.24], 10.25),
        ([10.0, 17.0], 10.25),
    ],
    ids=["none", "one", "two", "no end", "a pass lay in between"],
)
def test_changes_are_gathered_until_it_is_quiet_and_no_longer_than_a_quarter_of_a_second(
    changes: list[float], ready_at: float | None
) -> None:
    gathered = Gathering()
    for at in changes:
        gathered.note(at)
    assert gathered.ready_at == (pytest.approx(ready_at) if ready_at is not None else None)


def test_what_was_looked_at_is_not_waited_for_again() -> None:
    gathered = Gathering()
    gathered.note(10.0)
    gathered.clear()
    assert gathered.ready_at is None
    gathered.note(20.0)
    assert gathered.ready_at == pytest.approx(20.05)


def test_gathering_leaves_three_quarters_of_the_second_that_a_pass_may_start_after_a_change() -> None:
    assert gathering.GATHER_SECONDS <= 0.25


def test_attempts_slow_down_from_at_once_to_ten_seconds_and_no_further() -> None:
    tempo = Pace()
    delays = [tempo.failed() for _ in range(2000)]
    assert delays[:9] == pytest.approx([0, 0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 10])
    assert set(delays[9:]) == {pace.LONGEST_SECONDS}
    tempo.reset()
    assert tempo.failed() == 0


def test_the_time_a_server_asks_for_is_obeyed_up_to_ten_seconds() -> None:
    assert Pace().failed(1.0) == 1.0
    assert Pace().failed(3600.0) == 10.0


def test_a_silent_watch_is_noticed_soon_after_it_should_have_ended() -> None:
    assert watching.WATCH_SECONDS < watching.SILENT_SECONDS <= watching.WATCH_SECONDS + 10


@pytest.fixture
def held() -> Held[NodeObject]:
    """Two nodes, listed at revision 10."""
    held = Held(node_essence)
    assert held.install(Listing("10", (node("a"), node("b", "10.0.1.0/24"))))
    return held


def test_nothing_is_trusted_before_it_was_listed() -> None:
    held = Held(node_essence)
    assert (held.trusted, held.revision, held.objects) == (False, None, ())


@pytest.mark.parametrize(
    ("event", "changes", "names"),
    [
        (Bookmark("11"), False, "ab"),
        (Present("11", node("a")), False, "ab"),
        (Present("11", node("a", "10.0.0.0/24")), True, "ab"),
        (Present("11", node("c")), True, "abc"),
        (Absent("11", "b"), True, "a"),
        (Absent("11", "c"), False, "ab"),
    ],
)
def test_an_event_moves_the_revision_and_tells_whether_it_changed_anything(
    held: Held[NodeObject], event: Present[NodeObject] | Absent | Bookmark, names: str, *, changes: bool
) -> None:
    assert held.apply(event) == changes
    assert held.revision == "11"
    assert "".join(sorted(found.metadata.name for found in held.objects)) == names


@pytest.mark.parametrize(
    ("listed", "changes"),
    [
        ((node("b", "10.0.1.0/24"), node("a")), False),
        ((node("a"),), True),
        ((node("a"), node("b")), True),
        ((node("a"), node("b", "10.0.1.0/24"), node("c")), True),
    ],
    ids=["the same in another order", "one went", "one lost its CIDR", "one came"],
)
def test_a_new_list_is_compared_with_what_was_held(
    held: Held[NodeObject], listed: tuple[NodeObject, ...], *, changes: bool
) -> None:
    assert held.install(Listing("20", listed)) == changes
    assert (held.revision, held.generation, len(held.objects)) == ("20", 2, len(listed))


def test_who_has_lost_the_place_keeps_what_is_held_to_compare_with_but_trusts_it_no_more(
    held: Held[NodeObject],
) -> None:
    held.trusted = True
    held.lose_place()
    assert (held.trusted, held.revision, len(held.objects)) == (False, None, 2)
