"""Patience, trust and credentials on the wire, and what is said when they fail. The brackets name where a case comes from."""

import base64
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from aiohttp import web

from sandbox.authority import Authority
from sandbox.kubernetes_api.api import KubernetesApi
from sandbox.server import ServerThread
from shared.errors import RefusedError, SourceError
from shared.models import Reading
from shared.sources import api_server
from shared.sources.api_server import ApiServer
from shared.sources.kubernetes import KubernetesSource
from tests.sources.cluster import CILIUM_NODES, NODES, cidrs, failure, fill

pytestmark = pytest.mark.wire

# Connecting


def test_connecting_leaves_no_file_behind(
    api: KubernetesApi, connect: Callable[..., KubernetesSource], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    connect().read()
    assert list(tmp_path.iterdir()) == []


def test_whoever_does_not_read_a_cluster_does_not_pay_for_the_kubernetes_client() -> None:
    check = "import sys, function_app, shared.wiring; sys.exit('kubernetes' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", check], check=False).returncode == 0


# Patience


@pytest.mark.parametrize("path", [NODES, CILIUM_NODES])
def test_an_overloaded_server_is_asked_again_after_the_time_it_names(
    api: KubernetesApi, source: KubernetesSource, waits: list[float], path: str
) -> None:
    api.overload_next(path)  # recorded: 429 in plain text with Retry-After: 1
    assert source.read() == Reading(())
    assert waits == [1]


def test_a_custom_resource_whose_storage_is_initializing_is_asked_again(
    api: KubernetesApi, source: KubernetesSource, waits: list[float]
) -> None:
    # recorded: the first list of a CRD after each start of an API server
    status = {"kind": "Status", "message": "storage is (re)initializing", "reason": "TooManyRequests", "code": 429}
    api.answer_next(CILIUM_NODES, 429, status, headers={"Retry-After": "1"})
    assert source.read() == Reading(())
    assert waits == [1]


@pytest.mark.parametrize("status", [429, 503, 504])
def test_a_server_that_stays_busy_is_given_up_after_three_more_attempts(
    api: KubernetesApi, source: KubernetesSource, status: int, waits: list[float]
) -> None:
    api.answer_next(NODES, status, "Too many requests, please try again later.", times=9)
    sentence = failure(source)
    assert f"{status} Too many requests" in sentence
    assert "next pass tries again" in sentence
    assert api.calls.count(NODES) == 4
    assert max(waits) <= 1


def test_a_retry_after_of_an_hour_is_not_slept_through(
    api: KubernetesApi, source: KubernetesSource, waits: list[float]
) -> None:
    api.answer_next(NODES, 503, "later", headers={"Retry-After": "3600"})
    source.read()
    assert waits == [10]


@pytest.mark.parametrize("status", [400, 401, 403, 404, 500])
def test_what_will_not_pass_by_itself_is_not_asked_again(
    api: KubernetesApi, source: KubernetesSource, waits: list[float], status: int
) -> None:
    api.answer_next(NODES, status, "no")
    failure(source)
    assert api.calls.count(NODES) == 1
    assert waits == []


# Streams


def test_a_stream_that_was_left_is_closed_whoever_still_holds_it(
    api: KubernetesApi, server: str, authority: Authority
) -> None:
    with ApiServer.connect(server, authority.ca_pem, lambda: "admin-secret").stream(
        NODES, {"watch": "true"}, silence=30
    ) as stream:
        api.wait_for_watches(1)
    api.wait_for_watches(0)
    stream.hang_up()  # too late, and no error
    assert stream.status == 200


def test_a_stream_is_asked_for_once_whatever_the_answer(
    api: KubernetesApi, server: str, authority: Authority, waits: list[float]
) -> None:
    api.answer_next(NODES, 503, "no", headers={"Retry-After": "7"})
    with ApiServer.connect(server, authority.ca_pem, lambda: "admin-secret").stream(
        NODES, {"watch": "true"}, silence=30
    ) as stream:
        assert (stream.status, stream.retry_after) == (503, 7)
    assert (len(api.calls), waits) == (1, [])


@pytest.mark.parametrize("text", ["Wed, 22 Nov 2026 10:00:00 GMT", "-1", "1.5", "³", ""])
def test_a_retry_after_that_is_no_number_of_seconds_is_none(
    api: KubernetesApi, server: str, authority: Authority, text: str
) -> None:
    api.answer_next(NODES, 503, "no", headers={"Retry-After": text})
    with ApiServer.connect(server, authority.ca_pem, lambda: "admin-secret").stream(
        NODES, {"watch": "true"}, silence=30
    ) as stream:
        assert stream.retry_after == 0


def test_a_stream_from_nowhere_says_so(authority: Authority) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound and not listening
        api = ApiServer.connect(f"https://127.0.0.1:{taken.getsockname()[1]}", authority.ca_pem, lambda: "x")
        with pytest.raises(SourceError, match="no answer"), api.stream(NODES, {"watch": "true"}, silence=30):
            pass


# Refusals


def test_a_refused_token_asks_for_entra_tenant_and_expiry(
    api: KubernetesApi, server: str, authority: Authority
) -> None:
    # external-dns#2858, #3997: a refused reading never becomes an empty one
    sentence = failure(KubernetesSource.connect(server, authority.ca_pem, lambda: "sandbox.stale"))
    assert "cannot list nodes: 401 Unauthorized" in sentence
    assert "Microsoft Entra ID" in sentence
    assert "tenant" in sentence
    assert "expired" in sentence


def test_missing_rights_on_nodes_are_named(api: KubernetesApi, source: KubernetesSource) -> None:
    api.forbid("list", resource="nodes")
    sentence = failure(source)
    assert 'cannot list resource "nodes"' in sentence
    assert "get, list and watch on nodes" in sentence
    assert "Microsoft.ContainerService/managedClusters/nodes/read" in sentence


def test_a_token_that_cannot_be_had_is_the_callers_own_sentence(server: str, authority: Authority) -> None:
    def no_token() -> str:
        raise SourceError("no managed identity")

    assert failure(KubernetesSource.connect(server, authority.ca_pem, no_token)) == "no managed identity"


def test_a_redirect_is_not_followed_with_the_token(api: KubernetesApi, source: KubernetesSource) -> None:
    api.answer_next(NODES, 302, "elsewhere", headers={"Location": "/version"})
    assert "cannot list nodes: 302 elsewhere" in failure(source)
    assert not api.calls.count("/version")


def test_a_long_refusal_is_cut_and_put_on_one_line(api: KubernetesApi, source: KubernetesSource) -> None:
    api.answer_next(NODES, 502, "<html>\n" + "x" * 5000)
    sentence = failure(source)
    assert "502 <html> xxx" in sentence
    assert len(sentence) < 600
    assert "\n" not in sentence


# Not reached


def test_another_certificate_authority_is_not_believed_and_not_tried_again(
    api: KubernetesApi, server: str, tmp_path: Path, waits: list[float]
) -> None:
    sentence = failure(KubernetesSource.connect(server, Authority(tmp_path).ca_pem, lambda: "sandbox.x"))
    assert "TLS failed" in sentence
    assert "certificate" in sentence
    assert "rotated" in sentence
    assert (len(api.calls), waits) == (0, [])


def test_a_certificate_for_another_name_is_not_believed(
    api: KubernetesApi, servers: ServerThread, authority: Authority
) -> None:
    elsewhere = servers.serve(api.app(), tls=authority.server_context("api.example"))
    sentence = failure(KubernetesSource.connect(elsewhere, authority.ca_pem, lambda: "sandbox.x"))
    assert "TLS failed" in sentence
    assert "127.0.0.1" in sentence


def test_a_closed_port_asks_whether_the_cluster_is_stopped(authority: Authority, waits: list[float]) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound and not listening: nobody else can have it meanwhile
        address = f"https://127.0.0.1:{taken.getsockname()[1]}"
        sentence = failure(KubernetesSource.connect(address, authority.ca_pem, lambda: "x", pod_cidr_source="node"))
    assert f"cannot read from the API server {address}: the connection failed (Connection refused)" in sentence
    assert "stopped" in sentence
    assert "authorized IP ranges" in sentence
    assert len(waits) <= 2


def test_a_name_that_does_not_resolve_points_to_the_private_dns_zone(
    authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unknown(*_: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    private = "https://prod-weu.privatelink.westeurope.azmk8s.io:443"
    sentence = failure(KubernetesSource.connect(private, authority.ca_pem, lambda: "x"))
    assert "its name cannot be resolved" in sentence
    assert "private DNS zone" in sentence


def test_a_server_that_never_answers_is_given_up(
    servers: ServerThread, authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    # kubernetes API times out: zero deletes, the pass failed
    released = threading.Event()

    async def silent(_: web.Request) -> web.Response:
        await servers.loop.run_in_executor(None, released.wait)
        return web.Response()

    app = web.Application()
    app.router.add_get(NODES, silent)
    monkeypatch.setattr(api_server, "READ_SECONDS", 0.05)
    address = servers.serve(app, tls=authority.server_context())
    try:
        sentence = failure(KubernetesSource.connect(address, authority.ca_pem, lambda: "x", pod_cidr_source="node"))
    finally:
        released.set()
    assert "no answer within" in sentence


def test_a_server_that_speaks_no_tls_is_not_believed(
    api: KubernetesApi, servers: ServerThread, authority: Authority
) -> None:
    plain = servers.serve(api.app()).replace("http://", "https://")
    assert "TLS failed" in failure(KubernetesSource.connect(plain, authority.ca_pem, lambda: "sandbox.x"))
    assert len(api.calls) == 0


# kubeconfig


def kubeconfig(folder: Path, server: str, cluster: dict[str, Any], **user: Any) -> Path:
    path = folder / "kubeconfig"
    body = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "here",
        "contexts": [{"name": "here", "context": {"cluster": "c", "user": "u"}}],
        "clusters": [{"name": "c", "cluster": {"server": server, **cluster}}],
        "users": [{"name": "u", "user": user}],
    }
    path.write_text(yaml.safe_dump(body))
    return path


def encoded(pem: bytes) -> dict[str, str]:
    return {"certificate-authority-data": base64.b64encode(pem).decode()}


def test_a_kubeconfig_connects_with_its_token(
    api: KubernetesApi, server: str, authority: Authority, tmp_path: Path
) -> None:
    fill(api, 1)
    path = kubeconfig(tmp_path, server, encoded(authority.ca_pem), token="admin-secret")
    assert cidrs(KubernetesSource.from_kubeconfig(path).read()) == ["100.64.0.0/24"]
    assert cidrs(KubernetesSource.from_kubeconfig(str(path), pod_cidr_source="node").read()) == ["10.0.0.0/24"]


def test_a_kubeconfig_may_name_its_certificate_authority_relative_to_itself(
    api: KubernetesApi, server: str, authority: Authority, tmp_path: Path
) -> None:
    (tmp_path / "ca.crt").write_bytes(authority.ca_pem)
    path = kubeconfig(tmp_path, server, {"certificate-authority": "ca.crt"}, token="admin-secret")
    assert KubernetesSource.from_kubeconfig(path).read() == Reading(())


def test_a_kubeconfig_with_the_wrong_certificate_authority_is_not_believed(
    server: str, tmp_path: Path, api: KubernetesApi
) -> None:
    path = kubeconfig(tmp_path, server, encoded(Authority(tmp_path).ca_pem), token="admin-secret")
    assert "TLS failed" in failure(KubernetesSource.from_kubeconfig(path))
    assert len(api.calls) == 0


def test_a_kubeconfig_whose_exec_plugin_is_missing_ends_in_a_refused_token(
    server: str, authority: Authority, tmp_path: Path
) -> None:
    plugin = {"apiVersion": "client.authentication.k8s.io/v1beta1", "command": str(tmp_path / "kubelogin"), "args": []}
    path = kubeconfig(tmp_path, server, encoded(authority.ca_pem), exec=plugin)
    assert "401 Unauthorized" in failure(KubernetesSource.from_kubeconfig(path))


def test_credentials_that_cannot_be_used_are_refused_without_repeating_them(
    server: str, authority: Authority, tmp_path: Path
) -> None:
    path = kubeconfig(
        tmp_path, server, encoded(authority.ca_pem), **{"client-certificate": "not-there.crt", "note": "s3cret"}
    )
    with pytest.raises(RefusedError, match="credentials of its current context cannot be used") as raised:
        KubernetesSource.from_kubeconfig(path)
    assert "s3cret" not in str(raised.value)


def test_a_kubeconfig_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RefusedError, match=r"cannot read the kubeconfig .*No such file or directory"):
        KubernetesSource.from_kubeconfig(tmp_path / "nowhere")
