"""Microsoft.Compute/virtualMachines: machines of their own, and the instances of Flexible scale sets. Only reading."""

from dataclasses import dataclass

from sandbox.resource_manager import errors, resource_ids
from sandbox.resource_manager.answers import Answer, Body
from sandbox.resource_manager.pages import Pages
from sandbox.resource_manager.resource_ids import COMPUTE
from sandbox.resource_manager.routing import GROUP, Ask, Endpoint

TYPE = f"{COMPUTE}/virtualMachines"
_MACHINES = f"{GROUP}/providers/{TYPE}"
_MACHINE = f"{_MACHINES}/{{machine}}"

ETAG = '"1"'
"""Of every machine and scale set nobody has written to (facts: recorded)."""
CREATED = "2026-11-01T08:00:00Z"


@dataclass(frozen=True, slots=True)
class VirtualMachine:
    """A machine and the id of its interface. `scale_set` is the id of the Flexible scale set it is in, if it is in one."""

    id: str
    computer_name: str
    interface: str
    location: str
    scale_set: str | None = None

    def render(self) -> Body:
        """The machine's body.

        Not recorded; that of a scale set's instance is, and the documentation tells the difference
        (https://learn.microsoft.com/rest/api/compute/virtual-machines/list).
        """
        properties: Body = {
            "provisioningState": "Succeeded",
            **machine_properties(self.id, self.computer_name, self.interface),
        }
        if self.scale_set is not None:
            properties["virtualMachineScaleSet"] = {"id": self.scale_set}
        return {
            "name": resource_ids.parse(self.id).name,
            "id": self.id,
            "type": TYPE,
            "location": self.location,
            "properties": properties,
            "etag": ETAG,
        }


def machine_properties(machine_id: str, computer_name: str, interface: str) -> Body:
    """What every machine has, in the shape of a recorded instance but for the Linux in it."""
    parsed = resource_ids.parse(machine_id)
    disk = f"{parsed.names[0][1]}_{parsed.name}_OS__1"
    return {
        "hardwareProfile": {"vmSize": "Standard_D4ds_v5"},
        "resilientVMDeletionStatus": "Disabled",
        "vmId": "00000000-0000-0000-0000-0000000000cc",
        "storageProfile": {
            "imageReference": {"id": "/subscriptions/00000000-0000-0000-0000-0000000000dd/images/2204gen2containerd"},
            "osDisk": {
                "osType": "Linux",
                "name": disk,
                "createOption": "FromImage",
                "caching": "ReadOnly",
                "managedDisk": {
                    "storageAccountType": "Premium_LRS",
                    "id": f"{parsed.group_id}/providers/{COMPUTE}/disks/{disk}",
                },
                "diskSizeGB": 128,
            },
            "dataDisks": [],
        },
        "osProfile": {
            "computerName": computer_name,
            "adminUsername": "azureuser",
            "linuxConfiguration": {"disablePasswordAuthentication": True, "provisionVMAgent": True},
            "secrets": [],
            "allowExtensionOperations": True,
            "requireGuestProvisionSignal": True,
        },
        "networkProfile": {"networkInterfaces": [{"id": interface}]},
        "timeCreated": CREATED,
    }


class VirtualMachines:
    """All machines but the instances of Uniform scale sets."""

    def __init__(self, pages: Pages) -> None:
        self._pages = pages
        self._machines: dict[str, VirtualMachine] = {}

    def add(self, machine: VirtualMachine) -> None:
        """Put a machine there; one of the same id is replaced."""
        resource_ids.expect(machine.id, TYPE)
        self._machines[resource_ids.key(machine.id)] = machine

    def known(self, machine_id: str) -> VirtualMachine:
        """The machine of that id. Raises KeyError when there is none."""
        return self._machines[resource_ids.key(machine_id)]

    def remove(self, machine_id: str) -> VirtualMachine:
        """Take a machine away; its interface stays. Raises KeyError when there is none."""
        return self._machines.pop(resource_ids.key(machine_id))

    def endpoints(self) -> tuple[Endpoint, ...]:
        """What this provider type serves."""
        return (Endpoint("GET", _MACHINES, self._list, COMPUTE), Endpoint("GET", _MACHINE, self._get, COMPUTE))

    def _get(self, ask: Ask) -> Answer:
        machine_id = _MACHINE.format(**ask.names)
        machine = self._machines.get(resource_ids.key(machine_id))
        if machine is None:
            raise errors.resource_not_found(resource_ids.parse(machine_id))
        return Answer(200, machine.render(), {"ETag": ETAG})

    def _list(self, ask: Ask) -> Answer:
        scope = resource_ids.key(GROUP.format(**ask.names)) + "/"
        return self._pages.answer(ask, [each.render() for key, each in self._machines.items() if key.startswith(scope)])
