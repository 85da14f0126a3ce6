"""Writes of route tables that Azure accepts, and what then becomes of them."""

import math
from collections.abc import Callable, Sequence

from sandbox.endpoint import Undo
from sandbox.faults.fault import Ground
from sandbox.faults.refusals import TABLES
from sandbox.faults.strikes import Strikes

OURS = "apr_"
"""What the name of every route begins with that the app has made."""


def fails(
    ground: Ground, strikes: Strikes, *, code: str = "InternalServerError", message: str = "An error occurred."
) -> Undo:
    """A write is accepted with 200 or 201, and its operation ends as Failed."""

    def decide(_: str, path: str) -> tuple[str, str] | None:
        return (code, message) if TABLES in path.lower() and strikes() else None

    return ground.cloud.arm.scripts.operations.whenever(decide)


def hangs(ground: Ground, strikes: Strikes, *, delay: float = math.inf) -> Undo:
    """An accepted operation stays InProgress for `delay` seconds more, at most until the fault is off."""
    clock, on = ground.cloud.arm.clock, True

    def decide(_: str, path: str) -> Callable[[], bool] | None:
        if TABLES not in path.lower() or not strikes():
            return None
        until = clock() + delay
        return lambda: on and clock() < until

    undo = ground.cloud.arm.scripts.hanging.whenever(decide)

    def off() -> None:
        nonlocal on
        on = False
        undo()

    return off


def lost_route(ground: Ground, strikes: Strikes) -> Undo:
    """An operation ends as Succeeded, and the last of the app's routes is not in the table."""

    def lost(names: Sequence[str]) -> str | None:
        ours = [name for name in names if name.startswith(OURS)]
        return ours[-1] if ours and strikes() else None

    def decide(method: str, path: str) -> Callable[[Sequence[str]], str | None] | None:
        return lost if method == "PUT" and TABLES in path.lower() else None

    return ground.cloud.arm.scripts.lost_routes.whenever(decide)
