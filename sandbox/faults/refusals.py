"""Requests that Resource Manager refuses. Statuses and bodies are those of `resource_manager.errors`, with their sources.

`method` and `path` choose the requests: `*` is any method, `path` is contained in the path in any case.
"""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from sandbox.endpoint import Undo
from sandbox.faults.fault import Ground
from sandbox.faults.strikes import Strikes
from sandbox.resource_manager import AzureError, errors

TABLES = "/routetables/"
_TYPE = re.compile(r"/providers/([^/]+)/([^/]+)(?:/[^/]+(?:/([^/]+))?)?", re.IGNORECASE)
_VERBS = {"GET": "read", "PUT": "write", "PATCH": "write", "DELETE": "delete"}
_TIME = "%-m/%-d/%Y %-I:%M:%S %p"


def throttled(ground: Ground, strikes: Strikes, *, wait: int = 5, method: str = "*", path: str = "") -> Undo:
    """The subscription is out of requests: 429 SubscriptionRequestsThrottled with Retry-After (`wait` seconds)."""

    def error(verb: str, where: str) -> AzureError:
        subscription, kind = (where.split("/") + [""] * 3)[2], _resource_type(where).rpartition("/")[2]
        return errors.throttled(subscription, f"{verb}/{kind}".upper(), seconds=wait)

    return _refuse(ground, strikes, method, path, error)


def server_error(ground: Ground, strikes: Strikes, *, method: str = "*", path: str = "") -> Undo:
    """A resource provider fails: 500 InternalServerError."""
    return _refuse(ground, strikes, method, path, lambda *_: errors.internal_server_error())


def unavailable(ground: Ground, strikes: Strikes, *, method: str = "*", path: str = "") -> Undo:
    """The edge of Azure cannot reach what is behind it: 503 with a page of HTML instead of JSON."""
    return _refuse(ground, strikes, method, path, lambda *_: errors.service_unavailable())


def operation_in_progress(ground: Ground, strikes: Strikes, *, method: str = "PUT", path: str = TABLES) -> Undo:
    """Something else works on the table: 409 AnotherOperationInProgress."""

    def error(_: str, where: str) -> AzureError:
        return errors.another_operation_in_progress(f"{ground.cloud.arm.base_url}{where}/operations/0")

    return _refuse(ground, strikes, method, path, error)


def busy_table(ground: Ground, strikes: Strikes, *, wait: int = 11, method: str = "PUT", path: str = TABLES) -> Undo:
    """Another write holds the table: 429 RetryableErrorDueToAnotherOperation with Retry-After (`wait` seconds)."""

    def error(_: str, where: str) -> AzureError:
        return errors.busy_resource("PutRouteTableOperation", where, seconds=wait)

    return _refuse(ground, strikes, method, path, error)


def poll_404(ground: Ground, strikes: Strikes) -> Undo:
    """The state of an accepted operation cannot be found: its poll answers 404 while the operation goes on."""

    def error(_: str, where: str) -> AzureError:
        return errors.operation_not_found(where.rpartition("/")[2])

    return _refuse(ground, strikes, "GET", "/operations/", error)


def token_expired(ground: Ground, strikes: Strikes, *, method: str = "*", path: str = "") -> Undo:
    """The token was good once: 401 ExpiredAuthenticationToken, whatever token it is."""

    def error(*_: str) -> AzureError:
        now = datetime.now(UTC)
        return errors.expired_token((now - timedelta(minutes=5)).strftime(_TIME), now.strftime(_TIME))

    return _refuse(ground, strikes, method, path, error)


def token_refused(ground: Ground, strikes: Strikes, *, method: str = "*", path: str = "") -> Undo:
    """The token is not believed: 401 InvalidAuthenticationToken."""
    return _refuse(ground, strikes, method, path, lambda *_: errors.unauthenticated(header=True))


def policy(ground: Ground, strikes: Strikes, *, method: str = "PUT", path: str = TABLES) -> Undo:
    """An Azure Policy denies the write: 403 RequestDisallowedByPolicy."""

    def error(_: str, where: str) -> AzureError:
        return errors.disallowed_by_policy(where.rpartition("/")[2], "deny-route-changes")

    return _refuse(ground, strikes, method, path, error)


def lock(ground: Ground, strikes: Strikes, *, method: str = "PUT", path: str = TABLES) -> Undo:
    """A read-only lock lies on the table: 409 ScopeLocked."""
    return _refuse(ground, strikes, method, path, lambda _, where: errors.scope_locked(where))


def forbidden(ground: Ground, strikes: Strikes, *, method: str = "*", path: str = TABLES) -> Undo:
    """The identity's role assignment is gone: 403 AuthorizationFailed."""

    def error(verb: str, where: str) -> AzureError:
        action = f"{_resource_type(where)}/{_VERBS.get(verb, 'action')}"
        return errors.authorization_failed(action, where)

    return _refuse(ground, strikes, method, path, error)


def _refuse(ground: Ground, strikes: Strikes, method: str, path: str, error: Callable[[str, str], AzureError]) -> Undo:
    def decide(verb: str, where: str) -> AzureError | None:
        meant = method.upper() in {"*", verb} and path.lower() in where.lower()
        return error(verb, where) if meant and strikes() else None

    return ground.cloud.arm.scripts.answers.whenever(decide)


def _resource_type(path: str) -> str:
    """`Microsoft.Network/routeTables` of a path; what it is not of the resource providers is called so."""
    found = _TYPE.search(path)
    return "/".join(filter(None, found.groups())) if found else "Microsoft.Resources/subscriptions"
