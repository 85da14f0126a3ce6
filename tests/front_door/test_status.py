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
    assert shop == asked[0]


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
