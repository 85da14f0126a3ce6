"""A cluster that changes while it is followed: what the tests do to it, and clocks that nobody has to wait for."""

import asyncio
import json
import threading
import time
from collections import defaultdict
from collections.abc import Callable
from typing import Any

from aiohttp import web

from sandbox.authority import Authority
from sandbox.kubernetes_api.api import KubernetesApi
from sandbox.server import ServerThread
from shared.models import Reading
from shared.sources.following import Following
from shared.sources.kubernetes import KubernetesSource
from tests.sources.cluster import CILIUM_NODES, NODES

PATIENCE = 20.0
"""Seconds for what is sure to happen, on however slow a machine; nothing takes as long."""

BOTH = (NODES, CILIUM_NODES)
WATCH = "watch=true"


def name(number: int) -> str:
    """As `cluster.fill` names them."""
    return f"aks-np1-12345678-vmss{number:06}"


def assign(api: KubernetesApi, number: int, *cidrs: str) -> None:
    """What Cilium's operator does."""
    cilium = api.get("CiliumNode", name(number))
    cilium["spec"]["ipam"]["podCIDRs"] = list(cidrs)
    api.put(cilium)


def beat(api: KubernetesApi, number: int, at: int) -> None:
    """What a kubelet does every five minutes, or ten seconds, and what somebody does with labels."""
    node = api.get("Node", name(number))
    node["metadata"]["labels"]["beat"] = str(at)
    node["status"]["conditions"] = [
        {"type": "Ready", "status": "True", "lastHeartbeatTime": f"2026-11-22T10:00:00.{at}Z"}
    ]
    api.put(node)


def cidrs_by_number(reading: Reading) -> dict[int, list[str]]:
    return {int(node.name[-6:]): [str(cidr) for cidr in node.pod_cidrs] for node in reading.nodes}


def lists(api: KubernetesApi) -> int:
    return api.calls.count(NODES, watch=False) + api.calls.count(CILIUM_NODES, watch=False)


def watches(api: KubernetesApi, path: str) -> list[str]:
    """The resourceVersions that were watched from."""
    return [call.query["resourceVersion"] for call in api.calls if call.path == path and call.is_watch]


def eventually(condition: Callable[[], bool]) -> None:
    """For what nobody announces: a request that another thread makes."""
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.005)


def take_down(api: KubernetesApi, code: int = 503, paths: tuple[str, ...] = BOTH, text: str = "no") -> None:
    """End every watch and answer the next ones like this, until the faults are cleared."""
    for path in paths:
        api.answer_next(path, code, text, times=10_000, query_contains=WATCH)
    before = {path: api.calls.count(path, watch=True) for path in paths}
    api.drop_watches()
    for path in paths:  # the next attempt shows that the end of the last watch was noticed
        eventually(lambda path=path: api.calls.count(path, watch=True) > before[path])  # type: ignore[misc]


def sees(nodes: Following, number: int, cidr: str) -> bool:
    return nodes.wait(PATIENCE) and cidrs_by_number(nodes.read()).get(number) == [cidr]


def watching_threads() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name.startswith("watch ")]


class Clock:
    """Stands still, and jumps by `jump` seconds once `until` holds."""

    def __init__(self, until: Callable[[], bool] = lambda: False, *, jump: float = 1000.0) -> None:
        self.now = 5000.0
        self._until = until
        self._jump = jump

    def pass_quickly(self) -> None:
        """Let the jump come when the test's own thread has looked once more: a wait finds that its time is up."""
        looks = iter([False])
        mine = threading.current_thread()
        self._until = lambda: threading.current_thread() is mine and next(looks, True)

    def __call__(self) -> float:
        if self._until():
            self._until = lambda: False
            self.now += self._jump
        return self.now


class Scripted:
    """An API server for Nodes that says exactly what it is told to; a list gives the last of `states` that was set."""

    def __init__(self, servers: ServerThread, authority: Authority) -> None:
        self.revision, self.items = "10", [scripted_node("100.64.0.0/24", "10")]
        self.watched: list[str] = []
        self.lists = 0
        self._servers = servers
        self._lines: defaultdict[int, asyncio.Queue[bytes]] = defaultdict(asyncio.Queue)
        app = web.Application()
        app.router.add_get(NODES, self._answer)
        address = servers.serve(app, tls=authority.server_context())
        self.source = KubernetesSource.connect(address, authority.ca_pem, lambda: "x", pod_cidr_source="node")

    def say(self, watch: int, line: bytes) -> None:
        """Let the watch of that number, counted from 0, send a line, now or when it is opened."""

        async def put() -> None:
            self._lines[watch].put_nowait(line)

        self._servers.run(put())

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        if "watch" not in request.query:
            self.lists += 1
            return web.json_response(
                {"kind": "NodeList", "metadata": {"resourceVersion": self.revision}, "items": self.items}
            )
        lines = self._lines[len(self.watched)]
        self.watched.append(request.query["resourceVersion"])
        response = web.StreamResponse(headers={"Content-Type": "application/json"})
        response.enable_chunked_encoding()
        await response.prepare(request)
        while line := await lines.get():  # an empty line ends the answer
            await response.write(line)
        return response


def scripted_node(cidr: str, revision: str) -> dict[str, Any]:
    return {
        "kind": "Node",
        "apiVersion": "v1",
        "metadata": {"name": name(0), "creationTimestamp": "2026-11-01T08:00:00Z", "resourceVersion": revision},
        "spec": {"podCIDRs": [cidr]},
    }


def event(kind: str, body: dict[str, Any]) -> bytes:
    return json.dumps({"type": kind, "object": body}).encode() + b"\n"
