"""What Azure says to a write of a virtual hub or its children that it does not take.

A code is true only where its source says so; where a line says "inferred", neither code nor wording could be found.
"""

from sandbox.resource_manager.answers import AzureError


def routing_not_provisioned(hub_id: str, state: str) -> AzureError:
    """The hub's router is not there yet (code: https://github.com/Azure/terraform-provider-azapi/issues/402).

    Status as of every other check of a bgpConnection; wording inferred.
    """
    return _refused(
        "HubBgpConnectionParentHubMustHaveProvisionedRoutingState",
        f"The routing state of the virtual hub {hub_id} is {state}. A BGP connection needs a hub whose routing state is "
        "Provisioned.",
    )


def connection_not_provisioned(hub_id: str, wanted: str) -> AzureError:
    """In a Virtual WAN hub a peer needs the connection of its network (wording inferred).

    Status and code: https://github.com/hashicorp/terraform-provider-azurerm/issues/18095
    """
    return _refused(
        "HubBgpConnectionMustReferenceFullyProvisionedHubVirtualNetworkConnection",
        "The BGP connection must reference a fully provisioned hub virtual network connection of the virtual hub "
        f"{hub_id}; it references {wanted}.",
    )


def invalid_peer_ip(address: object) -> AzureError:
    """What stands for the peer is not an IPv4 address (inferred).

    No IPv6: https://learn.microsoft.com/azure/route-server/route-server-faq
    """
    return _refused("HubBgpConnectionInvalidPeerIp", f"The peer IP {address!r} is not a valid IPv4 address.")


def invalid_peer_asn(asn: object, why: str) -> AzureError:
    """The ASN cannot be a peer's (inferred)."""
    return _refused("HubBgpConnectionInvalidPeerAsn", f"The peer ASN {asn!r} cannot be used: {why}.")


def duplicate_peer_ip(address: str, other: str) -> AzureError:
    """Another connection of the hub has the address already (inferred; that it is refused is common knowledge)."""
    return _refused("HubBgpConnectionDuplicatePeerIp", f"The peer IP {address} is already used by {other}.")


def too_many_peers(hub_id: str, limit: int) -> AzureError:
    """The hub is full (inferred, after Azure's other …LimitReached codes).

    The limit: https://learn.microsoft.com/azure/route-server/route-server-faq#route-server-limits
    """
    return _refused(
        "HubBgpConnectionsLimitReached",
        f"The virtual hub {hub_id} cannot have more than {limit} BGP connections.",
    )


def peer_is_fixed(connection_id: str, what: str) -> AzureError:
    """Address and ASN of a connection stay what they are (inferred).

    Terraform replaces the connection (https://registry.terraform.io/providers/hashicorp/azurerm/latest/docs/resources/route_server_bgp_connection),
    while the guide of Az PowerShell shows a changed address
    (https://learn.microsoft.com/azure/virtual-wan/create-bgp-peering-hub-powershell). No recording tells who is right,
    so the stand-in takes the stricter side.
    """
    return _refused(
        "HubBgpConnectionPeerCannotBeChanged",
        f"The {what} of {connection_id} cannot be changed. Delete the BGP connection and create it again.",
    )


def _refused(code: str, message: str) -> AzureError:
    return AzureError(400, code, message, details=())
