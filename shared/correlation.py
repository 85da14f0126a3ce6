"""One id from what woke the app to what it asks of Azure, and before every line that it logs on the way.

It is the id of the event where there is one, else a new one. Azure Resource Manager takes it as the correlation id of a write
(`targets.arm` sends it), so that the activity log, this app's log and its history name the same thing. Pure but for drawing ids.

In the log it stands in the message itself: the Python worker formats the record and hands over nothing else of it, neither
`extra` nor a formatter of ours (azure-functions-python-worker#788, #1681).
"""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar, copy_context
from typing import ParamSpec, Protocol, TypeVar
from uuid import uuid4

P = ParamSpec("P")
R = TypeVar("R")

_current: ContextVar[str] = ContextVar("correlation", default="")
_GUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def current() -> str:
    """The id under which this thread works; empty outside `correlated`."""
    return _current.get()


@contextmanager
def correlated(hint: str = "") -> Iterator[str]:
    """Work under one id inside the block: `hint` where it is a GUID, else the id that is set already, else a new one.

    Nothing but a GUID goes on, as Azure's own correlation ids are: it ends up in a header and in the log.
    """
    told = hint.lower()
    token = _current.set(told if _GUID.fullmatch(told) else current() or str(uuid4()))
    try:
        yield current()
    finally:
        _current.reset(token)


def carrying(function: Callable[P, R]) -> Callable[P, R]:
    """`function` as another thread is to call it: under the id, and whatever else is kept this way, of the thread that asks.

    Safe to call from many threads at once: each call gets a copy of its own, since a context is entered by one at a time.
    """
    context = copy_context()

    def carried(*args: P.args, **kwargs: P.kwargs) -> R:
        return context.copy().run(function, *args, **kwargs)

    return carried


class Record(Protocol):
    """What is needed of a `logging.LogRecord`."""

    msg: object


def prefix(record: Record) -> bool:
    """A filter for the app's logger, `logger.addFilter(prefix)`: puts the id before the message. Keeps every record."""
    if current():
        record.msg = f"[{current()}] {record.msg}"
    return True
