"""A timer's round over many clusters: handed out over the queue, one pass per message; made on the spot where they are few."""

import json
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from sandbox.cluster import table_id
from sandbox.functions_host.process import FunctionsHost, Invocation
from sandbox.kubernetes_api.kinds import NODES
from sandbox.world import eventually
from shared.fleet import CLUSTERS_AT_ONCE, CLUSTERS_PER_SECOND
from shared.wake import Wake
from tests.front_door.stage import BOOKS_CIDR, BOOKS_ID, BOOKS_NETWORK, NO_WAKE, QUEUE, Stage

pytestmark = pytest.mark.wire

POISON = f"{QUEUE}-poison"
MANY = 3 * CLUSTERS_AT_ONCE
"""Their messages come up over some seconds."""
ROUTES = {"100.128.0.0/24": "10.20.0.4"}
"""Of the one node that all of these clusters show."""
UNREADABLE = (403, {"kind": "Status", "message": "nodes is forbidden"})


def build(stage: Stage, count: int) -> dict[str, str]:
    """So many clusters with the node of books-weu and a route table each: name → table."""
    group = BOOKS_ID.rpartition("/")[0]
    tables: dict[str, str] = {}
    for number in range(count):
        name = f"part-{number:02}"
        tables[name] = table_id(f"rt-{name}")
        network = BOOKS_NETWORK.replace("vnet-books", f"vnet-{name}")
        stage.cloud.arm.add_route_table(tables[name])
        stage.cloud.arm.add_virtual_network(network, {"snet": tables[name]}, prefixes=["10.20.0.0/16"])
        stage.cloud.arm.add_cluster(
            f"{group}/{name}",
            node_resource_group=f"MC_rg-shop_{name}_westeurope",
            pools={"books": f"{network}/subnets/snet"},
            pod_cidrs=[BOOKS_CIDR],
            kube_server=stage._books_url,
            kube_ca_pem=stage.cloud.authority.ca_pem,
        )
    return tables


@contextmanager
def instance(stage: Stage, folder: Path, names: Iterable[str], **settings: str) -> Iterator[FunctionsHost]:
    """An instance of the app that looks after these clusters alone."""
    group = BOOKS_ID.rpartition("/")[0]
    clusters = [{**stage.configuration, "name": name, "aksClusterId": f"{group}/{name}"} for name in names]
    told = {**stage.settings, "AKS_POD_ROUTES_CLUSTERS": json.dumps(clusters), **settings}
    with stage.host_with(told, folder) as host:
        yield host


@pytest.fixture
def alone(stage: Stage) -> Iterator[Stage]:
    """The world while its own instance is away and takes no messages: those of a round are for another one."""
    stage.host.stop()
    yield stage
    stage.host.__enter__()
    warm(stage)


@pytest.fixture
def known(stage: Stage) -> Iterator[Stage]:
    """The app has discovered shop-weu, so that a pass which cannot list the nodes tries twice; and so it is left."""
    warm(stage)
    stage.cloud.arm.clear_calls()
    stage.cloud.kubernetes.clear_calls()
    yield stage
    stage.cloud.kubernetes.clear_faults()
    warm(stage)


def warm(stage: Stage) -> None:
    assert stage.ask("GET", "/api/plan").status_code == 200


def by_hand(host: FunctionsHost) -> Invocation:
    since = host.cursor()
    host.run("on_timer")
    return host.wait_invocation("on_timer", after=since)


def send(stage: Stage, wake: Wake) -> None:
    with stage.queue() as queue:
        queue.send_message(wake.text())


def lists(stage: Stage) -> int:
    """Passes so far, over whatever cluster of `build`: each lists the Nodes once."""
    return stage.books.calls.count(NODES.path, watch=False)


def routed(stage: Stage, tables: dict[str, str]) -> dict[str, bool]:
    return {name: stage.cloud.arm.routes(table) == ROUTES for name, table in tables.items()}


def collect(stage: Stage, count: int) -> dict[str, float]:
    """Take so many messages off the queue: cluster → when its message could be seen first, by the wall clock."""
    seen: dict[str, float] = {}
    with stage.queue() as queue:

        def look() -> bool:
            for message in queue.receive_messages(max_messages=32):
                told = json.loads(str(message.content))
                assert told.pop("once") is True
                assert told["cluster"] not in seen
                seen[told["cluster"]] = time.time()
                queue.delete_message(message)
            return len(seen) >= count

        eventually(look, f"{count} messages have come up")
        assert queue.get_queue_properties().approximate_message_count == 0
    return seen


def test_a_round_over_many_clusters_is_one_message_each_one_after_the_other_and_no_pass(
    alone: Stage, tmp_path: Path
) -> None:
    tables = build(alone, MANY)
    with instance(alone, tmp_path, tables, **NO_WAKE) as host:
        before = time.time()

        run = by_hand(host)

        seen = collect(alone, MANY)
        log = host.log()
    assert run.ok
    assert set(seen) == set(tables)
    late = {name: seen[name] - before for name in tables}
    for number, name in enumerate(tables):  # never sooner; later where the machine is slow
        assert late[name] >= round(number / CLUSTERS_PER_SECOND)
    assert lists(alone) == 0
    assert alone.cloud.arm.calls == ()
    assert f"timer: a round over {MANY} clusters was handed out over the queue" in log


def test_the_messages_of_a_round_are_one_pass_each_and_leave_nothing_behind(alone: Stage, tmp_path: Path) -> None:
    tables = build(alone, CLUSTERS_AT_ONCE + 1)
    with instance(alone, tmp_path, tables) as host:
        since = host.cursor()
        host.run("on_timer")
        ended: list[Invocation] = []
        while len(ended) < len(tables):
            ended.append(host.wait_invocation("on_wake", after=ended[-1].cursor if ended else since))

        assert [each.error for each in ended] == [None] * len(tables)
        assert routed(alone, tables) == dict.fromkeys(tables, True)
        assert lists(alone) == len(tables)
        functions = [each.function for each in host.invocations(after=since)]
    assert sorted(functions) == ["on_timer", *["on_wake"] * len(tables)]
    assert alone.messages() == alone.messages(POISON) == []


def test_up_to_the_threshold_the_timer_makes_the_passes_itself(alone: Stage, tmp_path: Path) -> None:
    tables = build(alone, CLUSTERS_AT_ONCE)
    with instance(alone, tmp_path, tables, **NO_WAKE) as host:
        run = by_hand(host)

    assert run.ok
    assert routed(alone, tables) == dict.fromkeys(tables, True)
    with alone.queue() as queue:
        assert queue.get_queue_properties().approximate_message_count == 0


def test_a_message_of_a_round_is_one_pass_without_watch_and_without_vigil(stage: Stage) -> None:
    stage.delete_blobs()
    since = stage.host.cursor()

    send(stage, Wake("shop-weu", once=True))

    done = stage.host.wait_invocation("on_wake", after=since)
    assert done.ok
    assert done.trigger["message"] == "deleted"
    assert stage.in_step()
    assert stage.cloud.kubernetes.calls.count(NODES.path, watch=False) == 1
    assert stage.cloud.kubernetes.calls.count(watch=True) == 0
    folders = {name.partition("/")[0] for name in stage.blobs()}
    assert {"leases", "reports"} <= folders
    assert not {"vigils", "wakes"} & folders
    assert stage.new_log().count(" timer: shop-weu  udr  rt-apps: ") == 1
    assert " event: shop-weu" not in stage.new_log()
    assert [each.function for each in stage.host.invocations(after=since)] == ["on_wake"]


def test_a_pass_of_a_round_that_meets_a_writer_leaves_the_work_to_it(stage: Stage) -> None:
    """As in a round of few: somebody is doing the very same work, so nothing is red and nothing comes back."""
    since = stage.host.cursor()
    with stage.lease():
        send(stage, Wake("shop-weu", once=True))
        done = stage.host.wait_invocation("on_wake", after=since)

    assert done.ok
    assert done.trigger["message"] == "deleted"
    assert stage.writes() == []
    assert stage.messages() == stage.messages(POISON) == []


def test_a_cluster_that_fails_is_red_once_tried_again_and_then_left_to_the_next_round(known: Stage) -> None:
    since = known.host.cursor()
    known.cloud.kubernetes.answer_next("/api/v1/nodes", *UNREADABLE, 100)

    send(known, Wake("shop-weu", once=True))

    first = known.host.wait_invocation("on_wake", after=since)
    second = known.host.wait_invocation("on_wake", after=first.cursor)
    assert (first.ok, first.trigger["dequeueCount"], first.trigger["message"]) == (False, 1, "released")
    assert "shop-weu: cannot list nodes: 403 nodes is forbidden; grant" in str(first.error)
    assert (second.ok, second.trigger["dequeueCount"], second.trigger["message"]) == (True, 2, "deleted")
    assert second.trigger["messageId"] == first.trigger["messageId"]
    assert known.new_log().count("shop-weu  udr: failed") == 2
    assert known.writes() == []
    with known.queue() as queue, known.queue(POISON) as poison:
        left = [each.get_queue_properties().approximate_message_count for each in (queue, poison)]
    assert left == [0, 0]


def test_the_second_try_repairs_what_the_first_could_not(known: Stage) -> None:
    since = known.host.cursor()
    known.cloud.kubernetes.answer_next("/api/v1/nodes", *UNREADABLE, 2)

    send(known, Wake("shop-weu", once=True))

    first = known.host.wait_invocation("on_wake", after=since)
    assert first.ok is False
    assert known.host.wait_invocation("on_wake", after=first.cursor).ok
    assert known.in_step()
