"""Which events a pass has to tell, with what in them, and what is not told twice."""

import json
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any

import msgspec
import pytest

from shared.announcing import KINDS, MOST, PREFIX, Announcement, announcements, json_schemas
from shared.changes import AnyChange, Create, Delete, Update
from shared.history_drift import Place
from shared.models import BgpPeer, Finding, Severity
from shared.report import ChangeReport, ClusterReport, Outcome, Result, TargetReport, render_json
from tests.examples import TABLE, managed

DOCS = Path(__file__).parent.parent / "docs"
CLUSTER_ID = "/subscriptions/1/resourceGroups/rg/providers/Microsoft.ContainerService/managedClusters/shop-weu"
CORRELATION = "0f8fad5b-d9cb-469f-a165-70867728950e"
RESTORED: AnyChange = Update(managed("100.64.3.0/24", "10.0.0.4"), managed("100.64.3.0/24", "10.0.0.7"), "n3")
CREATED = Create(managed("100.64.4.0/24", "10.0.0.8"), "n4")
GONE = Delete(managed("100.64.9.0/24", "10.0.0.12"))
GONE_TOO = Delete(managed("100.64.10.0/24", "10.0.0.13"))
PEER = Create(BgpPeer("apr_shop_10.0.0.9", IPv4Address("10.0.0.9"), 65001), "n9")
HEADROOM = Finding(Severity.WARNING, "headroom", "850 of 1000 routes are used")
NO_ROOM = Finding(Severity.ERROR, "noRoom", "the table holds 1000 routes at most")


def target(*entries: tuple[AnyChange, Result], name: str = TABLE, **more: Any) -> TargetReport:
    changes = tuple(
        ChangeReport(change, result, "brake" if result is Result.HELD else "") for change, result in entries
    )
    usual: dict[str, Any] = {"outcome": Outcome.APPLIED, "managed": 14, "foreign": 2, "capacity": 1000}
    return TargetReport(name, changes=changes, **(usual | more))


def cluster(*targets: TargetReport, outcome: Outcome = Outcome.APPLIED, **more: Any) -> ClusterReport:
    return ClusterReport("shop-weu", "udr", "timer", outcome, targets=targets, **more)


def told(
    report: ClusterReport, before: ClusterReport | None = None, repaired: frozenset[Place] = frozenset()
) -> dict[str, Announcement]:
    """By kind. Each fits the schema of its kind, as strictly as it is written."""
    last = json.loads(json.dumps(render_json([before])["clusters"][0])) if before else None
    events = announcements(report, last, source=CLUSTER_ID, correlation=CORRELATION, repaired=repaired)
    kinds = {kind.__name__: kind for kind in KINDS}
    for event in events:
        data = json.loads(json.dumps(event.data))
        msgspec.convert(data, kinds[event.type.removeprefix(PREFIX)], strict=True)
        assert {key: data[key] for key in ("cluster", "mode", "trigger", "correlationId")} == {
            "cluster": "shop-weu",
            "mode": "udr",
            "trigger": "timer",
            "correlationId": CORRELATION,
        }
        assert event.source == CLUSTER_ID
    assert len({event.type for event in events}) == len(events)
    return {event.type.removeprefix(PREFIX): event for event in events}


HELD = cluster(target((GONE, Result.HELD), outcome=Outcome.HELD), outcome=Outcome.HELD)
HELD_MORE = cluster(target((GONE, Result.HELD), (GONE_TOO, Result.HELD), outcome=Outcome.HELD), outcome=Outcome.HELD)
IN_SYNC = cluster(target(outcome=Outcome.IN_SYNC), outcome=Outcome.IN_SYNC)
UNREAD = cluster(outcome=Outcome.FAILED, error="nodes could not be read")
TABLE_FAILED = cluster(target(outcome=Outcome.FAILED, error="HTTP 403"), outcome=Outcome.FAILED)
NEARLY = cluster(target(outcome=Outcome.IN_SYNC, managed=848, findings=(HEADROOM,)), outcome=Outcome.IN_SYNC)
NO_MORE = cluster(target(outcome=Outcome.PARTIAL, managed=998, findings=(NO_ROOM,)), outcome=Outcome.PARTIAL)


@pytest.mark.parametrize(
    ("what", "report", "before", "kinds"),
    [
        ("nothing happened", IN_SYNC, IN_SYNC, []),
        ("somebody else is at it", cluster(outcome=Outcome.BUSY, error="another pass"), UNREAD, []),
        ("routes came", cluster(target((CREATED, Result.APPLIED))), IN_SYNC, ["RoutesChanged"]),
        ("routes are planned only", cluster(target((CREATED, Result.PLANNED))), IN_SYNC, []),
        ("routes could not be written", cluster(target((CREATED, Result.FAILED))), IN_SYNC, []),
        ("deletes are held", HELD, IN_SYNC, ["DeletesHeld"]),
        ("deletes are held for the first time ever", HELD, None, ["DeletesHeld"]),
        ("the same deletes are still held", HELD, HELD, []),
        ("more deletes are held", HELD_MORE, HELD, ["DeletesHeld"]),
        ("fewer deletes are held", HELD, HELD_MORE, ["DeletesHeld"]),
        ("nodes cannot be read", UNREAD, IN_SYNC, ["ReconcileFailed"]),
        ("nodes still cannot be read", UNREAD, UNREAD, []),
        ("a table fails instead of the nodes", TABLE_FAILED, UNREAD, ["ReconcileFailed"]),
        ("the same table still fails", TABLE_FAILED, TABLE_FAILED, []),
        ("the table is nearly full", NEARLY, IN_SYNC, ["HeadroomLow"]),
        ("the table is still nearly full", NEARLY, NEARLY, []),
        ("the table is full now", NO_MORE, NEARLY, ["HeadroomLow"]),
        ("the table is nearly full again", NEARLY, NO_MORE, ["HeadroomLow"]),
    ],
)
def test_what_lasts_is_told_when_it_begins(
    what: str, report: ClusterReport, before: ClusterReport | None, kinds: list[str]
) -> None:
    assert list(told(report, before)) == kinds, what


def test_changed_routes_are_counted_and_named() -> None:
    entries = ((RESTORED, Result.APPLIED), (CREATED, Result.APPLIED), (GONE, Result.APPLIED), (GONE_TOO, Result.HELD))
    events = told(cluster(target(*entries)))
    event = events["RoutesChanged"]
    assert list(events) == ["RoutesChanged", "DeletesHeld"]
    assert event.subject == "shop-weu"
    assert {key: event.data[key] for key in ("created", "updated", "deleted")} == {
        "created": 1,
        "updated": 1,
        "deleted": 1,
    }
    assert event.data["changes"][0] == {
        "target": TABLE,
        "action": "update",
        "name": "apr_prod-weu_100.64.3.0-24",
        "prefix": "100.64.3.0/24",
        "nextHop": "10.0.0.7",
        "previousNextHop": "10.0.0.4",
        "node": "n3",
    }
    assert events["DeletesHeld"].subject == events["DeletesHeld"].data["target"] == TABLE
    assert (events["DeletesHeld"].data["held"], events["DeletesHeld"].data["reasons"]) == (1, ["brake"])


def test_a_peer_has_an_address_and_an_as_number() -> None:
    (change,) = told(cluster(target((PEER, Result.APPLIED))))["RoutesChanged"].data["changes"]
    assert (change["peerIp"], change["peerAsn"], "prefix" in change) == ("10.0.0.9", 65001, False)


def test_repaired_drift_is_told_beside_all_changes() -> None:
    report = cluster(target((RESTORED, Result.APPLIED), (CREATED, Result.APPLIED)))
    events = told(report, IN_SYNC, frozenset({(TABLE.lower(), "100.64.3.0/24")}))
    assert [change["prefix"] for change in events["DriftRepaired"].data["changes"]] == ["100.64.3.0/24"]
    assert (events["DriftRepaired"].data["repaired"], events["RoutesChanged"].data["updated"]) == (1, 1)


def test_of_many_changes_a_hundred_are_named_and_all_are_counted() -> None:
    many = tuple((Create(managed(f"100.65.{number}.0/24", "10.0.0.8"), "n"), Result.APPLIED) for number in range(250))
    event = told(cluster(target(*many)))["RoutesChanged"]
    assert (event.data["created"], len(event.data["changes"])) == (250, MOST)
    assert len(json.dumps(event.data)) < 64_000


def test_a_failed_pass_says_what_failed() -> None:
    event = told(TABLE_FAILED)["ReconcileFailed"]
    assert event.data["targets"] == [{"target": TABLE, "error": "HTTP 403"}]
    assert told(UNREAD)["ReconcileFailed"].data["error"] == "nodes could not be read"


def test_headroom_has_the_numbers_of_the_target() -> None:
    event = told(NEARLY)["HeadroomLow"]
    assert event.subject == TABLE
    assert (event.data["used"], event.data["capacity"], event.data["message"]) == (850, 1000, HEADROOM.message)


def test_a_target_is_the_same_whatever_its_case() -> None:
    again = cluster(target((GONE, Result.HELD), name=TABLE.upper(), outcome=Outcome.HELD), outcome=Outcome.HELD)
    assert told(again, HELD) == {}


def test_a_cluster_that_is_no_aks_cluster_has_a_source_too() -> None:
    (event,) = announcements(UNREAD, None, source="", correlation="")
    assert event.source == "urn:aks-pod-routes:shop-weu"


def test_the_schemas_in_docs_are_current() -> None:
    kept = json.loads((DOCS / "events.schema.json").read_text(encoding="utf-8"))
    assert kept == json_schemas(), (
        "docs/events.schema.json is out of date: python -c 'import json; from shared.announcing import json_schemas; "
        "print(json.dumps(json_schemas(), indent=2))' > docs/events.schema.json"
    )


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: str(kind.__name__))
def test_the_manual_has_every_kind_and_every_field(kind: type[msgspec.Struct]) -> None:
    manual = (DOCS / "events.md").read_text(encoding="utf-8")
    assert f"## AksPodRoutes.{kind.__name__}" in manual
    section = manual.partition(f"## AksPodRoutes.{kind.__name__}")[2].partition("\n## ")[0]
    own = {field.encode_name for field in msgspec.structs.fields(kind)} - {
        "cluster",
        "mode",
        "trigger",
        "correlationId",
    }
    assert {name for name in own if f"`{name}`" not in section} == set()
