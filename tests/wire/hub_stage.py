"""A Route Server or a Virtual WAN hub beside the cluster, and the app in front of it: what the tests of BGP modes act on.

Time is the stand-in's: it moves when somebody would sleep, or, where it is stopped, when a test says so.
"""

import threading
from collections import Counter
from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

from sandbox.cluster import CLUSTER_ID, NETWORK_ID, NODE_GROUP, POD_CIDR, POOLS
from sandbox.hub import HUB_ID, PEER_ASN, REFLECTORS
from sandbox.resource_manager import Call
from shared.report import ClusterReport, render_json
from tests.wire.stage import App, Body, Stage

PATIENCE = 20.0
"""Real seconds after which a test that waits for a stopped clock is given up."""
LABEL = "aks-pod-routes/bgp-peer"
REFLECTED: Mapping[str, Any] = {"addresses": list(REFLECTORS)}
LABELLED: Mapping[str, Any] = {"nodeSelector": f"{LABEL}=true"}
WAN_ID = HUB_ID.replace("rs-shop", "hub-shop")
SPOKE_ID = f"{WAN_ID}/hubVirtualNetworkConnections/spoke-1"
OURS = "apr_shop-weu_"


def routing(peers: Mapping[str, Any] = LABELLED, **more: Any) -> dict[str, Any]:
    """The configuration of a cluster in mode routeServer."""
    server = {"mode": "routeServer", "virtualHubId": HUB_ID, "peerAsn": PEER_ASN, "peers": peers}
    return {"routing": server | more}


def virtual_wan(**more: Any) -> dict[str, Any]:
    """The same in mode virtualWan."""
    return routing(REFLECTED, mode="virtualWan", virtualHubId=WAN_ID, hubConnectionId=SPOKE_ID, **more)


class Hands:
    """The hands of the stand-in's clock. Whoever sleeps moves them, until they are stopped: then sleepers wait for `move`."""

    def __init__(self) -> None:
        self.at = 1000.0
        self._stopped = False
        self._moved = threading.Condition()

    def __call__(self) -> float:
        return self.at

    def sleep(self, seconds: float) -> None:
        """What everybody calls who wants to wait."""
        with self._moved:
            if not self._stopped:
                self.at += seconds
                return
            until = self.at + seconds
            if not self._moved.wait_for(lambda: not self._stopped or self.at >= until, timeout=PATIENCE):
                raise TimeoutError("nobody moved the clock")

    def stop(self) -> None:
        """From now on time stands still."""
        self._stopped = True

    def move(self, seconds: float) -> None:
        """Time jumps, and goes on standing still."""
        with self._moved:
            self.at += seconds
            self._moved.notify_all()

    def release(self) -> None:
        """Nobody waits any more."""
        with self._moved:
            self._stopped = False
            self._moved.notify_all()


@dataclass
class HubStage:
    """A Route Server that is ready and empty, and reflectors that announce the pod CIDRs of all nodes."""

    stage: Stage

    def __post_init__(self) -> None:
        self.cloud, self.cluster = self.stage.cloud, self.stage.cluster
        self.arm, self.kubernetes = self.stage.arm, self.stage.kubernetes
        self.arm.add_route_server(HUB_ID, subnet_id=f"{NETWORK_ID}/subnets/RouteServerSubnet")
        for reflector in REFLECTORS:
            self.arm.hubs.speaker(HUB_ID, reflector, self.cluster.expected)

    def start(self, configured: Mapping[str, Any] | None = None, **settings: str) -> App:
        """The app, which peers with the labelled nodes unless it is told otherwise."""
        return self.stage.start(configured or routing(), **settings)

    def add(self, *zones: int | None, speaking: bool = True) -> list[str]:
        """Labelled nodes, one per zone given, which speak BGP."""
        names = self.cluster.add("apps", len(zones))
        for name, zone in zip(names, zones, strict=True):
            self.kubernetes.set_label("Node", name, LABEL, "true")
            self.kubernetes.set_label("Node", name, "topology.kubernetes.io/zone", f"westeurope-{zone}")
            if speaking:
                self.speak(name)
        return names

    def speak(self, name: str) -> None:
        """A node begins to announce its own pod CIDR, for as long as it exists."""
        address = self.cluster.address(name)

        def own() -> dict[str, str]:
            return {prefix: hop for prefix, hop in self.cluster.expected().items() if hop == address}

        self.arm.hubs.speaker(HUB_ID, address, own)

    def addresses(self, *names: str) -> list[str]:
        """The InternalIPs of nodes."""
        return [self.cluster.address(name) for name in names]

    def add_foreign(self, *connections: tuple[str, str, int], hub_id: str = HUB_ID) -> None:
        """Somebody else's connections: name, address, AS number."""

        def edit(body: Body) -> None:
            body["bgpConnections"] += [
                {"name": name, "properties": {"peerIp": ip, "peerAsn": asn}} for name, ip, asn in connections
            ]

        self.arm.edit_hub(hub_id, edit)

    def peers(self, hub_id: str = HUB_ID) -> dict[str, int]:
        """Address → AS number of our connections."""
        return {
            each["properties"]["peerIp"]: each["properties"]["peerAsn"]
            for each in self.connections(hub_id)
            if _is_ours(each)
        }

    def connections(self, hub_id: str = HUB_ID) -> list[Body]:
        """The bodies of all connections."""
        found: list[Body] = self.arm.hubs.hub(hub_id)["bgpConnections"]
        return found

    def states(self) -> set[str]:
        """Every provisioningState among our connections."""
        return {each["properties"]["provisioningState"] for each in self.connections() if _is_ours(each)}

    def foreign(self) -> list[Body]:
        """The bodies of what is not ours, but for the version, which is the hub's."""
        bodies = [deepcopy(each) for each in self.connections() if not _is_ours(each)]
        for each in bodies:
            del each["etag"]
        return bodies

    def calls(self, hub_id: str = HUB_ID) -> list[str]:
        """What was asked of the hub and of operations, in order."""
        root = f"{hub_id}/bgpConnections".lower()
        words = {("GET", hub_id.lower()): "hub", ("GET", root): "list"}
        return [
            "poll" if call.is_poll else words.get((call.method, call.path.lower())) or _named(call)
            for call in self.arm.calls
            if call.is_poll or call.path.lower() == hub_id.lower() or call.path.lower().startswith(root)
        ]

    def counted(self) -> Counter[str]:
        """How often each of `calls` was made, whatever the order."""
        return Counter(self.calls())

    def operations(self, hub_id: str = HUB_ID) -> list[str]:
        """The writes that were sent, as `+` and `-` with the address, in order."""
        signs = {"PUT": "+", "DELETE": "-"}
        return [f"{signs[call.method]} {_address(call.path)}" for call in self.writes() if hub_id in call.path]

    def writes(self) -> list[Call]:
        """Every request that could change something in Azure."""
        reads = ("/listclusterusercredential", "/learnedroutes")
        return [call for call in self.arm.calls if call.method != "GET" and not call.path.lower().endswith(reads)]

    def move_time(self, hands: Hands) -> None:
        """The stand-in lives by `hands` from now on."""
        self.arm._operations._pace.clock = hands
        self.arm._door._clock = hands
        self.arm.clock = hands

    def recreate(self, **changes: Any) -> None:
        """The AKS cluster, but for `changes`."""
        standard = {
            "node_resource_group": NODE_GROUP,
            "pools": {pool.name: f"{NETWORK_ID}/subnets/{pool.subnet}" for pool in POOLS},
            "pod_cidrs": [POD_CIDR],
            "kube_server": self.cloud.kubernetes_url,
            "kube_ca_pem": self.cloud.authority.ca_pem,
        }
        self.arm.add_cluster(CLUSTER_ID, **standard | changes)


def _is_ours(connection: Body) -> bool:
    """By the name this app would give to a connection of that address; only the name's beginning would not do."""
    return bool(connection["name"] == f"{OURS}{connection['properties']['peerIp']}")


def _named(call: Call) -> str:
    """`learned 10.10.4.4` of a POST, else the method and the address in the name of a connection."""
    if call.path.lower().endswith("/learnedroutes"):
        return f"learned {_address(call.path.rpartition('/')[0])}"
    return f"{call.method} {_address(call.path)}"


def _address(path: str) -> str:
    return path.rpartition("_")[2] if OURS in path else path.rpartition("/")[2]


def told(report: ClusterReport) -> dict[str, str]:
    """Code → message of every finding, as the report's JSON has them."""
    (cluster,) = render_json([report])["clusters"]
    return {each["code"]: each["message"] for target in cluster["targets"] for each in target["findings"]}


def changes(report: ClusterReport) -> list[str]:
    """Every change of the only hub, as the report's JSON has them."""
    (cluster,) = render_json([report])["clusters"]
    (target,) = cluster["targets"]
    return [f"{each['action']} {each['peerIp']} {each['result']}" for each in target["changes"]]
