"""What a hub learned over BGP against what the nodes claim → findings. Reads nothing, changes nothing.

    claimed   learned                                      →  finding
    yes       by no instance, from no peer                    learnedMissing
    yes       by one instance of the hub only                 learnedOneInstanceOnly
    yes       with a next hop that no claimant has            learnedWrongNextHop
    no        inside podCidrs                                 learnedStale
    no        outside podCidrs                                learnedOutside

and of each peer: nothing learned from it (peerSilent), too much (nearPrefixLimit), could not be read (learnedUnknown).
One finding per code, with the numbers and the first few: a hub that lost its peers would have one per prefix else.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from shared.desired import Desired, network_order
from shared.models import Address, Claim, Finding, Learned, Network, Severity
from shared.ownership import is_inside
from shared.phrases import some

PREFIX_LIMIT = 4_000
"""Routes that a Route Server takes from one peer, since September 2025.
Source: https://learn.microsoft.com/azure/route-server/route-server-faq; azure-docs PR 127613, merged 2025-09-11"""

SOUND_PREFIXES = PREFIX_LIMIT // 2
"""Up to here a peer can announce everything again at once: the limit counts what is learned plus what comes in with the
update, so 501 routes announced twice broke a limit of 1,000 (facts: route-server-faq)."""


def serves(learned: Learned | None) -> bool:
    """Whether traffic may depend on this peer: an instance learned something from it, or it could not be read (None)."""
    return learned is None or any(learned)


def verify(
    desired: Desired, learned: Mapping[str, Learned | None], pod_cidrs: tuple[Network, ...]
) -> tuple[Finding, ...]:
    """What does not fit between the claims and what the hub learned, by peer as messages shall name it.

    `learned` holds the connections that are to announce pod CIDRs; None is one that could not be read. While there is such a
    one, nothing is called missing. Claims of IPv6 are not expected: hubs learn none (facts: route-server-faq).
    """
    told = {peer: answer for peer, answer in sorted(learned.items()) if answer is not None}
    silent = [peer for peer in sorted(learned) if learned[peer] is None]
    seen = _seen(told)
    claimed = [_Claimed(prefix, claims, seen.pop(prefix, None)) for prefix, claims in desired.claims.items()]
    expected = [(each, node) for each in claimed if (node := each.expected_of) is not None]
    unclaimed = [(prefix, seen[prefix]) for prefix in sorted(seen, key=network_order)]
    return tuple(
        finding
        for found in (
            () if silent else _missing(expected),
            () if silent else _one_instance(expected),
            _wrong_next_hop(claimed),
            _stale(desired, unclaimed, pod_cidrs),
            _outside(unclaimed, pod_cidrs),
            _silent(told),
            _near_limit(told),
            _unknown(silent, len(learned)),
        )
        for finding in found
    )


@dataclass(frozen=True, slots=True)
class _Sighting:
    """Where a prefix was learned, and via which next hops, each once, from all peers together."""

    instances: set[int]
    next_hops: list[Address | None]


@dataclass(frozen=True, slots=True)
class _Claimed:
    """A prefix inside podCidrs, by whom it is claimed, and where it was learned if it was."""

    prefix: Network
    claims: tuple[Claim, ...]
    sighting: _Sighting | None

    @property
    def expected_of(self) -> str | None:
        """The node that is to announce it: one that is there to stay, with an address to announce it from."""
        if self.prefix.version != 4:
            return None
        return next((claim.node for claim in self.claims if not claim.keeps_only), None)


def _seen(told: Mapping[str, Learned]) -> dict[Network, _Sighting]:
    """Peers are taken together: it does not matter which reflector told an instance of a prefix."""
    sightings: dict[Network, _Sighting] = {}
    for answer in told.values():
        for instance, routes in enumerate(answer):
            for route in routes:
                if (sighting := sightings.get(route.prefix)) is None:
                    sightings[route.prefix] = _Sighting({instance}, [route.next_hop])
                    continue
                sighting.instances.add(instance)
                if route.next_hop not in sighting.next_hops:
                    sighting.next_hops.append(route.next_hop)
    return sightings


def _missing(expected: Sequence[tuple[_Claimed, str]]) -> Iterable[Finding]:
    missing = [f"{each.prefix} of {node}" for each, node in expected if each.sighting is None]
    if missing:
        yield Finding(
            Severity.ERROR,
            "learnedMissing",
            f"the hub learned {len(missing)} of {len(expected)} pod CIDRs from no peer: {some(missing)}. Their pods are "
            "unreachable; check that the nodes or their reflectors have sessions (cilium bgp peers) and that a "
            "CiliumBGPAdvertisement of type PodCIDR matches",
        )


def _one_instance(expected: Sequence[tuple[_Claimed, str]]) -> Iterable[Finding]:
    """Each instance programs its own view; with half of the sessions up, about half of the flows find no route.

    Source: https://learn.microsoft.com/azure/route-server/route-server-faq ("peer with both instances")
    """
    halves = [
        f"{each.prefix} of {node} (only instance {min(each.sighting.instances)})"
        for each, node in expected
        if each.sighting is not None and len(each.sighting.instances) == 1
    ]
    if halves:
        yield Finding(
            Severity.ERROR,
            "learnedOneInstanceOnly",
            f"{len(halves)} of {len(expected)} pod CIDRs were learned by one of the hub's two instances only: "
            f"{some(halves)}. About half of the traffic to them is lost; have every peer hold sessions with both addresses "
            "of the hub (virtualRouterIps) and announce the same to both",
        )


def _wrong_next_hop(claimed: Sequence[_Claimed]) -> Iterable[Finding]:
    """Any claimant's address is right where several claim a prefix; that they do is told elsewhere.

    Not judged where no claimant has an address. A hub that shows no next hop at all cannot deliver, either.
    """
    wrong: list[str] = []
    for each in claimed:
        right = [claim.next_hop for claim in each.claims if claim.next_hop is not None]
        others = [hop for hop in each.sighting.next_hops if hop not in right] if each.sighting else []
        if right and others:
            wrong.append(f"{each.prefix} via {_hops(others)} instead of {' or '.join(sorted(set(map(str, right))))}")
    if wrong:
        yield Finding(
            Severity.ERROR,
            "learnedWrongNextHop",
            f"{len(wrong)} pod CIDR(s) were learned with a next hop that is not their node's address: {some(wrong)}. "
            "A reflector must leave the next hop unchanged towards the hub (FRR: set ip next-hop unchanged)",
        )


def _hops(hops: Iterable[Address | None]) -> str:
    return ", ".join(sorted(str(hop or "no address") for hop in hops))


def _stale(
    desired: Desired, unclaimed: Sequence[tuple[Network, _Sighting]], pod_cidrs: tuple[Network, ...]
) -> Iterable[Finding]:
    """Not told while a live node shows neither pod CIDR nor address: any prefix might be its own."""
    if desired.unplaced:
        return
    stale = [
        f"{prefix} via {_hops(sighting.next_hops)}"
        for prefix, sighting in unclaimed
        if is_inside(prefix, pod_cidrs) and not desired.kept_next_hops.issuperset(sighting.next_hops)
    ]
    if stale:
        yield Finding(
            Severity.WARNING,
            "learnedStale",
            f"the hub learned {len(stale)} prefix(es) inside podCidrs that are no live node's: {some(stale)}. They go when "
            "their sessions end; if they stay, look for who announces them",
        )


def _outside(unclaimed: Sequence[tuple[Network, _Sighting]], pod_cidrs: tuple[Network, ...]) -> Iterable[Finding]:
    outside = [str(prefix) for prefix, _ in unclaimed if not is_inside(prefix, pod_cidrs)]
    if outside:
        yield Finding(
            Severity.WARNING,
            "learnedOutside",
            f"the hub learned {len(outside)} prefix(es) outside podCidrs ({some(list(map(str, pod_cidrs)))}): "
            f"{some(outside)}. They draw traffic of the whole network; filter to the pod CIDRs where they are announced",
        )


def _silent(told: Mapping[str, Learned]) -> Iterable[Finding]:
    """The state of a session is not to be had from Azure (facts: no recorded answer has connectionState)."""
    silent = [peer for peer, answer in told.items() if not serves(answer)]
    if silent:
        yield Finding(
            Severity.WARNING,
            "peerSilent",
            f"nothing was learned from {len(silent)} of {len(told)} peers: {some(silent)}. Their sessions are probably not "
            "established: check ebgpMultihop (the hub is in another subnet), that network security groups let TCP 179 pass "
            "both ways, and that the peer's ASN is peerAsn",
        )


def _near_limit(told: Mapping[str, Learned]) -> Iterable[Finding]:
    near = [
        f"{len(routes)} routes from {peer} on instance {instance}"
        for peer, answer in told.items()
        for instance, routes in enumerate(answer)
        if len(routes) > SOUND_PREFIXES
    ]
    if near:
        yield Finding(
            Severity.WARNING,
            "nearPrefixLimit",
            f"{some(near)}: over half of the {PREFIX_LIMIT} routes that a hub takes from one peer (Route Server FAQ, "
            "September 2025). It counts what it learned plus what comes in with the next update, and ends the session when "
            "these are more; use larger pod CIDRs per node, or mode udr",
        )


def _unknown(peers: Sequence[str], total: int) -> Iterable[Finding]:
    if peers:
        yield Finding(
            Severity.WARNING,
            "learnedUnknown",
            f"what the hub learned from {len(peers)} of {total} peers could not be read: {some(peers)}. So nothing can be "
            "said about missing pod CIDRs; the next pass reads again. If it stays so, grant the app's identity "
            "Microsoft.Network/virtualHubs/bgpConnections/learnedRoutes/action on the hub",
        )
