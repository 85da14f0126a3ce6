"""Nodes or addresses → BGP peers: who shall peer with a hub, who is left out and why. Reads nothing and plans no writes.

A hub takes few peers, so there may be more candidates than places. Whoever peers now stays; what is free goes to the zone
with the fewest peers, there to the older node:

    candidate   peers now   place    →  chosen
    yes         yes         yes         yes
    yes         yes         over        no: with more than maxPeers, of the fullest zone the youngest goes
    yes         no          free        yes: of the emptiest zone the oldest comes
    yes         no          no          no, and nothing changes
    leaving     yes         yes         kept: it stays as it is
    leaving     no          any         no

A candidate that only keeps (`Candidate.keeps_only`) is leaving, or lies outside the networks a peer can be in.
"""

from collections import Counter
from collections.abc import Container, Iterable, Sequence
from dataclasses import dataclass, replace
from ipaddress import IPv4Address

from shared.models import Finding, ForeignPeer, Network, Node, Severity
from shared.phrases import some


@dataclass(frozen=True, slots=True)
class Candidate:
    """Somebody who could peer with the hub."""

    ip: IPv4Address
    node: str = ""
    """Empty for a configured address."""
    created: str = ""
    zone: str = ""
    keeps_only: bool = False
    """It keeps a peer it has and gets none: its node is being deleted, or it is outside the known networks."""

    def __str__(self) -> str:
        return f"{self.node} ({self.ip})" if self.node else str(self.ip)


@dataclass(frozen=True, slots=True)
class DesiredPeers:
    """Who shall peer with the hub, as far as the nodes or the configuration say."""

    chosen: tuple[Candidate, ...]
    """By address. They include candidates whose address a foreign connection has; these take no further place."""
    candidates: int
    """Between how many the choice was."""
    kept: frozenset[IPv4Address] = frozenset()
    """Peers that stay as they are, and are not made again: of nodes being deleted, or outside the known networks."""
    unplaced: tuple[str, ...] = ()
    """Live nodes with the labels, but without IPv4 address: any peer might be theirs."""
    findings: tuple[Finding, ...] = ()

    @property
    def is_empty(self) -> bool:
        """There is no candidate at all: as a reading of what is wanted, this is no reading."""
        return not self.candidates


def desire_peers(
    nodes: Iterable[Node],
    addresses: Iterable[IPv4Address] | None,
    *,
    present: Iterable[IPv4Address],
    foreign: Iterable[ForeignPeer],
    max_peers: int,
    reachable: tuple[Network, ...] = (),
) -> DesiredPeers:
    """The peers among `addresses`, or among the nodes that may peer where it is None, whatever the order they come in.

    `nodes` are all of the cluster. `present` are the addresses of the hub's peers of ours, `foreign` are all its other
    connections, which count towards `max_peers`. A peer must lie in one of `reachable`; none means that they are not known.
    """
    live = sorted(nodes, key=lambda node: (node.created, node.name))
    here, others = frozenset(present), tuple(foreign)
    taken = {peer.ip for peer in others}
    found = _among(live) if addresses is None else _Found(tuple(map(Candidate, addresses)))
    known = [each if _within(each, reachable) else replace(each, keeps_only=True) for each in found.candidates]
    outside = [each for each in known if not _within(each, reachable)]
    eligible = [each for each in known if each.ip in here or not each.keeps_only]
    serving = _choose(eligible, here, taken, most=max_peers, places=max_peers - len(others))
    addressed = {each.ip for each in serving}
    left_out = [each for each in eligible if each.ip not in addressed]
    return DesiredPeers(
        chosen=tuple(sorted((each for each in serving if not each.keeps_only), key=lambda each: each.ip)),
        candidates=sum(_within(each, reachable) for each in eligible),
        kept=frozenset(each.ip for each in serving if each.keeps_only),
        unplaced=found.unplaced,
        findings=(
            *found.findings,
            *_outside_findings(outside, reachable),
            *_left_out_findings(left_out, len(eligible), len(others), max_peers, none_chosen=not serving),
            *(_unreachable_findings(live, addressed | taken, max_peers - len(others)) if addresses is None else ()),
        ),
    )


@dataclass(frozen=True, slots=True)
class _Found:
    """The candidates among the nodes, one per address, and what was odd about them."""

    candidates: tuple[Candidate, ...]
    unplaced: tuple[str, ...] = ()
    findings: tuple[Finding, ...] = ()


def _among(live: Sequence[Node]) -> _Found:
    """The candidates among nodes that come the older first. Of two with one address, it is the older one's that stays."""
    labelled = [node for node in live if node.may_peer]
    placeless = [node for node in labelled if _ipv4(node) is None]
    candidates: dict[IPv4Address, Candidate] = {}
    findings: list[Finding] = []
    for node in sorted(labelled, key=lambda node: node.deleting):  # whoever stays has the better right to an address
        ip = _ipv4(node)
        if ip is None:
            continue
        rightful = candidates.setdefault(ip, Candidate(ip, node.name, node.created, node.zone, node.deleting))
        if rightful.node != node.name and not node.deleting:
            findings.append(_duplicate(rightful, node))
    return _Found(
        tuple(candidates.values()),
        unplaced=tuple(node.name for node in placeless),
        findings=(*findings, *_ipv6_findings([node.name for node in placeless if node.addresses])),
    )


def _ipv4(node: Node) -> IPv4Address | None:
    """The first InternalIP of IPv4, the node's primary one: a hub speaks BGP over IPv4 only (facts: route-server-faq)."""
    return next((address for address in node.addresses if isinstance(address, IPv4Address)), None)


def _within(candidate: Candidate, reachable: tuple[Network, ...]) -> bool:
    return not reachable or any(candidate.ip in network for network in reachable)


def _choose(
    candidates: Iterable[Candidate],
    present: frozenset[IPv4Address],
    taken: Iterable[IPv4Address | None],
    *,
    most: int,
    places: int,
) -> list[Candidate]:
    """Who of the candidates peers: see the table above. Whoever has a foreign connection peers already, and needs no place.

    Foreign connections that came later take no place away from a peer that is there: the hub holds them all, and a peer
    that goes takes its routes with it.
    """
    seated = [each for each in candidates if each.ip in taken]
    rest = [each for each in candidates if each.ip not in taken]
    serving = [each for each in rest if each.ip in present]
    waiting = [each for each in rest if each.ip not in present]
    zones = Counter(each.zone for each in (*seated, *serving))

    def turn(each: Candidate) -> tuple[int, str, str, IPv4Address]:
        return zones[each.zone], each.created, each.node, each.ip

    while len(serving) > max(most, 0):
        dropped = max(serving, key=turn)
        serving.remove(dropped)
        zones[dropped.zone] -= 1
    while waiting and len(serving) < places:
        added = min(waiting, key=turn)
        waiting.remove(added)
        serving.append(added)
        zones[added.zone] += 1
    return seated + serving


def _duplicate(rightful: Candidate, other: Node) -> Finding:
    return Finding(
        Severity.WARNING,
        "duplicatePeerAddress",
        f"{rightful.node} and {other.name} both have the address {rightful.ip}, so they are one BGP peer, and it counts as "
        f"that of {rightful.node}, the older node. Delete the Node object of the one that is gone",
        other.name,
    )


def _ipv6_findings(nodes: Sequence[str]) -> Iterable[Finding]:
    if nodes:
        yield Finding(
            Severity.WARNING,
            "peerWithoutIPv4",
            f"{some(nodes)}: {len(nodes)} node(s) that may peer have no InternalIP of IPv4, and Azure's BGP peers have no "
            "IPv6. Take the label off, or give them an IPv4 address",
        )


def _outside_findings(outside: Sequence[Candidate], reachable: tuple[Network, ...]) -> Iterable[Finding]:
    """A peer sits in the hub's virtual network or in one directly peered with it (facts: route-server-faq)."""
    if outside:
        yield Finding(
            Severity.ERROR,
            "peerOutsideNetwork",
            f"{some(list(map(str, outside)))}: {len(outside)} candidate(s) lie outside the networks that the hub reaches "
            f"({some(list(map(str, reachable)))}) and get no new BGP peer. Peer their virtual network with the hub's, or "
            "correct peers",
        )


def _left_out_findings(
    left_out: Sequence[Candidate], candidates: int, foreign: int, max_peers: int, *, none_chosen: bool
) -> Iterable[Finding]:
    if left_out:
        yield Finding(
            Severity.ERROR if none_chosen else Severity.WARNING,
            "peersLeftOut",
            f"{candidates} candidates for BGP peers, but {max(max_peers - foreign, 0)} place(s): maxPeers is {max_peers}, "
            f"{foreign} connection(s) of the hub are foreign. {len(left_out)} do not peer: "
            f"{some(sorted(map(str, left_out)))}. Remove foreign connections, raise maxPeers where it is below Azure's 8, "
            "or have fewer candidates",
        )


def _unreachable_findings(
    live: Sequence[Node], peering: Container[IPv4Address | None], places: int
) -> Iterable[Finding]:
    """A Cilium node announces its own pod CIDRs only, never the whole range. Nodes without any address are still on their way.

    Source: https://docs.cilium.io/en/stable/network/bgp-control-plane/bgp-control-plane-configuration/
    """
    placed = [node for node in live if node.pod_cidrs and node.addresses]
    mute = [node for node in placed if _ipv4(node) not in peering]
    if mute:
        pods = sum(node.pod_limit for node in mute)
        room = f", with room for {pods} pods," if pods else ""
        label = "Label them too, put" if len(placed) <= places and not any(node.may_peer for node in mute) else "Put"
        yield Finding(
            Severity.ERROR,
            "unreachableNodes",
            f"{len(mute)} of {len(placed)} nodes{room} do not peer with the hub: {some([node.name for node in mute])}. "
            "A Cilium node announces only its own pod CIDRs, so in native routing their pods are unreachable from other "
            f"nodes. {label} route reflectors into peers.addresses, or use mode udr",
        )
