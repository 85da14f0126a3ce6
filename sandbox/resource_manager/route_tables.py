"""Microsoft.Network/routeTables: read, replace, tag, delete; and the one way in which anything writes to a table."""

from collections.abc import Callable, Sequence
from dataclasses import replace

from sandbox.resource_manager import errors, resource_ids
from sandbox.resource_manager.answers import Answer, AzureError, Body
from sandbox.resource_manager.faults import Faults
from sandbox.resource_manager.operations import Operation, Operations
from sandbox.resource_manager.pace import ROUTE_TABLE_SECONDS
from sandbox.resource_manager.resource_ids import NETWORK
from sandbox.resource_manager.route_rules import Content, check_name, parse_table
from sandbox.resource_manager.route_table import State, Table
from sandbox.resource_manager.routing import GROUP, Ask, Endpoint

TYPE = f"{NETWORK}/routeTables"
TABLES = f"{GROUP}/providers/{TYPE}"
TABLE = f"{TABLES}/{{table}}"
_ALL_TABLES = f"/subscriptions/{{subscription}}/providers/{TYPE}"


class RouteTables:
    """All route tables. `subnets_of` says which subnets use a table."""

    def __init__(
        self, operations: Operations, faults: Faults, subnets_of: Callable[[str], Sequence[str]], *, limit: int
    ) -> None:
        self.operations = operations
        self.limit = limit
        self._faults = faults
        self._subnets_of = subnets_of
        self._tables: dict[str, Table] = {}

    def add(self, table_id: str, body: Body, location: str) -> None:
        """Put a table there, in the state of a finished write."""
        resource_ids.expect(table_id, TYPE)
        table = Table(table_id, location, parse_table(body, table_id, limit=self.limit))
        self._tables[resource_ids.key(table_id)] = table

    def edit(self, table_id: str, change: Callable[[Body], object]) -> None:
        """Let `change` alter the body in place and commit it: somebody else's write, finished before we return."""
        table = self.known(table_id)
        self.operations.end_on(table.id)
        body = self.render(table)
        change(body)
        table.become(parse_table(body, table.id, limit=self.limit), "Succeeded")

    def known(self, table_id: str) -> Table:
        """The table. Raises KeyError when there is none."""
        return self._tables[resource_ids.key(table_id)]

    def asked(self, ask: Ask) -> Table:
        """The table that a path names. Raises the 404 when there is none."""
        table_id = TABLE.format(**ask.names)
        table = self._tables.get(resource_ids.key(table_id))
        if table is None:
            raise errors.resource_not_found(resource_ids.parse(table_id))
        return table

    def render(self, table: Table) -> Body:
        """The table's body with the subnets that use it."""
        return table.render(self._subnets_of(table.id))

    def write(self, ask: Ask, table: Table, content: Content, name: str, *, state: State = "Updating") -> Operation:
        """Accept a write: one operation per table, If-Match, new version now and another one when it ends.

        A write that changes nothing ends at once and leaves the version alone (facts: recorded, state Succeeded).
        The lock is checked before If-Match: inferred, as the version moves on with the running operation anyway.
        """
        self.operations.check_free(table.id)
        table.check(ask.if_match)
        is_delete = ask.method == "DELETE"
        if not is_delete and content == table.content and table.state == "Succeeded":
            operation = self._start(ask, table, name, 0.0, lambda _: None)
            self.operations.end_on(table.id)
            return operation
        table.become(content, state)
        lost = self._faults.lost_routes.take(ask.method, ask.path)
        failure = self._faults.operations.take(ask.method, ask.path)
        hangs = self._faults.hanging.take(ask.method, ask.path)

        def finish(operation: Operation) -> None:
            if state == "Deleting" and operation.failure is None:
                del self._tables[resource_ids.key(table.id)]
                return
            if lost is not None and (route_name := lost([route.name for route in table.content.routes])) is not None:
                table.lose(route_name)
            table.become(table.content, "Failed" if operation.failure else "Succeeded")

        return self._start(ask, table, name, ROUTE_TABLE_SECONDS, finish, failure=failure, hangs=hangs)

    def endpoints(self) -> tuple[Endpoint, ...]:
        """What this provider type serves."""
        return (
            Endpoint("GET", TABLE, self._get, NETWORK),
            Endpoint("PUT", TABLE, self._put, NETWORK),
            Endpoint("PATCH", TABLE, self._patch, NETWORK),
            Endpoint("DELETE", TABLE, self._delete, NETWORK),
            Endpoint("GET", TABLES, self._list, NETWORK),
            Endpoint("GET", _ALL_TABLES, self._list, NETWORK),
        )

    def _get(self, ask: Ask) -> Answer:
        table = self.asked(ask)
        return Answer(200, self.render(table), {"ETag": table.etag})

    def _put(self, ask: Ask) -> Answer:
        table_id = TABLE.format(**ask.names)
        name = ask.names["table"]
        check_name(name)
        content = parse_table(ask.body, table_id, limit=self.limit)
        location = ask.body.get("location")
        if not location:
            raise AzureError(
                400, "LocationRequired", "The location property is required for this definition.", gateway=True
            )
        table = self._tables.get(resource_ids.key(table_id))
        if table is None:
            status, table = 201, Table(table_id, location, Content(None, {}, ()))
            table.check(ask.if_match)
            self._tables[resource_ids.key(table_id)] = table
        elif location.replace(" ", "").lower() != table.location.lower():
            raise AzureError(
                409,
                "InvalidResourceLocation",
                f"The resource '{name}' already exists in location '{table.location}' in resource group "
                f"'{ask.names['group']}'. A resource with the same name cannot be created in location '{location}'. "
                "Please select a new resource name.",
                gateway=True,
            )
        else:
            status = 200
        operation = self.write(ask, table, content, "PutRouteTableOperation")
        return self.operations.accepted(operation, status, self.render(table))

    def _patch(self, ask: Ask) -> Answer:
        """Tags only, and done at once: 200 with a new version (facts: recorded)."""
        table = self.asked(ask)
        tags = ask.body.get("tags") if isinstance(ask.body, dict) else None
        if not isinstance(tags, dict):
            raise errors.invalid_request("The request content was invalid: it needs an object 'tags'.")
        self.operations.check_free(table.id)
        table.check(ask.if_match)
        table.become(replace(table.content, tags=tags), table.state)
        return Answer(200, self.render(table), {"Azure-AsyncNotification": "Enabled"})

    def _delete(self, ask: Ask) -> Answer:
        """202, or 204 when there is nothing (facts: recorded for another type, published for this one)."""
        table = self._tables.get(resource_ids.key(TABLE.format(**ask.names)))
        if table is None:
            return Answer(204)
        if users := self._subnets_of(table.id):
            # Refused: https://github.com/Azure/azure-xplat-cli/issues/2867; code after the recorded InUse… ones.
            raise AzureError(
                400,
                "InUseRouteTableCannotBeDeleted",
                f"Route table {ask.names['table']} is in use and cannot be deleted. It is used by {', '.join(users)}.",
                details=(),
            )
        operation = self.write(ask, table, table.content, "DeleteRouteTableOperation", state="Deleting")
        return self.operations.accepted(operation, 202)

    def _list(self, ask: Ask) -> Answer:
        """The tables of a group or, without one in the path, of a subscription. Lists have no ETag (facts)."""
        scope = f"/subscriptions/{ask.names['subscription']}/"
        if "group" in ask.names:
            scope = GROUP.format(**ask.names) + "/"
        found = [table for table in self._tables.values() if table.id.lower().startswith(scope.lower())]
        return Answer(200, {"value": [self.render(table) for table in found]})

    def _start(
        self,
        ask: Ask,
        table: Table,
        name: str,
        seconds: float,
        finish: Callable[[Operation], None],
        *,
        failure: tuple[str, str] | None = None,
        hangs: Callable[[], bool] | None = None,
    ) -> Operation:
        return self.operations.start(
            name,
            table.id,
            location=table.location,
            api_version=ask.api_version,
            seconds=seconds,
            finish=finish,
            is_delete=ask.method == "DELETE",
            failure=failure,
            hangs=hangs,
        )
