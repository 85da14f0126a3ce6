"""The doctor cannot write, however it is asked."""

import ast
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from shared.doctor.facts_storage import Storage
from shared.doctor.read_only import ReadOnly
from shared.errors import TargetError

ROOMS = sorted((Path(__file__).parents[2] / "shared" / "doctor").glob("*.py"))


class Azure:
    def __init__(self) -> None:
        self.calls: list[str] = []
        self.gate = threading.Event()

    def get(self, path: str, *, api_version: str) -> dict[str, Any]:
        self.calls.append(f"GET {path} {api_version}")
        self.gate.wait(5)
        if "gone" in path:
            raise TargetError("not there", status=404)
        return {"path": path}

    def post(self, path: str, *, api_version: str) -> dict[str, Any]:
        self.calls.append(f"POST {path} {api_version}")
        return {"path": path}


@pytest.fixture
def azure() -> Azure:
    found = Azure()
    found.gate.set()
    return found


@pytest.mark.parametrize(
    "path", ["/x/managedClusters/a", "/x/managedClusters/a/stop", "/x/listClusterUserCredential/y"]
)
def test_nothing_is_posted_but_for_the_api_server(path: str, azure: Azure) -> None:
    with pytest.raises(TypeError, match="reads"):
        ReadOnly(azure).post(path, api_version="1")
    assert azure.calls == []


def test_the_api_server_may_be_asked_for(azure: Azure) -> None:
    ReadOnly(azure).post("/x/managedClusters/a/listClusterUserCredential", api_version="1")
    assert azure.calls == ["POST /x/managedClusters/a/listClusterUserCredential 1"]


def test_it_has_no_other_way_in() -> None:
    assert {name for name in dir(ReadOnly) if not name.startswith("_")} == {"get", "post"}
    assert {name for name in dir(Storage) if not name.startswith("_")} == {"traces", "queue"}


def test_what_was_asked_once_is_known_whatever_its_case(azure: Azure) -> None:
    arm = ReadOnly(azure)
    assert arm.get("/a/B", api_version="1") == arm.get("/A/b", api_version="1")
    assert azure.calls == ["GET /a/B 1"]
    arm.get("/a/B", api_version="2")
    assert len(azure.calls) == 2


def test_a_failure_is_what_everybody_gets(azure: Azure) -> None:
    arm = ReadOnly(azure)
    for _ in range(2):
        with pytest.raises(TargetError, match="not there"):
            arm.get("/gone", api_version="1")
    assert azure.calls == ["GET /gone 1"]


def test_those_who_ask_at_the_same_time_share_one_request() -> None:
    azure = Azure()
    arm = ReadOnly(azure)
    with ThreadPoolExecutor(4) as pool:
        asked = [pool.submit(arm.get, "/a", api_version="1") for _ in range(4)]
        azure.gate.set()
        assert [each.result() for each in asked] == [{"path": "/a"}] * 4
    assert azure.calls == ["GET /a 1"]


@pytest.mark.parametrize("room", ROOMS, ids=lambda room: room.name)
def test_no_room_of_the_package_knows_of_anything_that_writes(room: Path) -> None:
    forbidden = {
        "shared.targets",
        "shared.coordination",
        "shared.wiring",
        "azure.mgmt",
        "azure.identity",
        "requests",
        "urllib3",
    }
    writing = {
        "upload_blob",
        "delete_blob",
        "send_message",
        "receive_message",
        "clear_messages",
        "begin_create_or_update",
    }
    tree = ast.parse(room.read_text())
    imported = {
        name
        for each in ast.walk(tree)
        if isinstance(each, ast.Import | ast.ImportFrom)
        for name in ([alias.name for alias in each.names] if isinstance(each, ast.Import) else [each.module or ""])
    }
    assert [name for name in imported if any(name.startswith(each) for each in forbidden)] == []
    assert {each.attr for each in ast.walk(tree) if isinstance(each, ast.Attribute)} & writing == set()


@pytest.mark.parametrize(
    "room",
    [each for each in ROOMS if each.name.startswith(("check", "permissions", "facts.py"))],
    ids=lambda room: room.name,
)
def test_the_rules_read_nothing(room: Path) -> None:
    tree = ast.parse(room.read_text())
    imported = {each.module or "" for each in ast.walk(tree) if isinstance(each, ast.ImportFrom)}
    assert [
        name
        for name in imported
        if name.startswith(("azure", "kubernetes", "shared.sources", "shared.config", "shared.doctor.facts_"))
    ] == []
