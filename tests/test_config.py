"""Settings in, frozen values out; and whatever else comes in, every problem at once."""

import subprocess
import sys
from ipaddress import IPv4Address, ip_network
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.config import Cluster, Peers, RouteServerRouting, UdrRouting, VirtualWanRouting
from shared.errors import ConfigError, UnknownClusterError
from shared.label_selector import LabelSelector
from shared.models import Policy, Rules
from tests.configs import (
    AKS,
    CONNECTION,
    HUB,
    ROUTE_SERVER,
    SHARED,
    STORAGE,
    TABLE,
    UDR,
    VIRTUAL_WAN,
    A,
    B,
    load,
    problems,
)


def test_a_cluster_id_and_a_mode_are_enough() -> None:
    config = load(UDR)

    [cluster] = config.clusters
    assert (config.schedule, config.arm_endpoint, config.client_id) == (
        "0 */5 * * * *",
        "https://management.azure.com",
        None,
    )
    assert cluster.aks_cluster_id == f"{AKS}/prod"
    assert cluster.routing == UdrRouting(mode="udr", route_tables=())
    assert (cluster.pod_cidrs, cluster.pod_cidr_source, cluster.kubeconfig) == ((), "auto", None)
    assert (cluster.limits.second_witness, cluster.settle.max_seconds, cluster.settle.quiet_seconds) == (True, 180, 20)
    pods = (ip_network("100.64.0.0/10"),)
    assert cluster.rules(pods) == Rules(owner="prod", pod_cidrs=pods)


def test_every_key_arrives_where_it_is_used() -> None:
    limits = {"maxDeleteFraction": 1, "freeDeletes": 0, "routesPerTable": 400, "secondWitness": False}
    keys = {"podCidrs": ["10.0.0.0/16", "fd00:10::/48"], "policy": "upsertOnly", "adopt": True, "limits": limits}
    keys |= {"podCidrSource": "node", "settle": {"maxSeconds": 540, "quietSeconds": 0}, "kubeconfig": "/k"}

    [cluster] = load({**UDR, **keys, "routing": {"mode": "udr", "routeTables": [f"{TABLE}/a"]}}).clusters

    pods = (ip_network("10.0.0.0/16"), ip_network("fd00:10::/48"))
    assert cluster.pod_cidrs == pods
    assert cluster.rules(pods) == Rules("prod", pods, Policy.UPSERT_ONLY, True, 1.0, 0, 400)  # noqa: FBT003
    assert (cluster.pod_cidr_source, cluster.kubeconfig) == ("node", Path("/k"))
    assert (cluster.limits.second_witness, cluster.settle.max_seconds, cluster.settle.quiet_seconds) == (False, 540, 0)
    assert cluster.routing == UdrRouting(mode="udr", route_tables=(f"{TABLE}/a",))


def test_the_mode_decides_the_shape_of_routing() -> None:
    selector = {**ROUTE_SERVER, "peers": {"nodeSelector": "role in (rr, edge),!old"}, "maxPeers": 2}
    config = load(
        {**UDR, "name": "a", "aksClusterId": f"{AKS}/a", "routing": selector},
        {**UDR, "name": "b", "aksClusterId": f"{AKS}/b", "routing": VIRTUAL_WAN},
        {**UDR, "name": "c", "aksClusterId": f"{AKS}/c", "routing": {"mode": "observe"}},
    )

    a, b, c = (cluster.routing for cluster in config.clusters)
    peers = Peers(node_selector=LabelSelector.parse("role in (rr, edge),!old"))
    assert a == RouteServerRouting(mode="routeServer", virtual_hub_id=HUB, peer_asn=65001, peers=peers, max_peers=2)
    assert isinstance(b, VirtualWanRouting)
    assert b.hub_connection_id == CONNECTION
    assert b.peers.addresses == (IPv4Address("10.1.0.4"),)
    assert c.mode == "observe"


def test_a_configuration_cannot_be_changed_and_can_be_compared() -> None:
    config = load(UDR)

    assert config == load(UDR)
    assert hash(config) == hash(load(UDR))
    with pytest.raises(ValueError, match="frozen"):
        config.clusters[0].adopt = True


def test_clusters_can_be_built_in_code_from_finished_values() -> None:
    peers = Peers(addresses=(IPv4Address("10.1.0.4"),))
    routing = RouteServerRouting(mode="routeServer", virtual_hub_id=HUB, peer_asn=65001, peers=peers)
    pods = (ip_network("10.0.0.0/16"),)
    built = Cluster(name="local", routing=routing, pod_cidrs=pods, kubeconfig=Path("k"))

    assert (
        built
        == load({"name": "local", "routing": ROUTE_SERVER, "podCidrs": ["10.0.0.0/16"], "kubeconfig": "k"}).clusters[0]
    )


def test_null_counts_as_absent() -> None:
    optional = ("podCidrs", "podCidrSource", "policy", "adopt", "limits", "settle", "kubeconfig")
    nulls: dict[str, None] = dict.fromkeys(optional)

    assert load({**UDR, **nulls, "routing": {"mode": "udr", "routeTables": None}}) == load(UDR)
    assert "clusters[0] (prod).routing.mode: is missing; choose udr, routeServer, virtualWan or observe" in problems(
        {**UDR, "routing": {"mode": None}}
    )


def test_ids_are_compared_without_case_and_kept_as_written() -> None:
    lowered = AKS.lower() + "/prod"

    assert load({**UDR, "aksClusterId": lowered}).clusters[0].aks_cluster_id == lowered


def test_an_unknown_cluster_is_answered_with_those_there_are() -> None:
    config = load(UDR, {**UDR, "name": "test", "aksClusterId": f"{AKS}/test"})

    assert config.cluster("test") is config.clusters[1]
    with pytest.raises(UnknownClusterError, match="no cluster is called 'stage'; configured: prod, test"):
        config.cluster("stage")


def test_every_problem_of_every_setting_and_cluster_is_told_at_once() -> None:
    found = problems(
        {**A, "adopt": 1, "routing": SHARED, "limits": {"freeDeletes": -1, "routesPerTable": 0}},
        {**B, "nonsense": 1, "routing": {**SHARED, "peerAsn": 1}, "settle": {"maxSeconds": 900, "quietSeconds": 901}},
        {"kubeconfig": "k"},
        "prod",
        AKS_POD_ROUTES_SCHEDULE="daily",
        AKS_POD_ROUTES_ARM_ENDPOINT="http://arm",
        AZURE_CLIENT_ID="me",
        AzureWebJobsStorage="secret",
    )

    assert [problem.partition(": ")[0] for problem in found] == [
        "clusters[0] (a).adopt",
        "clusters[0] (a).limits.freeDeletes",
        "clusters[0] (a).limits.routesPerTable",
        "clusters[1] (b).routing.peerAsn",
        "clusters[1] (b).settle.maxSeconds",
        "clusters[1] (b).nonsense",
        "clusters[1] (b).settle.quietSeconds",
        "clusters[2].name",
        "clusters[2].routing",
        "clusters[2].podCidrs",
        "clusters[3]",
        "clusters[1] (b).podCidrs[0]",
        "AzureWebJobsStorage",
        "AKS_POD_ROUTES_SCHEDULE",
        "AKS_POD_ROUTES_ARM_ENDPOINT",
        "AZURE_CLIENT_ID",
    ]
    assert not any("secret" in problem for problem in found)


KEYS = ["name", "aksClusterId", "routing", "podCidrs", "limits", "settle", "kubeconfig", "adopt", "mode", "peers"]
KEYS += [
    "routeTables",
    "virtualHubId",
    "peerAsn",
    "addresses",
    "nodeSelector",
    "maxPeers",
    "quietSeconds",
    "maxSeconds",
]
WORDS = ["udr", "routeServer", "virtualWan", "observe", "prod", "10.0.0.0/8", f"{AKS}/a", f"{TABLE}/a", HUB, CONNECTION]
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.sampled_from(WORDS),
    lambda each: st.lists(each, max_size=3) | st.dictionaries(st.sampled_from(KEYS) | st.text(), each, max_size=6),
    max_leaves=20,
)


@given(st.lists(ANYTHING, max_size=3))
def test_whatever_json_is_configured_it_loads_or_every_problem_is_one_line(clusters: list[Any]) -> None:
    try:
        load(*clusters)
    except ConfigError as error:
        assert {len(problem.splitlines()) for problem in error.problems} == {1}  # noqa: PT017  # it may load as well


def test_loading_needs_neither_yaml_nor_a_cloud_library() -> None:
    code = f"""
import json, sys
from shared.config import load_config
load_config({{"AKS_POD_ROUTES_CLUSTERS": json.dumps([{UDR!r}]), **{STORAGE!r}}})
print(sorted({{"yaml", "kubernetes", "azure", "requests"}} & sys.modules.keys()))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "[]"
