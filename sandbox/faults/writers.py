"""Other writers of the same route table, who come just before a request of the app is served.

What they leave is called `another-writer`, so that whoever compares tables can set it aside.
"""

from collections.abc import Callable
from functools import partial

from sandbox.endpoint import Undo
from sandbox.faults.fault import Ground
from sandbox.faults.operations import OURS
from sandbox.faults.refusals import TABLES
from sandbox.faults.strikes import Strikes
from sandbox.resource_manager import route
from sandbox.resource_manager.answers import Body

MARK = "another-writer"
PREFIX = "192.168.255.0/24"
_HOPS = ("10.10.240.8", "10.10.240.9")


def race(ground: Ground, strikes: Strikes) -> Undo:
    """Somebody changes a tag of the table just before the PUT, whose If-Match is then stale: 412."""
    return _write(ground, strikes, "PUT", _change_tag)


def second_writer(ground: Ground, strikes: Strikes, *, method: str = "*") -> Undo:
    """An operator with the CLI adds a route of their own, or changes its next hop, just before the app's request."""
    return _write(ground, strikes, method, _change_route)


def overwriter(ground: Ground, strikes: Strikes, *, method: str = "GET") -> Undo:
    """Terraform writes the table as its code knows it just before the app's request: no route of the app is left."""
    return _write(ground, strikes, method, _drop_ours)


def _write(ground: Ground, strikes: Strikes, method: str, edit: Callable[[Body], None]) -> Undo:
    arm = ground.cloud.arm

    def decide(verb: str, path: str) -> Callable[[], None] | None:
        parent, _, name = path.lower().rpartition("/")
        meant = method.upper() in {"*", verb} and f"{parent}/".endswith(TABLES) and name
        return partial(arm.edit_table, path, edit) if meant and strikes() else None

    return arm.scripts.before.whenever(decide)


def _change_tag(body: Body) -> None:
    tags = body.get("tags") or {}
    body["tags"] = {**tags, MARK: str(int(tags.get(MARK, "0")) + 1)}


def _change_route(body: Body) -> None:
    routes = body["properties"]["routes"]
    theirs = next((each for each in routes if each["name"] == MARK), None)
    if theirs is None:
        routes.append(route(MARK, PREFIX, _HOPS[0]))
    else:
        hop = theirs["properties"]["nextHopIpAddress"]
        theirs["properties"]["nextHopIpAddress"] = _HOPS[1 - _HOPS.index(hop)]


def _drop_ours(body: Body) -> None:
    properties = body["properties"]
    properties["routes"] = [each for each in properties["routes"] if not each["name"].startswith(OURS)]
