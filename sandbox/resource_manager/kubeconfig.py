"""The kubeconfig that AKS hands out: with an exec plugin for Entra clusters, with a certificate for the others."""

import base64

import yaml

from sandbox.identity import AKS_AUDIENCE
from sandbox.resource_manager.answers import Body

_KUBELOGIN_CLIENT = "80faf920-1908-4b52-b5ef-a8e7bedfc67a"
"""The public client that kubelogin uses for people (https://azure.github.io/kubelogin/concepts/aks.html)."""


def credential(kind: str, cluster: str, group: str, server: str, ca_pem: bytes | None, *, entra: bool) -> Body:
    """The answer of `listCluster<kind>Credential`. `ca_pem` of None leaves the CA out, which AKS never does."""
    target: Body = {"server": server}
    if ca_pem is not None:
        target = {"certificate-authority-data": base64.b64encode(ca_pem).decode(), **target}
    user = f"cluster{kind}_{group}_{cluster}"
    config = {
        "apiVersion": "v1",
        "clusters": [{"cluster": target, "name": cluster}],
        "contexts": [{"context": {"cluster": cluster, "user": user}, "name": cluster}],
        "current-context": cluster,
        "kind": "Config",
        "preferences": {},
        "users": [{"name": user, "user": _exec_user() if entra else _certificate_user()}],
    }
    value = base64.b64encode(yaml.safe_dump(config, sort_keys=False).encode()).decode()
    return {"kubeconfigs": [{"name": f"cluster{kind}", "value": value}]}


def _exec_user() -> Body:
    return {
        "exec": {
            "apiVersion": "client.authentication.k8s.io/v1beta1",
            "args": [
                "get-token",
                "--environment",
                "AzurePublicCloud",
                "--server-id",
                AKS_AUDIENCE,
                "--client-id",
                _KUBELOGIN_CLIENT,
                "--tenant-id",
                "00000000-0000-0000-0000-0000000000aa",
                "--login",
                "devicecode",
            ],
            "command": "kubelogin",
            "env": None,
            "installHint": "kubelogin is not installed; see https://aka.ms/aks/kubelogin",
            "provideClusterInfo": False,
        }
    }


def _certificate_user() -> Body:
    """A static credential that must never be used; its parts are no certificate and no key."""
    return {
        "client-certificate-data": base64.b64encode(b"not a certificate").decode(),
        "client-key-data": base64.b64encode(b"not a key").decode(),
        "token": "not-a-token",
    }
