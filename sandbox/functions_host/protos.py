"""The messages between host and worker, shaped like those of the Functions RPC protocol. No behaviour.

The worker library builds its answers from the namespace it is given, which in the cloud is generated code; here it is this
module. Names, casing and defaults are therefore the protocol's:
https://github.com/Azure/azure-functions-language-worker-protobuf/blob/dev/src/proto/FunctionRpc.proto
Cookies and collections are left out: no binding of this host carries them.
"""

import builtins
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import ClassVar


@dataclass(frozen=True, slots=True)
class RpcException:
    """What went wrong: `message` is type and text, `stack_trace` is for the log."""

    message: str = ""
    stack_trace: str = ""
    source: str = ""


@dataclass(frozen=True, slots=True)
class StatusResult:
    """How a request ended."""

    Failure: ClassVar[int] = 0
    Success: ClassVar[int] = 1

    status: int = Failure
    exception: RpcException | None = None


@dataclass(frozen=True, slots=True)
class BindingInfo:
    """One binding as the protocol sees it. The host reads `raw_bindings` instead, which say more."""

    inout: ClassVar[int] = 2
    out: ClassVar[int] = 1
    undefined: ClassVar[int] = 0

    type: str
    data_type: int | None = None
    direction: int = 0


@dataclass(frozen=True, slots=True)
class RpcRetryOptions:
    """A retry policy of a function."""

    max_retry_count: int
    retry_strategy: str
    delay_interval: timedelta | None = None
    minimum_interval: timedelta | None = None
    maximum_interval: timedelta | None = None


@dataclass(frozen=True, slots=True)
class RpcFunctionMetadata:
    """One indexed function; `raw_bindings` are the JSON texts that `function.json` once held."""

    name: str
    function_id: str
    raw_bindings: Sequence[str]
    bindings: Mapping[str, BindingInfo] = field(default_factory=dict)
    retry_options: RpcRetryOptions | None = None
    directory: str = ""
    script_file: str = ""
    entry_point: str = ""
    language: str = ""
    managed_dependency_enabled: bool = False
    is_proxy: bool = False
    properties: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class WorkerMetadata:
    """What the worker says about itself."""

    runtime_name: str
    runtime_version: str
    worker_version: str
    worker_bitness: str
    custom_properties: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class WorkerInitResponse:
    """The answer to the first request; a failure holds why the app could not be indexed."""

    capabilities: Mapping[str, str]
    worker_metadata: WorkerMetadata
    result: StatusResult


@dataclass(frozen=True, slots=True)
class FunctionMetadataResponse:
    """The indexed functions; None when the folder holds no app."""

    use_default_metadata_indexing: bool
    function_metadata_results: Sequence[RpcFunctionMetadata] | None
    result: StatusResult


@dataclass(frozen=True, slots=True)
class FunctionLoadResponse:
    """The answer to loading one function."""

    function_id: str
    result: StatusResult


@dataclass(frozen=True, slots=True)
class RpcHttp:
    """An HTTP request on the way in, a response on the way out."""

    method: str = ""
    url: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    params: Mapping[str, str] = field(default_factory=dict)
    query: Mapping[str, str] = field(default_factory=dict)
    body: "TypedData | None" = None
    status_code: str = ""
    cookies: None = None
    enable_content_negotiation: bool = False


@dataclass(frozen=True, slots=True)
class TypedData:
    """A value of one of several kinds, or of none."""

    string: str | None = None
    json: str | None = None
    bytes: builtins.bytes | None = None
    http: RpcHttp | None = None
    int: builtins.int | None = None
    double: float | None = None

    def WhichOneof(self, _group: str) -> str | None:  # noqa: N802 - protobuf's own name, called by the library
        """The kind that is set."""
        kinds = ("string", "json", "bytes", "http", "int", "double")
        return next((kind for kind in kinds if getattr(self, kind) is not None), None)


@dataclass(frozen=True, slots=True)
class ParameterBinding:
    """A value for a parameter or from an output."""

    name: str
    data: TypedData | None = None

    def WhichOneof(self, _group: str) -> str | None:  # noqa: N802 - protobuf's own name, called by the library
        """Always the value itself: shared memory is not used."""
        return "data" if self.data is not None else None


@dataclass(frozen=True, slots=True)
class RpcTraceContext:
    """W3C trace context; empty, as without a caller that traces."""

    trace_parent: str = ""
    trace_state: str = ""
    attributes: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class RetryContext:
    """Which retry this is: never one here."""

    retry_count: int = 0
    max_retry_count: int = 0
    exception: RpcException = field(default_factory=RpcException)


@dataclass(frozen=True, slots=True)
class InvocationRequest:
    """Run a function with these inputs."""

    invocation_id: str
    function_id: str
    input_data: Sequence[ParameterBinding]
    trigger_metadata: Mapping[str, TypedData]
    trace_context: RpcTraceContext = field(default_factory=RpcTraceContext)
    retry_context: RetryContext = field(default_factory=RetryContext)


@dataclass(frozen=True, slots=True)
class InvocationResponse:
    """How it went and what came out."""

    invocation_id: str
    result: StatusResult
    return_value: TypedData | None = None
    output_data: Sequence[ParameterBinding] = ()
