"""How long a cold instance takes, measured on the unpacked package: a fresh process that sees nothing else.

The worker of Azure Functions is up before the app is loaded, so its own start is no part of the figures; neither is the
time in which Azure fetches and mounts the package.
"""

import json
import os
import statistics
import subprocess
import time
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from infra.package.dependencies import SITE_PACKAGES
from infra.package.errors import PackageError
from sandbox.cloud import Cloud
from sandbox.cluster import CLUSTER_ID, Cluster

INDEXING_IMPORTS: Final = ("function_app",)
"""What has to be there before Azure knows the functions."""

EVENT_IMPORTS: Final = (*INDEXING_IMPORTS, "shared.wiring", "azure.identity", "azure.storage.blob")
"""Until the wake-up of a scale event can be queued: who we are, where the clusters are, the marker's blob."""

PLAN_IMPORTS: Final = (*INDEXING_IMPORTS, "shared.wiring", "azure.identity", "shared.connections")
"""Until nodes and route tables can be read. No storage: a plan takes no lease."""

ROUNDS: Final = 7
"""Of which the median is told; one more comes first and only warms the file system's cache."""

_IMPORT: Final = """
import json, sys, time
sys.path[:0] = sys.argv[1:3]
began = time.perf_counter()
for name in sys.argv[3:]:
    __import__(name)
print(json.dumps({"seconds": time.perf_counter() - began, "modules": len(sys.modules)}))
"""

_PLAN: Final = """
import json, sys, time
sys.path[:0] = sys.argv[1:3]
import function_app
import azure.functions as func
(plan,) = [each for each in function_app.app.get_functions() if each.get_function_name() == "plan"]
answer = plan.get_user_function()(func.HttpRequest("GET", "/api/plan", body=b""))
print(json.dumps({"at": time.monotonic(), "status": answer.status_code, "modules": len(sys.modules)}))
"""


@dataclass(frozen=True, slots=True)
class Figure:
    """Seconds, and modules with those of Python itself."""

    what: str
    seconds: float
    modules: int

    def text(self) -> str:
        """One line for people."""
        return f"{self.what:<42}{self.seconds * 1000:6.0f} ms{self.modules:7} modules"


def measure(package: Path, folder: Path, python: Path) -> tuple[Figure, ...]:
    """Unpack `package` below `folder` and start it again and again. Raises PackageError where it does not run."""
    app = folder / "wwwroot"
    with zipfile.ZipFile(package) as archive:
        archive.extractall(app)
    return (
        _imports("function_app", INDEXING_IMPORTS, app, python),
        _imports("imports until a wake-up can be queued", EVENT_IMPORTS, app, python),
        _imports("imports until a plan can be made", PLAN_IMPORTS, app, python),
        _first_plan(app, folder, python),
    )


def _imports(what: str, names: tuple[str, ...], app: Path, python: Path) -> Figure:
    told = [_run(python, _IMPORT, app, {}, *names) for _ in range(ROUNDS + 1)]
    return Figure(what, statistics.median(each["seconds"] for each in told[1:]), int(told[-1]["modules"]))


def _first_plan(app: Path, folder: Path, python: Path) -> Figure:
    """From the start of the process to the answer, for a cluster of three nodes; the stand-in for Azure has no latency."""
    seconds = []
    with Cloud(folder, instant=True) as cloud:
        Cluster(cloud).add("system", 3)
        clusters = [{"name": "shop-weu", "aksClusterId": CLUSTER_ID, "routing": {"mode": "udr"}}]
        settings = {
            **cloud.settings,
            "AKS_POD_ROUTES_CLUSTERS": json.dumps(clusters),
            "AzureWebJobsStorage": "UseDevelopmentStorage=true",  # a plan does not touch it
        }
        for _ in range(ROUNDS + 1):
            start = time.monotonic()  # one clock for all processes of the machine
            told = _run(python, _PLAN, app, settings)
            seconds.append(told["at"] - start)
            if told["status"] != 200:
                raise PackageError(f"the package runs, but a plan was answered with {told['status']:.0f}")
    return Figure("process start to the first answer of plan", statistics.median(seconds[1:]), int(told["modules"]))


def _run(python: Path, script: str, app: Path, settings: Mapping[str, str], *arguments: str) -> dict[str, float]:
    # -I -S: no site-packages but the package's own; -B: nothing is compiled for the next round.
    command = [str(python), "-I", "-S", "-B", "-c", script, str(app / SITE_PACKAGES), str(app), *arguments]
    environment = {"PATH": os.environ.get("PATH", ""), **settings}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise PackageError(f"the package does not run:\n{done.stderr}")
    told: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return told
