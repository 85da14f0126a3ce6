"""Runs a function on its schedule, one run at a time: what falls due during a run is left out, as in the cloud.

No history is kept from one start of the host to the next, so no run is ever past due.
"""

import asyncio
import json
from datetime import UTC, datetime

from sandbox.functions_host import protos
from sandbox.functions_host.functions import Function
from sandbox.functions_host.invoker import Invoker
from sandbox.functions_host.logs import host_log
from sandbox.functions_host.ncrontab import Schedule


class TimerTrigger:
    """The clock of one function. Raises ValueError for a schedule the cloud would refuse."""

    def __init__(self, function: Function, invoker: Invoker) -> None:
        self._function = function
        self._invoker = invoker
        self._schedule = Schedule(function.trigger.text("schedule"))
        self._last = datetime.min.replace(tzinfo=UTC)
        self._clock: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to wait for the first occurrence, or run at once where the binding says so."""
        self._clock = asyncio.create_task(self._tick(), name=f"timer {self._function.name}")

    def stop(self) -> None:
        """No further runs. One under way goes on."""
        if self._clock:
            self._clock.cancel()

    def request(self) -> protos.TypedData:
        """The timer request of a run that starts now."""
        now = datetime.now(UTC)
        status = {"Last": self._last, "LastUpdated": self._last, "Next": self._schedule.next_after(now)}
        body = {
            "Schedule": {"AdjustForDST": True},
            "ScheduleStatus": {key: moment.isoformat() for key, moment in status.items()},
            "IsPastDue": False,
        }
        return protos.TypedData(json=json.dumps(body))

    async def _tick(self) -> None:
        if self._function.trigger.properties.get("runOnStartup"):
            await self._run(datetime.now(UTC))
        while True:
            due = self._schedule.next_after(datetime.now(UTC))
            host_log.debug("%s is due at %s", self._function.name, due.isoformat())
            # A sleep may end a hair early by the wall clock; running then would run twice for one occurrence.
            while (wait := (due - datetime.now(UTC)).total_seconds()) > 0:
                await asyncio.sleep(wait)
            await self._run(due)

    async def _run(self, due: datetime) -> None:
        request = self.request()
        self._last = due
        await self._invoker.invoke(self._function, request, trigger={"due": due.isoformat()})
