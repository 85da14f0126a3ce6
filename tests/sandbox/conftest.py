"""A served Kubernetes API per module, and a cluster of its own in it per test."""

from collections.abc import Iterator

import pytest

from tests.sandbox.kubernetes_stage import Cluster, Server, cluster_on, served


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with served(tmp_path_factory.mktemp("ca")) as serving:
        yield serving


@pytest.fixture
def cluster(server: Server) -> Iterator[Cluster]:
    with cluster_on(server) as cluster:
        yield cluster
