"""Every refusal of the API as a value: HTTP status, body, headers. Wording as recorded from a real API server."""

from collections.abc import Mapping
from typing import Any

from sandbox.kubernetes_api.kinds import Resource

NOSNIFF = {"X-Content-Type-Options": "nosniff"}
"""Sent with 403 and with plain text, not with other refusals (facts: recorded)."""


class ApiError(Exception):
    """An answer that is not success. `body` is a Status object, or plain text."""

    def __init__(self, code: int, body: Mapping[str, Any] | str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(body if isinstance(body, str) else body["message"])
        self.code = code
        self.body = body
        self.headers = dict(headers or {})


def status(code: int, reason: str, message: str, details: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """A Status object of failure. An empty `reason` and absent `details` are left out."""
    return {
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Failure",
        "message": message,
        **({"reason": reason} if reason else {}),
        **({"details": dict(details)} if details is not None else {}),
        "code": code,
    }


def unauthorized() -> ApiError:
    """No token, or one that is not good here."""
    return ApiError(401, status(401, "Unauthorized", "Unauthorized"))


def forbidden(user: str, verb: str, *, group: str, plural: str, name: str, namespace: str = "") -> ApiError:
    """RBAC says no. Asked before anything else, so that it also hides whether the resource exists."""
    qualified = f"{plural}.{group}" if group else plural
    subject = f'{qualified} "{name}"' if name else qualified
    where = f'in the namespace "{namespace}"' if namespace else "at the cluster scope"
    message = f'{subject} is forbidden: User "{user}" cannot {verb} resource "{plural}" in API group "{group}" {where}'
    return ApiError(403, status(403, "Forbidden", message, _details(name, group, plural)), NOSNIFF)


def forbidden_path(user: str, verb: str, path: str) -> ApiError:
    """RBAC says no to a path that is no resource."""
    message = f'forbidden: User "{user}" cannot {verb} path "{path}"'
    return ApiError(403, status(403, "Forbidden", message, {}), NOSNIFF)


def page_not_found() -> ApiError:
    """The path is not served at all, for example because the CustomResourceDefinition is absent."""
    return ApiError(404, "404 page not found\n", NOSNIFF)


def not_found(resource: Resource, name: str) -> ApiError:
    """The resource is served, the object is not there."""
    message = f'{resource.qualified} "{name}" not found'
    return ApiError(404, status(404, "NotFound", message, _details(name, resource.group, resource.plural)))


def method_not_allowed() -> ApiError:
    """The sandbox takes no writes over HTTP but deletions."""
    message = "the server does not allow this method on the requested resource"
    return ApiError(405, status(405, "MethodNotAllowed", message, {}))


def bad_request(message: str) -> ApiError:
    """A parameter that cannot be understood."""
    return ApiError(400, status(400, "BadRequest", message))


def not_acceptable(resource: Resource) -> ApiError:
    """No media type of the Accept header is offered. Built-in and custom resources word it differently."""
    types = ("application/json", "application/yaml", "application/vnd.kubernetes.protobuf")
    if resource.custom:
        message = f"only the following media types are accepted: {', '.join(types)}"
        return ApiError(406, status(406, "NotAcceptable", message))
    offered = (*types, "application/json;stream=watch", "application/vnd.kubernetes.protobuf;stream=watch")
    message = f"406: Not Acceptable\n\nAvailable representations: {', '.join(offered)}"
    return ApiError(406, status(406, "NotAcceptable", message, {}))


def expired_continue(fresh: str) -> ApiError:
    """A continue token whose revision is gone. `fresh` goes on from the same place, on the current state."""
    message = (
        "The provided continue parameter is too old to display a consistent list result. You can start a new list "
        "without the continue parameter, or use the continue token in this response to retrieve the remainder of the "
        "results. Continuing with the provided token results in an inconsistent list - objects that were created, "
        "modified, or deleted between the time the first chunk was returned and now may show up in the list."
    )
    return ApiError(410, {**status(410, "Expired", message), "metadata": {"continue": fresh}})


def expired_revision() -> ApiError:
    """A list at an exact revision that is gone."""
    return ApiError(410, status(410, "Expired", "The resourceVersion for the provided list is too old."))


def too_old(revision: int, oldest: int) -> dict[str, Any]:
    """The Status in the one ERROR line of a watch that starts before the watch cache does."""
    return status(410, "Expired", f"too old resource version: {revision} ({oldest})")


def invalid_options(field: str, message: str) -> ApiError:
    """List options that contradict each other."""
    details = {
        "group": "meta.k8s.io",
        "kind": "ListOptions",
        "causes": [{"reason": "FieldValueForbidden", "message": f"Forbidden: {message}", "field": field}],
    }
    text = f'ListOptions.meta.k8s.io "" is invalid: {field}: Forbidden: {message}'
    return ApiError(422, status(422, "Invalid", text, details))


def unparsable_revision(value: str) -> ApiError:
    """A resourceVersion that is no number: 500 without a reason (facts: recorded)."""
    message = f'resourceVersion: Invalid value: "{value}": strconv.ParseUint: parsing "{value}": invalid syntax'
    return ApiError(500, status(500, "", message))


def revision_too_large(wanted: int, current: int) -> ApiError:
    """A list from a revision that did not come within three seconds."""
    details = {
        "causes": [{"reason": "ResourceVersionTooLarge", "message": "Too large resource version"}],
        "retryAfterSeconds": 1,
    }
    message = f"Timeout: Too large resource version: {wanted}, current: {current}"
    return ApiError(504, status(504, "Timeout", message, details), {"Retry-After": "1"})


def initializing() -> ApiError:
    """The watch cache of a custom resource is not filled yet."""
    body = status(429, "TooManyRequests", "storage is (re)initializing", {"retryAfterSeconds": 1})
    return ApiError(429, body, {"Retry-After": "1"})


def overloaded() -> ApiError:
    """Too many requests in flight: plain text, unlike every other refusal of a resource."""
    return ApiError(429, "Too many requests, please try again later.\n", {"Retry-After": "1", **NOSNIFF})


def _details(name: str, group: str, plural: str) -> dict[str, str]:
    present = {"name": name, "group": group, "kind": plural}
    return {key: value for key, value in present.items() if value}
