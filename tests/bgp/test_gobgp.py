"""The same reflectors and hub, with nodes that speak through GoBGP as Cilium's agents do."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.bgp.gobgp import MISSING, GoBgpNode
from tests.bgp.region import DIRECT, THROUGH, Region, inputs, node_address, pod_cidr, region, routes_of
from tests.bgp.speaker import stale, version
from tests.bgp.waiting import Times, until

pytestmark = pytest.mark.skipif(
    bool(MISSING), reason=f"GoBGP is missing ({', '.join(MISSING)}): apt-get install gobgpd"
)

THREE = range(1, 4)
HOLD, SLACK = 9, 6.0


@pytest.fixture
def opened(
    tmp_path: Path, routers: None, request: pytest.FixtureRequest
) -> Iterator[tuple[Region, dict[int, GoBgpNode]]]:
    """Three nodes; the test says whether they peer through reflectors or directly."""
    with region(inputs(request.param)) as made:
        if made.bgp.reflectors:
            made.open_reflectors()
        made.open_hub(made.bgp.reflectors or [node_address(number) for number in THREE])
        nodes = {number: GoBgpNode(made.join(number), tmp_path, [pod_cidr(number)], made.objects) for number in THREE}
        try:
            for node in nodes.values():
                node.start()
            yield made, nodes
        finally:
            for node in nodes.values():
                node.kill()


@pytest.mark.parametrize("opened", [THROUGH], indirect=True, ids=["through reflectors"])
def test_gobgp_nodes_are_learned_kept_while_they_restart_and_withdrawn_when_they_die(
    opened: tuple[Region, dict[int, GoBgpNode]], times: Times
) -> None:
    made, nodes = opened
    took = made.until_hub_has(routes_of(THREE), "three GoBGP nodes")
    times.note("GoBGP, 3 nodes start: every pod CIDR at both instances", took)
    until("every route from both reflectors", lambda: made.from_every_reflector(THREE))
    versions = [version(instance, str(pod_cidr(1))) for instance in made.hub]

    nodes[1].kill()
    kept = str(pod_cidr(1))
    until("both reflectors keep the route", lambda: all(stale(each, kept) for each in made.reflectors))
    nodes[1].start()
    until("the route is fresh", lambda: not any(stale(each, kept) for each in made.reflectors))
    assert [version(instance, kept) for instance in made.hub] == versions

    nodes[3].host.cut_off()
    took = made.until_hub_has(routes_of([1, 2]), "the dead node withdrawn", within=HOLD + SLACK)
    times.note(f"GoBGP, a node dies (its machine is gone; hold time {HOLD} s): withdrawn at both instances", took)


@pytest.mark.parametrize("opened", [DIRECT], indirect=True, ids=["directly"])
def test_gobgp_nodes_reach_the_hub_directly_over_several_hops(
    opened: tuple[Region, dict[int, GoBgpNode]], times: Times
) -> None:
    made, _ = opened
    took = made.until_hub_has(routes_of(THREE), "three GoBGP nodes")
    times.note("GoBGP, direct, 3 nodes start: every pod CIDR at both instances", took)
