"""Everything running together: the cloud with its cluster, storage, and the app, unchanged, in a functions host."""

import json
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Self

from sandbox.azurite import Azurite
from sandbox.cloud import Cloud
from sandbox.cluster import CLUSTER_ID, Cluster
from sandbox.faults import Faults
from sandbox.functions_host.process import FunctionsHost
from sandbox.kubernetes_api.kubeconfig import kubeconfig

APP = Path(__file__).resolve().parents[1]
NEVER = "0 0 0 1 1 *"
"""A timer that fires once a year: who wants it now runs it by hand."""

PATIENCE = 60.0
"""Seconds after which something awaited is given up."""


class World:
    """Use as a context manager. `cluster_settings` come on top of the cluster's configuration, `schedule` is the timer's."""

    def __init__(
        self,
        folder: Path,
        *,
        speed: float = 1.0,
        instant: bool = False,
        schedule: str = NEVER,
        cluster_settings: Mapping[str, Any] | None = None,
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.cloud = Cloud(folder, speed=speed, instant=instant)
        self.azurite = Azurite(folder / "azurite")
        self.configuration = {
            "name": "shop-weu",
            "aksClusterId": CLUSTER_ID,
            "routing": {"mode": "udr"},
            **(cluster_settings or {}),
        }
        self._schedule = schedule
        self._running = ExitStack()

    def __enter__(self) -> Self:
        with ExitStack() as starting:
            starting.enter_context(self.cloud)
            starting.enter_context(self.azurite)
            self.faults = starting.enter_context(Faults(self.cloud, self.azurite))
            self.cluster = Cluster(self.cloud)
            self.kubeconfig = self.folder / "kubeconfig"
            self.kubeconfig.write_text(
                kubeconfig(self.cloud.kubernetes_url, self.cloud.authority.ca_pem, self.cloud.kubectl_token)
            )
            self.host = starting.enter_context(FunctionsHost(APP, self.settings, folder=self.folder))
            self._running = starting.pop_all()
        return self

    def __exit__(self, *exc: object) -> None:
        self._running.close()

    def redeploy(self, **cluster_settings: Any) -> None:
        """The app with other settings of the cluster: the functions host ends, and another one starts."""
        self.configuration |= cluster_settings
        self.host.stop()
        self.host = self._running.enter_context(FunctionsHost(APP, self.settings, folder=self.folder))

    @property
    def settings(self) -> dict[str, str]:
        """The app settings, all of them."""
        return {
            **self.cloud.settings,
            "AKS_POD_ROUTES_CLUSTERS": json.dumps([self.configuration]),
            "AKS_POD_ROUTES_SCHEDULE": self._schedule,
            "AzureWebJobsStorage": self.faults.connection_string,
        }


def eventually(condition: Callable[[], bool], what: str) -> None:
    """Wait until `condition` holds; TimeoutError naming `what` after PATIENCE seconds."""
    deadline = time.monotonic() + PATIENCE
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(f"waited {PATIENCE:.0f} s in vain until {what}")
        time.sleep(0.02)
