"""Cilium's configuration: what is read from its ConfigMap, which option that makes, and what is worth telling about it."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from ipaddress import ip_network
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from shared.cilium import CiliumConfig, Mode, Option, Routing, findings_for, option_of, parse
from shared.cilium.findings import PodCidrSource
from shared.config import clusters
from shared.models import Finding, Network, Severity

POD_CIDRS = (ip_network("100.64.0.0/10"),)
NATIVE = {
    "routing-mode": "native",
    "tunnel-protocol": "vxlan",  # the chart writes it whatever the mode
    "ipv4-native-routing-cidr": "100.64.0.0/10",
    "ipam": "cluster-pool",
    "cluster-pool-ipv4-cidr": "100.64.0.0/10",
    "cluster-pool-ipv4-mask-size": "24",
    "enable-ipv4-masquerade": "true",
    "enable-bpf-masquerade": "true",
    "auto-direct-node-routes": "false",
}
BGP = NATIVE | {"enable-bgp-control-plane": "true"}
WIREGUARD = NATIVE | {"enable-wireguard": "true", "encrypt-node": "true"}
PODS_ONLY = NATIVE | {"enable-wireguard": "true"}
TUNNEL = {"routing-mode": "tunnel", "tunnel-protocol": "geneve", "ipam": "cluster-pool"}
DELEGATED = {"routing-mode": "native", "ipam": "delegated-plugin", "enable-ipv4-masquerade": "false"}
UNKNOWN = NATIVE | {"routing-mode": "hybrid"}


def networks(*texts: str) -> tuple[Network, ...]:
    return tuple(ip_network(text) for text in texts)


def brief(findings: Iterable[Finding]) -> list[tuple[str, str]]:
    return [(finding.severity.value, finding.code) for finding in findings]


# Reading the entries


def test_the_entries_of_a_native_cluster_are_read() -> None:
    assert parse(NATIVE) == CiliumConfig(
        routing=Routing.NATIVE,
        native_cidr=ip_network("100.64.0.0/10"),
        pool_cidrs=networks("100.64.0.0/10"),
        pool_mask_size=24,
        bpf_masquerade=True,
    )


def test_what_is_absent_has_the_agents_default() -> None:
    assert parse({}) == CiliumConfig()
    assert parse({"some-key-of-tomorrow": "x", "debug": "false"}) == CiliumConfig()


@pytest.mark.parametrize(
    ("data", "routing", "protocol"),
    [
        ({"routing-mode": "native", "tunnel-protocol": "vxlan"}, Routing.NATIVE, "vxlan"),
        ({"routing-mode": "tunnel", "tunnel-protocol": "geneve"}, Routing.TUNNEL, "geneve"),
        ({"routing-mode": "tunnel"}, Routing.TUNNEL, "vxlan"),
        ({"tunnel": "disabled"}, Routing.NATIVE, "vxlan"),
        ({"tunnel": "vxlan"}, Routing.TUNNEL, "vxlan"),
        ({"tunnel": "geneve"}, Routing.TUNNEL, "geneve"),
        ({"routing-mode": "native", "tunnel": "vxlan"}, Routing.NATIVE, "vxlan"),
        ({"routing-mode": ""}, Routing.TUNNEL, "vxlan"),
        ({"routing-mode": "hybrid"}, Routing.UNKNOWN, "vxlan"),
        ({"tunnel": "ipip"}, Routing.UNKNOWN, "ipip"),
    ],
)
def test_the_routing_mode_is_read_in_the_new_and_the_old_spelling(
    data: dict[str, str], routing: Routing, protocol: str
) -> None:
    config = parse(data)
    assert (config.routing, config.tunnel_protocol) == (routing, protocol)
    assert bool(config.unreadable) is (routing is Routing.UNKNOWN)


FLAGS = {
    "enable-wireguard": "wireguard",
    "encrypt-node": "node_encryption",
    "enable-ipsec": "ipsec",
    "enable-bgp-control-plane": "bgp_control_plane",
    "enable-ipv4-masquerade": "masquerade",
    "enable-bpf-masquerade": "bpf_masquerade",
    "enable-ip-masq-agent": "ip_masq_agent",
    "auto-direct-node-routes": "direct_node_routes",
}


@pytest.mark.parametrize(("key", "field"), FLAGS.items())
@pytest.mark.parametrize(("text", "value"), [("true", True), ("1", True), ("T", True), ("false", False), ("0", False)])
def test_a_flag_is_read_as_the_agent_reads_it(key: str, field: str, text: str, *, value: bool) -> None:
    config = parse({key: text})
    changed: dict[str, Any] = {field: value}
    assert config == replace(CiliumConfig(), **changed)


@pytest.mark.parametrize(
    ("key", "text"),
    [
        *((key, "yes") for key in FLAGS),
        ("ipv4-native-routing-cidr", "everything"),
        ("cluster-pool-ipv4-cidr", "10.0.0.0/33"),
        ("cluster-pool-ipv4-mask-size", "/24"),
    ],
)
def test_what_is_not_understood_is_written_down_and_the_default_stands_in(key: str, text: str) -> None:
    assert parse({key: text}) == replace(CiliumConfig(), unreadable=(f"{key}: {text}",))


def test_what_is_not_understood_is_told_on_one_line_and_cut_short() -> None:
    (told,) = parse({"routing-mode": "one\ntwo " + "x" * 100}).unreadable
    assert told == "routing-mode: one two " + "x" * 32 + "…"


@pytest.mark.parametrize("text", ["10.1.0.0/16 10.2.0.0/16", "10.1.0.0/16,10.2.0.0/16", " 10.1.0.0/16,\n10.2.0.0/16 "])
def test_a_pool_may_have_several_ranges_of_both_families(text: str) -> None:
    config = parse({"cluster-pool-ipv4-cidr": text, "cluster-pool-ipv6-cidr": "fd00::/104"})
    assert config.pool_cidrs == networks("10.1.0.0/16", "10.2.0.0/16", "fd00::/104")


# The option in force

OPTIONS: dict[str, tuple[Mapping[str, str], Option]] = {
    "native": (NATIVE, Option.USER_DEFINED_ROUTES),
    "native with BGP": (BGP, Option.BGP),
    "native with IPsec": (NATIVE | {"enable-ipsec": "true"}, Option.USER_DEFINED_ROUTES),
    "WireGuard": (WIREGUARD, Option.WIREGUARD),
    "WireGuard for pods only": (PODS_ONLY, Option.WIREGUARD),
    "WireGuard with BGP": (WIREGUARD | BGP, Option.WIREGUARD),
    "tunnel": (TUNNEL, Option.TUNNEL),
    "tunnel with WireGuard": (TUNNEL | {"enable-wireguard": "true"}, Option.TUNNEL),
    "nothing said": ({}, Option.TUNNEL),
    "Cilium 1.13": ({"tunnel": "disabled"}, Option.USER_DEFINED_ROUTES),
    "Azure CNI powered by Cilium": (DELEGATED, Option.AZURE_CNI),
    "Azure IPAM": (NATIVE | {"ipam": "azure"}, Option.AZURE_CNI),
    "an unknown mode": (UNKNOWN, Option.UNKNOWN),
}


@pytest.mark.parametrize(("data", "option"), OPTIONS.values(), ids=OPTIONS)
def test_the_option_in_force_is_named_first_and_for_information_in_mode_observe(
    data: Mapping[str, str], option: Option
) -> None:
    config = parse(data)
    assert option_of(config) is option
    first = findings_for("observe", config, POD_CIDRS)[0]
    assert (first.severity, first.code, first.resource) == (Severity.INFO, "option", "kube-system/cilium-config")
    assert first.message.startswith(f"Option {option.value}: ")


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (
            NATIVE,
            (
                "Option userDefinedRoutes: native routing without WireGuard, and the nodes announce nothing over BGP; Azure has to be "
                "told where pod CIDRs are, by user-defined routes (mode udr). Found: routing native, native routing CIDR 100.64.0.0/10, "
                "encryption none, IPAM cluster-pool (100.64.0.0/10, /24 per node), BGP control plane off, masquerading by eBPF."
            ),
        ),
        (
            TUNNEL | {"enable-wireguard": "true"},
            (
                "Option tunnel: an overlay; packets between nodes travel in a tunnel with the nodes' addresses, so Azure needs no "
                "routes; WireGuard encapsulates them a second time. Found: routing tunnel over geneve, native routing CIDR none, "
                "encryption WireGuard for pods, IPAM cluster-pool, BGP control plane off, masquerading by iptables."
            ),
        ),
        (
            DELEGATED,
            (
                "Option azureCni: Azure CNI powered by Cilium; Azure assigns the pods' addresses and routes them natively already, so "
                "there is nothing to do. Found: routing native, native routing CIDR none, encryption none, IPAM delegated-plugin, BGP "
                "control plane off, masquerading off."
            ),
        ),
    ],
    ids=["native", "tunnel", "Azure CNI"],
)
def test_the_option_is_told_with_the_reason_and_what_was_found(data: Mapping[str, str], message: str) -> None:
    assert findings_for("observe", parse(data), POD_CIDRS)[0].message == message


# What contradicts itself

NOTHING: list[tuple[str, str]] = []
DOUBTS: dict[str, tuple[Mapping[str, str], list[tuple[str, str]]]] = {
    "as it should be": (NATIVE, NOTHING),
    "BGP as it should be": (BGP, NOTHING),
    "WireGuard as it should be": (WIREGUARD, NOTHING),
    "a tunnel has no native range": (TUNNEL, NOTHING),
    "Azure CNI does all of it its own way": (DELEGATED | {"auto-direct-node-routes": "true"}, NOTHING),
    "no native range": (NATIVE | {"ipv4-native-routing-cidr": ""}, [("warning", "nativeCidrMissing")]),
    "no native range, and the agent's own": (
        NATIVE | {"ipv4-native-routing-cidr": "", "enable-ip-masq-agent": "true"},
        NOTHING,
    ),
    "a native range beside the pods": (
        NATIVE | {"ipv4-native-routing-cidr": "10.0.0.0/8"},
        [("warning", "nativeCidrTooNarrow")],
    ),
    "a native range for some pods": (
        NATIVE | {"ipv4-native-routing-cidr": "100.64.0.0/12"},
        [("warning", "nativeCidrTooNarrow")],
    ),
    "a native range for more than pods": (
        NATIVE | {"ipv4-native-routing-cidr": "100.0.0.0/8"},
        [("info", "nativeCidrTooWide")],
    ),
    "a native range for the other family": (
        NATIVE | {"ipv4-native-routing-cidr": "fd00::/8"},
        NOTHING,
    ),
    "no masquerading": (
        NATIVE | {"enable-ipv4-masquerade": "false", "ipv4-native-routing-cidr": ""},
        [("warning", "masqueradeOff")],
    ),
    "a pool outside": (
        NATIVE | {"cluster-pool-ipv4-cidr": "100.64.0.0/11 10.0.0.0/16"},
        [("warning", "poolOutsidePodCidrs")],
    ),
    "a pool left behind by another IPAM": (
        NATIVE | {"cluster-pool-ipv4-cidr": "10.0.0.0/8", "ipam": "kubernetes"},
        NOTHING,
    ),
    "neighbours": (NATIVE | {"auto-direct-node-routes": "true"}, [("warning", "directNodeRoutes")]),
    "IPsec": (NATIVE | {"enable-ipsec": "true"}, [("warning", "ipsec")]),
    "WireGuard for pods only": (PODS_ONLY, [("warning", "nodeTrafficOutsideWireGuard")]),
    "BGP beside a tunnel": (TUNNEL | {"enable-bgp-control-plane": "true"}, [("info", "bgpBesideTunnel")]),
    "BGP beside WireGuard": (WIREGUARD | BGP, [("info", "bgpBesideTunnel")]),
    "not understood": (UNKNOWN, [("warning", "ciliumValueUnreadable")]),
    "several at once": (
        NATIVE | {"enable-ipsec": "true", "auto-direct-node-routes": "true", "ipv4-native-routing-cidr": ""},
        [("warning", "nativeCidrMissing"), ("warning", "directNodeRoutes"), ("warning", "ipsec")],
    ),
}


@pytest.mark.parametrize(("data", "expected"), DOUBTS.values(), ids=DOUBTS)
def test_what_contradicts_itself_is_told_in_mode_observe(
    data: Mapping[str, str], expected: list[tuple[str, str]]
) -> None:
    assert brief(findings_for("observe", parse(data), POD_CIDRS)[1:]) == expected


def test_a_finding_names_the_numbers_and_the_way_out() -> None:
    config = parse(NATIVE | {"ipv4-native-routing-cidr": "100.64.0.0/12"})
    (found,) = findings_for("udr", config, POD_CIDRS)
    assert found.message == (
        "The native routing CIDR 100.64.0.0/12 does not cover the pod CIDRs 100.64.0.0/10: packets to pods there are masqueraded "
        "to the node's address. Set ipv4NativeRoutingCIDR to a range that covers all pod CIDRs."
    )


@pytest.mark.parametrize(("pool", "outside"), [("fd00:1::/104", False), ("fd00:2::/104", True)])
def test_a_pool_is_compared_with_the_pod_cidrs_of_its_own_family(pool: str, *, outside: bool) -> None:
    config = parse(NATIVE | {"cluster-pool-ipv6-cidr": pool})
    found = findings_for("udr", config, (*POD_CIDRS, *networks("fd00:1::/64")))
    assert brief(found) == ([(WARNS, "poolOutsidePodCidrs")] if outside else NOTHING)


def test_two_halves_of_a_range_cover_it() -> None:
    halves = networks("100.64.0.0/11", "100.96.0.0/11", "fd00::/64")
    assert brief(findings_for("udr", parse(NATIVE), halves)) == NOTHING


def test_nothing_is_compared_with_pod_cidrs_that_are_not_known() -> None:
    config = parse(NATIVE | {"ipv4-native-routing-cidr": "10.0.0.0/8", "cluster-pool-ipv4-cidr": "10.0.0.0/16"})
    assert brief(findings_for("observe", config, ())) == [("info", "option")]


# What contradicts the mode

WARNS, TELLS = "warning", "info"
CONTRADICTIONS: list[tuple[Mapping[str, str], list[tuple[str, str]], list[tuple[str, str]]]] = [
    # configuration, in mode udr, in the modes with BGP
    (NATIVE, NOTHING, [(WARNS, "bgpControlPlaneOff")]),
    (BGP, [(TELLS, "bgpNotNeeded")], NOTHING),
    (TUNNEL, [(WARNS, "tunnelRouting")], [(WARNS, "tunnelRouting")]),
    ({}, [(WARNS, "tunnelRouting")], [(WARNS, "tunnelRouting")]),
    (
        WIREGUARD,
        [(WARNS, "wireguardNeedsNoRoutes")],
        [(WARNS, "wireguardNeedsNoRoutes"), (WARNS, "bgpControlPlaneOff")],
    ),
    (
        PODS_ONLY,
        [(TELLS, "wireguardNeedsNoRoutes")],
        [(TELLS, "wireguardNeedsNoRoutes"), (WARNS, "bgpControlPlaneOff")],
    ),
    (DELEGATED, [(WARNS, "azureCniNeedsNoRoutes")], [(WARNS, "azureCniNeedsNoRoutes")]),
    (
        UNKNOWN,
        [(WARNS, "optionUnknown"), (WARNS, "ciliumValueUnreadable")],
        [(WARNS, "optionUnknown"), (WARNS, "ciliumValueUnreadable")],
    ),
    (
        BGP | {"ipam": "eni"},
        [(TELLS, "bgpNotNeeded"), (WARNS, "ipamWithoutPodCidrs")],
        [(WARNS, "ipamWithoutPodCidrs")],
    ),
    (
        BGP | {"auto-direct-node-routes": "true"},
        [(TELLS, "bgpNotNeeded"), (WARNS, "directNodeRoutes")],
        [(WARNS, "directNodeRoutes")],
    ),
]


@pytest.mark.parametrize(("data", "udr", "bgp"), CONTRADICTIONS)
def test_what_contradicts_the_mode_is_told_before_what_contradicts_itself(
    data: Mapping[str, str], udr: list[tuple[str, str]], bgp: list[tuple[str, str]]
) -> None:
    config = parse(data)
    assert brief(findings_for("udr", config, POD_CIDRS)) == udr
    assert brief(findings_for("routeServer", config, POD_CIDRS)) == bgp
    assert brief(findings_for("virtualWan", config, POD_CIDRS)) == bgp


@pytest.mark.parametrize(
    ("ipam", "source", "expected"),
    [
        ("cluster-pool", "node", [(WARNS, "podCidrSourceMismatch")]),
        ("multi-pool", "node", [(WARNS, "podCidrSourceMismatch")]),
        ("kubernetes", "node", NOTHING),
        ("cluster-pool", "auto", NOTHING),
        ("cluster-pool", "ciliumNode", NOTHING),
        ("kubernetes", "ciliumNode", NOTHING),
    ],
)
def test_whose_pod_cidrs_are_read_has_to_fit_who_assigns_them(
    ipam: str, source: PodCidrSource, expected: list[tuple[str, str]]
) -> None:
    config = parse(NATIVE | {"ipam": ipam})
    assert brief(findings_for("udr", config, POD_CIDRS, pod_cidr_source=source)) == expected


def test_the_words_for_modes_and_sources_are_those_of_the_settings() -> None:
    assert set(get_args(PodCidrSource)) == set(get_args(clusters.PodCidrSource))
    modes: list[type[BaseModel]] = [
        clusters.UdrRouting,
        clusters.RouteServerRouting,
        clusters.VirtualWanRouting,
        clusters.ObserveRouting,
    ]
    assert list(get_args(Mode)) == [get_args(mode.model_fields["mode"].annotation)[0] for mode in modes]


KEYS = [
    *FLAGS,
    "routing-mode",
    "tunnel",
    "tunnel-protocol",
    "ipam",
    "ipv4-native-routing-cidr",
    "cluster-pool-ipv4-cidr",
]
VALUES: Any = st.sampled_from(["true", "false", "native", "tunnel", "vxlan", "disabled", "cluster-pool", "10.0.0.0/8"])


@given(st.dictionaries(st.sampled_from(KEYS), VALUES | st.text()), st.sampled_from(get_args(Mode)))
def test_whatever_is_written_there_findings_have_a_code_a_sentence_and_a_place(
    data: dict[str, str], mode: Mode
) -> None:
    found = findings_for(mode, parse(data), POD_CIDRS)
    assert len({finding.code for finding in found}) == len(found)
    assert all(finding.message.endswith(".") for finding in found)
    assert {finding.resource for finding in found} <= {"kube-system/cilium-config"}
