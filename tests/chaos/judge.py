"""The judge at Resource Manager's door: sees every write of a route table and every reading, and says what was not allowed."""

from collections.abc import Callable, Mapping
from copy import deepcopy
from ipaddress import IPv4Network
from typing import Any

from aiohttp import web

from sandbox.cloud import Cloud
from sandbox.cluster import POD_CIDR, POOLS, table_id
from sandbox.endpoint import Handler
from sandbox.faults.writers import MARK
from tests.chaos.model import Model

TABLES = tuple(table_id(pool.table) for pool in POOLS)
FREE_DELETES, DELETE_FRACTION = 2, 0.3
"""The defaults of limits.freeDeletes and limits.maxDeleteFraction."""
Body = dict[str, Any]
Routes = dict[str, str | None]


class Judge:
    """Watches the tables of one cluster; `violations` are sentences. Handlers run on the server's thread."""

    def __init__(self, cloud: Cloud, owner: str, model: Model) -> None:
        self._cloud = cloud
        self._mark = f"apr_{owner}_"
        self._model = model
        self._now: dict[str, Body] = {}
        self._foreign: dict[str, Body] = {}
        self.told: dict[str, Routes] = {}
        """What Azure told last about our routes in each table."""
        self.violations: list[str] = []
        self.writes = 0
        """Writes that Azure accepted."""
        self.attempts = 0
        self.force = False
        for table in TABLES:
            self.known_by_hand(table)
        cloud.arm_endpoint.detour(self._watch)

    def known_by_hand(self, table: str) -> None:
        """Somebody edited a table by hand: what is foreign in it now has to stay."""
        self._now[table] = self._cloud.arm.table(table)
        self._foreign[table] = self._strange(self._now[table])

    def ours(self, table: str) -> Routes:
        """Prefix → next hop of the app's routes in a table as it is now."""
        return self._ours(self._cloud.arm.table(table))

    def check_foreign(self) -> None:
        """What is foreign is as somebody left it by hand."""
        for table, foreign in self._foreign.items():
            if self._strange(self._cloud.arm.table(table)) != foreign:
                self.violations.append(f"{table}: what is foreign was changed")

    async def _watch(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        table = next((each for each in TABLES if each.lower() == request.path.lower()), None)
        if table is None:
            return await handler(request)
        if request.method == "PUT":
            self.attempts += 1
        answer = await handler(request)
        before, self._now[table] = self._now[table], self._cloud.arm.table(table)
        if answer.status < 300:
            if request.method == "PUT":
                self._judge(table, before, await request.json(), request.headers.get("If-Match"))
            self.told[table] = self._ours(self._now[table])
        return answer

    def _judge(self, table: str, before: Body, sent: Body, if_match: str | None) -> None:
        self.writes += 1
        after = self._now[table]
        say: Callable[[str], None] = lambda what: self.violations.append(f"{table}: {what}")  # noqa: E731  # one word
        if if_match != before["etag"]:
            say(f"written on the version {if_match}, and it was {before['etag']}")
        if self._strange(before) != self._strange(after):
            say("what is foreign was changed by a write")
        if _plain(before) == _plain(sent) and before["properties"]["provisioningState"] != "Failed":
            say("written though nothing changes")
        # What the app sent, not what came of it: Azure may lose a route that the app left in.
        old, new = self._ours(before), self._ours(sent)
        gone = {prefix: hop for prefix, hop in old.items() if prefix not in new}
        self._judge_deletes(gone, ours=len(old.keys() | new.keys()), say=say)
        for prefix in old.keys() & new.keys():
            if (
                old[prefix] != new[prefix]
                and self._model.works(prefix, old[prefix])
                and not self._model.works(prefix, new[prefix])
            ):
                say(f"{prefix} worked via {old[prefix]} and goes to {new[prefix]} now")

    def _judge_deletes(self, gone: Mapping[str, str | None], *, ours: int, say: Callable[[str], None]) -> None:
        for prefix, hop in gone.items():
            if self._model.is_entitled(prefix, hop, forced=self.force):
                say(f"{prefix} via {hop} of a live node was deleted")
        if gone and not self._model.shows_any_cidr():
            say(f"{len(gone)} route(s) were deleted though no node shows a pod CIDR")
        unproven = [prefix for prefix, hop in gone.items() if hop in self._model.machines]
        if not self.force and len(unproven) > FREE_DELETES and len(unproven) / ours > DELETE_FRACTION:
            say(f"{len(unproven)} of {ours} routes were deleted past the brake, and their machines are there")

    def _ours(self, table: Body) -> Routes:
        return {
            each["properties"]["addressPrefix"]: each["properties"].get("nextHopIpAddress")
            for each in table["properties"]["routes"]
            if self._is_ours(each)
        }

    def _is_ours(self, route: Body) -> bool:
        prefix = IPv4Network(route["properties"]["addressPrefix"])
        return route["name"].startswith(self._mark) and prefix.subnet_of(IPv4Network(POD_CIDR))

    def _strange(self, table: Body) -> Body:
        """The table without our routes, without what moves with every version, and without what faults write."""
        plain = _plain(table)
        plain["tags"] = {name: value for name, value in (plain.get("tags") or {}).items() if name != MARK}
        plain["properties"]["routes"] = [
            each for each in plain["properties"]["routes"] if not self._is_ours(each) and each["name"] != MARK
        ]
        return plain


def _plain(table: Body) -> Body:
    plain = deepcopy(table)
    for each in (plain, *plain["properties"]["routes"]):
        each.pop("etag", None)
        each["properties"].pop("provisioningState", None)
    return plain
