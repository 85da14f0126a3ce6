"""Writes the kubeconfig with which kubectl, or the app itself, reaches this API."""

import base64

import yaml


def kubeconfig(server: str, ca_pem: bytes, token: str) -> str:
    """A kubeconfig (YAML) for one server, trusting one authority, with a fixed bearer token."""
    name = "sandbox"
    return yaml.safe_dump(
        {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [
                {
                    "name": name,
                    "cluster": {"server": server, "certificate-authority-data": base64.b64encode(ca_pem).decode()},
                }
            ],
            "users": [{"name": name, "user": {"token": token}}],
            "contexts": [{"name": name, "context": {"cluster": name, "user": name}}],
            "current-context": name,
        },
        sort_keys=False,
    )
