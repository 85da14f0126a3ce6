"""Hosts and subnets as network namespaces, joined by one that routes between them, as Azure's fabric does."""

import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network
from itertools import count
from pathlib import Path

PREFIX = "aks-pod-routes-"
"""Of every name; the process id follows."""

_numbers = count()


def ip(*arguments: str) -> str:
    """What the `ip` command answers; raises with its complaint."""
    done = subprocess.run(["ip", *arguments], capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"ip {' '.join(arguments)}: {done.stderr.strip()}")
    return done.stdout


@dataclass(frozen=True, slots=True)
class Host:
    """A machine with one address."""

    name: str
    namespace: str
    address: IPv4Address
    port: str
    """The fabric's end of its cable."""
    fabric: str

    @property
    def entering(self) -> list[str]:
        """What to put before a command to run it there. It dies with this process, unless it changes its user."""
        return ["ip", "netns", "exec", self.namespace, "setpriv", "--pdeathsig", "KILL"]

    @property
    def kernel_routes(self) -> str:
        return ip("-n", self.namespace, "route", "show", "table", "all")

    @property
    def forwards(self) -> bool:
        command = [*self.entering, "cat", "/proc/sys/net/ipv4/ip_forward"]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip() != "0"

    def cut_off(self) -> None:
        """The machine is gone: nothing arrives, nothing answers."""
        ip("-n", self.fabric, "link", "set", self.port, "down")

    def reconnect(self) -> None:
        ip("-n", self.fabric, "link", "set", self.port, "up")


class Fabric:
    """The router between the subnets. Hosts of different subnets see each other only through it."""

    def __init__(self) -> None:
        self._run = f"{PREFIX}{os.getpid()}-{next(_numbers)}"
        self._made: list[str] = []
        self._bridges: dict[IPv4Network, str] = {}
        self._name = self._namespace("fabric")
        command = ["ip", "netns", "exec", self._name, "sysctl", "-qw", "net.ipv4.ip_forward=1"]
        subprocess.run(command, check=True)

    def subnet(self, network: IPv4Network) -> None:
        """A subnet with its gateway on the first address, as in Azure."""
        bridge = self._bridges[network] = f"subnet{len(self._bridges)}"
        ip("-n", self._name, "link", "add", bridge, "type", "bridge")
        ip("-n", self._name, "address", "add", f"{network[1]}/{network.prefixlen}", "dev", bridge)
        ip("-n", self._name, "link", "set", bridge, "up")

    def host(self, name: str, address: IPv4Address) -> Host:
        """A machine with that address, and the subnet's gateway as its only way out."""
        network, bridge = next(each for each in self._bridges.items() if address in each[0])
        namespace, port = self._namespace(name), f"port{len(self._made)}"
        ip("-n", self._name, "link", "add", port, "type", "veth", "peer", "name", "eth0", "netns", namespace)
        ip("-n", self._name, "link", "set", port, "master", bridge, "up")
        ip("-n", namespace, "address", "add", f"{address}/{network.prefixlen}", "dev", "eth0")
        ip("-n", namespace, "link", "set", "eth0", "up")
        ip("-n", namespace, "route", "add", "default", "via", str(network[1]))
        return Host(name, namespace, address, port, self._name)

    def remove(self) -> None:
        """Takes every namespace away, with the cables and processes' sockets in it."""
        for namespace in reversed(self._made):
            ip("netns", "delete", namespace)

    def _namespace(self, name: str) -> str:
        namespace = f"{self._run}-{name}"
        ip("netns", "add", namespace)
        self._made.append(namespace)
        ip("-n", namespace, "link", "set", "lo", "up")
        return namespace


@contextmanager
def fabric() -> Iterator[Fabric]:
    """A fabric that is removed afterwards, also when something failed halfway."""
    made = Fabric()
    try:
        yield made
    finally:
        made.remove()


def sweep() -> None:
    """Removes what a run left behind that was killed before it could clean up: processes, namespaces, folders."""
    for namespace in (line.split()[0] for line in ip("netns", "list").splitlines() if line.startswith(PREFIX)):
        if _abandoned(namespace):
            for process in ip("netns", "pids", namespace).split():
                os.kill(int(process), signal.SIGKILL)
            ip("netns", "delete", namespace)
    for folder in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
        if _abandoned(folder.name):
            shutil.rmtree(folder)


def _abandoned(name: str) -> bool:
    """Whether the run whose process id is in the name is over."""
    return not Path(f"/proc/{name.removeprefix(PREFIX).partition('-')[0]}").exists()
