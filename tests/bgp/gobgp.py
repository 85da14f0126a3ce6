"""A node that speaks through GoBGP, the library inside Cilium's agent, told what the rendered objects say."""

import shutil
import subprocess
from collections.abc import Mapping, Sequence
from ipaddress import IPv4Network
from pathlib import Path
from typing import Any

from tests.bgp.namespaces import Host
from tests.bgp.waiting import until

MISSING = [name for name in ("gobgpd", "gobgp") if not shutil.which(name)]


class GoBgpNode:
    """One gobgpd on one host. Like FRR's nodes it calls its peers and listens to nobody."""

    def __init__(self, host: Host, folder: Path, announced: Sequence[IPv4Network], objects: Mapping[str, Any]) -> None:
        self.host = host
        self._announced = announced
        self._config = folder / f"{host.name}.toml"
        self._log = folder / f"{host.name}.log"
        self._process: subprocess.Popen[bytes] | None = None
        self._config.write_text(_config(host, objects))

    def start(self) -> None:
        """Starts it and announces its pod CIDRs as soon as it takes orders."""
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [*self.host.entering, "gobgpd", "-f", str(self._config)],
                stdout=log,
                stderr=log,
                stdin=subprocess.DEVNULL,
            )
        for prefix in self._announced:
            order = [*self.host.entering, "gobgp", "global", "rib", "add", str(prefix), "-a", "ipv4"]
            until(
                f"GoBGP on {self.host.name} announces {prefix}",
                lambda order=order: subprocess.run(order, capture_output=True, check=False).returncode == 0,  # type: ignore[misc]  # a default argument binds the loop's variable
            )

    def kill(self) -> None:
        """It ends without a word; the kernel closes its connections."""
        if self._process:
            self._process.kill()
            self._process.wait()


def _config(host: Host, objects: Mapping[str, Any]) -> str:
    """Source of the keys: https://github.com/osrg/gobgp/blob/master/docs/sources/configuration.md."""
    (instance,) = objects["CiliumBGPClusterConfig"]["spec"]["bgpInstances"]
    spec = objects["CiliumBGPPeerConfig"]["spec"]
    lines = ["[global.config]", f"as = {instance['localASN']}", f'router-id = "{host.address}"', "port = -1"]
    for peer in instance["peers"]:
        lines += [
            "[[neighbors]]",
            "[neighbors.config]",
            f'neighbor-address = "{peer["peerAddress"]}"',
            f"peer-as = {peer['peerASN']}",
            "[neighbors.timers.config]",
            f"connect-retry = {spec['timers']['connectRetryTimeSeconds']}",
            f"hold-time = {spec['timers']['holdTimeSeconds']}",
            f"keepalive-interval = {spec['timers']['keepAliveTimeSeconds']}",
            "[neighbors.graceful-restart.config]",
            f"enabled = {str(spec['gracefulRestart']['enabled']).lower()}",
            f"restart-time = {spec['gracefulRestart']['restartTimeSeconds']}",
            "notification-enabled = true",  # RFC 8538, where it could keep a dead node's route
            "[[neighbors.afi-safis]]",
            "[neighbors.afi-safis.config]",
            'afi-safi-name = "ipv4-unicast"',
            "[neighbors.afi-safis.mp-graceful-restart.config]",
            f"enabled = {str(spec['gracefulRestart']['enabled']).lower()}",
        ]
        if hops := spec.get("ebgpMultihop"):
            lines += ["[neighbors.ebgp-multihop.config]", "enabled = true", f"multihop-ttl = {hops}"]
    return "\n".join([*lines, ""])
