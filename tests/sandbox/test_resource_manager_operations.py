"""The Resource Manager stand-in: versions, locks and long-running operations."""

from collections.abc import Callable, Iterator
from functools import partial

import pytest

from sandbox.resource_manager import route
from tests.sandbox.resource_manager_stage import TABLE, Arm, body, served, with_table

pytestmark = pytest.mark.wire

Make = Callable[..., Arm]


@pytest.fixture(name="make", scope="module")
def _make(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Make]:
    """Makes a stand-in with one table of one route."""
    with served(tmp_path_factory.mktemp("ca")) as server:
        yield partial(with_table, server)


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE"])
def test_a_write_on_another_version_is_refused_with_412_and_changes_nothing(make: Make, method: str) -> None:
    stage = make()
    before = stage.rm.table(TABLE)
    answer = stage.send(method, TABLE, body() | {"tags": {}}, If_Match="stale")
    assert answer.status_code == 412
    assert answer.json() == {
        "error": {
            "code": "PreconditionFailed",
            "message": "Precondition failed.",
            "details": [
                {
                    "code": "PreconditionFailedEtagMismatch",
                    "message": f'Etag provided in if-match header W/"stale" does not match etag {before["etag"]} '
                    f"of resource {TABLE} in NRP data store.",
                }
            ],
        }
    }
    assert stage.rm.table(TABLE) == before


@pytest.mark.parametrize("form", ["{etag}", "*", "{bare}", '"{bare}"'])
def test_a_write_on_the_current_version_passes(make: Make, form: str) -> None:
    stage = make()
    etag = stage.rm.table(TABLE)["etag"]
    if_match = form.format(etag=etag, bare=etag[3:-1])
    assert stage.send("PUT", TABLE, body(), If_Match=if_match).status_code == 200


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("PUT", TABLE),
        ("PATCH", TABLE),
        ("DELETE", TABLE),
        ("PUT", f"{TABLE}/routes/a"),
        ("DELETE", f"{TABLE}/routes/fw"),
    ],
)
def test_while_an_operation_runs_a_second_write_to_the_table_is_refused_with_429(
    make: Make, method: str, path: str
) -> None:
    stage = make(instant=False)
    kept = [route("fw", "0.0.0.0/0", "10.9.0.9")]
    stage.send("PUT", TABLE, body(*kept))
    written = route("a", "10.1.0.0/16", "10.0.0.4") if "/routes/" in path else body() | {"tags": {}}
    refused = stage.send(method, path, written)
    assert refused.status_code == 429
    assert refused.headers["Retry-After"] == "11"
    error = refused.json()["error"]
    assert error["code"] == "RetryableError"
    assert error["details"][0]["code"] == "RetryableErrorDueToAnotherOperation"
    assert "PutRouteTableOperation is updating resource" in error["details"][0]["message"]
    assert error["details"][0]["message"].endswith("The call can be retried in 11 seconds.")
    stage.clock.now += 2.5
    assert stage.send(method, path, written).status_code in {200, 201, 202}


def test_two_tables_are_written_side_by_side(make: Make) -> None:
    stage = make(instant=False)
    stage.rm.add_route_table(TABLE + "2")
    assert stage.send("PUT", TABLE, body()).status_code == 200
    assert stage.send("PUT", TABLE + "2", body(disableBgpRoutePropagation=True)).status_code == 200


@pytest.mark.parametrize(
    ("speed", "waits"),
    [
        (1.0, ["10", "10", "20", "40", "80", "160", "100", "100"]),
        (8.0, ["2", "2", "3", "5", "10", "20", "13", "13"]),
        (1000.0, ["1"] * 8),
    ],
)
def test_waits_follow_the_ladder_of_azure_divided_by_speed(make: Make, speed: float, waits: list[str]) -> None:
    stage = make(instant=False, speed=speed)
    answers = [stage.send("PUT", TABLE, body())]
    answers += [stage.send("GET", answers[0].headers["Azure-AsyncOperation"]) for _ in waits[1:]]
    assert [answer.headers["Retry-After"] for answer in answers] == waits
    assert {answer.text for answer in answers[1:]} == {'{"status":"InProgress"}'}
    stage.clock.now += 2.5 / speed
    end = stage.send("GET", answers[0].headers["Azure-AsyncOperation"])
    assert end.json() == {"status": "Succeeded"}
    assert "Retry-After" not in end.headers


def test_an_instant_operation_shows_updating_once_and_never_asks_to_wait(make: Make) -> None:
    stage = make()
    answer = stage.send("PUT", TABLE, body())
    poll = stage.send("GET", answer.headers["Azure-AsyncOperation"])
    assert answer.json()["properties"]["provisioningState"] == "Updating"
    assert poll.json() == {"status": "Succeeded"}
    assert "Retry-After" not in {**answer.headers, **poll.headers}


def test_an_operation_url_is_long_and_signed_and_good_only_as_it_was_handed_out(make: Make) -> None:
    stage = make()
    url = stage.send("PUT", TABLE, body()).headers["Azure-AsyncOperation"]
    assert len(url) > 3000
    assert all(f"&{name}=" in url for name in "tcsh")
    rebuilt = stage.send("GET", url.split("?")[0].removeprefix(stage.rm.base_url))
    assert rebuilt.status_code == 403
    assert stage.send("GET", url).status_code == 200


def test_a_speed_that_is_not_positive_is_refused(make: Make) -> None:
    with pytest.raises(ValueError, match="speed is 0"):
        make(instant=False, speed=0.0)
