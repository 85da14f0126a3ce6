"""The faults of the managed identity, as azure-identity meets them."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from azure.core.exceptions import ServiceRequestError
from azure.identity import CredentialUnavailableError, ManagedIdentityCredential

from tests.sandbox.faults_stage import Scene, scene_in

pytestmark = pytest.mark.wire

SCOPE = "https://management.azure.com/.default"


@pytest.fixture
def scene(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Scene]:
    with scene_in(tmp_path) as scene:
        for name in ("IDENTITY_ENDPOINT", "IDENTITY_HEADER"):
            monkeypatch.setenv(name, scene.cloud.settings[name])
        yield scene


@pytest.fixture
def credential(scene: Scene) -> Iterator[ManagedIdentityCredential]:
    with ManagedIdentityCredential(retry_total=0) as credential:
        yield credential


def test_an_identity_that_is_not_assigned_is_refused(scene: Scene, credential: ManagedIdentityCredential) -> None:
    scene.faults.on("identity-refuses", times=1)
    with pytest.raises(CredentialUnavailableError, match="No User Assigned or Delegated Managed Identity found"):
        credential.get_token(SCOPE)
    assert credential.get_token(SCOPE).token


def test_nobody_listens_and_a_token_that_is_held_stays_good(
    scene: Scene, credential: ManagedIdentityCredential
) -> None:
    held = credential.get_token(SCOPE).token
    with scene.faults.during("identity-down"):
        assert credential.get_token(SCOPE).token == held
        with pytest.raises(ServiceRequestError, match="Connection refused"):
            credential.get_token("https://vault.azure.net/.default")
    assert credential.get_token("https://vault.azure.net/.default").token


def test_a_slow_answer_is_an_answer(scene: Scene, credential: ManagedIdentityCredential) -> None:
    scene.faults.on("identity-slow", delay=0.01)
    assert credential.get_token(SCOPE).token
    assert scene.faults.struck["identity-slow"] == 1
