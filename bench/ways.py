"""The ways people write routes today, fairly: one client, open connections, the SDK's own waiting, nothing slower than need be.

Each returns what holds its connections, so that their bytes can be counted.
"""

from collections.abc import Mapping

from azure.identity import ManagedIdentityCredential
from azure.mgmt.core.tools import parse_resource_id
from azure.mgmt.network import NetworkManagementClient
from azure.mgmt.network.models import Route, RoutePropertiesFormat, RouteTablePropertiesFormat

Hops = Mapping[str, str]


def route_by_route(settings: Mapping[str, str], hops: Hops) -> object:
    """A route PUT per node through the SDK: what scripts and declarative tools do."""
    client, where = _network(settings)
    for prefix, hop in hops.items():
        client.routes.begin_create_or_update(*where, _name(prefix), _route(prefix, hop)).result()
    return client


def read_modify_write(settings: Mapping[str, str], hops: Hops) -> object:
    """The table read, changed and written back, for every node."""
    client, where = _network(settings)
    for prefix, hop in hops.items():
        table = client.route_tables.get(*where)
        properties = table.properties or RouteTablePropertiesFormat()
        properties.routes = [*(properties.routes or ()), _route(prefix, hop)]
        table.properties = properties
        client.route_tables.begin_create_or_update(*where, table).result()
    return client


def _network(settings: Mapping[str, str]) -> tuple[NetworkManagementClient, tuple[str, str]]:
    endpoint = settings["AKS_POD_ROUTES_ARM_ENDPOINT"]
    parts = parse_resource_id(settings["BENCH_TABLES"].split('"')[1])
    client = NetworkManagementClient(
        ManagedIdentityCredential(client_id=settings["AZURE_CLIENT_ID"]),
        str(parts["subscription"]),
        endpoint,
        credential_scopes=[f"{endpoint}/.default"],
    )
    return client, (str(parts["resource_group"]), str(parts["name"]))


def _route(prefix: str, hop: str) -> Route:
    properties = RoutePropertiesFormat(address_prefix=prefix, next_hop_type="VirtualAppliance", next_hop_ip_address=hop)
    return Route(name=_name(prefix), properties=properties)


def _name(prefix: str) -> str:
    return f"node-{prefix.replace('/', '-')}"
