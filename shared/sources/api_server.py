"""One API server, addressed and trusted: raw bytes out of it, retried where that is safe. Knows no objects.

The official client gives configuration, credentials, TLS and HTTP; its models stay out (1,000 nodes take them 1.24 s, the
few fields we read take 0.016 s). Importing it costs 0.2 s, so whoever does not read a cluster does not import this room.
"""

import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self
from urllib.parse import urlencode

from kubernetes.client import Configuration
from kubernetes.client.rest import RESTClientObject
from kubernetes.config import ConfigException, load_kube_config
from urllib3 import BaseHTTPResponse, Retry, Timeout
from urllib3.exceptions import HTTPError

from shared.errors import RefusedError, SourceError
from shared.kubeconfig import Cluster, current_cluster
from shared.sources.failures import CONNECT_SECONDS, READ_SECONDS, unreachable
from shared.sources.streams import Stream

RETRIES = Retry(
    total=4,
    connect=2,
    read=1,
    status=3,
    other=0,  # TLS failures above all
    redirect=0,  # an API server never redirects a list; following one would carry the token elsewhere
    status_forcelist=(429, 503, 504),
    backoff_factor=0.25,
    retry_after_max=10,
    raise_on_status=False,
    raise_on_redirect=False,
)
"""What passes by itself: overload, "storage is (re)initializing" in the first second after an API server's start, 504.

All of them carry Retry-After: 1 (facts: recorded); seconds, and the wait that is obeyed is bounded, since a pass that waits
longer is better taken up by the next one.
"""

ANSWER_SECONDS = 10.0
"""Until a stream begins. An API server sends the head of a watch at once, before there is anything to tell; an overloaded one
lets a request wait its turn first. Nothing can end this wait early, so whoever stops a watch may wait as long."""

_GZIP = 16 + zlib.MAX_WBITS
_DEFLATE_AT_MOST = 1032
"""No stream of deflate grows by more, whatever length its end claims. Source: https://zlib.net/zlib_tech.html"""


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer as it came, whatever its status."""

    status: int
    body: bytes


class ApiServer:
    """An API server, read as one identity. Safe to use from several threads."""

    def __init__(self, configuration: Configuration) -> None:
        configuration.retries = RETRIES
        self.server = configuration.host
        self._configuration = configuration
        # Past its own request(), which neither streams nor leaves unzipping to others, and says less of what failed.
        self._pool: Any = RESTClientObject(configuration).pool_manager

    @classmethod
    def connect(cls, server: str, ca_pem: bytes, token: Callable[[], str]) -> Self:
        """The API server at `server`, trusted by `ca_pem` alone, with a bearer token that is asked for at every request.

        `token` has to cache and refresh on its own (azure-identity does) and raises an AppError where it has none.
        """
        configuration = Configuration(host=server)
        _trust(configuration, ca_pem)

        def refresh(configuration: Configuration) -> None:
            configuration.api_key["BearerToken"] = f"Bearer {token()}"

        configuration.refresh_api_key_hook = refresh  # type: ignore[assignment] # its annotation knows only None
        return cls(configuration)

    @classmethod
    def from_kubeconfig(cls, path: str | Path) -> Self:
        """The API server of the current context, as its user: token, client certificate or exec plugin.

        Raises RefusedError where the file is missing or unusable, or where its cluster is not trusted through a
        certificate authority of its own.
        """
        load: Callable[..., None] = load_kube_config  # not annotated by the client
        file = Path(path).expanduser()
        cluster = _read(file)
        configuration = Configuration()
        try:
            load(str(file), client_configuration=configuration, persist_config=False)
        except (ConfigException, AttributeError, KeyError, TypeError, ValueError, OSError):
            # The client's own text repeats whole entries of the file, tokens included.
            raise RefusedError(
                f"kubeconfig {file}: the credentials of its current context cannot be used; "
                "does 'kubectl get nodes' work with it?"
            ) from None
        _trust(configuration, cluster.ca_pem)
        return cls(configuration)

    def get(self, path: str, query: Mapping[str, str | int] | None = None) -> Answer:
        """The whole answer to GET `path`, unzipped. Raises SourceError where there is none or it was cut short."""
        try:
            response = self._pool.request(
                "GET",
                f"{self.server}{path}?{urlencode(query)}" if query else f"{self.server}{path}",
                headers=self._headers("gzip"),
                timeout=Timeout(connect=CONNECT_SECONDS, read=READ_SECONDS),
                preload_content=False,  # an answer that breaks off is not asked for again
            )
            return Answer(response.status, _unzipped(response))
        except (HTTPError, zlib.error) as error:
            raise unreachable(self.server, error) from None

    @contextmanager
    def stream(self, path: str, query: Mapping[str, str | int], *, silence: float) -> Iterator[Stream]:
        """An answer to GET `path` that goes on, whatever its status; it counts as broken after `silence` seconds without a byte.

        Asked once: when to try again is up to whoever follows. Raises SourceError where no answer begins.
        """
        try:
            response = self._pool.request(
                "GET",
                f"{self.server}{path}?{urlencode(query)}",
                headers=self._headers("identity"),
                timeout=Timeout(connect=CONNECT_SECONDS, read=ANSWER_SECONDS),
                preload_content=False,
                retries=False,
                redirect=False,
            )
        except HTTPError as error:
            raise SourceError(f"cannot follow {path} on {self.server}: no answer ({type(error).__name__})") from None
        with closing(Stream(response, silence=silence)) as stream:
            yield stream

    def _headers(self, encoding: str) -> dict[str, str]:
        headers = {"Accept": "application/json", "Accept-Encoding": encoding}
        if bearer := self._configuration.get_api_key_with_prefix("BearerToken"):
            headers["Authorization"] = bearer
        return headers


def _read(file: Path) -> Cluster:
    try:
        text = file.read_bytes()
    except OSError as error:
        raise RefusedError(
            f"cannot read the kubeconfig {file}: {error.strerror}; check the setting kubeconfig"
        ) from None
    return current_cluster(text, where=f"kubeconfig {file}", folder=file.parent)


def _unzipped(response: BaseHTTPResponse) -> bytes:
    """The body, in memory once: the length is known beforehand, where urllib3's own way holds it three times over."""
    body = response.read(decode_content=False)
    if response.headers.get("Content-Encoding") != "gzip":
        return body
    said = int.from_bytes(body[-4:], "little")  # RFC 1952: the length modulo 2^32 ends the stream
    return zlib.decompress(body, _GZIP, min(said, _DEFLATE_AT_MOST * len(body)))


def _trust(configuration: Configuration, ca_pem: bytes) -> None:
    """Verify against these certificates and nothing else, from memory: no file is left behind or can vanish."""
    configuration.verify_ssl = True
    configuration.ssl_ca_cert = None
    configuration.ca_cert_data = ca_pem.decode("ascii")
