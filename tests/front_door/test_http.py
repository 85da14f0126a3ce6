"""The HTTP functions as callers see them: which answer when, and that it is a report."""

import re
from typing import Any

import pytest

from sandbox.cluster import table_id
from sandbox.resource_manager import errors
from tests.front_door.stage import BOOKS_TABLE, FOREIGN, TABLES, Stage

pytestmark = pytest.mark.wire

CLUSTER_KEYS = [
    *("cluster", "mode", "trigger", "outcome", "fingerprint", "startedAt", "durationMs", "error", "nodes", "targets")
]
TARGET_KEYS = ["target", "outcome", "managed", "foreign", "capacity", "error", "changes", "findings"]
CHANGE_KEYS = ["action", "name", "prefix", "nextHop", "previousNextHop", "node", "result"]
FIRST_PLAN = """\
shop-weu  udr  rt-apps: 4 to create (0 managed, 0 foreign left alone, 0/1000 used)
  + 100.64.0.0/24  via 10.10.0.4  aks-system-31415926-vmss000000
  + 100.64.1.0/24  via 10.10.0.5  aks-system-31415926-vmss000001
  + 100.64.2.0/24  via 10.10.4.4  aks-apps-31415926-vmss000000
  + 100.64.3.0/24  via 10.10.4.5  aks-apps-31415926-vmss000001
shop-weu  udr  rt-system: 4 to create (0 managed, 2 foreign left alone, 0/1000 used)
  + 100.64.0.0/24  via 10.10.0.4  aks-system-31415926-vmss000000
  + 100.64.1.0/24  via 10.10.0.5  aks-system-31415926-vmss000001
  + 100.64.2.0/24  via 10.10.4.4  aks-apps-31415926-vmss000000
  + 100.64.3.0/24  via 10.10.4.5  aks-apps-31415926-vmss000001
plan {fingerprint}
"""
REQUESTS = [("GET", "/api/plan"), ("POST", "/api/reconcile")]


def shop(answer: Any) -> dict[str, Any]:
    """The report of the one cluster in an answer."""
    (report,) = answer.json()["clusters"]
    assert list(report) == CLUSTER_KEYS
    for target in report["targets"]:
        assert list(target) == TARGET_KEYS
        for change in target["changes"]:
            assert [key for key in change if key != "reason"] == CHANGE_KEYS
    return dict(report)


def results(report: dict[str, Any]) -> list[str]:
    return [change["result"] for target in report["targets"] for change in target["changes"]]


def test_a_plan_is_a_report_with_the_keys_of_the_contract(stage: Stage) -> None:
    answer = stage.ask("GET", "/api/plan?cluster=shop-weu")

    report = shop(answer)
    assert answer.status_code == 200
    assert [report[key] for key in ("cluster", "mode", "trigger", "outcome")] == ["shop-weu", "udr", "http", "planned"]
    assert report["error"] is None
    assert re.fullmatch(r"[0-9a-f]{12}", report["fingerprint"])
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", report["startedAt"])
    assert report["durationMs"] >= 0
    assert report["nodes"] == {"total": 4, "waiting": []}
    assert [target["target"] for target in report["targets"]] == [table_id("rt-apps"), table_id("rt-system")]
    system = report["targets"][1]
    assert (system["managed"], system["foreign"], system["capacity"]) == (0, 2, 1000)
    assert system["changes"][0] == {
        "action": "create",
        "name": "apr_shop-weu_100.64.0.0-24",
        "prefix": "100.64.0.0/24",
        "nextHop": "10.10.0.4",
        "previousNextHop": None,
        "node": "aks-system-31415926-vmss000000",
        "result": "planned",
    }


def test_a_plan_reads_well_as_text(stage: Stage) -> None:
    fingerprint = shop(stage.ask("GET", "/api/plan?cluster=shop-weu"))["fingerprint"]

    answer = stage.ask("GET", "/api/plan?cluster=shop-weu&format=text")

    assert answer.status_code == 200
    # How wide its columns are is the report's own affair.
    assert re.sub(r"(?<=\S) {2,}", "  ", answer.text) == FIRST_PLAN.format(fingerprint=fingerprint)


@pytest.mark.parametrize(
    ("form", "content_type"), [("json", "application/json"), ("text", "text/plain; charset=utf-8")]
)
def test_the_content_type_is_well_formed(stage: Stage, form: str, content_type: str) -> None:
    answer = stage.ask("GET", f"/api/plan?cluster=shop-weu&format={form}")

    assert answer.headers["Content-Type"] == content_type


def test_a_plan_of_all_clusters_has_a_report_for_each(stage: Stage) -> None:
    answer = stage.ask("GET", "/api/plan")

    assert answer.status_code == 200
    assert [report["cluster"] for report in answer.json()["clusters"]] == ["shop-weu", "books-weu"]


@pytest.mark.parametrize(("method", "path", "body"), [("GET", "/api/plan", None), ("POST", "/api/reconcile", "dryRun")])
def test_neither_a_plan_nor_a_dry_run_writes_anything(stage: Stage, method: str, path: str, body: str | None) -> None:
    stage.forget()
    stage.delete_blobs()

    answer = stage.ask(method, path, json={body: True} if body else None)

    assert answer.status_code == 200
    assert {report["outcome"] for report in answer.json()["clusters"]} == {"planned"}
    assert stage.writes() == []
    assert stage.blobs() == []


def test_a_reconcile_does_it_and_a_second_one_finds_nothing_to_do(stage: Stage) -> None:
    done, again = shop(stage.reconcile()), shop(stage.reconcile())

    assert done["outcome"] == "applied"
    assert results(done) == ["applied"] * 8
    assert stage.in_step()
    assert stage.foreign() == FOREIGN
    assert sorted(stage.writes()) == [f"PUT {table_id(name)}" for name in sorted(TABLES)]
    assert again["outcome"] == "inSync"
    assert results(again) == []


@pytest.mark.parametrize("body", [b"", b"  \n", b"{}"])
def test_a_reconcile_without_a_cluster_is_one_of_all(stage: Stage, body: bytes) -> None:
    answer = stage.ask("POST", "/api/reconcile", data=body)

    assert answer.status_code == 200
    assert stage.in_step()
    assert list(stage.cloud.arm.routes(BOOKS_TABLE)) == ["100.128.0.0/24"]


@pytest.mark.parametrize(("method", "path"), REQUESTS)
@pytest.mark.parametrize("key", [None, "wrong", "event grid"])
def test_without_the_right_key_nothing_runs(stage: Stage, method: str, path: str, key: str | None) -> None:
    since = stage.host.cursor()

    answer = stage.ask(method, path, key=stage.host.event_grid_key if key == "event grid" else key)

    assert answer.status_code == 401
    assert stage.host.cursor() == since


@pytest.mark.parametrize(("method", "path"), [("POST", "/api/plan"), ("GET", "/api/reconcile")])
def test_another_method_reaches_no_function(stage: Stage, method: str, path: str) -> None:
    assert stage.ask(method, path).status_code == 404
    assert stage.writes() == []


@pytest.mark.parametrize(
    ("body", "field"),
    [
        (b"{", "body"),
        (b'{"cluster": "shop-weu"', "body"),
        (b"\xff\xfe", "body"),
        (b"[]", "body"),
        (b"null", "body"),
        (b'"shop-weu"', "body"),
        (b"[" * 100_000, "body"),
        (b'{"cluster": 5}', "cluster"),
        (b'{"dryRun": "yes"}', "dryRun"),
        (b'{"dryRun": 1}', "dryRun"),
        (b'{"force": "false"}', "force"),
        (b'{"cluster": "shop-weu", "expect": 7}', "expect"),
        (b'{"cluster": "shop-weu", "expect": "latest"}', "expect"),
        (b'{"cluster": "shop-weu", "expect": "0123456789ABC"}', "expect"),
        (b'{"expect": "0123456789ab"}', "expect"),
        (b'{"cluster": "shop-weu", "dryrun": true}', "dryrun"),
        (b'{"clusters": ["shop-weu"]}', "clusters"),
    ],
)
def test_a_body_that_cannot_be_understood_is_400_and_names_the_field(stage: Stage, body: bytes, field: str) -> None:
    answer = stage.ask("POST", "/api/reconcile", data=body)

    assert answer.status_code == 400
    assert answer.json()["clusters"] == []
    assert answer.json()["field"] == field
    assert answer.json()["error"].startswith(f"{field}: ")
    assert stage.writes() == []


@pytest.mark.parametrize(("method", "path"), REQUESTS)
@pytest.mark.parametrize("form", ["xml", "JSON", "text "])
def test_an_unknown_format_is_400_and_nothing_is_done(stage: Stage, method: str, path: str, form: str) -> None:
    answer = stage.ask(method, path, params={"format": form})

    assert answer.status_code == 400
    assert (answer.json()["field"], answer.json()["clusters"]) == ("format", [])
    assert stage.writes() == []


@pytest.mark.parametrize("name", ["nope", "SHOP-WEU", "shop-weu ", "shop-weu,books-weu", "ü\U0001f600" * 100])
def test_an_unknown_cluster_is_404_and_says_which_there_are(stage: Stage, name: str) -> None:
    for answer in (stage.reconcile(name), stage.ask("GET", "/api/plan", params={"cluster": name})):
        assert answer.status_code == 404
        assert answer.json()["clusters"] == []
        assert "shop-weu, books-weu" in answer.json()["error"]
        assert len(answer.text) < 1000
    assert stage.writes() == []


def test_a_busy_cluster_is_409_with_retry_after_and_is_left_alone(stage: Stage) -> None:
    with stage.lease():
        answer = stage.reconcile()
        plan = stage.ask("GET", "/api/plan?cluster=shop-weu")

        assert answer.status_code == 409
        assert 1 <= int(answer.headers["Retry-After"]) <= 60
        assert shop(answer)["outcome"] == "busy"
        assert "another pass is writing for shop-weu" in shop(answer)["error"]
        assert stage.writes() == []
        assert plan.status_code == 200  # who only looks disturbs nobody
    assert stage.reconcile().status_code == 200


def test_one_busy_cluster_does_not_keep_the_other_from_being_reconciled(stage: Stage) -> None:
    with stage.lease("shop-weu"):
        answer = stage.ask("POST", "/api/reconcile")

    assert answer.status_code == 409
    assert [report["outcome"] for report in answer.json()["clusters"]] == ["busy", "applied"]
    assert list(stage.cloud.arm.routes(BOOKS_TABLE)) == ["100.128.0.0/24"]


def test_a_plan_that_is_no_longer_the_expected_one_is_409_and_writes_nothing(stage: Stage) -> None:
    seen = shop(stage.ask("GET", "/api/plan?cluster=shop-weu"))["fingerprint"]
    stage.cluster.add("apps")

    answer = stage.reconcile(expect=seen)

    report = shop(answer)
    assert answer.status_code == 409
    assert "Retry-After" not in answer.headers  # the same request never succeeds
    assert report["fingerprint"] not in {seen, None}
    assert report["fingerprint"] in report["error"]
    assert seen in report["error"]
    assert set(results(report)) == {"planned"}
    assert stage.writes() == []
    assert stage.reconcile(expect=report["fingerprint"]).status_code == 200
    assert stage.in_step()


def test_held_deletes_and_nothing_else_to_do_is_422_until_forced(stage: Stage) -> None:
    stage.reconcile()
    stage.cluster.remove_nodes(stage.cluster.nodes[1:])
    stage.cloud.arm.clear_calls()

    plan, answer = stage.ask("GET", "/api/plan?cluster=shop-weu"), stage.reconcile()

    assert (plan.status_code, answer.status_code) == (422, 422)
    assert shop(answer)["outcome"] == "held"
    assert set(results(shop(answer))) == {"held"}
    (finding,) = shop(answer)["targets"][0]["findings"]
    assert finding["code"] == "brake"
    assert "3 of 4 routes would be deleted: 75% is over 30%" in finding["message"]
    assert '{"force": true}' in finding["message"]
    assert stage.writes() == []
    assert stage.reconcile(force=True, expect=shop(plan)["fingerprint"]).status_code == 200
    assert stage.in_step()
    assert stage.foreign() == FOREIGN


def test_held_deletes_beside_work_that_was_done_are_200(stage: Stage) -> None:
    stage.reconcile()
    stage.cluster.remove_nodes(stage.cluster.nodes[1:])
    stage.cluster.add("apps")

    answer = stage.reconcile()

    assert answer.status_code == 200
    assert shop(answer)["outcome"] == "held"
    assert results(shop(answer)) == ["held", "held", "held", "applied"] * 2


def test_a_refused_cluster_is_422_with_the_reason(stage: Stage) -> None:
    stage.change_shop(network_plugin="azure")

    for answer in (stage.ask("GET", "/api/plan?cluster=shop-weu"), stage.reconcile()):
        assert answer.status_code == 422
        assert shop(answer)["outcome"] == "failed"
        assert "network plugin azure, not none" in shop(answer)["error"]
    assert stage.writes() == []


def test_an_unreachable_api_server_is_502(stage: Stage) -> None:
    stage.change_shop(kube_server="https://127.0.0.1:9")

    answer = stage.reconcile()

    assert answer.status_code == 502
    assert shop(answer)["error"].startswith("cannot read from the API server https://127.0.0.1:9")
    assert stage.writes() == []


def test_an_api_server_that_refuses_the_token_is_502(stage: Stage) -> None:
    stage.cloud.kubernetes.answer_next("/api/v1/nodes", 401, {"kind": "Status", "message": "Unauthorized"}, 2)

    answer = stage.reconcile()

    assert answer.status_code == 502
    assert "the token is not accepted" in shop(answer)["error"]
    assert stage.writes() == []


def test_a_refusal_of_resource_manager_is_502(stage: Stage) -> None:
    stage.cloud.arm.refuse_next("PUT", "rt-apps", errors.scope_locked(table_id("rt-apps")))

    answer = stage.reconcile()

    apps, system = shop(answer)["targets"]
    assert answer.status_code == 502
    assert (apps["outcome"], system["outcome"], shop(answer)["outcome"]) == ("failed", "applied", "failed")
    assert "HTTP 409 ScopeLocked: a management lock forbids this write" in apps["error"]
    assert {change["result"] for change in apps["changes"]} == {"failed"}


def test_a_write_that_was_accepted_and_then_failed_is_502_and_not_called_applied(stage: Stage) -> None:
    """cloud-provider-azure#11003 reported such a one as done."""
    stage.cloud.arm.fail_operation_next("rt-apps", "InternalServerError", "An error occurred.")

    answer = stage.reconcile()

    apps, system = shop(answer)["targets"]
    assert answer.status_code == 502
    assert (apps["outcome"], system["outcome"]) == ("failed", "applied")
    assert {change["result"] for change in apps["changes"]} == {"failed"}
    assert "InternalServerError" in apps["error"]


def test_the_worst_cluster_decides_the_answer_and_each_has_its_report(stage: Stage) -> None:
    stage.change_shop(network_plugin="kubenet")
    stage.books.answer_next("/api/v1/nodes", 403, {"kind": "Status", "message": "nodes is forbidden"}, 2)

    answer = stage.ask("POST", "/api/reconcile")

    refused, failed = answer.json()["clusters"]
    assert answer.status_code == 502
    assert "network plugin kubenet" in refused["error"]
    assert "nodes is forbidden; grant" in failed["error"]


def test_what_fails_reads_well_as_text_too(stage: Stage) -> None:
    stage.change_shop(power_state="Stopped")

    answer = stage.ask("POST", "/api/reconcile?format=text")

    assert answer.status_code == 422
    assert "shop-weu udr: failed error: the cluster " in " ".join(answer.text.split())
    assert "books-weu  udr  rt-books: 1 created" in answer.text
