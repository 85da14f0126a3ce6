"""The command line of the host: `python -m sandbox.functions_host --app DIR --port N --keys FILE --log FILE`.

App settings are the environment. When the app runs, one JSON line on stdout says where; what the app itself prints goes to
the log. SIGTERM or SIGINT stops it: invocations get their grace, messages of those that do not end become visible again.
"""

import argparse
import asyncio
import json
import logging
import os
import signal
import sys
from pathlib import Path
from typing import TextIO

from sandbox.functions_host.app_loading import AppLoadError
from sandbox.functions_host.host import Host, HostOptions
from sandbox.functions_host.journal import Journal
from sandbox.functions_host.logs import host_log, start_logging
from sandbox.functions_host.worker import CHOICES, choose_worker


def main() -> int:
    """Run until told to stop; 0 after a stop, 1 when the app could not be started."""
    arguments = _parser().parse_args()
    ready = _take_stdout(arguments.log)
    return asyncio.run(_run(arguments, ready))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m sandbox.functions_host", description="Runs an Azure Functions app."
    )
    parser.add_argument("--app", type=Path, required=True, help="folder with function_app.py and host.json")
    parser.add_argument("--keys", type=Path, required=True, help="JSON file with the access keys; written when absent")
    parser.add_argument("--log", type=Path, help="file to add the log to; stderr when left out")
    parser.add_argument("--port", type=int, default=0, help="loopback port; 0, the default, takes a free one")
    parser.add_argument(
        "--worker", choices=CHOICES, default="auto", help="what runs the app; auto: the library if there"
    )
    parser.add_argument(
        "--queue-lease", type=float, default=600.0, metavar="SECONDS", help="how long a killed host hides its messages"
    )
    parser.add_argument(
        "--grace", type=float, default=5.0, metavar="SECONDS", help="how long a stop waits for running invocations"
    )
    parser.add_argument("--stop-with-parent", action="store_true", help="stop when stdin, a pipe from a parent, ends")
    return parser


def _take_stdout(log: Path | None) -> TextIO:
    """Keep stdout for the one line that a parent waits for; everything printed later goes where the log goes."""
    ready = os.fdopen(os.dup(1), "w")
    if log:
        log.parent.mkdir(parents=True, exist_ok=True)
        log_file = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        os.dup2(log_file, 1)
        os.close(log_file)
    else:
        os.dup2(2, 1)
    sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]  # a real file at this point
    return ready


async def _run(arguments: argparse.Namespace, ready: TextIO) -> int:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    if arguments.stop_with_parent:
        _stop_at_end_of_stdin(stop)
    app_dir = arguments.app.resolve()
    options = HostOptions(app_dir, arguments.keys.resolve(), arguments.port, arguments.queue_lease, arguments.grace)
    os.chdir(app_dir)
    chosen = choose_worker(arguments.worker)
    journal = Journal()
    debug = os.environ.get("PYTHON_ENABLE_DEBUG_LOGGING", "").lower() in {"1", "true"}
    start_logging(sys.stdout, debug=debug, current=chosen.worker.current_invocation, function_of=journal.function_of)
    if chosen.notice:
        host_log.warning("%s", chosen.notice)
    try:
        host = Host(options, chosen, journal, os.environ)
        url = await host.start()
    except (AppLoadError, ValueError, OSError) as error:
        if isinstance(error, AppLoadError) and error.stack_trace:
            host_log.error("%s", error.stack_trace.rstrip())
        host_log.error("the app cannot be started: %s", error)
        return 1
    told = {"url": url, "pid": os.getpid(), "worker": chosen.worker.name, "notice": chosen.notice}
    print(json.dumps({**told, "functions": [function.name for function in host.functions]}), file=ready, flush=True)
    ready.close()
    await stop.wait()
    if not await host.stop():
        # A thread cannot be ended from outside: leave without waiting for those that still run a function.
        logging.shutdown()
        os._exit(0)
    return 0


def _stop_at_end_of_stdin(stop: asyncio.Event) -> None:
    loop = asyncio.get_running_loop()

    def read() -> None:
        if not os.read(0, 1024):
            loop.remove_reader(0)
            stop.set()

    loop.add_reader(0, read)


if __name__ == "__main__":
    sys.exit(main())
