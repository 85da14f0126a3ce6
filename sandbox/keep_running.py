"""Keeps the sandbox running until Ctrl-C and tells how to use it."""

import signal
import threading
from pathlib import Path

from sandbox.cluster import CLUSTER_ID
from sandbox.control import Control
from sandbox.server import ServerThread
from sandbox.world import World

FOLDER = Path(".sandbox/running")
EVERY_MINUTE = "0 * * * * *"
SPEED = 10.0


def main() -> int:
    """Start, print, wait for Ctrl-C or SIGTERM."""
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    settle = {"maxSeconds": 120, "quietSeconds": 10}
    print("Azurite, Azure Resource Manager, a Kubernetes API and a functions host are starting …", flush=True)
    with (
        World(FOLDER.resolve(), speed=SPEED, schedule=EVERY_MINUTE, cluster_settings={"settle": settle}) as world,
        ServerThread() as servers,
    ):
        world.cluster.add("system", 3)
        world.cluster.add("apps", 5)
        print(_usage(world, servers.serve(Control(world).app())), flush=True)
        stop.wait()
        print("\nStopping …")
    return 0


def _usage(world: World, control: str) -> str:
    host, key = world.host, f'-H "x-functions-key: {world.host.function_key}"'
    log, kubeconfig = FOLDER / world.host.log_path.name, FOLDER / world.kubeconfig.name
    return f"""
The cluster shop-weu (3 system nodes, 5 apps nodes) runs; the timer fires every minute; Azure is {SPEED:.0f} times as fast.
{host.notice or "The app runs in Microsoft's worker library, azure-functions-runtime, as in Azure."}

  functions host      {host.url}
    function key      {host.function_key}
    master key        {host.master_key}
    Event Grid key    {host.event_grid_key}
  Resource Manager    {world.cloud.arm.base_url}
  Kubernetes API      {world.cloud.kubernetes_url}
  blobs, queues       {world.azurite.blob_url}  {world.azurite.queue_url}
  AKS cluster         {CLUSTER_ID}
  certificate         {FOLDER / "ca.pem"}
  the app's log       tail -f {log}

Ask the app:
  curl -s {key} '{host.url}/api/plan?format=text'
  curl -s {key} -X POST '{host.url}/api/reconcile?format=text'
  curl -s {key} -X POST '{host.url}/api/reconcile' -d '{{"cluster": "shop-weu", "dryRun": true, "force": true}}'

Scale, break and watch it from another terminal:
  curl -sN '{control}/watch'
  curl -s '{control}/tables'
  curl -s -X POST '{control}/scale?pool=apps&by=2'
  curl -s -X POST '{control}/scale?pool=apps&by=-2'
  curl -s -X POST '{control}/break?table=rt-apps&nextHop=10.10.0.99'
  curl -s -X POST '{control}/vanish?fraction=0.5'
  curl -s -X POST '{control}/timer'
  kubectl --kubeconfig {kubeconfig} get nodes,ciliumnodes -o wide
  kubectl --kubeconfig {kubeconfig} get nodes -o wide -w
  kubectl --kubeconfig {kubeconfig} get ciliumnodes -o wide -w

Turn faults on and off (also with chance=0.5, times=3 or seconds=60, and the options in the list):
  curl -s '{control}/faults'
  curl -s -X POST '{control}/fault?name=throttled&times=3'
  curl -s -X POST '{control}/fault?name=throttled&off=1'

Ctrl-C ends it."""
