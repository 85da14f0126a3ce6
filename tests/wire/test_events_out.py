"""Events out: the real Event Grid client with the real managed identity, over TLS, to a stand-in topic that answers well or not."""

import logging
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from azure.core.credentials import AccessToken, AzureSasCredential
from azure.eventgrid import EventGridPublisherClient
from azure.identity import ManagedIdentityCredential

from sandbox.cloud import Cloud
from sandbox.endpoint import Endpoint
from sandbox.event_grid_topic import EventGridTopic, Failure
from shared import announcing_topic
from shared.announcing import Announcement
from shared.announcing_topic import AT_ONCE, PATIENCE, Topic, build_publisher
from tests.wire.conftest import Sent

pytestmark = pytest.mark.wire

CLUSTER_ID = "/subscriptions/1/resourceGroups/rg/providers/Microsoft.ContainerService/managedClusters/shop-weu"
CHANGED = Announcement("AksPodRoutes.RoutesChanged", CLUSTER_ID, "shop-weu", {"cluster": "shop-weu", "created": 1})
HELD = Announcement(
    "AksPodRoutes.DeletesHeld", CLUSTER_ID, "/…/routeTables/rt-pods", {"cluster": "shop-weu", "held": 3}
)


class Place:
    """A topic in the sandbox's cloud, and the app's way to it."""

    def __init__(self, cloud: Cloud) -> None:
        self.cloud = cloud
        self.topic = EventGridTopic(cloud.tokens)
        self.endpoint = Endpoint(cloud.servers, self.topic.app(), tls=cloud.authority.server_context())
        self.url = f"{self.endpoint.url}/api/events"

    def way(self, url: str = "") -> Topic:
        credential = ManagedIdentityCredential(client_id="00000000-0000-0000-0000-000000000001")
        return Topic(lambda: build_publisher(url or self.url, credential))


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Place]:
    with Cloud(tmp_path) as cloud:
        for name, value in cloud.settings.items():
            monkeypatch.setenv(name, value)
        yield Place(cloud)


@pytest.fixture
def hanging(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], Topic]]:
    """A topic whose client hangs for ever, until the test is over."""
    over = threading.Event()

    class Hanging:
        def send(self, events: list[Any], **options: Any) -> None:
            over.wait(60)

    yield lambda: Topic(Hanging)
    over.set()


def problems(caplog: pytest.LogCaptureFixture) -> str:
    return "\n".join(record.getMessage() for record in caplog.records if record.name == "aks_pod_routes")


def test_events_arrive_as_cloud_events_under_the_apps_identity(place: Place, caplog: pytest.LogCaptureFixture) -> None:
    way = place.way()
    way.announce((CHANGED, HELD))
    way.finish()
    first, second = place.topic.events
    assert (first["type"], first["source"], first["subject"]) == (CHANGED.type, CLUSTER_ID, "shop-weu")
    assert (first["specversion"], first["data"]) == ("1.0", {"cluster": "shop-weu", "created": 1})
    assert (second["subject"], second["data"]["held"]) == (HELD.subject, 3)
    assert UUID(first["id"]) != UUID(second["id"])
    assert first["time"].endswith("Z")
    assert place.topic.requests == 1  # one batch
    assert caplog.text == ""


def test_nothing_to_tell_asks_nobody(place: Place, sent: list[Sent], caplog: pytest.LogCaptureFixture) -> None:
    way = place.way()
    way.announce(())
    way.finish()
    assert (place.topic.requests, sent, caplog.text) == (0, [], "")


ENDS = [
    (400, "its input schema must be CloudEventSchemaV1_0"),
    (401, "make the app's identity EventGrid Data Sender on the topic"),
    (403, "let the topic's firewall admit the app"),
    (404, "copy the endpoint from the topic's overview"),
    (413, "larger than 1 MB"),
    (429, "the topic is throttled"),
    (503, "the topic is busy"),
]


@pytest.mark.parametrize(("status", "words"), ENDS)
def test_a_refusal_is_a_line_in_the_log_and_is_not_tried_again(
    place: Place, caplog: pytest.LogCaptureFixture, waits: list[float], status: int, words: str
) -> None:
    place.topic.fail(Failure(status))
    way = place.way()
    way.announce((CHANGED, HELD))
    way.finish()
    assert (place.topic.requests, place.topic.events, waits) == (1, [], [])
    assert "2 event(s) were not sent" in problems(caplog)
    assert words in problems(caplog)
    assert "Bearer" not in caplog.text
    way.announce((CHANGED,))
    way.finish()
    assert len(place.topic.events) == 1  # the next batch goes
    assert problems(caplog).count("were not sent") == 1  # and nothing is said twice


def test_a_shared_access_signature_is_no_way_in(place: Place) -> None:
    """So that the topic of the tests is one that a key would not open."""
    client = EventGridPublisherClient(place.url, AzureSasCredential("r=x&e=y&s=z"))
    with pytest.raises(Exception, match="Local authentication is disabled"):
        client.send([{"id": "1", "source": "s", "type": "t", "specversion": "1.0"}], retry_total=0)
    assert place.topic.events == []


def test_a_token_that_is_refused_is_said(place: Place, caplog: pytest.LogCaptureFixture) -> None:
    """A token for another audience: what Azure says to an identity of another cloud."""
    wrong, _ = place.cloud.tokens.issue("https://management.azure.com")

    class Elsewhere:
        def get_token(self, *_: str, **__: Any) -> AccessToken:
            return AccessToken(wrong, int(time.time()) + 3600)

    way = Topic(lambda: build_publisher(place.url, Elsewhere()))
    way.announce((CHANGED,))
    way.finish()
    assert "HTTP 401" in problems(caplog)
    assert place.topic.events == []


def test_no_token_is_said(
    place: Place, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch, waits: list[float]
) -> None:
    monkeypatch.setenv("IDENTITY_HEADER", "not-the-secret")
    way = place.way()
    way.announce((CHANGED,))
    way.finish()
    assert "no token for Event Grid" in problems(caplog)


@pytest.mark.parametrize("url", ["https://127.0.0.1:1/api/events", "https://topic.invalid/api/events"])
def test_a_topic_out_of_reach_is_said(place: Place, caplog: pytest.LogCaptureFixture, url: str) -> None:
    way = place.way(url)
    way.announce((CHANGED,))
    way.finish()
    assert "the topic could not be reached" in problems(caplog)
    assert "check AKS_POD_ROUTES_EVENTS_ENDPOINT" in problems(caplog)


def test_a_topic_that_is_not_trusted_gets_no_token(
    place: Place, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("REQUESTS_CA_BUNDLE")
    way = place.way()
    way.announce((CHANGED,))
    way.finish()
    assert place.topic.requests == 0
    assert "the topic could not be reached" in problems(caplog)


def test_a_slow_topic_delays_nobody_who_announces(
    place: Place, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The answer comes after the client's own time-out, which ends the wait; the pass has long gone on."""
    monkeypatch.setattr(announcing_topic, "ANSWER_SECONDS", 0.2)
    place.topic.fail(Failure(seconds=30))
    way = place.way()
    began = time.monotonic()
    way.announce((CHANGED,))
    assert not place.topic.events
    assert place.topic.arrived.wait(10)  # it is on its way while we are here
    way.finish()
    assert time.monotonic() - began < 10
    assert "the topic could not be reached (ServiceResponseTimeoutError)" in problems(caplog)


def test_whatever_hangs_is_waited_for_a_moment_and_left(
    hanging: Callable[[], Topic], caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(announcing_topic, "PATIENCE", 0.05)
    way = hanging()
    for _ in range(3):
        way.announce((CHANGED,))
    way.finish()
    assert "3 batch(es) of events are not sent" in problems(caplog)
    assert PATIENCE == 3.0


def test_of_what_hangs_there_is_never_more_than_a_few(
    hanging: Callable[[], Topic], caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(announcing_topic, "PATIENCE", 0.05)
    way = hanging()
    for _ in range(AT_ONCE + 2):
        way.announce((CHANGED,))
    threads = [thread for thread in threading.enumerate() if thread.name == "events-out"]
    assert len(threads) == AT_ONCE
    assert all(thread.daemon for thread in threads)  # none keeps the process alive
    way.finish()
    assert problems(caplog).count("batches are on their way already") == 2


def test_a_fault_of_the_client_itself_fails_nothing(caplog: pytest.LogCaptureFixture) -> None:
    def broken() -> Any:
        raise RuntimeError("no such module")

    way = Topic(broken)
    with caplog.at_level(logging.WARNING):
        way.announce((CHANGED,))
        way.finish()
    assert "1 event(s) were not sent: RuntimeError" in problems(caplog)
