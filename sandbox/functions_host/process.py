"""The parent's side: start a host as a process of its own, call its app, await invocations, stop it."""

import json
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Self

import requests

from sandbox.functions_host.event_grid import PATH as EVENT_GRID_PATH
from sandbox.functions_host.keys import Keys
from sandbox.functions_host.worker import Choice

_REPOSITORY: Final = Path(__file__).resolve().parents[2]
_PASSED_ON: Final = frozenset({"PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "VIRTUAL_ENV", "PYTHONDONTWRITEBYTECODE"})
"""What a host inherits from our environment. Nothing else: a deployed app does not see it either."""

_START_SECONDS: Final = 60.0
_POLL_SECONDS: Final = 10.0
_REQUEST_SECONDS: Final = 300.0
_LOG_LINES: Final = 40


class HostError(RuntimeError):
    """The host did not start, ended early or did not do what was waited for; the text ends with its log."""


@dataclass(frozen=True, slots=True)
class Invocation:
    """One invocation out of the journal. `ok` is None while it runs; `trigger` says what started it."""

    cursor: int
    function: str
    id: str
    ok: bool | None
    error: str | None
    started_at: str
    ended_at: str | None
    duration_ms: int | None
    trigger: Mapping[str, Any]


class FunctionsHost:
    """A functions host in its own process. Use as a context manager.

    `settings` are the app settings, all of them. `folder` gets the keys and the log. `queue_lease` and `grace` are seconds,
    see `python -m sandbox.functions_host --help`. Entering raises HostError when the app cannot be started.
    """

    def __init__(
        self,
        app_dir: Path,
        settings: Mapping[str, str],
        *,
        folder: Path,
        port: int = 0,
        worker: Choice = "auto",
        queue_lease: float = 600.0,
        grace: float = 5.0,
    ) -> None:
        self.app_dir = app_dir
        self.url = ""
        self.worker = ""
        self.notice = ""
        self.log_path = folder / "functions-host.log"
        self._settings = settings
        self._keys_path = folder / "keys.json"
        self._grace = grace
        self._options = {"port": port, "worker": worker, "queue-lease": queue_lease, "grace": grace}
        self._process: subprocess.Popen[str] | None = None
        self._session = requests.Session()
        # A proxy of the environment has no business with loopback.
        self._session.trust_env = False

    def __enter__(self) -> Self:
        self._keys_path.parent.mkdir(parents=True, exist_ok=True)
        keys = Keys.open(self._keys_path)
        self.master_key, self.function_key, self.event_grid_key = keys.master, keys.function, keys.event_grid
        command = [
            sys.executable,
            "-m",
            "sandbox.functions_host",
            "--stop-with-parent",
            "--app",
            str(self.app_dir.resolve()),
        ]
        command += ["--keys", str(self._keys_path.resolve()), "--log", str(self.log_path.resolve())]
        command += [f"--{name}={value}" for name, value in self._options.items()]
        inherited = {key: value for key, value in os.environ.items() if key in _PASSED_ON}
        with self.log_path.open("a") as log:
            self._process = subprocess.Popen(
                command,
                cwd=_REPOSITORY,
                env={**inherited, **self._settings},
                # Its end tells the host that we are gone, however we ended.
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                # A Ctrl-C in the terminal is for the parent, which then stops the host in its own order.
                start_new_session=True,
            )
        self._read_ready_line(self._process)
        return self

    def __exit__(self, *exc: object) -> None:
        self.stop()
        self._session.close()

    @property
    def event_grid_path(self) -> str:
        """The path of the Event Grid webhook; a subscription adds functionName and code."""
        return EVENT_GRID_PATH

    def http(self, method: str, path: str, *, key: str | None = "", **options: Any) -> requests.Response:
        """Call the app, by default with the function key; `key=None` sends none. `options` are those of requests."""
        sent = self.function_key if key == "" else key
        headers = {**({"x-functions-key": sent} if sent else {}), **options.pop("headers", {})}
        return self._call(method, path, headers=headers, **options)

    def send_event(self, function: str, event: Mapping[str, Any] | Sequence[Mapping[str, Any]]) -> requests.Response:
        """Deliver one event or several, in the schema they are written in, as Event Grid does."""
        events = [event] if isinstance(event, Mapping) else list(event)
        cloud = any("specversion" in one for one in events)
        batch = "application/cloudevents-batch+json" if cloud else "application/json"
        content_type = "application/cloudevents+json" if cloud and isinstance(event, Mapping) else batch
        body = json.dumps(event if cloud else events)
        headers = {"aeg-event-type": "Notification", "Content-Type": f"{content_type}; charset=utf-8"}
        query = {"functionName": function, "code": self.event_grid_key}
        return self._call("POST", EVENT_GRID_PATH, params=query, headers=headers, data=body.encode())

    def run(self, function: str, text: str = "") -> None:
        """Run a function by hand through the admin API; it answers before the function ends."""
        answer = self.http("POST", f"/admin/functions/{function}", key=self.master_key, json={"input": text})
        if answer.status_code != 202:
            raise HostError(f"{function} was not run by hand: {answer.status_code} {answer.text}")

    def status(self) -> dict[str, Any]:
        """What the host says about itself."""
        status: dict[str, Any] = self.http("GET", "/admin/host/status", key=self.master_key).json()
        return status

    def cursor(self) -> int:
        """Where the journal stands now: take it before a deed, and give it as `after` to await what the deed starts."""
        return int(self._journal(since=0, wait=0.0)["next"])

    def invocations(self, *, after: int = 0) -> list[Invocation]:
        """Every invocation that began or ended after that cursor, in the order of those changes."""
        return [_invocation(raw) for raw in self._journal(since=after, wait=0.0)["invocations"]]

    def wait_invocation(self, function: str, *, after: int, timeout: float = 60.0) -> Invocation:
        """The first invocation of `function` to end after the cursor `after`. Raises HostError after `timeout` seconds."""
        return next(found for found in self._follow(function, after, timeout, "end") if found.ok is not None)

    def wait_started(self, function: str, *, after: int, timeout: float = 60.0) -> Invocation:
        """The first invocation of `function` to begin or end after the cursor `after`. Raises as wait_invocation."""
        return next(self._follow(function, after, timeout, "begin"))

    def stop(self) -> None:
        """Stop the host the way the platform does: what runs gets its grace."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """End the host as a crashed instance ends: nothing is handed back."""
        self._end(signal.SIGKILL)

    def log(self) -> str:
        """The log so far."""
        return self.log_path.read_text(errors="replace") if self.log_path.exists() else ""

    def _follow(self, function: str, after: int, timeout: float, what: str) -> Iterator[Invocation]:
        deadline = time.monotonic() + timeout
        while (left := deadline - time.monotonic()) > 0:
            answer = self._journal(since=after, wait=min(left, _POLL_SECONDS))
            for raw in answer["invocations"]:
                if raw["function"] == function:
                    yield _invocation(raw)
            after = answer["next"]
        raise HostError(f"no invocation of {function} came to {what} within {timeout:.0f} s.{self._log_tail()}")

    def _journal(self, *, since: int, wait: float) -> dict[str, Any]:
        query = {"since": str(since), "wait": str(wait)}
        answer = self.http("GET", "/admin/invocations", key=self.master_key, params=query)
        answer.raise_for_status()
        journal: dict[str, Any] = answer.json()
        return journal

    def _call(self, method: str, path: str, **options: Any) -> requests.Response:
        options.setdefault("timeout", _REQUEST_SECONDS)
        with self._explained():
            return self._session.request(method, f"{self.url}{path}", **options)

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except requests.ConnectionError as error:
            raise HostError(f"the functions host does not answer: {error}{self._log_tail()}") from error

    def _read_ready_line(self, process: subprocess.Popen[str]) -> None:
        assert process.stdout is not None  # noqa: S101 - opened as a pipe above
        readable, _, _ = select.select([process.stdout], [], [], _START_SECONDS)
        line = process.stdout.readline() if readable else ""
        if not line:
            self.kill()
            why = "ended before it was ready" if readable else f"was not ready within {_START_SECONDS:.0f} s"
            raise HostError(f"the functions host {why}.{self._log_tail()}")
        told = json.loads(line)
        self.url, self.worker, self.notice = told["url"], told["worker"], told["notice"]

    def _end(self, number: signal.Signals) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        process.send_signal(number)
        try:
            process.wait(self._grace + 20.0)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        for stream in (process.stdin, process.stdout):
            if stream:
                stream.close()

    def _log_tail(self) -> str:
        lines = self.log().splitlines()[-_LOG_LINES:]
        return "\n".join(["", f"The end of {self.log_path.name}:", *lines]) if lines else " Its log is empty."


def _invocation(raw: Mapping[str, Any]) -> Invocation:
    return Invocation(
        cursor=raw["cursor"],
        function=raw["function"],
        id=raw["id"],
        ok=raw["ok"],
        error=raw["error"],
        started_at=raw["startedAt"],
        ended_at=raw["endedAt"],
        duration_ms=raw["durationMs"],
        trigger=raw["trigger"],
    )
