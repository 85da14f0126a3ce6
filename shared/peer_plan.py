"""Observed + desired → Plan: what to change among the BGP peers of one hub, and in which order. Pure; the rails come after.

A peer's identity is its address; the name carries the owner and repeats the address. A hub takes one connection per address:

    managed peer with the address   AS number right, not failed   →  nothing
                                    otherwise                     →  Update: Azure deletes and creates it
    foreign one with the address    adopt                         →  Update, and it becomes ours
                                    AS number right               →  nothing: who shall peer does
                                    otherwise                     →  Create, skipped as a conflict
    none with the address                                         →  Create
    managed peer that nobody wants  it is kept                    →  nothing
                                    otherwise                     →  Delete
"""

from collections.abc import Iterator, Sequence

from shared.changes import Create, Delete, PeerChange, Plan, Step, Update, Verdict
from shared.models import BgpPeer, Finding, ForeignPeer, ObservedPeers, Rules, Severity
from shared.ownership import peer_name
from shared.peers import Candidate, DesiredPeers

PeerPlan = Plan[BgpPeer, ForeignPeer]
_Step = Step[BgpPeer, ForeignPeer]


def plan_peers(observed: ObservedPeers, desired: DesiredPeers, asn: int, rules: Rules) -> PeerPlan:
    """Everything that separates the hub from who shall peer with it, each kind by address."""
    managed = {peer.ip: peer for peer in observed.managed}
    foreign = {peer.ip: peer for peer in observed.foreign if peer.ip is not None}
    updates: list[_Step] = []
    creates: list[_Step] = []
    findings: list[Finding] = []
    for candidate in desired.chosen:
        ours, theirs = managed.get(candidate.ip), foreign.get(candidate.ip)
        if ours is not None:
            peer = BgpPeer(ours.name, ours.ip, asn)
            if peer != ours:
                updates.append(Step(Update(ours, peer, candidate.node)))
            continue
        peer = BgpPeer(peer_name(rules.owner, candidate.ip, observed.names), candidate.ip, asn)
        if theirs is None:
            creates.append(Step(Create(peer, candidate.node)))
        elif rules.adopt:
            updates.append(Step(Update(theirs, peer, candidate.node)))
        elif theirs.asn != asn:
            reason = f"the foreign connection {theirs.name} has this address"
            creates.append(Step(Create(peer, candidate.node), Verdict.SKIPPED, reason))
            findings.append(_conflict(candidate, theirs, asn))
    wanted = {candidate.ip for candidate in desired.chosen} | desired.kept
    unwanted = sorted((peer for peer in observed.managed if peer.ip not in wanted), key=lambda peer: peer.ip)
    deletes: list[_Step] = [Step(Delete(peer)) for peer in unwanted]
    return Plan((*deletes, *updates, *creates), (*desired.findings, *findings))


def in_turn(observed: ObservedPeers, changes: Sequence[PeerChange], capacity: int) -> Iterator[Sequence[PeerChange]]:
    """`changes` one by one, since a hub takes one operation at a time: who comes before who goes, as far as there is room.

    Without room one goes so that one can come, so that never more peers are missing than must be. Updates are the last:
    those who came in the meantime carry the traffic.
    """
    deletes = [change for change in changes if isinstance(change, Delete)]
    creates = [change for change in changes if isinstance(change, Create)]
    room = capacity - observed.size
    while creates or deletes:
        if creates and (room > 0 or not deletes):
            yield (creates.pop(0),)
            room -= 1
        else:
            yield (deletes.pop(0),)
            room += 1
    for change in changes:
        if isinstance(change, Update):
            yield (change,)


def _conflict(candidate: Candidate, theirs: ForeignPeer, asn: int) -> Finding:
    return Finding(
        Severity.WARNING,
        "foreignConflict",
        f"the foreign connection {theirs.name} has the address {candidate.ip} with AS {theirs.asn}, not {asn}; a hub takes "
        "one connection per address. Remove it, or set adopt: true to make it ours",
        theirs.name,
    )
