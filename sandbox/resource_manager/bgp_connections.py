"""Microsoft.Network/virtualHubs/bgpConnections: the peers of a hub, one at a time. Each write is a write to its hub."""

from sandbox.resource_manager import errors, hub_errors
from sandbox.resource_manager.answers import Answer
from sandbox.resource_manager.bgp_rules import Peer, check_change, check_set, parse_peer
from sandbox.resource_manager.operations import Operation
from sandbox.resource_manager.resource_ids import NETWORK
from sandbox.resource_manager.routing import Ask, Endpoint
from sandbox.resource_manager.virtual_hub import PROVISIONED, Hub
from sandbox.resource_manager.virtual_hubs import HUB, VirtualHubs

_PEERS = f"{HUB}/bgpConnections"
PEER = f"{_PEERS}/{{connection}}"


class BgpConnections:
    """The peers of all hubs."""

    def __init__(self, hubs: VirtualHubs) -> None:
        self._hubs = hubs

    def asked(self, ask: Ask) -> tuple[Hub, Peer]:
        """The peer that a path names, and its hub. Raises the 404 when there is none."""
        hub = self._hubs.asked(ask)
        peer = hub.peer(ask.names["connection"])
        if peer is None:
            raise errors.child_not_found(f"{hub.id}/bgpConnections/{ask.names['connection']}")
        return hub, peer

    def endpoints(self) -> tuple[Endpoint, ...]:
        """What this provider type serves."""
        return (
            Endpoint("GET", PEER, self._get, NETWORK),
            Endpoint("PUT", PEER, self._put, NETWORK),
            Endpoint("DELETE", PEER, self._delete, NETWORK),
            Endpoint("GET", _PEERS, self._list, NETWORK),
        )

    def _get(self, ask: Ask) -> Answer:
        hub, peer = self.asked(ask)
        return Answer(200, hub.render_peer(peer), {"ETag": hub.etag})

    def _list(self, ask: Ask) -> Answer:
        hub = self._hubs.asked(ask)
        return Answer(200, {"value": [hub.render_peer(peer) for peer, _ in hub.peers.values()]})

    def _put(self, ask: Ask) -> Answer:
        """201 for a new peer, 200 for one that is there (facts: recorded).

        The order of the checks is inferred: what the body alone tells, the router, the lock, the version, the rest.
        """
        hub = self._hubs.asked(ask)
        old = hub.peer(ask.names["connection"])
        new = parse_peer(ask.body, old.name if old else ask.names["connection"])
        state = self._hubs.routing_state(ask, hub)
        if state != PROVISIONED:
            raise hub_errors.routing_not_provisioned(hub.id, state)
        self._hubs.operations.check_idle(hub.id)
        hub.check(ask.if_match)
        check_peer(hub, new)
        status = 200 if old else 201
        if old is not None and hub.peers[old.name.lower()] == (new, "Succeeded"):
            operation = self._nothing_to_do(ask, hub)
        else:
            operation = self._hubs.write(ask, hub, new, "PutHubBgpConnectionOperation")
        return self._hubs.operations.accepted(operation, status, hub.render_peer(new))

    def _nothing_to_do(self, ask: Ask, hub: Hub) -> Operation:
        """A PUT that changes nothing ends at once and leaves the version alone (facts: recorded for a virtual WAN)."""
        operation = self._hubs.start(ask, hub, "PutHubBgpConnectionOperation", 0.0, lambda _: None)
        self._hubs.operations.end_on(hub.id)
        return operation

    def _delete(self, ask: Ask) -> Answer:
        """202, or 204 when there is nothing (https://learn.microsoft.com/rest/api/virtualwan/virtual-hub-bgp-connection/delete)."""
        hub = self._hubs.asked(ask)
        peer = hub.peer(ask.names["connection"])
        if peer is None:
            return Answer(204)
        self._hubs.operations.check_idle(hub.id)
        hub.check(ask.if_match)
        operation = self._hubs.write(ask, hub, peer, "DeleteHubBgpConnectionOperation")
        return self._hubs.operations.accepted(operation, 202)


def check_peer(hub: Hub, new: Peer) -> None:
    """Raise the 400 for a peer that this hub, with the peers it has, does not take."""
    if hub.kind is None and not hub.has_connection(new.connection):
        raise hub_errors.connection_not_provisioned(hub.id, new.connection or "none")
    old = hub.peer(new.name)
    if old is not None:
        check_change(old, new, hub.id)
    check_set([*(peer for peer, _ in hub.peers.values() if peer is not old), new], hub.id)
