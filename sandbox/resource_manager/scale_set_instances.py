"""The instances of Uniform scale sets (Microsoft.Compute) and their interfaces (Microsoft.Network behind a Compute path)."""

from sandbox.resource_manager import errors
from sandbox.resource_manager.answers import Answer, AzureError, Body
from sandbox.resource_manager.pages import Pages
from sandbox.resource_manager.resource_ids import COMPUTE
from sandbox.resource_manager.routing import Ask, Endpoint
from sandbox.resource_manager.scale_sets import SET, TYPE, Instance, ScaleSet, ScaleSets
from sandbox.resource_manager.virtual_machines import ETAG, machine_properties

_INSTANCES = f"{SET}/virtualMachines"
_INSTANCE = f"{_INSTANCES}/{{instance}}"
_INTERFACES = f"{SET}/networkInterfaces"

_INTERFACE_VERSIONS = (
    "2015-05-01-preview, 2015-06-15, 2016-03-30, 2016-04-30-preview, 2016-06-01, 2016-07-01, 2016-08-01, 2016-09-01, "
    "2017-03-30, 2017-12-01, 2018-04-01, 2018-06-01, 2018-10-01, 2019-03-01, 2019-07-01, 2019-12-01, 2020-06-01, "
    "2020-12-01, 2021-03-01, 2021-04-01, 2021-07-01, 2021-11-01, 2022-03-01, 2022-08-01, 2022-11-01, 2023-03-01, 2023-07-01"
)
"""What Azure said it supports when asked with a version of Microsoft.Network (azure-sdk-for-python#32029)."""


class ScaleSetInstances:
    """What is in the sets of `sets`."""

    def __init__(self, sets: ScaleSets, pages: Pages) -> None:
        self._sets = sets
        self._pages = pages

    def endpoints(self) -> tuple[Endpoint, ...]:
        """What this provider type serves."""
        return (
            Endpoint("GET", _INSTANCES, self._list, COMPUTE),
            Endpoint("GET", _INSTANCE, self._get, COMPUTE),
            Endpoint("GET", _INTERFACES, self._list_interfaces, COMPUTE),
        )

    def _list(self, ask: Ask) -> Answer:
        found = self._sets.asked(ask)
        return self._pages.answer(ask, [_render(found, instance) for instance in found.instances.values()])

    def _get(self, ask: Ask) -> Answer:
        found = self._sets.asked(ask)
        if not ask.names["instance"].isdigit():
            message = "Virtual Machine Scale Set VM instanceId must be a number."  # recorded, with a target besides
            raise AzureError(400, "InvalidParameter", message)
        instance = found.instances.get(int(ask.names["instance"]))
        if instance is None:  # code and wording inferred
            raise AzureError(404, "NotFound", f"The entity was not found: {ask.path}.")
        return Answer(200, _render(found, instance), {"ETag": ETAG})

    def _list_interfaces(self, ask: Ask) -> Answer:
        """404 for a set without instances (cilium#24185) and for a Flexible one (azure-cli#28258), as if it were not there."""
        found = self._sets.asked(ask)
        if ask.api_version not in _INTERFACE_VERSIONS.split(", "):
            raise errors.unsupported_api_version(
                ask.api_version, "virtualMachineScaleSets/networkInterfaces", _INTERFACE_VERSIONS
            )
        if not found.instances:
            raise errors.child_not_found(found.id)
        return self._pages.answer(ask, [each.interface.render_in_scale_set() for each in found.instances.values()])


def instance_id(scale_set: ScaleSet, number: int) -> str:
    """The id of an instance."""
    return f"{scale_set.id}/virtualMachines/{number}"


def _render(scale_set: ScaleSet, instance: Instance) -> Body:
    """An instance's body, in the shape of a recorded answer but for the Linux in it."""
    machine_id = instance_id(scale_set, instance.number)
    return {
        "name": f"{scale_set.id.rpartition('/')[2]}_{instance.number}",
        "id": machine_id,
        "type": f"{TYPE}/virtualMachines",
        "location": scale_set.location,
        "instanceId": str(instance.number),
        "sku": {"name": "Standard_D4ds_v5", "tier": "Standard"},
        "properties": {
            "latestModelApplied": True,
            "modelDefinitionApplied": "VirtualMachineScaleSet",
            "networkProfileConfiguration": {"networkInterfaceConfigurations": [scale_set.network_configuration()]},
            "provisioningState": "Succeeded",
            **machine_properties(machine_id, instance.computer_name, instance.interface.id),
        },
        "etag": ETAG,
    }
