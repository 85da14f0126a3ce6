"""The machines of the stand-in together, as tests and the demo build them: a machine comes and goes with its interface."""

import threading
from collections.abc import Callable, Sequence
from dataclasses import replace

from sandbox.resource_manager import resource_ids
from sandbox.resource_manager.network_interfaces import TYPE as INTERFACE_TYPE
from sandbox.resource_manager.network_interfaces import NetworkInterface, NetworkInterfaces
from sandbox.resource_manager.pages import Pages
from sandbox.resource_manager.resource_groups import DEFAULT_LOCATION
from sandbox.resource_manager.routing import Endpoint
from sandbox.resource_manager.scale_set_instances import ScaleSetInstances, instance_id
from sandbox.resource_manager.scale_sets import Instance, ScaleSet, ScaleSets
from sandbox.resource_manager.virtual_machines import VirtualMachine, VirtualMachines


class Machines:
    """Scale sets, machines and interfaces. What exists is listed, deallocated or not. Safe in any thread under `lock`."""

    def __init__(self, pages: Pages, lock: threading.RLock, add_group_of: Callable[[str], None]) -> None:
        self._lock = lock
        self._add_group_of = add_group_of
        self._sets = ScaleSets(pages)
        self._instances = ScaleSetInstances(self._sets, pages)
        self._machines = VirtualMachines(pages)
        self._interfaces = NetworkInterfaces(pages)

    def endpoints(self) -> tuple[Endpoint, ...]:
        """What these provider types serve."""
        providers = (self._sets, self._instances, self._machines, self._interfaces)
        return tuple(endpoint for provider in providers for endpoint in provider.endpoints())

    def add_scale_set(
        self,
        set_id: str,
        *,
        subnet: str,
        prefix: str | None = None,
        flexible: bool = False,
        capacity: int | None = None,
        location: str = DEFAULT_LOCATION,
    ) -> None:
        """Create an empty scale set.

        `prefix` begins the computer names of its instances, the set's own name if None; `capacity` is what it says to have,
        as many as it has if None.
        """
        with self._lock:
            self._add_group_of(set_id)
            name = resource_ids.parse(set_id).name
            self._sets.add(ScaleSet(set_id, location, subnet, prefix or name, flexible, capacity))

    def add_instance(self, set_id: str, number: int, computer_name: str, addresses: Sequence[str]) -> str:
        """Create an instance of a Uniform scale set, and tell its id. Raises KeyError without the set."""
        with self._lock:
            scale_set = self._sets.known(set_id)
            if scale_set.flexible:
                raise ValueError(f"{set_id} is Flexible: its instances are virtual machines of their own")
            machine_id = instance_id(scale_set, number)
            interface_id = f"{machine_id}/networkInterfaces/{resource_ids.parse(scale_set.id).name}"
            interface = NetworkInterface(
                interface_id, tuple(addresses), scale_set.subnet, machine_id, forwards=scale_set.forwards
            )
            scale_set.instances[number] = Instance(number, computer_name, interface)
            return machine_id

    def add_machine(
        self,
        machine_id: str,
        addresses: Sequence[str],
        *,
        subnet: str,
        computer_name: str | None = None,
        scale_set: str | None = None,
        location: str = DEFAULT_LOCATION,
    ) -> None:
        """Create a machine with its interface.

        `scale_set` is the id of the Flexible scale set it is in, if it is in one; without `computer_name` it is called as
        its resource.
        """
        parsed = resource_ids.parse(machine_id)
        interface_id = f"{parsed.group_id}/providers/{INTERFACE_TYPE}/{parsed.name}-nic"
        name = computer_name or parsed.name
        with self._lock:
            self._machines.add(VirtualMachine(machine_id, name, interface_id, location, scale_set))
            self.add_interface(interface_id, addresses, subnet=subnet, machine=machine_id, location=location)

    def add_interface(
        self,
        interface_id: str,
        addresses: Sequence[str],
        *,
        subnet: str,
        machine: str | None = None,
        location: str = DEFAULT_LOCATION,
    ) -> None:
        """Create a network interface, of no machine unless `machine` is the id of one."""
        with self._lock:
            self._add_group_of(interface_id)
            self._interfaces.add(NetworkInterface(interface_id, tuple(addresses), subnet, machine), location)

    def forward(self, owner_id: str, *, on: bool) -> None:
        """Turn IP forwarding on or off, for all of a scale set or for one machine of its own. Raises KeyError when there is none."""
        with self._lock:
            if "/virtualmachinescalesets/" in owner_id.lower():
                scale_set = self._sets.known(owner_id)
                scale_set.forwards = on
                for number, each in scale_set.instances.items():
                    scale_set.instances[number] = replace(each, interface=replace(each.interface, forwards=on))
            else:
                self._interfaces.forward(self._machines.known(owner_id).interface, on=on)

    def remove_scale_set(self, set_id: str) -> None:
        """Delete a scale set with its instances. Raises KeyError when there is none."""
        with self._lock:
            self._sets.remove(set_id)

    def remove(self, machine_id: str) -> None:
        """Delete a machine with its interface. Raises KeyError when there is none."""
        set_id, inside, number = machine_id.rpartition("/virtualMachines/")
        with self._lock:
            if "/virtualMachineScaleSets/" in set_id and inside:
                del self._sets.known(set_id).instances[int(number)]
            else:
                self._interfaces.remove(self._machines.remove(machine_id).interface)
