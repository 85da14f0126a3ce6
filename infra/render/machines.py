"""What turns an Ubuntu machine into a reflector: cloud-init, and the parameters of infra/reflectors/main.bicep."""

from typing import Any

from infra.render.inputs import Bgp


def cloud_init(frr_conf: str, daemons: str) -> dict[str, Any]:
    """The machine's user data: FRR from the distribution, its two files, one start. Nothing on the machine is state.

    The files are deferred: their owner `frr` comes with the package.
    Source: https://cloudinit.readthedocs.io/en/latest/reference/modules.html#write-files
    """
    return {
        "package_update": True,
        "packages": ["frr"],
        "write_files": [
            _file("/etc/frr/daemons", daemons),
            _file("/etc/frr/frr.conf", frr_conf),
        ],
        "runcmd": [["systemctl", "enable", "frr"], ["systemctl", "restart", "frr"]],
    }


def parameters(bgp: Bgp, cloud_inits: list[str]) -> dict[str, Any]:
    """The parameters that this rendering knows; location, subnet and SSH key are given when it is deployed."""
    sources = [str(subnet) for subnet in (*bgp.node_subnets, bgp.hub_subnet)]
    values: dict[str, Any] = {
        "addresses": [str(address) for address in bgp.reflectors],
        "bgpSources": sources,
        "cloudInits": cloud_inits,
    }
    return {
        "$schema": "https://schema.management.azure.com/schemas/2019-04-01/deploymentParameters.json#",
        "contentVersion": "1.0.0.0",
        "parameters": {name: {"value": value} for name, value in values.items()},
    }


def _file(path: str, content: str) -> dict[str, Any]:
    return {"path": path, "owner": "frr:frr", "permissions": "0640", "defer": True, "content": content}
