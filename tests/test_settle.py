"""A wake-up played on a clock that only moves when somebody waits: how long it stays, and when it goes."""

from collections.abc import Iterator
from dataclasses import replace
from itertools import chain, repeat

import pytest

from shared.models import Waiting
from shared.report import ClusterReport, Outcome
from shared.settle import RECHECK_SECONDS, Window, settle

QUIET = ClusterReport("c", "udr", "event", Outcome.IN_SYNC, fingerprint="a" * 12, node_count=3)
LARGER = ClusterReport("c", "udr", "event", Outcome.APPLIED, fingerprint="b" * 12, node_count=4)
WAITS = ClusterReport(
    "c",
    "udr",
    "event",
    Outcome.IN_SYNC,
    fingerprint="a" * 12,
    node_count=4,
    waiting=(Waiting("n4", "no pod CIDR yet"),),
)
FAILS = ClusterReport("c", "udr", "event", Outcome.FAILED, error="the API server did not answer")
BUSY = ClusterReport("c", "udr", "event", Outcome.BUSY, error="another writer")
HELD = ClusterReport("c", "udr", "event", Outcome.HELD, fingerprint="c" * 12, node_count=1)


class Play:
    """Passes that take `lasting` seconds each and report what the script says; the last report goes on for ever."""

    def __init__(self, *script: ClusterReport, lasting: float = 0.5) -> None:
        self.now = 1000.0
        self.reports: list[ClusterReport] = []
        self._script: Iterator[ClusterReport] = chain(script, repeat(script[-1]))
        self._lasting = lasting

    def run_pass(self) -> ClusterReport:
        self.now += self._lasting
        self.reports.append(next(self._script))
        return self.reports[-1]

    def pause(self, seconds: float) -> None:
        self.now += seconds

    def settle(self, maximum: float = 180, quiet: float = 20) -> ClusterReport:
        return settle(self.run_pass, Window(maximum, quiet), clock=lambda: self.now, pause=self.pause)

    @property
    def seconds(self) -> float:
        return self.now - 1000.0


STAYS = [
    ("nothing happens: one quiet time", [QUIET], 20, 24),
    ("the nodes come a little later", [QUIET] * 5 + [LARGER, QUIET], 33, 42),
    (
        "an event comes before the nodes, and CIDRs come later still",
        [QUIET] * 3 + [WAITS] * 20 + [LARGER, QUIET],
        75,
        85,
    ),
    ("a node waits for ever", [WAITS], 175, 181),
    ("the API server fails: the queue brings the wake-up back", [FAILS, QUIET], 0, 1),
    ("the API server fails after a while", [WAITS] * 5 + [FAILS, QUIET], 12, 14),
    ("another writer is at work, then done", [BUSY] * 5 + [QUIET], 25, 30),
    ("other wake-ups write now and then: what they do is no change of the cluster", [QUIET, BUSY] * 50, 20, 24),
    ("a rail holds something: a person has to act, waiting does not help", [HELD], 20, 24),
]


@pytest.mark.parametrize(("script", "least", "most"), [case[1:] for case in STAYS], ids=[case[0] for case in STAYS])
def test_a_wake_up_stays_until_the_cluster_has_settled(script: list[ClusterReport], least: float, most: float) -> None:
    play = Play(*script)
    play.settle()
    assert least <= play.seconds <= most


def test_the_report_is_that_of_the_last_pass() -> None:
    play = Play(WAITS, LARGER, QUIET)
    assert play.settle() is play.reports[-1]
    assert len(play.reports) > 3


@pytest.mark.parametrize(
    "change",
    [
        replace(QUIET, node_count=4),
        replace(QUIET, fingerprint="b" * 12),
        replace(QUIET, waiting=(Waiting("n3", "no pod CIDR yet"),)),
    ],
    ids=["a node more", "another plan", "a node that waits"],
)
def test_any_change_starts_the_quiet_time_again(change: ClusterReport) -> None:
    play = Play(QUIET, QUIET, QUIET, QUIET, change, QUIET)
    play.settle()
    assert play.seconds >= 5 * (RECHECK_SECONDS + 0.5) + 20


def test_no_quiet_time_means_one_pass_where_no_node_waits() -> None:
    play = Play(QUIET)
    play.settle(quiet=0)
    assert len(play.reports) == 1


def test_there_is_always_one_pass() -> None:
    play = Play(WAITS)
    assert play.settle(maximum=0) is WAITS
    assert len(play.reports) == 1


def test_no_pass_is_begun_that_would_start_after_the_maximum() -> None:
    play = Play(WAITS, lasting=50)
    play.settle(maximum=180)
    assert len(play.reports) == 4
    assert play.seconds == 4 * 50 + 3 * RECHECK_SECONDS


def test_an_error_of_a_pass_goes_to_the_caller() -> None:
    def broken() -> ClusterReport:
        raise RuntimeError("killed")

    with pytest.raises(RuntimeError, match="killed"):
        settle(broken, Window(180, 20), clock=lambda: 0.0, pause=lambda _: None)
