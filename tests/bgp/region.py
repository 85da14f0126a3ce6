"""A hub with two instances, the reflectors of one rendering and nodes, each on the subnet it has in Azure."""

import json
import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import yaml

from infra.render.files import render
from infra.render.inputs import Inputs, read_inputs
from tests.bgp.namespaces import PREFIX, Fabric, Host, fabric
from tests.bgp.neighbours import CILIUM_OPTIONS, HUB_OPTIONS, hub_config, node_config
from tests.bgp.speaker import Speaker, package_options
from tests.bgp.waiting import until
from tests.configs import ROUTE_SERVER, UDR

NODES = IPv4Network("10.10.0.0/20")
HUB_SUBNET = IPv4Network("10.10.16.0/26")
REFLECTORS = IPv4Network("10.10.17.0/28")
PODS = IPv4Network("100.64.0.0/16")
HUB = (IPv4Address("10.10.16.4"), IPv4Address("10.10.16.5"))
ITSELF = "0.0.0.0"  # noqa: S104  # no address to bind to: the next hop FRR shows for what the speaker announces itself
NETWORK: dict[str, Any] = {
    "cluster": "prod",
    "nodeSubnets": [str(NODES)],
    "hubSubnet": str(HUB_SUBNET),
    "hubAddresses": [str(address) for address in HUB],
}
THROUGH = {"addresses": ["10.10.17.4", "10.10.17.5"]}
DIRECT = {"nodeSelector": "aks-pod-routes/bgp-peer=true"}


def inputs(peers: dict[str, Any], **network: Any) -> Inputs:
    """Inputs as a user would have them, from a clusters file and a network file."""
    cluster = {**UDR, "routing": {**ROUTE_SERVER, "peers": peers}, "podCidrs": [str(PODS)]}
    return read_inputs(json.dumps([cluster]), json.dumps(NETWORK | network))


def node_address(number: int) -> IPv4Address:
    return NODES[3 + number]  # Azure keeps the first four addresses of a subnet


def pod_cidr(number: int) -> IPv4Network:
    return list(PODS.subnets(new_prefix=24))[number]


class Region:
    """Everything that runs. Nodes are known by their numbers, the rest by their names."""

    def __init__(self, fabric_: Fabric, folder: Path, given: Inputs) -> None:
        assert given.bgp
        self.given = given
        self.bgp = given.bgp
        self._fabric = fabric_
        self._folder = folder
        self.rendered = render(given)
        self.objects = {each["kind"]: each for each in yaml.safe_load_all(self.rendered["cilium-bgp.yaml"])}
        self.hub: list[Speaker] = []
        self.reflectors: list[Speaker] = []
        self.nodes: dict[int, Speaker] = {}
        for subnet in (NODES, HUB_SUBNET, REFLECTORS):
            fabric_.subnet(subnet)

    def open_reflectors(self) -> None:
        """The reflectors, with exactly the files that are rendered for them."""
        for number, address in enumerate(self.bgp.reflectors, 1):
            name = f"reflector-{number}"
            options = package_options(self.rendered[f"{name}/daemons"])
            self.reflectors.append(self._speaker(name, address, self.rendered[f"{name}/frr.conf"], options))
        for reflector in self.reflectors:
            reflector.start_zebra()
        self._start(self.reflectors)

    def open_hub(self, peers: Sequence[IPv4Address], announced: Sequence[str] = ()) -> None:
        """Both instances, with a connection to each peer."""
        for number, address in enumerate(self.bgp.hub_addresses, 1):
            config = hub_config(address, peers, self.bgp.asn, announced)
            self.hub.append(self._speaker(f"hub-{number}", address, config, HUB_OPTIONS))
        self._start(self.hub)

    def add_nodes(self, numbers: Iterable[int]) -> None:
        """Nodes with one pod CIDR each."""
        new = [self.new_node(number, [pod_cidr(number)]) for number in numbers]
        self._start(new)

    def add_node(self, number: int, announced: Sequence[IPv4Network]) -> Speaker:
        """A node that announces what it is told."""
        node = self.new_node(number, announced)
        self._start([node])
        return node

    def new_node(self, number: int, announced: Sequence[IPv4Network]) -> Speaker:
        """A node that is not started yet."""
        address = node_address(number)
        config = node_config(address, announced, self.objects)
        node = self.nodes[number] = self._speaker(f"node-{number}", address, config, CILIUM_OPTIONS)
        return node

    def join(self, number: int) -> Host:
        """A node's machine without a speaker."""
        return self._fabric.host(f"node-{number}", node_address(number))

    def close(self) -> None:
        for speaker in (*self.hub, *self.reflectors, *self.nodes.values()):
            speaker.close()

    def hub_has(self, expected: dict[str, set[str]]) -> bool:
        """Whether both instances have learned exactly these pod routes."""
        return all(self.learned(instance) == expected for instance in self.hub)

    def learned(self, instance: Speaker) -> dict[str, set[str]]:
        """Prefix → next hops of what an instance learned, without what it announces itself."""
        return {prefix: hops for prefix, hops in instance.routes().items() if hops != {ITSELF}}

    def from_every_reflector(self, numbers: Iterable[int]) -> bool:
        """Whether both instances have the routes of these nodes, each from each reflector."""
        reflectors = {reflector.address for reflector in self.reflectors}
        tables = [instance.show("bgp ipv4 unicast")["routes"] for instance in self.hub]
        return all(
            {path["peerId"] for path in table.get(str(pod_cidr(number)), [])} == reflectors
            for table in tables
            for number in numbers
        )

    def until_hub_has(self, expected: dict[str, set[str]], what: str, *, within: float = 30.0) -> float:
        """Waits for exactly these routes; says what is different when it waits in vain."""
        try:
            return until(what, lambda: self.hub_has(expected), within=within)
        except AssertionError as error:
            found = [self.learned(instance) for instance in self.hub]
            raise AssertionError(f"{error}\nexpected {expected}\nfound    {found}") from None

    def _speaker(self, name: str, address: IPv4Address, config: str, options: Sequence[str]) -> Speaker:
        host = self._fabric.host(name, address)
        return Speaker(host, self._folder / name, config, *options)

    def _start(self, speakers: Iterable[Speaker]) -> None:
        started = list(speakers)
        for speaker in started:
            speaker.start()
        for speaker in started:
            speaker.configure()


def routes_of(numbers: Iterable[int]) -> dict[str, set[str]]:
    """What the hub should learn from nodes with one pod CIDR each: the node itself is the next hop."""
    return {str(pod_cidr(number)): {str(node_address(number))} for number in numbers}


@contextmanager
def region(given: Inputs) -> Iterator[Region]:
    """A region without anything on its subnets yet; all of it is gone afterwards."""
    with TemporaryDirectory(prefix=f"{PREFIX}{os.getpid()}-") as folder, fabric() as joined:
        Path(folder).chmod(0o755)  # pytest's own folders are closed to zebra's user
        made = Region(joined, Path(folder), given)
        try:
            yield made
        finally:
            made.close()
