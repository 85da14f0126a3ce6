"""Random nodes, route tables and rules, from few enough prefixes and addresses that they meet all the time."""

from hypothesis import strategies as st

from shared.models import Network, Node, Policy, Rules
from shared.ownership import route_name
from tests.examples import OWNER, RULES, net, node, ruled
from tests.fakes import Fault, RawRoute, raw

OWNERS = st.from_regex(r"[a-z0-9-]{1,20}", fullmatch=True)

_PODS = (*(f"100.64.{number}.0/24" for number in range(4)), "100.64.2.0/25", "fd00:10:0:1::/64")
_OUTSIDE = "10.9.0.0/24"
_ELSEWHERE = (_OUTSIDE, "fd99::/64", "0.0.0.0/0", "192.168.0.0/16", "100.64.0.0/10", "AzureCloud.WestEurope")
_FOURS = tuple(f"10.0.0.{number}" for number in range(4, 10))
_SIXES = tuple(f"fd01::{number}" for number in range(4, 7))
_ADDRESSES = tuple(zip(_FOURS, (*_SIXES, "", "", ""), strict=True))
_TYPES = ("VirtualAppliance",) * 6 + ("None", "Internet")

_POD_LISTS = st.lists(st.sampled_from((*_PODS, *_PODS, _OUTSIDE)), max_size=2, unique=True)


@st.composite
def nodes(draw: st.DrawFn) -> tuple[Node, ...]:
    """Live nodes with distinct names and, as on a network, distinct addresses: some wait, some are leaving, some disagree."""
    return tuple(
        node(
            f"n{number}",
            *draw(_POD_LISTS),
            at=draw(st.sampled_from((f"{four} {six}",) * 5 + (six,))),
            created=draw(st.sampled_from(("2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z"))),
            deleting=draw(st.integers(0, 3)) == 0,
        )
        for number, (four, six) in enumerate(_ADDRESSES[: draw(st.integers(0, 5))])
    )


@st.composite
def situations(draw: st.DrawFn) -> tuple[tuple[Node, ...], tuple[RawRoute, ...]]:
    """Nodes and a table: routes of ours that fit or no longer do, another cluster's, foreign ones, hand-edited ones."""
    live = draw(nodes())
    prefixes = draw(st.lists(st.sampled_from((*_PODS, *_PODS, *_ELSEWHERE)), max_size=7, unique=True))
    drawn = [_route(draw, live, prefix, number) for number, prefix in enumerate(prefixes)]
    return live, tuple({route["name"].lower(): route for route in drawn}.values())


def _route(draw: st.DrawFn, live: tuple[Node, ...], prefix: str, number: int) -> RawRoute:
    name = draw(
        st.sampled_from(
            (
                *((_name(prefix),) * 6 + (_name(prefix).upper(),) if prefix in _PODS else ()),
                _name(_PODS[number % len(_PODS)]),
                _name("100.64.0.0/24", "dev"),
                f"on-premises-{number}",
            )
        )
    )
    kind = draw(st.sampled_from(_TYPES))
    at_home = [str(address) for one in live if prefix in map(str, one.pod_cidrs) for address in one.addresses]
    hops = [hop for hop in (*at_home, *at_home, *_FOURS, *_SIXES) if (":" in hop) == (":" in prefix)]
    hop = draw(st.sampled_from(hops)) if kind == "VirtualAppliance" else None
    return raw(name, prefix, hop, kind=kind, hasBgpOverride=False)


def _name(prefix: str, owner: str = OWNER) -> str:
    return route_name(owner, net(prefix))


RULE_SETS: st.SearchStrategy[Rules] = st.builds(
    ruled,
    policy=st.sampled_from((*(Policy.SYNC,) * 3, *Policy)),
    adopt=st.booleans(),
    max_delete_fraction=st.sampled_from((0.0, 0.3, 0.5, 1.0)),
    free_deletes=st.integers(0, 3),
    routes_per_table=st.sampled_from((3, 6, 9, 1000)),
)
"""Every policy and limit, narrow ones included."""

FAULTS = st.lists(st.sampled_from(Fault), max_size=6)


@st.composite
def networks(draw: st.DrawFn) -> Network:
    """Any pod CIDR inside RULES, of either family."""
    whole = draw(st.sampled_from(RULES.pod_cidrs))
    length = draw(st.integers(whole.prefixlen, whole.max_prefixlen))
    offset = draw(st.integers(0, 2 ** (length - whole.prefixlen) - 1))
    return net(f"{whole.network_address + (offset << (whole.max_prefixlen - length))}/{length}")
