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

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from shared.desired import Desired, network_order
from shared.models import Address, Finding, Learned, Network, Severity
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
    return tuple(
        finding
        for found in (
            () if silent else _missing(desired, seen),
            () if silent else _one_instance(desired, seen),
            _wrong_next_hop(desired, seen),
            _stale(desired, seen, pod_cidrs),
            _outside(seen, pod_cidrs),
            _silent(told),
            _near_limit(told),
            _unknown(silent, len(learned)),
        )
        for finding in found
    )


@dataclass(frozen=True, slots=True)
class _Sighting:
    """Where a prefix was learned, and via which next hops, from all peers together."""

    instances: frozenset[int]
    next_hops: frozenset[Address | None]


def _seen(told: Mapping[str, Learned]) -> Mapping[Network, _Sighting]:
    """By network. Peers are taken together: it does not matter which reflector told an instance of a prefix."""
    sightings: defaultdict[Network, set[tuple[int, Address | None]]] = defaultdict(set)
    for answer in told.values():
        for instance, routes in enumerate(answer):
            for route in routes:
                sightings[route.prefix].add((instance, route.next_hop))
    return {
        prefix: _Sighting(
            frozenset(instance for instance, _ in sightings[prefix]), frozenset(hop for _, hop in sightings[prefix])
        )
        for prefix in sorted(sightings, key=network_order)
    }


def _expected(desired: Desired) -> Mapping[Network, str]:
    """Prefix → node, by network: of nodes that are there to stay, with an address to announce the prefix from."""
    return {
        prefix: next(claim.node for claim in desired.claims[prefix] if not claim.keeps_only)
        for prefix in sorted(desired.claims, key=network_order)
        if prefix.version == 4 and not all(claim.keeps_only for claim in desired.claims[prefix])
    }


def _missing(desired: Desired, seen: Mapping[Network, _Sighting]) -> Iterable[Finding]:
    expected = _expected(desired)
    missing = [f"{prefix} of {node}" for prefix, node in expected.items() if prefix not in seen]
    if missing:
        yield Finding(
            Severity.ERROR,
            "learnedMissing",
            f"the hub learned {len(missing)} of {len(expected)} pod CIDRs from no peer: {some(missing)}. Their pods are "
            "unreachable; check that the nodes or their reflectors have sessions (cilium bgp peers) and that a "
            "CiliumBGPAdvertisement of type PodCIDR matches",
        )


def _one_instance(desired: Desired, seen: Mapping[Network, _Sighting]) -> Iterable[Finding]:
    """Each instance programs its own view; with half of the sessions up, about half of the flows find no route.

    Source: https://learn.microsoft.com/azure/route-server/route-server-faq ("peer with both instances")
    """
    expected = _expected(desired)
    halves = [
        f"{prefix} of {node} (only instance {min(seen[prefix].instances)})"
        for prefix, node in expected.items()
        if prefix in seen and len(seen[prefix].instances) == 1
    ]
    if halves:
        yield Finding(
            Severity.ERROR,
            "learnedOneInstanceOnly",
            f"{len(halves)} of {len(expected)} pod CIDRs were learned by one of the hub's two instances only: "
            f"{some(halves)}. About half of the traffic to them is lost; have every peer hold sessions with both addresses "
            "of the hub (virtualRouterIps) and announce the same to both",
        )


def _wrong_next_hop(desired: Desired, seen: Mapping[Network, _Sighting]) -> Iterable[Finding]:
    """Any claimant's address is right where several claim a prefix; that they do is told elsewhere.

    Not judged where no claimant has an address. A hub that shows no next hop at all cannot deliver, either.
    """
    wrong: list[str] = []
    for prefix, sighting in seen.items():
        right = {claim.next_hop for claim in desired.claims.get(prefix, ()) if claim.next_hop is not None}
        others = sorted(str(hop or "no address") for hop in sighting.next_hops - right)
        if right and others:
            wrong.append(f"{prefix} via {', '.join(others)} instead of {' or '.join(sorted(map(str, right)))}")
    if wrong:
        yield Finding(
            Severity.ERROR,
            "learnedWrongNextHop",
            f"{len(wrong)} pod CIDR(s) were learned with a next hop that is not their node's address: {some(wrong)}. "
            "A reflector must leave the next hop unchanged towards the hub (FRR: set ip next-hop unchanged)",
        )


def _stale(desired: Desired, seen: Mapping[Network, _Sighting], pod_cidrs: tuple[Network, ...]) -> Iterable[Finding]:
    """Not told while a live node shows neither pod CIDR nor address: any prefix might be its own."""
    if desired.unplaced:
        return
    stale = [
        f"{prefix} via {', '.join(sorted(str(hop or 'no address') for hop in sighting.next_hops))}"
        for prefix, sighting in seen.items()
        if is_inside(prefix, pod_cidrs)
        and prefix not in desired.claims
        and not sighting.next_hops <= desired.kept_next_hops
    ]
    if stale:
        yield Finding(
            Severity.WARNING,
            "learnedStale",
            f"the hub learned {len(stale)} prefix(es) inside podCidrs that are no live node's: {some(stale)}. They go when "
            "their sessions end; if they stay, look for who announces them",
        )


def _outside(seen: Mapping[Network, _Sighting], pod_cidrs: tuple[Network, ...]) -> Iterable[Finding]:
    outside = [str(prefix) for prefix in seen if not is_inside(prefix, pod_cidrs)]
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
