"""Versions and operations of Azure's network that templates and roles name, against the published descriptions of the API."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.infra.bicep import INFRA, ROOT, Templates, written

PUBLISHED = ROOT.parent / "shared" / "data" / "arm-spec" / "pandora"
FOLDERS = {"routeTables": "RouteTables", "virtualHubs": "VirtualWANs"}
OPERATIONS: Mapping[str, tuple[str, str]] = {
    "Microsoft.Network/routeTables/read": ("RouteTables", "Get"),
    "Microsoft.Network/routeTables/write": ("RouteTables", "CreateOrUpdate"),
    "Microsoft.Network/virtualHubs/read": ("VirtualWANs", "VirtualHubsGet"),
    "Microsoft.Network/virtualHubs/ipConfigurations/read": ("VirtualWANs", "VirtualHubIPConfigurationList"),
    "Microsoft.Network/virtualHubs/hubVirtualNetworkConnections/read": (
        "VirtualWANs",
        "HubVirtualNetworkConnectionsGet",
    ),
    "Microsoft.Network/virtualHubs/bgpConnections/read": ("VirtualWANs", "VirtualHubBgpConnectionsList"),
    "Microsoft.Network/virtualHubs/bgpConnections/write": ("VirtualWANs", "VirtualHubBgpConnectionCreateOrUpdate"),
    "Microsoft.Network/virtualHubs/bgpConnections/delete": ("VirtualWANs", "VirtualHubBgpConnectionDelete"),
    "Microsoft.Network/virtualHubs/bgpConnections/learnedRoutes/action": (
        "VirtualWANs",
        "VirtualHubBgpConnectionsListLearnedRoutes",
    ),
}
"""Action → folder and operation. Actions: https://learn.microsoft.com/azure/role-based-access-control/permissions/networking"""

METHODS = {"read": "GET", "write": "PUT", "delete": "DELETE", "action": "POST"}


@pytest.fixture(autouse=True)
def published() -> Path:
    if not PUBLISHED.is_dir():
        pytest.skip("recordings not present")
    return PUBLISHED


def unknown_versions(templates: Templates) -> list[str]:
    return [
        f"{each.file}: {each.type}@{each.api_version}"
        for each in templates.resources
        if (folder := FOLDERS.get(each.type.removeprefix("Microsoft.Network/")))
        and not (PUBLISHED / each.api_version / folder).is_dir()
    ]


def test_tables_and_hubs_are_read_in_a_published_version() -> None:
    assert unknown_versions(written()) == []
    assert unknown_versions(written().with_change("modules/access-hub.bicep", "2025-05-01", "2025-05-02"))


@pytest.mark.parametrize("action", OPERATIONS)
def test_an_action_of_a_role_is_the_method_and_path_of_a_published_operation(action: str) -> None:
    folder, name = OPERATIONS[action]
    operation: dict[str, Any] = json.loads((PUBLISHED / "2025-05-01" / folder / f"Operation-{name}.json").read_text())
    assert operation["httpMethod"].upper() == METHODS[action.rpartition("/")[2]]
    if action.endswith("/action"):
        assert operation["uriSuffix"] == "/" + action.split("/")[-2]


def test_every_action_on_tables_and_hubs_is_among_them() -> None:
    roles = json.loads((INFRA / "roles.json").read_text())
    held = {each for role in roles.values() for each in role["actions"]}
    assert {
        each for each in held if each.startswith(("Microsoft.Network/routeTables", "Microsoft.Network/virtualHubs"))
    } == {*OPERATIONS}
