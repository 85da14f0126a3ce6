"""Nodes and CiliumNodes → one reading. The brackets name where a case comes from."""

from collections.abc import Iterable, Sequence
from ipaddress import ip_address, ip_network
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.models import Address, Reading, Severity
from shared.sources.objects import (
    CiliumNodeList,
    CiliumNodeObject,
    NodeList,
    NodeObject,
    PodCidrSource,
    merge,
    parse_cidr,
)
from shared.sources.oddities import KINDS

Addresses = Sequence[tuple[str, str]]


def node(
    name: str = "n1",
    *,
    pod_cidrs: Sequence[str] = (),
    addresses: Addresses = (("InternalIP", "10.0.0.4"),),
    created: str = "2026-11-22T10:00:00Z",
    **metadata: Any,
) -> NodeObject:
    body = {
        "metadata": {"name": name, "creationTimestamp": created, "labels": {"agentpool": "np1"}, **metadata},
        "spec": {"podCIDRs": pod_cidrs, "podCIDR": pod_cidrs[0]} if pod_cidrs else {},
        "status": {
            "addresses": [{"type": kind, "address": text} for kind, text in addresses],
            "conditions": [{"type": "Ready", "status": "Unknown"}],
        },
    }
    return msgspec.convert(body, NodeObject)


def cilium(
    name: str = "n1",
    *,
    pod_cidrs: Sequence[str] = (),
    pools: Sequence[Sequence[str]] = (),
    addresses: Addresses = (("InternalIP", "10.0.0.4"),),
) -> CiliumNodeObject:
    ipam: dict[str, Any] = {}
    if pod_cidrs:
        ipam["podCIDRs"] = pod_cidrs
    if pools:
        ipam["pools"] = {"allocated": [{"pool": f"pool-{i}", "cidrs": cidrs} for i, cidrs in enumerate(pools)]}
    spec = {"addresses": [{"type": kind, "ip": text} for kind, text in addresses], "ipam": ipam}
    return msgspec.convert({"metadata": {"name": name}, "spec": spec}, CiliumNodeObject)


def cidrs(reading: Reading, name: str = "n1") -> list[str]:
    return [str(network) for found in reading.nodes if found.name == name for network in found.pod_cidrs]


def ips(reading: Reading, name: str = "n1") -> list[str]:
    return [str(address) for found in reading.nodes if found.name == name for address in found.addresses]


def codes(reading: Reading) -> list[str]:
    return [finding.code for finding in reading.findings]


# Pod CIDRs


def test_cluster_pool_ipam_gives_one_pod_cidr() -> None:
    assert cidrs(merge([node()], [cilium(pod_cidrs=["100.64.3.0/24"])], "auto")) == ["100.64.3.0/24"]


def test_a_multi_pool_node_has_all_cidrs_of_all_its_pools_sorted_and_once() -> None:  # cilium#34446
    pools = [["10.20.1.0/24", "fd00::/120", "10.20.0.0/24"], ["10.20.0.0/24"]]
    assert cidrs(merge([node()], [cilium(pools=pools)], "auto")) == ["10.20.0.0/24", "10.20.1.0/24", "fd00::/120"]


def test_a_node_in_migration_from_cluster_pool_to_multi_pool_has_the_cidrs_of_both() -> None:
    reading = merge([node()], [cilium(pod_cidrs=["10.244.1.0/24"], pools=[["10.244.1.0/24", "10.9.0.0/28"]])], "auto")
    assert cidrs(reading) == ["10.9.0.0/28", "10.244.1.0/24"]


@pytest.mark.parametrize("ipam", [{}, {"pools": {}}, {"pools": {"allocated": [{"pool": "default"}]}}])
def test_a_cilium_node_without_allocation_gives_no_cidr_and_no_finding(ipam: dict[str, Any]) -> None:  # cilium#37946
    without = msgspec.convert({"metadata": {"name": "n1"}, "spec": {"ipam": ipam}}, CiliumNodeObject)
    reading = merge([node()], [without], "auto")
    assert (cidrs(reading), codes(reading)) == ([], [])


def test_nodes_give_the_pod_cidrs_where_cilium_nodes_are_not_read() -> None:
    assert cidrs(merge([node(pod_cidrs=["10.244.1.0/24", "fd00:1::/64"])], None, "node")) == [
        "10.244.1.0/24",
        "fd00:1::/64",
    ]


def test_an_old_api_server_names_only_one_pod_cidr() -> None:  # AKS 1.15, recorded 2020
    old = msgspec.convert(
        {"metadata": {"name": "n1", "creationTimestamp": "2020-04-29T10:00:00Z"}, "spec": {"podCIDR": "10.244.0.0/24"}},
        NodeObject,
    )
    assert cidrs(merge([old], None, "node")) == ["10.244.0.0/24"]


def test_the_pod_cidr_of_a_node_does_not_stand_in_for_a_missing_cilium_node() -> None:
    # Cluster-pool IPAM assigns its own; what Kubernetes assigned may belong to another node by now.
    reading = merge([node(pod_cidrs=["10.244.1.0/24"])], [], "auto")
    assert (cidrs(reading), codes(reading)) == ([], [])


@pytest.mark.parametrize(
    ("text", "network"),
    [
        ("100.64.3.0/24", "100.64.3.0/24"),
        ("100.64.3.7/24", "100.64.3.0/24"),
        ("fd00::10/120", "fd00::/120"),
        ("FD00::/64", "fd00::/64"),
        ("10.0.0.0/0", "0.0.0.0/0"),
        ("100.64.3.0", None),
        ("100.64.3.0/", None),
        ("100.64.3.0/33", None),
        ("100.64.3.0/-1", None),
        ("100.64.3.0/255.255.255.0", None),
        ("100.64.03.0/24", None),
        ("fe80::1%eth0/64", None),
        ("fd00::/129", None),
        (" 10.0.0.0/24", None),
        ("10.0.0.0/24\n", None),
        ("10.0.0/24", None),
        ("default", None),
        ("", None),
    ],
)
def test_a_cidr_is_read_as_go_reads_it(text: str, network: str | None) -> None:
    parsed = parse_cidr(text)
    assert (str(parsed) if parsed else None) == network


def test_a_cidr_that_does_not_parse_is_a_finding_and_leaves_the_others() -> None:
    reading = merge([node()], [cilium(pod_cidrs=["100.64.3.0/24", "100.64.4.0"])], "auto")
    assert cidrs(reading) == ["100.64.3.0/24"]
    (finding,) = reading.findings
    assert (finding.code, finding.severity) == ("podCidrInvalid", Severity.WARNING)
    assert "1 pod CIDR " in finding.message
    assert "n1 ('100.64.4.0')" in finding.message


def test_a_bad_cidr_in_the_source_that_does_not_count_is_not_told() -> None:
    assert codes(merge([node(pod_cidrs=["nonsense"])], [cilium(pod_cidrs=["100.64.3.0/24"])], "auto")) == []


# Node against CiliumNode


@pytest.mark.parametrize(("source", "severity"), [("auto", Severity.WARNING), ("ciliumNode", Severity.INFO)])
def test_the_cilium_node_wins_over_a_differing_node_and_it_is_told(source: PodCidrSource, severity: Severity) -> None:
    # cilium#14152, hcloud-cloud-controller-manager#915: the configured source wins, with a warning
    reading = merge([node(pod_cidrs=["10.244.1.0/24"])], [cilium(pod_cidrs=["100.64.3.0/24"])], source)
    assert cidrs(reading) == ["100.64.3.0/24"]
    (finding,) = reading.findings
    assert (finding.code, finding.severity) == ("podCidrMismatch", severity)
    assert "n1 (CiliumNode 100.64.3.0/24, Node 10.244.1.0/24)" in finding.message
    assert "podCidrSource: ciliumNode" in finding.message


@pytest.mark.parametrize(
    ("of_node", "of_cilium"),
    [
        (["10.244.1.0/24"], ["10.244.1.0/24"]),
        (["10.244.1.0/24", "fd00::/64"], ["fd00::/64", "10.244.1.9/24"]),
        ([], ["10.244.1.0/24"]),
        (["10.244.1.0/24"], []),
    ],
)
def test_the_same_networks_or_a_missing_side_are_no_mismatch(of_node: list[str], of_cilium: list[str]) -> None:
    assert codes(merge([node(pod_cidrs=of_node)], [cilium(pod_cidrs=of_cilium)], "auto")) == []


def test_a_thousand_mismatches_are_one_finding_with_three_examples() -> None:
    names = [f"n{number:04}" for number in range(1000)]
    nodes = [node(name, pod_cidrs=["10.244.1.0/24"]) for name in reversed(names)]
    reading = merge(nodes, [cilium(name, pod_cidrs=["100.64.3.0/24"]) for name in names], "auto")
    (finding,) = reading.findings
    assert "1000 nodes" in finding.message
    assert "and 997 more" in finding.message
    assert [name for name in names if name in finding.message] == names[:3]


def test_cilium_nodes_without_a_node_are_no_nodes_but_are_told() -> None:
    reading = merge([node("a")], [cilium("a"), cilium("gone-2"), cilium("gone-1")], "auto")
    assert [found.name for found in reading.nodes] == ["a"]
    (finding,) = reading.findings
    assert (finding.code, finding.severity) == ("ciliumNodeWithoutNode", Severity.INFO)
    assert "2 CiliumNodes" in finding.message
    assert "gone-1, gone-2." in finding.message


# Addresses


def test_only_internal_ips_are_next_hops() -> None:
    # cilium#31079: a CiliumInternalIP lies inside the pod CIDR
    own = [("Hostname", "n1"), ("ExternalIP", "20.1.2.3"), ("InternalIP", "10.0.0.4")]
    of_cilium = [("InternalIP", "10.0.0.4"), ("CiliumInternalIP", "100.64.3.9"), ("CiliumInternalIP", "fd00::9")]
    assert ips(merge([node(addresses=own)], [cilium(addresses=of_cilium)], "auto")) == ["10.0.0.4"]


def test_a_node_without_any_internal_ip_takes_those_of_its_cilium_node() -> None:
    of_cilium = [("CiliumInternalIP", "100.64.3.9"), ("InternalIP", "10.0.0.4"), ("InternalIP", "fd10::4")]
    assert ips(merge([node(addresses=[])], [cilium(addresses=of_cilium)], "auto")) == ["10.0.0.4", "fd10::4"]


def test_the_cilium_node_fills_in_the_missing_family_only() -> None:
    of_cilium = [("InternalIP", "fd10::4"), ("InternalIP", "10.0.0.4")]
    reading = merge([node()], [cilium(addresses=of_cilium)], "auto")
    assert (ips(reading), codes(reading)) == (["10.0.0.4", "fd10::4"], [])


def test_a_differing_internal_ip_of_the_cilium_node_is_told_and_not_used() -> None:
    # kubernetes#98359: a node's InternalIP changed
    reading = merge([node()], [cilium(addresses=[("InternalIP", "10.0.0.99")])], "auto")
    assert ips(reading) == ["10.0.0.4"]
    (finding,) = reading.findings
    assert (finding.code, finding.severity) == ("internalIpMismatch", Severity.WARNING)
    assert "n1 (Node 10.0.0.4, CiliumNode 10.0.0.99)" in finding.message


def test_several_internal_ips_keep_the_order_of_the_node() -> None:
    own = [("InternalIP", "10.0.0.9"), ("InternalIP", "10.0.0.4"), ("InternalIP", "10.0.0.9")]
    reading = merge([node(addresses=own)], [cilium()], "auto")
    assert ips(reading) == ["10.0.0.9", "10.0.0.4"]
    assert codes(reading) == ["internalIpMismatch"]  # the next hop is the first one, and Cilium names another


@pytest.mark.parametrize("text", ["", "node-1.internal", "10.0.0", "fe80::1%eth0", "10.0.0.4/24"])
def test_an_internal_ip_that_is_no_address_is_told_and_no_next_hop(text: str) -> None:
    reading = merge([node(addresses=[("InternalIP", text)])], None, "node")
    assert ips(reading) == []
    assert codes(reading) == ["internalIpInvalid"]
    assert "1 address of type InternalIP" in reading.findings[0].message


# Who is a node


def test_a_node_lives_as_long_as_its_object_exists_whatever_its_condition() -> None:
    # external-dns#2858: stopping the kubelet deleted the records; here all nodes are Ready=Unknown
    assert [found.name for found in merge([node("b"), node("a", addresses=[])], None, "auto").nodes] == ["a", "b"]


def test_a_node_under_deletion_says_so_and_keeps_its_age() -> None:
    reading = merge([node("a", deletionTimestamp="2026-11-22T11:00:00Z"), node("b")], None, "node")
    assert [(found.deleting, found.created) for found in reading.nodes] == [
        (True, "2026-11-22T10:00:00Z"),
        (False, "2026-11-22T10:00:00Z"),
    ]


def test_no_nodes_is_an_empty_reading() -> None:
    assert merge([], [], "auto") == Reading(())


def test_every_kind_of_oddity_is_told_in_the_order_of_the_table() -> None:
    nodes = [
        node("a", pod_cidrs=["10.244.1.0/24"]),
        node("b", addresses=[("InternalIP", "nonsense")]),
    ]
    cilium_nodes = [
        cilium("a", pod_cidrs=["100.64.3.0/24", "nonsense"], addresses=[("InternalIP", "10.0.0.5")]),
        cilium("c"),
    ]
    assert codes(merge(nodes, cilium_nodes, "auto")) == list(KINDS)


# Decoding is strict on what is read and blind to the rest


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"kind": "NodeList", "metadata": {}},
        {"metadata": {}, "items": []},
        {"kind": "Status", "metadata": {}, "items": []},
        {"kind": "CiliumNodeList", "metadata": {}, "items": []},
        {"kind": "NodeList", "metadata": {}, "items": None},
        {"kind": "NodeList", "items": []},
        {"kind": "NodeList", "metadata": {}, "items": [{"metadata": {"creationTimestamp": "x"}}]},
        {"kind": "NodeList", "metadata": {}, "items": [{"metadata": {"name": "", "creationTimestamp": "x"}}]},
        {"kind": "NodeList", "metadata": {}, "items": [{"metadata": {"name": "a"}}]},
        {"kind": "NodeList", "metadata": {}, "items": [{}]},
        {
            "kind": "NodeList",
            "metadata": {},
            "items": [{"metadata": {"name": "a", "creationTimestamp": "x"}, "spec": {"podCIDRs": "10.0.0.0/24"}}],
        },
    ],
)
def test_what_is_no_list_of_named_nodes_is_not_decoded(body: dict[str, Any]) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.json.decode(msgspec.json.encode(body), type=NodeList)


def test_the_last_page_may_name_an_empty_continue_token_or_none() -> None:  # recorded: CRDs print ""
    for metadata in ({}, {"continue": "", "resourceVersion": "1"}):
        body = {"kind": "CiliumNodeList", "metadata": metadata, "items": []}
        assert not msgspec.convert(body, CiliumNodeList).metadata.next_page


# Properties

_V4 = st.integers(0, 7).map(lambda last: f"10.0.0.{last}")
_V6 = st.integers(0, 7).map(lambda last: f"fd10::{last:x}")
_TEXTS = st.one_of(_V4, _V6, st.sampled_from(["", "n1", "10.0.0.300"]))
_KINDS = st.sampled_from(["InternalIP", "ExternalIP", "Hostname", "CiliumInternalIP"])
_ADDRESSES = st.lists(st.tuples(_KINDS, _TEXTS), max_size=4)
_CIDRS = st.lists(st.sampled_from(["100.64.0.0/24", "100.64.1.9/24", "fd00::/64", "bad", "10.9.0.0/28"]), max_size=3)
_NAMES = st.sampled_from(["n1", "n2", "n3", "n4"])
_NODES = st.lists(
    st.builds(node, _NAMES, pod_cidrs=_CIDRS, addresses=_ADDRESSES), unique_by=lambda found: found.metadata.name
)
_CILIUM_NODES = st.none() | st.lists(
    st.builds(cilium, _NAMES, pod_cidrs=_CIDRS, pools=st.lists(_CIDRS, max_size=2), addresses=_ADDRESSES),
    unique_by=lambda found: found.metadata.name,
)
_SOURCES: st.SearchStrategy[PodCidrSource] = st.sampled_from(["auto", "ciliumNode"])


def internal(pairs: Iterable[tuple[str, str]]) -> set[Address]:
    found = set()
    for kind, text in pairs:
        if kind == "InternalIP":
            try:
                found.add(ip_address(text))
            except ValueError:
                continue
    return found


@given(_NODES, _CILIUM_NODES, _SOURCES)
def test_a_next_hop_is_always_an_internal_ip_of_that_very_node(
    nodes: list[NodeObject], cilium_nodes: list[CiliumNodeObject] | None, source: PodCidrSource
) -> None:
    allowed = {found.metadata.name: internal((e.type, e.address) for e in found.status.addresses) for found in nodes}
    for found in cilium_nodes or ():
        if found.metadata.name in allowed:
            allowed[found.metadata.name] |= internal((e.type, e.ip) for e in found.spec.addresses)
    for merged in merge(nodes, cilium_nodes, source).nodes:
        assert set(merged.addresses) <= allowed[merged.name]


@given(_NODES, _CILIUM_NODES, _SOURCES)
def test_every_node_object_is_one_node_and_nothing_else_is(
    nodes: list[NodeObject], cilium_nodes: list[CiliumNodeObject] | None, source: PodCidrSource
) -> None:
    merged = [found.name for found in merge(nodes, cilium_nodes, source).nodes]
    assert merged == sorted(found.metadata.name for found in nodes)


@given(_NODES, _CILIUM_NODES, _SOURCES, st.randoms())
def test_the_order_of_the_lists_does_not_matter(
    nodes: list[NodeObject], cilium_nodes: list[CiliumNodeObject] | None, source: PodCidrSource, random: Any
) -> None:
    shuffled = random.sample(nodes, len(nodes))
    shuffled_cilium = None if cilium_nodes is None else random.sample(cilium_nodes, len(cilium_nodes))
    assert merge(shuffled, shuffled_cilium, source) == merge(nodes, cilium_nodes, source)


@given(_NODES, _CILIUM_NODES, _SOURCES)
def test_pod_cidrs_are_networks_without_host_bits_each_once(
    nodes: list[NodeObject], cilium_nodes: list[CiliumNodeObject] | None, source: PodCidrSource
) -> None:
    for merged in merge(nodes, cilium_nodes, source).nodes:
        assert len(set(merged.pod_cidrs)) == len(merged.pod_cidrs)
        assert all(ip_network(str(network)) == network for network in merged.pod_cidrs)
