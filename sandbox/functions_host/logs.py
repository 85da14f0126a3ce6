"""The host's log: one readable line per event, each of the app's own lines tagged with its function and invocation."""

import contextvars
import logging
import time
from collections.abc import Callable
from typing import Final, TextIO

invocation: contextvars.ContextVar[str | None] = contextvars.ContextVar("invocation", default=None)
"""The invocation that the current task serves."""

host_log: Final = logging.getLogger("sandbox.functions_host")

_QUIET: Final = ("azure", "aiohttp.access", "asyncio")
"""Loggers whose INFO would drown the app's lines: the SDKs print every request there, this host's own polls too."""


class _Tag(logging.Filter):
    def __init__(self, current: Callable[[], str | None], function_of: Callable[[str], str | None]) -> None:
        super().__init__()
        self._current = current
        self._function_of = function_of

    def filter(self, record: logging.LogRecord) -> bool:
        found = invocation.get() or self._current()
        function = self._function_of(found) if found else None
        record.tag = f"{function} {found[:8]}" if found and function else "host"
        return True


class _Format(logging.Formatter):
    default_time_format = "%Y-%m-%dT%H:%M:%S"
    default_msec_format = "%s.%03dZ"

    def __init__(self) -> None:
        super().__init__("{asctime} {levelname:<7} {tag} | {message}", style="{")
        self.converter = time.gmtime


def start_logging(
    stream: TextIO, *, debug: bool, current: Callable[[], str | None], function_of: Callable[[str], str | None]
) -> None:
    """Everything logged in this process goes to `stream`; INFO and above as in the cloud, or all with `debug`."""
    handler = logging.StreamHandler(stream)
    handler.setFormatter(_Format())
    handler.addFilter(_Tag(current, function_of))
    logging.basicConfig(level=logging.DEBUG if debug else logging.INFO, handlers=[handler], force=True)
    if not debug:
        for name in _QUIET:
            logging.getLogger(name).setLevel(logging.WARNING)
