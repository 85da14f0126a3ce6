"""What the tests of the virtual hubs share: a Route Server and a Virtual WAN hub, and how their peers are written."""

from typing import Any

import requests

from sandbox.authority import Authority
from sandbox.server import ServerThread
from tests.sandbox.resource_manager_stage import GROUP, NETWORK, Arm, arm

SERVER = f"{GROUP}/providers/Microsoft.Network/virtualHubs/rs-Prod"
WAN = f"{GROUP}/providers/Microsoft.Network/virtualHubs/hub-Prod"
SPOKE = f"{WAN}/hubVirtualNetworkConnections/spoke-1"


def with_hubs(server: tuple[ServerThread, Authority], **options: Any) -> Arm:
    """A fresh stand-in with a network, a Route Server with one peer, and a Virtual WAN hub without any."""
    made = arm(server, **options)
    made.rm.add_virtual_network(
        NETWORK,
        {"nodes": None, "RouteServerSubnet": None},
        prefixes=["10.10.0.0/16"],
        placed={"RouteServerSubnet": "10.10.16.0/27"},
    )
    made.rm.add_route_server(
        SERVER, subnet_id=f"{NETWORK}/subnets/RouteServerSubnet", connections=[("foreign", "10.10.0.200", 65010)]
    )
    made.rm.add_virtual_hub(WAN, address_prefix="10.20.0.0/24", connections_to={"spoke-1": NETWORK})
    return made


def put(stage: Arm, name: str, ip: object, asn: object = 65001, *, hub: str = SERVER, **more: Any) -> requests.Response:
    """PUT a peer; `If_Match` goes into the header, everything else into the properties."""
    headers = {"If_Match": more.pop("If_Match")} if "If_Match" in more else {}
    body = {"properties": {"peerIp": ip, "peerAsn": asn, **more}}
    return stage.send("PUT", f"{hub}/bgpConnections/{name}", body, **headers)


def delete(stage: Arm, name: str, *, hub: str = SERVER, **headers: str) -> requests.Response:
    """DELETE a peer."""
    return stage.send("DELETE", f"{hub}/bgpConnections/{name}", **headers)


def states(stage: Arm, hub: str = SERVER) -> dict[str, str]:
    """Name → provisioningState: of the hub, called `hub`, and of its peers."""
    found = {"hub": stage.send("GET", hub).json()["properties"]["provisioningState"]}
    peers = stage.send("GET", f"{hub}/bgpConnections").json()["value"]
    return found | {each["name"]: each["properties"]["provisioningState"] for each in peers}
