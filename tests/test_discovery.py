"""From a cluster's resource id to where its nodes are read and which tables are its. The brackets name where a case comes from."""

import base64
import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from shared.discovery import Topology, discover, node_resource_group
from shared.errors import RefusedError, TargetError
from shared.kubeconfig import Cluster
from shared.managed_cluster import CLUSTER_API_VERSION
from shared.models import Severity
from shared.pool_subnets import NETWORK_API_VERSION
from tests.fake_arm import (
    CLUSTER,
    CREDENTIAL,
    NETWORKS,
    NODE_GROUP,
    PEM,
    RT_A,
    RT_B,
    SUBSCRIPTION,
    SYSTEM,
    USER,
    FakeArm,
    cluster,
    credential,
    subnet,
)


def azure(**changes: Any) -> FakeArm:
    answers = {
        CLUSTER: cluster(),
        CREDENTIAL: credential(),
        SYSTEM: subnet(SYSTEM, RT_A),
        USER: subnet(USER, RT_B),
    }
    return FakeArm(answers | changes)


def found(arm: FakeArm, *tables: str) -> Topology:
    """In mode udr; what the other modes make of a cluster is in test_discovery_modes."""
    return discover(arm, CLUSTER, mode="udr", route_tables=tables)


def refusal(arm: FakeArm, *tables: str) -> str:
    with pytest.raises(RefusedError) as raised:
        found(arm, *tables)
    assert "s3cret" not in str(raised.value)
    return str(raised.value)


def failure(arm: FakeArm, *tables: str) -> TargetError:
    with pytest.raises(TargetError) as raised:
        found(arm, *tables)
    return raised.value


def told(topology: Topology) -> list[tuple[str, str]]:
    assert all(finding.severity is Severity.WARNING for finding in topology.findings)
    return [(finding.code, finding.resource) for finding in topology.findings]


# What is found


def test_a_cluster_is_found_by_its_id_alone() -> None:
    topology = found(azure())
    assert topology.subscription == SUBSCRIPTION.rsplit("/", 1)[1]
    assert topology.node_resource_group == NODE_GROUP
    assert topology.api_server == Cluster("https://prod-weu.hcp:443", PEM)
    assert (topology.network_plugin, topology.network_dataplane) == ("none", "")
    assert [str(cidr) for cidr in topology.pod_cidrs] == ["100.64.0.0/10"]
    assert topology.route_tables == (RT_A, RT_B)
    assert topology.findings == ()


def test_the_cluster_is_read_once_and_each_subnet_once_and_no_admin_credential_is_asked_for() -> None:
    arm = azure(**{CLUSTER: cluster({"b": SYSTEM.upper(), "a": SYSTEM, "c": USER})})
    arm.answers[SYSTEM.upper()] = arm.answers[SYSTEM]
    found(arm)
    assert [(method, path.lower(), version) for method, path, version in arm.calls] == [
        ("GET", CLUSTER.lower(), CLUSTER_API_VERSION),
        ("POST", CREDENTIAL.lower(), CLUSTER_API_VERSION),
        ("GET", SYSTEM.lower(), NETWORK_API_VERSION),
        ("GET", USER.lower(), NETWORK_API_VERSION),
    ]


def test_the_node_resource_group_takes_one_call_and_no_running_cluster() -> None:
    # events of a stopped cluster's last machines still have to find it
    arm = azure(**{CLUSTER: cluster(powerState={"code": "Stopped"})})
    assert node_resource_group(arm, CLUSTER) == NODE_GROUP
    assert [path for _, path, _ in arm.calls] == [CLUSTER]


def test_subnets_sharing_a_table_give_it_once_whatever_the_case() -> None:
    assert found(azure(**{USER: subnet(USER, RT_A.upper())})).route_tables == (RT_A,)


@pytest.mark.parametrize(
    ("network", "expected"),
    [
        ({"podCidrs": ["100.64.0.0/10", "fd00::/48"], "podCidr": "100.64.0.0/10"}, ["100.64.0.0/10", "fd00::/48"]),
        ({"podCidr": "100.64.0.0/10"}, ["100.64.0.0/10"]),
        ({"podCidrs": [], "podCidr": ""}, []),
        ({}, []),  # Azure/AKS#5399: accepted with network plugin none and not kept
    ],
)
def test_pod_cidrs_are_those_the_cluster_declares(network: dict[str, Any], expected: list[str]) -> None:
    arm = azure(**{CLUSTER: cluster(networkProfile={"networkPlugin": "none", **network})})
    assert [str(cidr) for cidr in found(arm).pod_cidrs] == expected


def test_pods_in_a_network_that_aks_manages_are_found_in_the_node_resource_group() -> None:
    managed = f"{NETWORKS}/aks-vnet-1/subnets"
    other = {"properties": {"subnets": [subnet(f"{managed}/bastion", RT_B), subnet(f"{managed}/aks-subnet", RT_A)]}}
    arm = azure(**{CLUSTER: cluster({"np1": None, "np2": None}), NETWORKS: {"value": [{"properties": {}}, other]}})
    topology = found(arm)
    assert (topology.route_tables, topology.findings) == ((RT_A,), ())


# Route tables and subnets


def test_a_pool_subnet_without_a_route_table_is_a_finding_not_a_silence() -> None:
    topology = found(azure(**{CLUSTER: cluster({"b": USER, "a": USER, "s": SYSTEM}), USER: subnet(USER, None)}))
    assert topology.route_tables == (RT_A,)
    assert told(topology) == [("subnetWithoutRouteTable", USER)]
    assert f"the subnet {USER} of the agent pools a, b has no route table" in topology.findings[0].message
    assert "associate a route table with it" in topology.findings[0].message


def test_no_route_table_at_all_is_refused() -> None:
    arm = azure(**{SYSTEM: subnet(SYSTEM, None), USER: subnet(USER, None)})
    sentence = refusal(arm)
    assert "none of the 2 subnets" in sentence
    assert "routing.routeTables" in sentence


def test_configured_tables_are_taken_and_other_tables_on_pool_subnets_are_told() -> None:
    topology = found(azure(), RT_A.upper())
    assert topology.route_tables == (RT_A.upper(),)
    assert told(topology) == [("subnetRouteTableNotManaged", USER)]
    assert RT_B in topology.findings[0].message
    assert "add that table to routing.routeTables" in topology.findings[0].message


def test_configured_tables_without_any_association_are_taken_with_a_finding_per_subnet() -> None:
    topology = found(azure(**{SYSTEM: subnet(SYSTEM, None), USER: subnet(USER, None)}), RT_A)
    assert topology.route_tables == (RT_A,)
    assert told(topology) == [("subnetWithoutRouteTable", SYSTEM), ("subnetWithoutRouteTable", USER)]


def test_with_configured_tables_a_refused_subnet_is_a_finding_and_the_others_are_still_looked_at() -> None:
    refused = TargetError("AuthorizationFailed: no", status=403, code="AuthorizationFailed")
    topology = found(azure(**{SYSTEM: refused, USER: subnet(USER, None)}), RT_A)
    assert told(topology) == [("subnetUnreadable", SYSTEM), ("subnetWithoutRouteTable", USER)]
    assert "agent pools system" in topology.findings[0].message
    assert "Microsoft.Network/virtualNetworks/subnets/read on it" in topology.findings[0].message


def test_without_configured_tables_a_refused_subnet_is_a_failure() -> None:
    error = failure(azure(**{USER: TargetError("AuthorizationFailed: no", status=403, code="AuthorizationFailed")}))
    assert (error.status, error.code) == (403, "AuthorizationFailed")
    assert f"cannot read the subnet of the agent pools user at {USER}" in str(error)
    assert "name the route tables in routing.routeTables" in str(error)


@pytest.mark.parametrize("networks", [{"value": []}, TargetError("AuthorizationFailed: no", status=403)])
def test_a_managed_network_that_cannot_be_found_is_a_failure_or_with_configured_tables_a_finding(networks: Any) -> None:
    arm = azure(**{CLUSTER: cluster({"np1": None}), NETWORKS: networks})
    assert "np1" in str(failure(arm))
    topology = found(arm, RT_A)
    assert told(topology) == [("subnetUnreadable", NETWORKS.split("/providers/", maxsplit=1)[0])]


# Clusters that are not for us


@pytest.mark.parametrize(
    ("properties", "sentence"),
    [
        ({"networkProfile": {"networkPlugin": "azure", "networkPluginMode": "overlay"}}, "Azure routes pods itself"),
        ({"networkProfile": {"networkPlugin": "azure", "networkDataplane": "cilium"}}, "Azure routes pods itself"),
        ({"networkProfile": {"networkPlugin": "kubenet"}}, "a controller of AKS writes the routes"),
        ({"networkProfile": {"networkPlugin": "nodesubnet"}}, "network plugin nodesubnet, not none"),
        ({"networkProfile": {}}, "network plugin (not stated), not none"),
        ({"powerState": {"code": "Stopped"}}, "is stopped; start it"),
        ({"provisioningState": "Deleting"}, "is being deleted"),
        ({"networkProfile": {"networkPlugin": "none", "podCidrs": ["100.64.0.1/10"]}}, "has host bits set"),
    ],
)
def test_a_cluster_that_cannot_be_ours_is_refused_with_the_reason(properties: dict[str, Any], sentence: str) -> None:
    refused = refusal(azure(**{CLUSTER: cluster(**properties)}))
    assert sentence in refused
    assert CLUSTER in refused


def test_a_refused_cluster_is_not_asked_for_a_credential() -> None:
    arm = azure(**{CLUSTER: cluster(networkProfile={"networkPlugin": "kubenet"})})
    refusal(arm)
    assert [path for _, path, _ in arm.calls] == [CLUSTER]


def test_the_network_plugin_is_compared_without_case() -> None:
    arm = azure(**{CLUSTER: cluster(networkProfile={"networkPlugin": "None"})})
    assert found(arm).node_resource_group == NODE_GROUP


# Credentials


@pytest.mark.parametrize(
    ("answer", "sentence"),
    [
        (credential(data={"server": "https://prod-weu.hcp:443"}), "has no certificate authority"),
        (
            credential(data={"server": "https://prod-weu.hcp", "certificate-authority": "ca"}),
            "has no certificate authority",
        ),
        (credential(data={"server": "http://prod-weu.hcp:443"}), "is not https"),
        (credential("%%%"), "is not base64"),
        (credential(base64.b64encode(b"s3cret").decode()), "is not a kubeconfig"),
        ({"kubeconfigs": []}, "is empty"),
    ],
)
def test_a_credential_answer_without_a_trusted_server_is_refused(answer: dict[str, Any], sentence: str) -> None:
    refused = refusal(azure(**{CREDENTIAL: answer}))
    assert sentence in refused
    assert f"the kubeconfig Azure returned for {CLUSTER}" in refused


def test_certificates_stay_out_of_logs() -> None:
    assert "CERTIFICATE" not in repr(found(azure()))


# Refused by Azure


@pytest.mark.parametrize(
    ("path", "status", "sentence"),
    [
        (CLUSTER, 404, "check aksClusterId"),
        (CLUSTER, 403, "Azure Kubernetes Service Cluster User Role"),
        (CLUSTER, 503, f"cannot read the cluster {CLUSTER}: said Azure"),
        (CREDENTIAL, 403, "Azure Kubernetes Service Cluster User Role"),
        (CREDENTIAL, 404, f"cannot learn the API server of the cluster {CLUSTER}: said Azure"),
    ],
)
def test_a_refusal_of_azure_keeps_status_and_code_and_names_the_way_out(path: str, status: int, sentence: str) -> None:
    error = failure(azure(**{path: TargetError("said Azure", status=status, code="Code")}), RT_A)
    assert (error.status, error.code) == (status, "Code")
    assert sentence in str(error)
    assert "said Azure" in str(error)


@pytest.mark.parametrize(
    ("path", "answer"),
    [
        (CLUSTER, {}),
        (CLUSTER, {"properties": {"networkProfile": {}}}),
        (CREDENTIAL, {"value": "?"}),
        (SYSTEM, {"id": SYSTEM, "name": "system", "properties": {"routeTable": "rt-a"}}),
    ],
)
def test_an_answer_of_another_shape_is_a_failure_that_says_where(path: str, answer: dict[str, Any]) -> None:
    error = failure(azure(**{path: answer}))
    assert f"Azure's answer for {path} is not understood" in str(error)


# Recorded


DATA = Path(__file__).parents[1].parent / "shared" / "data" / "arm-recordings" / "cloud-provider-azure"


@pytest.mark.skipif(not DATA.is_dir(), reason="recordings not present")
def test_recorded_clusters_and_subnets_are_understood() -> None:
    def bodies(name: str, path: str) -> list[dict[str, Any]]:
        recorded = yaml.safe_load((DATA / name).read_text())["interactions"]
        return [
            json.loads(one["response"]["body"])
            for one in recorded
            if one["request"]["method"] == "GET" and one["request"]["url"].split("?")[0].endswith(path)
        ]

    clusters = [b for b in bodies("managedclusterclient.AZURECLOUD.yaml", "/testResource") if "properties" in b]
    assert clusters
    for body in clusters:
        assert node_resource_group(FakeArm({CLUSTER: body}), CLUSTER) == "MC_aks-cit-ManagedCluster_testResource_eastus"
        assert "Azure routes pods itself" in refusal(FakeArm({CLUSTER: body}))
    subnets = [b for b in bodies("subnetclient.AZURECLOUD.yaml", "/subnets/testResource") if "properties" in b]
    assert subnets
    for body in subnets:
        arm = azure(**{CLUSTER: cluster({"np1": SYSTEM}), SYSTEM: body})
        assert told(found(arm, RT_A)) == [("subnetWithoutRouteTable", SYSTEM)]
