"""How much more fits: routes in a table, peers of a hub, routes from one peer."""

from collections.abc import Iterator

from shared.desired import desire
from shared.doctor.check import Check, Topic
from shared.doctor.facts import Facts, Hub, LastPass, Table, Traces, limit_key
from shared.doctor.unknown import Unknown
from shared.learned import PREFIX_LIMIT, SOUND_PREFIXES
from shared.models import BgpPeer, ForeignPeer, Reading
from shared.ownership import is_our_peer, is_ours
from shared.peers import desire_peers
from shared.safety import HEADROOM_WARNING

ROUTES = Topic("routeHeadroom", "There is room in the route tables")
PEERS = Topic("bgpPeers", "There are places for the BGP peers")
PER_PEER = Topic("routesPerPeer", "No peer announces more than the hub takes")
LEARNED = Topic("learnedRoutes", "The hub has learned the pod CIDRs")

_ABOUT_LEARNING = {
    "learnedMissing",
    "learnedOneInstanceOnly",
    "learnedOutside",
    "learnedStale",
    "learnedUnknown",
    "learnedWrongNextHop",
    "nearPrefixLimit",
    "peerSilent",
}


def headroom_checks(facts: Facts) -> Iterator[Check]:
    """Of tables in mode udr, of the hub in the BGP modes."""
    if facts.setup.mode == "udr":
        yield from (_table(facts, table) for table in facts.tables if isinstance(table, Table))
    elif facts.setup.by_bgp:
        if isinstance(facts.hub, Hub):
            yield from _peers(facts, facts.hub)
        if isinstance(facts.nodes, Reading):
            yield _per_peer(facts, facts.nodes)
        yield from _learned(facts.traces)


def _table(facts: Facts, table: Table) -> Check:
    """What is there now or will be after the next pass, whichever is more, against the lower of the two limits."""
    setup = facts.setup
    foreign = sum(not is_ours(name, prefix, setup.name, facts.pod_cidrs) for name, prefix in table.routes)
    wanted = len(desire(facts.nodes.nodes, facts.pod_cidrs).claims) if isinstance(facts.nodes, Reading) else 0
    used = max(len(table.routes), foreign + wanted)
    allowed = facts.limits.get(limit_key(table))
    if isinstance(allowed, int):
        limit, whose = min(allowed, setup.routes_per_table), f"the subscription allows {allowed}"
    else:
        hidden = f": needs {allowed.permission}" if isinstance(allowed, Unknown) and allowed.permission else ""
        limit, whose = setup.routes_per_table, f"the subscription's own limit was not readable{hidden}"
    name = table.id.rpartition("/")[2]
    evidence = f"{name}: {used} of {limit} routes ({used / limit:.0%}), {foreign} of them foreign; {whose}"
    if used > limit:
        return ROUTES.problem(
            evidence, "remove routes, use larger pod CIDRs per node, or move pools to another table", table.id
        )
    if used >= HEADROOM_WARNING * limit:
        return ROUTES.warning(evidence, "plan for another table or larger pod CIDRs per node", table.id)
    if isinstance(allowed, int) and allowed < setup.routes_per_table:
        return ROUTES.warning(
            f"{evidence}, but limits.routesPerTable says {setup.routes_per_table}",
            f"set limits.routesPerTable to {allowed}, so that a pass stops before Azure refuses it, or ask for more quota",
            table.id,
        )
    return ROUTES.ok(evidence, table.id)


def _peers(facts: Facts, hub: Hub) -> Iterator[Check]:
    """Who shall peer is decided in `shared.peers`."""
    setup = facts.setup
    if isinstance(hub.connections, Unknown):
        yield PEERS.unknown(hub.connections)
        return
    if not isinstance(facts.nodes, Reading):
        return
    ours = [
        BgpPeer(name, ip, asn) for name, ip, asn in hub.connections if ip and asn and is_our_peer(name, ip, setup.name)
    ]
    names = {peer.name for peer in ours}
    others = [ForeignPeer(name, ip, asn) for name, ip, asn in hub.connections if name not in names]
    desired = desire_peers(
        facts.nodes.nodes,
        setup.addresses,
        present=(peer.ip for peer in ours),
        foreign=others,
        max_peers=setup.max_peers,
        reachable=hub.topology.reachable,
    )
    evidence = f"{len(ours)} peers of ours and {len(others)} foreign ones, of {setup.max_peers} (routing.maxPeers)"
    if desired.is_empty:
        yield PEERS.problem(
            f"there is nobody to peer with the hub; it has {evidence}",
            "label nodes as routing.peers.nodeSelector says, or put route reflectors into routing.peers.addresses",
            hub.topology.hub_id,
        )
    else:
        yield from PEERS.told(desired.findings, otherwise=evidence)


def _per_peer(facts: Facts, reading: Reading) -> Check:
    """Reflectors announce every pod CIDR, a node its own; what the hub counts is told in `shared.learned`."""
    claims = [
        claim
        for found in desire(reading.nodes, facts.pod_cidrs).claims.values()
        for claim in found
        if claim.prefix.version == 4
    ]
    if facts.setup.addresses is None:
        most = max((sum(claim.node == node.name for claim in claims) for node in reading.nodes), default=0)
        who = "a node that peers announces"
    else:
        most, who = len({claim.prefix for claim in claims}), "each of the configured peers announces"
    evidence = f"{who} up to {most} routes, of the {PREFIX_LIMIT} that a hub takes from one peer"
    way_out = "use larger pod CIDRs per node, or mode udr"
    if most > PREFIX_LIMIT:
        return PER_PEER.problem(f"{evidence}: it ends the session", way_out)
    if most > SOUND_PREFIXES:
        return PER_PEER.warning(f"{evidence}; when a peer announces all of them again, they count twice", way_out)
    return PER_PEER.ok(evidence)


def _learned(traces: Traces | Unknown | None) -> Iterator[Check]:
    """As the last pass saw it: asking a hub what it learned is an operation of its own, and minutes do not matter here."""
    match traces:
        case Unknown():
            yield LEARNED.unknown(traces)
        case Traces(last_pass=LastPass(at=at, findings=findings)):
            found = (finding for finding in findings if finding.code in _ABOUT_LEARNING)
            yield from LEARNED.told(found, otherwise=f"the last pass, at {at:%Y-%m-%d %H:%M} UTC, found nothing amiss")
        case _:
            yield LEARNED.unknown(
                Unknown("what the hub learned", "no pass has left a report yet; run one: POST /api/reconcile")
            )
