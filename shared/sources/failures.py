"""Why an API server could not be read, in sentences with the way out. No request is made here."""

import ssl
from http import HTTPStatus

import msgspec
from urllib3 import exceptions as http

from shared import shapes
from shared.errors import SourceError

CONNECT_SECONDS = 5.0
"""An API server that lets us in at all answers the handshake in milliseconds; a firewall that drops packets never does."""

READ_SECONDS = 30.0
"""Between two packets of an answer; the longest answers, pages of 500 nodes, take well under a second."""

_MESSAGE_LENGTH = 300


class AnswerError(SourceError):
    """The API server answered the first page of a list with `status`, so it may not serve that list at all."""

    def __init__(self, message: str, *, status: int) -> None:
        super().__init__(message)
        self.status = status


class _Status(msgspec.Struct, frozen=True):
    message: str


def server_message(body: bytes) -> str:
    """What the API server says in a refusal, on one line: a Status object's message, or the text (overload, no such API)."""
    try:
        text = shapes.decode(body, _Status).message
    except (msgspec.DecodeError, UnicodeDecodeError):
        text = body.decode("utf-8", "replace")
    text = " ".join(text.split())
    return text if len(text) <= _MESSAGE_LENGTH else f"{text[:_MESSAGE_LENGTH]}…"


def refusal(what: str, status: int, body: bytes, *, permission: str, absence: str, act: str = "list") -> str:
    """What it means that the request to list, or read, `what` was answered with `status`.

    `permission` is what that takes, `absence` what to do where the API server does not have it.
    """
    match status:
        case HTTPStatus.UNAUTHORIZED:
            way_out = (
                "the token is not accepted: is the cluster integrated with Microsoft Entra ID, is the identity in the "
                "cluster's tenant, and is the token not expired?"
            )
        case HTTPStatus.FORBIDDEN:
            way_out = f"grant {permission}; a new role assignment takes up to five minutes to count"
        case HTTPStatus.NOT_FOUND:
            way_out = absence
        case HTTPStatus.TOO_MANY_REQUESTS | HTTPStatus.SERVICE_UNAVAILABLE | HTTPStatus.GATEWAY_TIMEOUT:
            way_out = "the API server is overloaded or starting, and stayed so over several attempts; the next pass tries again"
        case _:
            way_out = f"this is not how an API server answers a {act}; does the address lead to one?"
    return f"cannot {act} {what}: {status} {server_message(body) or '(no text)'}; {way_out}"


def unreachable(server: str, error: Exception) -> SourceError:
    """What it means that `server` could not be talked to at all, or stopped in the middle of an answer."""
    cause: BaseException = error
    while isinstance(cause, http.MaxRetryError | http.ProxyError):
        inner = cause.reason if isinstance(cause, http.MaxRetryError) else cause.original_error
        if inner is None:
            break
        cause = inner
    match cause:
        case http.NameResolutionError():
            way_out = (
                "its name cannot be resolved; a private cluster needs the app integrated into a virtual network that is "
                "linked to the cluster's private DNS zone"
            )
        case http.SSLError():
            way_out = (
                f"TLS failed ({_tls_detail(cause)}); was the cluster's certificate authority rotated, or does something "
                "in between answer in its place?"
            )
        case http.NewConnectionError():
            way_out = (
                f"the connection failed ({_os_detail(cause)}); is the cluster stopped, and are the app's outbound "
                "addresses among its authorized IP ranges?"
            )
        case http.ConnectTimeoutError():
            way_out = (
                f"no connection within {CONNECT_SECONDS:g} s; are the app's outbound addresses among the cluster's "
                "authorized IP ranges, and does a private cluster's network let the app in?"
            )
        case http.ReadTimeoutError():
            way_out = f"no answer within {READ_SECONDS:g} s; the next pass tries again"
        case _:
            way_out = f"the answer broke off ({type(cause).__name__}); the next pass tries again"
    return SourceError(f"cannot read from the API server {server}: {way_out}")


def _tls_detail(error: http.SSLError) -> str:
    inner = error.args[0] if error.args else error
    return inner.verify_message if isinstance(inner, ssl.SSLCertVerificationError) else str(inner)


def _os_detail(error: BaseException) -> str:
    cause = error.__cause__
    return cause.strerror or str(cause) if isinstance(cause, OSError) else "no reason given"
