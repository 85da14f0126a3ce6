"""What one pass asked of Azure Resource Manager, for its figures and its history. Filled by `targets.arm`; no rules here.

Only what identifies a request is kept: neither its body nor its query, where the address of an operation carries a signature.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class ArmCall:
    """One request: each try and each poll by itself."""

    method: str
    path: str
    status: int | None = None
    """None where no answer came."""
    if_match: str = ""
    etag: str = ""
    """Of the answer."""
    request_id: str = ""
    correlation_id: str = ""
    """As Azure's answer says it, else as it was sent: what stands in the activity log."""


@dataclass(slots=True)
class ArmCalls:
    """The requests so far, in the order of their answers. Safe to share between threads: a list's append is atomic."""

    calls: list[ArmCall] = field(default_factory=list)

    def add(self, call: ArmCall) -> None:
        """One more."""
        self.calls.append(call)

    def taken(self) -> tuple[ArmCall, ...]:
        """What has come up to now."""
        return tuple(self.calls)


_recording: ContextVar[ArmCalls | None] = ContextVar("arm_calls", default=None)


def recording() -> ArmCalls | None:
    """Where this thread's requests are to be noted, if anywhere."""
    return _recording.get()


@contextmanager
def recorded() -> Iterator[ArmCalls]:
    """Note every request inside the block, also those of threads that `correlation.carrying` sends."""
    calls = ArmCalls()
    token = _recording.set(calls)
    try:
        yield calls
    finally:
        _recording.reset(token)
