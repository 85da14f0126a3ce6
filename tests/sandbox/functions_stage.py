"""What the tests of the functions host share: a small app with one function per trigger, and how to host it."""

import importlib.util
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from azure.storage.queue import QueueClient

from sandbox.azurite import Azurite
from sandbox.functions_host.process import FunctionsHost, Invocation
from sandbox.functions_host.worker import Choice

WORKERS: tuple[Choice, ...] = ("library", "fallback")
LIBRARY_INSTALLED = importlib.util.find_spec("azure_functions_runtime") is not None


EVENT = {
    "id": "e1",
    "topic": "/subscriptions/s",
    "subject": "/subscriptions/s/resourceGroups/g",
    "eventType": "Microsoft.Resources.ResourceWriteSuccess",
    "eventTime": "2026-11-22T10:00:00.1234567Z",
    "dataVersion": "2",
    "data": {"operationName": "write"},
}

FUNCTION_APP = """
import json
import logging
import os
import threading
import time
from pathlib import Path

import azure.functions as func

app = func.FunctionApp(http_auth_level=func.AuthLevel.FUNCTION)
seen = Path(os.environ["SEEN"])


def write_down(**what):
    with seen.open("a") as file:
        file.write(json.dumps(what, default=str) + "\\n")


@app.route(route="echo/{word?}", methods=["GET", "POST"])
def echo(req: func.HttpRequest, context: func.Context) -> func.HttpResponse:
    logging.getLogger("app").info("asked for %s", req.route_params.get("word"))
    given = {
        "method": req.method,
        "params": dict(req.params),
        "route": dict(req.route_params),
        "header": req.headers.get("X-Colour"),
        "body": req.get_body().decode(),
        "function": context.function_name,
    }
    return func.HttpResponse(json.dumps(given), status_code=409, mimetype="application/json", headers={"Retry-After": "7"})


@app.route(route="open", auth_level=func.AuthLevel.ANONYMOUS)
async def open_door(req: func.HttpRequest) -> str:
    return "come in"


@app.route(route="vault", auth_level=func.AuthLevel.ADMIN)
def vault(req: func.HttpRequest) -> str:
    return "gold"


@app.route(route="boom")
def boom(req: func.HttpRequest) -> func.HttpResponse:
    raise ValueError("nobody should read this over HTTP")


@app.event_grid_trigger(arg_name="event")
@app.queue_output(arg_name="out", queue_name="%QUEUE%", connection="AzureWebJobsStorage")
def on_event(event: func.EventGridEvent, out: func.Out[str]) -> None:
    kind = getattr(event, "event_type", None) or event.type
    write_down(function="on_event", type=type(event).__name__, id=event.id, kind=kind, data=event.get_json())
    if event.id == "fails":
        raise RuntimeError("this event is too much")
    out.set(json.dumps({"event": event.id}))


@app.queue_trigger(arg_name="message", queue_name="%QUEUE%", connection="AzureWebJobsStorage")
def on_message(message: func.QueueMessage) -> None:
    write_down(
        function="on_message",
        id=message.id,
        body=message.get_body().decode(),
        count=message.dequeue_count,
        lifetime=(message.expiration_time - message.insertion_time).days,
        hidden=(message.time_next_visible - message.insertion_time).total_seconds(),
        receipt=bool(message.pop_receipt),
    )
    text = message.get_body().decode()
    if "fails" in text:
        raise RuntimeError("this message is too much")
    gate = os.environ.get("GATE")
    while "waits" in text and not Path(gate).exists():
        time.sleep(0.02)


@app.timer_trigger(arg_name="timer", schedule="%SCHEDULE%")
def on_timer(timer: func.TimerRequest) -> None:
    write_down(function="on_timer", past_due=timer.past_due, schedule=timer.schedule, status=timer.schedule_status)
    time.sleep(float(os.environ.get("TIMER_SECONDS", "0")))
"""
"""Each function writes down what it was given."""


@dataclass(frozen=True, slots=True)
class Running:
    """A host and what its functions wrote down."""

    host: FunctionsHost
    seen_path: Path
    connection_string: str
    queue: str

    def seen(self, function: str) -> list[dict[str, Any]]:
        lines = [json.loads(line) for line in self.seen_path.read_text().splitlines()]
        return [line for line in lines if line["function"] == function]

    def message_runs(self, text: str, *, after: int) -> Iterator[tuple[Invocation, dict[str, Any]]]:
        """Each ended run of on_message on a message with `text`, with what it wrote down."""
        while True:
            run = self.host.wait_invocation("on_message", after=after)
            after = run.cursor
            line = next(line for line in self.seen("on_message") if line["id"] == run.trigger["messageId"])
            if text in line["body"]:
                yield run, line

    def send(self, content: str) -> None:
        with QueueClient.from_connection_string(self.connection_string, self.queue) as client:
            client.send_message(content)

    def peek(self, queue: str) -> list[str]:
        with QueueClient.from_connection_string(self.connection_string, queue) as client:
            return [message.content for message in client.peek_messages(max_messages=32)]


def settings_for(folder: Path, azurite: Azurite, queue: str, **more: str) -> dict[str, str]:
    settings = {
        "AzureWebJobsStorage": azurite.connection_string,
        "QUEUE": queue,
        "SCHEDULE": "0 0 0 1 1 *",
        "SEEN": str(folder / "seen.jsonl"),
        "GATE": str(folder / "gate"),
    }
    return {**settings, **more}


def app_in(folder: Path, *, host_json: Mapping[str, Any] | None = None, source: str = FUNCTION_APP) -> Path:
    app = folder / "app"
    app.mkdir(parents=True, exist_ok=True)
    (app / "function_app.py").write_text(source)
    (app / "host.json").write_text(json.dumps({"version": "2.0", **(host_json or {})}))
    (folder / "seen.jsonl").touch()
    return app


def queues_json(**options: Any) -> dict[str, Any]:
    return {"extensions": {"queues": {"maxPollingInterval": "00:00:00.2", **options}}}
