"""Runs the app where the cloud's worker library cannot be installed: indexing and converters of `azure.functions` alone.

It does what the library does for the bindings of this host, and less: no type checks beyond those of the converters, no
deferred bindings, no streaming. Whoever runs on it is told so.
"""

import asyncio
import contextvars
import importlib
import inspect
import threading
import traceback
import typing
import uuid
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, cast

import azure.functions as func
from azure.functions.meta import Datum, get_binding_registry

from sandbox.functions_host import protos
from sandbox.functions_host.app_loading import AppLoadError

_SCRIPT: Final = "function_app"
_converters: Any = cast("Any", get_binding_registry)()
"""Converters by binding type; azure.functions gives no types for it."""

_thread_local = threading.local()


@dataclass(frozen=True, slots=True)
class _Context:
    """What a parameter called `context` gets."""

    function_name: str
    function_directory: str
    invocation_id: str
    thread_local_storage: threading.local
    trace_context: protos.RpcTraceContext
    retry_context: protos.RetryContext


@dataclass(frozen=True, slots=True)
class _Indexed:
    name: str
    call: Callable[..., Any]
    inputs: Mapping[str, str]
    outputs: Mapping[str, str]
    annotations: Mapping[str, Any]
    wants_context: bool


class FallbackWorker:
    """The stand-in for the library."""

    name = "own worker of the sandbox"

    def __init__(self) -> None:
        self._functions: dict[str, _Indexed] = {}
        self._threads = ThreadPoolExecutor(thread_name_prefix="function")
        self._folder = ""

    async def index(self, app_dir: Path) -> Sequence[protos.RpcFunctionMetadata]:
        """Import `function_app.py` and index it. Raises AppLoadError."""
        self._folder = str(app_dir)
        if not (app_dir / f"{_SCRIPT}.py").exists():
            return ()
        try:
            return [self._register(function) for function in _find_app().get_functions()]
        except Exception as error:
            raise AppLoadError(_message(error), traceback.format_exc()) from error

    async def invoke(self, request: protos.InvocationRequest) -> protos.InvocationResponse:
        """Run one function, a synchronous one on a thread."""
        try:
            function = self._functions[request.function_id]
            arguments = self._arguments(function, request)
            result = await self._call(function, arguments)
            returned, output = _encode(function, arguments, result)
        except Exception as error:  # noqa: BLE001 - a failing function is an answer, as in the library
            failure = protos.RpcException(message=_message(error), stack_trace=traceback.format_exc())
            status = protos.StatusResult(protos.StatusResult.Failure, failure)
            return protos.InvocationResponse(request.invocation_id, status)
        status = protos.StatusResult(protos.StatusResult.Success)
        return protos.InvocationResponse(request.invocation_id, status, returned, output)

    def current_invocation(self) -> str | None:
        """For a thread that the function marked as its own; the function's own runs in the context of its invocation."""
        return getattr(_thread_local, "invocation_id", None)

    def _register(self, function: Any) -> protos.RpcFunctionMetadata:
        call = function.get_user_function()
        annotations = typing.get_type_hints(call)
        parameters = set(inspect.signature(call).parameters)
        bindings = {binding.name: binding for binding in function.get_bindings()}
        wants_context = "context" in parameters - set(bindings)
        odd = (parameters - {"context"}) ^ (set(bindings) - {"$return", "context"})
        name = function.get_function_name()
        if odd:
            raise AppLoadError(f"cannot load the {name} function: parameters and bindings differ in {sorted(odd)}")
        identity = str(uuid.uuid5(uuid.NAMESPACE_OID, name))
        inputs = {key: b.type for key, b in bindings.items() if b.direction != protos.BindingInfo.out}
        outputs = {key: b.type for key, b in bindings.items() if b.direction == protos.BindingInfo.out}
        for key, kind in inputs.items():
            _check_input(name, key, kind, annotations.get(key))
        self._functions[identity] = _Indexed(name, call, inputs, outputs, annotations, wants_context)
        return protos.RpcFunctionMetadata(
            name=name, function_id=identity, raw_bindings=function.get_raw_bindings(), directory=self._folder
        )

    def _arguments(self, function: _Indexed, request: protos.InvocationRequest) -> dict[str, Any]:
        metadata = {key: _datum(value) for key, value in request.trigger_metadata.items()}
        arguments: dict[str, Any] = {
            given.name: _decode(function, given.name, given.data or protos.TypedData(), metadata)
            for given in request.input_data
        }
        arguments |= {name: _Out() for name in function.outputs if name != "$return"}
        if function.wants_context:
            arguments["context"] = _Context(
                function_name=function.name,
                function_directory=self._folder,
                invocation_id=request.invocation_id,
                thread_local_storage=_thread_local,
                trace_context=request.trace_context,
                retry_context=request.retry_context,
            )
        return arguments

    async def _call(self, function: _Indexed, arguments: dict[str, Any]) -> Any:
        if inspect.iscoroutinefunction(function.call):
            return await function.call(**arguments)
        context = contextvars.copy_context()
        return await asyncio.get_running_loop().run_in_executor(
            self._threads, lambda: context.run(function.call, **arguments)
        )


class _Out(func.Out[Any]):
    """An output parameter."""

    def __init__(self) -> None:
        self._value: Any = None

    def set(self, val: Any) -> None:
        self._value = val

    def get(self) -> Any:
        return self._value


def _find_app() -> Any:
    module = importlib.import_module(_SCRIPT)
    apps = {id(value): value for value in vars(module).values() if isinstance(value, func.FunctionRegister)}
    if len(apps) != 1:
        raise ValueError(f"{_SCRIPT}.py has to define exactly one FunctionApp, it defines {len(apps)}")
    return next(iter(apps.values()))


def _check_input(function: str, parameter: str, kind: str, annotation: Any) -> None:
    converter = _converters.get(kind)
    if not isinstance(annotation, type) or issubclass(annotation, str | bytes):
        return
    if converter is None or not converter.check_input_type_annotation(annotation):
        raise AppLoadError(
            f"cannot load the {function} function: type of {parameter} binding in the binding decorator "
            f'"{kind}" does not match its Python annotation "{annotation.__name__}"'
        )


def _datum(value: protos.TypedData | None) -> Datum | None:
    kind = value.WhichOneof("data") if value else None
    if value is None or kind is None:
        return None
    if kind != "http" or value.http is None:
        return Datum(getattr(value, kind), kind)
    http = value.http

    def texts(values: Mapping[str, str]) -> dict[str, Datum]:
        return {key: Datum(text, "string") for key, text in values.items()}

    return Datum(
        {
            "method": Datum(http.method, "string"),
            "url": Datum(http.url, "string"),
            "headers": texts(http.headers),
            "params": texts(http.params),
            "query": texts(http.query),
            "body": _datum(http.body) or Datum(b"", "bytes"),
        },
        "http",
    )


def _decode(function: _Indexed, name: str, value: protos.TypedData, metadata: Mapping[str, Datum | None]) -> Any:
    datum = _datum(value)
    if function.annotations.get(name) in {str, bytes}:
        return datum.value if datum else None
    return _converters.get(function.inputs[name]).decode(datum, trigger_metadata=metadata)


def _encode(
    function: _Indexed, arguments: Mapping[str, Any], result: Any
) -> tuple[protos.TypedData | None, list[protos.ParameterBinding]]:
    if result is not None and "$return" not in function.outputs:
        raise RuntimeError(f"function {function.name!r} without a $return binding returned a non-None value")
    output = [
        protos.ParameterBinding(name, _typed(kind, arguments[name].get()))
        for name, kind in function.outputs.items()
        if name != "$return" and arguments[name].get() is not None
    ]
    returned = _typed(function.outputs["$return"], result) if "$return" in function.outputs else None
    return returned, output


def _typed(kind: str, value: Any) -> protos.TypedData | None:
    try:
        datum = _converters.get(kind).encode(value, expected_type=None)
    except NotImplementedError:
        raise TypeError(
            f'unable to encode outgoing TypedData: unsupported type "{kind}" for Python type "{type(value).__name__}"'
        ) from None
    if datum.type != "http":
        return protos.TypedData(**{datum.type: datum.value})
    http = datum.value
    headers = {key: header.value for key, header in http["headers"].items()}
    body = protos.TypedData(bytes=http["body"].value)
    return protos.TypedData(http=protos.RpcHttp(status_code=http["status_code"].value, headers=headers, body=body))


def _message(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}"
