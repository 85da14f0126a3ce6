"""What the last passes said, and wake-ups that failed for good, over HTTP."""

import pytest

from sandbox.world import eventually
from tests.front_door.stage import QUEUE, Stage

pytestmark = pytest.mark.wire


def test_the_status_shows_the_last_report_of_each_cluster(stage: Stage) -> None:
    asked = stage.reconcile().json()["clusters"]
    status = stage.ask("GET", "/api/status")
    assert status.status_code == 200
    (shop,) = [each for each in status.json()["clusters"] if each["cluster"] == "shop-weu"]
    assert shop["report"] == asked[0]
    assert {each["capacity"] for each in shop["headroom"]} == {1000}
    assert shop["history"][0]["outcome"] == "applied"
    assert shop["routes"] is None


def test_the_routes_of_a_cluster_are_shown_on_demand_with_node_and_pool(stage: Stage) -> None:
    stage.reconcile()
    (shop,) = stage.ask("GET", "/api/status?cluster=shop-weu&routes=true").json()["clusters"]
    ours = {row["prefix"]: row["nextHop"] for row in shop["routes"] if row["managed"]}
    assert ours == stage.cluster.expected()
    assert {row["pool"] for row in shop["routes"] if row["managed"]} == {"system", "apps"}
    assert [row["prefix"] for row in shop["routes"] if not row["managed"]] == ["0.0.0.0/0", "192.168.0.0/16"]


def test_a_browser_gets_the_page_and_a_program_gets_json(stage: Stage) -> None:
    page = stage.ask("GET", "/api/status", headers={"Accept": "text/html,application/xhtml+xml;q=0.9,*/*;q=0.8"})
    assert page.headers["Content-Type"].startswith("text/html")
    assert "default-src 'none'" in page.headers["Content-Security-Policy"]
    assert "shop-weu" not in page.text  # it fetches what it shows
    assert stage.ask("GET", "/api/status", headers={"Accept": "application/json"}).json()["clusters"]
    assert stage.ask("GET", "/api/status?format=text").text.startswith("CLUSTER")


def test_a_pass_that_changed_something_is_in_the_history_with_what_azure_called_it(stage: Stage) -> None:
    stage.reconcile()
    stage.cluster.edit_route("rt-apps", min(stage.cluster.expected()), nextHopIpAddress="10.10.0.99")
    stage.reconcile()
    newest = stage.ask("GET", "/api/status?cluster=shop-weu&limit=1").json()["entries"][0]
    entry = stage.ask("GET", f"/api/status?cluster=shop-weu&entry={newest['id']}").json()
    (table,) = [each for each in entry["targets"] if each["changes"]]
    assert (newest["applied"], newest["repaired"]) == (1, 1)
    assert table["etagBefore"] != table["etagAfter"]
    assert [write["method"] for write in entry["writes"]] == ["PUT"]


def test_what_the_doctor_found_is_in_the_status(stage: Stage) -> None:
    checks = stage.ask("GET", "/api/doctor?cluster=shop-weu").json()["clusters"][0]["checks"]
    amiss = {check["code"] for check in checks if check["verdict"] != "ok"}
    (shop,) = stage.ask("GET", "/api/status?cluster=shop-weu").json()["clusters"]
    assert {finding["code"] for finding in shop["findings"]} == amiss
    assert stage.ask("GET", "/api/doctor?cluster=nobody").status_code == 404
    assert stage.ask("GET", "/api/doctor?cluster=shop-weu&format=text").text.startswith("shop-weu: ")


def test_a_poisoned_wake_up_is_visible_and_not_silent(stage: Stage) -> None:
    with stage.queue(f"{QUEUE}-poison") as poison:
        poison.send_message('{"cluster": "shop-weu", "event": "1"}')
        try:
            eventually(lambda: stage.ask("GET", "/api/status").json()["poison"]["count"] == 1, "the poison shows")
            assert stage.ask("GET", "/api/status").json()["poison"]["clusters"] == ["shop-weu"]
        finally:
            poison.clear_messages()
    assert stage.ask("GET", "/api/status").json()["poison"] == {"count": 0, "clusters": []}


def test_the_status_wants_a_key_and_writes_nothing_to_azure(stage: Stage) -> None:
    assert stage.ask("GET", "/api/status", key=None).status_code == 401
    stage.ask("GET", "/api/status")
    assert stage.writes() == []
