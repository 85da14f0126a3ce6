"""What the Kubernetes API tests share: clocks turned by hand, small objects, a served stand-in with its callers."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import requests
from kubernetes.client import ApiClient, Configuration, CoreV1Api
from kubernetes.watch import Watch

from sandbox.authority import Authority
from sandbox.identity import AKS_AUDIENCE, Tokens
from sandbox.kubernetes_api import KubernetesApi, aks_node, scale_set_node_name
from sandbox.server import ServerThread

ADMIN = "kubectl-token"
NODES = "/api/v1/nodes"
CILIUM_NODES = "/apis/cilium.io/v2/ciliumnodes"
TABLE = {"Accept": "application/json;as=Table;v=v1;g=meta.k8s.io,application/json"}
PARTIAL = {"Accept": "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io,application/json"}
TODAY = datetime.fromisoformat("2026-11-22T08:00:00Z").timestamp()
READ_TIMEOUT = 20.0
"""Seconds after which a line that never comes fails the test instead of hanging it."""

Server = tuple[ServerThread, Authority]
Event = dict[str, Any]


class Clock:
    """Stands still until a test turns it."""

    def __init__(self, now: float) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


class Lines:
    """The open answer of a watch."""

    def __init__(self, response: requests.Response) -> None:
        self.response = response
        self._lines = response.iter_lines(chunk_size=None)

    def next(self) -> Event:
        """The next event; StopIteration at a clean end."""
        event: Event = json.loads(next(self._lines))
        return event

    def take(self, count: int) -> list[Event]:
        """The next `count` events."""
        return [self.next() for _ in range(count)]

    def rest(self) -> list[Event]:
        """Every event up to the clean end."""
        return [json.loads(line) for line in self._lines]


class Cluster:
    """A stand-in that is being served, with raw requests and the real client as its callers."""

    def __init__(self, server: Server, *, revision: int) -> None:
        servers, authority = server
        self.clock = Clock(0.0)
        self.wall_clock = Clock(TODAY)
        self.tokens = Tokens()
        self.api = KubernetesApi(
            self.tokens, admin_token=ADMIN, clock=self.clock, wall_clock=self.wall_clock, revision=revision
        )
        self.ca_pem = authority.ca_pem
        self.url = servers.serve(self.api.app(), tls=authority.server_context())
        self._ca_file = str(authority.ca_file)
        self._session = requests.Session()

    def token(self) -> str:
        """A fresh token of the managed identity."""
        return self.tokens.issue(AKS_AUDIENCE)[0]

    def client(self) -> ApiClient:
        """The real Python client over TLS, with a token of the managed identity. Close it."""
        configuration = Configuration(host=self.url)
        configuration.ssl_ca_cert = self._ca_file
        configuration.api_key = {"authorization": f"Bearer {self.token()}"}
        return ApiClient(configuration)

    def send(
        self,
        path: str,
        *,
        method: str = "GET",
        token: str | None = ADMIN,
        headers: Mapping[str, str] | None = None,
        stream: bool = False,
    ) -> requests.Response:
        """A raw request, without compression unless `headers` ask for it."""
        sent = {"Accept": "application/json", "Accept-Encoding": "identity", **(headers or {})}
        if token is not None:
            sent["Authorization"] = f"Bearer {token}"
        return self._session.request(
            method, self.url + path, headers=sent, verify=self._ca_file, stream=stream, timeout=READ_TIMEOUT
        )

    @contextmanager
    def watch(self, path: str, *, headers: Mapping[str, str] | None = None) -> Iterator[Lines]:
        """An open watch: `path` with its query, `watch=1` is added."""
        with self.send(f"{path}{'&' if '?' in path else '?'}watch=1", headers=headers, stream=True) as response:
            yield Lines(response)

    def turn(self, seconds: float) -> None:
        """Let `seconds` pass for everything that waits."""
        self.clock.now += seconds
        self.api.tick()

    def close(self) -> None:
        """Close the connections of `send`."""
        self._session.close()


@contextmanager
def served(folder: Path) -> Iterator[Server]:
    """A server thread with its certificate authority, for as many clusters as a module wants."""
    with ServerThread() as servers:
        yield servers, Authority(folder)


@contextmanager
def cluster_on(server: Server, *, revision: int = 1) -> Iterator[Cluster]:
    """A fresh, empty cluster."""
    cluster = Cluster(server, revision=revision)
    try:
        yield cluster
    finally:
        cluster.close()


def core(client: ApiClient) -> Any:
    """The client's core API; Any, because its signatures change with keyword arguments such as `async_req`."""
    return CoreV1Api(client)


def watcher() -> Any:
    """The client's watch, which is not typed."""
    return Watch()  # type: ignore[no-untyped-call]


def node(number: int, pool: str = "np1", **options: Any) -> dict[str, Any]:
    """An AKS node of a scale set."""
    return aks_node(scale_set_node_name(pool, number), pool, [f"10.0.0.{number + 4}"], **options)


def tiny(name: str, kind: str = "Node", **labels: str) -> dict[str, Any]:
    """An object with nothing but a name and labels."""
    return {"kind": kind, "metadata": {"name": name, "labels": labels}}


def fill(cluster: Cluster, *names: str) -> None:
    """Put tiny nodes."""
    for name in names:
        cluster.api.put(tiny(name))


def names_in(page: Mapping[str, Any]) -> list[str]:
    """The names of a list's items, in order."""
    return [item["metadata"]["name"] for item in page["items"]]


def brief(event: Event) -> tuple[str, str, str]:
    """Type, name and resourceVersion."""
    metadata = event["object"]["metadata"]
    return event["type"], metadata.get("name", ""), metadata["resourceVersion"]
