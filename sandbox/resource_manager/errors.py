"""The errors of Azure by name, ready to raise or to script. Wordings follow recorded or publicly quoted answers.

Where a line below says "inferred", Azure's own code or wording could not be found and the shape alone is known.
"""

from sandbox.resource_manager.answers import AzureError
from sandbox.resource_manager.resource_ids import ResourceId

_SERVICE_UNAVAILABLE = (
    "<!DOCTYPE html><html><head><title>Service unavailable</title></head>"
    "<body><h2>Our services aren't available right now</h2>"
    "<p>We're working to restore all services as soon as possible. Please check back soon.</p></body></html>"
)
_CHALLENGE = 'Bearer authorization_uri="https://login.microsoftonline.com/common", error="invalid_token"'


def resource_not_found(resource: ResourceId) -> AzureError:
    """No such top-level resource: the front door knows without asking the provider (facts: recorded).

    It answers the same for a child of a missing parent (https://github.com/Azure/azure-cli/issues/16744).
    """
    kind, name = resource.names[0]
    return AzureError(
        404,
        "ResourceNotFound",
        f"The Resource '{resource.provider}/{kind}/{name}' under resource group '{resource.group}' was not found. "
        "For more details please go to https://aka.ms/ARMResourceNotFoundFix",
        gateway=True,
    )


def resource_group_not_found(group: str) -> AzureError:
    """No such resource group (facts: recorded)."""
    return AzureError(404, "ResourceGroupNotFound", f"Resource group '{group}' could not be found.", gateway=True)


def subscription_not_found(subscription: str) -> AzureError:
    """No such subscription, or none this caller may see."""
    return AzureError(
        404, "SubscriptionNotFound", f"The subscription '{subscription}' could not be found.", gateway=True
    )


def child_not_found(resource_id: str) -> AzureError:
    """No such child: the resource provider's own form (facts: recorded for a subnet)."""
    return AzureError(404, "NotFound", f"Resource {resource_id} not found.", details=())


def operation_not_found(operation: str) -> AzureError:
    """A poll of an operation that is not known; it may be one that goes on all the same.

    Seen for a network resource: https://github.com/hashicorp/go-azure-sdk/issues/989; wording inferred.
    """
    return AzureError(404, "NotFound", f"Operation {operation} was not found.", details=())


def etag_mismatch(if_match: str, etag: str, resource_id: str) -> AzureError:
    """The version in If-Match is not the current one (facts: recorded for a route table)."""
    return AzureError(
        412,
        "PreconditionFailed",
        "Precondition failed.",
        details=[
            (
                "PreconditionFailedEtagMismatch",
                (
                    f"Etag provided in if-match header {if_match} does not match etag {etag} "
                    f"of resource {resource_id} in NRP data store."
                ),
            )
        ],
    )


def busy_resource(operation: str, resource_id: str, *, seconds: int) -> AzureError:
    """Another operation holds the resource (https://github.com/kubernetes/kubernetes/issues/88151; recorded for a gateway)."""
    return AzureError(
        429,
        "RetryableError",
        "A retryable error occurred.",
        details=[
            (
                "RetryableErrorDueToAnotherOperation",
                (
                    f"Operation {operation} is updating resource {resource_id}. "
                    f"The call can be retried in {seconds} seconds."
                ),
            )
        ],
        headers={"Retry-After": str(seconds)},
    )


def throttled(subscription: str, operation: str, *, seconds: int) -> AzureError:
    """The front door's own throttling, by quota (facts: recorded). `operation` is method and type in capitals."""
    return AzureError(
        429,
        "SubscriptionRequestsThrottled",
        f"Number of requests for subscription '{subscription}' and operation '{operation}' exceeded the backend "
        f"storage limit. Please try again after '{seconds}' seconds.",
        headers={"Retry-After": str(seconds)},
    )


def another_operation_in_progress(operation_uri: str) -> AzureError:
    """409 of a resource that works on something else (https://github.com/Azure/azure-rest-api-specs/issues/10391)."""
    return AzureError(
        409,
        "AnotherOperationInProgress",
        "Another operation on this or dependent resource is in progress. "
        f"To retrieve status of the operation use uri: {operation_uri}.",
        details=(),
    )


def disallowed_by_policy(resource: str, policy: str) -> AzureError:
    """An Azure Policy with effect deny.

    Source: https://learn.microsoft.com/azure/azure-resource-manager/troubleshooting/error-policy-requestdisallowedbypolicy.
    """
    return AzureError(
        403,
        "RequestDisallowedByPolicy",
        f"Resource '{resource}' was disallowed by policy. Policy identifiers: "
        f'\'[{{"policyAssignment":{{"name":"{policy}"}},"policyDefinition":{{"name":"{policy}"}}}}]\'.',
        gateway=True,
    )


def scope_locked(scope: str, *, action: str = "write") -> AzureError:
    """A management lock (facts: recorded for a delete). `scope` is the id of what is locked."""
    return AzureError(
        409,
        "ScopeLocked",
        f"The scope '{scope}' cannot perform {action} operation because following scope(s) are locked: "
        f"'{scope}'. Please remove the lock and try again.",
        gateway=True,
    )


def authorization_failed(action: str, scope: str) -> AzureError:
    """The identity lacks a role assignment (facts: recorded)."""
    return AzureError(
        403,
        "AuthorizationFailed",
        "The client '00000000-0000-0000-0000-000000000001' with object id '00000000-0000-0000-0000-000000000002' "
        f"does not have authorization to perform action '{action}' over scope '{scope}' or the scope is invalid. "
        "If access was recently granted, please refresh your credentials.",
        gateway=True,
    )


def internal_server_error() -> AzureError:
    """500 of a resource provider."""
    return AzureError(500, "InternalServerError", "An error occurred.", details=())


def service_unavailable() -> AzureError:
    """503 from the edge, in HTML instead of JSON (facts: recorded)."""
    return AzureError(503, "ServiceUnavailable", "Service unavailable", html=_SERVICE_UNAVAILABLE)


def unauthenticated(*, header: bool) -> AzureError:
    """401. `header` says whether an Authorization header came at all.

    Wordings: https://github.com/hashicorp/terraform-provider-azurerm/issues/3612 for the missing header, inferred else.
    """
    code, message = (
        ("InvalidAuthenticationToken", "The access token is invalid, expired or meant for another audience.")
        if header
        else ("AuthenticationFailed", "Authentication failed. The 'Authorization' header is missing.")
    )
    return AzureError(401, code, message, headers={"WWW-Authenticate": _CHALLENGE}, gateway=True)


def expired_token(expiry: str, now: str) -> AzureError:
    """401 for a token that was good once (wording: https://github.com/microsoft/foundry-dev-tools/issues/461)."""
    return AzureError(
        401,
        "ExpiredAuthenticationToken",
        f"The access token expiry UTC time '{expiry}' is earlier than current UTC time '{now}'.",
        headers={"WWW-Authenticate": _CHALLENGE},
        gateway=True,
    )


def missing_api_version() -> AzureError:
    """No api-version in the query (https://github.com/Azure/azure-sdk-for-go/issues/22571)."""
    return AzureError(
        400,
        "MissingApiVersionParameter",
        "The api-version query parameter (?api-version=) is required for all requests.",
        gateway=True,
    )


def unsupported_api_version(version: str, kind: str, supported: str) -> AzureError:
    """A version the provider does not have (https://github.com/Azure/azure-cli/issues/17545)."""
    return AzureError(
        400,
        "NoRegisteredProviderFound",
        f"No registered resource provider found for location 'westeurope' and API version '{version}' "
        f"for type '{kind}'. The supported api-versions are '{supported}'.",
        gateway=True,
    )


def invalid_request(message: str) -> AzureError:
    """The body is not what it should be, seen by the front door."""
    return AzureError(400, "InvalidRequestContent", message, gateway=True)


def unparsable(code: str, message: str) -> AzureError:
    """The body does not fit the provider's types (https://github.com/Azure/migAz/issues/181)."""
    return AzureError(400, "InvalidRequestFormat", "Cannot parse the request.", details=[(code, message)])
