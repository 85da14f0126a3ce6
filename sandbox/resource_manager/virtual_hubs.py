"""Microsoft.Network/virtualHubs: hubs and those of their children that are only read; and the one way of writing to a hub.

Hubs, their IP configurations and their network connections come from the builder in `hubs`; peers are in `bgp_connections`.
"""

from collections.abc import Callable

from sandbox.resource_manager import errors, resource_ids
from sandbox.resource_manager.answers import Answer, Body
from sandbox.resource_manager.bgp_rules import Peer
from sandbox.resource_manager.faults import Faults
from sandbox.resource_manager.operations import Operation, Operations
from sandbox.resource_manager.pace import BGP_DELETE_SECONDS, BGP_PUT_SECONDS
from sandbox.resource_manager.resource_ids import NETWORK
from sandbox.resource_manager.routing import GROUP, Ask, Endpoint
from sandbox.resource_manager.virtual_hub import TYPE, Hub

_HUBS = f"{GROUP}/providers/{TYPE}"
HUB = f"{_HUBS}/{{hub}}"
_ALL_HUBS = f"/subscriptions/{{subscription}}/providers/{TYPE}"
_IP_CONFIGURATIONS = f"{HUB}/ipConfigurations"
_CONNECTIONS = f"{HUB}/hubVirtualNetworkConnections"


class VirtualHubs:
    """All hubs of both kinds."""

    def __init__(self, operations: Operations, faults: Faults) -> None:
        self.operations = operations
        self.faults = faults
        self._hubs: dict[str, Hub] = {}

    def add(self, hub: Hub) -> None:
        """Put a hub there; one of the same id is replaced."""
        resource_ids.expect(hub.id, TYPE)
        self._hubs[resource_ids.key(hub.id)] = hub

    def known(self, hub_id: str) -> Hub:
        """The hub. Raises KeyError when there is none."""
        return self._hubs[resource_ids.key(hub_id)]

    def asked(self, ask: Ask) -> Hub:
        """The hub that a path names. Raises the 404 when there is none."""
        hub_id = HUB.format(**ask.names)
        hub = self._hubs.get(resource_ids.key(hub_id))
        if hub is None:
            raise errors.resource_not_found(resource_ids.parse(hub_id))
        return hub

    def routing_state(self, ask: Ask, hub: Hub) -> str:
        """The hub's routing state, or the one that a script shows for this request."""
        return self.faults.routing_states.take(ask.method, ask.path) or hub.routing_state

    def write(self, ask: Ask, hub: Hub, peer: Peer, name: str) -> Operation:
        """Accept the PUT or DELETE of a peer: one operation per hub, a new version now and another one when it ends.

        A failed operation leaves its peer behind as Failed and the hub as Succeeded (inferred). That the hub is Updating
        meanwhile is inferred from the version that it shares with its peers.
        """
        is_delete = ask.method == "DELETE"
        failure = self.faults.operations.take(ask.method, ask.path)
        hangs = self.faults.hanging.take(ask.method, ask.path)
        hub.put(peer, "Deleting" if is_delete else "Updating")
        hub.become("Updating")

        def finish(operation: Operation) -> None:
            if operation.failure is not None:
                hub.put(peer, "Failed")
            elif is_delete:
                del hub.peers[peer.name.lower()]
            else:
                hub.put(peer, "Succeeded")
            hub.become("Succeeded")

        seconds = BGP_DELETE_SECONDS if is_delete else BGP_PUT_SECONDS
        return self.start(ask, hub, name, seconds, finish, failure=failure, hangs=hangs)

    def start(
        self,
        ask: Ask,
        hub: Hub,
        name: str,
        seconds: float,
        finish: Callable[[Operation], None],
        *,
        failure: tuple[str, str] | None = None,
        hangs: Callable[[], bool] | None = None,
    ) -> Operation:
        """Begin an operation that holds the hub."""
        return self.operations.start(
            name,
            hub.id,
            location=hub.location,
            api_version=ask.api_version,
            seconds=seconds,
            finish=finish,
            is_delete=ask.method == "DELETE",
            failure=failure,
            hangs=hangs,
        )

    def endpoints(self) -> tuple[Endpoint, ...]:
        """What this provider type serves."""
        return (
            Endpoint("GET", HUB, self._get, NETWORK),
            Endpoint("GET", _HUBS, self._list, NETWORK),
            Endpoint("GET", _ALL_HUBS, self._list, NETWORK),
            Endpoint("GET", _IP_CONFIGURATIONS, self._list_ip_configurations, NETWORK),
            Endpoint("GET", f"{_IP_CONFIGURATIONS}/{{child}}", self._get_ip_configuration, NETWORK),
            Endpoint("GET", _CONNECTIONS, self._list_connections, NETWORK),
            Endpoint("GET", f"{_CONNECTIONS}/{{child}}", self._get_connection, NETWORK),
        )

    def _get(self, ask: Ask) -> Answer:
        """A hub, without an ETag header (facts: recorded)."""
        hub = self.asked(ask)
        return Answer(200, hub.render(self.routing_state(ask, hub)))

    def _list(self, ask: Ask) -> Answer:
        """The hubs of a group or, without one in the path, of a subscription."""
        scope = f"/subscriptions/{ask.names['subscription']}/"
        if "group" in ask.names:
            scope = GROUP.format(**ask.names) + "/"
        found = [hub for hub in self._hubs.values() if hub.id.lower().startswith(scope.lower())]
        return Answer(200, {"value": [hub.render(self.routing_state(ask, hub)) for hub in found]})

    def _list_ip_configurations(self, ask: Ask) -> Answer:
        return Answer(200, {"value": self.asked(ask).render_ip_configurations()})

    def _get_ip_configuration(self, ask: Ask) -> Answer:
        hub = self.asked(ask)
        return Answer(200, _find(hub.render_ip_configurations(), ask, hub), {"ETag": hub.etag})

    def _list_connections(self, ask: Ask) -> Answer:
        return Answer(200, {"value": self.asked(ask).render_connections()})

    def _get_connection(self, ask: Ask) -> Answer:
        """A network connection, without an ETag header (facts: recorded in 2023; in 2020 it had one)."""
        hub = self.asked(ask)
        return Answer(200, _find(hub.render_connections(), ask, hub))


def _find(children: list[Body], ask: Ask, hub: Hub) -> Body:
    name = ask.names["child"]
    for child in children:
        if child["name"].lower() == name.lower():
            return child
    kind = ask.path.strip("/").split("/")[-2]
    raise errors.child_not_found(f"{hub.id}/{kind}/{name}")
