"""Microsoft.Network/routeTables/routes: one route at a time. Each write is a write to its table (facts: shared etag)."""

from dataclasses import replace

from sandbox.resource_manager import errors
from sandbox.resource_manager.answers import Answer
from sandbox.resource_manager.resource_ids import NETWORK
from sandbox.resource_manager.route_rules import Route, check_set, parse_route
from sandbox.resource_manager.route_table import Table
from sandbox.resource_manager.route_tables import TABLE, RouteTables
from sandbox.resource_manager.routing import Ask, Endpoint

_ROUTES = f"{TABLE}/routes"
_ROUTE = f"{_ROUTES}/{{route}}"


class Routes:
    """The routes of all tables, one by one."""

    def __init__(self, tables: RouteTables) -> None:
        self._tables = tables

    def endpoints(self) -> tuple[Endpoint, ...]:
        """What this provider type serves."""
        return (
            Endpoint("GET", _ROUTE, self._get, NETWORK),
            Endpoint("PUT", _ROUTE, self._put, NETWORK),
            Endpoint("DELETE", _ROUTE, self._delete, NETWORK),
            Endpoint("GET", _ROUTES, self._list, NETWORK),
        )

    def _get(self, ask: Ask) -> Answer:
        table = self._tables.asked(ask)
        return Answer(200, table.render_route(_asked(ask, table)), {"ETag": table.etag})

    def _list(self, ask: Ask) -> Answer:
        table = self._tables.asked(ask)
        return Answer(200, {"value": [table.render_route(route) for route in table.content.routes]})

    def _put(self, ask: Ask) -> Answer:
        table = self._tables.asked(ask)
        old = table.content.find(ask.names["route"])
        new = parse_route(ask.body, table.id, name=old.name if old else ask.names["route"])
        routes = tuple(new if route is old else route for route in table.content.routes)
        if old is None:
            routes = (*routes, new)
        check_set(routes, table.id, limit=self._tables.limit)
        content = replace(table.content, routes=routes)
        operation = self._tables.write(ask, table, content, "PutRouteOperation")
        return self._tables.operations.accepted(operation, 200 if old else 201, table.render_route(new))

    def _delete(self, ask: Ask) -> Answer:
        table = self._tables.asked(ask)
        old = table.content.find(ask.names["route"])
        if old is None:
            return Answer(204)
        content = replace(table.content, routes=tuple(route for route in table.content.routes if route is not old))
        operation = self._tables.write(ask, table, content, "DeleteRouteOperation")
        return self._tables.operations.accepted(operation, 202)


def _asked(ask: Ask, table: Table) -> Route:
    route = table.content.find(ask.names["route"])
    if route is None:
        raise errors.child_not_found(f"{table.id}/routes/{ask.names['route']}")
    return route
