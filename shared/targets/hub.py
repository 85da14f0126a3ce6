"""The BGP peers of one Route Server or Virtual WAN hub as a target: read all connections, write them one by one, read them again.

A hub takes one operation at a time (facts: azure-rest-api-specs#10391, 409 AnotherOperationInProgress), and one takes 80 to
136 s (facts: recorded). A pass waits for a part of that only; what Azure is still at work on is seen in the state of hub and
connections, by this pass's successor or by another instance alike. Who peers is decided in `peers`, the order in `peer_plan`.
"""

import io
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network
from typing import Any, TypeVar

import msgspec
from azure.core.exceptions import AzureError
from azure.core.polling import LROPoller
from azure.mgmt.core.tools import parse_resource_id

from shared import shapes
from shared.changes import Create, Delete, PeerChange, Update
from shared.correlation import carrying
from shared.errors import UnfinishedError
from shared.models import BgpPeer, Busy, ForeignPeer, Learned, LearnedRoute, Observed, ObservedPeers
from shared.ownership import is_our_peer
from shared.targets.arm import Arm, translate
from shared.targets.plain import PlainPolling

POLL_SECONDS = 2.0
"""Between two polls where Azure sends no Retry-After (it does: 10 s at first)."""
OPERATION_SECONDS = 25.0
"""What a pass waits for one operation. Well below what an HTTP caller waits for an answer, 230 s; the queue goes on.
Source: https://learn.microsoft.com/azure/azure-functions/functions-scale#timeout"""
LEARNED_SECONDS = 25.0
"""What a pass waits for the routes learned from a peer; they are told in findings and decide no write but the last peer's."""
KNOWN_ROUTES = 2**14
"""How many learned routes are remembered as parsed: each instance of the hub tells the same of each peer, in every pass."""
_AT_WORK = {"Updating", "Deleting"}
_NOT_READY = {"None", "Provisioning"}
"""Routing states that end by themselves: the hub is being made, which takes half an hour. Any other refuses a write."""

_INSTANCE = "RouteServiceRole"
"""What the key of an instance begins with. A `"value": null` may be beside them (seen in answers to az network routeserver
peering list-learned-routes)."""

T = TypeVar("T")


class Hub:
    """Fits `reconcile.Target`. `hub_connection_id` is that of the peers' network, in Virtual WAN only."""

    def __init__(self, arm: Arm, hub_id: str, owner: str, *, hub_connection_id: str | None = None) -> None:
        self.id = hub_id
        parts = parse_resource_id(hub_id)
        self._client = arm.network(str(parts["subscription"]))
        self._where = (str(parts["resource_group"]), str(parts["name"]))
        self._owner = owner
        self._hub_connection_id = hub_connection_id

    def observe(self) -> ObservedPeers:
        """Every connection, and what was learned from each of ours; TargetError when they cannot be read."""
        properties = self._asked(lambda: self._client.virtual_hubs.get(*self._where).as_dict()).get("properties") or {}
        observed = self._connections(_hub_busy(properties), {})
        if observed.busy is not None:
            return observed
        with ThreadPoolExecutor(max_workers=len(observed.managed) or 1, thread_name_prefix="learned") as side_by_side:
            learned = side_by_side.map(carrying(self._learned), observed.managed)
            told = {peer.name: answer for peer, answer in zip(observed.managed, learned, strict=True)}
        return Observed(observed.managed, observed.foreign, learned=told)

    def apply(self, observed: ObservedPeers, changes: Sequence[PeerChange]) -> ObservedPeers:
        """One operation, two for an update, and a list. Raises SupersededError, UnfinishedError, TargetError."""
        for change in changes:
            match change:
                case Delete(previous):
                    self._delete(previous.name)
                case Update(previous, entry):
                    self._delete(previous.name)
                    self._create(entry)
                case Create(entry):
                    self._create(entry)
        ended = {change.previous.name for change in changes if isinstance(change, Delete | Update)}
        return self._connections(None, {name: told for name, told in observed.learned.items() if name not in ended})

    def _delete(self, name: str) -> None:
        connections = self._client.virtual_hub_bgp_connection
        self._ended(self._asked(lambda: connections.begin_delete(*self._where, name, polling_interval=POLL_SECONDS)))

    def _create(self, peer: BgpPeer) -> None:
        properties: dict[str, Any] = {"peerIp": str(peer.ip), "peerAsn": peer.asn}
        if self._hub_connection_id:
            properties["hubVirtualNetworkConnection"] = {"id": self._hub_connection_id}
        body = json.dumps({"properties": properties}).encode()
        connections = self._client.virtual_hub_bgp_connection
        self._ended(
            self._asked(
                lambda: connections.begin_create_or_update(
                    *self._where, peer.name, io.BytesIO(body), polling_interval=POLL_SECONDS
                )
            )
        )

    def _ended(self, poller: LROPoller[Any]) -> None:
        self._asked(lambda: poller.wait(OPERATION_SECONDS))
        if not poller.done():
            raise UnfinishedError(
                f"Azure is at work on {self._where[1]} for longer than {OPERATION_SECONDS:.0f} s; it goes on, and so do we"
            )
        self._asked(poller.result)

    def _connections(self, hub_busy: Busy | None, learned: Mapping[str, Learned | None]) -> ObservedPeers:
        listed = self._asked(
            lambda: [each.as_dict() for each in self._client.virtual_hub_bgp_connections.list(*self._where)]
        )
        managed: list[BgpPeer] = []
        foreign: list[ForeignPeer] = []
        for connection in listed:
            properties = connection.get("properties") or {}
            name, ip, asn = connection["name"], _address(properties.get("peerIp")), properties.get("peerAsn")
            if ip is not None and asn is not None and is_our_peer(name, ip, self._owner):
                managed.append(BgpPeer(name, ip, asn, failed=properties.get("provisioningState") == "Failed"))
            else:
                foreign.append(ForeignPeer(name, ip, asn))
        return Observed(tuple(managed), tuple(foreign), busy=hub_busy or _busy(listed), learned=learned)

    def _learned(self, peer: BgpPeer) -> Learned | None:
        """What each instance of the hub learned from a peer; None where that cannot be told, which is no reason to fail."""
        try:
            poller = self._client.virtual_hub_bgp_connections.begin_list_learned_routes(
                *self._where, peer.name, polling=PlainPolling(POLL_SECONDS, _routes)
            )
            poller.wait(LEARNED_SECONDS)
            learned: Any = poller.result() if poller.done() else None
        except (AzureError, ValueError, msgspec.DecodeError):  # refused, or something else than routes by instance
            return None
        told: Learned | None = learned
        return told

    def _asked(self, request: Callable[[], T]) -> T:
        try:
            return request()
        except (AzureError, ValueError) as error:
            raise translate(error, self.id) from error


def _hub_busy(properties: Mapping[str, Any]) -> Busy | None:
    state, routing = properties.get("provisioningState"), properties.get("routingState") or "None"
    if state in _AT_WORK:
        return Busy(f"Azure is at work on the hub (provisioningState {state})", at_work=True)
    if routing in _NOT_READY:
        return Busy(f"the hub's routingState is {routing}, not Provisioned: it takes no peers yet", at_work=False)
    return None


def _busy(connections: Iterable[Mapping[str, Any]]) -> Busy | None:
    for connection in connections:
        state = (connection.get("properties") or {}).get("provisioningState")
        if state in _AT_WORK:
            return Busy(f"Azure is at work on {connection['name']} (provisioningState {state})", at_work=True)
    return None


class _Route(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    network: str
    next_hop: str | None = None


def _routes(answer: bytes) -> Learned:
    """By instance, in the order of their names: `RouteServiceRole_IN_0`, `RouteServiceRole_IN_1` (facts: recorded)."""
    by_instance = shapes.decode(answer, dict[str, msgspec.Raw])
    return tuple(
        tuple(_route(route.network, route.next_hop) for route in shapes.decode(by_instance[name], list[_Route]))
        for name in sorted(by_instance)
        if name.startswith(_INSTANCE)
    )


@lru_cache(maxsize=KNOWN_ROUTES)
def _route(network: str, next_hop: str | None) -> LearnedRoute:
    return LearnedRoute(IPv4Network(network), _address(next_hop))


def _address(text: str | None) -> IPv4Address | None:
    try:
        return IPv4Address(text or "")
    except ValueError:
        return None
