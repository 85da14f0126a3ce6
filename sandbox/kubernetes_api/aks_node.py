"""Builds Node objects in the shape AKS gives them, of a realistic size (about 18 KB).

Field names as in recorded AKS node lists; the values are made up. Bring-your-own-CNI is assumed: no pod CIDR in the
spec unless asked for, and the network condition is Cilium's. What a node needs later, a test changes in the dict.
"""

import hashlib
import re
import string
from collections.abc import Iterable, Mapping, Sequence
from ipaddress import ip_address
from typing import Any, Literal

SUBSCRIPTION = "00000000-0000-0000-0000-00000000a1b2"
NODE_RESOURCE_GROUP = "MC_rg-sandbox_sandbox_westeurope"
REGION = "westeurope"
KUBELET = "v1.36.2"
_CREATED = "2026-11-01T08:00:00Z"
_BASE36 = string.digits + string.ascii_lowercase
_SCALE_SET_NODE = re.compile(r"^(?P<scale_set>.+-vmss)(?P<instance>[0-9a-z]{6})$")
_IMAGES_PER_NODE = 50
"""A kubelet reports at most this many (--node-status-max-images)."""


def scale_set_name(pool: str) -> str:
    """The scale set of an agent pool; AKS puts a number of the cluster in the middle."""
    return f"aks-{pool}-31415926-vmss"


def scale_set_node_name(pool: str, instance: int) -> str:
    """The name of a scale set's node: the instance id in base 36, six digits.

    https://learn.microsoft.com/azure/virtual-machine-scale-sets/virtual-machine-scale-sets-instance-ids
    """
    digits = ""
    for _ in range(6):
        instance, digit = divmod(instance, 36)
        digits = _BASE36[digit] + digits
    return scale_set_name(pool) + digits


def aks_node(
    name: str,
    pool: str,
    internal_ips: Sequence[str],
    *,
    ready: bool = True,
    pod_cidrs: Sequence[str] = (),
    created: str = _CREATED,
    provider: Literal["vmss", "vm"] = "vmss",
    subscription: str = SUBSCRIPTION,
    node_resource_group: str = NODE_RESOURCE_GROUP,
    zone: int | None = 1,
    pods: int = 250,
    labels: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """A Node of an agent pool.

    `created` is RFC 3339 in UTC. `provider` says whether the machine is an instance of a scale set, whose name must
    then be one of `scale_set_node_name` (ValueError otherwise), or a machine of its own, as node auto-provisioning
    makes them. `zone` None is a machine in no availability zone, `pods` how many it takes. `labels` come on top.
    """
    every_label = {**_labels(name, pool, node_resource_group, zone), **(labels or {})}
    annotations = _annotations(name, internal_ips)
    spec: dict[str, Any] = {"providerID": provider_id(name, provider, subscription, node_resource_group)}
    if pod_cidrs:
        spec |= {"podCIDR": pod_cidrs[0], "podCIDRs": list(pod_cidrs)}
    if not ready:
        spec["taints"] = [
            {"key": "node.cilium.io/agent-not-ready", "value": "true", "effect": "NoExecute"},
            {"key": "node.kubernetes.io/not-ready", "effect": "NoSchedule"},
        ]
    return {
        "kind": "Node",
        "apiVersion": "v1",
        "metadata": {
            "name": name,
            "creationTimestamp": created,
            "labels": every_label,
            "annotations": annotations,
            "managedFields": _managed_fields(created, every_label, annotations, pod_cidrs),
        },
        "spec": spec,
        "status": _status(name, internal_ips, created, ready=ready, pods=pods),
    }


def provider_id(name: str, provider: Literal["vmss", "vm"], subscription: str, node_resource_group: str) -> str:
    """`Node.spec.providerID`: the resource group in lower case, the instance id in decimal (facts: recorded)."""
    group = f"azure:///subscriptions/{subscription}/resourceGroups/{node_resource_group.lower()}"
    compute = f"{group}/providers/Microsoft.Compute"
    if provider == "vm":
        return f"{compute}/virtualMachines/{name}"
    found = _SCALE_SET_NODE.match(name)
    if found is None:
        raise ValueError(f"{name!r} is no name of a scale set's node, such as {scale_set_node_name('np1', 11)!r}")
    instance = int(found["instance"], 36)
    return f"{compute}/virtualMachineScaleSets/{found['scale_set']}/virtualMachines/{instance}"


def _labels(name: str, pool: str, node_resource_group: str, zone: int | None) -> dict[str, str]:
    """Without a zone the topology labels name the fault domain, and the disk driver's is empty (facts: recorded)."""
    topology, disk = ("0", "") if zone is None else (f"{REGION}-{zone}", f"{REGION}-{zone}")
    return {
        "agentpool": pool,
        "beta.kubernetes.io/arch": "amd64",
        "beta.kubernetes.io/instance-type": "Standard_D4s_v5",
        "beta.kubernetes.io/os": "linux",
        "failure-domain.beta.kubernetes.io/region": REGION,
        "failure-domain.beta.kubernetes.io/zone": topology,
        "kubernetes.azure.com/agentpool": pool,
        "kubernetes.azure.com/cluster": node_resource_group,
        "kubernetes.azure.com/consolidated-additional-properties": _uuid("properties"),
        "kubernetes.azure.com/kubelet-identity-client-id": _uuid("kubelet-identity"),
        "kubernetes.azure.com/kubelet-serving-ca": "cluster",
        "kubernetes.azure.com/mode": "system",
        "kubernetes.azure.com/node-image-version": "AKSUbuntu-2404gen2containerd-202611.01.0",
        "kubernetes.azure.com/nodepool-type": "VirtualMachineScaleSets",
        "kubernetes.azure.com/os-sku": "Ubuntu",
        "kubernetes.azure.com/role": "agent",
        "kubernetes.azure.com/storageprofile": "managed",
        "kubernetes.azure.com/storagetier": "Premium_LRS",
        "kubernetes.io/arch": "amd64",
        "kubernetes.io/hostname": name,
        "kubernetes.io/os": "linux",
        "node.kubernetes.io/instance-type": "Standard_D4s_v5",
        "storageprofile": "managed",
        "storagetier": "Premium_LRS",
        "topology.disk.csi.azure.com/zone": disk,
        "topology.kubernetes.io/region": REGION,
        "topology.kubernetes.io/zone": topology,
    }


def _annotations(name: str, internal_ips: Sequence[str]) -> dict[str, str]:
    drivers = ",".join(f'"{driver}.csi.azure.com":"{name}"' for driver in ("disk", "file"))
    return {
        "alpha.kubernetes.io/provided-node-ip": ",".join(internal_ips),
        "csi.volume.kubernetes.io/nodeid": f"{{{drivers}}}",
        "node.alpha.kubernetes.io/ttl": "0",
        "volumes.kubernetes.io/controller-managed-attach-detach": "true",
    }


def _status(name: str, internal_ips: Iterable[str], created: str, *, ready: bool, pods: int) -> dict[str, Any]:
    return {
        "capacity": _resources("4", "129886128Ki", "16374112Ki", pods),
        "allocatable": _resources("3860m", "119703055367", "14233952Ki", pods),
        "conditions": _conditions(created, ready=ready),
        "addresses": [
            *({"type": "InternalIP", "address": str(ip_address(address))} for address in internal_ips),
            {"type": "Hostname", "address": name},
        ],
        "daemonEndpoints": {"kubeletEndpoint": {"Port": 10250}},
        "nodeInfo": {
            "machineID": _hex("machine", name, 32),
            "systemUUID": _uuid(f"system {name}"),
            "bootID": _uuid(f"boot {name}"),
            "kernelVersion": "6.8.0-1030-azure",
            "osImage": "Ubuntu 24.04.3 LTS",
            "containerRuntimeVersion": "containerd://2.0.4-1",
            "kubeletVersion": KUBELET,
            "kubeProxyVersion": "",
            "operatingSystem": "linux",
            "architecture": "amd64",
        },
        "images": [_image(number) for number in range(_IMAGES_PER_NODE)],
    }


def _resources(cpu: str, storage: str, memory: str, pods: int) -> dict[str, str]:
    hugepages = {"hugepages-1Gi": "0", "hugepages-2Mi": "0"}
    return {"cpu": cpu, "ephemeral-storage": storage, **hugepages, "memory": memory, "pods": str(pods)}


def _conditions(created: str, *, ready: bool) -> list[dict[str, str]]:
    calm = (
        ("MemoryPressure", "KubeletHasSufficientMemory", "kubelet has sufficient memory available"),
        ("DiskPressure", "KubeletHasNoDiskPressure", "kubelet has no disk pressure"),
        ("PIDPressure", "KubeletHasSufficientPID", "kubelet has sufficient PID available"),
    )
    conditions = [(kind, "False", reason, message) for kind, reason, message in calm]
    if ready:
        conditions.insert(0, ("NetworkUnavailable", "False", "CiliumIsUp", "Cilium is running on this node"))
        conditions.append(("Ready", "True", "KubeletReady", "kubelet is posting ready status"))
    else:
        message = "container runtime network not ready: NetworkReady=false reason:NetworkPluginNotReady"
        conditions.append(("Ready", "False", "KubeletNotReady", message))
    return [
        {
            "type": kind,
            "status": status,
            "lastHeartbeatTime": created,
            "lastTransitionTime": created,
            "reason": reason,
            "message": message,
        }
        for kind, status, reason, message in conditions
    ]


def _image(number: int) -> dict[str, Any]:
    repository = f"mcr.microsoft.com/sandbox/component-{number:02}"
    digest = hashlib.sha256(repository.encode()).hexdigest()
    names = [f"{repository}@sha256:{digest}", f"{repository}:v1.{number}.0"]
    return {"names": names, "sizeBytes": 400_000_000 - number * 7_654_321}


def _managed_fields(
    created: str, labels: Mapping[str, str], annotations: Mapping[str, str], pod_cidrs: Sequence[str]
) -> list[dict[str, Any]]:
    """Who wrote which field, as AKS's writers do. Only its size and shape matter to a reader."""
    azure = {label for label in labels if "topology" in label or "instance-type" in label or "failure" in label}
    kubelet = {
        "f:metadata": {
            "f:annotations": {".": {}, **_fields(annotations)},
            "f:labels": {".": {}, **_fields(label for label in labels if label not in azure)},
        }
    }
    cloud: dict[str, Any] = {"f:metadata": {"f:labels": _fields(azure)}, "f:spec": {"f:providerID": {}}}
    entries = [("kubelet", kubelet, False), ("cloud-node-manager", cloud, False)]
    if pod_cidrs:
        values: dict[str, Any] = {f'v:"{cidr}"': {} for cidr in pod_cidrs}
        spec = {"f:spec": {"f:podCIDR": {}, "f:podCIDRs": {".": {}, **values}}}
        entries.append(("kube-controller-manager", spec, False))
    entries.append(("cilium-agent", _condition_fields("NetworkUnavailable"), True))
    status = _condition_fields("MemoryPressure", "DiskPressure", "PIDPressure", "Ready")
    resources = {".": {}, **_fields(_resources("", "", "", 0))}
    status["f:status"] |= {"f:allocatable": resources, "f:capacity": resources, "f:images": {}, "f:nodeInfo": {}}
    entries.append(("kubelet", status, True))
    return [
        {
            "manager": manager,
            "operation": "Update",
            "apiVersion": "v1",
            "time": created,
            "fieldsType": "FieldsV1",
            "fieldsV1": fields,
            **({"subresource": "status"} if of_status else {}),
        }
        for manager, fields, of_status in entries
    ]


def _condition_fields(*kinds: str) -> dict[str, Any]:
    names = ("lastHeartbeatTime", "lastTransitionTime", "message", "reason", "status", "type")
    conditions = {f'k:{{"type":"{kind}"}}': {".": {}, **_fields(names)} for kind in kinds}
    return {"f:status": {"f:conditions": conditions}}


def _fields(names: Iterable[str]) -> dict[str, Any]:
    return {f"f:{name}": {} for name in sorted(names)}


def _hex(purpose: str, name: str, length: int) -> str:
    return hashlib.sha256(f"{purpose} {name}".encode()).hexdigest()[:length]


def _uuid(seed: str) -> str:
    digits = _hex("uuid", seed, 32)
    return "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))
