"""The contract's invariants for hubs: a state machine over nodes, labels, foreign connections, faults and killed passes.

What may be done to a hub, and what it must hold in the end, is told here once more and not by the product's own code.
"""

import contextlib
from collections.abc import Sequence
from dataclasses import replace
from ipaddress import IPv4Address, ip_network

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from shared.changes import Create, Delete, PeerChange, Update
from shared.errors import SourceError
from shared.models import BgpPeer, ForeignPeer, Node, ObservedPeers, Rules
from shared.modes import BgpPeers
from shared.ownership import is_our_peer
from shared.peers import desire_peers
from shared.reconcile import Order, reconcile
from shared.report import ClusterReport, Outcome, Result
from tests.examples import OWNER
from tests.fake_hub import AZURE_PEERS, Connection, FakeHub, HubFault
from tests.fakes import FakeNodes, Killed
from tests.peer_examples import staying

ASNS = (65001, 65002)
RULES = Rules(OWNER, (ip_network("100.64.0.0/10"),))
PASSES = 6
"""How many passes without disturbance may still write: the brake and the last serving peer each put off a part."""

picks = st.integers(0, 99)
"""One of those that are there, however many that are."""


class WatchedHub(FakeHub):
    """A hub that writes down what nobody may do to it, the moment it is done."""

    def __init__(self, capacity: int) -> None:
        super().__init__(OWNER)
        self.capacity = capacity
        self.force = False
        self.may_delete = True
        self.newcomers = 0
        self.violations: list[str] = []
        self._serving: set[str] = set()
        self._deletes_left = 0
        self.applied = 0
        self.live: set[str] = set()
        """The addresses of all nodes with the label."""
        self._went_with_room = ""

    def observe(self) -> ObservedPeers:
        """Also notes who serves and how many deletes the brake lets pass: what comes is done upon this look."""
        self._serving = {each for each in self.ours if self.unreadable_learned or self.announced.get(each)}
        most = RULES.max_delete_fraction * (len(self.ours) + min(self.newcomers, self.capacity))
        self._deletes_left = max(RULES.free_deletes, int(most))
        self._went_with_room = ""
        return super().observe()

    def apply(self, observed: ObservedPeers, changes: Sequence[PeerChange]) -> ObservedPeers:
        """Judged first, done then."""
        (change,) = changes
        self.applied += 1
        self._require(not any("ing" in each.state for each in self.connections.values()), "an operation beside another")
        self._require(self.ready, "an operation on a hub that is not ready")
        if isinstance(change, Create):
            self._require(len(self.connections) < self.capacity, f"{len(self.connections)} connections, and one more")
            self._require(change.entry.name not in self.connections, f"{change.entry.ip} made twice")
            self._require(not self._went_with_room, f"{self._went_with_room} went before {change.entry.ip} came")
        else:
            self._judge_end(change)
        return super().apply(observed, changes)

    def put_foreign(self, name: str, ip: str, asn: int) -> None:
        """Somebody else's connection."""
        self.connections[name] = Connection(name, IPv4Address(ip), asn)

    def _judge_end(self, change: Delete[BgpPeer] | Update[BgpPeer, ForeignPeer]) -> None:
        connection = self.connections[change.previous.name]
        address = str(connection.ip)
        self._require(is_our_peer(connection.name, connection.ip, OWNER), f"{connection} is foreign")
        if isinstance(change, Delete):
            self._require(address not in self.live, f"{address} deleted, the peer of a live node with the label")
            self._require(self.may_delete, f"{address} deleted upon a reading that deletes nothing")
            self._went_with_room = address if len(self.connections) < self.capacity else ""
            self._deletes_left -= 1
            self._require(self._deletes_left >= 0 or self.force, "more deletes than the brake lets pass")
        others = self._serving.intersection(self.ours) - {address}
        foreign = len(self.connections) - len(self.ours)
        alone = len(self.ours) == 1 or self.capacity - foreign < 2  # nobody else is there, or can be, to serve instead
        last = address in self._serving and not others and not alone
        self._require(not last or self.force, f"{address} was the last peer that served")
        self._serving.discard(address)

    def _require(self, holds: bool, violation: str) -> None:  # noqa: FBT001  # reads as a sentence
        if not holds:
            self.violations.append(violation)


class BgpChaos(RuleBasedStateMachine):
    """All steps, and the invariants after each of them."""

    @initialize(capacity=st.sampled_from((1, 2, 3, 8, 8)), count=st.integers(1, 6))
    def begin(self, capacity: int, count: int) -> None:
        self.hub = WatchedHub(capacity)
        self.source = FakeNodes()
        self.nodes: list[Node] = []
        self.foreign: dict[str, tuple[str, int]] = {}
        self.asn, self.made, self.operations_left = ASNS[0], 3, -1
        for number in range(count):
            self.node_comes(labelled=True, zone=number % 3, announces=True)
        self.a_pass(force=False, dry_run=False)

    # Nodes

    @rule(labelled=st.booleans(), zone=st.integers(0, 2), announces=st.booleans())
    def node_comes(self, *, labelled: bool, zone: int, announces: bool) -> None:
        self.made += 1
        ip, cidr = IPv4Address(f"10.0.{self.made // 200}.{self.made % 200 + 4}"), ip_network(f"100.64.{self.made}.0/24")
        created = f"2026-01-01T00:{self.made // 60:02}:{self.made % 60:02}Z"
        fresh = Node(f"n{self.made}", created, (cidr,), (ip,), may_peer=labelled, zone=f"z{zone}", pod_limit=110)
        self.nodes.append(fresh)
        if announces:
            self._announce(fresh)

    @precondition(lambda self: self.nodes)
    @rule(pick=picks)
    def node_goes(self, pick: int) -> None:
        gone = self.nodes.pop(pick % len(self.nodes))
        for address in gone.addresses:
            self.hub.announced.pop(str(address), None)

    @precondition(lambda self: self.nodes)
    @rule(pick=picks)
    def node_is_replaced(self, pick: int) -> None:
        gone = self.nodes[pick % len(self.nodes)]
        self.node_comes(labelled=gone.may_peer, zone=int(gone.zone[1:]), announces=True)
        self.node_goes(pick=self.nodes.index(gone))

    @precondition(lambda self: self.nodes)
    @rule(pick=picks, labelled=st.booleans())
    def label_changes(self, pick: int, *, labelled: bool) -> None:
        self._change(pick, may_peer=labelled)

    @rule(announces=st.booleans())
    def labels_move(self, *, announces: bool) -> None:
        """To as many other nodes as had them, while the old ones live on and announce what they did."""
        held = [at for at, each in enumerate(self.nodes) if each.may_peer]
        for at in held:
            self._change(at, may_peer=False)
        for at in held:
            self.node_comes(labelled=True, zone=at % 3, announces=announces)

    @precondition(lambda self: self.nodes)
    @rule(pick=picks)
    def node_is_being_deleted(self, pick: int) -> None:
        self._change(pick, deleting=True)

    @rule()
    def node_comes_without_address(self) -> None:
        self.node_comes(labelled=True, zone=0, announces=False)
        self._change(-1, addresses=())

    @rule()
    def nodes_without_address_go(self) -> None:
        self.nodes = [each for each in self.nodes if each.addresses]

    @precondition(lambda self: self.nodes)
    @rule(pick=picks, up=st.booleans())
    def session_changes(self, pick: int, *, up: bool) -> None:
        node = self.nodes[pick % len(self.nodes)]
        if up:
            self._announce(node)
        else:
            for address in node.addresses:
                self.hub.announced.pop(str(address), None)

    # The hub and its other users

    @precondition(lambda self: len(self.hub.connections) < AZURE_PEERS)
    @rule(pick=picks, asn=st.sampled_from(ASNS), of_a_node=st.booleans())
    def foreign_connection_comes(self, pick: int, asn: int, *, of_a_node: bool) -> None:
        number = len(self.foreign)
        while f"nva-{number}" in self.foreign:
            number += 1
        addresses = [str(address) for node in self.nodes for address in node.addresses] if of_a_node else []
        ip = addresses[pick % len(addresses)] if addresses else f"10.9.{number}.{pick}"
        if ip not in self.hub.peers:
            self.foreign[f"nva-{number}"] = (ip, asn)
            self.hub.put_foreign(f"nva-{number}", ip, asn)

    @precondition(lambda self: self.foreign)
    @rule(pick=picks)
    def foreign_connection_goes(self, pick: int) -> None:
        name = sorted(self.foreign)[pick % len(self.foreign)]
        del self.foreign[name], self.hub.connections[name]

    @rule(asn=st.sampled_from(ASNS))
    def asn_changes(self, asn: int) -> None:
        self.asn = asn

    @rule(fault=st.sampled_from(HubFault), after=st.integers(0, 2))
    def next_operations_meet(self, fault: HubFault, after: int) -> None:
        self.hub.faults.extend([None] * after + [fault])  # type: ignore[arg-type]  # None is an operation that goes well

    @rule()
    def late_operation_ends(self) -> None:
        self.hub.end()

    @rule(trouble=st.sampled_from(("", "", "not ready", "unreadable", "unreadable", "failing")))
    def surroundings_change(self, trouble: str) -> None:
        self.hub.ready = trouble != "not ready"
        self.hub.unreadable_learned = trouble == "unreadable"
        self.source.failing = trouble == "failing"

    # The app

    @rule(force=st.sampled_from((False, False, True)), dry_run=st.sampled_from((False, False, True)))
    def a_pass(self, *, force: bool, dry_run: bool) -> None:
        self._run(Order("http", force=force, dry_run=dry_run))

    @rule(passes=st.integers(1, 3))
    def timer_passes(self, passes: int) -> None:
        for _ in range(passes):
            self._run(Order("timer"))
            self.hub.end()

    @rule(operations=st.integers(0, 2))
    def a_killed_pass(self, operations: int) -> None:
        """The instance ends before the operation after these."""
        self.operations_left, before = operations, self.hub.applied
        self._run(Order("timer"))
        self.operations_left = -1
        assert self.hub.applied - before <= operations, "nobody asks any more whether one may still write"

    @rule()
    def calm(self) -> None:
        """Once faults stop, and sessions are up, a bounded number of passes brings the hub to what it should be."""
        self.hub.faults.clear()
        self.hub.end()
        self.surroundings_change(trouble="")
        self.nodes = [each for each in self.nodes if each.addresses]
        for node in self.nodes:
            self._announce(node)
        report = self._pass_until_quiet(force=False)
        if report is not None and any(each.result is Result.HELD for each in report.targets[0].changes):
            report = self._pass_until_quiet(force=True)
        assert report is not None
        assert report.outcome in {Outcome.IN_SYNC, Outcome.PARTIAL, Outcome.HELD}, report
        if any(each.may_peer and each not in self._leaving() for each in self.nodes):
            self._settled(report)

    @invariant()
    def nothing_was_violated(self) -> None:
        assert not self.hub.violations, self.hub.violations
        there = {name: (str(each.ip), each.asn) for name, each in self.hub.connections.items() if name in self.foreign}
        assert there == self.foreign
        assert len(self.hub.connections) <= AZURE_PEERS

    def _settled(self, report: ClusterReport) -> None:
        """Told twice: by what a person would expect, and by what the rules for the choice say."""
        assert report.outcome is not Outcome.HELD, report
        ours, elsewhere = set(self.hub.ours), {ip for ip, _ in self.foreign.values()}
        able = {str(each.addresses[0]) for each in self.nodes if each.may_peer} - elsewhere
        staying_on = {str(each.addresses[0]) for each in self._leaving()} & able
        places = self.hub.capacity - len(self.foreign)
        assert ours <= able
        assert not any(each.state == "Failed" for each in self.hub.connections.values())
        assert len(ours) >= min(places, len(able - staying_on)), "a place is free, and somebody waits"
        assert all(self.hub.peers[each] == self.asn for each in ours - staying_on)
        observed = self.hub.observe()
        wanted = desire_peers(
            self.nodes,
            None,
            present=(peer.ip for peer in observed.managed),
            foreign=observed.foreign,
            max_peers=self.hub.capacity,
        )
        assert ours == {str(each) for each in staying(wanted)} - elsewhere

    def _pass_until_quiet(self, *, force: bool) -> ClusterReport | None:
        for _ in range(PASSES):
            before = len(self.hub.operations)
            report = self._run(Order("timer", force=force))
            if len(self.hub.operations) == before:
                return report
        raise AssertionError(f"still writing after {PASSES} passes: {self.hub.operations}")

    def _run(self, order: Order) -> ClusterReport | None:
        """A pass over the nodes as they are; None where it broke off."""
        self.source.nodes = tuple(self.nodes)
        self.hub.force = order.force
        candidates = [each for each in self.nodes if each.may_peer and each.addresses]
        unplaced = [each for each in self.nodes if each.may_peer and not each.addresses]
        self.hub.newcomers = sum(str(each.addresses[0]) not in self.hub.peers for each in candidates)
        self.hub.may_delete = bool(candidates) and not self.source.failing and (order.force or not unplaced)
        self.hub.live = {str(address) for each in self.nodes if each.may_peer for address in each.addresses}
        before = len(self.hub.operations)
        report: ClusterReport | None = None
        mode = BgpPeers("routeServer", RULES, self.asn, capacity=self.hub.capacity)
        with contextlib.suppress(Killed, SourceError):
            report = reconcile(
                mode, self.source, [self.hub], order, pause=lambda _: None, before_write=self._before_write
            )
        if order.dry_run or self.source.failing:
            assert len(self.hub.operations) == before
        if report is not None:
            self._check_told(report)
        return report

    def _before_write(self) -> None:
        if self.operations_left == 0:
            raise Killed
        self.operations_left -= 1

    def _check_told(self, report: ClusterReport) -> None:
        """Nothing is called applied that the hub does not show, and nothing failed that is on its way."""
        assert not report.unfinished or report.outcome is not Outcome.FAILED
        there = {name: (each.ip, each.asn, each.state) for name, each in self.hub.connections.items()}
        for told in (each for each in report.targets[0].changes if each.result is Result.APPLIED):
            if isinstance(told.change, Delete):
                assert told.change.previous.name not in there, told
            else:
                entry = told.change.entry
                assert isinstance(entry, BgpPeer)
                assert there.get(entry.name) == (entry.ip, entry.asn, "Succeeded"), told

    def _change(self, pick: int, **changes: object) -> None:
        at = pick % len(self.nodes)
        self.nodes[at] = replace(self.nodes[at], **changes)  # type: ignore[arg-type]  # fields of a node

    def _announce(self, node: Node) -> None:
        for address in node.addresses:
            self.hub.announced[str(address)] = {str(cidr): str(address) for cidr in node.pod_cidrs}

    def _leaving(self) -> list[Node]:
        return [each for each in self.nodes if each.deleting]


BgpChaos.TestCase.settings = settings(
    max_examples=200, stateful_step_count=40, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much]
)
TestHubs = BgpChaos.TestCase
