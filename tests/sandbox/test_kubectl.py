"""An ordinary kubectl against the Kubernetes API stand-in. Skipped where there is none; the tables are tested without.

kubectl itself refuses to watch two resources at once ("you may only specify a single resource type"), so nodes and
ciliumnodes are watched by two commands.
"""

import os
import shutil
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import yaml

from sandbox.kubernetes_api import cilium_node, kubeconfig, scale_set_node_name
from tests.sandbox.kubernetes_stage import ADMIN, Cluster, Server, cluster_on, node, served

KUBECTL = shutil.which("kubectl")
ZERO, ONE = scale_set_node_name("np1", 0), scale_set_node_name("np1", 1)
TIMEOUT = 30.0
"""Seconds after which a kubectl that says nothing fails the test instead of hanging it."""

pytestmark = pytest.mark.wire
needs_kubectl = pytest.mark.skipif(KUBECTL is None, reason="kubectl is not installed")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with served(tmp_path_factory.mktemp("ca")) as serving:
        yield serving


@pytest.fixture
def cluster(server: Server) -> Iterator[Cluster]:
    with cluster_on(server) as cluster:
        for number in range(2):
            built = node(number, created="2026-11-21T08:00:00Z", ready=number == 0)
            cluster.api.put(built)
            cidr, name = f"100.64.{number}.0/24", built["metadata"]["name"]
            cluster.api.put(cilium_node(name, addresses=[f"10.0.0.{number + 4}"], pod_cidrs=[cidr]))
        yield cluster


class Kubectl:
    """Runs kubectl with a kubeconfig of its own and a home of its own, so that nothing of the machine leaks in."""

    def __init__(self, cluster: Cluster, home: Path) -> None:
        config = home / "config"
        config.write_text(kubeconfig(cluster.url, cluster.ca_pem, ADMIN))
        self._command = [KUBECTL or "", "--kubeconfig", str(config), "--cache-dir", str(home / "cache")]
        self._environment = {"PATH": os.environ["PATH"], "HOME": str(home)}

    def __call__(self, *words: str) -> str:
        """Its output; AssertionError with its complaint when it fails."""
        done = subprocess.run(
            [*self._command, *words],
            env=self._environment,
            capture_output=True,
            text=True,
            timeout=TIMEOUT,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    @contextmanager
    def running(self, *words: str) -> Iterator[Iterator[str]]:
        """The lines of a command that goes on until it is stopped, at the latest after the timeout."""
        with subprocess.Popen(
            [*self._command, *words], env=self._environment, stdout=subprocess.PIPE, text=True
        ) as process:
            guard = threading.Timer(TIMEOUT, process.kill)
            guard.start()
            try:
                yield iter(process.stdout or ())
            finally:
                guard.cancel()
                process.terminate()


@pytest.fixture
def kubectl(cluster: Cluster, tmp_path: Path) -> Kubectl:
    return Kubectl(cluster, tmp_path)


@needs_kubectl
def test_get_shows_nodes_and_cilium_nodes_side_by_side(kubectl: Kubectl) -> None:
    nodes, cilium_nodes = (
        part.splitlines() for part in kubectl("get", "nodes,ciliumnodes", "-o", "wide").split("\n\n")
    )
    assert nodes[0].split() == [
        "NAME",
        "STATUS",
        "ROLES",
        "AGE",
        "VERSION",
        "INTERNAL-IP",
        "EXTERNAL-IP",
        "OS-IMAGE",
        "KERNEL-VERSION",
        "CONTAINER-RUNTIME",
    ]
    assert [line.split()[:7] for line in nodes[1:]] == [
        [f"node/{ZERO}", "Ready", "<none>", "24h", "v1.36.2", "10.0.0.4", "<none>"],
        [f"node/{ONE}", "NotReady", "<none>", "24h", "v1.36.2", "10.0.0.5", "<none>"],
    ]
    assert [line.split()[:3] for line in cilium_nodes] == [
        ["NAME", "CILIUMINTERNALIP", "INTERNALIP"],
        [f"ciliumnode.cilium.io/{ZERO}", "100.64.0.1", "10.0.0.4"],
        [f"ciliumnode.cilium.io/{ONE}", "100.64.1.1", "10.0.0.5"],
    ]


@needs_kubectl
@pytest.mark.parametrize(("resource", "kind"), [("nodes", "Node"), ("cn", "CiliumNode")])
def test_watch_shows_a_change_as_it_happens(cluster: Cluster, kubectl: Kubectl, resource: str, kind: str) -> None:
    with kubectl.running("get", resource, "-o", "wide", "--watch", "--output-watch-events") as lines:
        assert [next(lines).split()[0] for _ in range(3)] == ["EVENT", "ADDED", "ADDED"]
        cluster.api.wait_for_watches()
        cluster.api.delete(kind, ONE)
        assert next(lines).split()[:2] == ["DELETED", ONE]


@needs_kubectl
def test_selectors_pages_and_whole_objects_work(kubectl: Kubectl) -> None:
    assert kubectl("get", "nodes", "--chunk-size=1", "-o", "name").split() == [f"node/{ZERO}", f"node/{ONE}"]
    assert kubectl("get", "nodes", "-l", f"kubernetes.io/hostname={ONE}", "-o", "name").split() == [f"node/{ONE}"]
    path = "jsonpath={.spec.ipam.podCIDRs[0]}"
    assert kubectl("get", "ciliumnode", ZERO, "-o", path) == "100.64.0.0/24"


@needs_kubectl
def test_a_config_map_is_shown_and_read(cluster: Cluster, kubectl: Kubectl) -> None:
    cluster.api.put_config_map("kube-system", "cilium-config", {"routing-mode": "native", "ipam": "cluster-pool"})
    lines = [line.split()[:2] for line in kubectl("get", "cm", "-n", "kube-system").splitlines()]
    assert lines == [["NAME", "DATA"], ["cilium-config", "2"]]
    everywhere = kubectl("get", "cm", "--all-namespaces").splitlines()
    assert everywhere[1].split()[:3] == ["kube-system", "cilium-config", "2"]
    path = "jsonpath={.data.routing-mode}"
    assert kubectl("get", "configmap", "cilium-config", "-n", "kube-system", "-o", path) == "native"


@needs_kubectl
def test_delete_removes_a_node(cluster: Cluster, kubectl: Kubectl) -> None:
    assert kubectl("delete", "node", ONE).strip() == f'node "{ONE}" deleted'
    assert cluster.api.names("Node") == (ZERO,)


@needs_kubectl
def test_it_finds_out_by_itself_what_is_served(kubectl: Kubectl) -> None:
    rows = [line.split() for line in kubectl("api-resources", "--no-headers").splitlines()]
    assert rows == [
        ["configmaps", "cm", "v1", "true", "ConfigMap"],
        ["nodes", "no", "v1", "false", "Node"],
        ["ciliumnodes", "cn,ciliumn", "cilium.io/v2", "false", "CiliumNode"],
    ]


def test_the_kubeconfig_names_server_authority_and_token() -> None:
    document = yaml.safe_load(kubeconfig("https://127.0.0.1:6443", b"-----BEGIN", "secret"))
    assert document["clusters"][0]["cluster"] == {
        "server": "https://127.0.0.1:6443",
        "certificate-authority-data": "LS0tLS1CRUdJTg==",
    }
    assert document["users"][0]["user"] == {"token": "secret"}
    assert document["current-context"] == document["contexts"][0]["name"]
