"""Lines of a watch in, events out. Shapes as recorded from a kube-apiserver 1.36; the values are made up."""

import json
from typing import Any

import pytest

from sandbox.kubernetes_api import aks_node, cilium_node, scale_set_node_name
from shared.sources.objects import CiliumNodeObject, NodeObject, cilium_node_essence, node_essence
from shared.sources.watch_events import Absent, Bookmark, LostPlaceError, Present, decode

NAME = scale_set_node_name("np1", 0)


def line(kind: str, body: Any) -> bytes:
    return json.dumps({"type": kind, "object": body}).encode() + b"\n"


def node(**metadata: Any) -> dict[str, Any]:
    body = aks_node(NAME, "np1", ["10.0.0.4"], pod_cidrs=["10.244.0.0/24"])
    body["metadata"] |= {"resourceVersion": "42", **metadata}
    return body


@pytest.mark.parametrize("kind", ["ADDED", "MODIFIED"])
def test_an_object_that_came_or_changed_is_present(kind: str) -> None:
    event = decode(line(kind, node()), "Node", NodeObject)
    assert isinstance(event, Present)
    assert (event.revision, event.object.metadata.name) == ("42", NAME)
    assert event.object.spec.pod_cidrs == ("10.244.0.0/24",)


def test_an_object_that_went_is_absent_since_its_removal() -> None:
    assert decode(line("DELETED", node()), "Node", NodeObject) == Absent("42", NAME)


@pytest.mark.parametrize(
    "zeros",  # recorded: a Node's bookmark carries zero values of what is never left out, a CiliumNode's does not
    [{}, {"spec": {}, "status": {"daemonEndpoints": {"kubeletEndpoint": {"Port": 0}}, "nodeInfo": {"machineID": ""}}}],
)
def test_a_bookmark_tells_how_far_the_watch_has_come(zeros: dict[str, Any]) -> None:
    body = {"kind": "Node", "apiVersion": "v1", "metadata": {"resourceVersion": "77", "creationTimestamp": None}}
    assert decode(line("BOOKMARK", body | zeros), "Node", NodeObject) == Bookmark("77")


@pytest.mark.parametrize("code", [410, 500, 504])
def test_an_error_of_any_code_has_lost_the_place(code: int) -> None:
    status = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "code": code}
    with pytest.raises(LostPlaceError):
        decode(line("ERROR", status), "Node", NodeObject)


@pytest.mark.parametrize(
    "garbage",
    [
        b"",
        b"\n",
        b"<html>",
        b"\xff\xfe",
        b"{}",
        line("MODIFIED", node())[:-100],
        line("REPLACED", node()),
        line("MODIFIED", None),
        line("MODIFIED", {**node(), "kind": "Status"}),
        line("MODIFIED", {**node(), "kind": "PartialObjectMetadata"}),
        line("DELETED", {**node(), "kind": "CiliumNode"}),
        line("MODIFIED", node(resourceVersion="")),
        line("MODIFIED", node(name="")),
        line("BOOKMARK", {"kind": "Node", "metadata": {}}),
    ],
)
def test_a_line_that_cannot_be_understood_has_lost_the_place(garbage: bytes) -> None:
    with pytest.raises(LostPlaceError):
        decode(garbage, "Node", NodeObject)


def essence(body: dict[str, Any]) -> NodeObject:
    event = decode(line("MODIFIED", body), "Node", NodeObject)
    assert isinstance(event, Present)
    return node_essence(event.object)


def cilium_essence(**spec: Any) -> CiliumNodeObject:
    body = cilium_node(NAME, addresses=["10.0.0.4"], pod_cidrs=["100.64.0.0/24"])
    body["metadata"]["resourceVersion"] = "42"
    body["spec"] |= spec
    event = decode(line("MODIFIED", body), "CiliumNode", CiliumNodeObject)
    assert isinstance(event, Present)
    return cilium_node_essence(event.object)


def changed(**parts: dict[str, Any]) -> dict[str, Any]:
    body = node()
    for part, fields in parts.items():
        body[part] |= fields
    return body


INTERNAL = {"type": "InternalIP", "address": "10.0.0.4"}


@pytest.mark.parametrize(
    "body",
    [
        changed(metadata={"resourceVersion": "43", "labels": {"new": "label"}, "annotations": {}}),
        changed(status={"conditions": []}),
        changed(spec={"unschedulable": True, "taints": [{"key": "node.kubernetes.io/unreachable"}]}),
        changed(status={"addresses": [INTERNAL, {"type": "ExternalIP", "address": "20.0.0.1"}]}),
    ],
)
def test_what_no_route_depends_on_is_not_part_of_a_node(body: dict[str, Any]) -> None:
    assert essence(body) == essence(node())


@pytest.mark.parametrize(
    "body",
    [
        changed(metadata={"deletionTimestamp": "2026-11-22T10:00:00Z"}),
        changed(metadata={"creationTimestamp": "2026-11-22T10:00:00Z"}),
        changed(spec={"podCIDRs": ["10.244.1.0/24"]}),
        changed(status={"addresses": [{"type": "InternalIP", "address": "10.0.0.5"}]}),
        changed(status={"addresses": []}),
    ],
)
def test_what_a_route_depends_on_is_part_of_a_node(body: dict[str, Any]) -> None:
    assert essence(body) != essence(node())


def test_of_a_cilium_nodes_addresses_only_internal_ips_matter() -> None:
    internal = {"type": "InternalIP", "ip": "10.0.0.4"}
    assert cilium_essence(addresses=[internal]) == cilium_essence(
        addresses=[{"type": "CiliumInternalIP", "ip": "100.64.0.1"}, internal], health={"ipv4": "100.64.0.9"}
    )
    assert cilium_essence(addresses=[internal]) != cilium_essence(addresses=[])


def test_every_pod_cidr_of_a_cilium_node_matters() -> None:
    pools = {"pools": {"allocated": [{"pool": "default", "cidrs": ["100.64.0.0/28"]}]}}
    assert len({cilium_essence(ipam=ipam) for ipam in ({}, {"podCIDRs": ["100.64.0.0/24"]}, pools)}) == 3
