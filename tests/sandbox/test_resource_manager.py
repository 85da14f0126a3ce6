"""The Resource Manager stand-in: what it holds, how it is read and written, how it counts."""

from collections.abc import Callable, Iterator
from functools import partial
from itertools import pairwise

import pytest
from azure.mgmt.network.models import Route

from sandbox.resource_manager import route
from tests.sandbox.resource_manager_stage import SUBSCRIPTION, TABLE, Arm, body, served, with_table

pytestmark = pytest.mark.wire

Make = Callable[..., Arm]


@pytest.fixture(name="make", scope="module")
def _make(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Make]:
    """Makes a stand-in with one table of one route."""
    with served(tmp_path_factory.mktemp("ca")) as server:
        yield partial(with_table, server)


def test_a_table_is_read_with_its_etag_in_header_and_body(make: Make) -> None:
    stage = make()
    with stage.sdk() as client:
        table = client.route_tables.get("rg-Net", "rt-Pods")
    answer = stage.send("GET", TABLE)
    assert table.etag == answer.headers["ETag"] == stage.rm.table(TABLE)["etag"]
    assert table.routes[0].next_hop_ip_address == "10.9.0.4"
    assert table.routes[0].etag == table.etag


def test_a_write_of_four_hundred_routes_is_one_put_some_polls_and_one_get(make: Make) -> None:
    stage = make()
    with stage.sdk() as client:
        table = client.route_tables.get("rg-Net", "rt-Pods")
        new = [route(f"r{n}", f"100.64.{n % 256}.{n // 256 * 128}/25", f"10.0.0.{n % 250 + 4}") for n in range(400)]
        table["properties"]["routes"] += new
        stage.rm.clear_calls()
        result = client.route_tables.begin_create_or_update(
            "rg-Net", "rt-Pods", table, headers={"If-Match": table.etag}
        ).result()
    assert len(result.routes) == 401
    assert (stage.rm.count("PUT", TABLE), stage.rm.polls, stage.rm.count("GET", TABLE)) == (1, 1, 1)
    put = stage.rm.calls[0]
    assert put.method == "PUT"
    assert put.status == 200
    assert put.request_bytes > 40_000
    assert result.etag != table.etag


def test_what_the_sdk_does_not_know_survives_its_read_and_write(make: Make) -> None:
    stage = make()
    ecmp = {"nextHopType": "VirtualApplianceEcmp", "nextHop": {"nextHopIpAddresses": ["10.0.0.4", "10.0.0.5"]}}
    stage.rm.add_route_table(
        TABLE,
        [{"name": "ecmp", "properties": {"addressPrefix": "10.7.0.0/16", **ecmp, "future": {"deep": [1]}}}],
        disablePeeringRoute="All",
        novelty={"x": 1},
    )
    before = stage.rm.table(TABLE)
    with stage.sdk() as client:
        table = client.route_tables.get("rg-Net", "rt-Pods")
        table["properties"]["routes"].append(route("more", "10.8.0.0/16", "10.0.0.4"))
        client.route_tables.begin_create_or_update("rg-Net", "rt-Pods", table).result()
    after = stage.rm.table(TABLE)["properties"]
    assert after["novelty"] == {"x": 1}
    assert after["disablePeeringRoute"] == "All"
    assert after["routes"][0]["properties"] == before["properties"]["routes"][0]["properties"]


def test_a_put_without_routes_deletes_all_of_them(make: Make) -> None:
    stage = make()
    assert stage.send("PUT", TABLE, {"location": "westeurope"}).status_code == 200
    table = stage.rm.table(TABLE)
    assert table["properties"]["routes"] == []
    assert "tags" not in table


def test_read_only_properties_in_a_put_are_ignored(make: Make) -> None:
    stage = make()
    guid = stage.rm.table(TABLE)["properties"]["resourceGuid"]
    written = route("a", "10.1.0.0/16", "10.0.0.4", hasBgpOverride=True, provisioningState="Failed") | {"etag": "x"}
    stage.send("PUT", TABLE, body(written, resourceGuid="mine", provisioningState="Failed", subnets=[{"id": "x"}]))
    properties = stage.rm.table(TABLE)["properties"]
    assert (properties["resourceGuid"], properties["provisioningState"]) == (guid, "Succeeded")
    assert "subnets" not in properties
    assert properties["routes"][0]["properties"]["hasBgpOverride"] is False


def test_a_write_shows_updating_and_two_new_versions_one_now_and_one_at_its_end(make: Make) -> None:
    stage = make(instant=False)
    before = stage.rm.table(TABLE)["etag"]
    answer = stage.send("PUT", TABLE, body())
    during = stage.send("GET", TABLE).json()
    stage.clock.now += 2.5
    after = stage.send("GET", TABLE).json()
    assert answer.json() == during
    assert during["properties"]["provisioningState"] == "Updating"
    assert after["properties"]["provisioningState"] == "Succeeded"
    assert len({before, during["etag"], after["etag"]}) == 3
    assert "ETag" not in answer.headers
    assert "Location" not in answer.headers


def test_a_put_of_a_new_table_answers_201(make: Make) -> None:
    stage = make()
    answer = stage.send("PUT", TABLE + "2", body())
    assert answer.status_code == 201
    assert stage.send("GET", TABLE + "2").json()["properties"]["provisioningState"] == "Succeeded"


def test_a_put_that_changes_nothing_keeps_the_version_and_still_names_an_operation(make: Make) -> None:
    stage = make(instant=False)
    before = stage.rm.table(TABLE)
    answer = stage.send("PUT", TABLE, before)
    assert (answer.status_code, answer.json()) == (200, before)
    poll = stage.send("GET", answer.headers["Azure-AsyncOperation"])
    assert poll.json() == {"status": "Succeeded"}
    assert stage.send("PUT", TABLE, body()).status_code == 200, "a write without effect must not hold the table"


def test_tags_are_patched_at_once(make: Make) -> None:
    stage = make(instant=False)
    before = stage.rm.table(TABLE)
    answer = stage.send("PATCH", TABLE, {"tags": {"team": "pods"}})
    after = stage.rm.table(TABLE)
    assert (answer.status_code, answer.json()) == (200, after)
    assert after["tags"] == {"team": "pods"}
    assert after["etag"] != before["etag"]
    assert stage.rm.routes(TABLE) == {"0.0.0.0/0": "10.9.0.4"}
    assert "Azure-AsyncOperation" not in answer.headers


def test_a_table_is_deleted_through_an_operation_with_a_location(make: Make) -> None:
    stage = make(instant=False)
    answer = stage.send("DELETE", TABLE)
    assert (answer.status_code, answer.content) == (202, b"")
    assert stage.send("GET", TABLE).json()["properties"]["provisioningState"] == "Deleting"
    assert stage.send("GET", answer.headers["Location"]).status_code == 202
    stage.clock.now += 2.5
    assert stage.send("GET", answer.headers["Location"]).status_code == 204
    assert stage.send("GET", answer.headers["Azure-AsyncOperation"]).json() == {"status": "Succeeded"}
    assert stage.send("GET", TABLE).status_code == 404
    assert stage.send("DELETE", TABLE).status_code == 204


def test_every_write_of_a_route_moves_the_version_that_table_and_routes_share(make: Make) -> None:
    stage = make()
    with stage.sdk() as client:
        seen = [client.route_tables.get("rg-Net", "rt-Pods").etag]
        for write in (
            lambda: client.routes.begin_create_or_update(
                "rg-Net", "rt-Pods", "a", Route(route("a", "10.1.0.0/16", "10.0.0.4"))
            ),
            lambda: client.routes.begin_create_or_update(
                "rg-Net", "rt-Pods", "A", Route(route("a", "10.1.0.0/16", "10.0.0.5"))
            ),
            lambda: client.routes.begin_delete("rg-Net", "rt-Pods", "FW"),
        ):
            write().result()
            seen.append(client.route_tables.get("rg-Net", "rt-Pods").etag)
        listed = list(client.routes.list("rg-Net", "rt-Pods"))
    assert len(set(seen)) == 4
    assert [(each.name, each.next_hop_ip_address, each.etag) for each in listed] == [("a", "10.0.0.5", seen[-1])]
    assert stage.send("DELETE", f"{TABLE}/routes/fw").status_code == 204


def test_ids_are_compared_without_case_and_names_keep_theirs(make: Make) -> None:
    stage = make()
    for shouted in (TABLE.upper(), TABLE.lower()):
        assert stage.send("GET", shouted).json()["id"] == TABLE
        stage.send("PUT", shouted, body(route("FW", "0.0.0.0/0", "10.9.0.5")))
    table = stage.rm.table(TABLE.upper())
    assert (table["name"], table["properties"]["routes"][0]["name"]) == ("rt-Pods", "fw")
    assert stage.send("GET", f"{TABLE}/ROUTES/Fw").json()["id"] == f"{TABLE}/routes/fw"
    assert stage.rm.count("GET", TABLE.lower()) == 2


def test_tables_are_listed_by_group_and_by_subscription_without_an_etag_header(make: Make) -> None:
    stage = make()
    stage.rm.add_route_table(TABLE.replace("rg-Net", "rg-Other"))
    stage.rm.add_route_table(TABLE.replace(SUBSCRIPTION, "another"))
    by_group = stage.send("GET", TABLE.rpartition("/")[0].lower())
    everywhere = stage.send("GET", f"/subscriptions/{SUBSCRIPTION}/providers/Microsoft.Network/routeTables")
    assert [table["id"] for table in by_group.json()["value"]] == [TABLE]
    assert len(everywhere.json()["value"]) == 2
    assert "ETag" not in by_group.headers


def test_every_call_is_recorded_with_its_status_and_the_time_of_the_clock(make: Make) -> None:
    stage = make()
    stage.send("GET", TABLE)
    stage.clock.now += 7
    stage.send("GET", TABLE + "x")
    stage.send("GET", TABLE, authorization="")
    assert [(call.path, call.status, call.api_version, call.at) for call in stage.rm.calls] == [
        (TABLE, 200, "2025-05-01", 1000.0),
        (TABLE + "x", 404, "2025-05-01", 1007.0),
        (TABLE, 401, "2025-05-01", 1007.0),
    ]
    assert stage.rm.count("GET", TABLE) == 2
    assert all(earlier.at <= later.at for earlier, later in pairwise(stage.rm.calls))
    stage.rm.clear_calls()
    assert stage.rm.calls == ()
