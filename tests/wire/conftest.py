"""A cloud per test, one storage account for all, and nobody really waits who does not want to."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest
from azure.core.pipeline.transport import HttpTransport, RequestsTransport
from azure.storage.blob import BlobServiceClient

from sandbox.azurite import Azurite
from sandbox.cloud import Cloud
from shared.coordination import CONTAINER
from shared.wiring import SystemClock
from tests.wire.stage import Stage

if TYPE_CHECKING:
    from tests.wire.doctor_stage import Ward


@pytest.fixture(scope="session")
def azurite(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Azurite]:
    with Azurite(tmp_path_factory.mktemp("azurite")) as running:
        yield running


@pytest.fixture
def open_stage(azurite: Azurite, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Stage]]:
    """Opens a stage on a cloud with the given options; its settings are the process's environment, as in the cloud."""
    with ExitStack() as running:

        def opened(**options: Any) -> Stage:
            cloud = running.enter_context(Cloud(tmp_path, **options))
            settings = {**cloud.settings, "AzureWebJobsStorage": azurite.connection_string}
            for name, value in settings.items():
                monkeypatch.setenv(name, value)
            _forget_the_past(azurite)
            return Stage(cloud, settings)

        yield opened


def _forget_the_past(azurite: Azurite) -> None:
    """All tests share an account and call their cluster the same; who puts the same route back in each is no fight."""
    with (
        BlobServiceClient.from_connection_string(azurite.connection_string) as service,
        service.get_container_client(CONTAINER) as container,
    ):
        if container.exists():
            for folder in ("history/", "ledgers/"):
                for blob in container.list_blob_names(name_starts_with=folder):
                    container.delete_blob(blob)


@pytest.fixture
def stage(open_stage: Callable[..., Stage]) -> Stage:
    """Operations end at their first poll."""
    return open_stage(instant=True)


@pytest.fixture
def ward(stage: Stage, azurite: Azurite) -> "Ward":
    """A healthy cluster for the doctor."""
    from tests.wire.doctor_stage import Ward  # noqa: PLC0415  # the storage SDKs cost half a second, for a few tests

    return Ward(stage, azurite.connection_string)


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """How long the SDKs and the app would have waited, in seconds; nobody does."""
    waited: list[float] = []
    monkeypatch.setattr(HttpTransport, "sleep", lambda _, seconds: waited.append(seconds))
    monkeypatch.setattr(SystemClock, "sleep", staticmethod(waited.append))
    return waited


@dataclass(frozen=True, slots=True)
class Sent:
    """A request as it left the SDK."""

    method: str
    path: str
    query: str
    if_match: str | None
    body: bytes


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[Sent]:
    """Every request that goes through azure-core, in order."""
    seen: list[Sent] = []
    send = RequestsTransport.send

    def record(self: RequestsTransport, request: Any, **options: Any) -> Any:
        body = b""
        if request.method == "PUT" and hasattr(request.content, "read"):
            at = request.content.tell()
            body = request.content.read()
            request.content.seek(at)
        url = urlsplit(request.url)
        seen.append(Sent(request.method, url.path, url.query, request.headers.get("If-Match"), body))
        return send(self, request, **options)

    monkeypatch.setattr(RequestsTransport, "send", record)
    return seen
