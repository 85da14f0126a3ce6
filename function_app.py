"""The front door: triggers only. Parse, call, answer; what is decided and done lives in `shared`."""

import gc
import logging
import os
import threading
from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING, List  # noqa: UP035  # see on_scale_event

import azure.functions as func

from shared.answers import (
    Answer,
    answer,
    answer_format,
    doctor_answer,
    history_answer,
    page_answer,
    reconcile_order,
    refusal,
    status_answer,
    wants_page,
)
from shared.correlation import correlated
from shared.errors import AppError
from shared.history import history_query
from shared.reconcile import Order
from shared.report import ClusterReport, Outcome
from shared.terminal import view
from shared.wake import WAKE_QUEUE, parse_wake, wake_all

if TYPE_CHECKING:
    from shared.fleet import Fleet

STORAGE = "AzureWebJobsStorage"
SCHEDULE_SETTING = "AKS_POD_ROUTES_SCHEDULE"
DEFAULT_SCHEDULE = "0 */5 * * * *"

_log = logging.getLogger("aks_pod_routes")
app = func.FunctionApp(http_auth_level=func.AuthLevel.FUNCTION)


_building = threading.Lock()


def fleet() -> "Fleet":
    """Everything behind the door, built once per instance and only when first needed. Raises ConfigError."""
    with _building:  # `cache` alone lets every thread that comes while it is built build one of its own
        return _fleet()


@cache
def _fleet() -> "Fleet":
    gc.disable()  # what the SDKs bring stays as long as the instance: no collection is to look through it, now or later
    try:
        from shared.wiring import build_fleet  # noqa: PLC0415  # keeps the cloud SDKs out of the indexing of functions

        return build_fleet(os.environ)
    finally:
        gc.freeze()
        gc.enable()


@app.function_name("on_scale_event")
@app.event_grid_trigger(arg_name="event")
@app.queue_output(arg_name="wake", queue_name=WAKE_QUEUE, connection=STORAGE)
def on_scale_event(event: func.EventGridEvent, wake: func.Out[List[str]]) -> None:  # noqa: UP006  # the worker refuses list[str] here
    """Queue one wake-up per cluster that the event concerns. Also gets CloudEvents: the binding goes by the payload."""
    with correlated(event.id or ""):
        clusters = fleet().wake(event)
        if clusters:
            at = getattr(event, "event_time", None) or getattr(event, "time", None)
            wake.set(wake_all(clusters, event.id, at))


@app.function_name("on_wake")
@app.queue_trigger(arg_name="message", queue_name=WAKE_QUEUE, connection=STORAGE)
@app.queue_output(arg_name="again", queue_name=WAKE_QUEUE, connection=STORAGE)
def on_wake(message: func.QueueMessage, again: func.Out[str]) -> None:
    """Look after one cluster until it has settled, unless somebody does so already; or make one pass, the timer's share."""
    wake = parse_wake(message.get_body())
    with correlated(wake.correlation or wake.event):
        if wake.once:
            _make_pass(wake.cluster, again, first=(message.dequeue_count or 1) == 1)
            return
        report, left = fleet().keep_vigil(wake, returned=(message.dequeue_count or 1) > 1)
        if report is None:
            _log.info("wake-up of %s by event %s: somebody is at it already", wake.cluster, wake.event)
            return
        if left:
            again.set(wake.text())
        _raise_on(report, outcomes={Outcome.FAILED, Outcome.BUSY})


@app.function_name("on_timer")
@app.timer_trigger(
    arg_name="timer", schedule=f"%{SCHEDULE_SETTING}%" if os.environ.get(SCHEDULE_SETTING) else DEFAULT_SCHEDULE
)
@app.queue_output(arg_name="again", queue_name=WAKE_QUEUE, connection=STORAGE)
def on_timer(timer: func.TimerRequest, again: func.Out[List[str]]) -> None:  # noqa: UP006  # as in on_scale_event
    """One pass over every cluster."""
    if timer.past_due:
        _log.info("timer: this run is late")
    with correlated():
        reports = fleet().make_round()
        _look_again(reports, again)
    _raise_on(*reports, outcomes={Outcome.FAILED})


@app.function_name("plan")
@app.route("plan", methods=[func.HttpMethod.GET])
def plan(req: func.HttpRequest) -> func.HttpResponse:
    """What a pass would do. Writes nothing."""
    return _passed(req, lambda: fleet().run(req.params.get("cluster"), Order("http", dry_run=True)))


@app.function_name("reconcile")
@app.route("reconcile", methods=[func.HttpMethod.POST])
@app.queue_output(arg_name="again", queue_name=WAKE_QUEUE, connection=STORAGE)
def reconcile(req: func.HttpRequest, again: func.Out[List[str]]) -> func.HttpResponse:  # noqa: UP006  # as in on_scale_event
    """One pass now."""

    def run() -> tuple[ClusterReport, ...]:
        reports = fleet().run(*reconcile_order(req.get_body()))
        _look_again(reports, again)
        return reports

    return _passed(req, run)


@app.function_name("status")
@app.route("status", methods=[func.HttpMethod.GET])
def status(req: func.HttpRequest) -> func.HttpResponse:
    """How every cluster is doing, as JSON, as text, or as a page; with `since`, `until`, `limit` or `entry` its history."""

    def reply() -> Answer:
        if wants_page(req.headers.get("accept", ""), req.params):
            return page_answer()
        form, how, asked = answer_format(req.params), view(req.params), history_query(req.params)
        if asked is not None:
            return history_answer(asked, fleet().history(asked))
        routes = req.params.get("routes") == "true"
        return status_answer(fleet().status(req.params.get("cluster"), routes=routes), form, how)

    return _answered(req, reply)


def _make_pass(cluster: str, again: func.Out[str], *, first: bool) -> None:
    """Ends red where it fails, and is tried once more; then the next round comes sooner than another attempt."""
    reports = fleet().run(cluster, Order("timer"))
    for left in wake_all(fleet().look_again(reports)):
        again.set(left)
    if first:
        _raise_on(*reports, outcomes={Outcome.FAILED})


def _look_again(reports: tuple[ClusterReport, ...], again: func.Out[List[str]]) -> None:  # noqa: UP006  # as above
    """What Azure is still at work on outlasts this function; the queue has somebody stay with it."""
    clusters = fleet().look_again(reports)
    if clusters:
        again.set(wake_all(clusters))


@app.function_name("doctor")
@app.route("doctor", methods=[func.HttpMethod.GET])
def doctor(req: func.HttpRequest) -> func.HttpResponse:
    """What is in the way of pods, and of the app itself. Writes nothing."""

    def reply() -> Answer:
        form, how = answer_format(req.params), view(req.params)
        return doctor_answer(fleet().examine(req.params.get("cluster")), form, how)

    return _answered(req, reply)


def _passed(req: func.HttpRequest, run: Callable[[], tuple[ClusterReport, ...]]) -> func.HttpResponse:
    def reply() -> Answer:
        form, how = answer_format(req.params), view(req.params)  # before anything is done
        return answer(run(), form, how)

    return _answered(req, reply)


def _answered(req: func.HttpRequest, reply: Callable[[], Answer]) -> func.HttpResponse:
    with correlated() as told:
        try:
            result = reply()
        except AppError as error:
            result = refusal(error, req.params)
    return func.HttpResponse(
        result.body,
        status_code=result.status,
        headers={**result.headers, "x-ms-correlation-request-id": told},
        mimetype=result.content_type,
    )


def _raise_on(*reports: ClusterReport, outcomes: set[Outcome]) -> None:
    """An invocation that failed ends red; a wake-up that found the cluster busy to the end comes back."""
    bad = [report for report in reports if report.outcome in outcomes]
    if bad:
        raise RuntimeError("; ".join(f"{report.cluster}: {report.error or 'a route table failed'}" for report in bad))
