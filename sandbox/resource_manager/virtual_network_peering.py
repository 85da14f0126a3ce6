"""One peering of a virtual network with another: what a builder says of it and how Azure shows it. No requests."""

from collections.abc import Sequence
from dataclasses import dataclass

from sandbox.resource_manager import resource_ids
from sandbox.resource_manager.answers import Body


@dataclass(frozen=True, slots=True)
class Peering:
    """A peering as its own side sees it; the other network has one of its own, or none.

    `remote` is the id of the other network, `prefixes` its address space as of the last synchronization, and `state` is
    Initiated, Connected or Disconnected.
    """

    remote: str
    prefixes: Sequence[str]
    use_remote_gateways: bool = False
    allow_gateway_transit: bool = False
    allow_forwarded_traffic: bool = True
    state: str = "Connected"

    def render(self, network_id: str, etag: str) -> Body:
        """The peering's body in its network, named after the remote one.

        Shape: https://learn.microsoft.com/rest/api/virtualnetwork/virtual-network-peerings/get
        """
        name = f"to-{resource_ids.parse(self.remote).name}"
        space = {"addressPrefixes": list(self.prefixes)}
        return {
            "name": name,
            "id": f"{network_id}/virtualNetworkPeerings/{name}",
            "etag": etag,
            "type": "Microsoft.Network/virtualNetworks/virtualNetworkPeerings",
            "properties": {
                "provisioningState": "Succeeded",
                "peeringState": self.state,
                "peeringSyncLevel": "FullyInSync",
                "remoteVirtualNetwork": {"id": self.remote},
                "allowVirtualNetworkAccess": True,
                "allowForwardedTraffic": self.allow_forwarded_traffic,
                "allowGatewayTransit": self.allow_gateway_transit,
                "useRemoteGateways": self.use_remote_gateways,
                "doNotVerifyRemoteGateways": False,
                "peerCompleteVnets": True,
                "remoteAddressSpace": dict(space),
                "remoteVirtualNetworkAddressSpace": dict(space),
            },
        }
