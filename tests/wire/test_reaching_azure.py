"""Resource Manager that cannot be reached, is not trusted, or does not take our token: a sentence each, and no secret in it."""

import logging
from collections.abc import Callable
from typing import Any

import pytest

from sandbox.resource_manager import errors
from shared.report import Cause, Outcome
from tests.wire.conftest import Sent
from tests.wire.stage import APPS, ONE_TABLE, Stage, applied, said

pytestmark = pytest.mark.wire


def test_an_endpoint_that_refuses_connections_is_a_sentence(stage: Stage, waits: list[float]) -> None:
    report = stage.start(AKS_POD_ROUTES_ARM_ENDPOINT="https://127.0.0.1:1").run()
    assert (report.outcome, report.cause) == (Outcome.FAILED, Cause.UPSTREAM)
    assert "Azure Resource Manager could not be reached" in said(report)
    assert "Connection refused" in said(report)
    assert "check AKS_POD_ROUTES_ARM_ENDPOINT and the app's outbound network" in said(report)


def test_an_endpoint_that_is_not_trusted_gets_no_token(
    stage: Stage, waits: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("REQUESTS_CA_BUNDLE")
    report = stage.start().run()
    assert "CERTIFICATE_VERIFY_FAILED" in said(report)
    assert "check AKS_POD_ROUTES_ARM_ENDPOINT" in said(report)
    assert stage.arm.calls == ()


def test_a_connection_that_breaks_while_an_operation_is_polled_is_a_failure_without_the_signed_address(
    stage: Stage, waits: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Facts: the address of an operation carries a signature, which is never logged."""
    stage.cluster.add("apps", 1)
    stage.arm.refuse_next("GET", "/operations/", errors.service_unavailable(), times=100)
    report = stage.start(ONE_TABLE).run()
    assert (report.outcome, applied(report)) == (Outcome.FAILED, 0)
    assert "HTTP 503: Azure failed; the next pass tries again" in said(report)
    assert "operations" not in said(report)


def test_a_token_endpoint_that_refuses_is_a_sentence_with_the_way_out(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("IDENTITY_HEADER", "not-the-secret")
    report = stage.start().run()
    assert (report.outcome, report.cause) == (Outcome.FAILED, Cause.UPSTREAM)
    assert "no token for Azure Resource Manager" in said(report)
    assert "check that the managed identity is assigned to the app and that AZURE_CLIENT_ID is its client id" in said(
        report
    )
    assert "Bad X-IDENTITY-HEADER" in said(report)  # the managed identity alone is asked, and no other credential
    assert "not-the-secret" not in said(report)
    assert stage.arm.calls == ()


def test_refused_tokens_touch_nothing_and_say_what_to_do(stage: Stage) -> None:
    """Issue "Bad input": an expired token. azure-identity keeps one until it expires, so a person has to act."""
    stage.cluster.add("apps", 1)
    app = stage.start()
    assert app.run().outcome is Outcome.APPLIED
    before = stage.arm.table(APPS)
    stage.cluster.add("apps", 1)
    stage.cloud.tokens.revoke_all()
    report = app.run()
    assert (report.outcome, report.cause) == (Outcome.FAILED, Cause.UPSTREAM)
    assert "HTTP 401 InvalidAuthenticationToken: the token was refused; check the identity's tenant" in said(report)
    assert "restart the app" in said(report)
    assert stage.arm.table(APPS) == before
    assert stage.start().run().outcome is Outcome.APPLIED  # restarted


def test_a_token_is_renewed_before_it_expires(stage: Stage, sent: list[Sent]) -> None:
    stage.cloud.tokens.lifetime = 200.0  # below the five minutes that azure-core keeps in reserve
    app = stage.start()
    app.run(dry_run=True)
    stage.cloud.tokens.revoke_all()
    stage.forget_calls()
    assert app.run(dry_run=True).outcome is Outcome.IN_SYNC
    assert stage.discovery() == []  # neither Azure nor the API server refused a thing
    asked = [each for each in sent if each.path == "/msi/token"]
    assert {f"client_id={stage.settings['AZURE_CLIENT_ID']}" in each.query for each in asked} == {True}


def test_no_secret_is_ever_said(
    stage: Stage, waits: list[float], sent: list[Sent], caplog: pytest.LogCaptureFixture
) -> None:
    issue: Callable[[str], Any] = stage.cloud.tokens.issue
    issued: list[str] = []

    def remember(audience: str) -> Any:
        bearer, token = issue(audience)
        issued.append(bearer)
        return bearer, token

    stage.cloud.tokens.issue = remember  # type: ignore[method-assign]  # the sandbox's own, to know what is secret
    caplog.set_level(logging.INFO)
    stage.cluster.add("apps", 2)
    app = stage.start()
    reports = [app.run()]
    stage.arm.fail_operation_next("rt-apps", "InternalServerError", "An error occurred.")
    stage.cluster.add("apps", 1)
    reports.append(app.run())
    stage.kubernetes.answer_next("/api/v1/nodes", 401, "Unauthorized", times=2)
    reports.append(app.run())
    stage.cloud.tokens.revoke_all()
    reports.append(app.run())
    text = caplog.text + "".join(map(str, reports))
    assert len(issued) >= 2
    secrets = [
        *issued,
        stage.settings["IDENTITY_HEADER"],
        "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq",
    ]
    assert [secret for secret in secrets if secret in text] == []
    assert "BEGIN CERTIFICATE" not in text
    assert "&c=" not in text
