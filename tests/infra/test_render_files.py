"""Golden facts of the rendered files, and that no number in them differs from the app's own configuration."""

import json
import re
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from infra.render.cilium import RESTART_SECONDS
from infra.render.files import render
from infra.render.frr import HUB_TIMERS, NODE_TIMERS
from infra.render.inputs import HUB_ASN
from infra.render.network import MAX_ROUTES
from tests.configs import ROUTE_SERVER
from tests.infra.rendering import (
    DIRECT,
    NETWORK,
    OBSERVE,
    ROUTES,
    THROUGH,
    THROUGH_WAN,
    cloud_init,
    files,
    objects,
    read,
    values,
)

BICEP = Path(__file__).parents[2] / "infra" / "reflectors" / "main.bicep"
CILIUM = {"cilium-values.yaml"}
REFLECTORS = {
    "reflectors.parameters.json",
    *(f"reflector-{number}/{name}" for number in (1, 2) for name in ("frr.conf", "daemons", "cloud-init.yaml")),
}


@pytest.mark.parametrize(
    ("cluster", "network", "expected"),
    [
        (ROUTES, {}, CILIUM),
        (OBSERVE, {"encryption": "wireguard"}, CILIUM),
        (DIRECT, {}, CILIUM | {"cilium-bgp.yaml"}),
        (THROUGH, {}, CILIUM | {"cilium-bgp.yaml"} | REFLECTORS),
        (THROUGH_WAN, {}, CILIUM | {"cilium-bgp.yaml"} | REFLECTORS),
    ],
    ids=["udr", "wireguard", "direct", "reflectors", "reflectors, Virtual WAN"],
)
def test_each_option_has_its_files(cluster: dict[str, Any], network: dict[str, Any], expected: set[str]) -> None:
    assert files(cluster, **network).keys() == expected


def test_native_routing_is_what_every_option_has_in_common() -> None:
    for cluster, network in ((ROUTES, {}), (OBSERVE, {"encryption": "wireguard"}), (DIRECT, {}), (THROUGH, {})):
        found = values(files(cluster, **network))

        assert found["aksbyocni"] == {"enabled": False}
        assert found["routingMode"] == "native"
        assert found["autoDirectNodeRoutes"] is False
        assert found["bpf"] == {"hostLegacyRouting": False, "masquerade": True}
        assert found["kubeProxyReplacement"] is True
        assert found["ipv4NativeRoutingCIDR"] == "100.64.0.0/16"
        assert found["ipam"] == {
            "mode": "cluster-pool",
            "operator": {"clusterPoolIPv4MaskSize": 24, "clusterPoolIPv4PodCIDRList": ["100.64.0.0/16"]},
        }
        assert found["bgpControlPlane"]["enabled"] is (cluster in (DIRECT, THROUGH))
        assert ("encryption" in found) is (cluster is OBSERVE)


def test_multi_pool_gets_its_pool_its_advertisement_and_endpoint_routes() -> None:
    rendered = files(THROUGH, ipam="multiPool", nodeMaskSize=26)

    assert values(rendered)["ipam"]["mode"] == "multi-pool"
    assert values(rendered)["ipam"]["operator"]["autoCreateCiliumPodIPPools"] == {
        "default": {"ipv4": {"cidrs": ["100.64.0.0/16"], "maskSize": 26}}
    }
    assert values(rendered)["endpointRoutes"] == {"enabled": True}
    (advertised,) = objects(rendered)["CiliumBGPAdvertisement"]["spec"]["advertisements"]
    assert advertised["advertisementType"] == "CiliumPodIPPool"
    assert advertised["selector"]["matchExpressions"][0]["operator"] == "NotIn"
    assert "permit 100.64.0.0/16 ge 26 le 32" in rendered["reflector-1/frr.conf"]


def test_nodes_behind_reflectors_speak_ibgp_to_each_of_them() -> None:
    found = objects(files(THROUGH))
    (instance,) = found["CiliumBGPClusterConfig"]["spec"]["bgpInstances"]

    assert "nodeSelector" not in found["CiliumBGPClusterConfig"]["spec"]
    assert instance["localASN"] == 65001
    assert [(peer["peerAddress"], peer["peerASN"]) for peer in instance["peers"]] == [
        ("10.10.17.4", 65001),
        ("10.10.17.5", 65001),
    ]
    assert "ebgpMultihop" not in found["CiliumBGPPeerConfig"]["spec"]
    assert found["CiliumBGPPeerConfig"]["spec"]["timers"]["holdTimeSeconds"] == NODE_TIMERS[1] == 9
    assert found["CiliumBGPPeerConfig"]["spec"]["gracefulRestart"]["restartTimeSeconds"] == RESTART_SECONDS


def test_nodes_that_peer_themselves_speak_ebgp_over_several_hops_at_the_pace_of_the_hub() -> None:
    found = objects(files(DIRECT))
    (instance,) = found["CiliumBGPClusterConfig"]["spec"]["bgpInstances"]

    assert found["CiliumBGPClusterConfig"]["spec"]["nodeSelector"] == {
        "matchExpressions": [{"key": "aks-pod-routes/bgp-peer", "operator": "In", "values": ["true"]}]
    }
    assert [(peer["peerAddress"], peer["peerASN"]) for peer in instance["peers"]] == [
        ("10.10.16.4", HUB_ASN),
        ("10.10.16.5", HUB_ASN),
    ]
    spec = found["CiliumBGPPeerConfig"]["spec"]
    assert spec["ebgpMultihop"] > 1
    assert (spec["timers"]["keepAliveTimeSeconds"], spec["timers"]["holdTimeSeconds"]) == HUB_TIMERS


@pytest.mark.parametrize(
    ("selector", "expected"),
    [
        ("a=b", [{"key": "a", "operator": "In", "values": ["b"]}]),
        ("a!=b", [{"key": "a", "operator": "NotIn", "values": ["b"]}]),
        ("a", [{"key": "a", "operator": "Exists"}]),
        ("!a", [{"key": "a", "operator": "DoesNotExist"}]),
        (
            "z notin (d, c), a in (b)",
            [
                {"key": "a", "operator": "In", "values": ["b"]},
                {"key": "z", "operator": "NotIn", "values": ["c", "d"]},
            ],
        ),
    ],
)
def test_a_label_selector_becomes_the_object_cilium_takes(selector: str, expected: list[dict[str, Any]]) -> None:
    cluster = {**DIRECT, "routing": {**ROUTE_SERVER, "peers": {"nodeSelector": selector}}}

    found = objects(files(cluster))["CiliumBGPClusterConfig"]["spec"]["nodeSelector"]
    assert found == {"matchExpressions": expected}


def test_the_objects_find_each_other() -> None:
    for cluster in (DIRECT, THROUGH):
        found = objects(files(cluster))
        peer_config = found["CiliumBGPPeerConfig"]
        (instance,) = found["CiliumBGPClusterConfig"]["spec"]["bgpInstances"]

        assert {each["apiVersion"] for each in found.values()} == {"cilium.io/v2"}
        assert {peer["peerConfigRef"]["name"] for peer in instance["peers"]} == {peer_config["metadata"]["name"]}
        (family,) = peer_config["spec"]["families"]
        assert family["advertisements"]["matchLabels"] == found["CiliumBGPAdvertisement"]["metadata"]["labels"]


def test_reflectors_differ_in_name_and_router_id_alone() -> None:
    rendered = files(THROUGH)
    first, second = (rendered[f"reflector-{number}/frr.conf"].splitlines() for number in (1, 2))

    assert [(one, other) for one, other in zip(first, second, strict=True) if one != other] == [
        ("hostname reflector-1", "hostname reflector-2"),
        (" bgp router-id 10.10.17.4", " bgp router-id 10.10.17.5"),
    ]
    assert " bgp cluster-id 10.10.17.4" in first


def test_a_reflector_counts_on_its_default_route_and_installs_nothing() -> None:
    lines = files(THROUGH)["reflector-1/frr.conf"].splitlines()

    assert {"ip nht resolve-via-default", "bgp no-rib"} <= set(lines)
    assert lines.index("bgp route-map delay-timer 0") < lines.index("router bgp 65001")


def test_bgpd_has_room_for_as_many_sessions_as_the_hub_has_for_routes() -> None:
    (room,) = re.findall(r"^MAX_FDS=(\d+)$", files(THROUGH)["reflector-1/daemons"], re.MULTILINE)

    assert int(room) > 2 * MAX_ROUTES


def test_cloud_init_carries_exactly_the_rendered_files() -> None:
    rendered = files(THROUGH)

    for number in (1, 2):
        written = {each["path"]: each["content"] for each in cloud_init(rendered, number)["write_files"]}
        assert written == {
            "/etc/frr/frr.conf": rendered[f"reflector-{number}/frr.conf"],
            "/etc/frr/daemons": rendered[f"reflector-{number}/daemons"],
        }
        assert all(each["defer"] for each in cloud_init(rendered, number)["write_files"])
        assert rendered[f"reflector-{number}/cloud-init.yaml"].startswith("#cloud-config\n")


def test_the_parameters_are_those_of_the_template_and_carry_the_same_user_data() -> None:
    rendered = files(THROUGH)
    parameters = {
        name: each["value"] for name, each in json.loads(rendered["reflectors.parameters.json"])["parameters"].items()
    }

    assert parameters.keys() <= set(re.findall(r"^param (\w+)", BICEP.read_text(), re.MULTILINE))
    assert parameters["cloudInits"] == [rendered[f"reflector-{number}/cloud-init.yaml"] for number in (1, 2)]
    assert parameters["bgpSources"] == ["10.10.0.0/20", "10.10.16.0/26"]


def test_user_data_fits_into_what_azure_takes_even_with_many_subnets() -> None:
    """64 KB in base64; https://learn.microsoft.com/azure/virtual-machines/custom-data."""
    many = [str(subnet) for subnet in IPv4Network("10.32.0.0/12").subnets(new_prefix=20)]

    assert len(files(THROUGH, nodeSubnets=many)["reflector-1/cloud-init.yaml"]) * 4 / 3 < 64_000


def test_the_template_lets_bgp_in_and_nothing_else() -> None:
    text = BICEP.read_text()

    assert re.findall(r"access: '(\w+)'", text) == ["Allow", "Deny"]
    assert re.findall(r"destinationPortRange: '([^']+)'", text) == ["179", "*"]
    assert "publicIPAddress" not in text
    assert "enableIPForwarding: false" in text


@st.composite
def networks(draw: st.DrawFn) -> tuple[dict[str, Any], dict[str, Any]]:
    """A cluster behind reflectors and its network file, with everything drawn that may differ."""
    second = st.integers(0, 255)
    asn = draw(st.one_of(st.integers(64512, 65514), st.integers(65521, 65534)))
    node, hub, own = (f"10.{octet}" for octet in draw(st.lists(second, min_size=3, max_size=3, unique=True)))
    last = draw(st.lists(st.integers(4, 250), min_size=1, max_size=8, unique=True))
    pods = f"100.{draw(st.integers(64, 127))}.0.0/16"
    peers = {"addresses": [f"{own}.0.{each}" for each in last]}
    cluster = {**THROUGH, "routing": {**ROUTE_SERVER, "peerAsn": asn, "peers": peers}, "podCidrs": [pods]}
    instances = draw(st.lists(st.integers(4, 30), min_size=2, max_size=2, unique=True))
    network = {
        "nodeSubnets": [f"{node}.{16 * each}.0/20" for each in range(draw(st.integers(1, 4)))],
        "hubSubnet": f"{hub}.0.0/27",
        "hubAddresses": [f"{hub}.0.{each}" for each in instances],
        "maxRoutes": draw(st.integers(1, 2000)),
        "nodeMaskSize": draw(st.integers(20, 26)),
    }
    return cluster, network


@settings(max_examples=30)
@given(networks())
def test_every_address_range_and_asn_is_one_of_the_configuration(drawn: tuple[dict[str, Any], dict[str, Any]]) -> None:
    cluster, network = drawn
    routing = cluster["routing"]
    addresses = {*routing["peers"]["addresses"], *network["hubAddresses"], "127.0.0.1"}
    addresses.add("1.0.0.0")  # contentVersion of the parameters file
    ranges = {*cluster["podCidrs"], *network["nodeSubnets"], network["hubSubnet"]}

    for name, text in render(read(cluster, **network)).items():
        found = re.findall(r"(?<![\d.])\d+\.\d+\.\d+\.\d+(?:/\d+)?", text)
        assert {each for each in found if "/" in each} <= ranges, name
        assert {each for each in found if "/" not in each} <= addresses, name
        asns = re.findall(r"(?:router bgp|remote-as|localASN:|peerASN:) (\d+)", text)
        assert set(asns) <= {str(routing["peerAsn"]), str(HUB_ASN)}, name


@settings(max_examples=30)
@given(networks())
def test_every_side_of_a_session_is_told_the_same(drawn: tuple[dict[str, Any], dict[str, Any]]) -> None:
    cluster, network = drawn
    rendered = render(read(cluster, **network))
    (instance,) = objects(rendered)["CiliumBGPClusterConfig"]["spec"]["bgpInstances"]
    reflectors = cluster["routing"]["peers"]["addresses"]

    assert [peer["peerAddress"] for peer in instance["peers"]] == reflectors
    for number, address in enumerate(reflectors, 1):
        conf = rendered[f"reflector-{number}/frr.conf"]
        assert f"router bgp {instance['localASN']}\n bgp router-id {address}\n bgp cluster-id {reflectors[0]}\n" in conf
        assert f"neighbor NODES remote-as {instance['localASN']}\n" in conf
        assert set(re.findall(r"neighbor ([\d.]+) peer-group HUB", conf)) == set(network["hubAddresses"])
        assert re.findall(r"listen range (\S+)", conf) == sorted(network["nodeSubnets"], key=IPv4Network)
        assert f"maximum-prefix-out {network['maxRoutes']}\n" in conf
        assert f"bgp listen limit {network['maxRoutes']}\n" in conf


@settings(max_examples=30)
@given(networks())
def test_the_same_inputs_give_the_same_files_in_whatever_order_sets_are_written(
    drawn: tuple[dict[str, Any], dict[str, Any]],
) -> None:
    cluster, network = drawn
    turned = {**network, **{key: network[key][::-1] for key in ("nodeSubnets", "hubAddresses")}}

    assert render(read(cluster, **network)) == render(read(cluster, **turned))


def test_a_node_can_announce_its_own_pod_cidr_and_never_the_whole_range() -> None:
    conf = files(THROUGH)["reflector-1/frr.conf"]
    ((pods, shortest, longest),) = re.findall(r"POD-CIDRS seq 10 permit (\S+) ge (\d+) le (\d+)", conf)

    assert (pods, int(shortest), int(longest)) == ("100.64.0.0/16", 24, 24)
    assert IPv4Network(pods).prefixlen < int(shortest)
    assert IPv4Address("10.10.0.4") in IPv4Network(NETWORK["nodeSubnets"][0])
