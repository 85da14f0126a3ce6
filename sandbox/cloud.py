"""The endpoints of the sandbox put together: identity, Resource Manager, Kubernetes API, with one AKS BYOCNI cluster.

What a person or a test does to the cluster (scale, break, repair) is in `cluster`; the app itself is started in `world`.
"""

import secrets
from contextlib import ExitStack
from pathlib import Path
from typing import Self

from sandbox.authority import Authority
from sandbox.endpoint import Endpoint
from sandbox.identity import Tokens, identity_app
from sandbox.kubernetes_api.api import KubernetesApi
from sandbox.resource_manager import ResourceManager
from sandbox.server import ServerThread


class Cloud:
    """An empty subscription and an empty Kubernetes API, served over TLS. Use as a context manager.

    `speed` divides Azure's durations and waits; `instant` ends every operation at its first poll. `ports` fixes the ports
    of Resource Manager and Kubernetes API; 0 picks free ones.
    """

    def __init__(
        self, folder: Path, *, speed: float = 1.0, instant: bool = False, ports: tuple[int, int] = (0, 0)
    ) -> None:
        self.authority = Authority(folder)
        self.tokens = Tokens()
        self.arm = ResourceManager(self.tokens, speed=speed, instant=instant)
        self.kubectl_token = secrets.token_urlsafe(16)
        self.kubernetes = KubernetesApi(self.tokens, admin_token=self.kubectl_token)
        self.identity_url = ""
        self.kubernetes_url = ""
        self._identity_header = secrets.token_urlsafe(16)
        self._ports = ports
        self._running = ExitStack()

    def __enter__(self) -> Self:
        arm_port, kubernetes_port = self._ports
        certificate = self.authority.server_context
        self.servers = self._running.enter_context(ServerThread())
        self.identity_endpoint = Endpoint(self.servers, identity_app(self.tokens, self._identity_header))
        self.arm_endpoint = Endpoint(self.servers, self.arm.app(), tls=certificate(), port=arm_port)
        self.kubernetes_endpoint = Endpoint(
            self.servers, self.kubernetes.app(), tls=certificate(), port=kubernetes_port
        )
        self.identity_url, self.kubernetes_url = self.identity_endpoint.url, self.kubernetes_endpoint.url
        self.arm.base_url = self.arm_endpoint.url
        return self

    def __exit__(self, *exc: object) -> None:
        self._running.close()

    @property
    def settings(self) -> dict[str, str]:
        """The app settings with which the app finds this cloud instead of Azure; storage and clusters come on top."""
        return {
            "AKS_POD_ROUTES_ARM_ENDPOINT": self.arm.base_url,
            "AZURE_CLIENT_ID": "00000000-0000-0000-0000-000000000001",
            "IDENTITY_ENDPOINT": f"{self.identity_url}/msi/token",
            "IDENTITY_HEADER": self._identity_header,
            "REQUESTS_CA_BUNDLE": str(self.authority.ca_file),
        }
