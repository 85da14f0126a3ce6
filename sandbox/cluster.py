"""An AKS BYOCNI cluster in the sandbox's cloud: two pools in two subnets with two route tables, and what happens to it.

Nodes, CiliumNodes and events come one after the other as in Azure: the scale operation succeeds, its event goes out, then
the node registers, and Cilium's operator gives it a pod CIDR later still.
"""

import itertools
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from ipaddress import ip_network
from typing import Any, Literal

from sandbox.cloud import Cloud
from sandbox.kubernetes_api.aks_node import aks_node, scale_set_name, scale_set_node_name
from sandbox.kubernetes_api.cilium_node import cilium_node
from sandbox.resource_manager import route

SUBSCRIPTION = "8ecadfc9-d1a3-4ea4-b844-0d9f87e4d7c8"
GROUP = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/rg-shop"
NODE_GROUP = "MC_rg-shop_shop-weu_westeurope"
CLUSTER_ID = f"{GROUP}/providers/Microsoft.ContainerService/managedClusters/shop-weu"
NETWORK_ID = f"{GROUP}/providers/Microsoft.Network/virtualNetworks/vnet-shop"
POD_CIDR = "100.64.0.0/10"
FIREWALL = "10.10.240.4"
PEER_LABEL = "aks-pod-routes/bgp-peer=true"
"""What the nodes that peer with a hub carry."""


def scale_set_id(pool: str) -> str:
    """The id of an agent pool's scale set."""
    group = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/{NODE_GROUP}"
    return f"{group}/providers/Microsoft.Compute/virtualMachineScaleSets/{scale_set_name(pool)}"


def table_id(name: str) -> str:
    """The id of a route table of the sandbox."""
    return f"{GROUP}/providers/Microsoft.Network/routeTables/{name}"


@dataclass(frozen=True, slots=True)
class Pool:
    """An agent pool, its subnet and the table of that subnet."""

    name: str
    subnet: str
    prefix: str
    table: str


POOLS = (
    Pool("system", "snet-system", "10.10.0.0/24", "rt-system"),
    Pool("apps", "snet-apps", "10.10.4.0/22", "rt-apps"),
)
OTHER_SUBNETS = {"RouteServerSubnet": "10.10.250.0/26", "snet-reflectors": "10.10.251.0/28"}
ZONES = 3
CILIUM_CONFIG = {
    "routing-mode": "native",
    "ipv4-native-routing-cidr": POD_CIDR,
    "ipam": "cluster-pool",
    "cluster-pool-ipv4-cidr": POD_CIDR,
    "cluster-pool-ipv4-mask-size": "24",
    "enable-bgp-control-plane": "true",
    "enable-ipv4": "true",
    "enable-ipv6": "false",
    "enable-ipv4-masquerade": "true",
    "enable-bpf-masquerade": "true",
    "enable-wireguard": "false",
}
"""What Cilium runs with, as its chart writes it: install/kubernetes/cilium/templates/cilium-configmap.yaml in cilium/cilium."""
Operation = Literal["write", "delete/action", "delete", "deallocate/action", "start/action", "reimage/action"]


class Cluster:
    """The cluster `shop-weu`, empty at first. Every method may be called from any thread but for its own sake."""

    def __init__(self, cloud: Cloud) -> None:
        self._cloud = cloud
        self._instances = {pool.name: itertools.count() for pool in POOLS}
        self._addresses = {pool.name: ip_network(pool.prefix).hosts() for pool in POOLS}
        self._cidrs = ip_network(POD_CIDR).subnets(new_prefix=24)
        self._machines: dict[str, str] = {}
        for each in self._addresses.values():
            for _ in range(3):  # Azure keeps the first addresses of a subnet
                next(each)
        arm = cloud.arm
        arm.add_route_table(
            table_id("rt-system"),
            [
                route("to-firewall", "0.0.0.0/0", FIREWALL),
                route("on-premises", "192.168.0.0/16", next_hop_type="VirtualNetworkGateway"),
            ],
            tags={"owner": "network-team"},
            disableBgpRoutePropagation=True,
        )
        arm.add_route_table(table_id("rt-apps"))
        arm.add_virtual_network(
            NETWORK_ID,
            {pool.subnet: table_id(pool.table) for pool in POOLS} | dict.fromkeys(OTHER_SUBNETS),
            prefixes=["10.10.0.0/16"],
            placed={pool.subnet: pool.prefix for pool in POOLS} | OTHER_SUBNETS,
        )
        arm.add_cluster(
            CLUSTER_ID,
            node_resource_group=NODE_GROUP,
            pools={pool.name: f"{NETWORK_ID}/subnets/{pool.subnet}" for pool in POOLS},
            pod_cidrs=[POD_CIDR],
            kube_server=cloud.kubernetes_url,
            kube_ca_pem=cloud.authority.ca_pem,
        )
        cloud.kubernetes.put_config_map("kube-system", "cilium-config", CILIUM_CONFIG)
        for pool in POOLS:
            arm.machines.add_scale_set(scale_set_id(pool.name), subnet=f"{NETWORK_ID}/subnets/{pool.subnet}")

    @property
    def nodes(self) -> tuple[str, ...]:
        """The names of all nodes."""
        return self._cloud.kubernetes.names("Node")

    def expected(self) -> dict[str, str]:
        """Pod CIDR → address of every node that has one: what each table must hold."""
        kubernetes = self._cloud.kubernetes
        live = set(self.nodes)
        return {
            cidr: item["spec"]["addresses"][0]["ip"]
            for item in (kubernetes.get("CiliumNode", name) for name in kubernetes.names("CiliumNode"))
            if item["metadata"]["name"] in live
            for cidr in item["spec"]["ipam"].get("podCIDRs", [])
        }

    def ours(self, table: str) -> dict[str, str]:
        """Prefix → next hop of the routes in a table that lie in the pod range."""
        pods = ip_network(POD_CIDR)
        return {
            prefix: hop
            for prefix, hop in self._cloud.arm.routes(table_id(table)).items()
            if pods.supernet_of(ip_network(prefix))  # type: ignore[arg-type]  # the sandbox's prefixes are all IPv4
        }

    def register(self, pool: str, count: int = 1) -> list[str]:
        """Machines join the cluster as nodes, in one zone after the other; they have no pod CIDR yet."""
        instances = [next(self._instances[pool]) for _ in range(count)]
        names = [scale_set_node_name(pool, instance) for instance in instances]
        for instance, name in zip(instances, names, strict=True):
            address = str(next(self._addresses[pool]))
            self._machines[name] = self._cloud.arm.machines.add_instance(scale_set_id(pool), instance, name, [address])
            self._cloud.kubernetes.put(
                aks_node(
                    name,
                    pool,
                    [address],
                    created=_now(),
                    subscription=SUBSCRIPTION,
                    node_resource_group=NODE_GROUP,
                    zone=instance % ZONES + 1,
                )
            )
            self._cloud.kubernetes.put(cilium_node(name, addresses=[address], created=_now()))
        return names

    def assign_cidrs(self, names: Sequence[str]) -> None:
        """Cilium's operator gives nodes their pod CIDRs."""
        for name in names:
            address = self.address(name)
            self._cloud.kubernetes.put(cilium_node(name, addresses=[address], pod_cidrs=[str(next(self._cidrs))]))

    def add(self, pool: str, count: int = 1) -> list[str]:
        """Nodes that are complete at once."""
        names = self.register(pool, count)
        self.assign_cidrs(names)
        return names

    def label(self, names: Sequence[str], label: str = PEER_LABEL) -> None:
        """Nodes get a label, `key=value`; by default that of the nodes which peer with a hub."""
        key, _, value = label.partition("=")
        for name in names:
            self._cloud.kubernetes.set_label("Node", name, key, value)

    def unlabel(self, names: Sequence[str], label: str = PEER_LABEL) -> None:
        """Nodes lose a label, whatever its value."""
        for name in names:
            self._cloud.kubernetes.set_label("Node", name, label.partition("=")[0], None)

    def labelled(self, label: str = PEER_LABEL) -> tuple[str, ...]:
        """The names of the nodes that carry a label, `key=value`."""
        key, _, value = label.partition("=")
        nodes = map(partial(self._cloud.kubernetes.get, "Node"), self.nodes)
        return tuple(node["metadata"]["name"] for node in nodes if node["metadata"]["labels"].get(key) == value)

    def remove(self, names: Sequence[str]) -> None:
        """Nodes leave the cluster, Cilium forgets them, and their machines are gone."""
        self.remove_nodes(names)
        self.remove_machines(names)

    def remove_nodes(self, names: Sequence[str]) -> None:
        """Kubernetes and Cilium forget nodes whose machines go on running: what the brake is for."""
        for name in names:
            self._cloud.kubernetes.delete("Node", name)
            self._cloud.kubernetes.delete("CiliumNode", name)

    def remove_machines(self, names: Sequence[str]) -> None:
        """Azure deletes the machines of these names; a node of it that Kubernetes still has stays there."""
        for name in names:
            self._cloud.arm.machines.remove(self._machines.pop(name))

    def edit_route(self, table: str, prefix: str, **properties: str | None) -> None:
        """Somebody changes a route by hand; None takes a property away."""

        def change(body: dict[str, Any]) -> None:
            for each in body["properties"]["routes"]:
                if each["properties"]["addressPrefix"] == prefix:
                    each["properties"].update(properties)
                    for name in [name for name, value in properties.items() if value is None]:
                        del each["properties"][name]

        self._cloud.arm.edit_table(table_id(table), change)

    def address(self, name: str) -> str:
        """The InternalIP of a node."""
        node = self._cloud.kubernetes.get("Node", name)
        address: str = next(each["address"] for each in node["status"]["addresses"] if each["type"] == "InternalIP")
        return address


def scale_event(pool: str, operation: Operation = "write", *, schema: Literal["cloud", "eventGrid"] = "cloud") -> Any:
    """What Event Grid delivers after an operation on a pool's scale set: a CloudEvent, or one in its own schema.

    Source of the shapes: https://learn.microsoft.com/azure/event-grid/event-schema-resource-groups
    """
    kind = {"write": "Write", "delete": "Delete"}.get(operation, "Action")
    topic = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/{NODE_GROUP}"
    resource = f"{topic}/providers/Microsoft.Compute/virtualMachineScaleSets/{scale_set_name(pool)}"
    data = {
        "correlationId": str(uuid.uuid4()),
        "operationName": f"Microsoft.Compute/virtualMachineScaleSets/{operation}",
        "resourceProvider": "Microsoft.Compute",
        "resourceUri": resource,
        "status": "Succeeded",
        "subscriptionId": SUBSCRIPTION,
    }
    event = {"id": str(uuid.uuid4()), "subject": resource, "data": data}
    name = f"Microsoft.Resources.Resource{kind}Success"
    if schema == "cloud":
        return event | {"source": topic, "specversion": "1.0", "type": name, "time": _now()}
    return event | {
        "topic": topic,
        "eventType": name,
        "eventTime": _now(),
        "dataVersion": "2",
        "metadataVersion": "1",
    }


def _now() -> str:
    return f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"
