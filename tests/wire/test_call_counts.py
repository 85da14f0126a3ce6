"""What a pass costs, counted by those who are asked: Resource Manager, the Kubernetes API, storage."""

import json
from collections.abc import Callable

import pytest

from sandbox.cluster import CLUSTER_ID
from shared.passes import CACHE_SECONDS
from shared.report import Outcome
from shared.wiring import SystemClock
from tests.wire.conftest import Sent
from tests.wire.stage import APPS, ONE_TABLE, SYSTEM, Stage, applied

pytestmark = pytest.mark.wire


def test_400_new_nodes_take_one_get_one_put_and_its_final_get_and_a_second_pass_one_get(stage: Stage) -> None:
    """Issue "Must show"; k/k#86300: no write when nothing changed."""
    names = stage.cluster.add("apps", 400)
    app = stage.start(ONE_TABLE)

    report = app.run()
    assert (report.outcome, applied(report)) == (Outcome.APPLIED, 400)
    assert stage.calls() == ["GET", "PUT", "poll", "GET"]
    assert stage.ours() == stage.cluster.expected()

    stage.forget_calls()
    assert app.run().outcome is Outcome.IN_SYNC
    assert stage.calls() == ["GET"]
    assert stage.asked == 1  # what was discovered is known
    assert stage.pages() == (1, 1)

    stage.cluster.remove(names[100:150])
    stage.forget_calls()
    report = app.run()
    assert (report.outcome, applied(report)) == (Outcome.APPLIED, 50)
    assert stage.calls() == ["GET", "PUT", "poll", "GET"]
    assert stage.asked == 4
    assert len(stage.arm.routes(APPS)) == 350


def test_an_operation_is_polled_until_it_ends_and_then_the_table_is_read_once(
    open_stage: Callable[..., Stage], waits: list[float]
) -> None:
    stage = open_stage(speed=160.0)  # 16 ms to a write, and every Retry-After is 1 s, the shortest there is
    stage.cluster.add("apps", 2)
    assert stage.start(ONE_TABLE).run().outcome is Outcome.APPLIED
    first, put, *polls, last = stage.calls()
    assert (first, put, last) == ("GET", "PUT", "GET")
    assert polls == ["poll"] * len(polls)
    assert waits == [1.0] * (len(polls) - 1)  # one wait, as long as Azure asks for, between two polls


@pytest.mark.parametrize(("nodes", "pages"), [(500, 1), (501, 2)])
def test_nodes_and_cilium_nodes_are_read_in_pages_of_500(stage: Stage, nodes: int, pages: int) -> None:
    stage.cluster.add("apps", nodes)
    report = stage.start(ONE_TABLE).run(dry_run=True)
    assert report.node_count == nodes
    assert stage.pages() == (pages, pages)


def test_discovery_takes_a_call_per_thing_and_lasts_for_ten_minutes(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = stage.start()
    now = 1000.0
    monkeypatch.setattr(SystemClock, "monotonic", staticmethod(lambda: now))
    app.run(dry_run=True)
    assert [(call.method, call.path.rsplit("/", 1)[1]) for call in stage.discovery()] == [
        ("GET", "shop-weu"),
        ("POST", "listClusterUserCredential"),
        ("GET", "snet-apps"),
        ("GET", "snet-system"),
    ]
    now += CACHE_SECONDS - 1
    stage.forget_calls()
    app.run(dry_run=True)
    assert stage.discovery() == []
    now += 1
    app.run(dry_run=True)
    assert len(stage.discovery()) == 4


def test_tokens_are_kept_between_passes(stage: Stage, sent: list[Sent]) -> None:
    app = stage.start()
    app.run(dry_run=True)
    assert any(each.path == "/msi/token" for each in sent)
    sent.clear()
    app.run(dry_run=True)
    assert len(sent) == 2  # the two tables


def test_a_dry_run_writes_nothing_and_touches_no_storage(stage: Stage, waits: list[float]) -> None:
    stage.cluster.add("system", 3)
    before = {table: stage.arm.table(table) for table in (SYSTEM, APPS)}
    nowhere = "DefaultEndpointsProtocol=http;AccountName=a;AccountKey=YQ==;BlobEndpoint=http://127.0.0.1:1/a;"
    report = stage.start(AzureWebJobsStorage=nowhere).run(dry_run=True)
    assert report.outcome is Outcome.PLANNED
    assert [len(target.changes) for target in report.targets] == [3, 3]
    assert {table: stage.arm.table(table) for table in (SYSTEM, APPS)} == before
    assert {call.method for call in stage.arm.calls} == {"GET", "POST"}
    assert [call.path for call in stage.arm.calls if call.method == "POST"] == [
        f"{CLUSTER_ID}/listClusterUserCredential"
    ]
    assert waits == []


def test_the_write_carries_the_version_that_was_read_and_every_route(stage: Stage, sent: list[Sent]) -> None:
    """CAPZ#682: without If-Match the last writer wins; azure-cli#10970: what a PUT leaves out is gone."""
    stage.cluster.add("system", 2)
    read = stage.arm.table(SYSTEM)
    stage.start().run()
    (put,) = (each for each in sent if each.method == "PUT" and each.path == SYSTEM)
    assert put.if_match == read["etag"]
    written = json.loads(put.body)
    assert written["location"] == read["location"]
    assert [each["name"] for each in written["properties"]["routes"]] == [
        "to-firewall",
        "on-premises",
        "apr_shop-weu_100.64.0.0-24",
        "apr_shop-weu_100.64.1.0-24",
    ]
    assert written["properties"]["routes"][2] == {
        "name": "apr_shop-weu_100.64.0.0-24",
        "properties": {
            "addressPrefix": "100.64.0.0/24",
            "nextHopType": "VirtualAppliance",
            "nextHopIpAddress": "10.10.0.4",
        },
    }
