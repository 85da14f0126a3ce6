"""Eight nodes or fewer: each peers with both instances of the hub itself, over eBGP and through the fabric."""

from tests.bgp.region import Region, node_address, routes_of
from tests.bgp.waiting import Times

EIGHT = range(1, 9)


def test_both_instances_learn_the_pod_cidrs_of_eight_nodes_from_the_nodes_themselves(direct: Region) -> None:
    for instance in direct.hub:
        assert direct.learned(instance) == routes_of(EIGHT)
        assert instance.established() == {str(node_address(number)) for number in EIGHT}


def test_a_node_that_leaves_is_withdrawn_and_the_others_stay(direct: Region, times: Times) -> None:
    direct.nodes[8].leave()
    took = direct.until_hub_has(routes_of(range(1, 8)), "seven nodes")
    times.note("direct, a node leaves: withdrawn at both instances", took)
