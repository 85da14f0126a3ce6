"""The switchboard of the faults: what is on, when it strikes, how it ends."""

import threading
from collections.abc import Iterator
from typing import Any

import pytest
from azure.core.exceptions import HttpResponseError

from sandbox.fault_words import fault_lines, options_of
from sandbox.faults import Faults
from sandbox.faults.catalogue import CATALOGUE
from sandbox.faults.strikes import Strikes
from sandbox.world import eventually
from tests.sandbox.faults_stage import Scene, dice, scene_in

pytestmark = pytest.mark.wire


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    with scene_in(tmp_path_factory.mktemp("ca")) as scene:
        yield scene


@pytest.fixture
def scene(running: Scene) -> Iterator[Scene]:
    yield running
    running.faults.clear()


def statuses(scene: Scene, count: int) -> list[int]:
    found = []
    for _ in range(count):
        try:
            scene.table()
            found.append(200)
        except HttpResponseError as error:
            found.append(error.status_code or 0)
    return found


def test_a_fault_strikes_until_it_is_turned_off_and_is_counted(scene: Scene) -> None:
    before = scene.faults.struck["server-error"]
    scene.faults.on("server-error")
    assert statuses(scene, 3) == [500] * 3
    scene.faults.off("server-error")
    scene.faults.off("server-error")
    assert statuses(scene, 1) == [200]
    assert scene.faults.struck["server-error"] - before == 3


def test_a_fault_strikes_as_often_as_it_is_told(scene: Scene) -> None:
    scene.faults.on("server-error", times=2)
    assert statuses(scene, 1) == [500]
    assert scene.faults.active == {"server-error": 1}
    assert statuses(scene, 2) == [500, 200]
    assert scene.faults.active == {"server-error": 0}


def test_a_fault_that_is_on_begins_anew_when_it_is_turned_on(scene: Scene) -> None:
    scene.faults.on("server-error", times=1)
    scene.faults.on("server-error", times=2)
    assert statuses(scene, 3) == [500, 500, 200]


def test_a_fault_ends_when_its_seconds_are_over(scene: Scene) -> None:
    scene.faults.on("server-error", seconds=0.01)
    eventually(lambda: not scene.faults.active, "the fault is over")
    assert statuses(scene, 1) == [200]


def test_the_seconds_of_an_earlier_turn_do_not_end_a_later_one(scene: Scene) -> None:
    scene.faults.on("server-error", seconds=1000)
    timer = scene.faults._on["server-error"].timer
    scene.faults.on("server-error")
    assert timer is not None
    timer.function(*timer.args)  # too late to be cancelled
    assert statuses(scene, 1) == [500]
    timer.join()  # it was cancelled: it would last a quarter of an hour else


def test_everything_is_off_with_one_call(scene: Scene) -> None:
    for name in scene.faults.names:
        if name not in {"down", "kubernetes-down", "identity-down"}:
            scene.faults.on(name)
    assert len(scene.faults.active) > 30
    scene.faults.clear()
    assert scene.faults.active == {}
    assert statuses(scene, 1) == [200]
    assert len(scene.list_nodes().items) == 3


def test_a_fault_may_be_on_for_the_length_of_a_block(scene: Scene) -> None:
    def fail() -> None:
        with scene.faults.during("server-error"):
            assert statuses(scene, 1) == [500]
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert statuses(scene, 1) == [200]


def test_faults_of_different_kinds_come_together(scene: Scene) -> None:
    scene.faults.on("slow", delay=0.001)
    scene.faults.on("throttled", times=1)
    before = scene.faults.struck
    assert statuses(scene, 2) == [429, 200]
    after = scene.faults.struck
    assert (after["slow"] - before["slow"], after["throttled"] - before["throttled"]) == (2, 1)


def test_chances_are_repeatable_with_the_same_dice() -> None:
    def played(seed: int) -> list[bool]:
        strikes = Strikes(chance=0.5, times=None, dice=dice(seed), counted=lambda: None)
        return [strikes() for _ in range(50)]

    assert played(1) == played(1) != played(2)
    assert 10 < sum(played(1)) < 40


@pytest.mark.parametrize(("chance", "struck"), [(0.0, 0), (1.0, 100)])
def test_a_chance_of_none_never_strikes_and_one_of_certainty_always(chance: float, struck: int) -> None:
    strikes = Strikes(chance=chance, times=None, dice=dice(1), counted=lambda: None)
    assert sum(strikes() for _ in range(100)) == struck


def test_many_threads_at_once_are_struck_as_often_as_told() -> None:
    counted: list[None] = []
    strikes = Strikes(chance=1.0, times=50, dice=dice(1), counted=lambda: counted.append(None))
    struck: list[bool] = []
    threads = [threading.Thread(target=lambda: struck.extend(strikes() for _ in range(100))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (sum(struck), len(counted), strikes.left) == (50, 50, 0)


def test_nothing_strikes_after_its_end() -> None:
    strikes = Strikes(chance=1.0, times=None, dice=dice(1), counted=lambda: None)
    strikes.end()
    assert not strikes()


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"name": "thortled"}, r"fault 'thortled': there are throttled, server-error"),
        ({"name": "throttled", "speed": 3}, r"throttled has no option speed: there are chance, times, seconds, wait"),
        ({"name": "throttled", "chance": 1.5}, r"chance 1.5: write a number from 0 to 1"),
        ({"name": "throttled", "chance": -1}, r"chance -1"),
        ({"name": "throttled", "times": 0}, r"times 0: write a number from 1 on"),
        ({"name": "throttled", "seconds": 0}, r"seconds 0: write a number greater than 0"),
        ({"name": "throttled", "seconds": 1e30}, r"seconds 1e\+30"),
        ({"name": "storage-down"}, r"fault 'storage-down': there are"),
    ],
)
def test_a_wrong_word_is_refused_with_the_right_ones(scene: Scene, options: dict[str, Any], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        scene.faults.on(**options)
    assert scene.faults.active == {}


def test_an_unknown_fault_cannot_be_turned_off_either(scene: Scene) -> None:
    with pytest.raises(ValueError, match="fault 'x': there are"):
        scene.faults.off("x")


@pytest.mark.parametrize("fault", CATALOGUE, ids=lambda fault: fault.name)
def test_every_fault_says_in_one_sentence_what_it_plays(fault: Any) -> None:
    assert fault.plays.endswith(".")
    assert fault.plays[0].isupper()
    assert len(fault.plays) < 130


def test_every_fault_has_a_name_of_its_own_and_storage_is_asked_for() -> None:
    names = [fault.name for fault in CATALOGUE]
    assert len(set(names)) == len(names)
    assert [fault.name for fault in CATALOGUE if fault.needs_storage] == [
        name for name in names if name.startswith("storage-")
    ]


def test_leaving_turns_everything_off(scene: Scene) -> None:
    with Faults(scene.cloud) as faults:
        faults.on("server-error")
    assert statuses(scene, 1) == [200]


def test_the_list_tells_what_is_on_how_often_it_struck_and_what_it_takes(scene: Scene) -> None:
    def line(name: str) -> str:
        return next(each for each in fault_lines(scene.faults).splitlines() if each.split()[0] == name)

    struck = scene.faults.struck["throttled"]
    assert line("throttled").split()[1:4] == ["off", "struck", str(struck)]
    scene.faults.on("throttled", times=3)
    assert statuses(scene, 1) == [429]
    assert line("throttled").split()[1:6] == ["on,", "2", "left", "struck", str(struck + 1)]
    assert line("throttled").endswith(
        "429 SubscriptionRequestsThrottled with Retry-After (`wait` seconds). (wait=5 method=* path=)"
    )
    scene.faults.on("race-forever")
    assert line("race-forever").split()[1:3] == ["on", "struck"]
    assert [each.split()[0] for each in fault_lines(scene.faults).splitlines()] == list(scene.faults.names)


def test_words_become_the_options_they_stand_for(scene: Scene) -> None:
    words = {"chance": "0.5", "times": "3", "seconds": "60", "delay": "0.25", "path": "nodes"}
    assert options_of(scene.faults.find("kubernetes-slow"), words) == {
        "chance": 0.5,
        "times": 3,
        "seconds": 60.0,
        "delay": 0.25,
        "path": "nodes",
    }
