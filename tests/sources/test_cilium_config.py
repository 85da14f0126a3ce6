"""Cilium's ConfigMap: read, or told apart why not. Nothing is raised."""

from collections.abc import Mapping

import pytest

from sandbox.authority import Authority
from sandbox.kubernetes_api.api import KubernetesApi
from shared.errors import SourceError
from shared.models import Severity
from shared.sources.cilium_config import PATH, Cause, Unreadable
from shared.sources.kubernetes import KubernetesSource

pytestmark = pytest.mark.wire

DATA = {"routing-mode": "native", "ipam": "cluster-pool"}


@pytest.fixture(autouse=True)
def config_map(api: KubernetesApi) -> None:
    api.put_config_map("kube-system", "cilium-config", DATA)


def unreadable(answer: Mapping[str, str] | Unreadable) -> Unreadable:
    assert isinstance(answer, Unreadable)
    assert "sandbox." not in answer.message  # what every token of the sandbox begins with
    return answer


def test_the_entries_are_read_as_they_are_written(api: KubernetesApi, source: KubernetesSource) -> None:
    assert source.cilium_config() == DATA
    assert [(call.path, call.query) for call in api.calls] == [(PATH, {})]


def test_a_config_map_without_entries_is_read_as_that(api: KubernetesApi, source: KubernetesSource) -> None:
    api.put({"kind": "ConfigMap", "metadata": {"name": "cilium-config", "namespace": "kube-system"}})
    assert source.cilium_config() == {}


def test_one_that_is_not_there_is_absent(api: KubernetesApi, source: KubernetesSource) -> None:
    api.delete("ConfigMap", "kube-system/cilium-config")
    found = unreadable(source.cilium_config())
    assert found.cause is Cause.ABSENT
    assert found.message == (
        'cannot read configmap kube-system/cilium-config: 404 configmaps "cilium-config" not found; '
        "is Cilium installed in another namespace than kube-system, or not at all?"
    )


def test_one_that_may_not_be_read_names_the_permission(api: KubernetesApi, source: KubernetesSource) -> None:
    api.forbid("get", resource="configmaps")
    found = unreadable(source.cilium_config())
    assert found.cause is Cause.FORBIDDEN
    assert "get on configmap cilium-config in namespace kube-system" in found.message
    assert "Microsoft.ContainerService/managedClusters/configmaps/read" in found.message
    assert 'cannot get resource "configmaps"' in found.message


@pytest.mark.parametrize("status", [401, 429, 500, 503, 599])
def test_any_other_refusal_is_a_failure(api: KubernetesApi, source: KubernetesSource, status: int) -> None:
    api.answer_next(PATH, status, {"kind": "Status", "message": "etcd said no"}, times=9)
    found = unreadable(source.cilium_config())
    assert found.cause is Cause.FAILED
    assert found.message.startswith(f"cannot read configmap kube-system/cilium-config: {status} etcd said no; ")


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{}",
        b"\xff",
        "<html>Sign in to the network</html>",
        {"kind": "Secret", "data": {"a": "Yg=="}},
        {"kind": "ConfigMap", "data": {"a": 1}},
    ],
)
def test_what_is_no_config_map_is_a_failure(
    api: KubernetesApi, source: KubernetesSource, body: bytes | str | Mapping[str, object]
) -> None:
    api.answer_next(PATH, 200, body)
    found = unreadable(source.cilium_config())
    assert found.cause is Cause.FAILED
    assert "not what an API server sends" in found.message


def test_an_answer_that_breaks_off_is_a_failure(api: KubernetesApi, source: KubernetesSource) -> None:
    api.truncate_next(PATH)
    found = unreadable(source.cilium_config())
    assert (found.cause, "broke off" in found.message) == (Cause.FAILED, True)


def test_without_a_token_it_is_a_failure(server: str, authority: Authority) -> None:
    def token() -> str:
        raise SourceError("no token for the API server")

    found = unreadable(KubernetesSource.connect(server, authority.ca_pem, token).cilium_config())
    assert (found.cause, found.message) == (Cause.FAILED, "no token for the API server")


def test_what_could_not_be_read_is_a_finding_where_it_is(api: KubernetesApi, source: KubernetesSource) -> None:
    api.forbid("get", resource="configmaps")
    found = unreadable(source.cilium_config())
    assert (found.finding.severity, found.finding.code) == (Severity.WARNING, "ciliumConfigUnreadable")
    assert (found.finding.message, found.finding.resource) == (found.message, "kube-system/cilium-config")
