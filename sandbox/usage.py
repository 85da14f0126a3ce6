"""What a running sandbox prints: where everything is, and the lines to ask, scale, break and watch it with."""

from pathlib import Path

from sandbox.cluster import CLUSTER_ID
from sandbox.world import World


def usage(world: World, control: str, *, mode: str, speed: float, folder: Path) -> str:
    """Lines that a person can paste; `control` is the base URL of the remote control."""
    host, key = world.host, f'-H "x-functions-key: {world.host.function_key}"'
    log, kubeconfig = folder / world.host.log_path.name, folder / world.kubeconfig.name
    return f"""
The cluster shop-weu (3 system nodes, 5 apps nodes) runs in mode {mode}; the timer fires every minute; Azure is {speed:.0f} times as fast.
{host.notice or "The app runs in Microsoft's worker library, azure-functions-runtime, as in Azure."}

  functions host      {host.url}
    function key      {host.function_key}
    master key        {host.master_key}
    Event Grid key    {host.event_grid_key}
  Resource Manager    {world.cloud.arm.base_url}
  Kubernetes API      {world.cloud.kubernetes_url}
  blobs, queues       {world.azurite.blob_url}  {world.azurite.queue_url}
  AKS cluster         {CLUSTER_ID}
  certificate         {folder / "ca.pem"}
  the app's log       tail -f {log}

Ask the app:
  curl -s {key} '{host.url}/api/plan?format=text'
  curl -s {key} -X POST '{host.url}/api/reconcile?format=text'
  curl -s {key} -X POST '{host.url}/api/reconcile' -d '{{"cluster": "shop-weu", "dryRun": true, "force": true}}'

Scale, break and watch it from another terminal:
{_deeds(mode, control)}
  kubectl --kubeconfig {kubeconfig} get nodes,ciliumnodes -o wide
  kubectl --kubeconfig {kubeconfig} get nodes -o wide -w
  kubectl --kubeconfig {kubeconfig} get ciliumnodes -o wide -w

Turn faults on and off (also with chance=0.5, times=3 or seconds=60, and the options in the list):
  curl -s '{control}/faults'
  curl -s -X POST '{control}/fault?name=throttled&times=3'
  curl -s -X POST '{control}/fault?name=throttled&off=1'

Ctrl-C ends it."""


def _deeds(mode: str, control: str) -> str:
    """The lines that fit the mode."""
    tables = (f"curl -sN '{control}/watch'", f"curl -s '{control}/tables'")
    scaling = (
        f"curl -s -X POST '{control}/scale?pool=apps&by=2'",
        f"curl -s -X POST '{control}/scale?pool=apps&by=-2'",
    )
    breaking = (f"curl -s -X POST '{control}/break?table=rt-apps&nextHop=10.10.0.99'",)
    hub = (f"curl -s '{control}/peers'",)
    nodes = (
        f"curl -s -X POST '{control}/label?pool=apps&by=1'",
        f"curl -s -X POST '{control}/label?pool=apps&by=-1'",
        f"curl -s -X POST '{control}/replace'",
    )
    ending = (f"curl -s -X POST '{control}/vanish?fraction=0.5'", f"curl -s -X POST '{control}/timer'")
    chosen = {
        "udr": (*tables, *scaling, *breaking),
        "routeServer": (*hub, *scaling),
        "direct": (*hub, *scaling, *nodes),
        "observe": scaling,
    }[mode]
    return "\n".join(f"  {line}" for line in (*chosen, *ending))
