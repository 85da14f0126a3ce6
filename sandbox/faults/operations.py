"""Writes of route tables and of the peers of hubs that Azure accepts, and what then becomes of them."""

import math
from collections.abc import Callable, Sequence

from sandbox.endpoint import Undo
from sandbox.faults.fault import Ground
from sandbox.faults.refusals import TABLES
from sandbox.faults.strikes import Strikes

PEERS = "/bgpconnections/"
"""Part of the path of every peer of a hub, in lower case."""
WRITES = frozenset({"PUT", "DELETE"})
"""The methods that write a peer; a POST only reads its routes."""

OURS = "apr_"
"""What the name of every route begins with that the app has made."""


def fails(
    ground: Ground, strikes: Strikes, *, code: str = "InternalServerError", message: str = "An error occurred."
) -> Undo:
    """A write is accepted with 200 or 201, and its operation ends as Failed."""
    return _fail(ground, strikes, _on_table, (code, message))


def hub_fails(
    ground: Ground, strikes: Strikes, *, code: str = "InternalServerError", message: str = "An error occurred."
) -> Undo:
    """A write of a hub's peer is accepted with 200, 201 or 202, and its operation ends as Failed."""
    return _fail(ground, strikes, _on_peer, (code, message))


def hangs(ground: Ground, strikes: Strikes, *, delay: float = math.inf) -> Undo:
    """An accepted operation stays InProgress for `delay` seconds more, at most until the fault is off."""
    return _hang(ground, strikes, _on_table, delay)


def hub_hangs(ground: Ground, strikes: Strikes, *, delay: float = math.inf) -> Undo:
    """An accepted operation of a hub's peer stays InProgress for `delay` seconds more, at most until the fault is off."""
    return _hang(ground, strikes, _on_peer, delay)


def lost_route(ground: Ground, strikes: Strikes) -> Undo:
    """An operation ends as Succeeded, and the last of the app's routes is not in the table."""

    def lost(names: Sequence[str]) -> str | None:
        ours = [name for name in names if name.startswith(OURS)]
        return ours[-1] if ours and strikes() else None

    def decide(method: str, path: str) -> Callable[[Sequence[str]], str | None] | None:
        return lost if method == "PUT" and TABLES in path.lower() else None

    return ground.cloud.arm.scripts.lost_routes.whenever(decide)


def _on_table(_: str, path: str) -> bool:
    return TABLES in path.lower()


def _on_peer(method: str, path: str) -> bool:
    return method in WRITES and PEERS in path.lower()


def _fail(ground: Ground, strikes: Strikes, meant: Callable[[str, str], bool], failure: tuple[str, str]) -> Undo:
    def decide(method: str, path: str) -> tuple[str, str] | None:
        return failure if meant(method, path) and strikes() else None

    return ground.cloud.arm.scripts.operations.whenever(decide)


def _hang(ground: Ground, strikes: Strikes, meant: Callable[[str, str], bool], delay: float) -> Undo:
    clock, on = ground.cloud.arm.clock, True

    def decide(method: str, path: str) -> Callable[[], bool] | None:
        if not meant(method, path) or not strikes():
            return None
        until = clock() + delay
        return lambda: on and clock() < until

    undo = ground.cloud.arm.scripts.hanging.whenever(decide)

    def off() -> None:
        nonlocal on
        on = False
        undo()

    return off
