"""One route table: what it holds, what version it is, what it looks like on the wire. No requests, no operations."""

import copy
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

from sandbox.resource_manager import errors, resource_ids
from sandbox.resource_manager.answers import Body
from sandbox.resource_manager.route_rules import Content, Route

State = Literal["Updating", "Succeeded", "Deleting", "Failed"]


def new_etag() -> str:
    """A version nobody has seen."""
    return f'W/"{uuid.uuid4()}"'


@dataclass(slots=True)
class Table:
    """The table and its routes are one version: they share state and etag (facts: recorded)."""

    id: str
    location: str
    content: Content
    state: State = "Succeeded"
    etag: str = field(default_factory=new_etag)
    guid: str = field(default_factory=lambda: str(uuid.uuid4()))

    def become(self, content: Content, state: State) -> None:
        """Take on a content and a state, which makes a new version. Routes keep the case they were created with."""
        known = {route.name.lower(): route.name for route in self.content.routes}
        routes = tuple(replace(route, name=known.get(route.name.lower(), route.name)) for route in content.routes)
        self.content = replace(content, routes=routes)
        self.state = state
        self.etag = new_etag()

    def lose(self, route_name: str) -> None:
        """Drop a route without a word."""
        kept = tuple(route for route in self.content.routes if route.name.lower() != route_name.lower())
        self.content = replace(self.content, routes=kept)

    def check(self, if_match: str | None) -> None:
        """Raise the 412 when If-Match names another version; a bare value counts as `W/"value"` (facts: recorded)."""
        if if_match is None or if_match == "*":
            return
        wanted = if_match if if_match.startswith("W/") else f'W/"{if_match.strip(chr(34))}"'
        if wanted != self.etag:
            raise errors.etag_mismatch(wanted, self.etag, self.id)

    def render(self, subnets: Sequence[str]) -> Body:
        """The table's body; `subnets` are the ids of those that use it."""
        properties: Body = {"provisioningState": self.state, "resourceGuid": self.guid}
        properties |= copy.deepcopy(self.content.properties)
        properties["routes"] = [self.render_route(route) for route in self.content.routes]
        if subnets:
            properties["subnets"] = [{"id": subnet} for subnet in subnets]
        body: Body = {"name": resource_ids.parse(self.id).name, "id": self.id, "etag": self.etag}
        body |= {"type": "Microsoft.Network/routeTables", "location": self.location}
        if self.content.tags is not None:
            body["tags"] = dict(self.content.tags)
        return body | {"properties": properties}

    def render_route(self, route: Route) -> Body:
        """A route's body."""
        return {
            "name": route.name,
            "id": f"{self.id}/routes/{route.name}",
            "etag": self.etag,
            "properties": {
                "provisioningState": self.state,
                **copy.deepcopy(route.properties),
                "hasBgpOverride": False,
            },
            "type": "Microsoft.Network/routeTables/routes",
        }
