"""What Azure Resource Manager can answer instead of success: what is waited for, what ends the pass, and what is said."""

import pytest
from aiohttp import web

from sandbox.endpoint import Handler
from sandbox.resource_manager import AzureError, errors
from shared.report import Outcome
from shared.targets.arm import PATIENCE
from tests.wire.stage import APPS, ONE_TABLE, SYSTEM, PreparedError, Stage, applied, of_table, results, said

pytestmark = pytest.mark.wire

SUBSCRIPTION = APPS.split("/")[2]


def throttled(seconds: int) -> AzureError:
    return errors.throttled(SUBSCRIPTION, "PUT/SUBSCRIPTIONS/ROUTETABLES", seconds=seconds)


# Waited for


def test_retry_after_is_really_obeyed(stage: Stage) -> None:
    """k/k#41671: throttled for ever by calling on. No call of any kind comes before the time is over."""
    stage.cluster.add("apps", 1)
    stage.arm.refuse_next("PUT", "rt-apps", throttled(1))
    assert stage.start(ONE_TABLE).run().outcome is Outcome.APPLIED
    calls = stage.arm.calls
    refused = next(index for index, call in enumerate(calls) if call.status == 429)
    assert calls[refused + 1].method == "PUT"
    assert calls[refused + 1].at - calls[refused].at >= 1.0


@pytest.mark.parametrize("method", ["GET", "PUT"])
@pytest.mark.parametrize(
    ("error", "times", "waited"),
    [
        pytest.param(throttled(37), 1, [37.0], id="429, 37 s"),
        pytest.param(errors.busy_resource("PutSubnetOperation", APPS, seconds=11), 2, [11.0, 11.0], id="429, busy"),
        pytest.param(errors.service_unavailable(), 2, [1.6], id="503 in HTML, twice"),
    ],
)
def test_what_passes_is_waited_for_and_then_done(
    stage: Stage, waits: list[float], method: str, error: AzureError, times: int, waited: list[float]
) -> None:
    """Recorded: 429 RetryableErrorDueToAnotherOperation, SubscriptionRequestsThrottled, 503 as HTML; k/k#88151."""
    stage.cluster.add("apps", 2)
    stage.arm.refuse_next(method, "rt-apps", error, times=times)
    report = stage.start(ONE_TABLE).run()
    assert (report.outcome, applied(report)) == (Outcome.APPLIED, 2)
    assert waits == waited
    refused = [method] * times
    assert stage.calls() == (refused if method == "GET" else []) + ["GET"] + (refused if method == "PUT" else []) + [
        "PUT",
        "poll",
        "GET",
    ]


def test_a_write_that_is_tried_again_leaves_no_connection_behind(stage: Stage, waits: list[float]) -> None:
    """azure-core streams the answers to writes, and lets go of none that it tries again: one more open socket each."""
    ports: list[int] = []

    async def noted(request: web.Request, handler: Handler) -> web.StreamResponse:
        ports.append(request.transport.get_extra_info("peername")[1] if request.transport else 0)
        return await handler(request)

    stage.cloud.arm_endpoint.detour(noted)
    stage.cluster.add("apps", 1)
    stage.arm.refuse_next("PUT", "rt-apps", throttled(1), times=2)
    assert stage.start(ONE_TABLE).run().outcome is Outcome.APPLIED
    assert waits == [1.0, 1.0]
    assert stage.calls() == ["GET", "PUT", "PUT", "PUT", "poll", "GET"]
    assert len(set(ports)) == 1


def test_another_operation_in_progress_is_waited_for_and_planned_again(stage: Stage, waits: list[float]) -> None:
    """azurerm#3780, azure-rest-api-specs#10391: 409 without a Retry-After."""
    stage.cluster.add("apps", 2)
    stage.arm.refuse_next("PUT", "rt-apps", errors.another_operation_in_progress("https://x/operations/1?t=2&c=sig"))
    report = stage.start(ONE_TABLE).run()
    assert (report.outcome, applied(report)) == (Outcome.APPLIED, 2)
    assert stage.calls() == ["GET", "PUT", "GET", "PUT", "poll", "GET"]
    assert waits == [5.0]


def test_the_wait_that_is_only_in_the_text_is_obeyed_too(stage: Stage, waits: list[float]) -> None:
    stage.cluster.add("apps", 1)
    text = "Operation DeleteRouteOperation is updating resource rt. The call can be retried in 11 seconds."
    details = [("RetryableErrorDueToAnotherOperation", text)]
    stage.arm.answer_next("PUT", "rt-apps", 409, "RetryableError", "A retryable error occurred.", details=details)
    assert stage.start(ONE_TABLE).run().outcome is Outcome.APPLIED
    assert waits == [11.0]


def test_a_resource_beside_it_that_is_not_ready_is_waited_for_and_planned_again(
    stage: Stage, waits: list[float]
) -> None:
    """azure-rest-api-specs#1124, azure-sdk-for-go#588."""
    stage.cluster.add("apps", 1)
    details = [("ReferencedResourceNotProvisioned", "Cannot proceed, since a referenced resource is not provisioned.")]
    stage.arm.answer_next("PUT", "rt-apps", 409, "RetryableError", "A retryable error occurred.", details=details)
    assert stage.start(ONE_TABLE).run().outcome is Outcome.APPLIED
    assert stage.calls() == ["GET", "PUT", "GET", "PUT", "poll", "GET"]
    assert waits == [5.0]


def test_an_operation_that_never_ends_elsewhere_is_given_up_within_the_functions_time(
    stage: Stage, waits: list[float]
) -> None:
    stage.cluster.add("apps", 1)
    stage.arm.refuse_next("PUT", "rt-apps", errors.busy_resource("PutSubnetOperation", APPS, seconds=11), times=100)
    report = stage.start(ONE_TABLE).run()
    assert report.outcome is Outcome.FAILED
    assert "HTTP 429 RetryableError: another operation is at work on it (gave up after 4 attempts" in said(report)
    assert sum(waits) < 300  # host.json: functionTimeout 10 minutes


@pytest.mark.parametrize(
    ("error", "waited", "words"),
    [
        pytest.param(throttled(int(PATIENCE) + 1), [], "Azure throttles this subscription", id="too long"),
        pytest.param(throttled(50), [50.0, 50.0], "Azure throttles this subscription", id="too often"),
        pytest.param(
            errors.busy_resource("PutSubnetOperation", APPS, seconds=3600),
            [],
            "another operation is at work",
            id="busy",
        ),
    ],
)
def test_a_wait_beyond_patience_ends_the_pass_with_a_sentence(
    stage: Stage, waits: list[float], error: AzureError, waited: list[float], words: str
) -> None:
    stage.cluster.add("apps", 1)
    stage.arm.refuse_next("PUT", "rt-apps", error, times=100)
    report = stage.start(ONE_TABLE).run()
    assert (report.outcome, applied(report)) == (Outcome.FAILED, 0)
    assert waits == waited
    assert f"HTTP 429 {error.code}: {words}" in said(report)
    assert "the next pass tries again" in said(report)


def test_a_service_that_stays_away_is_a_failure_without_its_html(stage: Stage, waits: list[float]) -> None:
    stage.cluster.add("apps", 1)
    stage.arm.refuse_next("PUT", "rt-apps", errors.service_unavailable(), times=100)
    report = stage.start(ONE_TABLE).run()
    assert report.outcome is Outcome.FAILED
    assert "HTTP 503: Azure failed; the next pass tries again" in said(report)
    assert "<" not in said(report)
    assert stage.arm.count("PUT", APPS) == 4  # the first and the three that azure-core tries again
    assert sum(waits) < 10


# Terminal


WITH_A_TEXT_OF_ITS_OWN = PreparedError(
    403,
    {
        "error": {
            "code": "RequestDisallowedByPolicy",
            "target": "rt-apps",
            "message": "Resource 'rt-apps' was disallowed by policy. Reasons: 'Ask the network team.'. "
            "See error details for policy resource IDs.",
            "additionalInfo": [
                {
                    "type": "PolicyViolation",
                    "info": {
                        "policyDefinitionName": "5f2",
                        "policyAssignmentId": "/providers/Microsoft.Management/managementGroups/corp/pa-7",
                        "policyAssignmentName": "pa-7",
                        "policyAssignmentDisplayName": "Only the hub writes routes",
                    },
                }
            ],
        }
    },
)


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (
            errors.authorization_failed("Microsoft.Network/routeTables/write", APPS),
            [
                "HTTP 403 AuthorizationFailed: grant the app's identity the missing action",
                "Microsoft.Network/routeTables/write",
            ],
        ),
        (
            errors.disallowed_by_policy("rt-apps", "deny-route-changes"),
            ["HTTP 403 RequestDisallowedByPolicy: an Azure Policy", "ask for an exemption", "deny-route-changes"],
        ),
        (
            WITH_A_TEXT_OF_ITS_OWN,
            [
                "RequestDisallowedByPolicy",
                "'Only the hub writes routes'",
                "managementGroups/corp/pa-7",
                "Ask the network",
            ],
        ),
        (
            errors.scope_locked(f"{APPS}/providers/Microsoft.Authorization/locks/no-touch"),
            ["HTTP 409 ScopeLocked: a management lock forbids this write; remove the lock", "locks/no-touch"],
        ),
        (
            AzureError(400, "RouteConflict", "Route: a conflicts with Route: b.", details=()),
            ["HTTP 400 RouteConflict: another route took the prefix", "the next pass plans anew", "Route: a conflicts"],
        ),
        (
            AzureError(400, "InvalidRequestFormat", "Cannot parse.", details=[("InvalidJson", "Path 'x'")]),
            ["HTTP 400 InvalidRequestFormat: Azure refused it", "Cannot parse.", "Path 'x'"],
        ),
        (
            AzureError(409, "Conflict", f"see https://x/operations/1?t=1&c={'s' * 2000} for more", details=()),
            ["HTTP 409 Conflict: Azure refused it", "see https://x/operations/1?… for more"],
        ),
    ],
    ids=lambda value: value.code if isinstance(value, AzureError) and value.code else None,
)
def test_a_refused_write_is_terminal_names_code_and_way_out_and_stops_no_other_table(
    stage: Stage, waits: list[float], error: AzureError, sentence: list[str]
) -> None:
    """Issue "Route table target"; gardener #7: try all route tables before returning errors."""
    stage.cluster.add("system", 2)
    stage.arm.refuse_next("PUT", "rt-apps", error)
    report = stage.start().run()
    apps = of_table(report, APPS)
    assert (report.outcome, apps.outcome, results(apps)) == (Outcome.FAILED, Outcome.FAILED, {"failed"})
    assert apps.error is not None
    assert apps.error.startswith(f"{APPS}: HTTP {error.status} ")
    assert [words for words in sentence if words not in apps.error] == []
    assert stage.arm.count("PUT", APPS) == 1
    assert waits == []
    assert of_table(report, SYSTEM).outcome is Outcome.APPLIED
    assert stage.ours(SYSTEM) == stage.cluster.expected()


GONE = APPS.replace("rt-apps", "rt-gone")


@pytest.mark.parametrize(
    ("table", "error", "sentence"),
    [
        (GONE, None, "HTTP 404 ResourceNotFound: it does not exist; create it or correct its id in the configuration"),
        (
            APPS.replace("/rg-shop/", "/rg-gone/"),
            None,
            "HTTP 404 ResourceGroupNotFound: its resource group does not exist; correct the id in the configuration",
        ),
        (
            APPS.replace(SUBSCRIPTION, "00000000-0000-0000-0000-00000000dead"),
            None,
            "HTTP 404 SubscriptionNotFound: the subscription is unknown to the app's identity",
        ),
        (
            APPS,
            errors.authorization_failed("Microsoft.Network/routeTables/read", APPS),
            "HTTP 403 AuthorizationFailed: grant the app's identity the missing action",
        ),
        (
            APPS,
            PreparedError(403, "<html>Forbidden by the proxy</html>"),
            "HTTP 403: grant the app's identity the missing",
        ),
        (APPS, PreparedError(200, "<html>Please log in</html>"), "could not be reached or answered nonsense"),
        (APPS, PreparedError(200, '{"name": "rt-a'), "could not be reached or answered nonsense"),
        (APPS, errors.unauthenticated(header=True), "HTTP 401 InvalidAuthenticationToken: the token was refused"),
    ],
)
def test_a_table_that_cannot_be_read_is_not_written_and_stops_no_other_table(
    stage: Stage, waits: list[float], table: str, error: AzureError | None, sentence: str
) -> None:
    """Invariant 1; AZ "table missing": error, not create."""
    stage.cluster.add("system", 2)
    if error is not None:
        stage.arm.refuse_next("GET", "/routetables/rt-apps", error)
    report = stage.start({"routing": {"mode": "udr", "routeTables": [table, SYSTEM]}}).run()
    unread = of_table(report, table)
    assert (report.outcome, unread.outcome, unread.changes) == (Outcome.FAILED, Outcome.FAILED, ())
    assert unread.error is not None
    assert unread.error.startswith(f"{table}: ")
    assert sentence in unread.error
    assert "<" not in unread.error
    assert (stage.arm.count("PUT", table), waits) == (0, [])
    assert stage.ours(SYSTEM) == stage.cluster.expected()


def test_a_poll_that_azure_answers_with_404_is_not_told_as_a_missing_table(stage: Stage) -> None:
    stage.cluster.add("apps", 1)
    app = stage.start()
    stage.arm.answer_next("GET", "/operations/", 404, "OperationNotFound", "The operation was not found.")
    report = app.run()
    assert report.outcome is Outcome.FAILED
    assert "no longer knows the write that it accepted" in said(report)
    assert "create it" not in said(report)
    assert app.run().outcome in {Outcome.IN_SYNC, Outcome.APPLIED}
