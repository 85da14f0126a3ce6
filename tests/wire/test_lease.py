"""One writer per cluster, over a real storage account: taken, renewed, given back, taken over, and said when it is not there."""

import base64
import logging
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from azure.core.exceptions import AzureError, ResourceModifiedError, ServiceRequestError
from azure.storage.blob import BlobLeaseClient, BlobServiceClient, ContainerClient
from azure.storage.queue import QueueServiceClient

from sandbox.azurite import Azurite
from shared import coordination
from shared.coordination import CONTAINER, LEASE_SECONDS, Coordination
from shared.errors import BusyError, StorageError
from shared.poison import read_poison
from shared.report import Cause, Outcome
from shared.wake import Poison
from tests.wire.stage import APPS, ONE_TABLE, Stage, said

pytestmark = pytest.mark.wire

NOWHERE = "DefaultEndpointsProtocol=http;AccountName=a;AccountKey=YQ==;BlobEndpoint=http://127.0.0.1:1/a;"


@pytest.fixture
def container(azurite: Azurite) -> Iterator[ContainerClient]:
    """The container as a fresh deployment has it: not there."""
    with BlobServiceClient.from_connection_string(azurite.connection_string) as service:
        client = service.get_container_client(CONTAINER)
        if client.exists():
            client.delete_container()
        yield client


def state(container: ContainerClient, cluster: str = "shop-weu") -> str:
    properties: Any = container.get_blob_client(f"leases/{cluster}").get_blob_properties()
    return str(properties.lease.state)


def duration(container: ContainerClient) -> str:
    properties: Any = container.get_blob_client("leases/shop-weu").get_blob_properties()
    return str(properties.lease.duration)


def test_a_second_writer_is_turned_away_until_the_first_is_done(container: ContainerClient) -> None:
    first, second = Coordination(container), Coordination(container)  # two instances of the app
    with first.writer("shop-weu"):
        assert state(container) == "leased"
        assert duration(container) == "fixed"
        with pytest.raises(BusyError, match="another pass is writing for shop-weu; its lease ends 30 s after") as busy:
            second.writer("shop-weu").__enter__()
        assert busy.value.retry_after == LEASE_SECONDS / 2
        with second.writer("other"):  # each cluster has its own
            pass
    assert state(container) == "available"
    with second.writer("shop-weu"):
        assert state(container) == "leased"
        assert duration(container) == "fixed"  # a writer who dies blocks nobody for ever


def test_container_and_blob_are_created_by_whoever_is_first_even_by_many_at_once(container: ContainerClient) -> None:
    together, turned_away = threading.Barrier(8), threading.Event()

    def write() -> str:
        together.wait()
        try:
            with Coordination(container).writer("shop-weu"):
                assert turned_away.wait(10)
                return "wrote"
        except BusyError:
            turned_away.set()
            return "busy"

    with ThreadPoolExecutor(8) as pool:
        outcomes = [pool.submit(write) for _ in range(8)]
    assert {each.result() for each in outcomes} == {"wrote", "busy"}
    assert state(container) == "available"


@pytest.mark.parametrize("leased", [False, True])
def test_another_instance_may_create_the_blob_or_take_its_lease_in_between(
    container: ContainerClient, monkeypatch: pytest.MonkeyPatch, *, leased: bool
) -> None:
    create = ContainerClient.create_container

    def overtaken(self: ContainerClient) -> None:
        create(self)
        blob: Any = self.upload_blob("leases/shop-weu", b"")
        if leased:
            blob.acquire_lease(LEASE_SECONDS)
        create(self)

    monkeypatch.setattr(ContainerClient, "create_container", overtaken)
    if leased:
        with pytest.raises(BusyError):
            Coordination(container).writer("shop-weu").__enter__()
    else:
        with Coordination(container).writer("shop-weu"):
            assert state(container) == "leased"


def test_a_blob_that_cannot_be_created_because_it_is_leased_is_busy(
    container: ContainerClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A write without the lease is 412 (facts: recorded), which an emulator checks after the name."""
    upload = ContainerClient.upload_blob

    def refused(self: ContainerClient, name: str, *_: Any, **__: Any) -> None:
        blob: Any = upload(self, name, b"")
        blob.acquire_lease(LEASE_SECONDS)
        raise ResourceModifiedError("LeaseIdMissing")

    monkeypatch.setattr(ContainerClient, "upload_blob", refused)
    with pytest.raises(BusyError):
        Coordination(container).writer("shop-weu").__enter__()


def test_a_pass_that_lasts_keeps_its_lease_by_renewing_it(
    container: ContainerClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    renewed = threading.Semaphore(0)
    renew = BlobLeaseClient.renew

    def counted(self: BlobLeaseClient, **options: Any) -> None:
        renew(self, **options)
        renewed.release()

    monkeypatch.setattr(BlobLeaseClient, "renew", counted)
    monkeypatch.setattr(coordination, "RENEW_SECONDS", 0.005)
    with Coordination(container).writer("shop-weu"):
        for _ in range(3):
            assert renewed.acquire(timeout=10)
    assert state(container) == "available"
    while renewed.acquire(blocking=False):
        pass
    assert not renewed.acquire(timeout=0.03)  # nobody renews what was given back
    assert not [thread for thread in threading.enumerate() if thread.name == "lease-shop-weu"]


def test_a_renewal_that_fails_is_logged_and_tried_again(
    container: ContainerClient, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    outcomes: list[Exception | None] = [ServiceRequestError("secret detail"), None]
    done = threading.Event()

    def renew(self: BlobLeaseClient, **_: Any) -> None:
        error = outcomes.pop(0) if outcomes else None
        if error:
            raise error
        done.set()

    monkeypatch.setattr(BlobLeaseClient, "renew", renew)
    monkeypatch.setattr(coordination, "RENEW_SECONDS", 0.005)
    with Coordination(container).writer("shop-weu"):
        assert done.wait(10)
    assert [record.message for record in caplog.records if record.levelno >= logging.WARNING] == [
        "the lease of shop-weu was not renewed: ServiceRequestError"
    ]


def test_renewals_come_well_before_the_lease_ends() -> None:
    assert coordination.RENEW_SECONDS * 3 <= LEASE_SECONDS
    assert 15 <= LEASE_SECONDS <= 60  # what Azure takes


def test_a_killed_writers_lease_ends_by_itself(container: ContainerClient) -> None:
    with Coordination(container).writer("shop-weu"):
        pass
    blob = container.get_blob_client("leases/shop-weu")
    blob.acquire_lease(LEASE_SECONDS)  # a writer whom nobody sees renew or release
    with pytest.raises(BusyError):
        Coordination(container).writer("shop-weu").__enter__()
    BlobLeaseClient(blob).break_lease(0)  # what LEASE_SECONDS of silence do
    with Coordination(container).writer("shop-weu"):
        assert state(container) == "leased"
    assert state(container) == "available"


def test_a_lease_that_was_lost_is_no_error_of_the_pass(
    container: ContainerClient, caplog: pytest.LogCaptureFixture
) -> None:
    """The write itself is conditional, so that a pass which lost its lease cannot do harm."""
    with Coordination(container).writer("shop-weu"):
        BlobLeaseClient(container.get_blob_client("leases/shop-weu")).break_lease(0)
        with Coordination(container).writer("shop-weu"):
            pass
    assert "the lease of shop-weu was not released and ends by itself: ResourceExistsError" in caplog.text


def test_the_lease_is_given_back_when_the_pass_raises(container: ContainerClient) -> None:
    with pytest.raises(ZeroDivisionError), Coordination(container).writer("shop-weu"):
        raise ZeroDivisionError
    assert state(container) == "available"


def test_the_lease_is_given_back_after_a_pass_that_failed(stage: Stage, container: ContainerClient) -> None:
    stage.kubernetes.forbid("list", resource="nodes")
    app = stage.start()
    assert app.run().outcome is Outcome.FAILED
    assert state(container) == "available"
    stage.kubernetes.allow("list", resource="nodes")
    assert app.run().outcome is Outcome.IN_SYNC


def test_a_pass_beside_a_writer_is_busy_and_asks_and_writes_nothing(stage: Stage, container: ContainerClient) -> None:
    stage.cluster.add("apps", 2)
    app = stage.start(ONE_TABLE)
    with Coordination(container).writer("shop-weu"):
        report = app.run()
        assert (report.outcome, report.cause, report.retry_after) == (Outcome.BUSY, Cause.BUSY, 15)
        assert (stage.calls(), stage.pages()) == ([], (0, 0))
        assert app.run(dry_run=True).outcome is Outcome.PLANNED  # looking is always allowed
    assert app.run().outcome is Outcome.APPLIED


def test_the_lease_is_held_while_the_table_is_written(stage: Stage, container: ContainerClient) -> None:
    stage.cluster.add("apps", 1)
    seen: list[str] = []
    stage.arm.before_next("GET", "rt-apps", lambda: seen.append(state(container)))
    stage.arm.before_next("PUT", "rt-apps", lambda: seen.append(state(container)))
    stage.arm.before_next("GET", "/operations/", lambda: seen.append(state(container)))
    assert stage.start(ONE_TABLE).run().outcome is Outcome.APPLIED
    assert seen == ["leased"] * 3


def test_two_passes_at_once_are_one_writer_and_one_that_is_busy(stage: Stage, container: ContainerClient) -> None:
    stage.cluster.add("apps", 1)
    one, other = stage.start(ONE_TABLE), stage.start(ONE_TABLE)
    reports: list[Outcome] = []
    stage.arm.before_next("PUT", "rt-apps", lambda: reports.append(other.run().outcome))
    reports.append(one.run().outcome)
    assert reports == [Outcome.BUSY, Outcome.APPLIED]
    assert stage.arm.count("PUT", stage.arm.calls[-1].path) == 1


@pytest.mark.parametrize(
    ("storage", "words"),
    [
        (lambda real: NOWHERE, "Connection refused"),
        (lambda real: real.replace("Eby8", "AAAA"), "authenticate"),
    ],
    ids=["unreachable", "wrong key"],
)
def test_storage_that_cannot_be_used_is_a_sentence_and_nothing_is_written(
    stage: Stage, waits: list[float], storage: Callable[[str], str], words: str
) -> None:
    stage.cluster.add("apps", 1)
    connection = storage(stage.settings["AzureWebJobsStorage"])
    report = stage.start(AzureWebJobsStorage=connection).run()
    assert (report.outcome, report.cause) == (Outcome.FAILED, Cause.UPSTREAM)
    assert "the app's storage account could not be used" in said(report)
    assert words in said(report)
    assert "check AzureWebJobsStorage and that the app's identity is Storage Blob Data Contributor" in said(report)
    assert "AccountKey" not in said(report)
    assert {call.method for call in stage.arm.calls} <= {"GET", "POST"}
    assert stage.pages() == (0, 0)


def test_storage_that_fails_in_between_is_a_storage_error(
    container: ContainerClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    def down(*_: Any, **__: Any) -> None:
        raise AzureError("The server is busy.\nRequestId: 1")

    monkeypatch.setattr(ContainerClient, "create_container", down)
    with pytest.raises(StorageError, match=r"could not be used \(The server is busy.\); check AzureWebJobsStorage"):
        Coordination(container).writer("shop-weu").__enter__()


# A lease that is lost


def test_a_writer_whose_process_stood_still_for_too_long_notices(container: ContainerClient) -> None:
    now = [0.0]
    with Coordination(container, clock=lambda: now[0]).writer("shop-weu") as lease:
        lease.check()
        now[0] = LEASE_SECONDS - 0.1
        lease.check()
        now[0] = float(LEASE_SECONDS)
        with pytest.raises(BusyError, match="was lost in the middle of the pass"):
            lease.check()


def test_a_renewal_counts_from_when_it_was_asked_for(
    container: ContainerClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    now, asked, answered = [0.0], threading.Semaphore(0), threading.Event()

    def renew(self: BlobLeaseClient, **_: Any) -> None:
        if not answered.is_set():
            now[0] = 15.0  # the answer took its time
            answered.set()
            return
        asked.release()
        raise ServiceRequestError("no answer")

    monkeypatch.setattr(BlobLeaseClient, "renew", renew)
    monkeypatch.setattr(coordination, "RENEW_SECONDS", 0.005)
    with Coordination(container, clock=lambda: now[0]).writer("shop-weu") as lease:
        assert asked.acquire(timeout=10)  # the answer to the first has been taken in
        lease.check()
        now[0] = LEASE_SECONDS + 1.0  # from 0, when it was asked for, not from 15
        with pytest.raises(BusyError):
            lease.check()


def break_and_await_the_renewal(container: ContainerClient) -> None:
    BlobLeaseClient(container.get_blob_client("leases/shop-weu")).break_lease(0)
    for thread in threading.enumerate():
        if thread.name == "lease-shop-weu":
            thread.join(10)


def test_a_writer_whose_lease_was_broken_notices_at_the_next_renewal(
    container: ContainerClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(coordination, "RENEW_SECONDS", 0.005)
    with Coordination(container).writer("shop-weu") as lease:
        lease.check()
        break_and_await_the_renewal(container)
        with pytest.raises(BusyError):
            lease.check()


def test_a_pass_that_lost_its_lease_after_it_read_the_table_does_not_write(
    stage: Stage, container: ContainerClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(coordination, "RENEW_SECONDS", 0.005)
    stage.cluster.add("apps", 2)
    app = stage.start()
    stage.arm.before_next("GET", "rt-apps", lambda: break_and_await_the_renewal(container))
    report = app.run()
    assert (report.outcome, report.cause) == (Outcome.BUSY, Cause.BUSY)
    assert stage.arm.count("PUT", APPS) == 0
    assert app.run().outcome is Outcome.APPLIED


# The marker


def test_a_marker_has_another_version_after_every_move_and_none_before_the_first(container: ContainerClient) -> None:
    first, second = Coordination(container), Coordination(container)
    versions = [first.marker("shop-weu")]
    for instance in (first, second, first):
        instance.move_marker("shop-weu")
        assert first.marker("shop-weu") == second.marker("shop-weu")
        versions.append(second.marker("shop-weu"))
    assert versions[0] == ""
    assert len(set(versions)) == 4


def test_the_vigil_and_the_writer_are_two_leases(container: ContainerClient) -> None:
    instance = Coordination(container)
    vigil = instance.acquire("vigils", "shop-weu")
    assert vigil is not None
    with instance.writer("shop-weu"):
        assert instance.acquire("vigils", "shop-weu") is None
    vigil.release()


@pytest.mark.parametrize("use", ["marker", "move_marker"])
def test_a_marker_in_an_account_that_does_not_answer_is_told(use: str, waits: list[float]) -> None:
    with BlobServiceClient.from_connection_string(NOWHERE) as service:
        instance = Coordination(service.get_container_client(CONTAINER))
        with pytest.raises(StorageError, match="AzureWebJobsStorage"):
            getattr(instance, use)("shop-weu")


# Reports and poison


def test_the_last_report_of_a_cluster_is_kept(container: ContainerClient) -> None:
    instance = Coordination(container)
    assert instance.last_report("shop-weu") is None
    instance.save_report("shop-weu", '{"first": "ü"}')
    instance.save_report("shop-weu", '{"second": "ü"}')
    assert Coordination(container).last_report("shop-weu") == '{"second": "ü"}'
    assert instance.last_report("other") is None


def test_the_poison_queue_is_counted_and_named_and_nothing_is_taken_from_it(azurite: Azurite) -> None:
    with QueueServiceClient.from_connection_string(azurite.connection_string) as service:
        queue = service.get_queue_client("poison-of-this-test")
        assert read_poison(queue) == Poison(0)  # not there yet
        queue.create_queue()
        assert read_poison(queue) == Poison(0)
        for text in (b'{"cluster": "shop-weu"}', b'{"cluster": "books-weu"}', b"{}"):
            queue.send_message(base64.b64encode(text).decode())
        queue.send_message("not base64")
        expected = Poison(4, ("(no wake-up)", "books-weu", "shop-weu"))
        assert read_poison(queue) == read_poison(queue) == expected


def test_a_poison_queue_that_does_not_answer_is_told(waits: list[float]) -> None:
    nowhere = NOWHERE.replace("BlobEndpoint", "QueueEndpoint")
    with (
        QueueServiceClient.from_connection_string(nowhere) as service,
        pytest.raises(StorageError, match="AzureWebJobsStorage"),
    ):
        read_poison(service.get_queue_client("q"))
