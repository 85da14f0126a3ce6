"""The throw-away certificate authority behind every TLS endpoint of the sandbox."""

import ssl
from pathlib import Path

import trustme


class Authority:
    """Issues server certificates; clients trust `ca_file` alone."""

    def __init__(self, folder: Path) -> None:
        self._ca = trustme.CA(organization_name="aks-pod-routes sandbox")
        self.ca_pem: bytes = self._ca.cert_pem.bytes()
        self.ca_file = folder / "ca.pem"
        self.ca_file.write_bytes(self.ca_pem)

    def server_context(self, *names: str) -> ssl.SSLContext:
        """A server-side TLS context with a fresh certificate for the given host names and addresses."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._ca.issue_cert(*(names or ("127.0.0.1", "localhost"))).configure_cert(context)
        return context
