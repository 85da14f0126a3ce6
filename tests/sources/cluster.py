"""What the tests of the source put into the sandbox's API server and get out of it."""

from typing import Any

import pytest

from sandbox.kubernetes_api.api import KubernetesApi
from shared.errors import SourceError
from shared.models import Reading
from shared.sources.kubernetes import KubernetesSource

NODES = "/api/v1/nodes"
CILIUM_NODES = "/apis/cilium.io/v2/ciliumnodes"


def fill(api: KubernetesApi, count: int, *, cilium: bool = True) -> None:
    for number in range(count):
        name = f"aks-np1-12345678-vmss{number:06}"
        third, fourth = divmod(number, 250)
        address = f"10.0.{third}.{fourth + 4}"
        api.put(
            {
                "kind": "Node",
                "apiVersion": "v1",
                "metadata": {"name": name, "labels": {"agentpool": "np1"}},
                "spec": {"podCIDR": f"10.{number >> 8}.{number & 255}.0/24"},
                "status": {"addresses": [{"type": "InternalIP", "address": address}]},
            }
        )
        if cilium:
            addresses = [{"type": "InternalIP", "ip": address}]
            ipam = {"podCIDRs": [f"100.{64 + (number >> 8)}.{number & 255}.0/24"]}
            api.put(
                {
                    "kind": "CiliumNode",
                    "apiVersion": "cilium.io/v2",
                    "metadata": {"name": name},
                    "spec": {"addresses": addresses, "ipam": ipam},
                }
            )


def cidrs(reading: Reading) -> list[str]:
    return [str(cidr) for node in reading.nodes for cidr in node.pod_cidrs]


def failure(source: KubernetesSource) -> str:
    with pytest.raises(SourceError) as raised:
        source.read()
    assert "sandbox." not in str(raised.value)  # what every token of the sandbox begins with
    return str(raised.value)


def gone(token: str = "inconsistent") -> dict[str, Any]:
    """The recorded answer to an expired continue token; it offers another that mixes two points in time."""
    return {
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {"continue": token},
        "status": "Failure",
        "message": "The provided continue parameter is too old to display a consistent list result.",
        "reason": "Expired",
        "code": 410,
    }
