"""A wake-up played on a clock that only moves when somebody waits: how long it stays, how often it passes, when it goes."""

import pytest

from shared.models import Waiting
from shared.report import ClusterReport, Outcome, TargetReport
from shared.settle import AT_WORK_SECONDS, BUSY_SECONDS, Window, settle

QUIET = ClusterReport("c", "udr", "event", Outcome.IN_SYNC, node_count=3)
APPLIED = ClusterReport("c", "udr", "event", Outcome.APPLIED, node_count=4)
WAITS = ClusterReport("c", "udr", "event", Outcome.IN_SYNC, node_count=4, waiting=(Waiting("n4", "no pod CIDR yet"),))
FAILS = ClusterReport("c", "udr", "event", Outcome.FAILED, error="the API server did not answer")
BUSY = ClusterReport("c", "udr", "event", Outcome.BUSY, error="another writer")
HELD = ClusterReport("c", "udr", "event", Outcome.HELD, node_count=1)
AT_WORK = ClusterReport(
    "c",
    "routeServer",
    "event",
    Outcome.PLANNED,
    node_count=3,
    targets=(TargetReport("hub", Outcome.PLANNED, unfinished=True),),
)


class Play:
    """Passes report one line of the script after the other, the last for ever; changes come at their times, in seconds."""

    def __init__(self, script: list[ClusterReport], changes: list[float], *, lasting: float = 0.0) -> None:
        self.now = 0.0
        self.passes: list[float] = []
        self._script = script
        self._changes = changes
        self._lasting = lasting
        self.wake_ups: list[float] = []

    def woken(self) -> bool:
        since = [at for at in self.wake_ups if at <= self.now]
        self.wake_ups = self.wake_ups[len(since) :]
        return bool(since)

    def run_pass(self) -> ClusterReport:
        self.passes.append(self.now)
        self.now += self._lasting
        return self._script[min(len(self.passes), len(self._script)) - 1]

    def wait(self, seconds: float) -> bool:
        if self._changes and self._changes[0] <= self.now + seconds:
            self.now = max(self.now, self._changes.pop(0))
            return True
        self.now += seconds
        return False

    def pause(self, seconds: float) -> None:
        self.now += seconds

    def settle(self, maximum: float = 180, quiet: float = 20) -> ClusterReport:
        return settle(
            self.run_pass, self.wait, Window(maximum, quiet), woken=self.woken, clock=lambda: self.now, pause=self.pause
        )


STAYS: list[tuple[str, list[ClusterReport], list[float], list[float], float]] = [
    ("nothing happens: one pass and one quiet time", [QUIET], [], [0], 20),
    ("a change begins a pass and the quiet time anew", [QUIET, APPLIED], [15], [0, 15], 35),
    ("a change after the quiet time is the next wake-up's, or the timer's", [QUIET], [21], [0], 20),
    ("nodes register, and their CIDRs come later still", [QUIET, WAITS, APPLIED], [10, 90], [0, 10, 90], 110),
    ("a node waits for ever", [WAITS], [], [0], 180),
    (
        "changes for ever",
        [APPLIED],
        [float(at) for at in range(10, 900, 10)],
        [float(at) for at in range(0, 181, 10)],
        180,
    ),
    ("a pass that fails ends it: the queue brings the wake-up back", [FAILS], [5], [0], 0),
    ("a pass that fails after a while", [WAITS, FAILS], [12], [0, 12], 12),
    ("another writer is at work, then done", [BUSY, BUSY, QUIET], [], [0, 0.5, 1], 20),
    ("another writer is at work for ever", [BUSY], [], [at * BUSY_SECONDS for at in range(361)], 180),
    ("Azure is at work on a peer, twice over, then done", [AT_WORK, AT_WORK, QUIET], [], [0, 10, 20], 40),
    ("Azure is at work for ever", [AT_WORK], [], [at * AT_WORK_SECONDS for at in range(19)], 180),
    ("a change is looked at while Azure is at work", [AT_WORK, AT_WORK, QUIET], [4], [0, 4, 14], 34),
    ("the quiet time begins when Azure is done", [QUIET, AT_WORK, QUIET, QUIET], [19, 40], [0, 19, 29, 40], 60),
    ("a rail holds something: a person has to act, waiting does not help", [HELD], [], [0], 20),
]


@pytest.mark.parametrize(
    ("script", "changes", "passes", "end"), [case[1:] for case in STAYS], ids=[case[0] for case in STAYS]
)
def test_a_wake_up_stays_until_the_cluster_has_settled(
    script: list[ClusterReport], changes: list[float], passes: list[float], end: float
) -> None:
    play = Play(script, list(changes))
    play.settle()
    assert (play.passes, play.now) == (passes, end)


def test_the_report_is_that_of_the_last_pass() -> None:
    assert Play([WAITS, APPLIED], [10]).settle() is APPLIED
    assert Play([BUSY], []).settle() is BUSY
    assert Play([AT_WORK], []).settle() is AT_WORK


def test_no_quiet_time_means_one_pass_where_no_node_waits() -> None:
    play = Play([QUIET], [5])
    play.settle(quiet=0)
    assert play.passes == [0]


def test_there_is_always_one_pass() -> None:
    play = Play([WAITS], [1])
    assert play.settle(maximum=0) is WAITS
    assert play.passes == [0]


def test_a_short_window_waits_for_azure_too_so_that_its_message_does_not_go_round_at_once() -> None:
    play = Play([AT_WORK], [])
    assert play.settle(maximum=1, quiet=0) is AT_WORK
    assert play.passes == [0, AT_WORK_SECONDS]


def test_a_long_pass_counts_into_the_time() -> None:
    play = Play([WAITS], [10, 60, 120, 170], lasting=50)
    play.settle(maximum=180)
    assert play.passes == [0, 50, 100, 150]


def test_a_change_during_a_pass_that_outlasts_the_quiet_time_is_looked_at() -> None:
    play = Play([QUIET, APPLIED], [10], lasting=30)
    play.settle()
    assert play.passes == [0, 30]


def test_wake_ups_extend_the_quiet_time_and_never_the_maximum() -> None:
    play = Play([QUIET], [])
    play.wake_ups = [5, 30, 31, 55]
    play.settle()
    assert (play.passes, play.now) == ([0], 80)
    play = Play([QUIET], [])
    play.wake_ups = [float(at) for at in range(900)]
    play.settle()
    assert play.now == 180


def test_an_error_of_a_pass_goes_to_the_caller() -> None:
    def broken() -> ClusterReport:
        raise RuntimeError("killed")

    with pytest.raises(RuntimeError, match="killed"):
        settle(broken, lambda _: False, Window(180, 20), woken=lambda: False, clock=lambda: 0.0, pause=lambda _: None)
