"""Builds CiliumNode objects in the shapes that Cilium's IPAM modes give them.

cluster-pool writes `spec.ipam.podCIDRs`; multi-pool writes `spec.ipam.pools.allocated[]` and leaves podCIDRs empty
(facts: Cilium's operator tests). A node that has no CIDR yet has neither.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from ipaddress import ip_address, ip_network
from typing import Any

_CREATED = "2026-11-01T08:00:30Z"


def cilium_node(
    name: str,
    *,
    addresses: Sequence[str],
    pod_cidrs: Sequence[str] = (),
    pools: Mapping[str, Sequence[str]] | None = None,
    created: str = _CREATED,
) -> dict[str, Any]:
    """A CiliumNode with `addresses` as its InternalIPs.

    Give `pod_cidrs` for cluster-pool, `pools` (name to CIDRs, may be empty) for multi-pool. From the first CIDR of
    each family comes a CiliumInternalIP, an address inside the pod CIDR that must never become a next hop.
    """
    ipam: dict[str, Any] = {"podCIDRs": list(pod_cidrs)} if pod_cidrs else {}
    if pools is not None:
        ipam["pools"] = _pools(pools)
    cidrs = (*pod_cidrs, *(cidr for listed in (pools or {}).values() for cidr in listed))
    internal = [str(ip_address(address)) for address in addresses]
    return {
        "kind": "CiliumNode",
        "apiVersion": "cilium.io/v2",
        "metadata": {
            "name": name,
            "creationTimestamp": created,
            "labels": {
                "beta.kubernetes.io/arch": "amd64",
                "beta.kubernetes.io/os": "linux",
                "kubernetes.io/arch": "amd64",
                "kubernetes.io/hostname": name,
                "kubernetes.io/os": "linux",
            },
            "managedFields": [
                _managed_by("cilium-agent", created, {"f:addresses": {}, "f:health": {}}),
                _managed_by("cilium-operator-generic", created, {"f:ipam": {f"f:{field}": {} for field in ipam}}),
            ],
        },
        "spec": {
            "addresses": [
                *({"ip": address, "type": "InternalIP"} for address in internal),
                *({"ip": address, "type": "CiliumInternalIP"} for address in _router_addresses(cidrs)),
            ],
            "alibaba-cloud": {},
            "azure": {},
            "encryption": {},
            "eni": {},
            "health": {},
            "ingress": {},
            "ipam": ipam,
        },
        "status": {"alibaba-cloud": {}, "azure": {}, "eni": {}, "ipam": {"operator-status": {}}},
    }


def _pools(pools: Mapping[str, Sequence[str]]) -> dict[str, Any]:
    if not pools:
        return {}
    return {
        "allocated": [{"cidrs": list(cidrs), "pool": pool} for pool, cidrs in pools.items()],
        "requested": [{"needed": {"ipv4-addrs": 8}, "pool": pool} for pool in pools],
    }


def _router_addresses(cidrs: Iterable[str]) -> Iterator[str]:
    """The address of Cilium's own interface, one per family."""
    seen: set[int] = set()
    for network in map(ip_network, cidrs):
        if network.version not in seen:
            seen.add(network.version)
            yield str(network[1] if network.num_addresses > 1 else network[0])


def _managed_by(manager: str, time: str, spec: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "manager": manager,
        "operation": "Update",
        "apiVersion": "cilium.io/v2",
        "time": time,
        "fieldsType": "FieldsV1",
        "fieldsV1": {"f:spec": {".": {}, **spec}},
    }
