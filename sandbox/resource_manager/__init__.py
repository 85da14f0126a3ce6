"""An Azure Resource Manager stand-in with true behaviour: networks, route tables, hubs, machines, AKS clusters.

One file per resource provider type, each with its endpoints; `routing` finds them, `service` is the whole and its
builder. Statuses, bodies, headers and times follow recorded Azure answers. No product code knows it, and it knows none.
"""

from sandbox.resource_manager.answers import AzureError
from sandbox.resource_manager.calls import Call
from sandbox.resource_manager.service import ResourceManager, route
from sandbox.resource_manager.virtual_network_peering import Peering

__all__ = ["AzureError", "Call", "Peering", "ResourceManager", "route"]
