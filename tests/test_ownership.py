"""What is ours: the name says so AND the prefix lies inside podCidrs, or the peer has the address it names; never one alone."""

from ipaddress import IPv4Address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.models import Network
from shared.ownership import is_inside, is_our_peer, is_ours, owner_of, peer_name, route_name
from tests.examples import OWNER, RULES, net
from tests.fakes import AZURE_NAME
from tests.strategies import OWNERS, networks


@given(OWNERS, networks())
def test_a_name_tells_its_owner_again(owner: str, prefix: Network) -> None:
    assert owner_of(route_name(owner, prefix)) == owner


@given(OWNERS, networks())
def test_a_name_tells_its_owner_whatever_case_azure_gives_it(owner: str, prefix: Network) -> None:
    assert owner_of(route_name(owner, prefix).upper()) == owner


@given(OWNERS, networks())
def test_a_name_is_one_azure_takes(owner: str, prefix: Network) -> None:
    name = route_name(owner, prefix)
    assert len(name) <= 80
    assert AZURE_NAME.fullmatch(name)


@given(OWNERS, networks(), networks())
def test_two_prefixes_have_two_names(owner: str, one: Network, other: Network) -> None:
    assert (route_name(owner, one) == route_name(owner, other)) == (one == other)


@given(OWNERS, networks())
def test_a_taken_name_gets_a_number_and_stays_ours(owner: str, prefix: Network) -> None:
    plain = route_name(owner, prefix)
    numbered = route_name(owner, prefix, {plain, f"{plain}_2"})
    assert numbered == f"{plain}_3"
    assert owner_of(numbered) == owner
    assert AZURE_NAME.fullmatch(numbered)


def test_the_longest_possible_name_fits_into_80_characters() -> None:
    longest = route_name("a" * 20, ip_network("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff/128"), ())
    assert len(longest) + len("_99") <= 80


NAMES = [
    ("apr_prod-weu_100.64.1.0-24", "prod-weu"),
    ("APR_Prod-WEU_100.64.1.0-24", "prod-weu"),
    ("apr_prod-weu_100.64.1.0-24_2", "prod-weu"),
    ("apr_prod-weu_fd00.10.0.1..-64", "prod-weu"),
    ("apr_prod_100.64.1.0-24", "prod"),
    ("apr_prod_weu_100.64.1.0-24", None),
    ("xapr_prod-weu_100.64.1.0-24", None),
    ("apr_prod-weu_100.64.1.0-24-old", None),
    ("apr_prod-weu_100.64.1.0", None),
    ("apr__100.64.1.0-24", None),
    (f"apr_{'a' * 21}_100.64.1.0-24", None),
    ("aks-np1-12345678-vmss000003", None),
    ("aks-np1-12345678-vmss000003____100640024", None),  # cloud-provider-azure's own naming
    ("default", None),
    ("", None),
]


@pytest.mark.parametrize(("name", "owner"), NAMES, ids=[name or "empty" for name, _ in NAMES])
def test_only_a_name_of_our_making_has_an_owner(name: str, owner: str | None) -> None:
    assert owner_of(name) == owner


INSIDE = [
    ("100.64.1.0/24", True),
    ("100.64.0.0/10", True),
    ("100.127.255.0/24", True),
    ("100.128.0.0/24", False),
    ("100.63.255.0/24", False),
    ("100.0.0.0/8", False),
    ("fd00:10:0:1::/64", True),
    ("fd00:11::/64", False),
    ("::/0", False),
]


@pytest.mark.parametrize(("prefix", "inside"), INSIDE)
def test_inside_means_whole_inside_one_range_of_the_same_family(prefix: str, inside: bool) -> None:  # noqa: FBT001
    assert is_inside(net(prefix), RULES.pod_cidrs) is inside


def test_two_adjacent_ranges_do_not_add_up_to_a_wider_one() -> None:
    assert not is_inside(net("10.0.0.0/23"), (net("10.0.0.0/24"), net("10.0.1.0/24")))


def test_an_ipv4_prefix_is_not_inside_an_ipv6_range_of_the_same_number() -> None:
    assert not is_inside(net("0.0.0.1/32"), (net("::/64"),))


OURS = [
    ("our name, inside", "apr_prod-weu_100.64.1.0-24", "100.64.1.0/24", True),
    ("our name in capitals", "APR_PROD-WEU_100.64.1.0-24", "100.64.1.0/24", True),
    ("our name on another prefix of ours", "apr_prod-weu_100.64.1.0-24", "100.64.2.0/24", True),
    ("our name, outside: podCidrs were narrowed", "apr_prod-weu_10.9.0.0-24", "10.9.0.0/24", False),
    ("a hand-made route inside: hcloud#425, #432", "on-prem", "100.64.1.0/24", False),
    ("another cluster, a prefix of our name: occm#3128", "apr_prod_100.64.1.0-24", "100.64.1.0/24", False),
    ("another cluster, our name is its prefix", "apr_prod-weu2_100.64.1.0-24", "100.64.1.0/24", False),
    ("a service tag under our name", "apr_prod-weu_100.64.1.0-24", None, False),
]


@pytest.mark.parametrize(("name", "prefix", "ours"), [case[1:] for case in OURS], ids=[case[0] for case in OURS])
def test_ours_takes_the_name_and_the_prefix(name: str, prefix: str | None, ours: bool) -> None:  # noqa: FBT001
    assert is_ours(name, net(prefix) if prefix else None, OWNER, RULES.pod_cidrs) is ours


ADDRESSES = st.ip_addresses(v=4)


@given(OWNERS, ADDRESSES)
def test_a_peer_is_ours_by_the_name_it_is_given_whatever_case_azure_gives_it(owner: str, ip: IPv4Address) -> None:
    assert is_our_peer(peer_name(owner, ip), ip, owner)
    assert is_our_peer(peer_name(owner, ip).upper(), ip, owner)


@given(OWNERS, ADDRESSES)
def test_a_peer_name_is_one_azure_takes(owner: str, ip: IPv4Address) -> None:
    name = peer_name(owner, ip)
    assert len(f"{name}_99") <= 80
    assert AZURE_NAME.fullmatch(name)


@given(OWNERS, OWNERS, ADDRESSES, ADDRESSES)
def test_a_peer_name_is_ours_only_with_our_owner_and_its_own_address(
    owner: str, other: str, ip: IPv4Address, elsewhere: IPv4Address
) -> None:
    assert is_our_peer(peer_name(owner, ip), elsewhere, other) == (owner == other and ip == elsewhere)


@given(OWNERS, ADDRESSES, networks(), st.sampled_from(((), ("plain",), ("plain", "plain_2"))))
def test_a_route_name_is_never_a_peer_name_nor_the_other_way_round(
    owner: str, ip: IPv4Address, prefix: Network, numbers: tuple[str, ...]
) -> None:
    route, peer = route_name(owner, prefix), peer_name(owner, ip)
    route = route_name(owner, prefix, {number.replace("plain", route) for number in numbers})
    peer = peer_name(owner, ip, {number.replace("plain", peer) for number in numbers})
    assert owner_of(peer) is None
    assert not is_our_peer(route, ip, owner)
    if prefix.version == 4:
        assert not is_our_peer(route, IPv4Address(int(prefix.network_address)), owner)


@given(OWNERS, ADDRESSES)
def test_a_taken_peer_name_gets_a_number_and_stays_ours(owner: str, ip: IPv4Address) -> None:
    plain = peer_name(owner, ip)
    numbered = peer_name(owner, ip, {plain, f"{plain}_2"})
    assert numbered == f"{plain}_3"
    assert is_our_peer(numbered, ip, owner)
    assert AZURE_NAME.fullmatch(numbered)


PEERS = [
    ("our name, its own address", "apr_prod-weu_10.0.0.4", "10.0.0.4", True),
    ("our name in capitals", "APR_PROD-WEU_10.0.0.4", "10.0.0.4", True),
    ("our name with a number", "apr_prod-weu_10.0.0.4_2", "10.0.0.4", True),
    ("our name on another address: somebody else's now", "apr_prod-weu_10.0.0.4", "10.0.0.5", False),
    ("our name on an address it begins with", "apr_prod-weu_10.0.0.4", "10.0.0.40", False),
    ("our name on a connection without an address", "apr_prod-weu_10.0.0.4", None, False),
    ("our name with a note", "apr_prod-weu_10.0.0.4-old", "10.0.0.4", False),
    ("our name written another way", "apr_prod-weu_10.0.0.04", "10.0.0.4", False),
    ("another cluster, a prefix of our name", "apr_prod_10.0.0.4", "10.0.0.4", False),
    ("another cluster, our name is its prefix", "apr_prod-weu2_10.0.0.4", "10.0.0.4", False),
    ("our address, a hand-made name", "nva-1", "10.0.0.4", False),
    ("a route's name", "apr_prod-weu_10.0.0.4-32", "10.0.0.4", False),
    ("no name", "", "10.0.0.4", False),
]


@pytest.mark.parametrize(("name", "ip", "ours"), [case[1:] for case in PEERS], ids=[case[0] for case in PEERS])
def test_our_peer_takes_the_name_and_its_own_address(name: str, ip: str | None, ours: bool) -> None:  # noqa: FBT001
    assert is_our_peer(name, IPv4Address(ip) if ip else None, OWNER) is ours


def test_a_peer_name_says_owner_and_address() -> None:
    assert peer_name(OWNER, IPv4Address("10.0.0.4")) == "apr_prod-weu_10.0.0.4"
