"""One invocation, from its input to the end of its outputs, in the journal and in the log."""

import asyncio
import json
import uuid
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sandbox.functions_host import logs, protos
from sandbox.functions_host.functions import Function
from sandbox.functions_host.journal import Journal
from sandbox.functions_host.outputs import Outputs
from sandbox.functions_host.worker import Worker


@dataclass(frozen=True, slots=True)
class Outcome:
    """How an invocation ended: `error` is None if well."""

    error: str | None
    response: protos.InvocationResponse

    @property
    def ok(self) -> bool:
        """Whether the function and all of its outputs succeeded."""
        return self.error is None


Settle = Callable[[Outcome], Awaitable[Mapping[str, object]]]
"""What a trigger does with an outcome before anybody hears of it; the result goes into the journal."""


class Invoker:
    """Runs functions on the worker and knows which still run."""

    def __init__(self, worker: Worker, journal: Journal, outputs: Outputs) -> None:
        self._worker = worker
        self._journal = journal
        self._outputs = outputs
        self._running: set[asyncio.Task[Outcome]] = set()

    async def invoke(
        self,
        function: Function,
        value: protos.TypedData,
        *,
        metadata: Mapping[str, protos.TypedData] | None = None,
        trigger: Mapping[str, object] | None = None,
        settle: Settle | None = None,
    ) -> Outcome:
        """Run `function` on `value`. A caller that is cancelled does not cancel the invocation, as in the cloud."""
        request = protos.InvocationRequest(
            invocation_id=str(uuid.uuid4()),
            function_id=function.id,
            input_data=(protos.ParameterBinding(function.trigger.name, value),),
            trigger_metadata={**(metadata or {}), "sys": _system_metadata(function)},
        )
        told = {"type": function.trigger.type, **(trigger or {})}
        task = asyncio.create_task(self._run(function, request, told, settle))
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        return await asyncio.shield(task)

    async def drain(self, seconds: float) -> bool:
        """Wait for what still runs; False when some of it was still running at the end."""
        if not self._running:
            return True
        _, running = await asyncio.wait(self._running, timeout=seconds)
        for task in running:
            logs.host_log.warning("abandoned a running invocation (%s)", task.get_name())
        return not running

    async def _run(
        self,
        function: Function,
        request: protos.InvocationRequest,
        trigger: Mapping[str, object],
        settle: Settle | None,
    ) -> Outcome:
        logs.invocation.set(request.invocation_id)
        await self._journal.start(function.name, request.invocation_id, trigger)
        if task := asyncio.current_task():
            task.set_name(f"{function.name}, id {request.invocation_id}")
        outcome = await self._run_worker(function, request)
        detail = await settle(outcome) if settle else {}
        entry = await self._journal.end(request.invocation_id, error=outcome.error, detail=detail)
        if outcome.error is None:
            logs.host_log.info("%s succeeded in %d ms (id %s)", function.name, entry.duration_ms, entry.id)
        else:
            logs.host_log.error(
                "%s failed in %d ms (id %s): %s", function.name, entry.duration_ms, entry.id, outcome.error
            )
        return outcome

    async def _run_worker(self, function: Function, request: protos.InvocationRequest) -> Outcome:
        response = await self._worker.invoke(request)
        if response.result.status != protos.StatusResult.Success:
            failure = response.result.exception or protos.RpcException("no reason given")
            logs.host_log.error("%s", failure.stack_trace.rstrip())
            return Outcome(failure.message, response)
        try:
            await self._outputs.send(function, response)
        except Exception as error:  # noqa: BLE001 - whatever an output does is a failed invocation, as in the cloud
            logs.host_log.exception("an output of %s could not be sent", function.name)
            return Outcome(f"{type(error).__name__}: {error}", response)
        return Outcome(None, response)


def _system_metadata(function: Function) -> protos.TypedData:
    """https://learn.microsoft.com/azure/azure-functions/functions-bindings-expressions-patterns."""
    system: dict[str, Any] = {
        "MethodName": function.name,
        "UtcNow": datetime.now(UTC).isoformat(),
        "RandGuid": str(uuid.uuid4()),
    }
    return protos.TypedData(json=json.dumps(system))
