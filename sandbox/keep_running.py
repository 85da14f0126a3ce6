"""Keeps the sandbox running until Ctrl-C, in the mode that a person chose. What it prints is in `usage`."""

import signal
import threading
from pathlib import Path
from typing import Any, Literal

from sandbox.control import Control
from sandbox.hub import RouteServer, direct, reflected
from sandbox.server import ServerThread
from sandbox.usage import usage
from sandbox.world import World

Mode = Literal["udr", "routeServer", "direct", "observe"]
MODES: dict[Mode, dict[str, Any]] = {
    "udr": {"mode": "udr"},
    "routeServer": reflected(),
    "direct": direct(),
    "observe": {"mode": "observe"},
}
"""What a person may choose → the routing of the cluster. `direct` is routeServer with labelled nodes instead of reflectors."""

FOLDER = Path(".sandbox/running")
EVERY_MINUTE = "0 * * * * *"
SPEED = 10.0
HUB_SPEED = 60.0
"""Where there is a hub: an operation on one takes 80 to 136 s in Azure."""
LABELLED = 3


def main(mode: Mode = "udr") -> int:
    """Start, print, wait for Ctrl-C or SIGTERM."""
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    has_hub = mode in {"routeServer", "direct"}
    speed = HUB_SPEED if has_hub else SPEED
    settings = {"settle": {"maxSeconds": 120, "quietSeconds": 10}, "routing": MODES[mode]}
    print("Azurite, Azure Resource Manager, a Kubernetes API and a functions host are starting …", flush=True)
    with (
        World(FOLDER.resolve(), speed=speed, schedule=EVERY_MINUTE, cluster_settings=settings) as world,
        ServerThread() as servers,
    ):
        world.cluster.add("system", 3)
        apps = world.cluster.add("apps", 5)
        hub = RouteServer(world.cloud, world.cluster) if has_hub else None
        if hub is not None:
            hub.start_reflectors()
        if mode == "direct":
            world.cluster.label(apps[:LABELLED])
        control = servers.serve(Control(world, hub).app())
        print(usage(world, control, mode=mode, speed=speed, folder=FOLDER), flush=True)
        stop.wait()
        print("\nStopping …")
    return 0
