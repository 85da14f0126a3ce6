"""The history over a real storage account, and the way of a pass's id to Azure and back, over TLS."""

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from ipaddress import ip_network
from typing import Any

import pytest
from aiohttp import web
from azure.identity import ManagedIdentityCredential
from azure.storage.blob import BlobServiceClient, ContainerClient

from sandbox.azurite import Azurite
from sandbox.endpoint import Handler
from shared.arm_calls import ArmCall, recorded
from shared.changes import AnyChange, Create, Update
from shared.coordination import CONTAINER
from shared.correlation import correlated
from shared.errors import RequestError, StorageError, TargetError
from shared.history import Circumstances, Query, make_entry
from shared.history_blobs import History
from shared.history_chronicle import Chronicle
from shared.history_drift import Ledger, written_down
from shared.history_writers import other_writer
from shared.models import Rules
from shared.report import ChangeReport, ClusterReport, Outcome, Result, TargetReport
from shared.targets.arm import Arm
from shared.targets.route_table import RouteTable
from tests.examples import managed
from tests.wire.stage import APPS, Stage

pytestmark = pytest.mark.wire

NOWHERE = "DefaultEndpointsProtocol=http;AccountName=a;AccountKey=YQ==;BlobEndpoint=http://127.0.0.1:1/a;"
NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
EVENT = "0f8fad5b-d9cb-469f-a165-70867728950e"
AZURES = "aaaaaaaa-0000-0000-0000-000000000001"
PREFIX = "100.64.3.0/24"
HERE = frozenset({(APPS.lower(), PREFIX)})
RESTORED: AnyChange = Update(managed(PREFIX, "10.0.0.4"), managed(PREFIX, "10.0.0.7"), "n3")
CREATED = Create(managed(PREFIX, "10.0.0.7"), "n3")
PUT = ArmCall("PUT", APPS, 200, if_match='W/"1"', correlation_id=AZURES)
OTHER_PUT = ArmCall("PUT", APPS, 200, correlation_id="dddd")


@pytest.fixture
def container(azurite: Azurite) -> Iterator[ContainerClient]:
    """The container as a fresh deployment has it: not there."""
    with BlobServiceClient.from_connection_string(azurite.connection_string) as service:
        client = service.get_container_client(CONTAINER)
        if client.exists():
            client.delete_container()
        yield client


def report(change: AnyChange = RESTORED, result: Result = Result.APPLIED, cluster: str = "shop-weu") -> ClusterReport:
    target = TargetReport(APPS, Outcome.APPLIED, changes=(ChangeReport(change, result),))
    return ClusterReport(cluster, "udr", "timer", Outcome.APPLIED, duration_ms=812, targets=(target,))


def about(at: datetime = NOW, *calls: ArmCall) -> Circumstances:
    return Circumstances(at, EVENT, "event é", calls)


def ids(history: History, **query: Any) -> list[str]:
    return [str(entry["id"]) for entry in history.entries(Query("shop-weu", **query))]


# Storage


def test_entries_are_listed_the_newest_first_by_time_and_number(container: ContainerClient) -> None:
    history = History(container)
    assert ids(history) == []
    for minutes in (5, 0, 10, 1440):
        history.keep(make_entry(report(), about(NOW + timedelta(minutes=minutes))))
    history.keep(make_entry(report(cluster="shop-weu-2"), about()))
    told = ids(history)
    assert told == sorted(told, reverse=True)
    assert len(told) == 4
    assert ids(history, limit=2) == told[:2]
    assert ids(history, since=NOW + timedelta(minutes=5)) == told[:3]
    assert ids(history, until=NOW + timedelta(minutes=5)) == told[2:]
    assert ids(history, since=NOW + timedelta(minutes=1), until=NOW + timedelta(minutes=9)) == [told[2]]


def test_a_listing_shows_counts_from_one_request_and_an_entry_is_there_whole(
    container: ContainerClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    history = History(container)
    history.keep(make_entry(report(), about(NOW, PUT), HERE))
    with monkeypatch.context() as only:
        only.delattr(ContainerClient, "download_blob")  # a listing opens nothing
        (headline,) = history.entries(Query("shop-weu"))
    assert {key: headline[key] for key in ("applied", "repaired", "durationMs", "correlationId", "actor")} == {
        "applied": 1,
        "repaired": 1,
        "durationMs": 812,
        "correlationId": EVENT,
        "actor": "event ?",
    }
    whole = history.entry("shop-weu", headline["id"])
    assert (whole["actor"], whole["writes"][0]["correlationId"]) == ("event é", AZURES)
    assert history.entry("other", headline["id"]) is None
    with pytest.raises(RequestError):
        history.entry("shop-weu", "../../leases/shop-weu")


def test_what_is_no_entry_is_left_alone(container: ContainerClient) -> None:
    history = History(container)
    history.keep(make_entry(report(), about()))
    container.upload_blob("history/shop-weu/notes.txt", b"by hand")
    assert len(ids(history)) == 1
    assert history.sweep(["shop-weu"], NOW + timedelta(days=99), 30) == 1
    assert [blob.name for blob in container.list_blobs()] == ["history/shop-weu/notes.txt"]


def test_only_what_is_older_than_kept_is_swept_and_no_other_cluster(container: ContainerClient) -> None:
    history = History(container)
    for days in (0, 29, 31, 32, 400):
        history.keep(make_entry(report(), about(NOW - timedelta(days=days))))
        history.keep(make_entry(report(cluster="shop-weu-2"), about(NOW - timedelta(days=days))))
    assert history.sweep(["shop-weu"], NOW, 30) == 3
    assert len(ids(history)) == 2
    assert len(history.entries(Query("shop-weu-2"))) == 5


def test_more_than_one_batch_is_swept(container: ContainerClient) -> None:
    history = History(container)
    container.create_container()
    for number in range(300):
        entry = make_entry(report(), about(NOW - timedelta(days=60, seconds=number)))
        container.upload_blob(entry.key, b"{}")
    assert history.sweep(["shop-weu"], NOW, 30) == 300
    assert ids(history) == []


def test_the_ledger_comes_back_as_it_went(container: ContainerClient) -> None:
    history = History(container)
    assert history.ledger("shop-weu") == Ledger()
    ledger = written_down(report(CREATED), Ledger())
    history.save_ledger("shop-weu", ledger)
    assert history.ledger("shop-weu") == ledger
    container.upload_blob("ledgers/shop-weu.json", b"{broken", overwrite=True)
    assert history.ledger("shop-weu") == Ledger()


def test_repairs_and_own_writes_are_told_from_headlines(container: ContainerClient) -> None:
    history = History(container)
    history.keep(make_entry(report(), about(NOW - timedelta(hours=30), OTHER_PUT), HERE))
    history.keep(make_entry(report(CREATED), about(NOW - timedelta(minutes=30), PUT)))
    history.keep(make_entry(report(), about(NOW, ArmCall("PUT", APPS, 200, correlation_id="BBBB")), HERE))
    assert history.repairs("shop-weu", NOW - timedelta(days=7)) == [(NOW, 1), (NOW - timedelta(hours=30), 1)]
    assert history.repairs("shop-weu", NOW - timedelta(hours=1)) == [(NOW, 1)]
    assert history.own_writes("shop-weu", NOW) == {AZURES, "bbbb"}
    assert [each.places for each in history.restorations("shop-weu", NOW)] == [HERE]


def test_storage_out_of_reach_is_said_at_once() -> None:
    with BlobServiceClient.from_connection_string(NOWHERE) as service:
        history = History(service.get_container_client(CONTAINER))
        began = time.monotonic()
        for ask in (
            lambda: history.keep(make_entry(report(), about())),
            lambda: history.entries(Query("shop-weu")),
            lambda: history.ledger("shop-weu"),
            lambda: history.sweep(["shop-weu"], NOW, 30),
        ):
            with pytest.raises(StorageError, match="the history could not be read or kept"):
                ask()
        assert time.monotonic() - began < 5  # no retries


# The end of a pass


@dataclass
class Asked:
    """Stands for the activity log. Remembers who was asked about what."""

    answer: str = "terraform@example.com"
    about: list[tuple[str, frozenset[str]]] = field(default_factory=list)

    def __call__(self, target: str, *, now: datetime, own: frozenset[str]) -> str:
        self.about.append((target, own))
        return self.answer


def test_the_third_repair_within_an_hour_calls_the_other_writer_out_by_name(container: ContainerClient) -> None:
    history, asked = History(container), Asked()
    chronicle = Chronicle(lambda: history, asked, 30)
    first, repaired = chronicle.conclude(report(CREATED), about(NOW - timedelta(minutes=20), PUT))
    assert (first.findings, repaired) == ((), frozenset())
    for minutes in (15, 10):
        quiet, repaired = chronicle.conclude(report(), about(NOW - timedelta(minutes=minutes), PUT))
        assert (quiet.findings, repaired) == ((), HERE)
    assert asked.about == []
    told, _ = chronicle.conclude(report(), about(NOW, OTHER_PUT))
    (finding,) = told.findings
    assert (finding.code, finding.resource.lower()) == ("fightingWriter", APPS.lower())
    assert "put back 3 times within an hour" in finding.message
    assert "terraform@example.com" in finding.message
    assert asked.about == [(APPS.lower(), frozenset({AZURES, "dddd"}))]  # once, and our own ids are known
    whole = history.entry("shop-weu", ids(history)[0])
    assert [each["code"] for each in whole["targets"][0]["findings"]] == ["fightingWriter"]
    assert [entry["repaired"] for entry in history.entries(Query("shop-weu"))] == [1, 1, 1, 0]


def test_a_pass_in_step_asks_storage_nothing() -> None:
    def nobody() -> History:
        raise AssertionError("no storage is needed")

    chronicle = Chronicle(nobody, Asked(), 30)
    quiet = ClusterReport("shop-weu", "udr", "timer", Outcome.IN_SYNC)
    assert chronicle.conclude(quiet, about()) == (quiet, frozenset())


def test_a_history_that_cannot_be_kept_fails_no_pass(caplog: pytest.LogCaptureFixture) -> None:
    with BlobServiceClient.from_connection_string(NOWHERE) as service:
        history = History(service.get_container_client(CONTAINER))
        chronicle = Chronicle(lambda: history, Asked(), 30)
        passed = report()
        assert chronicle.conclude(passed, about()) == (passed, frozenset())
        chronicle.sweep(["shop-weu"], NOW)
    assert "shop-weu: the pass is not in the history" in caplog.text
    assert "old history is not deleted" in caplog.text


def test_an_instance_sweeps_once_a_day(container: ContainerClient) -> None:
    history = History(container)
    chronicle = Chronicle(lambda: history, Asked(), 30)

    def old() -> int:
        history.keep(make_entry(report(), about(NOW - timedelta(days=60))))
        return len(ids(history))

    assert old() == 1
    chronicle.sweep(["shop-weu"], NOW)
    assert ids(history) == []
    assert old() == 1
    chronicle.sweep(["shop-weu"], NOW + timedelta(hours=23))
    assert len(ids(history)) == 1
    chronicle.sweep(["shop-weu"], NOW + timedelta(hours=24))
    assert ids(history) == []


# On the way to Azure


@dataclass
class Wire:
    """What arrived at Resource Manager, and an activity log in front of it."""

    arrived: list[tuple[str, str, str]] = field(default_factory=list)
    log: Callable[[web.Request], web.Response] | None = None
    filters: list[str] = field(default_factory=list)

    async def __call__(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        told = request.headers.get("x-ms-correlation-request-id", "")
        kind = "poll" if "/operations/" in request.path else request.method
        self.arrived.append((kind, request.path, told))
        if self.log is not None and "/Microsoft.Insights/" in request.path:
            self.filters.append(request.query["$filter"])
            return self.log(request)
        answer = await handler(request)
        answer.headers["x-ms-correlation-request-id"] = told or AZURES
        return answer

    def ids(self) -> list[tuple[str, str]]:
        return [(kind, told) for kind, _, told in self.arrived]


@pytest.fixture
def wire(stage: Stage) -> Wire:
    wire = Wire()
    stage.cloud.arm_endpoint.detour(wire)
    return wire


@pytest.fixture
def arm(stage: Stage) -> Arm:
    return Arm(ManagedIdentityCredential(client_id="00000000-0000-0000-0000-000000000001"), stage.arm.base_url)


RULES = Rules("shop-weu", (ip_network("100.64.0.0/10"),))


def write(arm: Arm, prefix: str = PREFIX) -> None:
    table = RouteTable(arm, APPS, RULES)
    route = managed(prefix, "10.10.0.7", name=f"apr_shop-weu_{prefix.replace('/', '-')}")
    table.apply(table.observe(), [Create(route, "n3")])


def test_one_id_goes_with_every_request_of_a_write_its_polls_included(stage: Stage, wire: Wire, arm: Arm) -> None:
    with correlated(EVENT), recorded() as calls:
        write(arm)
    assert wire.ids() == [("GET", EVENT), ("PUT", EVENT), ("poll", EVENT), ("GET", EVENT)]
    assert [(call.method, call.status) for call in calls.taken()] == [
        ("GET", 200),
        ("PUT", 200),
        ("GET", 200),
        ("GET", 200),
    ]
    assert {call.correlation_id for call in calls.taken()} == {EVENT}
    assert all(call.request_id for call in calls.taken())
    assert all("?" not in call.path for call in calls.taken())  # no signature of an operation's address


def test_the_versions_of_an_entry_are_those_of_the_write(stage: Stage, wire: Wire, arm: Arm) -> None:
    before = stage.arm.table(APPS)["etag"]
    with correlated(EVENT), recorded() as calls:
        write(arm)
    (target,) = make_entry(report(), Circumstances(NOW, EVENT, calls=calls.taken())).body["targets"]
    assert (target["etagBefore"], target["etagAfter"]) == (before, stage.arm.table(APPS)["etag"])
    assert target["etagBefore"] != target["etagAfter"]


def test_without_an_id_none_is_sent_and_nothing_is_noted(stage: Stage, wire: Wire, arm: Arm) -> None:
    write(arm)
    assert {told for _, told in wire.ids()} == {""}


def test_a_later_write_goes_under_its_own_id(stage: Stage, wire: Wire, arm: Arm) -> None:
    with correlated(EVENT), recorded() as first:
        write(arm)
    with correlated() as second, recorded() as calls:
        write(arm, "100.64.4.0/24")
    assert {told for _, told in wire.ids()[4:]} == {second}
    assert (len(first.taken()), len(calls.taken())) == (4, 4)


def test_a_request_without_an_answer_counts_and_one_without_a_token_does_not(
    stage: Stage, arm: Arm, waits: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    nowhere = Arm(ManagedIdentityCredential(), "https://127.0.0.1:1")
    with recorded() as calls, pytest.raises(TargetError):
        nowhere.get(APPS, api_version="2025-01-01")
    assert {(call.method, call.status) for call in calls.taken()} == {("GET", None)}
    monkeypatch.setenv("IDENTITY_HEADER", "not-the-secret")
    tokenless = Arm(ManagedIdentityCredential(), stage.arm.base_url)
    with recorded() as calls, pytest.raises(TargetError):
        tokenless.get(APPS, api_version="2025-01-01")
    assert calls.taken() == ()


# The activity log


def record(
    minutes_ago: float,
    caller: str,
    *,
    correlation_id: str = "cccccccc",
    resource: str = APPS,
    operation: str = "Microsoft.Network/routeTables/write",
    status: str = "Succeeded",
    **more: Any,
) -> dict[str, Any]:
    at = NOW - timedelta(minutes=minutes_ago)
    return {
        "caller": caller,
        "correlationId": correlation_id,
        "eventTimestamp": f"{at:%Y-%m-%dT%H:%M:%S}.1234567Z",
        "resourceId": resource,
        "operationName": {"value": operation, "localizedValue": "…"},
        "status": {"value": status, "localizedValue": "…"},
        "claims": {"ipaddr": "192.0.2.1", **more},
        "level": "Informational",
    }


def asked(arm: Arm, own: frozenset[str] = frozenset({AZURES}), client_id: str | None = None) -> str:
    return other_writer(arm, APPS.lower(), now=NOW, within=timedelta(hours=1), own=own, client_id=client_id)


def page(*records: dict[str, Any], next_link: str | None = None) -> web.Response:
    return web.json_response({"value": [*records], **({"nextLink": next_link} if next_link else {})})


OURS = record(1, "11111111-principal", correlation_id=AZURES.upper())


@pytest.mark.parametrize(
    ("what", "records", "expected"),
    [
        ("nobody", [], ""),
        ("only we", [OURS], ""),
        (
            "a person, before us",
            [OURS, record(4, "ann@example.com")],
            "ann@example.com, Microsoft.Network/routeTables/write at 2026-11-22T11:56:00Z",
        ),
        ("the last of two", [record(9, "ann@example.com"), record(4, "bob@example.com")], "bob@example.com"),
        (
            "a route of the table",
            [
                record(
                    4,
                    "ann@example.com",
                    resource=f"{APPS}/routes/r1",
                    operation="Microsoft.Network/routeTables/routes/delete",
                )
            ],
            "ann@example.com, Microsoft.Network/routeTables/routes/delete",
        ),
        ("another table", [record(4, "ann@example.com", resource=f"{APPS}-2")], ""),
        ("a write that failed", [record(4, "ann@example.com", status="Failed")], ""),
        ("no write", [record(4, "ann@example.com", operation="Microsoft.Network/routeTables/join/action")], ""),
        ("nobody by name", [record(4, "") | {"caller": None}], "somebody whom the log does not name"),
    ],
)
def test_the_last_writer_that_is_not_us_is_named(
    wire: Wire, arm: Arm, what: str, records: list[dict[str, Any]], expected: str
) -> None:
    wire.log = lambda _: page(*records)
    told = asked(arm)
    assert told.startswith(expected), what
    assert bool(told) == bool(expected), what
    assert "192.0.2.1" not in told


def test_the_log_is_asked_for_the_hour_and_the_group_of_the_target(stage: Stage, wire: Wire, arm: Arm) -> None:
    wire.log = lambda _: page()
    assert asked(arm) == ""
    group = APPS.lower().split("/")[4]
    hour = "eventTimestamp ge '2026-11-22T11:00:00Z' and eventTimestamp le '2026-11-22T12:00:00Z'"
    assert wire.filters == [f"{hour} and resourceGroupName eq '{group}'"]


def test_a_second_installation_with_our_identity_is_found_and_said(wire: Wire, arm: Arm) -> None:
    wire.log = lambda _: page(OURS, record(4, "11111111-principal", appid="00000000-0000-0000-0000-000000000001"))
    assert "perhaps a second installation" in asked(arm, client_id="00000000-0000-0000-0000-000000000001")
    assert "perhaps a second installation" not in asked(arm, client_id="00000000-0000-0000-0000-000000000002")


def test_later_pages_are_read_and_not_for_ever(wire: Wire, arm: Arm) -> None:
    def answer(request: web.Request) -> web.Response:
        link = f"https://management.azure.com{request.path}?api-version=2015-04-01&$skiptoken=abc%3D%3D"
        told = [record(4, "ann@example.com")] if request.query.get("$skiptoken") == "abc==" else [OURS]
        return page(*told, next_link=link)

    wire.log = answer
    assert asked(arm).startswith("ann@example.com")
    assert len(wire.filters) == 3


def test_a_log_that_may_not_be_read_is_nothing_lost(wire: Wire, arm: Arm, waits: list[float]) -> None:
    def body(text: str, status: int) -> Callable[[web.Request], web.Response]:
        return lambda _: web.Response(text=text, status=status, content_type="application/json")

    for each in (
        body(json.dumps({"error": {"code": "AuthorizationFailed", "message": "no"}}), 403),
        body("{}", 429),
        body("<html>", 503),
        body("[]", 200),
        body('{"value": [{"caller": 7}]}', 200),
    ):
        wire.log = each
        assert asked(arm) == ""
    assert len(wire.filters) == 5  # each was asked once: nobody waits for it
    assert waits == []
