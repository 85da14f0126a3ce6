"""The Resource Manager stand-in against recorded Azure answers and the published interface description.

The recordings live beside the repository and are no part of it; without them these tests are skipped. Every test says
how many exchanges it covers, so that none can drop out unseen.
"""

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from typing import Any

import pytest
import requests

from tests.sandbox.arm_recordings import (
    RECORDINGS,
    Exchange,
    answer_body,
    etags,
    exchanges,
    neutral,
    shapes,
    visible_headers,
)
from tests.sandbox.resource_manager_stage import Arm, arm, served

pytestmark = [
    pytest.mark.wire,
    pytest.mark.skipif(not RECORDINGS.is_dir(), reason="recordings not present"),
]

Make = Callable[..., Arm]
ZERO = "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups"
INSIDE_TEN_SECONDS = 9.0
"""How far the clock goes on before a poll that saw the end: pollers waited 10 s, durations are upper bounds (facts)."""


@pytest.fixture(name="make", scope="module")
def _make(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Make]:
    with served(tmp_path_factory.mktemp("ca")) as server:
        yield partial(arm, server, instant=False)


class Replay:
    """Sends recorded requests in their order and compares each answer with the recorded one.

    Bodies must be equal but for GUIDs. Etags must be equal and differ exactly where the recorded ones do, unless
    the recorder made them all the same. Operation URLs are followed to those that the stand-in handed out.
    """

    def __init__(self, stage: Arm) -> None:
        self._stage = stage
        self._urls: dict[str, str] = {}
        self._etags: dict[str, str] = {}
        self.covered = 0

    def run(self, exchange: Exchange) -> None:
        """Replay one exchange."""
        where = f"{exchange.method} {exchange.path}"
        answer = self._send(exchange)
        body = answer_body(answer)
        assert answer.status_code == exchange.status, where
        assert neutral(body) == neutral(exchange.body), where
        self._compare_headers(exchange, answer, where)
        self._compare_etags(exchange.body, body, where)
        self.covered += 1

    def _send(self, exchange: Exchange) -> requests.Response:
        if exchange.body == {"status": "Succeeded"}:
            self._stage.clock.now += INSIDE_TEN_SECONDS
        if_match = exchange.request_headers.get("if-match")
        return self._stage.send(
            exchange.method,
            self._urls.get(exchange.path.lower(), exchange.path),
            exchange.request_body,
            version=exchange.version,
            **({"If_Match": if_match} if if_match else {}),
        )

    def _compare_headers(self, exchange: Exchange, answer: requests.Response, where: str) -> None:
        recorded = visible_headers(exchange.headers, has_body=exchange.body is not None)
        assert visible_headers(answer.headers, has_body=bool(answer.content)) == recorded, where
        for name in ("azure-asyncoperation", "location"):
            if name in exchange.headers:
                path = re.sub(r"^https://[^/]+|\?.*", "", exchange.headers[name])
                self._urls[path.lower()] = answer.headers[name]

    def _compare_etags(self, recorded: Any, ours: Any, where: str) -> None:
        if "00000000-0000-0000-0000-000000000000" in "".join(etags(recorded)):
            return
        for theirs, mine in zip(etags(recorded), etags(ours), strict=True):
            assert self._etags.setdefault(theirs, mine) == mine, f"{where}: the version moved, and should not have"
        assert len(set(self._etags.values())) == len(self._etags), f"{where}: the version did not move"


def groups_of(stage: Arm, recorded: list[Exchange]) -> None:
    """Create the resource groups that the recorded requests found there: all but those answered as missing."""
    for exchange in recorded:
        found = re.match(r"(?i)(/subscriptions/[^/]+)/resourceGroups/([^/]+)", exchange.path)
        if found and "ResourceGroupNotFound" not in json.dumps(exchange.body):
            stage.rm.add_resource_group(f"{found[1]}/resourceGroups/{found[2]}", location="westus")


def about_the_group(exchange: Exchange) -> bool:
    """Writing a resource group, and waiting for its end: the builder's job in the sandbox."""
    return bool(
        re.fullmatch(r"(?i)/subscriptions/[^/]+/(resourceGroups/[^/]+|operationresults/.*)", exchange.path)
        and (exchange.method != "GET" or "operationresults" in exchange.path.lower())
    )


@pytest.mark.parametrize(
    ("file", "total", "covered"),
    [
        ("azure-sdk-for-python/13.0.0.test_mgmt_network.test_routes.yaml", 15, 15),
        ("azure-sdk-for-python/16.0.0.test_cli_mgmt_network_route_table.test_network.yaml", 14, 14),
        ("azure-sdk-for-python/19.0.0.test_cli_mgmt_network_route_table.test_network.yaml", 13, 13),
        ("azure-sdk-for-python/19.0.0.test_mgmt_network.test_routes.yaml", 15, 15),
        ("cloud-provider-azure/routetableclient.AZURECLOUD.yaml", 15, 12),
    ],
)
def test_recorded_work_on_route_tables_is_answered_as_azure_did(
    make: Make, file: str, total: int, covered: int
) -> None:
    stage, recorded = make(), exchanges(file)
    groups_of(stage, recorded)
    replay = Replay(stage)
    for exchange in recorded:
        if about_the_group(exchange):
            continue
        replay.run(with_what_others_own(stage, exchange))
    assert (len(recorded), replay.covered) == (total, covered)


def test_the_recorded_session_of_the_azure_cli_is_answered_as_azure_did(make: Make) -> None:
    stage, recorded = make(), exchanges("azure-cli/route_table_operation.2024.yaml")
    groups_of(stage, recorded)
    replay = Replay(stage)
    first, *rest = recorded
    group = stage.send("GET", first.path, version=first.version).json()
    assert group == {key: value for key, value in first.body.items() if key != "tags"}, "the builder gives no tags"
    for exchange in rest:
        replay.run(exchange)
    assert (len(recorded), replay.covered) == (28, 27)


def with_what_others_own(stage: Arm, exchange: Exchange) -> Exchange:
    """A recorded list of a subscription also shows tables that others made: put them there, their subnets too.

    One of them is part of a firewall and has no location. Nobody can write such a table, so it is taken out.
    """
    if not (exchange.method == "GET" and exchange.path.endswith("/providers/Microsoft.Network/routeTables")):
        return exchange
    listed = [table for table in exchange.body.get("value", ()) if "location" in table]
    for table in listed:
        try:
            stage.rm.table(table["id"])
        except KeyError:
            properties = dict(table["properties"])
            for subnet in properties.get("subnets", ()):
                network, _, name = subnet["id"].partition("/subnets/")
                stage.rm.add_virtual_network(network, {name: table["id"]})
            stage.rm.add_route_table(table["id"], properties.pop("routes"), location=table["location"], **properties)
    return replace(exchange, body=exchange.body | {"value": listed}) if listed else exchange


def test_recorded_reads_of_networks_and_subnets_are_answered_as_azure_did(make: Make) -> None:
    stage = make()
    replay = Replay(stage)
    networks = exchanges("cloud-provider-azure/virtualnetworkclient.AZURECLOUD.yaml")
    subnets = exchanges("cloud-provider-azure/subnetclient.AZURECLOUD.yaml")
    stage.rm.add_virtual_network(
        f"{ZERO}/aks-cit-VirtualNetwork/providers/Microsoft.Network/virtualNetworks/testResource",
        {},
        prefixes=["192.168.0.0/16"],
        location="westus",
    )
    stage.rm.add_virtual_network(
        f"{ZERO}/aks-cit-Subnet/providers/Microsoft.Network/virtualNetworks/testParentResource",
        {"testResource": None},
        prefixes=["10.1.0.0/16"],
        location="eastus",
    )
    resources = (networks, (3, 4, 5, 7, 9, 10)), (subnets, (6, 7, 8, 10, 11, 12))
    for recorded, reads in resources:
        for number in reads:
            replay.run(recorded[number])
    assert (len(networks), len(subnets), replay.covered) == (15, 19, 12)


OURS_ALONE = {
    "properties.disableLocalAccounts",
    "properties.aadProfile",
    "properties.agentPoolProfiles.vnetSubnetID",
    "properties.agentPoolProfiles.enableAutoScaling",
}
"""What an Entra cluster in its own network has and the recorded one has not, or (the last) not before its first update."""

RECORDED_ALONE = {
    "properties.linuxProfile",
    "properties.networkProfile.networkPluginMode",
    "properties.networkProfile.networkDataplane",
    "properties.networkProfile.loadBalancerProfile.effectiveOutboundIPs",
}
"""What the recorded cluster has for its SSH key and its Azure CNI overlay, and for addresses outside our world."""


def below(paths: set[str], tops: set[str]) -> set[str]:
    return {path for path in paths if not any(path == top or path.startswith(top + ".") for top in tops)}


def test_a_cluster_has_the_shape_of_the_recorded_one(make: Make) -> None:
    stage = make()
    recorded = exchanges("cloud-provider-azure/managedclusterclient.AZURECLOUD.yaml")
    stage.rm.add_cluster(
        f"{ZERO}/aks-cit-ManagedCluster/providers/Microsoft.ContainerService/managedClusters/testResource",
        node_resource_group="MC_aks-cit-ManagedCluster_testResource_eastus",
        pools={"agentpool1": f"{ZERO}/rg/providers/Microsoft.Network/virtualNetworks/v/subnets/s"},
        pod_cidrs=["10.244.0.0/16"],
        kube_server="https://127.0.0.1",
        kube_ca_pem=None,
        location="eastus",
    )
    reads = [recorded[3], recorded[4], recorded[8]]
    for exchange in reads:
        answer = stage.send("GET", exchange.path, version=exchange.version)
        ours, theirs = shapes(answer.json()), shapes(exchange.body)
        assert below(set(ours) - set(theirs), OURS_ALONE) == set()
        assert below(set(theirs) - set(ours), RECORDED_ALONE) == set()
        assert {path: ours[path] for path in ours.keys() & theirs.keys()} == {
            path: theirs[path] for path in ours.keys() & theirs.keys()
        }
        assert answer.headers["Content-Type"] == exchange.headers["content-type"]
        for same in ("id", "name", "type", "location"):
            assert answer.json()[same] == exchange.body[same]
    missing = Replay(stage)
    missing.run(recorded[5])
    assert (len(recorded), len(reads) + missing.covered) == (16, 4)
