"""A process of its own that answers commands: what serves and what is measured never share one."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from types import TracebackType
from typing import Any, Self


class Child:
    """`python -m MODULE`, asked one JSON line at a time over its standard input. Use as a context manager."""

    def __init__(self, module: str, told: Mapping[str, Any], environment: Mapping[str, str] | None = None) -> None:
        self._process = subprocess.Popen(  # noqa: S603  # a module of ours
            [sys.executable, "-m", module, json.dumps(told)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, **(environment or {})},
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._process.stdin:
            self._process.stdin.close()
        self._process.wait()
        if self._process.stdout:
            self._process.stdout.close()

    def ask(self, do: str, **options: Any) -> Any:
        """The answer to a command; RuntimeError where the process ended instead."""
        if not (self._process.stdin and self._process.stdout):
            raise RuntimeError("the process has no pipes")
        self._process.stdin.write(json.dumps({"do": do, **options}) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"the process ended with {self._process.wait()} when it was asked: {do} {options}")
        return json.loads(line)


def serve(commands: Mapping[str, Any]) -> None:
    """Answer commands until nobody asks any more: the child's side."""
    for line in sys.stdin:
        asked = json.loads(line)
        answer = commands[asked.pop("do")](**asked)
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()
