"""Microsoft.Network/locations/usages: the limits of a subscription in a region. Figures come from the builder."""

from collections.abc import Mapping

from sandbox.resource_manager.answers import Answer, Body
from sandbox.resource_manager.resource_ids import NETWORK
from sandbox.resource_manager.routing import Ask, Endpoint

_USAGES = f"/subscriptions/{{subscription}}/providers/{NETWORK}/locations/{{location}}/usages"
_LIMITS = {"VirtualNetworks": 1000, "RouteTables": 600, "PeeringsPerVirtualNetwork": 500}
"""Beside those that the builder gives; defaults of 2026 (facts)."""


class Usages:
    """Limits by their names, for every subscription and region alike; what is used of each is not counted.

    Shape: examples/UsageList.json of Microsoft.Network 2025-05-01 in Azure/azure-rest-api-specs, where a limit per resource
    has a current value of 0, too.
    """

    def __init__(self, limits: Mapping[str, int]) -> None:
        self.limits = {**_LIMITS, **limits}
        """May be changed at any time."""

    def endpoints(self) -> tuple[Endpoint, ...]:
        """What this provider type serves."""
        return (Endpoint("GET", _USAGES, self._list, NETWORK),)

    def _list(self, ask: Ask) -> Answer:
        path = _USAGES.format(**ask.names)
        return Answer(200, {"value": [_usage(path, name, limit) for name, limit in self.limits.items()]})


def _usage(path: str, name: str, limit: int) -> Body:
    return {
        "currentValue": 0,
        "id": f"{path}/{name}",
        "limit": limit,
        "name": {"localizedValue": name, "value": name},
        "unit": "Count",
    }
