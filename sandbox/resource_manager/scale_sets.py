"""Microsoft.Compute/virtualMachineScaleSets: the sets themselves and what the stand-in knows of them. Only reading.

The endpoints of their instances and interfaces are in `scale_set_instances`.
"""

from dataclasses import dataclass, field

from sandbox.resource_manager import errors, resource_ids
from sandbox.resource_manager.answers import Answer, Body
from sandbox.resource_manager.network_interfaces import NetworkInterface
from sandbox.resource_manager.pages import Pages
from sandbox.resource_manager.resource_ids import COMPUTE
from sandbox.resource_manager.routing import GROUP, Ask, Endpoint
from sandbox.resource_manager.virtual_machines import CREATED, ETAG

TYPE = f"{COMPUTE}/virtualMachineScaleSets"
SETS = f"{GROUP}/providers/{TYPE}"
SET = f"{SETS}/{{set}}"


@dataclass(frozen=True, slots=True)
class Instance:
    """An instance of a Uniform scale set, which may be deallocated: it is listed all the same."""

    number: int
    computer_name: str
    interface: NetworkInterface


@dataclass(slots=True)
class ScaleSet:
    """A scale set. `capacity` None is as many as it has instances, which is so but while it changes."""

    id: str
    location: str
    subnet: str
    prefix: str
    """How the computer names of its instances begin."""
    flexible: bool
    capacity: int | None = None
    instances: dict[int, Instance] = field(default_factory=dict)
    forwards: bool = True
    """IP forwarding of the interfaces it makes."""

    def render(self) -> Body:
        """The set's body, in the shape of a recorded answer but for the Linux in it."""
        return {
            "name": resource_ids.parse(self.id).name,
            "id": self.id,
            "type": TYPE,
            "location": self.location,
            "sku": {
                "name": "Standard_D4ds_v5",
                "tier": "Standard",
                "capacity": len(self.instances) if self.capacity is None else self.capacity,
            },
            "etag": ETAG,
            "properties": {
                "singlePlacementGroup": not self.flexible,
                "orchestrationMode": "Flexible" if self.flexible else "Uniform",
                "upgradePolicy": {
                    "mode": "Manual",
                    "automaticOSUpgradePolicy": {
                        "enableAutomaticOSUpgrade": False,
                        "useRollingUpgradePolicy": False,
                        "disableAutomaticRollback": False,
                    },
                },
                "virtualMachineProfile": self._profile(),
                "provisioningState": "Succeeded",
                "overprovision": False,
                "doNotRunExtensionsOnOverprovisionedVMs": False,
                "uniqueId": "00000000-0000-0000-0000-0000000000ee",
                "platformFaultDomainCount": 1,
                "timeCreated": CREATED,
            },
        }

    def _profile(self) -> Body:
        return {
            "osProfile": {
                "computerNamePrefix": self.prefix,
                "adminUsername": "azureuser",
                "linuxConfiguration": {"disablePasswordAuthentication": True, "provisionVMAgent": True},
                "secrets": [],
                "allowExtensionOperations": True,
                "requireGuestProvisionSignal": True,
            },
            "storageProfile": {
                "osDisk": {
                    "osType": "Linux",
                    "createOption": "FromImage",
                    "caching": "ReadOnly",
                    "managedDisk": {"storageAccountType": "Premium_LRS"},
                    "diskSizeGB": 128,
                },
                "imageReference": {
                    "id": "/subscriptions/00000000-0000-0000-0000-0000000000dd/images/2204gen2containerd"
                },
            },
            "networkProfile": {"networkInterfaceConfigurations": [self.network_configuration()]},
            "timeCreated": CREATED,
        }

    def network_configuration(self) -> Body:
        """How the interfaces of its instances are made."""
        name = resource_ids.parse(self.id).name
        configuration = {"subnet": {"id": self.subnet}, "privateIPAddressVersion": "IPv4"}
        return {
            "name": name,
            "properties": {
                "primary": True,
                "enableAcceleratedNetworking": False,
                "disableTcpStateTracking": False,
                "dnsSettings": {"dnsServers": []},
                "enableIPForwarding": self.forwards,
                "ipConfigurations": [{"name": "ipConfig1", "properties": configuration}],
            },
        }


class ScaleSets:
    """All scale sets."""

    def __init__(self, pages: Pages) -> None:
        self._pages = pages
        self._sets: dict[str, ScaleSet] = {}

    def add(self, scale_set: ScaleSet) -> None:
        """Put a scale set there; one of the same id is replaced."""
        resource_ids.expect(scale_set.id, TYPE)
        self._sets[resource_ids.key(scale_set.id)] = scale_set

    def remove(self, set_id: str) -> None:
        """Take a scale set away with its instances. Raises KeyError when there is none."""
        del self._sets[resource_ids.key(set_id)]

    def known(self, set_id: str) -> ScaleSet:
        """The set of that id. Raises KeyError when there is none."""
        return self._sets[resource_ids.key(set_id)]

    def asked(self, ask: Ask) -> ScaleSet:
        """The set that a path names, or Azure's 404."""
        set_id = SET.format(**ask.names)
        try:
            return self.known(set_id)
        except KeyError:
            raise errors.resource_not_found(resource_ids.parse(set_id)) from None

    def endpoints(self) -> tuple[Endpoint, ...]:
        """What this provider type serves."""
        return (Endpoint("GET", SETS, self._list, COMPUTE), Endpoint("GET", SET, self._get, COMPUTE))

    def _get(self, ask: Ask) -> Answer:
        return Answer(200, self.asked(ask).render(), {"ETag": ETAG})

    def _list(self, ask: Ask) -> Answer:
        scope = resource_ids.key(GROUP.format(**ask.names)) + "/"
        return self._pages.answer(ask, [each.render() for key, each in self._sets.items() if key.startswith(scope)])
