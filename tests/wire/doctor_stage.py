"""A healthy cluster in the sandbox's cloud and a doctor in front of it: what the tests of the checks harm and look at."""

import json
import os
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from azure.core.exceptions import AzureError
from azure.storage.blob import BlobLeaseClient, BlobServiceClient
from azure.storage.queue import QueueClient, QueueServiceClient

from sandbox.cluster import (
    CILIUM_CONFIG,
    CLUSTER_ID,
    GROUP,
    NETWORK_ID,
    NODE_GROUP,
    OTHER_SUBNETS,
    POD_CIDR,
    POOLS,
    SUBSCRIPTION,
)
from sandbox.hub import HUB_ID, PEER_ASN, REFLECTORS, RouteServer
from sandbox.kubernetes_api.aks_node import aks_node
from sandbox.kubernetes_api.cilium_node import cilium_node
from shared.config import load_config
from shared.coordination import CONTAINER, Coordination
from shared.doctor.check import Check, Examination, Verdict
from shared.doctor.examine import examine
from shared.doctor.facts_storage import Storage
from shared.reconcile import Order
from shared.targets.arm import Arm
from shared.wake import WAKE_QUEUE
from shared.wiring import POISON_QUEUE, _aks_token, _credential
from tests.wire.stage import SHOP, SYSTEM, Stage

NODE_GROUP_ID = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/{NODE_GROUP}"
FUNCTION = f"{GROUP}/providers/Microsoft.Web/sites/func-pod-routes/functions/on_scale_event"
TOPIC = f"{GROUP}/providers/Microsoft.EventGrid/systemTopics/nodes"
MACHINE = f"{NODE_GROUP_ID}/providers/Microsoft.Compute/virtualMachines/aks-nap-7x2kq"
BY_REFLECTORS: dict[str, Any] = {
    "routing": {
        "mode": "routeServer",
        "virtualHubId": HUB_ID,
        "peerAsn": PEER_ASN,
        "peers": {"addresses": list(REFLECTORS)},
    }
}


@dataclass
class Ward:
    """Everything is well at first: nodes, routes, an event subscription, an event, a report. `later` moves the doctor's clock."""

    stage: Stage
    connection_string: str
    later: timedelta = timedelta(0)
    configured: list[dict[str, Any]] = field(default_factory=lambda: [{}])

    def __post_init__(self) -> None:
        stage = self.stage
        self.arm, self.kubernetes, self.cluster = stage.arm, stage.kubernetes, stage.cluster
        queues = QueueServiceClient.from_connection_string(self.connection_string)
        self.container = BlobServiceClient.from_connection_string(self.connection_string).get_container_client(
            CONTAINER
        )
        self.wakes, self.poison = queues.get_queue_client(WAKE_QUEUE), queues.get_queue_client(POISON_QUEUE)
        self._clean()
        self.coordination = Coordination(self.container)
        self.names = self.cluster.add("apps", 2)
        self.add_machine()
        self.arm.event_grid.add_system_topic(TOPIC, NODE_GROUP_ID)
        self.arm.event_grid.subscribe(TOPIC, FUNCTION)
        self.coordination.move_marker("shop-weu")

    def _clean(self) -> None:
        """One storage account serves all tests."""
        for blob in ("wakes/shop-weu", "leases/shop-weu", "reports/shop-weu.json"):
            client = self.container.get_blob_client(blob)
            with suppress(AzureError):
                BlobLeaseClient(client).break_lease(0)
            with suppress(AzureError):
                client.delete_blob()
        for queue in (self.wakes, self.poison):
            with suppress(AzureError):
                queue.create_queue()
            queue.clear_messages()

    def add_machine(self) -> None:
        """A node that is a machine of its own, as node auto-provisioning makes them."""
        name, address = MACHINE.rpartition("/")[2], "10.10.4.200"
        subnet = f"{NETWORK_ID}/subnets/snet-apps"
        self.arm.machines.add_machine(MACHINE, [address], subnet=subnet, computer_name=name)
        now = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"
        self.kubernetes.put(aks_node(name, "apps", [address], created=now, provider="vm"))
        self.kubernetes.put(cilium_node(name, addresses=[address], pod_cidrs=["100.127.0.0/24"], created=now))

    def to_bgp(self, **routing: Any) -> None:
        """The Route Server and its reflectors instead of route tables."""
        self.server = RouteServer(self.stage.cloud, self.cluster)
        self.server.start_reflectors()
        self.configured = [{"routing": BY_REFLECTORS["routing"] | routing}]
        self.arm.edit_table(SYSTEM, lambda table: table["properties"].update(disableBgpRoutePropagation=False))

    def move_the_hub(self) -> None:
        """The Route Server is made again in a network of its own."""
        network = NETWORK_ID.replace("vnet-shop", "vnet-hub")
        self.arm.add_virtual_network(network, {"RouteServerSubnet": None}, prefixes=["10.10.0.0/16", "10.40.0.0/16"])
        self.arm.add_route_server(HUB_ID, subnet_id=f"{network}/subnets/RouteServerSubnet")

    def passes(self, count: int = 1) -> None:
        """The app works on the first of the configured clusters."""
        app = self.stage.start(*self.configured)
        for _ in range(count):
            app.fleet.run("shop-weu", Order("timer"))

    def recreate(self, **changes: Any) -> None:
        """The AKS cluster, but for `changes`."""
        standard = {
            "node_resource_group": NODE_GROUP,
            "pools": {pool.name: f"{NETWORK_ID}/subnets/{pool.subnet}" for pool in POOLS},
            "pod_cidrs": [POD_CIDR],
            "kube_server": self.stage.cloud.kubernetes_url,
            "kube_ca_pem": self.stage.cloud.authority.ca_pem,
        }
        self.arm.add_cluster(CLUSTER_ID, **standard | changes)

    def network(self, tables: Mapping[str, str | None] | None = None, **changes: Any) -> None:
        """The nodes' network, but for `tables` and `changes`."""
        standard = {pool.subnet: f"{GROUP}/providers/Microsoft.Network/routeTables/{pool.table}" for pool in POOLS}
        self.arm.add_virtual_network(
            NETWORK_ID,
            {**standard, **dict.fromkeys(OTHER_SUBNETS), **(tables or {})},
            prefixes=["10.10.0.0/16"],
            placed={pool.subnet: pool.prefix for pool in POOLS} | OTHER_SUBNETS,
            **changes,
        )

    def cilium(self, **changes: str | None) -> None:
        """Cilium's configuration, but for `changes`, written with underscores; None takes an entry away."""
        entries: dict[str, str | None] = {
            **CILIUM_CONFIG,
            **{key.replace("_", "-"): each for key, each in changes.items()},
        }
        told = {key: each for key, each in entries.items() if each is not None}
        self.kubernetes.put_config_map("kube-system", "cilium-config", told)

    def examine(self) -> tuple[Check, ...]:
        """The checks of the first of the configured clusters."""
        return self.examine_all(1)[0].checks

    def examine_all(self, most: int | None = None) -> tuple[Examination, ...]:
        """All configured clusters, or the first few."""
        settings = {
            **self.stage.settings,
            "AKS_POD_ROUTES_CLUSTERS": json.dumps([{**SHOP, **each} for each in self.configured]),
        }
        config = load_config(settings)
        credential = _credential(os.environ, config)
        examinations = examine(
            config.clusters[:most],
            config.clusters,
            arm=Arm(credential, config.arm_endpoint),
            token=_aks_token(credential),
            storage=Storage(self.container, self.wakes, self.poison),
            now=datetime.now(UTC) + self.later,
        )
        self.text = "\n".join(
            f"{check.verdict}  {check.title}: {check.evidence}\n-> {check.way_out}"
            for each in examinations
            for check in each.checks
        )
        return examinations

    def send(self, queue: QueueClient, text: str) -> None:
        """A message on a queue."""
        queue.send_message(text)


def amiss(checks: tuple[Check, ...]) -> set[tuple[str, Verdict]]:
    """Code and verdict of everything that is not ok."""
    return {(check.code, check.verdict) for check in checks if check.verdict is not Verdict.OK}
