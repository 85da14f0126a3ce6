"""What hubs learn from their peers and tell them: the POSTs learnedRoutes and advertisedRoutes of a bgpConnection.

No BGP is spoken here: who builds the sandbox says what the speaker at an address announces.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from sandbox.resource_manager import resource_ids
from sandbox.resource_manager.answers import Answer, Body
from sandbox.resource_manager.bgp_connections import PEER, BgpConnections
from sandbox.resource_manager.bgp_rules import Peer
from sandbox.resource_manager.faults import Faults
from sandbox.resource_manager.operations import Operations
from sandbox.resource_manager.pace import ADVERTISED_ROUTES_SECONDS, LEARNED_ROUTES_SECONDS
from sandbox.resource_manager.resource_ids import NETWORK
from sandbox.resource_manager.routing import Ask, Endpoint
from sandbox.resource_manager.virtual_hub import ASN, Hub

Announce: TypeAlias = Callable[[], Mapping[str, str]]
"""What a speaker announces at the moment: prefix → next hop."""

_INSTANCES = (0, 1)


@dataclass(frozen=True, slots=True)
class _Speaker:
    announce: Announce
    instances: frozenset[int]


class Speakers:
    """Who speaks BGP at which address, seen from each hub: known before the hub has a connection to it."""

    def __init__(self) -> None:
        self._speakers: dict[tuple[str, str], _Speaker] = {}

    def add(self, hub_id: str, peer_ip: str, announce: Announce, instances: Sequence[int]) -> None:
        """Somebody speaks there, with these instances of the hub's router; who spoke before is replaced."""
        if unknown := set(instances) - set(_INSTANCES):
            raise ValueError(f"instances {sorted(unknown)}: a hub has the instances 0 and 1")
        self._speakers[resource_ids.key(hub_id), peer_ip] = _Speaker(announce, frozenset(instances))

    def session(self, hub: Hub, peer: Peer, instance: int) -> Announce | None:
        """What the peer announces to an instance; None where there is no session, as before the peer is provisioned."""
        speaker = self._speakers.get((resource_ids.key(hub.id), peer.ip))
        _, state = hub.peers.get(peer.name.lower(), (peer, "Deleting"))
        return speaker.announce if speaker and instance in speaker.instances and state == "Succeeded" else None


class LearnedRoutes:
    """Both POSTs. `prefixes_of` gives the address prefixes of the networks that a hub stands for."""

    def __init__(
        self,
        peers: BgpConnections,
        speakers: Speakers,
        operations: Operations,
        faults: Faults,
        prefixes_of: Callable[[Hub], Sequence[str]],
    ) -> None:
        self._peers = peers
        self._speakers = speakers
        self._operations = operations
        self._faults = faults
        self._prefixes_of = prefixes_of

    def endpoints(self) -> tuple[Endpoint, ...]:
        """What is served."""
        return (
            Endpoint("POST", f"{PEER}/learnedRoutes", self._post_learned, NETWORK),
            Endpoint("POST", f"{PEER}/advertisedRoutes", self._post_advertised, NETWORK),
        )

    def _post_learned(self, ask: Ask) -> Answer:
        return self._accept(ask, self._learned, LEARNED_ROUTES_SECONDS)

    def _post_advertised(self, ask: Ask) -> Answer:
        return self._accept(ask, self._advertised, ADVERTISED_ROUTES_SECONDS)

    def _accept(self, ask: Ask, routes: Callable[[Hub, Peer, int], list[Body]], seconds: float) -> Answer:
        """202 with a Location; the routes are those of the moment in which the result is asked for.

        Reading does not hold the hub (inferred).
        """
        hub, peer = self._peers.asked(ask)
        scripted = self._faults.results.take(ask.method, ask.path)

        def result() -> Body:
            if scripted is not None:
                return scripted
            return {f"RouteServiceRole_IN_{instance}": routes(hub, peer, instance) for instance in _INSTANCES}

        operation = self._operations.start(
            "ListHubBgpConnectionRoutesOperation",
            f"{hub.id}/bgpConnections/{peer.name}",
            location=hub.location,
            api_version=ask.api_version,
            seconds=seconds,
            finish=lambda _: None,
            failure=self._faults.operations.take(ask.method, ask.path),
            hangs=self._faults.hanging.take(ask.method, ask.path),
            result=result,
        )
        return self._operations.accepted(operation, 202)

    def _learned(self, hub: Hub, peer: Peer, instance: int) -> list[Body]:
        """The entries as public outputs show them: https://github.com/tigera-solutions/azure-hub-spoke-aks-egress-gateways.

        There the first role is the router with the second address; nobody should rely on that. The path is the peer's own
        ASN alone, as of routes that come from inside its autonomous system.
        """
        announce = self._speakers.session(hub, peer, instance)
        return [
            {
                "asPath": str(peer.asn),
                "localAddress": hub.router_ips[1 - instance],
                "network": prefix,
                "nextHop": hop,
                "origin": "EBgp",
                "sourcePeer": peer.ip,
                "weight": 32768,
            }
            for prefix, hop in (announce().items() if announce else ())
        ]

    def _advertised(self, hub: Hub, peer: Peer, instance: int) -> list[Body]:
        """The prefixes of the hub's own networks, to a peer that speaks. What other peers announced is left out."""
        if self._speakers.session(hub, peer, instance) is None:
            return []
        address = hub.router_ips[instance]
        return [
            {
                "asPath": str(ASN),
                "localAddress": address,
                "network": prefix,
                "nextHop": address,
                "origin": "Igp",
                "weight": 0,
            }
            for prefix in self._prefixes_of(hub)
        ]
