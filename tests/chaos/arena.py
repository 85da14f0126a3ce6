"""Where it all happens: one cluster in a cloud, storage, several instances of the app, faults, and the judge."""

import itertools
import json
import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from random import Random
from threading import Lock
from typing import Any, Self
from unittest.mock import patch

from azure.core.exceptions import ServiceRequestError
from azure.core.pipeline.transport import RequestsTransport
from azure.storage.blob import BlobLeaseClient, BlobServiceClient, ContainerClient

from sandbox.azurite import Azurite
from sandbox.cloud import Cloud
from sandbox.cluster import CLUSTER_ID, Cluster
from sandbox.faults import Faults
from sandbox.kubernetes_api.cilium_node import cilium_node
from shared.coordination import CONTAINER
from shared.fleet import Fleet
from shared.sources import kubernetes
from shared.wiring import build_fleet
from tests.chaos.judge import Judge
from tests.chaos.model import Member, Model

INSTANCES = 3
NAMES = itertools.count(1)
NODES_PER_PAGE = 2
"""So that a few nodes are several pages, each of which can go wrong."""
TOKEN_SECONDS = 120.0
"""azure-identity keeps no token that ends within five minutes, so that one which ended is not asked for a second time."""


class KilledError(ServiceRequestError):
    """The instance is gone: none of its requests leaves it any more, so that nobody can tell it from a dead one."""


class Arena:
    """Use as a context manager. Every example has its own cloud and a cluster name, hence leases, of its own."""

    def __init__(self, folder: Path, azurite: Azurite) -> None:
        self.name = f"chaos-{next(NAMES)}"
        self.cloud = Cloud(folder, instant=True)
        self.model = Model()
        self._azurite = azurite
        self._running = ExitStack()
        self._cidrs = (f"100.64.{number}.0/24" for number in itertools.count(1))
        self._lives_left: int | None = None
        self._dying = Lock()

    def __enter__(self) -> Self:
        with ExitStack() as starting:
            self.cloud.tokens.lifetime = TOKEN_SECONDS
            starting.enter_context(self.cloud)
            self.faults = starting.enter_context(
                Faults(
                    self.cloud,
                    self._azurite,
                    dice=Random(0),  # noqa: S311  # no cryptography here
                )
            )
            self.cluster = Cluster(self.cloud)
            self.judge = Judge(self.cloud, self.name, self.model)
            blobs = starting.enter_context(BlobServiceClient.from_connection_string(self._azurite.connection_string))
            self._container = blobs.get_container_client(CONTAINER)
            starting.enter_context(patch.object(kubernetes, "PAGE_SIZE", NODES_PER_PAGE))
            starting.enter_context(patch.dict(os.environ, self.settings()))
            starting.enter_context(patch.object(RequestsTransport, "send", self._mortal(RequestsTransport.send)))
            self.instances = [self.new_instance() for _ in range(INSTANCES)]
            self._running = starting.pop_all()
        return self

    def __exit__(self, *exc: object) -> None:
        self._running.close()

    def settings(self, *, stay: int = 1) -> dict[str, str]:
        """The app settings; a vigil stays for `stay` seconds where a node waits."""
        cluster = {
            "name": self.name,
            "aksClusterId": CLUSTER_ID,
            "routing": {"mode": "udr"},
            "settle": {"maxSeconds": stay, "quietSeconds": 0},
        }
        return {
            **self.cloud.settings,
            "AzureWebJobsStorage": self.faults.connection_string,
            "AKS_POD_ROUTES_CLUSTERS": json.dumps([cluster]),
        }

    def new_instance(self) -> Fleet:
        """An instance of the app that knows nothing yet."""
        return build_fleet(self.settings())

    # What happens to nodes

    def join(self, pool: str, count: int) -> None:
        """Nodes register; they have no pod CIDR yet."""
        for name in self.cluster.register(pool, count):
            node = self.cloud.kubernetes.get("Node", name)
            address = node["status"]["addresses"][0]["address"]
            member = Member(name, pool, address, machine=address)
            self.model.members.append(member)
            self.model.machines.add(member.machine)

    def assign(self, member: Member, cidr: str | None = None) -> None:
        """Cilium's operator gives a node its pod CIDR, a fresh one unless it is said."""
        member.cidr = cidr or next(self._cidrs)
        self.show(member)

    def leave(self, members: list[Member], *, machines: bool) -> None:
        """Kubernetes forgets nodes, and Azure deletes their machines, or not."""
        for member in members:
            self.cloud.kubernetes.delete("Node", member.name)
            if member.has_cilium_node:
                self.cloud.kubernetes.delete("CiliumNode", member.name)
            self.model.members.remove(member)
            if machines:
                self.cluster.remove_machines([member.name])
                self.model.machines.discard(member.machine)

    def show(self, member: Member, *, ready: bool = True) -> None:
        """Bring what Kubernetes tells of a node in line with the model."""
        api = self.cloud.kubernetes
        node = api.get("Node", member.name)
        others = [each for each in node["status"]["addresses"] if each["type"] != "InternalIP"]
        own = [{"type": "InternalIP", "address": member.address}] if member.shows_address else []
        node["status"]["addresses"] = own + others
        for condition in node["status"]["conditions"]:
            if condition["type"] == "Ready":
                condition["status"] = str(ready)
        api.put(node)
        if member.has_cilium_node:
            addresses = [member.address] if member.shows_address else []
            api.put(cilium_node(member.name, addresses=addresses, pod_cidrs=[member.cidr] if member.cidr else []))
        elif member.name in api.names("CiliumNode"):
            api.delete("CiliumNode", member.name)

    # What happens to instances and leases

    @contextmanager
    def dies_after(self, requests: int) -> Iterator[None]:
        """The process that works in the block is killed before its request number `requests` + 1 to Azure or storage."""
        self._lives_left = requests
        try:
            yield
        finally:
            self._lives_left = None

    @contextmanager
    def just_before(self, method: str, table: str, deed: Callable[[], object]) -> Iterator[None]:
        """Do something once, just before the next such request is served, if there is one inside the block."""
        done = False

        def safely() -> None:
            try:
                deed()
            except Exception as error:  # noqa: BLE001  # on the server's thread nobody else would see it
                self.judge.violations.append(f"in the middle of a pass: {error!r}")

        def decide(verb: str, path: str) -> Callable[[], None] | None:
            nonlocal done
            if done or verb != method or path.lower() != table.lower():
                return None
            done = True
            return safely

        undo = self.cloud.arm.scripts.before.whenever(decide)
        try:
            yield
        finally:
            undo()

    def leased(self, folder: str = "leases") -> bool:
        """Whether somebody has the lease, dead or alive."""
        blob: Any = self._container.get_blob_client(f"{folder}/{self.name}")
        return bool(blob.exists() and blob.get_blob_properties().lease.state == "leased")

    def end_leases(self) -> None:
        """What 30 s do to the leases of the dead."""
        for folder in ("leases", "vigils"):
            if self.leased(folder):
                break_lease(self._container, f"{folder}/{self.name}")

    def _mortal(self, send: Callable[..., Any]) -> Callable[..., Any]:
        def sent(transport: RequestsTransport, request: Any, **options: Any) -> Any:
            with self._dying:
                if self._lives_left == 0:
                    raise KilledError("killed")
                if self._lives_left is not None:
                    self._lives_left -= 1
            return send(transport, request, **options)

        return sent


def break_lease(container: ContainerClient, blob: str) -> None:
    """The lease ends now, and its holder is not asked."""
    BlobLeaseClient(container.get_blob_client(blob)).break_lease(lease_break_period=0)
