"""One bgpd on one host. It is configured the way FRR's package does it: an empty start, then vtysh reads frr.conf."""

import json
import shlex
import signal
import subprocess
from pathlib import Path
from typing import Any

from tests.bgp.namespaces import Host
from tests.bgp.waiting import until

BGPD = Path("/usr/lib/frr/bgpd")
ZEBRA = Path("/usr/lib/frr/zebra")


class Speaker:
    """A BGP speaker with everything it writes below `folder`."""

    def __init__(self, host: Host, folder: Path, config: str, *options: str) -> None:
        self.host = host
        self._folder = folder
        self._options = options
        self._config = folder / "frr.conf"
        self._process: subprocess.Popen[bytes] | None = None
        self._zebra: subprocess.Popen[bytes] | None = None
        folder.mkdir(parents=True)
        folder.chmod(0o777)  # zebra gives up root before it opens its sockets
        self._config.write_text(config)
        (folder / "empty.conf").touch()

    @property
    def address(self) -> str:
        return str(self.host.address)

    @property
    def pid(self) -> int:
        assert self._process
        return self._process.pid

    def start(self) -> None:
        """Starts it; `configure` follows once it listens, so that many can start side by side."""
        (self._folder / "bgpd.vty").unlink(missing_ok=True)
        self._process = self._run(BGPD, "-S", *self._options)

    def start_zebra(self) -> None:
        """FRR's package always starts it, and bgpd asks it which next hops can be reached."""
        self._zebra = self._run(ZEBRA, "-A", "127.0.0.1")
        until(f"zebra of {self.host.name} serves", (self._folder / "zserv").exists)

    def configure(self) -> None:
        """Lets vtysh read the configuration; raises with the line it does not take."""
        until(f"{self.host.name} listens to vtysh", (self._folder / "bgpd.vty").exists)
        refusal = self._vtysh("-f", str(self._config))
        assert "%" not in refusal, refusal
        assert "unknown" not in refusal.lower(), refusal

    def change(self, *lines: str) -> None:
        """Types lines of configuration."""
        self._vtysh(*[part for line in ("configure terminal", *lines) for part in ("-c", line)])

    def show(self, what: str) -> Any:
        """The answer to `show …` as JSON."""
        return json.loads(self._vtysh("-c", f"show {what} json") or "{}")

    def text(self, command: str) -> str:
        return self._vtysh("-c", command)

    def routes(self) -> dict[str, set[str]]:
        """Prefix → the next hops of all usable paths."""
        table = self.show("bgp ipv4 unicast").get("routes", {})
        return {
            prefix: {hop["ip"] for path in paths if path.get("valid") for hop in path["nexthops"]}
            for prefix, paths in table.items()
        }

    def sessions(self) -> dict[str, str]:
        """Peer → state of the session."""
        peers = self.show("bgp ipv4 unicast summary").get("peers", {})
        return {peer: found["state"] for peer, found in peers.items()}

    def established(self) -> set[str]:
        return {peer for peer, state in self.sessions().items() if state == "Established"}

    def leave(self) -> None:
        """It says goodbye to its peers with a NOTIFICATION, so that they forget it at once."""
        router = next(line for line in self._config.read_text().splitlines() if line.startswith("router bgp"))
        self.change(router, *(f"neighbor {peer} shutdown" for peer in self.sessions()))

    def freeze(self) -> None:
        """It hangs: the kernel still answers, it does not."""
        self._signal(signal.SIGSTOP)

    def kill(self) -> None:
        """It ends without a word; the kernel closes its connections."""
        if self._process and self._process.poll() is None:
            self._signal(signal.SIGKILL)
            self._process.wait()

    def close(self) -> None:
        """Ends everything that was started."""
        self.kill()
        if self._zebra:
            self._zebra.kill()
            self._zebra.wait()

    def _run(self, daemon: Path, *options: str) -> subprocess.Popen[bytes]:
        folder = str(self._folder)
        own = ["-i", f"{folder}/{daemon.name}.pid", "--vty_socket", folder, "-z", f"{folder}/zserv"]
        command = [*self.host.entering, str(daemon), *own, "-f", f"{folder}/empty.conf", *options]
        with (self._folder / "log").open("ab") as log:
            return subprocess.Popen(command, stdout=log, stderr=log, stdin=subprocess.DEVNULL)

    def _signal(self, number: signal.Signals) -> None:
        assert self._process
        self._process.send_signal(number)

    def _vtysh(self, *arguments: str) -> str:
        command = ["vtysh", "--vty_socket", str(self._folder), "-d", "bgpd", *arguments]
        if "-f" in arguments:
            command = ["vtysh", "--vty_socket", str(self._folder), *arguments]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=30)
        return done.stdout + (done.stderr if done.returncode else "")


def package_options(daemons: str) -> list[str]:
    """The options FRR's package would give bgpd, from a daemons file."""
    (line,) = [line for line in daemons.splitlines() if line.startswith("bgpd_options=")]
    return shlex.split(shlex.split(line.partition("=")[2])[0])


def stale(reflector: Speaker, prefix: str) -> bool:
    """Whether a reflector keeps a route for a node that may come back."""
    return any(path.get("stale", False) for path in reflector.show(f"bgp ipv4 unicast {prefix}").get("paths", []))


def version(instance: Speaker, prefix: str) -> int:
    """Counts every change to a route, so that one that was away for a moment has another."""
    number: int = instance.show(f"bgp ipv4 unicast {prefix}")["version"]
    return number
