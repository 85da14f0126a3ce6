"""What kubectl shows of the Kubernetes API stand-in: columns, cells, ages. Without kubectl."""

from typing import Any

import pytest

from sandbox.kubernetes_api import cilium_node, scale_set_node_name
from sandbox.kubernetes_api.ages import human_age
from tests.sandbox.kubernetes_stage import CILIUM_NODES, NODES, TABLE, Cluster, fill, node

pytestmark = pytest.mark.wire


def test_nodes_print_as_kubectl_shows_them(cluster: Cluster) -> None:
    cluster.api.put(node(0, created="2026-11-22T07:55:30Z"))
    cordoned = node(1, ready=False, labels={"node-role.kubernetes.io/worker": "", "kubernetes.io/role": "agent"})
    cordoned["spec"]["unschedulable"] = True
    cluster.api.put(cordoned)
    fill(cluster, "bare")
    table = cluster.send(NODES, headers=TABLE).json()
    assert [(column["name"], column["priority"]) for column in table["columnDefinitions"]] == [
        ("Name", 0),
        ("Status", 0),
        ("Roles", 0),
        ("Age", 0),
        ("Version", 0),
        ("Internal-IP", 1),
        ("External-IP", 1),
        ("OS-Image", 1),
        ("Kernel-Version", 1),
        ("Container-Runtime", 1),
    ]
    machine = ["Ubuntu 24.04.3 LTS", "6.8.0-1030-azure (amd64)", "containerd://2.0.4-1"]
    zero, one = scale_set_node_name("np1", 0), scale_set_node_name("np1", 1)
    unknown = "<unknown>"
    assert [row["cells"] for row in table["rows"]] == [
        [zero, "Ready", "<none>", "4m30s", "v1.36.2", "10.0.0.4", "<none>", *machine],
        [one, "NotReady,SchedulingDisabled", "agent,worker", "21d", "v1.36.2", "10.0.0.5", "<none>", *machine],
        ["bare", "Unknown", "<none>", "0s", unknown, "<none>", "<none>", unknown, unknown, unknown],
    ]
    assert table["rows"][0]["object"]["kind"] == "PartialObjectMetadata"


def test_cilium_nodes_print_the_columns_of_their_definition(cluster: Cluster) -> None:
    ready: dict[str, Any] = {"addresses": ["10.0.0.4", "fd00::4"], "created": "2026-11-22T07:00:00Z"}
    cluster.api.put(cilium_node("a", pod_cidrs=["100.64.0.0/24"], **ready))
    cluster.api.put(cilium_node("b", **ready))
    table = cluster.send(CILIUM_NODES, headers=TABLE).json()
    assert [column["name"] for column in table["columnDefinitions"]] == [
        "Name",
        "CiliumInternalIP",
        "InternalIP",
        "Age",
    ]
    assert [row["cells"] for row in table["rows"]] == [
        ["a", "100.64.0.1", "10.0.0.4", "60m"],
        ["b", None, "10.0.0.4", "60m"],
    ]


@pytest.mark.parametrize(("include", "kept"), [("None", None), ("Object", "Node"), ("", "PartialObjectMetadata")])
def test_rows_carry_as_much_of_the_object_as_asked(cluster: Cluster, include: str, kept: str | None) -> None:
    fill(cluster, "a")
    (row,) = cluster.send(f"{NODES}?includeObject={include}", headers=TABLE).json()["rows"]
    assert (row["object"] or {}).get("kind") == kept


def test_only_the_first_table_of_a_watch_names_the_columns(cluster: Cluster) -> None:
    fill(cluster, "a")
    with cluster.watch(f"{NODES}?allowWatchBookmarks=1&timeoutSeconds=60", headers=TABLE) as lines:
        first = lines.next()["object"]
        fill(cluster, "b")
        second = lines.next()["object"]
        cluster.turn(59)
        mark = lines.next()["object"]
    assert (len(first["columnDefinitions"]), second["columnDefinitions"]) == (10, [])
    assert second["rows"][0]["cells"][0] == "b"
    assert (mark["rows"], mark["metadata"]) == ([], {"resourceVersion": "3"})


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (-5, "<invalid>"),
        (-0.5, "0s"),
        (119, "119s"),
        (120, "2m"),
        (330, "5m30s"),
        (600, "10m"),
        (3 * 3600 - 1, "179m"),
        (3 * 3600, "3h"),
        (3 * 3600 + 1500, "3h25m"),
        (47 * 3600, "47h"),
        (50 * 3600, "2d2h"),
        (8 * 86_400, "8d"),
        (729 * 86_400, "729d"),
        (730 * 86_400, "2y"),
        (741 * 86_400, "2y11d"),
        (9 * 365 * 86_400, "9y"),
    ],
)
def test_ages_read_as_kubectl_writes_them(seconds: float, text: str) -> None:
    assert human_age(seconds) == text
