"""Wires the rooms into one running host, and owns the order of start and stop."""

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from aiohttp import web

from sandbox.functions_host.admin import Admin
from sandbox.functions_host.event_grid import PATH, EventGridTrigger
from sandbox.functions_host.functions import Function, read_function
from sandbox.functions_host.http_trigger import HttpTrigger
from sandbox.functions_host.invoker import Invoker
from sandbox.functions_host.journal import Journal
from sandbox.functions_host.keys import Keys
from sandbox.functions_host.logs import host_log
from sandbox.functions_host.outputs import Outputs
from sandbox.functions_host.queue_trigger import QueueTrigger
from sandbox.functions_host.queues import Queues
from sandbox.functions_host.settings import HostSettings, SettingsError, read_settings
from sandbox.functions_host.timer import TimerTrigger
from sandbox.functions_host.worker import ChosenWorker

_PLAYED: Final = frozenset({"httpTrigger", "eventGridTrigger", "queueTrigger", "timerTrigger"})
_LARGEST_BODY: Final = 100 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class HostOptions:
    """What the command line says; times in seconds."""

    app_dir: Path
    keys: Path
    port: int
    queue_lease: float
    grace: float


class Host:
    """One app, running."""

    def __init__(self, options: HostOptions, chosen: ChosenWorker, journal: Journal, values: Mapping[str, str]) -> None:
        self._options = options
        self._chosen = chosen
        self._journal = journal
        self._settings: HostSettings = read_settings(options.app_dir, values)
        self._queues = Queues(self._settings.connection_string, base64_encoding=self._settings.queues.base64)
        self._invoker = Invoker(chosen.worker, journal, Outputs(self._queues))
        self._listeners: list[QueueTrigger] = []
        self._timers: dict[str, TimerTrigger] = {}
        self._site: web.TCPSite | None = None
        self._runner: web.AppRunner | None = None
        self.functions: list[Function] = []

    async def start(self) -> str:
        """Load the app, open the door, start the triggers; the base URL.

        Raises AppLoadError for an app that cannot be loaded, ValueError for settings that cannot work.
        """
        self.functions = await self._load()
        runner = web.AppRunner(self._application(), access_log=None, shutdown_timeout=0.1)
        await runner.setup()
        self._runner = runner
        self._site = web.TCPSite(runner, "127.0.0.1", self._options.port)
        await self._site.start()
        for function in self.functions:
            if not function.disabled:
                self._start_trigger(function)
        url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        host_log.info("%d functions at %s, on %s", len(self.functions), url, self._chosen.worker.name)
        return url

    async def stop(self) -> bool:
        """Take nothing new, give what runs its grace, hand back the rest; False when something was abandoned."""
        if self._site:
            await self._site.stop()
        for timer in self._timers.values():
            timer.stop()
        for listener in self._listeners:
            await listener.stop()
        finished = await self._invoker.drain(self._options.grace)
        for listener in self._listeners:
            await listener.release()
        await self._journal.close()
        if self._runner:
            await self._runner.cleanup()
        await self._queues.close()
        host_log.info("stopped")
        return finished

    async def _load(self) -> list[Function]:
        app_dir = self._options.app_dir
        # The cloud runs the app from its folder and finds its modules there first.
        sys.path.insert(0, str(app_dir))
        indexed = await self._chosen.worker.index(app_dir)
        if not indexed:
            raise SettingsError(f"no functions in {app_dir}: is there a function_app.py with a FunctionApp?")
        for metadata in indexed:
            if metadata.retry_options:
                host_log.warning("%s has a retry policy, which is not played here", metadata.name)
        functions = [
            read_function(metadata, resolve=self._settings.resolve, is_disabled=self._settings.is_disabled)
            for metadata in indexed
        ]
        for function in functions:
            if function.trigger.type not in _PLAYED:
                raise SettingsError(
                    f"{function.name}: {function.trigger.type} is not played here, only {sorted(_PLAYED)}"
                )
        return functions

    def _application(self) -> web.Application:
        keys = Keys.open(self._options.keys)
        of_type = {kind: [f for f in self.functions if f.trigger.type == kind] for kind in _PLAYED}
        self._timers = {f.name: TimerTrigger(f, self._invoker) for f in of_type["timerTrigger"]}
        http = HttpTrigger(of_type["httpTrigger"], self._settings.route_prefix, keys, self._invoker)
        events = EventGridTrigger(of_type["eventGridTrigger"], keys, self._invoker)
        worker = {"worker": self._chosen.worker.name, "notice": self._chosen.notice}
        application = web.Application(client_max_size=_LARGEST_BODY)
        Admin(
            functions=self.functions,
            timers=self._timers,
            keys=keys,
            invoker=self._invoker,
            journal=self._journal,
            worker=worker,
        ).add_routes(application.router)
        application.router.add_route("*", PATH, events.handle)
        application.router.add_route("*", "/{path:.*}", http.handle)
        for route in http.routes:
            host_log.info("%s: %s /%s", route.function.name, ",".join(sorted(route.methods)) or "any", route.template)
        return application

    def _start_trigger(self, function: Function) -> None:
        match function.trigger.type:
            case "timerTrigger":
                self._timers[function.name].start()
            case "queueTrigger":
                lease = self._options.queue_lease
                listener = QueueTrigger(function, self._queues, self._settings.queues, self._invoker, lease=lease)
                listener.start()
                self._listeners.append(listener)
            case _:
                pass
