"""The permissions that the doctor asks about are those of the roles that are deployed."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from shared.doctor.facts import Setup
from shared.doctor.facts_rights import needs
from tests.doctor.cases import HUB_ID
from tests.fake_arm import CLUSTER, RT_A

ROLES = json.loads((Path(__file__).parents[2] / "infra" / "roles.json").read_text())
GROUP = "/subscriptions/s/resourceGroups/MC"
UDR = Setup("a", "udr", CLUSTER)
SERVER = replace(UDR, mode="routeServer", hub_id=HUB_ID)
WAN = replace(SERVER, mode="virtualWan", hub_connection_id=f"{HUB_ID}/hubVirtualNetworkConnections/c")


def actions(name: str) -> set[str]:
    return set(ROLES[name]["actions"])


def needed(setup: Setup) -> dict[str, tuple[set[str], bool]]:
    return {resource: (set(asked), essential) for resource, asked, essential in needs(setup, (RT_A,), GROUP)}


def test_routes_need_the_cluster_the_tables_and_for_the_witness_the_machines() -> None:
    found = needed(UDR)
    assert found[CLUSTER] == (actions("cluster"), True)
    assert found[RT_A] == (actions("routeTable"), True)
    assert found[GROUP][0] < actions("nodeResourceGroup")
    assert not found[GROUP][1]
    assert HUB_ID not in found


@pytest.mark.parametrize("setup", [SERVER, WAN], ids=lambda setup: setup.mode)
def test_peers_need_the_hub(setup: Setup) -> None:
    asked, essential = needed(setup)[HUB_ID]
    assert essential
    assert asked < actions("hub")
    assert RT_A not in needed(setup)


def test_both_kinds_of_hub_together_need_all_of_the_role() -> None:
    assert needed(SERVER)[HUB_ID][0] | needed(WAN)[HUB_ID][0] == actions("hub")


def test_who_only_observes_needs_only_the_cluster() -> None:
    assert set(needed(replace(UDR, mode="observe"))) == {CLUSTER}


def test_with_a_kubeconfig_nobody_asks_for_the_api_server() -> None:
    assert needed(replace(UDR, kubeconfig=True))[CLUSTER][0] == {"Microsoft.ContainerService/managedClusters/read"}
    assert CLUSTER not in needed(replace(UDR, cluster_id=None, kubeconfig=True))
