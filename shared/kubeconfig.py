"""The API server a kubeconfig's current context points to, and the certificate authority it is trusted by.

Users, tokens, client certificates and exec plugins are never looked at here, and no text of the file is ever repeated.
"""

import base64
import binascii
import re
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from shared import shapes
from shared.errors import RefusedError


@dataclass(frozen=True, slots=True)
class Cluster:
    """Where to connect and whom to believe. `ca_pem` is one or more PEM certificates."""

    server: str
    ca_pem: bytes = field(repr=False)


class _Entry(msgspec.Struct, frozen=True, rename="kebab"):
    server: str
    certificate_authority: str = ""
    certificate_authority_data: str = ""
    insecure_skip_tls_verify: bool = False


class _NamedEntry(msgspec.Struct, frozen=True):
    name: str
    cluster: _Entry


class _Context(msgspec.Struct, frozen=True):
    cluster: str


class _NamedContext(msgspec.Struct, frozen=True):
    name: str
    context: _Context


class _Kubeconfig(msgspec.Struct, frozen=True, rename="kebab"):
    clusters: tuple[_NamedEntry, ...]
    contexts: tuple[_NamedContext, ...]
    current_context: str = ""


def current_cluster(text: bytes, *, where: str, folder: Path | None = None) -> Cluster:
    """The cluster of the current context of the kubeconfig `text`.

    `where` names the kubeconfig in refusals. A `certificate-authority` path is read relative to `folder`, as kubectl
    does; without a folder only `certificate-authority-data` counts. Raises RefusedError for anything that is not a TLS
    server with a certificate authority of its own: plain http, insecure-skip-tls-verify, no certificate authority.
    """
    entry = _current_entry(_parse(text, where), where)
    if not entry.server.startswith("https://"):
        raise RefusedError(f"{where}: the server {entry.server!r} is not https; a token is never sent without TLS")
    if entry.insecure_skip_tls_verify:
        raise RefusedError(
            f"{where}: insecure-skip-tls-verify is set for {entry.server}; remove it and give the certificate authority"
        )
    return Cluster(entry.server.rstrip("/"), _certificates(entry, where, folder))


def _parse(text: bytes, where: str) -> _Kubeconfig:
    import yaml  # noqa: PLC0415 - 10 ms that only a cluster's first reading needs

    try:
        return shapes.convert(yaml.safe_load(text), _Kubeconfig)
    except yaml.MarkedYAMLError as error:  # its text quotes the file, tokens and all
        line = f" (line {error.problem_mark.line + 1})" if error.problem_mark else ""
        raise RefusedError(f"{where} is not YAML{line}") from None
    except (yaml.YAMLError, UnicodeDecodeError):
        raise RefusedError(f"{where} is not YAML") from None
    except msgspec.ValidationError as error:
        raise RefusedError(f"{where} is not a kubeconfig: {error}") from None


def _current_entry(kubeconfig: _Kubeconfig, where: str) -> _Entry:
    current = kubeconfig.current_context
    if not current:
        raise RefusedError(f"{where} has no current-context; set one with 'kubectl config use-context <name>'")
    contexts = {context.name: context.context for context in kubeconfig.contexts}
    clusters = {cluster.name: cluster.cluster for cluster in kubeconfig.clusters}
    if current not in contexts:
        raise RefusedError(f"{where}: current-context {current!r} is not among its contexts")
    if contexts[current].cluster not in clusters:
        raise RefusedError(
            f"{where}: context {current!r} names the cluster {contexts[current].cluster!r}, which is not there"
        )
    return clusters[contexts[current].cluster]


def _certificates(entry: _Entry, where: str, folder: Path | None) -> bytes:
    if entry.certificate_authority_data:
        try:
            pem = base64.b64decode(re.sub(r"\s", "", entry.certificate_authority_data), validate=True)
        except (binascii.Error, ValueError):
            raise RefusedError(f"{where}: certificate-authority-data is not base64") from None
    elif entry.certificate_authority and folder is not None:
        path = folder / entry.certificate_authority
        try:
            pem = path.read_bytes()
        except OSError as error:
            raise RefusedError(f"{where}: cannot read the certificate-authority {path}: {error.strerror}") from None
    else:
        raise RefusedError(
            f"{where} has no certificate authority for {entry.server}; without one the API server cannot be told from "
            "an impostor: add certificate-authority-data"
        )
    if b"-----BEGIN CERTIFICATE-----" not in pem or not pem.isascii():
        raise RefusedError(f"{where}: the certificate authority is not a PEM certificate")
    return pem
