"""Reads what may keep the app's identity from its work: locks, and the permissions it holds. By GET alone."""

import msgspec

from shared.doctor.facts import Grant, Held, Lock, Setup
from shared.doctor.facts_azure import unread
from shared.doctor.unknown import Unknown
from shared.errors import TargetError
from shared.machines import ACTIONS as MACHINE_ACTIONS
from shared.managed_cluster import ACTIONS as CLUSTER_ACTIONS
from shared.resource_manager import ResourceManager, read_all
from shared.subnet_tables import TABLE_ACTION

LOCKS_API_VERSION = "2020-05-01"
PERMISSIONS_API_VERSION = "2022-04-01"
"""Stable, both: https://learn.microsoft.com/rest/api/authorization/permissions/list-for-resource"""

LOCKS_ACTION = "Microsoft.Authorization/locks/read"
PERMISSIONS_ACTION = "Microsoft.Authorization/permissions/read"

TABLE_ACTIONS = (TABLE_ACTION, "Microsoft.Network/routeTables/write")
_PEERS = "Microsoft.Network/virtualHubs/bgpConnections"
_HUB_ACTIONS = (
    "Microsoft.Network/virtualHubs/read",
    f"{_PEERS}/read",
    f"{_PEERS}/write",
    f"{_PEERS}/delete",
    f"{_PEERS}/learnedRoutes/action",
)
_IP_CONFIGURATION_ACTION = "Microsoft.Network/virtualHubs/ipConfigurations/read"
_CONNECTION_ACTION = "Microsoft.Network/virtualHubs/hubVirtualNetworkConnections/read"


class _LockProperties(msgspec.Struct, frozen=True):
    level: str = ""


class _Lock(msgspec.Struct, frozen=True):
    id: str
    name: str
    properties: _LockProperties = _LockProperties()


class _Permission(msgspec.Struct, frozen=True, rename="camel"):
    actions: tuple[str, ...] = ()
    not_actions: tuple[str, ...] = ()


def needs(setup: Setup, tables: tuple[str, ...], group_id: str) -> tuple[tuple[str, tuple[str, ...], bool], ...]:
    """Resource, actions, and whether a pass cannot do without them. `tables` are those that are written."""
    written = setup.mode == "udr"
    beside = _CONNECTION_ACTION if setup.hub_connection_id else _IP_CONFIGURATION_ACTION
    of_cluster = CLUSTER_ACTIONS[:1] if setup.kubeconfig else CLUSTER_ACTIONS
    return (
        *(((setup.cluster_id, of_cluster, True),) if setup.cluster_id else ()),
        *((table, TABLE_ACTIONS, True) for table in tables if written),
        *(((setup.hub_id, (*_HUB_ACTIONS, beside), True),) if setup.by_bgp else ()),
        *(((group_id, MACHINE_ACTIONS, False),) if group_id and setup.mode != "observe" else ()),
    )


def read_rights(arm: ResourceManager, resource: str, needed: tuple[str, ...], *, essential: bool) -> Held:
    """What the identity that asks may do there, from every role at or above it. One GET."""
    path = f"{resource}/providers/Microsoft.Authorization/permissions"
    try:
        found = read_all(arm, path, _Permission, api_version=PERMISSIONS_API_VERSION)
    except TargetError as error:
        what = f"the permissions that the app's identity has on {resource}"
        return Held(resource, needed, essential, unread(error, what, PERMISSIONS_ACTION, resource))
    return Held(resource, needed, essential, tuple(Grant(each.actions, each.not_actions) for each in found))


def read_locks(arm: ResourceManager, resource: str) -> tuple[Lock, ...] | Unknown:
    """Those at, above or below it. One GET.

    Source: https://learn.microsoft.com/powershell/module/az.resources/get-azresourcelock
    """
    try:
        found = read_all(
            arm, f"{resource}/providers/Microsoft.Authorization/locks", _Lock, api_version=LOCKS_API_VERSION
        )
    except TargetError as error:
        return unread(error, f"the management locks of {resource}", LOCKS_ACTION, resource)
    return tuple(Lock(each.name, each.properties.level, _scope(each.id)) for each in found)


def _scope(lock_id: str) -> str:
    """What carries the lock."""
    return lock_id[: lock_id.lower().rindex("/providers/microsoft.authorization/locks/")]
