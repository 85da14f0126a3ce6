"""What a worker is, and which one runs the app: Microsoft's library where it can be had, else the host's own."""

import importlib.util
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal, Protocol

from sandbox.functions_host.fallback_worker import FallbackWorker
from sandbox.functions_host.protos import InvocationRequest, InvocationResponse, RpcFunctionMetadata
from sandbox.functions_host.runtime_worker import LIBRARY, RuntimeWorker

Choice = Literal["auto", "library", "fallback"]
CHOICES: Final[tuple[Choice, ...]] = ("auto", "library", "fallback")


class Worker(Protocol):
    """Indexes the app once, then runs its functions."""

    name: str

    async def index(self, app_dir: Path) -> Sequence[RpcFunctionMetadata]:
        """Import the app and say what it declares. Raises AppLoadError with the reason."""

    async def invoke(self, request: InvocationRequest) -> InvocationResponse:
        """Run one function. Never raises for what the function does."""

    def current_invocation(self) -> str | None:
        """The invocation id of the calling thread, for its log lines."""


@dataclass(frozen=True, slots=True)
class ChosenWorker:
    """`notice` is for people: why the app does not run on the library, or empty."""

    worker: Worker
    notice: str


def choose_worker(choice: Choice) -> ChosenWorker:
    """The worker to run the app. Raises RuntimeError when the library is demanded and absent."""
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    installed = importlib.util.find_spec(LIBRARY) is not None
    if choice != "fallback" and installed:
        return ChosenWorker(RuntimeWorker(), "")
    if choice == "library":
        raise RuntimeError(f"{LIBRARY} is not installed for Python {version}; it needs Python 3.13 or newer")
    reason = "as asked for" if installed else f"{LIBRARY} is not installed (Python {version}; it needs 3.13 or newer)"
    return ChosenWorker(
        FallbackWorker(),
        f"The app runs on the sandbox's own worker, not on the library that runs it in the cloud: {reason}.",
    )
