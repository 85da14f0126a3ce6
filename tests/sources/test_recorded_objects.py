"""Objects of real clusters through the same decoding and merging, read where they lie; skipped where they do not."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml

from shared.label_selector import LabelSelector
from shared.sources.candidates import LabelledNodeList, candidate_essence
from shared.sources.objects import CiliumNodeList, CiliumNodeObject, NodeList, NodeObject, merge

DATA = Path(__file__).parents[2].parent / "shared" / "data"

pytestmark = pytest.mark.skipif(not (DATA / "k8s-samples").is_dir(), reason="recordings not present")


def answer(path: str, name: str) -> bytes:
    exchanges = json.loads((DATA / "k8s-recordings" / path).read_text())["exchanges"]
    (found,) = [exchange for exchange in exchanges if exchange["name"] == name]
    return json.dumps(found["response"]["body"]).encode()


def documents(path: Path) -> Iterator[dict[str, Any]]:
    """Every YAML object in a dump or in the files of a txtar archive; all scalars stay text."""
    for part in re.split(r"^-- (?P<file>\S+) --$", path.read_text(), flags=re.MULTILINE):
        try:
            for document in yaml.load_all(part, Loader=yaml.BaseLoader):
                if isinstance(document, dict):
                    yield from document.get("items", [document])
        except yaml.YAMLError:
            continue  # the script in front of a txtar's files


def objects(name: str, kind: str) -> list[dict[str, Any]]:
    return [found for found in documents(DATA / "k8s-samples" / "cilium" / name) if found.get("kind") == kind]


def test_the_nodes_of_a_recorded_aks_cluster() -> None:
    body = json.loads((DATA / "k8s-samples/aks/nodelist.aks-2022-11.recorded.json").read_text())["body"]
    reading = merge(msgspec.json.decode(json.dumps(body), type=NodeList).items, None, "auto")
    assert [(n.name[-1], str(n.pod_cidrs[0]), str(n.addresses[0])) for n in reading.nodes] == [
        ("0", "10.244.2.0/24", "10.224.4.0"),
        ("1", "10.244.1.0/24", "10.224.140.0"),
        ("2", "10.244.0.0/24", "10.224.140.1"),
    ]
    assert {n.created for n in reading.nodes} == {"2022-11-24T19:07:27Z", "2022-11-24T19:07:21Z"}
    assert reading.findings == ()


def test_the_nodes_of_a_recorded_aks_cluster_without_zones_are_in_none_and_take_110_pods() -> None:
    body = json.loads((DATA / "k8s-samples/aks/nodelist.aks-2022-11.recorded.json").read_text())["body"]
    listed = msgspec.json.decode(json.dumps(body), type=LabelledNodeList).items
    essence = candidate_essence(LabelSelector.parse("kubernetes.azure.com/mode=system,!virtual-kubelet"))
    found = merge(map(essence, listed), None, "auto").nodes
    assert [(node.may_peer, node.zone, node.pod_limit) for node in found] == [(True, "", 110)] * 3


def test_the_node_of_a_recorded_aks_cluster_before_dual_stack() -> None:
    body = json.loads((DATA / "k8s-samples/aks/nodelist.aks-2020-04.recorded.json").read_text())["body"]
    (node,) = merge(msgspec.json.decode(json.dumps(body), type=NodeList).items, None, "node").nodes
    assert ([str(cidr) for cidr in node.pod_cidrs], [str(ip) for ip in node.addresses]) == (
        ["10.244.0.0/24"],
        ["10.240.0.4"],
    )


def test_both_lists_of_a_recorded_api_server_agree() -> None:
    nodes = msgspec.json.decode(answer("01-list-get-errors.json", "nodes list full"), type=NodeList)
    cilium_nodes = msgspec.json.decode(answer("01-list-get-errors.json", "ciliumnodes list full"), type=CiliumNodeList)
    reading = merge(nodes.items, cilium_nodes.items, "auto")
    assert len(reading.nodes) == 7
    assert all(len(node.pod_cidrs) == 1 and len(node.addresses) == 1 for node in reading.nodes)


@pytest.mark.parametrize(("plural", "shape"), [("nodes", NodeList), ("ciliumnodes", CiliumNodeList)])
def test_recorded_pages_carry_a_token_until_the_last(plural: str, shape: type[NodeList] | type[CiliumNodeList]) -> None:
    pages: list[NodeList | CiliumNodeList] = [
        msgspec.json.decode(answer("01-list-get-errors.json", f"{plural} list limit=3 {page}"), type=shape)
        for page in ("page1", "page2", "page3 (last)")
    ]
    assert [(len(page.items), bool(page.metadata.next_page)) for page in pages] == [(3, True), (3, True), (1, False)]


def test_a_recorded_empty_list_of_cilium_nodes_is_a_list() -> None:
    body = answer("01-list-get-errors.json", "ciliumnodes empty list")
    assert msgspec.json.decode(body, type=CiliumNodeList).items == ()


def test_a_multi_pool_cilium_node_that_a_real_api_server_accepted() -> None:
    cilium = msgspec.json.decode(
        answer("07-ciliumnode-schema.json", "get multi-pool CiliumNode"), type=CiliumNodeObject
    )
    assert cilium.spec.ipam.pools.allocated[0].cidrs


def test_the_operators_migration_from_cluster_pool_to_multi_pool_changes_no_cidr() -> None:
    name = "multipool_from-cluster-pool-migration.txtar"
    found = msgspec.convert(objects(name, "CiliumNode"), list[CiliumNodeObject])
    node = {"metadata": {"name": "node-a", "creationTimestamp": "2026-11-22T10:00:00Z"}}
    nodes = [msgspec.convert(node, NodeObject)]
    versions = [[one] for one in found if one.metadata.name == "node-a"]
    before, after = (merge(nodes, version, "auto").nodes[0].pod_cidrs for version in versions)
    assert before == after
    assert [str(cidr) for cidr in after] == ["10.244.1.0/24", "fd00::/124"]


def test_a_dual_stack_cluster_has_both_families_and_agrees_with_itself() -> None:
    name = "services_dualstack_v1.26_init.yaml"
    nodes = msgspec.convert(objects(name, "Node"), list[NodeObject])
    reading = merge(nodes, msgspec.convert(objects(name, "CiliumNode"), list[CiliumNodeObject]), "auto")
    assert [[str(cidr) for cidr in node.pod_cidrs] for node in reading.nodes] == [
        ["10.244.0.0/24", "fd00:10:244::/64"],
        ["10.244.1.0/24", "fd00:10:244:1::/64"],
        ["10.244.2.0/24", "fd00:10:244:2::/64"],
    ]
    assert all([address.version for address in node.addresses] == [4, 6] for node in reading.nodes)
    assert reading.findings == ()


def test_every_cilium_node_in_the_samples_is_understood() -> None:
    found = [
        one
        for path in sorted((DATA / "k8s-samples" / "cilium").iterdir())
        if not path.name.startswith("crd.")
        for one in documents(path)
        if one.get("kind") == "CiliumNode"
    ]
    understood = msgspec.convert(found, list[CiliumNodeObject])
    assert len(understood) >= 15
    assert all(one.spec.ipam.pod_cidrs or one.spec.ipam.pools.allocated for one in understood if one.spec.addresses)
