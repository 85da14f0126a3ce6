"""Too much of a good thing: one node with too many prefixes, and too many routes for the hub."""

from collections.abc import Iterator

import pytest

from tests.bgp.region import THROUGH, Region, inputs, node_address, pod_cidr, region, routes_of
from tests.bgp.speaker import Speaker
from tests.bgp.waiting import until

PER_NODE, ALL = 3, 6


@pytest.fixture
def small(routers: None) -> Iterator[Region]:
    """Two nodes, and reflectors with small caps."""
    given = inputs(THROUGH, prefixesPerNode=PER_NODE, maxRoutes=ALL)
    with region(given) as made:
        made.open_reflectors()
        made.open_hub(made.bgp.reflectors)
        made.add_nodes([1, 2])
        made.until_hub_has(routes_of([1, 2]), "two nodes")
        yield made


def test_a_node_with_more_prefixes_than_the_cap_is_refused_and_the_others_stay(small: Region) -> None:
    """FRR counts before it adds (seen with 8.4.4): one over is still taken, two over are not."""
    greedy = small.add_node(3, [pod_cidr(prefix) for prefix in range(30, 30 + PER_NODE + 2)])
    only_the_others: list[bool] = []

    def refused() -> bool:
        only_the_others.append(small.hub_has(routes_of([1, 2])))
        return all(
            reason(greedy, reflector) == "Cease/Maximum Number of Prefixes Reached" for reflector in small.reflectors
        )

    until("both reflectors refuse the node", refused)
    assert all(only_the_others)
    assert small.hub_has(routes_of([1, 2]))


def test_the_hub_is_never_told_more_routes_than_the_cap_and_the_rest_waits_to_be_asked_for(small: Region) -> None:
    """FRR does not announce by itself what it held back, when room comes (seen with 8.4.4): `clear bgp * soft out` does."""
    small.add_node(3, [pod_cidr(prefix) for prefix in range(30, 30 + PER_NODE)])
    five = routes_of([1, 2]) | routes(3, range(30, 33))
    small.until_hub_has(five, "as many prefixes of one node as the cap allows")

    small.add_node(4, [pod_cidr(prefix) for prefix in range(40, 40 + PER_NODE)])
    for reflector in small.reflectors:
        until("the reflector has eight routes", lambda reflector=reflector: len(reflector.routes()) == 8)  # type: ignore[misc]  # a default argument binds the loop's variable
    until("six at both instances", lambda: all(len(small.learned(instance)) == ALL for instance in small.hub))
    for instance in small.hub:
        assert five.items() < small.learned(instance).items()

    small.nodes[3].leave()
    until("three are gone", lambda: all(len(reflector.routes()) == 5 for reflector in small.reflectors))
    for reflector in small.reflectors:
        reflector.text("clear bgp * soft out")
    small.until_hub_has(routes_of([1, 2]) | routes(4, range(40, 43)), "what was held back")


def routes(number: int, prefixes: range) -> dict[str, set[str]]:
    """What the hub should learn of a node with several pod CIDRs."""
    return {str(pod_cidr(prefix)): {str(node_address(number))} for prefix in prefixes}


def reason(node: Speaker, reflector: Speaker) -> str:
    """Why the reflector ended its last session with the node; empty when it did not."""
    found: str = node.show(f"bgp neighbors {reflector.address}")[reflector.address].get("lastNotificationReason", "")
    return found
