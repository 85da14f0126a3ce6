"""The virtual hubs of the stand-in against recorded Azure answers, at the recorded times.

Left out everywhere: what the stand-in's builder does instead (writing virtual WANs, hubs, IP configurations, network
connections, public addresses and networks, and waiting for their ends). Left out as a whole: the recording of 2020 with
a routing configuration (its request bodies are no JSON), route maps and effective routes (not served), the hubs of the
Python SDK's recording of 2021 (an older shape: ASN 0, preferredRoutingGateway), and the transcribed excerpt of Az
PowerShell (its body is the same, its PUT was 20 s faster than the others).
"""

from collections.abc import Callable, Iterator, Sequence
from email.utils import parsedate_to_datetime
from functools import partial
from typing import Any

import pytest
import requests

from sandbox.resource_manager.virtual_hub import connection_properties
from tests.sandbox.arm_recordings import RECORDINGS, Exchange, answer_body, exchanges, visible_headers
from tests.sandbox.resource_manager_stage import Arm, arm, served
from tests.sandbox.test_resource_manager_conformance import Replay, groups_of

pytestmark = [
    pytest.mark.wire,
    pytest.mark.skipif(not RECORDINGS.is_dir(), reason="recordings not present"),
]

Make = Callable[..., Arm]
SUBSCRIPTION = "/subscriptions/00000000-0000-0000-0000-000000000000"


@pytest.fixture(name="make", scope="module")
def _make(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Make]:
    with served(tmp_path_factory.mktemp("ca")) as server:
        yield partial(arm, server, instant=False)


class Timed(Replay):
    """A replay in which the clock shows what it showed in Azure, so that each poll must find what it found."""

    def __init__(self, stage: Arm, recorded: Sequence[Exchange]) -> None:
        super().__init__(stage)
        self._recorded = recorded
        self._start = stage.clock.now

    def numbers(self, *numbers: int) -> None:
        """Replay the exchanges of these numbers."""
        for number in numbers:
            self.run(self._recorded[number])

    def _send(self, exchange: Exchange) -> requests.Response:
        self._stage.clock.now = self._start + _seconds(self._recorded[0], exchange)
        url = self._urls.get(exchange.path.lower(), exchange.path)
        return self._stage.send(exchange.method, url, exchange.request_body, version=exchange.version)

    def _compare_headers(self, exchange: Exchange, answer: requests.Response, where: str) -> None:
        super()._compare_headers(exchange, _with_visible_body(answer), where)


def _with_visible_body(answer: requests.Response) -> requests.Response:
    """The body `null` counts as none in a recording."""
    if answer.content == b"null":
        answer._content = b""
    return answer


def _seconds(first: Exchange, later: Exchange) -> float:
    begin, end = (parsedate_to_datetime(each.headers["date"]) for each in (first, later))
    return (end - begin).total_seconds()


def changed(stage: Arm, hub_id: str, **properties: Any) -> None:
    """The builder does what the recorded client did to the hub itself."""
    stage.rm.edit_hub(hub_id, lambda body: body["properties"].update(properties))


def test_the_recorded_life_of_a_route_server_is_answered_as_azure_did(make: Make) -> None:
    stage, recorded = make(), exchanges("azure-cli/virtual_hub_router_scenario.2024-09.yaml")
    group = f"{SUBSCRIPTION}/resourceGroups/cli_test_virtual_hub_router000001/providers/Microsoft.Network"
    network, hub = f"{group}/virtualNetworks/vnet2", f"{group}/virtualHubs/vrouter2"
    groups_of(stage, recorded)
    stage.rm.add_virtual_network(
        network, {"RouteServerSubnet": None}, prefixes=["10.0.0.0/24"], placed={"RouteServerSubnet": "10.0.0.0/24"}
    )
    replay = Timed(stage, recorded)
    replay.numbers(13)
    stage.rm.add_route_server(
        hub,
        subnet_id=f"{network}/subnets/RouteServerSubnet",
        routing_state="None",
        public_ip_id=f"{group}/publicIPAddresses/vhrip1",
        location="centraluseuap",
        hubRoutingPreference="ASPath",
    )
    replay.numbers(16)
    changed(stage, hub, routingState="Provisioned")
    replay.numbers(29, 30, 31)
    changed(stage, hub, hubRoutingPreference="ExpressRoute", allowBranchToBranchTraffic=True)
    replay.numbers(*range(39, 65))
    assert (len(recorded), replay.covered) == (78, 31)


def test_a_peer_of_a_virtual_wan_hub_is_answered_as_azure_did(make: Make) -> None:
    stage, recorded = make(), exchanges("azure-cli-extensions/test_azure_vwan_vhub_bgpconnection.yaml")
    group = f"{SUBSCRIPTION}/resourceGroups/cli_test_azure_vwan_vhub_bgpconnection000001/providers/Microsoft.Network"
    hub = f"{group}/virtualHubs/myclitestvhub"
    groups_of(stage, recorded)
    replay = Timed(stage, recorded)
    virtual_hub(stage, hub, f"{group}/virtualWans/testvwan", router_ips=("10.5.32.4", "10.5.32.5"))
    replay.numbers(14)
    connect(stage, hub, "clitestvhubconnection2", f"{group}/virtualNetworks/clitest.vn000002")
    replay.numbers(19, 20, 21, 22)
    changed(stage, hub, routingState="Provisioned")
    replay.numbers(*range(23, 41))
    assert (len(recorded), replay.covered) == (41, 23)


def test_network_connections_of_a_virtual_wan_hub_are_answered_as_azure_did(make: Make) -> None:
    stage, recorded = make(), exchanges("azure-cli-extensions/test_azure_vhub_connection_basic_scenario.yaml")
    group = f"{SUBSCRIPTION}/resourceGroups/cli_test_azure_vhub_connection000001/providers/Microsoft.Network"
    hub = f"{group}/virtualHubs/clitestvhub2"
    groups_of(stage, recorded)
    replay = Timed(stage, recorded)
    virtual_hub(stage, hub, f"{group}/virtualWans/clitestvwan2")
    replay.numbers(15)
    connect(stage, hub, "clitestvhubconnection2", f"{group}/virtualNetworks/clitest.vn000002")
    replay.numbers(20, 21, 22, 23)
    stage.rm.edit_hub(hub, relabel)
    replay.numbers(27)
    stage.rm.edit_hub(hub, lambda body: body["hubVirtualNetworkConnections"].clear())
    replay.numbers(35)
    assert (len(recorded), replay.covered) == (36, 7)


def relabel(body: dict[str, Any]) -> None:
    routing = body["hubVirtualNetworkConnections"][0]["properties"]["routingConfiguration"]
    routing["propagatedRouteTables"]["labels"] = ["x1", "x2"]


def test_a_virtual_wan_hub_itself_is_answered_as_azure_did(make: Make) -> None:
    stage, recorded = make(), exchanges("azure-cli-extensions/test_azure_vwan_vhub_basic_scenario.yaml")
    group = f"{SUBSCRIPTION}/resourceGroups/cli_test_azure_vwan_route_table000001/providers/Microsoft.Network"
    hub = f"{group}/virtualHubs/clitestvhub"
    groups_of(stage, recorded)
    replay = Timed(stage, recorded)
    virtual_hub(stage, hub, f"{group}/virtualWans/clitestvwan", prefix="10.0.0.0/24", location="southcentralus")
    replay.numbers(14, 15)
    changed(stage, hub, sku="Basic", hubRoutingPreference="VpnGateway")
    replay.numbers(24)
    assert (len(recorded), replay.covered) == (29, 3)


def virtual_hub(stage: Arm, hub: str, wan: str, *, prefix: str = "10.5.0.0/16", **options: Any) -> None:
    """A fresh hub, whose router is still being made."""
    stage.rm.add_virtual_hub(
        hub,
        address_prefix=prefix,
        connections_to={},
        routing_state="Provisioning",
        **{"location": "westus"} | options,
        virtualWan={"id": wan},
    )


def connect(stage: Arm, hub: str, name: str, network: str) -> None:
    """Connect a network with the hub."""
    connection = {"name": name, "properties": connection_properties(hub, network)}
    stage.rm.edit_hub(hub, lambda body: body["hubVirtualNetworkConnections"].append(connection))


def test_a_null_body_is_still_a_body_on_the_wire(make: Make) -> None:
    stage, recorded = make(), exchanges("azure-cli/virtual_hub_router_scenario.2024-09.yaml")
    posts = [each for each in recorded if each.method == "POST"]
    assert [(each.status, each.headers["content-length"]) for each in posts] == [(202, "4"), (202, "4")]
    group = "/subscriptions/s/resourceGroups/g/providers/Microsoft.Network"
    hub, network = f"{group}/virtualHubs/h", f"{group}/virtualNetworks/v"
    stage.rm.add_virtual_network(network, {"r": None})
    stage.rm.add_route_server(hub, subnet_id=f"{network}/subnets/r", connections=[("p", "10.0.0.9", 65001)])
    answer = stage.send("POST", f"{hub}/bgpConnections/p/learnedRoutes")
    assert (answer.status_code, answer.content, answer_body(answer)) == (202, b"null", None)
    assert set(visible_headers(answer.headers, has_body=False)) == {"location", "expires", "pragma"}
