"""The Resource Manager stand-in: virtual networks, subnets, AKS clusters and their kubeconfigs."""

import base64
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import pytest
import yaml
from azure.core.exceptions import ResourceNotFoundError

from sandbox.identity import AKS_AUDIENCE
from tests.sandbox.resource_manager_stage import CLUSTER, NETWORK, SUBSCRIPTION, TABLE, Arm, served, with_table

pytestmark = pytest.mark.wire

Make = Callable[..., Arm]


@pytest.fixture(name="make", scope="module")
def _make(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Make]:
    """Makes a stand-in with one table of one route."""
    with served(tmp_path_factory.mktemp("ca")) as server:
        yield partial(with_table, server)


def test_a_subnet_names_its_route_table_and_the_table_names_its_subnets(make: Make) -> None:
    stage = make()
    stage.rm.add_virtual_network(NETWORK, {"pool1": TABLE, "pool2": TABLE.lower(), "apps": None})
    with stage.sdk() as client:
        network = client.virtual_networks.get("RG-NET", "vnet")
        pool = client.subnets.get("rg-Net", "vnet", "POOL1")
        apps = client.subnets.get("rg-Net", "vnet", "apps")
        used_by = client.route_tables.get("rg-Net", "rt-Pods").subnets
        assert [each.name for each in client.virtual_networks.list("rg-Net")] == ["vnet"]
        assert [each.name for each in client.subnets.list("rg-Net", "vnet")] == ["pool1", "pool2", "apps"]
        with pytest.raises(ResourceNotFoundError, match="NotFound"):
            client.subnets.get("rg-Net", "vnet", "none")
    assert pool.route_table.id == TABLE
    assert apps.route_table is None
    assert [subnet.address_prefix for subnet in network.subnets] == ["10.0.0.0/16", "10.1.0.0/16", "10.2.0.0/16"]
    assert [subnet.id for subnet in used_by] == [f"{NETWORK}/subnets/pool1", f"{NETWORK}/subnets/pool2"]
    refused = stage.send("DELETE", TABLE)
    assert (refused.status_code, refused.json()["error"]["code"]) == (400, "InUseRouteTableCannotBeDeleted")


def cluster(stage: Arm, **options: Any) -> None:
    defaults = {
        "node_resource_group": "MC_prod",
        "pools": {"system": f"{NETWORK}/subnets/pool1", "users": None},
        "pod_cidrs": ["100.64.0.0/10"],
        "kube_server": "https://127.0.0.1:6443",
        "kube_ca_pem": b"-----BEGIN CERTIFICATE-----",
    }
    stage.rm.add_cluster(CLUSTER, **defaults | options)


def kubeconfig(answer: Any) -> Any:
    return yaml.safe_load(base64.b64decode(answer.json()["kubeconfigs"][0]["value"]))


def test_a_cluster_is_read_in_the_shape_of_aks(make: Make) -> None:
    stage = make()
    cluster(stage, private_fqdn="prod.privatelink.azmk8s.io", power_state="Stopped")
    answer = stage.send("GET", CLUSTER.lower()).json()
    properties = answer["properties"]
    assert answer["type"] == "Microsoft.ContainerService/ManagedClusters"
    assert answer["id"].split("/")[3] == "resourcegroups"
    assert properties["nodeResourceGroup"] == "MC_prod"
    assert [pool.get("vnetSubnetID") for pool in properties["agentPoolProfiles"]] == [f"{NETWORK}/subnets/pool1", None]
    assert properties["networkProfile"]["networkPlugin"] == "none"
    assert properties["networkProfile"]["podCidr"] == "100.64.0.0/10"
    assert properties["networkProfile"]["podCidrs"] == ["100.64.0.0/10"]
    assert properties["powerState"] == {"code": "Stopped"}
    assert properties["disableLocalAccounts"] is True
    assert properties["privateFQDN"] == "prod.privatelink.azmk8s.io"
    assert stage.send("GET", f"/subscriptions/{SUBSCRIPTION}/resourcegroups/mc_prod").json()["name"] == "MC_prod"


def test_a_cluster_may_have_no_pod_cidr(make: Make) -> None:
    stage = make()
    cluster(stage, pod_cidrs=[])
    assert "podCidr" not in stage.send("GET", CLUSTER).json()["properties"]["networkProfile"]


def test_the_user_credential_of_an_entra_cluster_is_an_exec_plugin(make: Make) -> None:
    stage = make()
    cluster(stage)
    config = kubeconfig(stage.send("POST", f"{CLUSTER}/listClusterUserCredential"))
    target = config["clusters"][0]["cluster"]
    user = config["users"][0]["user"]
    assert target["server"] == "https://127.0.0.1:6443"
    assert base64.b64decode(target["certificate-authority-data"]) == b"-----BEGIN CERTIFICATE-----"
    assert list(user) == ["exec"]
    assert AKS_AUDIENCE in user["exec"]["args"]
    refused = stage.send("POST", f"{CLUSTER}/listClusterAdminCredential")
    assert refused.status_code == 400
    assert "Getting static credential isn't allowed" in refused.json()["error"]["message"]


def test_the_user_credential_of_a_cluster_with_local_accounts_is_a_certificate(make: Make) -> None:
    stage = make()
    cluster(stage, entra=False, kube_ca_pem=None)
    config = kubeconfig(stage.send("POST", f"{CLUSTER}/listClusterUserCredential"))
    assert "client-certificate-data" in config["users"][0]["user"]
    assert "certificate-authority-data" not in config["clusters"][0]["cluster"]
    assert stage.send("POST", f"{CLUSTER}/listClusterAdminCredential").status_code == 200
