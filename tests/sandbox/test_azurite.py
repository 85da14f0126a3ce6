"""Azurite as the sandbox starts it: a real emulator, driven through the real SDKs."""

import json
from pathlib import Path

import pytest
from azure.core.exceptions import ServiceRequestError
from azure.storage.blob import BlobServiceClient
from azure.storage.queue import QueueClient

from sandbox import azurite
from sandbox.azurite import Azurite, AzuriteError, ensure_installed

pytestmark = pytest.mark.wire


def send(emulator: Azurite, text: str) -> None:
    with QueueClient.from_connection_string(emulator.connection_string, "letters") as queue:
        queue.create_queue()
        queue.send_message(text)


def read(emulator: Azurite) -> list[str]:
    with QueueClient.from_connection_string(emulator.connection_string, "letters") as queue:
        return [message.content for message in queue.peek_messages(max_messages=32)]


def test_two_accounts_run_side_by_side_and_share_nothing(tmp_path: Path) -> None:
    with Azurite(tmp_path / "one") as one, Azurite(tmp_path / "two") as two:
        send(one, "for one")
        send(two, "for two")
        assert read(one) == ["for one"]
        assert read(two) == ["for two"]


def test_blobs_and_queues_are_there_again_after_a_restart_on_the_same_folder(tmp_path: Path) -> None:
    with Azurite(tmp_path) as first:
        send(first, "still here")
        with BlobServiceClient.from_connection_string(first.connection_string) as blobs:
            blobs.create_container("reports").upload_blob("one.json", b"{}")
    with Azurite(tmp_path) as second:
        assert read(second) == ["still here"]
        with BlobServiceClient.from_connection_string(second.connection_string) as blobs:
            assert blobs.get_blob_client("reports", "one.json").download_blob().readall() == b"{}"


def test_nothing_answers_after_it_was_stopped(tmp_path: Path) -> None:
    with Azurite(tmp_path) as emulator:
        pass
    queue = QueueClient.from_connection_string(emulator.connection_string, "letters", retry_total=0)
    with queue, pytest.raises(ServiceRequestError):
        queue.create_queue()


def test_a_missing_node_is_said_with_the_way_out(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(AzuriteError, match=r"node is not on the PATH.*Node\.js 18 or newer"):
        ensure_installed()


def test_what_npm_said_is_shown_when_it_fails(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    manifests = tmp_path / "manifests"
    manifests.mkdir()
    (manifests / "package.json").write_text("{ this is no manifest")
    (manifests / "package-lock.json").write_text("{}")
    monkeypatch.setattr(azurite, "_MANIFESTS", manifests)
    monkeypatch.setattr(azurite, "_INSTALLED", tmp_path / "node")
    with pytest.raises(AzuriteError, match=r"npm ci ended with 1(?s:.*)package\.json"):
        ensure_installed()
    assert not (tmp_path / "node" / "installed.json").exists()


def test_the_lock_file_pins_azurite_and_names_no_registry() -> None:
    folder = Path(azurite.__file__).parent
    assert json.loads((folder / "package.json").read_text())["dependencies"] == {"azurite": "3.37.0"}
    packages = json.loads((folder / "package-lock.json").read_text())["packages"]
    assert packages["node_modules/azurite"]["version"] == "3.37.0"
    assert all("integrity" in package for path, package in packages.items() if path)
    assert not any("resolved" in package for package in packages.values())
