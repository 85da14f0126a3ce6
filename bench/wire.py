"""When each route was first on the wire: the arrival of the PUT that brought it, as the Resource Manager stand-in sees it."""

from collections.abc import Callable
from contextlib import ExitStack
from typing import Self

from sandbox.cluster import POOLS, table_id
from sandbox.resource_manager import ResourceManager

TABLES = tuple(table_id(pool.table) for pool in POOLS)


class Arrivals:
    """Listens while used as a context manager. Changes nothing for those who ask.

    The stand-in asks every listener once a request has arrived in full, and answers it in the same turn of its event loop.
    So what a PUT has brought is read off its table as soon as the next request arrives.
    """

    def __init__(self, arm: ResourceManager, clock: Callable[[], float]) -> None:
        self._arm = arm
        self._clock = clock
        self._pending: dict[str, float] = {}
        self._seen: dict[str, dict[str, float]] = {table: dict.fromkeys(arm.routes(table), 0.0) for table in TABLES}
        self._listening = ExitStack()

    def __enter__(self) -> Self:
        self._listening.callback(self._arm.scripts.before.whenever(self._arrived))
        return self

    def __exit__(self, *exc: object) -> None:
        self._listening.close()

    def has(self, prefix: str) -> bool:
        """Whether every table got this prefix."""
        return all(prefix in seen for seen in self._seen.values())

    def of(self, prefix: str) -> float:
        """When the last of the tables got this prefix, on the clock. KeyError where one of them has not."""
        return max(seen[prefix] for seen in self._seen.values())

    def _arrived(self, method: str, path: str) -> None:
        now = self._clock()
        for table, arrived in self._pending.items():
            for prefix in self._arm.routes(table):
                self._seen[table].setdefault(prefix, arrived)
        self._pending.clear()
        for table in TABLES:
            if method == "PUT" and path.lower() == table.lower():
                self._pending[table] = now
