"""The sandbox's API server with sources that read it."""

import time
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from sandbox.authority import Authority
from sandbox.identity import AKS_AUDIENCE, Tokens
from sandbox.kubernetes_api.api import KubernetesApi
from sandbox.server import ServerThread
from shared.sources.following import Following
from shared.sources.gathering import Gathering
from shared.sources.kubernetes import KubernetesSource
from tests.sources.cluster import fill


@pytest.fixture(scope="module")
def servers() -> Iterator[ServerThread]:
    with ServerThread() as running:
        yield running


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture
def tokens() -> Tokens:
    return Tokens()


@pytest.fixture
def api(tokens: Tokens) -> KubernetesApi:
    return KubernetesApi(tokens, admin_token="admin-secret")


@pytest.fixture
def server(api: KubernetesApi, servers: ServerThread, authority: Authority) -> str:
    return servers.serve(api.app(), tls=authority.server_context())


@pytest.fixture(autouse=True)
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """How long was waited before each retry, in seconds; nobody really waits."""
    waited: list[float] = []
    monkeypatch.setattr("urllib3.util.retry.time", SimpleNamespace(sleep=waited.append, time=time.time))
    return waited


@pytest.fixture
def source(server: str, authority: Authority, tokens: Tokens) -> KubernetesSource:
    return KubernetesSource.connect(server, authority.ca_pem, lambda: tokens.issue(AKS_AUDIENCE)[0])


@pytest.fixture
def connect(server: str, authority: Authority, tokens: Tokens) -> Callable[..., KubernetesSource]:
    def build(**settings: Any) -> KubernetesSource:
        return KubernetesSource.connect(server, authority.ca_pem, lambda: tokens.issue(AKS_AUDIENCE)[0], **settings)

    return build


@pytest.fixture
def nodes(api: KubernetesApi, source: KubernetesSource) -> Iterator[Following]:
    """Three nodes that were read once and are followed; the calls are counted from here."""
    fill(api, 3)
    with source.follow() as following:
        following.read()
        api.wait_for_watches(2)
        api.clear_calls()
        yield following


@pytest.fixture
def noted(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """When something that matters changed, as the watches see it."""
    times: list[float] = []
    note = Gathering.note

    def noting(self: Gathering, now: float) -> None:
        times.append(now)
        note(self, now)

    monkeypatch.setattr(Gathering, "note", noting)
    return times
