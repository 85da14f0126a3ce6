"""The way of a wake-up: from the event through the queue to tables that are right, or to the poison queue."""

from collections.abc import Iterator

import pytest

from sandbox.cluster import scale_event, table_id
from sandbox.world import eventually
from tests.front_door.stage import FOREIGN, QUEUE, Stage

pytestmark = pytest.mark.wire

POISON = f"{QUEUE}-poison"
TRIES = 5
"""maxDequeueCount of host.json."""
UNUSABLE = [
    '{"cluster": "nope", "event": "1"}',
    "{not json",
    "",
    "[]",
    '{"event": "1"}',
    '{"cluster": 5, "event": "1"}',
    '{"cluster": {"name": "shop-weu"}, "event": "1"}',
]


@pytest.fixture(scope="module")
def settling(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """A world whose wake-ups stay with their cluster; elsewhere they are a single pass."""
    with Stage(tmp_path_factory.mktemp("wake"), settle={"maxSeconds": 16, "quietSeconds": 3}) as stage:
        yield stage


@pytest.fixture
def patient(settling: Stage) -> Stage:
    settling.reset()
    return settling


def send(stage: Stage, text: str) -> None:
    """Put a message on the queue, as a person or another version of the app might."""
    with stage.queue() as queue:
        queue.send_message(text)


def test_a_wake_up_stays_until_late_nodes_with_later_pod_cidrs_are_routed(patient: Stage) -> None:
    patient.reconcile()
    since = patient.host.cursor()

    patient.host.send_event("on_scale_event", scale_event("apps"))
    patient.cloud.kubernetes.wait_for_watches(2)
    lists = patient.cloud.kubernetes.calls.count(watch=False)
    names = patient.cluster.register("apps", 2)
    eventually(lambda: f"{names[1]} (no pod CIDR yet)" in patient.new_log(), "the wake-up has seen the new nodes")
    assert patient.in_step()
    patient.cluster.assign_cidrs(names)

    done = patient.host.wait_invocation("on_wake", after=since)
    assert done.ok
    assert len(patient.cluster.expected()) == 6
    assert patient.in_step()
    assert patient.foreign() == FOREIGN
    assert f"waiting: {names[0]} (no pod CIDR yet), {names[1]} (no pod CIDR yet)" in patient.new_log()
    assert [each.function for each in patient.host.invocations(after=since)] == ["on_scale_event", "on_wake"]
    assert done.trigger["dequeueCount"] == 1
    assert patient.messages() == []
    assert patient.cloud.kubernetes.calls.count(watch=False) == lists  # what came later came by watch


def test_many_events_of_one_operation_all_settle(patient: Stage) -> None:
    """Azure sends several per operation. Those that meet on one cluster must not keep each other from ever ending."""
    since = patient.host.cursor()

    patient.host.send_event("on_scale_event", [scale_event("apps") for _ in range(6)])

    ended = patient.ended("on_wake", 6, after=since)
    assert [each.error for each in ended] == [None] * 6
    assert [each.trigger["dequeueCount"] for each in ended] == [1] * 6
    assert patient.in_step()


def test_a_host_that_stops_hands_its_wake_up_to_the_next_one(patient: Stage) -> None:
    """Azure moves apps between machines all the time; what was begun there is taken up here."""
    with patient.lease():
        patient.host.send_event("on_scale_event", scale_event("apps"))
        eventually(lambda: "event: shop-weu  udr: busy" in patient.new_log(), "the wake-up has met the other writer")
        assert patient.writes() == []
        patient.restart_host()

    done = patient.host.wait_invocation("on_wake", after=0)

    assert done.ok
    assert done.trigger["dequeueCount"] == 2
    assert patient.in_step()


def test_a_wake_up_that_found_the_cluster_busy_to_the_end_comes_back(stage: Stage) -> None:
    since = stage.host.cursor()
    with stage.lease():
        stage.host.send_event("on_scale_event", scale_event("apps"))
        busy = stage.host.wait_invocation("on_wake", after=since)
        assert stage.writes() == []

    again = stage.host.wait_invocation("on_wake", after=busy.cursor)

    assert (busy.ok, busy.trigger["message"]) == (False, "released")
    assert "another pass is writing for shop-weu" in str(busy.error)
    assert again.trigger["messageId"] == busy.trigger["messageId"]
    assert again.ok
    assert stage.in_step()
    assert stage.messages() == stage.messages(POISON) == []


def test_a_scale_in_takes_its_routes_away_in_one_write_per_table(stage: Stage) -> None:
    stage.reconcile()
    stage.cloud.arm.clear_calls()
    since = stage.host.cursor()
    stage.cluster.remove(stage.cluster.nodes[:1])

    stage.host.send_event("on_scale_event", scale_event("apps", "delete/action"))

    assert stage.host.wait_invocation("on_wake", after=since).ok
    assert stage.in_step()
    assert sorted(stage.writes()) == [f"PUT {table_id('rt-apps')}", f"PUT {table_id('rt-system')}"]


def test_a_wake_up_looks_for_new_subnets_and_tables(stage: Stage) -> None:
    """A new pool may come with a subnet of its own; what was discovered earlier does not count then."""
    stage.reconcile()
    stage.change_shop_behind_its_back(pools={"system": "snet-system"})
    stage.cluster.add("system")
    since = stage.host.cursor()

    stage.host.send_event("on_scale_event", scale_event("system"))

    assert stage.host.wait_invocation("on_wake", after=since).ok
    assert stage.writes()[-1] == f"PUT {table_id('rt-system')}"
    assert len(stage.cluster.ours("rt-system")) == 5
    assert len(stage.cluster.ours("rt-apps")) == 4


def test_messages_nobody_can_work_on_end_in_the_poison_queue_and_hold_up_no_other(stage: Stage) -> None:
    since = stage.host.cursor()
    for text in UNUSABLE:
        send(stage, text)
    stage.host.send_event("on_scale_event", scale_event("apps"))

    ended = stage.ended("on_wake", TRIES * len(UNUSABLE) + 1, after=since)

    eventually(lambda: len(stage.messages(POISON)) == len(UNUSABLE), "all of them are in the poison queue")
    assert sorted(stage.messages(POISON)) == sorted(UNUSABLE)
    assert stage.messages() == []
    assert [each.trigger["message"] for each in ended if each.ok] == ["deleted"]
    assert max(each.trigger["dequeueCount"] for each in ended) == TRIES
    assert stage.in_step()
    assert "no cluster is called 'nope'; configured: shop-weu, books-weu" in stage.new_log()
