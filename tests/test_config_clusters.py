"""One wrong key, one problem: tables of what a cluster, and two beside each other, may not say."""

from typing import Any

import pytest

from shared.config import RouteServerRouting
from shared.label_selector import LabelSelector
from tests.configs import AKS, CONNECTION, HUB, ROUTE_SERVER, SHARED, TABLE, UDR, VIRTUAL_WAN, A, B, load, problems

ONE_WRONG_KEY: list[tuple[str, dict[str, Any], str]] = [
    ("name missing", {"name": None}, ".name: is missing; it is the owner id"),
    ("name with capitals", {"name": "Prod"}, ".name: must be 1 to 20 of a-z, 0-9 and '-'"),
    ("name too long", {"name": "x" * 21}, ".name: must be 1 to 20"),
    ("name with a line break", {"name": "prod\n"}, ".name: must be 1 to 20"),
    ("name a number", {"name": 7}, ".name: must be text, not a number"),
    ("id missing", {"aksClusterId": None}, ".aksClusterId: is missing; add the resource id of the AKS cluster"),
    ("id of a table", {"aksClusterId": f"{TABLE}/a"}, ".aksClusterId: is the id of a Microsoft.Network/routeTables"),
    ("id of a pool", {"aksClusterId": f"{AKS}/a/agentPools/p"}, "managedClusters/agentPools, not of an AKS cluster"),
    ("id with a placeholder", {"aksClusterId": f"{AKS}/<name>"}, ".aksClusterId: is not the id of an AKS cluster; exp"),
    ("id with a slash too many", {"aksClusterId": f"{AKS}/a/"}, ".aksClusterId: is not the id of an AKS cluster"),
    ("routing missing", {"routing": None}, '.routing: is missing; write {"mode": "udr"}'),
    ("routing a text", {"routing": "udr"}, ".routing: must be an object, not text"),
    ("no mode", {"routing": {}}, ".routing.mode: is missing; choose udr, routeServer, virtualWan or observe"),
    ("mode in other case", {"routing": {"mode": "UDR"}}, '.routing.mode: "UDR" is none of the choices; choose udr'),
    ("mode a number", {"routing": {"mode": 1}}, ".routing.mode: a number is none of the choices"),
    ("typo", {"podCidr": []}, ".podCidr: unknown key; did you mean podCidrs?"),
    ("snake case", {"pod_cidrs": []}, ".pod_cidrs: unknown key; did you mean podCidrs?"),
    ("nothing near", {"xyzzy": 1}, ".xyzzy: unknown key; the keys here are name, aksClusterId, routing"),
    ("odd key", {"a b\n": 1}, '."a b\\n": unknown key'),
    ("key one level too high", {"freeDeletes": 1}, ".freeDeletes: does not belong here, but to limits"),
    ("key one level too low", {"limits": {"adopt": True}}, ".limits.adopt: does not belong here, but to the cluster"),
    (
        "key of another mode",
        {"routing": {"mode": "udr", "peerAsn": 65001}},
        ".routing.peerAsn: does not belong here, but to routing of mode routeServer or virtualWan",
    ),
    ("host bits", {"podCidrs": ["10.0.0.1/8"]}, ".podCidrs[0]: has host bits set; the network is 10.0.0.0/8"),
    ("host bits, IPv6", {"podCidrs": ["fd00::1/64"]}, ".podCidrs[0]: has host bits set; the network is fd00::/64"),
    ("no prefix length", {"podCidrs": ["10.0.0.0"]}, ".podCidrs[0]: has no prefix length"),
    ("netmask", {"podCidrs": ["10.0.0.0/255.0.0.0"]}, ".podCidrs[0]: is not a network"),
    ("no network", {"podCidrs": ["10.0.0/8"]}, ".podCidrs[0]: is not a network"),
    ("scope id", {"podCidrs": ["fd00::%1/64"]}, ".podCidrs[0]: is not a network"),
    ("everything", {"podCidrs": ["0.0.0.0/0"]}, ".podCidrs[0]: 0.0.0.0/0 is larger than a /8"),
    ("everything, IPv6", {"podCidrs": ["::/0"]}, ".podCidrs[0]: ::/0 is larger than a /8"),
    ("half of it", {"podCidrs": ["128.0.0.0/1"]}, ".podCidrs[0]: 128.0.0.0/1 is larger than a /8"),
    ("loopback", {"podCidrs": ["127.0.0.0/16"]}, ".podCidrs[0]: 127.0.0.0/16 is loopback, link-local or multicast"),
    ("number", {"podCidrs": [10]}, ".podCidrs[0]: must be text such as 100.64.0.0/10"),
    ("no array", {"podCidrs": "10.0.0.0/8"}, ".podCidrs: must be an array, not text"),
    ("empty ranges", {"podCidrs": []}, ".podCidrs: is empty, so nothing could ever be ours"),
    ("overlap", {"podCidrs": ["10.0.0.0/8", "10.1.0.0/16"]}, ".podCidrs[1]: 10.1.0.0/16 overlaps 10.0.0.0/8 of the sa"),
    ("duplicate", {"podCidrs": ["fd00::/48", "fd00:0::/48"]}, ".podCidrs[1]: fd00::/48 overlaps fd00::/48"),
    ("source", {"podCidrSource": "Node"}, '.podCidrSource: "Node" is none of the choices; choose auto, ciliumNode or'),
    ("policy", {"policy": "none"}, '.policy: "none" is none of the choices; choose sync, upsertOnly or createOnly'),
    ("adopt", {"adopt": "yes"}, ".adopt: must be true or false, not text"),
    ("per cent", {"limits": {"maxDeleteFraction": 30}}, "Fraction: 30 is too large; the most is 1 (it is a share: 0.3"),
    ("below 0", {"limits": {"maxDeleteFraction": -0.1}}, "Fraction: -0.1 is too small; the least is 0"),
    (
        "not finite",
        {"limits": {"maxDeleteFraction": float("nan")}},
        "Fraction: must be a number, neither infinite nor NaN",
    ),
    ("free deletes", {"limits": {"freeDeletes": -1}}, ".limits.freeDeletes: -1 is too small; the least is 0"),
    (
        "half a delete",
        {"limits": {"freeDeletes": 1.5}},
        ".limits.freeDeletes: must be a whole number, not a decimal number",
    ),
    ("no routes", {"limits": {"routesPerTable": 0}}, ".limits.routesPerTable: 0 is too small; the least is 1"),
    ("limits a list", {"limits": []}, ".limits: must be an object, not an array"),
    ("no time", {"settle": {"maxSeconds": 0}}, ".settle.maxSeconds: 0 is too small; the least is 1"),
    ("too long", {"settle": {"maxSeconds": 541}}, "541 is too large; the most is 540 (the function is ended after 10"),
    ("never quiet", {"settle": {"quietSeconds": 181}}, ".settle.quietSeconds: 181 is over maxSeconds 180"),
    ("kubeconfig a number", {"kubeconfig": 1}, ".kubeconfig: must be the path of a kubeconfig file"),
    ("kubeconfig empty", {"kubeconfig": " "}, ".kubeconfig: must be the path of a kubeconfig file"),
    ("kubeconfig of nobody", {"kubeconfig": "~no-such-user/k"}, ".kubeconfig: starts with the home of somebody"),
    ("a table twice", {"routing": {"mode": "udr", "routeTables": [f"{TABLE}/a", f"{TABLE}/A"]}}, "[1]: is given twice"),
]


@pytest.mark.parametrize(
    ("keys", "expected"), [row[1:] for row in ONE_WRONG_KEY], ids=[row[0] for row in ONE_WRONG_KEY]
)
def test_a_wrong_key_is_one_problem_that_says_where_and_what_to_do(keys: dict[str, Any], expected: str) -> None:
    [problem] = problems({**UDR, **keys})

    label = "clusters[0] (prod)" if "name" not in keys else "clusters[0]"
    assert problem.startswith(label)
    assert expected in problem


WRONG_BGP: list[tuple[str, dict[str, Any], dict[str, Any], str]] = [
    ("no hub", ROUTE_SERVER, {"virtualHubId": None}, "virtualHubId: is missing; add the resource id of the Route Server"),
    ("hub of other kind", ROUTE_SERVER, {"virtualHubId": f"{TABLE}/a"}, "routeTables, not of a Route Server or virtual"),
    ("no ASN", ROUTE_SERVER, {"peerAsn": None}, "peerAsn: is missing; add the AS number of the peers"),
    *((f"Azure's {asn}", ROUTE_SERVER, {"peerAsn": asn}, f"{asn} is Azure's own ASN; choose a private one")
      for asn in (8074, 8075, 12076, 65515, 65517, 65518, 65519, 65520)),
    *((f"IANA's {asn}", ROUTE_SERVER, {"peerAsn": asn}, f"{asn} is reserved by IANA; choose a private one")
      for asn in (0, 23456, 64496, 64511, 65535)),
    *((f"32-bit {asn}", ROUTE_SERVER, {"peerAsn": asn}, f"{asn} is no 16-bit ASN") for asn in (-1, 65536, 4200000000)),
    ("ASN as text", ROUTE_SERVER, {"peerAsn": "65001"}, "peerAsn: must be a whole number, not text"),
    ("no peers", ROUTE_SERVER, {"peers": None}, "peers: is missing; add nodeSelector or addresses"),
    ("neither kind of peers", ROUTE_SERVER, {"peers": {}}, "peers: has neither nodeSelector nor addresses"),
    ("both", ROUTE_SERVER, {"peers": {"nodeSelector": "a", "addresses": ["10.0.0.1"]}}, "peers: has both nodeSelector"),
    ("no address", ROUTE_SERVER, {"peers": {"addresses": []}}, "peers.addresses: is empty"),
    ("address twice", ROUTE_SERVER, {"peers": {"addresses": ["10.0.0.1"] * 2}}, "peers.addresses[1]: is given twice"),
    ("IPv6 peer", ROUTE_SERVER, {"peers": {"addresses": ["fd00::1"]}}, "addresses[0]: is not an IPv4 address"),
    ("multicast peer", ROUTE_SERVER, {"peers": {"addresses": ["224.0.0.1"]}}, "224.0.0.1 is no address of a machine"),
    ("address a number", ROUTE_SERVER, {"peers": {"addresses": [1]}}, "addresses[0]: must be text such as 10.10.17.4"),
    ("9 peers", ROUTE_SERVER, {"peers": {"addresses": [f"10.0.0.{n}" for n in range(1, 10)]}}, "9 peers are over maxP"),
    ("over maxPeers", ROUTE_SERVER, {"peers": {"addresses": ["10.0.0.1", "10.0.0.2"]}, "maxPeers": 1}, "over maxPeers 1"),
    ("maxPeers 9", ROUTE_SERVER, {"maxPeers": 9}, "maxPeers: 9 is too large; the most is 8 (Azure takes 8 peers per hub)"),
    ("maxPeers 0", ROUTE_SERVER, {"maxPeers": 0}, "maxPeers: 0 is too small; the least is 1"),
    *((f"selector {text!r}", ROUTE_SERVER, {"peers": {"nodeSelector": text}}, "nodeSelector: is ")
      for text in ("", " ", "a b", "a=b=c", "a,", "-a=b", "a in b", "a in ()x", "/a", "a=" + "v" * 64, "äh=1")),
    ("connection on a Route Server", ROUTE_SERVER, {"hubConnectionId": CONNECTION}, "but to routing of mode virtualWan"),
    ("no connection", VIRTUAL_WAN, {"hubConnectionId": None}, "hubConnectionId: is missing; a Virtual WAN hub needs"),
    ("connection of another kind", VIRTUAL_WAN, {"hubConnectionId": HUB}, "not of a virtual network connection of a hub"),
    ("connection of another hub", VIRTUAL_WAN, {"virtualHubId": f"{HUB}2"}, "hubConnectionId: belongs to another hub"),
    ("tables on a hub", VIRTUAL_WAN, {"routeTables": []}, "routeTables: does not belong here, but to routing of mode udr"),
]  # fmt: skip  # one row, one line


@pytest.mark.parametrize(
    ("routing", "keys", "expected"), [row[1:] for row in WRONG_BGP], ids=[row[0] for row in WRONG_BGP]
)
def test_a_wrong_bgp_key_is_one_problem(routing: dict[str, Any], keys: dict[str, Any], expected: str) -> None:
    [problem] = problems({**UDR, "routing": {**routing, **keys}})

    assert problem.startswith("clusters[0] (prod).routing.")
    assert expected in problem


@pytest.mark.parametrize(
    "selector",
    [
        "a",
        "!a",
        "a=b",
        "a==b",
        "a!=b",
        "a=",
        "a in (b)",
        "a notin (b, c)",
        "aks-pod-routes/bgp-peer=true",
        " a = b , c ",
    ],
)
def test_label_selectors_as_kubernetes_knows_them_are_taken(selector: str) -> None:
    [cluster] = load({**UDR, "routing": {**ROUTE_SERVER, "peers": {"nodeSelector": selector}}}).clusters

    assert isinstance(cluster.routing, RouteServerRouting)
    assert cluster.routing.peers.node_selector == LabelSelector.parse(selector)
    assert str(cluster.routing.peers.node_selector) == selector


@pytest.mark.parametrize("routing", [ROUTE_SERVER, VIRTUAL_WAN], ids=["routeServer", "virtualWan"])
def test_azure_bgp_takes_no_ipv6(routing: dict[str, Any]) -> None:
    [problem] = problems({**UDR, "podCidrs": ["10.0.0.0/16", "fd00::/48"], "routing": routing})

    assert "podCidrs[1]: fd00::/48 is IPv6, which Azure's BGP peers do not carry; use mode udr" in problem


def test_a_kubeconfig_replaces_the_cluster_id_when_ranges_and_tables_are_given() -> None:
    local = {"name": "local", "kubeconfig": "k", "routing": {"mode": "udr"}}

    assert [problem.partition(": ")[0] for problem in problems(local)] == [
        "clusters[0] (local).podCidrs",
        "clusters[0] (local).routing.routeTables",
    ]
    assert len(problems({**local, "routing": ROUTE_SERVER})) == 1
    load({**local, "podCidrs": ["10.0.0.0/16"], "routing": {"mode": "udr", "routeTables": [f"{TABLE}/a"]}})


SHARED_OTHER_CASE = {"mode": "udr", "routeTables": [f"{TABLE}/other", f"{TABLE}/RT"]}
FIGHT = "clusters[1] (b).podCidrs[0]: 10.0.0.0/16 overlaps 10.0.0.0/9 of clusters[0] (a), and both "

TOGETHER: list[tuple[str, dict[str, Any], dict[str, Any], str | None]] = [
    ("discovered tables are not known here", A, B, None),
    ("one table, overlapping", {**A, "routing": SHARED}, {**B, "routing": SHARED_OTHER_CASE}, FIGHT + "write to route ta"),
    ("one table, apart", {**A, "routing": SHARED}, {**B, "routing": SHARED, "podCidrs": ["10.128.0.0/9"]}, None),
    ("one table, IPv4 and IPv6", {**A, "routing": SHARED}, {**B, "routing": SHARED, "podCidrs": ["fd00::/48"]}, None),
    ("one hub, overlapping", {**A, "routing": ROUTE_SERVER}, {**B, "routing": ROUTE_SERVER}, FIGHT + "peer with the same"),
    ("same AKS, overlapping", A, {**B, "aksClusterId": f"{AKS}/A"}, FIGHT + "are the same AKS cluster"),
    ("same AKS, all of it", A, {**B, "aksClusterId": f"{AKS}/A", "podCidrs": None}, "takes all pod ranges of the clust"),
    ("same AKS, apart", A, {**B, "aksClusterId": f"{AKS}/a", "podCidrs": ["10.128.0.0/9"]}, None),
    ("same AKS, one observes", A, {**B, "aksClusterId": f"{AKS}/a", "routing": {"mode": "observe"}}, None),
    ("same name", A, {**B, "name": "a"}, "clusters[1] (a).name: is also the name of clusters[0] (a)"),
]  # fmt: skip  # one row, one line


@pytest.mark.parametrize(("a", "b", "expected"), [row[1:] for row in TOGETHER], ids=[row[0] for row in TOGETHER])
def test_two_clusters_never_fight(a: dict[str, Any], b: dict[str, Any], expected: str | None) -> None:
    if expected is None:
        assert len(load(a, b).clusters) == 2
    else:
        [problem] = problems(a, b)
        assert expected in problem


def test_names_that_differ_in_case_are_the_same_name() -> None:
    assert any(
        "(A).name: is also the name of clusters[0] (a)" in problem for problem in problems(A, {**B, "name": "A"})
    )
