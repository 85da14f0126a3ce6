"""A round's messages on a real queue: made where it is missing, as the functions host reads them, seen when they are due."""

import base64
import json
from collections.abc import Iterator
from contextlib import suppress
from urllib.parse import parse_qs

import pytest
from azure.core.credentials import AccessToken
from azure.core.exceptions import ResourceNotFoundError
from azure.storage.queue import QueueClient

from sandbox.azurite import Azurite
from shared.config import Storage
from shared.errors import StorageError
from shared.wake import WAKE_QUEUE, Handout, Wake, parse_wake
from shared.wiring import _hand_out
from tests.wire.conftest import Sent

pytestmark = pytest.mark.wire

ACCOUNT = "DefaultEndpointsProtocol=http;AccountName=a;AccountKey=YQ=="
NOWHERE = f"{ACCOUNT};BlobEndpoint=http://127.0.0.1:1/a;QueueEndpoint=http://127.0.0.1:1/a;"
ROUND = [Handout(Wake(f"cluster-{number}", once=True), after) for number, after in enumerate([0, 0, 1, 3600])]


class Nobody:
    """Never asked: the connection string has a key."""

    def get_token(self, *scopes: str, **_: object) -> AccessToken:
        raise AssertionError(scopes)


@pytest.fixture
def queue(azurite: Azurite) -> Iterator[QueueClient]:
    """The queue as a fresh deployment has it: not there. What lies in it is shown just as it is."""
    with QueueClient.from_connection_string(azurite.connection_string, WAKE_QUEUE) as client:
        _delete(client)
        yield client
        _delete(client)


def _delete(client: QueueClient) -> None:
    with suppress(ResourceNotFoundError):
        client.delete_queue()


def hand_out(connection_string: str, *handouts: Handout) -> None:
    _hand_out(handouts, storage=Storage(connection_string=connection_string), credential=Nobody())


def shown(queue: QueueClient) -> list[str]:
    return [str(message.content) for message in queue.peek_messages(max_messages=32)]


def test_the_queue_is_made_where_it_is_missing_and_no_message_is_lost(azurite: Azurite, queue: QueueClient) -> None:
    hand_out(azurite.connection_string, *ROUND)

    assert queue.get_queue_properties().approximate_message_count == len(ROUND)


def test_a_queue_that_is_there_keeps_what_it_holds(azurite: Azurite, queue: QueueClient) -> None:
    hand_out(azurite.connection_string, ROUND[0])
    hand_out(azurite.connection_string, ROUND[1])

    assert len(shown(queue)) == 2


def test_messages_are_base64_as_the_functions_host_reads_them(azurite: Azurite, queue: QueueClient) -> None:
    hand_out(azurite.connection_string, ROUND[0])

    (message,) = shown(queue)
    body = base64.b64decode(message, validate=True)
    assert parse_wake(body) == ROUND[0].wake
    assert json.loads(body)["once"] is True


def test_each_message_is_seen_when_it_is_due(azurite: Azurite, queue: QueueClient, sent: list[Sent]) -> None:
    hand_out(azurite.connection_string, *ROUND)

    names = {parse_wake(base64.b64decode(message)).cluster for message in shown(queue)}
    assert {"cluster-0", "cluster-1"} <= names
    assert "cluster-3" not in names
    puts = [parse_qs(each.query) for each in sent if each.method == "POST"]
    assert [put["visibilitytimeout"] for put in puts[1:]] == [
        ["0"],
        ["0"],
        ["1"],
        ["3600"],
    ]  # before: the queue was missing


def test_a_round_is_one_request_per_message(azurite: Azurite, queue: QueueClient, sent: list[Sent]) -> None:
    queue.create_queue()
    sent.clear()

    hand_out(azurite.connection_string, *ROUND)

    assert [each.method for each in sent] == ["POST"] * len(ROUND)


def test_storage_that_is_away_is_told_with_the_queue_and_without_a_secret(waits: list[float]) -> None:
    with pytest.raises(StorageError, match=f"could not be put on the queue {WAKE_QUEUE}") as raised:
        hand_out(NOWHERE, ROUND[0])

    assert "YQ==" not in str(raised.value)
    assert 0 < sum(waits) <= 5  # a handful of seconds, not minutes
