"""From a cluster's resource id to where its nodes are read and which tables are its. The brackets name where a case comes from."""

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from azure.core.credentials import AccessToken

from sandbox.authority import Authority
from sandbox.identity import Tokens
from sandbox.resource_manager import ResourceManager
from sandbox.server import ServerThread
from shared.discovery import CLUSTER_API_VERSION, Topology, discover, node_resource_group
from shared.errors import RefusedError, TargetError
from shared.models import Severity
from shared.pool_subnets import NETWORK_API_VERSION
from shared.targets.arm import Arm

SUBSCRIPTION = "/subscriptions/11111111-1111-1111-1111-111111111111"
CLUSTER = f"{SUBSCRIPTION}/resourceGroups/rg-aks/providers/Microsoft.ContainerService/managedClusters/prod-weu"
CREDENTIAL = f"{CLUSTER}/listClusterUserCredential"
NODE_GROUP = "MC_rg-aks_prod-weu_westeurope"
NETWORKS = f"{SUBSCRIPTION}/resourceGroups/{NODE_GROUP}/providers/Microsoft.Network/virtualNetworks"
VNET = f"{SUBSCRIPTION}/resourceGroups/rg-net/providers/Microsoft.Network/virtualNetworks/spoke-1"
SYSTEM, USER = f"{VNET}/subnets/system", f"{VNET}/subnets/user"
TABLES = f"{SUBSCRIPTION}/resourceGroups/rg-net/providers/Microsoft.Network/routeTables"
RT_A, RT_B = f"{TABLES}/rt-a", f"{TABLES}/rt-b"
PEM = b"-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n"


class FakeArm:
    """Answers from a dict and remembers what it was asked, with the API version."""

    def __init__(self, answers: dict[str, Any]) -> None:
        self.answers = answers
        self.calls: list[tuple[str, str, str]] = []

    def get(self, path: str, *, api_version: str) -> dict[str, Any]:
        return self._answer("GET", path, api_version)

    def post(self, path: str, *, api_version: str) -> dict[str, Any]:
        return self._answer("POST", path, api_version)

    def _answer(self, method: str, path: str, api_version: str) -> dict[str, Any]:
        self.calls.append((method, path, api_version))
        answer = self.answers.get(path, TargetError("ResourceNotFound: not there", status=404, code="ResourceNotFound"))
        if isinstance(answer, TargetError):
            raise answer
        assert isinstance(answer, dict)
        return answer


def cluster(pools: dict[str, str | None] | None = None, **properties: Any) -> dict[str, Any]:
    pools = {"system": SYSTEM, "user": USER} if pools is None else pools
    profiles = [{"name": name, "count": 3} | ({"vnetSubnetID": id_} if id_ else {}) for name, id_ in pools.items()]
    network = {"networkPlugin": "none", "podCidr": "100.64.0.0/10", "podCidrs": ["100.64.0.0/10"]}
    defaults = {
        "provisioningState": "Succeeded",
        "powerState": {"code": "Running"},
        "nodeResourceGroup": NODE_GROUP,
        "agentPoolProfiles": profiles,
        "networkProfile": network,
        "disableLocalAccounts": True,
    }
    return {"id": CLUSTER, "name": "prod-weu", "properties": defaults | properties}


def credential(text: str | None = None, *, data: dict[str, Any] | None = None) -> dict[str, Any]:
    if data is None:
        data = {"server": "https://prod-weu.hcp:443", "certificate-authority-data": base64.b64encode(PEM).decode()}
    config = {
        "clusters": [{"name": "prod-weu", "cluster": data}],
        "contexts": [{"name": "prod-weu", "context": {"cluster": "prod-weu", "user": "clusterUser"}}],
        "current-context": "prod-weu",
        "users": [{"name": "clusterUser", "user": {"token": "s3cret", "client-key-data": "s3cret", "exec": {}}}],
    }
    value = base64.b64encode(yaml.safe_dump(config).encode()).decode() if text is None else text
    return {"kubeconfigs": [{"name": "clusterUser", "value": value}]}


def subnet(id_: str, table: str | None) -> dict[str, Any]:
    properties: dict[str, Any] = {"provisioningState": "Succeeded", "addressPrefix": "10.1.0.0/24"}
    if table is not None:
        properties["routeTable"] = {"id": table}
    return {"id": id_, "name": id_.rsplit("/", 1)[1], "properties": properties}


def azure(**changes: Any) -> FakeArm:
    answers = {
        CLUSTER: cluster(),
        CREDENTIAL: credential(),
        SYSTEM: subnet(SYSTEM, RT_A),
        USER: subnet(USER, RT_B),
    }
    return FakeArm(answers | changes)


def refusal(arm: FakeArm, *tables: str) -> str:
    with pytest.raises(RefusedError) as raised:
        discover(arm, CLUSTER, route_tables=tables)
    assert "s3cret" not in str(raised.value)
    return str(raised.value)


def failure(arm: FakeArm, *tables: str) -> TargetError:
    with pytest.raises(TargetError) as raised:
        discover(arm, CLUSTER, route_tables=tables)
    return raised.value


def told(topology: Topology) -> list[tuple[str, str]]:
    assert all(finding.severity is Severity.WARNING for finding in topology.findings)
    return [(finding.code, finding.resource) for finding in topology.findings]


# What is found


def test_a_cluster_is_found_by_its_id_alone() -> None:
    topology = discover(azure(), CLUSTER)
    assert topology.subscription == SUBSCRIPTION.rsplit("/", 1)[1]
    assert topology.node_resource_group == NODE_GROUP
    assert (topology.server, topology.ca_pem) == ("https://prod-weu.hcp:443", PEM)
    assert [str(cidr) for cidr in topology.pod_cidrs] == ["100.64.0.0/10"]
    assert topology.route_tables == (RT_A, RT_B)
    assert topology.findings == ()


def test_the_cluster_is_read_once_and_each_subnet_once_and_no_admin_credential_is_asked_for() -> None:
    arm = azure(**{CLUSTER: cluster({"b": SYSTEM.upper(), "a": SYSTEM, "c": USER})})
    arm.answers[SYSTEM.upper()] = arm.answers[SYSTEM]
    discover(arm, CLUSTER)
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
    assert discover(azure(**{USER: subnet(USER, RT_A.upper())}), CLUSTER).route_tables == (RT_A,)


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
    assert [str(cidr) for cidr in discover(arm, CLUSTER).pod_cidrs] == expected


def test_pods_in_a_network_that_aks_manages_are_found_in_the_node_resource_group() -> None:
    managed = f"{NETWORKS}/aks-vnet-1/subnets"
    other = {"properties": {"subnets": [subnet(f"{managed}/bastion", RT_B), subnet(f"{managed}/aks-subnet", RT_A)]}}
    arm = azure(**{CLUSTER: cluster({"np1": None, "np2": None}), NETWORKS: {"value": [{"properties": {}}, other]}})
    topology = discover(arm, CLUSTER)
    assert (topology.route_tables, topology.findings) == ((RT_A,), ())


# Route tables and subnets


def test_a_pool_subnet_without_a_route_table_is_a_finding_not_a_silence() -> None:
    topology = discover(
        azure(**{CLUSTER: cluster({"b": USER, "a": USER, "s": SYSTEM}), USER: subnet(USER, None)}), CLUSTER
    )
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
    topology = discover(azure(), CLUSTER, route_tables=(RT_A.upper(),))
    assert topology.route_tables == (RT_A.upper(),)
    assert told(topology) == [("subnetRouteTableNotManaged", USER)]
    assert RT_B in topology.findings[0].message
    assert "add that table to routing.routeTables" in topology.findings[0].message


def test_configured_tables_without_any_association_are_taken_with_a_finding_per_subnet() -> None:
    topology = discover(
        azure(**{SYSTEM: subnet(SYSTEM, None), USER: subnet(USER, None)}), CLUSTER, route_tables=(RT_A,)
    )
    assert topology.route_tables == (RT_A,)
    assert told(topology) == [("subnetWithoutRouteTable", SYSTEM), ("subnetWithoutRouteTable", USER)]


def test_with_configured_tables_a_refused_subnet_is_a_finding_and_the_others_are_still_looked_at() -> None:
    refused = TargetError("AuthorizationFailed: no", status=403, code="AuthorizationFailed")
    topology = discover(azure(**{SYSTEM: refused, USER: subnet(USER, None)}), CLUSTER, route_tables=(RT_A,))
    assert told(topology) == [("subnetUnreadable", SYSTEM), ("subnetWithoutRouteTable", USER)]
    assert "agent pools system" in topology.findings[0].message
    assert "Reader on the virtual network" in topology.findings[0].message


def test_without_configured_tables_a_refused_subnet_is_a_failure() -> None:
    error = failure(azure(**{USER: TargetError("AuthorizationFailed: no", status=403, code="AuthorizationFailed")}))
    assert (error.status, error.code) == (403, "AuthorizationFailed")
    assert f"cannot read the subnet of the agent pools user at {USER}" in str(error)
    assert "name the route tables in routing.routeTables" in str(error)


@pytest.mark.parametrize("networks", [{"value": []}, TargetError("AuthorizationFailed: no", status=403)])
def test_a_managed_network_that_cannot_be_found_is_a_failure_or_with_configured_tables_a_finding(networks: Any) -> None:
    arm = azure(**{CLUSTER: cluster({"np1": None}), NETWORKS: networks})
    assert "np1" in str(failure(arm))
    topology = discover(arm, CLUSTER, route_tables=(RT_A,))
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
    assert discover(arm, CLUSTER).node_resource_group == NODE_GROUP


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
    assert "CERTIFICATE" not in repr(discover(azure(), CLUSTER))


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
        assert told(discover(arm, CLUSTER, route_tables=(RT_A,))) == [("subnetWithoutRouteTable", SYSTEM)]


# On the wire


class SandboxIdentity:
    """A token credential out of the sandbox's identity provider."""

    def __init__(self, tokens: Tokens) -> None:
        self._tokens = tokens

    def get_token(self, *scopes: str, **_: Any) -> AccessToken:
        bearer, token = self._tokens.issue(scopes[0].removesuffix("/.default"))
        return AccessToken(bearer, int(token.expires_at))


@pytest.fixture
def servers() -> Iterator[ServerThread]:
    with ServerThread() as running:
        yield running


@pytest.mark.wire
def test_a_cluster_is_discovered_through_resource_manager(
    servers: ServerThread, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    authority, tokens = Authority(tmp_path), Tokens()
    azure = ResourceManager(tokens, instant=True)
    azure.base_url = servers.serve(azure.app(), tls=authority.server_context())
    azure.add_route_table(RT_A)
    azure.add_virtual_network(VNET, {"system": RT_A, "user": None})
    azure.add_cluster(
        CLUSTER,
        node_resource_group=NODE_GROUP,
        pools={"np1": SYSTEM, "np2": USER},
        pod_cidrs=["100.64.0.0/10"],
        kube_server="https://127.0.0.1:6443",
        kube_ca_pem=authority.ca_pem,
    )
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(authority.ca_file))
    arm = Arm(SandboxIdentity(tokens), azure.base_url)

    topology = discover(arm, CLUSTER)

    assert (topology.server, topology.ca_pem) == ("https://127.0.0.1:6443", authority.ca_pem)
    assert (topology.node_resource_group, topology.route_tables) == (NODE_GROUP, (RT_A,))
    assert told(topology) == [("subnetWithoutRouteTable", USER)]
    assert azure.count("POST", f"{CLUSTER}/listClusterAdminCredential") == 0
    with pytest.raises(TargetError, match="check aksClusterId") as raised:
        discover(arm, f"{CLUSTER}-gone")
    assert raised.value.status == 404
