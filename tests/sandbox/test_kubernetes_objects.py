"""The builders of Node and CiliumNode objects."""

from typing import Any

import pytest

from sandbox.kubernetes_api import aks_node, cilium_node
from sandbox.kubernetes_api.entries import encode
from tests.sandbox.kubernetes_stage import node


def test_a_node_has_the_size_and_identity_of_an_aks_node() -> None:
    built = node(46)
    assert built["metadata"]["name"] == "aks-np1-31415926-vmss00001a"
    assert built["spec"] == {
        "providerID": "azure:///subscriptions/00000000-0000-0000-0000-00000000a1b2/resourceGroups/"
        "mc_rg-sandbox_sandbox_westeurope/providers/Microsoft.Compute/virtualMachineScaleSets/"
        "aks-np1-31415926-vmss/virtualMachines/46"
    }
    assert built["metadata"]["labels"]["kubernetes.azure.com/cluster"] == "MC_rg-sandbox_sandbox_westeurope"
    assert 15_000 < len(encode(built)) < 20_000


def test_a_node_can_have_pod_cidrs_and_a_machine_of_its_own() -> None:
    cidrs = ["100.64.0.0/24", "fd00::/64"]
    built = aks_node("aks-default-x7k2p", "default", ["10.0.0.4", "fd01::4"], provider="vm", pod_cidrs=cidrs)
    assert built["spec"]["providerID"].endswith("/providers/Microsoft.Compute/virtualMachines/aks-default-x7k2p")
    assert (built["spec"]["podCIDR"], built["spec"]["podCIDRs"]) == (cidrs[0], cidrs)
    assert [address["address"] for address in built["status"]["addresses"]][:2] == ["10.0.0.4", "fd01::4"]


@pytest.mark.parametrize(
    ("zone", "topology", "disk"),
    [(1, "westeurope-1", "westeurope-1"), (3, "westeurope-3", "westeurope-3"), (None, "0", "")],
)
def test_a_node_is_in_a_zone_or_in_none(zone: int | None, topology: str, disk: str) -> None:  # recorded: "0" and ""
    labels = node(1, zone=zone)["metadata"]["labels"]
    assert labels["topology.kubernetes.io/zone"] == labels["failure-domain.beta.kubernetes.io/zone"] == topology
    assert labels["topology.disk.csi.azure.com/zone"] == disk


def test_a_node_takes_as_many_pods_as_asked_for_and_carries_labels_on_top() -> None:
    built = node(1, pods=30, labels={"aks-pod-routes/bgp-peer": "true"})
    assert (built["status"]["allocatable"]["pods"], built["status"]["capacity"]["pods"]) == ("30", "30")
    assert built["metadata"]["labels"]["aks-pod-routes/bgp-peer"] == "true"


def test_a_scale_set_node_needs_a_scale_set_name() -> None:
    with pytest.raises(ValueError, match=r"'node-1' is no name of a scale set's node, such as 'aks-np1-"):
        aks_node("node-1", "np1", ["10.0.0.4"])


SHAPES: dict[str, tuple[dict[str, Any], dict[str, Any], list[str]]] = {
    "nothing yet": ({}, {}, []),
    "cluster-pool": ({"pod_cidrs": ["100.64.3.0/24"]}, {"podCIDRs": ["100.64.3.0/24"]}, ["100.64.3.1"]),
    "one address": ({"pod_cidrs": ["100.64.3.7/32"]}, {"podCIDRs": ["100.64.3.7/32"]}, ["100.64.3.7"]),
    "multi-pool without a pool": ({"pools": {}}, {"pools": {}}, []),
    "multi-pool": (
        {"pools": {"default": ["10.7.0.16/28", "10.7.0.32/28"], "v6": ["fd00::/124"]}},
        {
            "pools": {
                "allocated": [
                    {"pool": "default", "cidrs": ["10.7.0.16/28", "10.7.0.32/28"]},
                    {"pool": "v6", "cidrs": ["fd00::/124"]},
                ],
                "requested": [
                    {"pool": "default", "needed": {"ipv4-addrs": 8}},
                    {"pool": "v6", "needed": {"ipv4-addrs": 8}},
                ],
            }
        },
        ["10.7.0.17", "fd00::1"],
    ),
}


@pytest.mark.parametrize(("given", "ipam", "routers"), SHAPES.values(), ids=SHAPES)
def test_a_cilium_node_has_the_shape_of_its_ipam_mode(
    given: dict[str, Any], ipam: dict[str, Any], routers: list[str]
) -> None:
    spec = cilium_node("a", addresses=["10.0.0.4"], **given)["spec"]
    assert spec["ipam"] == ipam
    addresses = [(address["type"], address["ip"]) for address in spec["addresses"]]
    assert addresses == [("InternalIP", "10.0.0.4"), *(("CiliumInternalIP", router) for router in routers)]
