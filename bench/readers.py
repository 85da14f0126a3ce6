"""Reading Nodes and CiliumNodes: through the Kubernetes client's own classes, as scripts do, and as the app does.

In a room of its own, since the classes alone take 30 MB. Each returns what holds its connections.
"""

import os
from collections.abc import Mapping
from typing import Any

from azure.identity import ManagedIdentityCredential
from kubernetes.client import ApiClient, Configuration, CoreV1Api, CustomObjectsApi

from shared.sources.kubernetes import PAGE_SIZE
from shared.wiring import AKS_SCOPE

Hops = Mapping[str, str]


def kubernetes_models(settings: Mapping[str, str], hops: Hops) -> object:
    """Nodes and CiliumNodes through the Kubernetes client's own classes, in the same pages."""
    _ = hops
    configuration = Configuration(host=settings["BENCH_KUBERNETES"])
    configuration.ssl_ca_cert = os.environ["REQUESTS_CA_BUNDLE"]
    credential = ManagedIdentityCredential(client_id=settings["AZURE_CLIENT_ID"])
    configuration.api_key["BearerToken"] = f"Bearer {credential.get_token(AKS_SCOPE).token}"
    client: Any = ApiClient(configuration)  # not annotated
    client.set_default_header("Accept-Encoding", "gzip")
    nodes: list[Any] = []
    token = ""
    while True:
        page: Any = CoreV1Api(client).list_node(limit=PAGE_SIZE, _continue=token)
        nodes += page.items
        token = page.metadata._continue or ""  # noqa: SLF001  # the client's name for it
        if not token:
            break
    while True:
        found: Any = CustomObjectsApi(client).list_cluster_custom_object(
            "cilium.io", "v2", "ciliumnodes", limit=PAGE_SIZE, _continue=token
        )
        nodes += found["items"]
        token = found["metadata"].get("continue", "")
        if not token:
            return client
