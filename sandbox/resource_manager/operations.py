"""Long-running operations: accepted, polled, ended. They move when somebody looks at the clock; nothing runs behind."""

import secrets
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from urllib.parse import urlencode

from sandbox.resource_manager import errors, resource_ids
from sandbox.resource_manager.answers import Answer, AzureError, Body, error_body
from sandbox.resource_manager.pace import LOCK_SECONDS, Pace
from sandbox.resource_manager.resource_ids import NETWORK
from sandbox.resource_manager.routing import Ask, Endpoint

_NULL = "null"
_OPERATIONS = f"/subscriptions/{{subscription}}/providers/{NETWORK}/locations/{{location}}"


@dataclass(slots=True)
class Operation:
    """One accepted write. `failure` is the (code, message) it is going to end with, None for success.

    One that `hangs` does not end by itself, however late it is.
    """

    name: str
    resource_id: str
    status_url: str
    result_url: str
    ends_at: float
    finish: Callable[["Operation"], None]
    is_delete: bool
    failure: tuple[str, str] | None
    hangs: Callable[[], bool]
    id: str
    location: str
    result: Callable[[], Body] | None = None
    """The body that a poll of the result URL ends with; None for a write, whose result URL ends with 204."""
    polls: int = 0
    ended: bool = False
    query: frozenset[tuple[str, str]] = field(default_factory=frozenset)

    def status(self) -> Body:
        """The body of a poll: the status and nothing else, or the error (facts: recorded)."""
        if not self.ended:
            return {"status": "InProgress"}
        if self.failure is None:
            return {"status": "Succeeded"}
        return {"status": "Failed", "error": error_body(*self.failure, details=())}


class Operations:
    """The operations of Microsoft.Network: at most one runs per resource."""

    def __init__(self, pace: Pace, base_url: Callable[[], str]) -> None:
        self._pace = pace
        self._base_url = base_url
        self._known: dict[str, Operation] = {}

    def check_free(self, resource_id: str) -> None:
        """Raise the 429 for a resource on which an operation runs."""
        for operation in self._running(resource_id):
            wait = self._pace.wait(LOCK_SECONDS)
            raise errors.busy_resource(operation.name, operation.resource_id, seconds=wait)

    def check_idle(self, resource_id: str) -> None:
        """Raise the 409 for a resource on which an operation runs: what hubs say (facts: quoted), tables say `check_free`.

        The URL in the message is quoted with a host of the region, which is no address to poll.
        """
        for operation in self._running(resource_id):
            path = _OPERATIONS.format(
                subscription=resource_ids.parse(resource_id).subscription, location=operation.location
            )
            host = f"https://{operation.location}.network.azure.com"
            version = dict(operation.query)["api-version"]
            uri = f"{host}{path}/operations/{operation.id}?api-version={version}"
            raise errors.another_operation_in_progress(uri)

    def start(
        self,
        name: str,
        resource_id: str,
        *,
        location: str,
        api_version: str,
        seconds: float,
        finish: Callable[[Operation], None],
        is_delete: bool = False,
        failure: tuple[str, str] | None = None,
        hangs: Callable[[], bool] | None = None,
        result: Callable[[], Body] | None = None,
    ) -> Operation:
        """Accept an operation that takes `seconds` and then calls `finish`; one with a `result` is a POST that reads.

        Its URLs are signed and about 3 KB long, as since 2024 (facts); the signature means nothing here.
        """
        number = str(uuid.uuid4())
        query = (("api-version", api_version), *_signature())
        root = self._base_url() + _OPERATIONS.format(
            subscription=resource_ids.parse(resource_id).subscription, location=location
        )
        operation = Operation(
            name=name,
            resource_id=resource_id,
            status_url=f"{root}/operations/{number}?{urlencode(query)}",
            result_url=f"{root}/operationResults/{number}?{urlencode(query)}",
            ends_at=self._pace.end_of(seconds),
            finish=finish,
            is_delete=is_delete,
            failure=failure,
            hangs=hangs or (lambda: False),
            id=number,
            location=location,
            result=result,
            query=frozenset(query),
        )
        self._known[number] = operation
        return operation

    def settle(self) -> None:
        """End every operation whose time has come."""
        now = self._pace.clock()
        for operation in self._known.values():
            if not operation.ended and operation.ends_at <= now and not operation.hangs():
                self._end(operation)

    def end_on(self, resource_id: str) -> None:
        """End what runs on a resource now, whatever the clock says."""
        for operation in self._running(resource_id):
            self._end(operation)

    def accepted(self, operation: Operation, status: int, body: Body | None = None) -> Answer:
        """The answer that accepts an operation: a Location only for a delete or a POST, whose body is null (facts: recorded)."""
        headers = {**_links(operation), "x-ms-request-id": operation.id}
        if not operation.ended:
            headers |= self._pace.retry_after(0)
        return Answer(status, body if operation.result is None else _NULL, headers)

    def endpoints(self) -> tuple[Endpoint, ...]:
        """What pollers ask for."""
        return (
            Endpoint("GET", _OPERATIONS + "/operations/{operation}", self._get_status, NETWORK),
            Endpoint("GET", _OPERATIONS + "/operationResults/{operation}", self._get_result, NETWORK),
        )

    def _get_status(self, ask: Ask) -> Answer:
        operation = self._find(ask)
        operation.polls += 1
        headers = {} if operation.ended else self._pace.retry_after(operation.polls)
        return Answer(200, operation.status(), headers)

    def _get_result(self, ask: Ask) -> Answer:
        operation = self._find(ask)
        if not operation.ended:
            operation.polls += 1
            headers = {**_links(operation), **self._pace.retry_after(operation.polls)}
            return Answer(202, None if operation.result is None else _NULL, headers)
        if operation.result is None:
            return Answer(204, None, _links(operation))
        if operation.failure is not None:
            # What the result of a failed POST looks like is not known; any error ends the client's polling.
            raise AzureError(500, *operation.failure, details=())
        return Answer(200, operation.result(), _links(operation))

    def _find(self, ask: Ask) -> Operation:
        operation = self._known.get(ask.names["operation"].lower())
        if operation is None:
            raise errors.operation_not_found(ask.names["operation"])
        if frozenset(ask.query.items()) != operation.query:
            # What Azure answers is not known. Strict, so that a client that rebuilds the URL is caught.
            raise AzureError(
                403, "InvalidOperationUrl", "The URL is not the one that was handed out. Poll it verbatim."
            )
        return operation

    def _running(self, resource_id: str) -> list[Operation]:
        wanted = resource_ids.key(resource_id)
        return [
            operation
            for operation in self._known.values()
            if not operation.ended and resource_ids.key(operation.resource_id) == wanted
        ]

    @staticmethod
    def _end(operation: Operation) -> None:
        operation.ended = True
        operation.finish(operation)


def _links(operation: Operation) -> dict[str, str]:
    links = {"Azure-AsyncNotification": "Enabled"}
    if operation.result is None:
        links["Azure-AsyncOperation"] = operation.status_url
    if operation.is_delete or operation.result is not None:
        links["Location"] = operation.result_url
    return links


def _signature() -> tuple[tuple[str, str], ...]:
    return (
        ("t", str(10**17 + secrets.randbelow(10**17))),
        ("c", secrets.token_urlsafe(1950)),
        ("s", secrets.token_urlsafe(256)),
        ("h", secrets.token_urlsafe(32)),
    )
