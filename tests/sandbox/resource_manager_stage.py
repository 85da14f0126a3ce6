"""What the Resource Manager tests share: ids, a clock that is turned by hand, and a served stand-in with its callers."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import requests
from azure.core.credentials import AccessToken
from azure.mgmt.network import NetworkManagementClient

from sandbox.authority import Authority
from sandbox.identity import Tokens
from sandbox.resource_manager import ResourceManager, route
from sandbox.server import ServerThread

SUBSCRIPTION = "11111111-2222-3333-4444-555555555555"
GROUP = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/rg-Net"
TABLE = f"{GROUP}/providers/Microsoft.Network/routeTables/rt-Pods"
NETWORK = f"{GROUP}/providers/Microsoft.Network/virtualNetworks/vnet"
CLUSTER = f"{GROUP}/providers/Microsoft.ContainerService/managedClusters/prod-weu"
VERSION = "2025-05-01"


class Clock:
    """Stands still until a test turns it."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


class Arm:
    """A stand-in that is being served, with raw requests and the real SDK as its callers."""

    def __init__(self, rm: ResourceManager, tokens: Tokens, ca_file: Path, clock: Clock) -> None:
        self.rm = rm
        self.tokens = tokens
        self.clock = clock
        self._ca_file = str(ca_file)

    def get_token(self, *scopes: str, **_: Any) -> AccessToken:
        """A credential's only method: a token of the sandbox for the scope."""
        bearer, token = self.tokens.issue(scopes[0].removesuffix("/.default"))
        return AccessToken(bearer, int(token.expires_at))

    def sdk(self, **options: Any) -> NetworkManagementClient:
        """The real client over TLS; it neither waits between polls nor tries again."""
        return NetworkManagementClient(
            self,
            SUBSCRIPTION,
            base_url=self.rm.base_url,
            credential_scopes=[f"{self.rm.base_url}/.default"],
            connection_verify=self._ca_file,
            **{"polling_interval": 0, "retry_total": 0} | options,
        )

    def send(
        self,
        method: str,
        path: str,
        body: object = None,
        *,
        version: str | None = VERSION,
        authorization: str | None = None,
        **headers: str,
    ) -> requests.Response:
        """A raw request. `path` may be a whole URL with its query, as operations have; `If_Match` becomes If-Match."""
        if authorization is None:
            authorization = f"Bearer {self.tokens.issue(self.rm.base_url)[0]}"
        return requests.request(
            method,
            path if path.startswith("https:") else self.rm.base_url + path,
            params={"api-version": version} if version and "?" not in path else None,
            json=body,
            headers={name.replace("_", "-"): value for name, value in headers.items()}
            | ({"Authorization": authorization} if authorization else {}),
            verify=self._ca_file,
            timeout=30,
        )


@contextmanager
def served(folder: Path) -> Iterator[tuple[ServerThread, Authority]]:
    """A server thread with its certificate authority, for as many stand-ins as a module wants."""
    with ServerThread() as servers:
        yield servers, Authority(folder)


def arm(server: tuple[ServerThread, Authority], **options: Any) -> Arm:
    """A fresh stand-in on the server; operations end at once unless `instant=False`."""
    servers, authority = server
    clock, tokens = Clock(), Tokens()
    rm = ResourceManager(tokens, clock=clock, **{"instant": True} | options)
    rm.base_url = servers.serve(rm.app(), tls=authority.server_context())
    return Arm(rm, tokens, authority.ca_file, clock)


def with_table(server: tuple[ServerThread, Authority], **options: Any) -> Arm:
    """A fresh stand-in with one table that holds one route, to a firewall."""
    made = arm(server, **options)
    made.rm.add_route_table(TABLE, [route("fw", "0.0.0.0/0", "10.9.0.4")], tags={"team": "net"})
    return made


def body(*routes: dict[str, Any], **properties: Any) -> dict[str, Any]:
    """The body of a table's PUT."""
    return {"location": "westeurope", "properties": {"routes": list(routes), **properties}}
