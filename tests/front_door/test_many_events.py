"""Many events for one cluster: counted, not timed. One wake-up stays with the cluster, the others go at once, nothing is lost.

A node without a pod CIDR keeps the first settling window open until everything has arrived, however slow the machine is.
"""

from collections.abc import Iterator

import pytest

from sandbox.cluster import scale_event, table_id
from sandbox.functions_host.process import Invocation
from sandbox.kubernetes_api.kinds import NODES
from sandbox.world import eventually
from tests.front_door.stage import FOREIGN, QUEUE, TABLES, Stage

pytestmark = pytest.mark.wire

EVENTS = 60
PATIENT = {"maxSeconds": 240, "quietSeconds": 1}
"""A window that only a settled cluster ends."""


@pytest.fixture(scope="module")
def settling(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    with Stage(tmp_path_factory.mktemp("many"), settle=PATIENT) as stage:
        yield stage


@pytest.fixture
def patient(settling: Stage) -> Stage:
    settling.reset()
    return settling


def windows(stage: Stage) -> int:
    """Settling windows so far: each begins with a list of the Nodes, and hears of all that follows by watch."""
    return stage.cloud.kubernetes.calls.count(NODES.path, watch=False)


def went(stage: Stage) -> int:
    """Wake-ups that found somebody at it."""
    return stage.new_log().count("somebody is at it already")


def settled(stage: Stage, node: list[str], *, after: int) -> list[Invocation]:
    """All wake-ups, once those that were not needed have gone and the node that was waited for is complete."""
    eventually(lambda: went(stage) == EVENTS - 1, "all wake-ups but one have found it at work")
    stage.cluster.assign_cidrs(node)
    return stage.ended("on_wake", EVENTS, after=after)


def check_the_end(stage: Stage, ended: list[Invocation]) -> None:
    """All well at the first try, nothing left to do, and written only what the nodes needed."""
    assert [each.error for each in ended] == [None] * EVENTS
    assert {each.trigger["dequeueCount"] for each in ended} == {1}
    assert stage.messages() == stage.messages(f"{QUEUE}-poison") == []
    assert went(stage) == EVENTS - 1
    assert stage.in_step()
    assert stage.foreign() == FOREIGN
    for table in TABLES:  # the nodes that were there, and the one whose pod CIDR came later
        assert stage.cloud.arm.count("PUT", table_id(table)) == 2


def test_events_that_come_at_once_make_one_settling_window_or_two(patient: Stage) -> None:
    node = patient.cluster.register("apps")
    since = patient.host.cursor()

    patient.host.send_event("on_scale_event", [scale_event("apps") for _ in range(EVENTS)])

    check_the_end(patient, settled(patient, node, after=since))
    assert windows(patient) in {1, 2}


def test_events_that_come_during_a_window_make_exactly_one_more(patient: Stage) -> None:
    node = patient.cluster.register("apps")
    since = patient.host.cursor()

    patient.host.send_event("on_scale_event", scale_event("apps"))
    patient.cloud.kubernetes.wait_for_watches(2)
    patient.host.send_event("on_scale_event", [scale_event("apps") for _ in range(EVENTS - 1)])

    check_the_end(patient, settled(patient, node, after=since))
    assert windows(patient) == 2
