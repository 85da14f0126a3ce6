"""Whether this machine can run routers, the regions the tests share, and the measured times at the end."""

import os
import shutil
from collections.abc import Iterator

import pytest

from tests.bgp.namespaces import PREFIX, ip, sweep
from tests.bgp.region import DIRECT, THROUGH, Region, inputs, node_address, region, routes_of
from tests.bgp.speaker import BGPD
from tests.bgp.waiting import Times

TWELVE = range(1, 13)
EIGHT = range(1, 9)
_TIMES = pytest.StashKey[Times]()


def pytest_configure(config: pytest.Config) -> None:
    config.stash[_TIMES] = Times()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    if lines := config.stash[_TIMES].lines:
        terminalreporter.section("convergence times")
        for line in lines:
            terminalreporter.write_line(line)


@pytest.fixture(scope="session")
def times(pytestconfig: pytest.Config) -> Times:
    return pytestconfig.stash[_TIMES]


@pytest.fixture(scope="session", autouse=True)
def routers() -> None:
    """Skips with the reason where real routers cannot run."""
    missing = [name for name in ("ip", "vtysh", "setpriv", "sysctl") if not shutil.which(name)]
    if missing or not BGPD.exists():
        pytest.skip(
            f"real routers need FRR: apt-get install frr iproute2 (missing: {', '.join([*missing, str(BGPD)])})"
        )
    if os.geteuid() != 0:
        pytest.skip("real routers need root, to make network namespaces")
    try:
        probe = f"{PREFIX}{os.getpid()}-probe"
        ip("netns", "add", probe)
        ip("-n", probe, "link", "add", "probe", "type", "bridge")
        ip("netns", "delete", probe)
    except RuntimeError as error:
        pytest.skip(f"real routers need network namespaces and bridges, which this machine refuses: {error}")
    sweep()


@pytest.fixture(scope="module")
def through(routers: None, times: Times) -> Iterator[Region]:
    """Twelve nodes behind two reflectors: more than a hub has room for peers."""
    given = inputs(THROUGH, prefixesPerNode=4)
    with region(given) as made:
        made.open_hub(made.bgp.reflectors)
        made.open_reflectors()
        made.add_nodes(TWELVE)
        took = made.until_hub_has(routes_of(TWELVE), "12 pod CIDRs at both instances")
        times.note("12 nodes, 2 reflectors and the hub start: every pod CIDR at both instances", took)
        yield made


@pytest.fixture(scope="module")
def direct(routers: None, times: Times) -> Iterator[Region]:
    """Eight nodes that peer with the hub themselves."""
    with region(inputs(DIRECT)) as made:
        made.open_hub([node_address(number) for number in EIGHT])
        made.add_nodes(EIGHT)
        took = made.until_hub_has(routes_of(EIGHT), "8 pod CIDRs at both instances")
        times.note("direct, 8 nodes and the hub start: every pod CIDR at both instances", took)
        yield made
