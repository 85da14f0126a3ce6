"""A cluster's life, played in acts against the running app and narrated; every claim is checked.

Nothing waits for show: each step goes on when what it waits for has happened.
"""

import tempfile
from pathlib import Path

from sandbox.demo.direct import DirectAct
from sandbox.demo.doctor import DoctorAct
from sandbox.demo.reflectors import ReflectorsAct
from sandbox.demo.routes import RoutesAct
from sandbox.demo.stage import Stage
from sandbox.hub import RouteServer
from sandbox.narration import Narrator
from sandbox.world import World

LIBRARY = "Microsoft's worker library, azure-functions-runtime, indexes and calls it, as in Azure."
SPEED = 60.0
"""A minute of Azure's is a second here: an operation on a hub takes 1.7 s instead of 100, a table write 0.04 s instead of 2.5."""


def main() -> int:
    """Play all acts; 0 only if every check held."""
    tell = Narrator()
    print("aks-pod-routes: a day in the life of the AKS cluster shop-weu (BYOCNI, Cilium native routing).")
    print(
        f"Azurite, Azure Resource Manager ({SPEED:.0f} times as fast), a Kubernetes API and a functions host are starting …"
    )
    settle = {"maxSeconds": 60, "quietSeconds": 2}
    with (
        tempfile.TemporaryDirectory(prefix="aks-pod-routes-") as folder,
        World(Path(folder), speed=SPEED, cluster_settings={"settle": settle}) as world,
    ):
        tell.say(f"The app runs unchanged in a functions host. {world.host.notice or LIBRARY}")
        stage = Stage(world, tell)
        tell.act("User-defined routes")
        RoutesAct(stage).play()
        hub = RouteServer(world.cloud, world.cluster)
        tell.act("The same cluster with a Route Server, which learns where pods are from two route reflectors")
        ReflectorsAct(stage, hub).play()
        tell.act("The same Route Server, with three nodes as its peers instead of reflectors")
        DirectAct(stage, hub).play()
        tell.act("The doctor, before and after somebody harms the cluster")
        DoctorAct(stage).play()
    if tell.failures:
        print(f"\n{len(tell.failures)} check(s) failed:", *tell.failures, sep="\n  ✗ ")
        return 1
    print(f"\nEvery check held; {tell.seconds():.0f} s in all. Try it yourself: make sandbox")
    return 0
