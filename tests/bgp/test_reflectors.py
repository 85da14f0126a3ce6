"""Past eight peers: nodes behind two reflectors, and the hub on their other side."""

from collections.abc import Iterator
from contextlib import contextmanager
from ipaddress import IPv4Network

import pytest

from tests.bgp.neighbours import ANNOUNCED_BY_HUB
from tests.bgp.region import PODS, Region, pod_cidr, routes_of
from tests.bgp.speaker import Speaker, stale, version
from tests.bgp.waiting import Times, until

TWELVE = range(1, 13)
SLACK = 6.0
"""Seconds on top of a hold time: timers are looked at now and then, and this machine may be busy."""


@contextmanager
def everything_as_before(region: Region) -> Iterator[None]:
    """The twelve nodes are seen when the test begins, and again when it has cleaned up."""
    region.until_hub_has(routes_of(TWELVE), "the twelve nodes before the test")
    yield
    region.until_hub_has(routes_of(TWELVE), "the twelve nodes after the test")


def test_both_instances_learn_every_pod_cidr_with_the_node_as_next_hop(through: Region) -> None:
    for instance in through.hub:
        assert through.learned(instance) == routes_of(TWELVE)
        assert instance.established() == {reflector.address for reflector in through.reflectors}


def test_both_instances_learn_every_pod_cidr_from_both_reflectors(through: Region) -> None:
    until("every route from both reflectors", lambda: through.from_every_reflector(TWELVE))


def test_a_node_is_told_the_pod_cidrs_of_the_others(through: Region) -> None:
    others = {prefix: hops for prefix, hops in routes_of(TWELVE).items() if prefix != str(pod_cidr(1))}

    until("node 1 knows the others", lambda: others.items() <= through.nodes[1].routes().items())


def test_a_node_that_is_added_appears_without_touching_the_reflectors(through: Region, times: Times) -> None:
    with everything_as_before(through):
        before = [(reflector.pid, reflector.text("show running-config")) for reflector in through.reflectors]

        new = through.add_node(20, [pod_cidr(20)])
        took = through.until_hub_has(routes_of([*TWELVE, 20]), "the new node at both instances")

        times.note("a node is added: its pod CIDR at both instances", took)
        assert [(reflector.pid, reflector.text("show running-config")) for reflector in through.reflectors] == before
        new.leave()


@pytest.mark.parametrize(("number", "death"), [(21, "its machine is gone"), (22, "its agent hangs")])
def test_a_node_that_dies_is_withdrawn_within_its_hold_time(
    through: Region, times: Times, number: int, death: str
) -> None:
    hold = through.objects["CiliumBGPPeerConfig"]["spec"]["timers"]["holdTimeSeconds"]
    with everything_as_before(through):
        dying = through.add_node(number, [pod_cidr(number)])
        through.until_hub_has(routes_of([*TWELVE, number]), "the node that is to die")

        if death == "its machine is gone":
            dying.host.cut_off()
        else:
            dying.freeze()
        took = through.until_hub_has(routes_of(TWELVE), "the dead node withdrawn", within=hold + SLACK)

        times.note(f"a node dies ({death}; hold time {hold} s): withdrawn at both instances", took)
        dying.kill()


def test_a_node_whose_agent_restarts_is_never_withdrawn(through: Region, times: Times) -> None:
    node, prefix = through.nodes[3], str(pod_cidr(3))
    with everything_as_before(through):
        until("every route from both reflectors", lambda: through.from_every_reflector(TWELVE))
        versions = [version(instance, prefix) for instance in through.hub]

        node.kill()
        until(
            "both reflectors keep its route as stale", lambda: all(stale(each, prefix) for each in through.reflectors)
        )
        node.start()
        node.configure()
        took = until("its route is fresh", lambda: not any(stale(each, prefix) for each in through.reflectors))

        times.note("an agent restarts: its route is fresh again at both reflectors, and was never away", took)
        assert [version(instance, prefix) for instance in through.hub] == versions


def test_a_reflector_that_is_killed_loses_no_route_and_comes_back_without_state(through: Region, times: Times) -> None:
    lost, kept = through.reflectors
    with everything_as_before(through):
        lost.kill()
        seen: list[bool] = []

        def noticed() -> bool:
            seen.append(through.hub_has(routes_of(TWELVE)))
            return all(instance.established() == {kept.address} for instance in through.hub)

        took = until("both instances miss the reflector", noticed)
        times.note("a reflector is killed: both instances have noticed, no route lost", took)
        assert all(seen)
        assert through.hub_has(routes_of(TWELVE))

        lost.start()
        lost.configure()
        took = until("every route from both reflectors again", lambda: through.from_every_reflector(TWELVE))
        times.note("a reflector comes back empty: every route from both again", took)


def test_while_a_reflector_is_cut_off_the_other_serves(through: Region, times: Times) -> None:
    """Nobody closes a connection here: the hub keeps what the silent one said for its 180 s."""
    silent = through.reflectors[1]
    with everything_as_before(through):
        silent.host.cut_off()
        new = through.add_node(23, [pod_cidr(23)])
        took = through.until_hub_has(routes_of([*TWELVE, 23]), "a new node through the other reflector")
        times.note("a node is added while a reflector is cut off: its pod CIDR at both instances", took)
        new.leave()
        silent.host.reconnect()
        until(
            "both reflectors serve every node again",
            lambda: all(served(through.nodes[number], through.reflectors) == through.reflectors for number in TWELVE),
            within=60,
        )


def test_what_a_node_announces_besides_pod_cidrs_is_filtered(through: Region) -> None:
    odd = ["10.99.0.0/24", "0.0.0.0/0", str(PODS), "100.64.24.0/25", "100.64.24.7/32"]
    with everything_as_before(through):
        node = through.add_node(24, [pod_cidr(24), *map(IPv4Network, odd)])
        through.until_hub_has(routes_of([*TWELVE, 24]), "the node's pod CIDR, and nothing else of it")

        for reflector in through.reflectors:
            assert sent(node, reflector) >= {str(pod_cidr(24)), *odd}
            assert reflector.routes().keys() == routes_of([*TWELVE, 24]).keys()
        node.leave()


def test_a_pod_cidr_whose_next_hop_is_no_node_is_filtered(through: Region) -> None:
    elsewhere = through.reflectors[0].address
    with everything_as_before(through):
        node = through.add_node(25, [pod_cidr(25)])
        through.until_hub_has(routes_of([*TWELVE, 25]), "the node as it should be")

        asn, peers = through.bgp.asn, through.reflectors
        node.change("route-map ELSEWHERE permit 10", f"set ip next-hop {elsewhere}")
        node.change(
            f"router bgp {asn}",
            "address-family ipv4 unicast",
            *(f"neighbor {reflector.address} route-map ELSEWHERE out" for reflector in peers),
        )

        through.until_hub_has(routes_of(TWELVE), "the node without its strange next hop")
        node.leave()


def test_what_the_hub_announces_is_filtered(through: Region) -> None:
    for reflector in through.reflectors:
        for instance in through.hub:
            assert sent(instance, reflector) >= set(ANNOUNCED_BY_HUB)
        assert reflector.routes() == routes_of(TWELVE)
    for number in TWELVE:
        assert through.nodes[number].routes().keys() == routes_of(TWELVE).keys()


def test_a_reflector_forwards_nothing_and_leaves_its_kernel_alone(through: Region) -> None:
    for reflector in through.reflectors:
        assert not reflector.host.forwards
        assert "100.64." not in reflector.host.kernel_routes
        assert reflector.host.kernel_routes.count("default via") == 1


def served(node: Speaker, reflectors: list[Speaker]) -> list[Speaker]:
    """The reflectors a node has a session with."""
    return [reflector for reflector in reflectors if node.address in reflector.established()]


def sent(speaker: Speaker, to: Speaker) -> set[str]:
    """The prefixes a speaker has announced to a peer."""
    return set(speaker.show(f"bgp ipv4 unicast neighbors {to.address} advertised-routes")["advertisedRoutes"])
