"""Access to Azure Resource Manager: one client per subscription, bounded patience, errors in plain sentences.

Retries, tokens, redirects and connection reuse are azure-core's; what it cannot know lives here: how long to be patient, and
what Azure's error codes mean to the person who has to act.
"""

import re
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Any
from urllib.parse import urlsplit

import requests
from azure.core.credentials import TokenCredential
from azure.core.exceptions import (
    AzureError,
    ClientAuthenticationError,
    DecodeError,
    HttpResponseError,
    ODataV4Format,
    ServiceRequestError,
    ServiceResponseError,
)
from azure.core.pipeline import PipelineRequest, PipelineResponse
from azure.core.pipeline.policies import RetryPolicy, SansIOHTTPPolicy
from azure.core.pipeline.transport import RequestsTransport
from azure.core.rest import HttpRequest
from azure.mgmt.core.tools import parse_resource_id
from azure.mgmt.network import NetworkManagementClient
from requests.adapters import HTTPAdapter
from urllib3 import Retry

from shared import correlation
from shared.arm_calls import ArmCall, ArmCalls, recording
from shared.errors import SupersededError, TargetError
from shared.phrases import first_line

PATIENCE = 120.0
"""Seconds that one request waits on Azure's word, in all. Beyond it the pass ends (Azure says minutes when a subscription is
out of tokens), and the timer comes back: obeying would outlive the function's time-out."""
CONNECTIONS = 32
"""Kept open. One instance has 12 messages at work (`queues` in host.json), 8 clusters for an answer over HTTP and as many for
an event; of the usual 10 those beyond are closed after each call, made anew for the next, and warned of in the log."""
GLANCE_SECONDS = 5.0
"""What a look that nothing hangs on may take, to connect and to answer."""

_BUSY_CODES = frozenset(
    {
        "AnotherOperationInProgress",
        "CanceledAndSupersededDueToAnotherOperation",  # ends an operation that was accepted (cloud-provider-azure retries it)
        "RetryableError",
        "RetryableErrorDueToAnotherOperation",
    }
)
_RETRY_IN = re.compile(r"retried in (\d+) seconds")
_DEFAULT_WAIT = 5.0
_URL_QUERY = re.compile(r"(https://[^\s?'\"]+)\?[^\s'\"]*")
"""The address of an operation carries its signature there (facts: recorded since 2024)."""


class _PatientRetry(RetryPolicy):  # type: ignore[type-arg]  # the request and response types are the pipeline's
    """azure-core's retry, up to a limit: it would sleep through any Retry-After, however long, and three of them."""

    def is_retry(self, settings: dict[str, Any], response: PipelineResponse[Any, Any]) -> bool:
        settings["waited"] = settings.get("waited", 0.0) + (self.get_retry_after(response) or 0.0)
        again = bool(settings["waited"] <= PATIENCE and super().is_retry(settings, response))
        if again:
            with suppress(AzureError):
                response.http_response.read()  # or the connection of a streamed answer is lost (azure-core leaves it open)
        return again


_CORRELATION = "x-ms-correlation-request-id"
_CLIENT_REQUEST = "x-ms-client-request-id"
_REMEMBERED = 512
"""Writes whose polls may still come. One instance has some dozens under way at most."""


class _Correlated(SansIOHTTPPolicy):  # type: ignore[type-arg]  # as above
    """Sends the id under which this thread works, and notes every request where somebody records them.

    azure-core polls an operation in a thread of its own, which knows neither; but it repeats the client request id of the
    write (`LROBasePolling.request_status`), and by that the poll is known as the write's.
    """

    def __init__(self) -> None:
        self._writes: dict[str, tuple[str, ArmCalls | None]] = {}

    def on_request(self, request: PipelineRequest[Any]) -> None:
        headers = request.http_request.headers
        told = (correlation.current(), recording())
        client_request = headers.get(_CLIENT_REQUEST, "")
        if told == ("", None):
            told = self._writes.get(client_request, told)
        elif request.http_request.method != "GET":
            self._remember(client_request, told)
        if told[0]:
            headers[_CORRELATION] = told[0]
        request.context["calls"] = told[1]

    def on_response(self, request: PipelineRequest[Any], response: PipelineResponse[Any, Any]) -> None:
        answer = response.http_response
        self._note(request, answer.status_code, answer.headers)

    def on_exception(self, request: PipelineRequest[Any]) -> None:
        if isinstance(sys.exc_info()[1], ServiceRequestError | ServiceResponseError):  # no token is no request
            self._note(request, None, {})

    def _remember(self, client_request: str, told: tuple[str, ArmCalls | None]) -> None:
        self._writes[client_request] = told
        if len(self._writes) > _REMEMBERED:
            self._writes.pop(next(iter(self._writes)), None)

    @staticmethod
    def _note(request: PipelineRequest[Any], status: int | None, answer: Mapping[str, str]) -> None:
        calls: ArmCalls | None = request.context.get("calls")
        if calls is None:
            return
        asked = request.http_request
        calls.add(
            ArmCall(
                asked.method,
                urlsplit(asked.url).path,
                status,
                if_match=asked.headers.get("If-Match", ""),
                etag=answer.get("ETag", ""),
                request_id=answer.get("x-ms-request-id", ""),
                correlation_id=answer.get(_CORRELATION) or asked.headers.get(_CORRELATION, ""),
            )
        )


_NO_RETRIES = Retry(total=False, redirect=False, raise_on_status=False)
"""As azure-core has it: what failed comes up as it is, and its pipeline decides."""


def _transport() -> RequestsTransport:
    """azure-core's transport with room for more connections; retries are its pipeline's, as with the session it makes."""
    session = requests.Session()
    for scheme in ("https://", "http://"):
        session.mount(scheme, HTTPAdapter(pool_maxsize=CONNECTIONS, max_retries=_NO_RETRIES))
    return RequestsTransport(session=session)


class Arm:
    """Azure Resource Manager as one identity sees it. Safe to share between threads."""

    def __init__(self, credential: TokenCredential, endpoint: str) -> None:
        self._credential = credential
        self._endpoint = endpoint
        self._transport = _transport()
        self._correlated = _Correlated()
        self._clients: dict[str, NetworkManagementClient] = {}
        self._lock = threading.Lock()

    def network(self, subscription: str) -> NetworkManagementClient:
        """The network client of a subscription; all of them share one connection pool."""
        with self._lock:
            if subscription not in self._clients:
                self._clients[subscription] = NetworkManagementClient(
                    self._credential,
                    subscription,
                    self._endpoint,
                    credential_scopes=[f"{self._endpoint}/.default"],
                    retry_policy=_PatientRetry(),
                    per_retry_policies=[self._correlated],
                    transport=self._transport,
                )
            return self._clients[subscription]

    def get(self, path: str, *, api_version: str) -> dict[str, Any]:
        """GET any resource or list by its path; TargetError for everything but success (without `path`, which its caller names)."""
        return self._send("GET", path, api_version)

    def post(self, path: str, *, api_version: str) -> dict[str, Any]:
        """POST an action that answers at once; TargetError like `get`."""
        return self._send("POST", path, api_version)

    def glance(self, path: str, *, api_version: str, query: Mapping[str, str]) -> dict[str, Any]:
        """GET once and without patience, for what is good to know and nothing hangs on; TargetError like `get`."""
        hurry = {"retry_total": 0, "connection_timeout": GLANCE_SECONDS, "read_timeout": GLANCE_SECONDS}
        return self._send("GET", path, api_version, query, **hurry)

    def _send(
        self, method: str, path: str, api_version: str, query: Mapping[str, str] | None = None, **options: Any
    ) -> dict[str, Any]:
        client = self.network(str(parse_resource_id(path)["subscription"]))
        params = {"api-version": api_version, **(query or {})}
        try:
            response = client.send_request(HttpRequest(method, path, params=params), **options)
            response.raise_for_status()
            body: dict[str, Any] = response.json()
        except (AzureError, ValueError) as error:
            raise translate(error) from error
        return body


def translate(error: AzureError | ValueError, resource: str = "") -> TargetError:
    """What an SDK exception means, as a sentence with the way out. Nothing of the request is quoted but the resource."""
    about = f"{resource}: " if resource else ""
    if isinstance(error, HttpResponseError) and error.status_code is not None and not isinstance(error, DecodeError):
        return _answered(error, error.status_code, about)
    if isinstance(error, ClientAuthenticationError):
        return TargetError(
            f"{about}no token for Azure Resource Manager ({first_line(error)}); check that the managed identity is assigned "
            "to the app and that AZURE_CLIENT_ID is its client id; on your own machine sign in with az login",
            status=401,
        )
    return TargetError(
        f"{about}Azure Resource Manager could not be reached or answered nonsense "
        f"({type(error).__name__}: {first_line(error)}); check AKS_POD_ROUTES_ARM_ENDPOINT and the app's outbound network"
    )


def _answered(error: HttpResponseError, status: int, about: str) -> TargetError:
    code, message, codes = _azure_error(error)
    what = f"HTTP {status}" if status >= 400 else "the operation that Azure had accepted failed:"
    head = f"{about}{what} {code}".rstrip(" :")
    if status == 412:
        return SupersededError(f"{head}: another writer was faster", status=status, code=code)
    if codes & _BUSY_CODES and (wait := _wait(error, message)) <= PATIENCE:
        return SupersededError(
            f"{head}: another operation is at work on it", status=status, code=code, retry_after=wait
        )
    advice = _LOST_POLL if status == 404 and _is_poll(error) else _advice(status, code)
    return TargetError(f"{head}: {advice} (Azure says: {message[:400]})", status=status, code=code)


_LOST_POLL = "Azure no longer knows the write that it accepted; the next pass sees what became of it"


def _is_poll(error: HttpResponseError) -> bool:
    """Whether the state of an operation was asked for, not a resource (https://github.com/hashicorp/go-azure-sdk/issues/989)."""
    return "/operations/" in str(getattr(getattr(error.response, "request", None), "url", ""))


def _azure_error(error: HttpResponseError) -> tuple[str, str, frozenset[str]]:
    """Code, message and every code of the answer, its details included."""
    body = error.error
    if body is None:
        return "", first_line(error), frozenset()
    details = body.details or ()
    parts = (*_policies(body), body.message, *(detail.message for detail in details))
    message = _URL_QUERY.sub(r"\1?…", " ".join(part for part in parts if part))
    codes = frozenset(part for part in (body.code, *(detail.code for detail in details)) if part)
    return body.code or "", message, codes


def _policies(body: ODataV4Format) -> Iterator[str]:
    """The policy assignments that forbade it: where one has a text of its own, the message does not name it.

    Source: https://learn.microsoft.com/azure/azure-resource-manager/troubleshooting/error-policy-requestdisallowedbypolicy
    """
    for extra in getattr(body, "additional_info", ()):
        if extra.type == "PolicyViolation" and isinstance(extra.info, Mapping):
            info = extra.info
            yield (
                f"Policy assignment '{info.get('policyAssignmentDisplayName') or info.get('policyAssignmentName')}' "
                f"({info.get('policyAssignmentId')})."
            )


def _wait(error: HttpResponseError, message: str) -> float:
    headers: Mapping[str, str] = getattr(error.response, "headers", {})
    header = headers.get("Retry-After", "")
    said = header if header.isdigit() else (match[1] if (match := _RETRY_IN.search(message)) else "")
    return float(said) if said else _DEFAULT_WAIT


_ADVICE: Mapping[str, str] = {
    "AnotherOperationInProgress": "another operation is at work; the next pass tries again",
    "AuthorizationFailed": "grant the app's identity the missing action on the resource or its resource group",
    "LinkedAuthorizationFailed": "grant the app's identity the missing action on the linked resource",
    "RequestDisallowedByPolicy": "an Azure Policy assignment forbids this write; ask for an exemption for the resource",
    "RetryableError": "another operation is at work; the next pass tries again",
    "ScopeLocked": "a management lock forbids this write; remove the lock, or move it to the resources that need it",
    "ResourceNotFound": "it does not exist; create it or correct its id in the configuration",
    "NotFound": "it does not exist; create it or correct its id in the configuration",
    "ResourceGroupNotFound": "its resource group does not exist; correct the id in the configuration",
    "SubscriptionNotFound": "the subscription is unknown to the app's identity; correct the id, or grant access to it",
    "RouteConflict": "another route took the prefix in between; the next pass plans anew",
}
_ADVICE_BY_STATUS: Mapping[int, str] = {
    401: "the token was refused; check the identity's tenant and AKS_POD_ROUTES_ARM_ENDPOINT, and restart the app if the "
    "identity was changed, since tokens are kept for up to a day",
    403: "grant the app's identity the missing permission",
    404: "it does not exist; create it or correct its id in the configuration",
    429: "Azure throttles this subscription; the next pass tries again",
}


def _advice(status: int, code: str) -> str:
    refused = 400 <= status < 500
    return (
        _ADVICE.get(code)
        or _ADVICE_BY_STATUS.get(status)
        or ("Azure refused it" if refused else "Azure failed; the next pass tries again")
    )
