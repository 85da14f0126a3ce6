"""Runs the app through `azure-functions-runtime`, the library that runs it in the cloud.

It speaks to the library in the order of the cloud's proxy worker: init, metadata, load, then one request per invocation
(https://github.com/Azure/azure-functions-python-worker, workers/proxy_worker/dispatcher.py).
"""

import importlib
import importlib.metadata
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Final, cast

from sandbox.functions_host import protos
from sandbox.functions_host.app_loading import AppLoadError

LIBRARY: Final = "azure_functions_runtime"


class RuntimeWorker:
    """The real thing. There can be one in a process: the library keeps its functions in a module."""

    def __init__(self) -> None:
        # By name, because the library carries no types and is absent before Python 3.13.
        self._library: Any = importlib.import_module(LIBRARY)
        self._thread_local: Any = importlib.import_module(f"{LIBRARY}.bindings.context")
        self.name = f"azure-functions-runtime {importlib.metadata.version('azure-functions-runtime')}"

    async def index(self, app_dir: Path) -> Sequence[protos.RpcFunctionMetadata]:
        """Import and index the app. Raises AppLoadError with what the library said."""
        self._library.start_threadpool_executor()
        init = SimpleNamespace(capabilities={}, function_app_directory=str(app_dir))
        _check((await self._library.worker_init_request(_request(worker_init_request=init))).result)
        answer = await self._library.functions_metadata_request(_request(functions_metadata_request=None))
        _check(answer.result)
        indexed = cast("Sequence[protos.RpcFunctionMetadata]", answer.function_metadata_results or ())
        for function in indexed:
            load = SimpleNamespace(function_id=function.function_id)
            _check((await self._library.function_load_request(_request(function_load_request=load))).result)
        return indexed

    async def invoke(self, request: protos.InvocationRequest) -> protos.InvocationResponse:
        """Run one function, a synchronous one on the library's thread pool."""
        answer = await self._library.invocation_request(_request(invocation_request=request))
        return cast("protos.InvocationResponse", answer)

    def current_invocation(self) -> str | None:
        """As the cloud's log handler finds it: the running function's own thread, or one it marked as its own."""
        return getattr(self._thread_local._invocation_id_local, "invocation_id", None)  # noqa: SLF001 - no public way


def _request(**body: object) -> SimpleNamespace:
    return SimpleNamespace(request=SimpleNamespace(**body), properties={"host": "127.0.0.1", "protos": protos})


def _check(result: protos.StatusResult) -> None:
    if result.status != protos.StatusResult.Success:
        failure = result.exception or protos.RpcException("no reason given")
        raise AppLoadError(failure.message, failure.stack_trace)
