"""The faults of storage, and the proxy between it and the app, as the official client meets them."""

import socket
import time
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest
from azure.core.exceptions import HttpResponseError, ServiceRequestError
from azure.storage.queue import QueueClient

from sandbox.azurite import Azurite
from sandbox.faults.proxy import Proxy
from sandbox.server import ServerThread
from tests.sandbox.faults_stage import Scene, blobs, port_is_kept, scene_in

pytestmark = pytest.mark.wire


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    folder = tmp_path_factory.mktemp("storage")
    with Azurite(folder / "azurite") as azurite, scene_in(folder, azurite) as scene:
        with blobs(azurite.connection_string) as service:
            service.create_container("aks-pod-routes").upload_blob("leases/shop-weu", b"x" * 300_000)
        yield scene


@pytest.fixture(autouse=True)
def _cleared(scene: Scene) -> Iterator[None]:
    yield
    scene.faults.clear()


def read(scene: Scene) -> int:
    with blobs(scene.faults.connection_string) as service:
        blob: Any = service.get_blob_client("aks-pod-routes", "leases/shop-weu")
        return len(blob.download_blob().readall())


def test_the_proxy_passes_everything_on(scene: Scene) -> None:
    assert read(scene) == 300_000
    assert scene.cloud.settings.keys().isdisjoint({"AzureWebJobsStorage"})


def test_storage_refuses_connections_and_those_that_are_open_are_reset(scene: Scene) -> None:
    with blobs(scene.faults.connection_string) as service:
        container = service.get_container_client("aks-pod-routes")
        assert container.exists()
        with scene.faults.during("storage-down"):
            for _ in range(2):
                with pytest.raises(ServiceRequestError, match="Connection refused"):
                    container.exists()
            assert port_is_kept(service.url)
            queue = QueueClient.from_connection_string(scene.faults.connection_string, "letters", retry_total=0)
            with queue, pytest.raises(ServiceRequestError, match="Connection refused"):
                queue.create_queue()
        assert container.exists()
    with QueueClient.from_connection_string(scene.faults.connection_string, "letters") as queue:
        queue.create_queue()


def test_storage_is_slow(scene: Scene) -> None:
    scene.faults.on("storage-slow", delay=0.03)
    before, began = scene.faults.struck["storage-slow"], time.monotonic()
    with blobs(scene.faults.connection_string) as service:
        assert service.get_container_client("aks-pod-routes").exists()
    assert time.monotonic() - began >= 0.03
    assert scene.faults.struck["storage-slow"] - before == 1


@pytest.mark.parametrize("method", ["GET", "PUT"])
def test_a_lease_is_broken_just_before_a_request_for_a_table(scene: Scene, method: str) -> None:
    before = scene.faults.struck["storage-lease-broken"]
    scene.faults.on("storage-lease-broken", method=method)
    scene.table()
    if method == "PUT":
        scene.put("first")
    assert scene.faults.struck["storage-lease-broken"] == before, "nobody held one"
    with blobs(scene.faults.connection_string) as service:
        blob: Any = service.get_blob_client("aks-pod-routes", "leases/shop-weu")
        lease = blob.acquire_lease(15)
        if method == "PUT":
            scene.table()
        lease.renew()
        scene.table() if method == "GET" else scene.put("second")
        with pytest.raises(HttpResponseError) as lost:
            lease.renew()
        assert lost.value.status_code == 409
        assert blob.get_blob_properties().lease.state == "broken"
    assert scene.faults.struck["storage-lease-broken"] == before + 1


def test_leases_stay_where_no_route_table_is_asked_for(scene: Scene) -> None:
    scene.faults.on("storage-lease-broken", method="*")
    with blobs(scene.faults.connection_string) as service:
        lease: Any = service.get_blob_client("aks-pod-routes", "leases/shop-weu").acquire_lease(15)
        scene.list_nodes()
        lease.renew()
        lease.release()


def test_a_target_that_is_not_there_ends_the_connection() -> None:
    with ServerThread() as servers, socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        proxy = Proxy(servers, f"http://127.0.0.1:{held.getsockname()[1]}")
        with socket.create_connection(("127.0.0.1", urlsplit(proxy.url).port or 0), timeout=10) as connection:
            assert connection.recv(1) == b""
        proxy.close()


def test_a_caller_that_hangs_up_ends_the_connection_to_the_target() -> None:
    with ServerThread() as servers, socket.create_server(("127.0.0.1", 0)) as target:
        target.settimeout(10)
        proxy = Proxy(servers, f"http://127.0.0.1:{target.getsockname()[1]}")
        with socket.create_connection(("127.0.0.1", urlsplit(proxy.url).port or 0), timeout=10) as connection:
            connection.sendall(b"hello")
            there, _ = target.accept()
            there.settimeout(10)
            assert there.recv(5) == b"hello"
        with there:
            assert there.recv(1) == b""
        proxy.close()
        proxy.close()
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", urlsplit(proxy.url).port or 0), timeout=10)
