"""Which faults the state machine turns on, and how: those of the catalogue but for hubs, and some of them aimed."""

from collections.abc import Mapping
from typing import Any

from sandbox.faults.catalogue import CATALOGUE

SLOW = 0.01
"""Seconds: what is slow comes late, in another order; nobody has to feel it."""
_WITNESS = "microsoft.compute"

FAULTS: Mapping[str, tuple[str, Mapping[str, Any]]] = {
    **{
        fault.name: (fault.name, {"delay": SLOW} if fault.name.endswith("slow") else {})
        for fault in CATALOGUE
        if not fault.name.startswith("hub-")
    },
    "no-nodes": ("kubernetes-empty-list", {"path": "/api/v1/nodes"}),
    "no-cilium-nodes": ("kubernetes-empty-list", {"path": "/ciliumnodes"}),
    "witness-forbidden": ("forbidden", {"path": _WITNESS}),
    "witness-throttled": ("throttled", {"path": _WITNESS}),
    "witness-unavailable": ("unavailable", {"path": _WITNESS}),
}
"""What it is called here → its name in the catalogue, and options."""
