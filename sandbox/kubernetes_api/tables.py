"""Server-side printing: the columns and cells kubectl shows. Columns as recorded and as Cilium's CRD defines them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sandbox.kubernetes_api.ages import human_age
from sandbox.kubernetes_api.entries import Entry
from sandbox.kubernetes_api.kinds import CILIUM_NODES, CONFIG_MAPS, NODES, Resource

Cell = Callable[[Entry, float], str | None]
_ROLE_PREFIX = "node-role.kubernetes.io/"


@dataclass(frozen=True, slots=True)
class Column:
    """One column. Priority 1 shows with `-o wide` only. The cell is made from an object and the wall-clock time."""

    name: str
    description: str
    cell: Cell
    type: str = "string"
    format: str = ""
    priority: int = 0

    def definition(self) -> dict[str, Any]:
        """The column as a Table announces it."""
        return {
            "name": self.name,
            "type": self.type,
            "format": self.format,
            "description": self.description,
            "priority": self.priority,
        }


def columns_of(resource: Resource) -> tuple[Column, ...]:
    """The columns of a resource."""
    return _COLUMNS[resource]


def cells_of(resource: Resource, entry: Entry, now: float) -> list[str | None]:
    """One row; `now` is the wall-clock time the age counts to."""
    return [column.cell(entry, now) for column in columns_of(resource)]


def _name(entry: Entry, _: float) -> str:
    return entry.name


def _age(entry: Entry, now: float) -> str:
    return human_age(now - datetime.fromisoformat(entry.metadata["creationTimestamp"]).timestamp())


def _condition(entry: Entry, _: float) -> str:
    conditions = entry.object.get("status", {}).get("conditions", [])
    ready = next((condition["status"] for condition in conditions if condition["type"] == "Ready"), None)
    word = {"True": "Ready", None: "Unknown"}.get(ready, "NotReady")
    return f"{word},SchedulingDisabled" if entry.object.get("spec", {}).get("unschedulable") else word


def _roles(entry: Entry, _: float) -> str:
    roles = {label.removeprefix(_ROLE_PREFIX) for label in entry.labels if label.startswith(_ROLE_PREFIX)}
    roles |= {value for label, value in entry.labels.items() if label == "kubernetes.io/role" and value}
    return ",".join(sorted(roles)) or "<none>"


def _node_info(name: str) -> Cell:
    return lambda entry, _: _info(entry).get(name) or "<unknown>"


def _kernel(entry: Entry, _: float) -> str:
    info = _info(entry)
    return f"{info['kernelVersion']} ({info['architecture']})" if info.get("kernelVersion") else "<unknown>"


def _info(entry: Entry) -> Mapping[str, str]:
    info: Mapping[str, str] = entry.object.get("status", {}).get("nodeInfo", {})
    return info


def _node_address(kind: str) -> Cell:
    def cell(entry: Entry, _: float) -> str | None:
        addresses = entry.object.get("status", {}).get("addresses", [])
        return next((address["address"] for address in addresses if address["type"] == kind), "<none>")

    return cell


def _cilium_address(kind: str) -> Cell:
    def cell(entry: Entry, _: float) -> str | None:
        addresses = entry.object.get("spec", {}).get("addresses", [])
        return next((address["ip"] for address in addresses if address["type"] == kind), None)

    return cell


def _entries(entry: Entry, _: float) -> str:
    return str(len(entry.object.get("data", {})) + len(entry.object.get("binaryData", {})))


_NAME = Column("Name", "The object's name, unique in the cluster", _name, format="name")

_NODE_COLUMNS = (
    _NAME,
    Column("Status", "The status of the node", _condition),
    Column("Roles", "The roles of the node", _roles),
    Column("Age", "Time since the node registered", _age),
    Column("Version", "Kubelet version of the node", _node_info("kubeletVersion")),
    Column("Internal-IP", "First internal address of the node", _node_address("InternalIP"), priority=1),
    Column("External-IP", "First external address of the node", _node_address("ExternalIP"), priority=1),
    Column("OS-Image", "Operating system of the node", _node_info("osImage"), priority=1),
    Column("Kernel-Version", "Kernel of the node", _kernel, priority=1),
    Column("Container-Runtime", "Container runtime of the node", _node_info("containerRuntimeVersion"), priority=1),
)

_CILIUM_NODE_COLUMNS = (
    _NAME,
    Column("CiliumInternalIP", "First address of Cilium's own interface", _cilium_address("CiliumInternalIP")),
    Column("InternalIP", "First internal address of the node", _cilium_address("InternalIP")),
    Column("Age", "Time since the object was made", _age, type="date"),
)

_CONFIG_MAP_COLUMNS = (
    _NAME,
    Column("Data", "How many entries it has", _entries),
    Column("Age", "Time since the object was made", _age),
)

_COLUMNS = {NODES: _NODE_COLUMNS, CILIUM_NODES: _CILIUM_NODE_COLUMNS, CONFIG_MAPS: _CONFIG_MAP_COLUMNS}
