"""What a clusters file and a network file may not say together, and that the refusal names the field."""

from typing import Any

import pytest

from infra.render.inputs import HUB_ASN
from infra.render.network import MAX_ROUTES
from tests.configs import AKS, ROUTE_SERVER
from tests.infra.rendering import DIRECT, NETWORK, OBSERVE, ROUTES, THROUGH, problems, read


def through(*addresses: str, **keys: Any) -> dict[str, Any]:
    """The cluster behind reflectors at these addresses."""
    return {**THROUGH, "routing": {**ROUTE_SERVER, "peers": {"addresses": list(addresses)}}, **keys}


WRONG: list[tuple[str, dict[str, Any], dict[str, Any], str]] = [
    ("another cluster", THROUGH, {"cluster": "test"}, "network.cluster: no cluster is called 'test'; configured: prod"),
    ("no cluster", THROUGH, {"cluster": None}, "network.cluster: is missing; give the name of a cluster"),
    (
        "unknown key",
        THROUGH,
        {"nodeSubnet": []},
        "network.nodeSubnet: unknown key; the keys are cluster, ipam, encryption",
    ),
    ("ipam", THROUGH, {"ipam": "azure"}, "network.ipam: must be 'clusterPool' or 'multiPool'"),
    ("mask too long", THROUGH, {"nodeMaskSize": 29}, "network.nodeMaskSize: 29 is out of range; the most is 28"),
    ("mask a text", THROUGH, {"nodeMaskSize": "24"}, "network.nodeMaskSize: must be a whole number"),
    ("subnets no array", THROUGH, {"nodeSubnets": "10.0.0.0/8"}, "network.nodeSubnets: must be an array"),
    (
        "host bits",
        THROUGH,
        {"nodeSubnets": ["10.10.0.1/20"]},
        "network.nodeSubnets[0]: has host bits set; the network is",
    ),
    (
        "subnet IPv6",
        THROUGH,
        {"nodeSubnets": ["fd00::/64"]},
        "network.nodeSubnets[0]: fd00::/64 is IPv6; neither Azure's",
    ),
    (
        "no subnets",
        THROUGH,
        {"nodeSubnets": None},
        "network.nodeSubnets: is missing; give the address ranges of the node",
    ),
    (
        "no hub subnet",
        THROUGH,
        {"hubSubnet": None},
        "network.hubSubnet: is missing; give the range of RouteServerSubnet",
    ),
    ("no instances", THROUGH, {"hubAddresses": None}, "network.hubAddresses: has 0 different addresses and needs 2"),
    (
        "one instance",
        THROUGH,
        {"hubAddresses": ["10.10.16.4"]},
        "network.hubAddresses: has 1 different addresses and needs",
    ),
    (
        "the same twice",
        THROUGH,
        {"hubAddresses": ["10.10.16.4", "10.10.16.4"]},
        "network.hubAddresses: has 1 different addresses and needs 2: every peer speaks to both instances",
    ),
    (
        "instance elsewhere",
        THROUGH,
        {"hubAddresses": ["10.10.16.4", "10.10.18.5"]},
        "network.hubAddresses[1]: 10.10.18.5 is outside hubSubnet 10.10.16.0/26",
    ),
    ("too many routes", THROUGH, {"maxRoutes": 2001}, "network.maxRoutes: 2001 is out of range; the most is 2000"),
    ("no prefixes", THROUGH, {"prefixesPerNode": 0}, "network.prefixesPerNode: 0 is out of range; the least is 1"),
    (
        "node subnet among pods",
        THROUGH,
        {"nodeSubnets": ["100.64.8.0/22"]},
        "network.nodeSubnets[0]: 100.64.8.0/22 overlaps the pod range 100.64.0.0/16; Azure's own routes would win",
    ),
    (
        "hub among pods",
        THROUGH,
        {"hubSubnet": "100.64.0.0/26", "hubAddresses": ["100.64.0.4", "100.64.0.5"]},
        "network.hubSubnet: 100.64.0.0/26 overlaps the pod range 100.64.0.0/16",
    ),
    (
        "hub among nodes",
        THROUGH,
        {"nodeSubnets": ["10.10.16.32/27"]},
        "network.hubSubnet: 10.10.16.0/26 overlaps 10.10.16.32/27; subnets of one network do not overlap",
    ),
    (
        "reflector among pods",
        through("100.64.0.4", "10.10.17.5"),
        {},
        "clusters (prod).routing.peers.addresses[0]: reflector 100.64.0.4 is inside the pod range 100.64.0.0/16",
    ),
    (
        "reflector among nodes",
        through("10.10.17.4", "10.10.0.9"),
        {},
        "clusters (prod).routing.peers.addresses[1]: reflector 10.10.0.9 is inside the node subnet 10.10.0.0/20, where",
    ),
    (
        "reflector in the hub",
        through("10.10.16.9"),
        {},
        "clusters (prod).routing.peers.addresses[0]: reflector 10.10.16.9 is inside hubSubnet 10.10.16.0/26, which takes no",
    ),
    (
        "pods unknown",
        {**THROUGH, "podCidrs": None},
        {},
        "clusters (prod).podCidrs: is missing; the app can discover it, a",
    ),
    (
        "pods IPv6",
        {**ROUTES, "podCidrs": ["fd00::/48"]},
        {},
        "clusters (prod).podCidrs[0]: fd00::/48 is IPv6; AKS without",
    ),
    (
        "mask over the range",
        THROUGH,
        {"nodeMaskSize": 15},
        "network.nodeMaskSize: 15 is larger than the whole pod range 100",
    ),
    (
        "two ranges",
        {**THROUGH, "podCidrs": ["100.64.0.0/16", "100.66.0.0/16"]},
        {},
        "network.nativeRoutingCidr: is missing; Cilium takes one range and the cluster has 2 pod ranges",
    ),
    (
        "native range beside the pods",
        THROUGH,
        {"nativeRoutingCidr": "100.65.0.0/16"},
        "network.nativeRoutingCidr: 100.65.0.0/16 does not hold the pod range 100.64.0.0/16",
    ),
    ("observe without encryption", OBSERVE, {}, "network.encryption: is none, and mode observe keeps no routes"),
    ("Azure's ASN", {**THROUGH, "routing": {**THROUGH["routing"], "peerAsn": HUB_ASN}}, {}, "65515 is Azure's own ASN"),
]


@pytest.mark.parametrize(("cluster", "network", "expected"), [row[1:] for row in WRONG], ids=[row[0] for row in WRONG])
def test_one_slip_is_one_problem_that_names_the_field(
    cluster: dict[str, Any], network: dict[str, Any], expected: str
) -> None:
    (found,) = problems(cluster, **network)

    assert expected in found


def test_problems_are_told_all_at_once() -> None:
    found = problems(through("10.10.0.9", "100.64.0.4"), hubAddresses=["10.10.16.4"], nodeMaskSize=12)

    assert [problem.partition(":")[0] for problem in found] == [
        "network.nodeMaskSize",
        "network.hubAddresses",
        "clusters (prod).routing.peers.addresses[0]",
        "clusters (prod).routing.peers.addresses[1]",
    ]


def test_a_reflector_serves_one_cluster() -> None:
    other = through("10.10.17.5", name="other", aksClusterId=f"{AKS}/other", podCidrs=["100.66.0.0/16"])

    assert problems(THROUGH, other) == [
        "clusters (prod).routing.peers.addresses[1]: 10.10.17.5 also serves cluster other; one reflector serves one cluster"
    ]


def test_modes_without_bgp_need_no_hub() -> None:
    without = dict.fromkeys(NETWORK.keys() - {"cluster"})

    assert read(ROUTES, **without).bgp is None
    assert read(OBSERVE, **without, encryption="wireguard").bgp is None


def test_the_caps_leave_half_of_what_azure_allows() -> None:
    """4,000 routes per peer since September 2025; https://learn.microsoft.com/azure/route-server/route-server-faq."""
    bgp = read(THROUGH).bgp

    assert bgp
    assert bgp.max_routes == MAX_ROUTES == 4000 // 2
    assert bgp.prefixes_per_node == 4


def test_a_node_with_many_pools_may_announce_more() -> None:
    bgp = read(THROUGH, ipam="multiPool").bgp

    assert bgp
    assert bgp.prefixes_per_node == 64


def test_nodes_that_peer_themselves_have_a_selector_and_no_reflectors() -> None:
    bgp = read(DIRECT).bgp

    assert bgp
    assert bgp.reflectors == ()
    assert str(bgp.node_selector) == "aks-pod-routes/bgp-peer=true"
