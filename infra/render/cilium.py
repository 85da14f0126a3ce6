"""Helm values for Cilium and the objects of its BGP control plane. Meant for Cilium 1.18 and newer (`cilium.io/v2`).

Source of the values: https://docs.cilium.io/en/stable/network/concepts/routing/#native-routing and
https://www.danielstechblog.io/an-experiment-enable-cilium-native-routing-on-azure-kubernetes-service-byocni-part-2/
"""

from ipaddress import IPv4Address
from typing import Any

from infra.render.frr import HUB_TIMERS, MULTIHOP, NODE_TIMERS
from infra.render.inputs import HUB_ASN, Bgp, Inputs
from infra.render.selector import selector_object

RESTART_SECONDS = 60
"""How long a reflector keeps the routes of a node whose agent restarts. Longer than an agent takes, shorter than a new machine
needs to get a freed pod CIDR: until then the old route could win over the new one."""

_LABEL = {"advertise": "pod-cidrs"}


def helm_values(inputs: Inputs) -> dict[str, Any]:
    """Native routing on AKS without a network plugin, and what the chosen way of routing needs besides."""
    values: dict[str, Any] = {
        "aksbyocni": {"enabled": False},  # true refuses native routing and sets nothing else
        "autoDirectNodeRoutes": False,  # Azure has no layer 2 between nodes
        "bgpControlPlane": {"enabled": inputs.bgp is not None},
        "bpf": {"hostLegacyRouting": False, "masquerade": True},
        "ipam": _ipam(inputs),
        "ipv4NativeRoutingCIDR": str(inputs.native_routing_cidr),
        "kubeProxyReplacement": True,  # eBPF masquerading needs it
        "routingMode": "native",
        "socketLB": {"hostNamespaceOnly": True},
    }
    if inputs.wireguard:
        values["encryption"] = {"enabled": True, "nodeEncryption": True, "type": "wireguard"}
    if inputs.multi_pool:  # https://docs.cilium.io/en/stable/network/concepts/ipam/multi-pool/#limitations
        values["endpointRoutes"] = {"enabled": True}
    return values


def bgp_objects(inputs: Inputs, bgp: Bgp) -> list[dict[str, Any]]:
    """CiliumBGPClusterConfig, CiliumBGPPeerConfig and CiliumBGPAdvertisement, in the order to read them.

    Through reflectors every node speaks iBGP to each of them; directly, the selected nodes speak eBGP to both instances of
    the hub. Source: https://docs.cilium.io/en/stable/network/bgp-control-plane/bgp-control-plane-configuration/
    """
    through = bool(bgp.reflectors)
    peer_config = "reflectors" if through else "hub"
    peers = _peers("reflector", bgp.reflectors, bgp.asn) if through else _peers("hub", bgp.hub_addresses, HUB_ASN)
    spec = {
        **({"nodeSelector": selector_object(bgp.node_selector)} if bgp.node_selector else {}),  # absent: all nodes
        "bgpInstances": [
            {
                "name": "pod-routes",
                "localASN": bgp.asn,
                "peers": [{**peer, "peerConfigRef": {"name": peer_config}} for peer in peers],
            }
        ],
    }
    return [
        _object("CiliumBGPClusterConfig", "pod-routes", spec),
        _object("CiliumBGPPeerConfig", peer_config, _peer_config(through=through)),
        _object("CiliumBGPAdvertisement", "pod-cidrs", {"advertisements": [_advertisement(inputs)]}, _LABEL),
    ]


def _ipam(inputs: Inputs) -> dict[str, Any]:
    ranges = [str(pods) for pods in inputs.pod_cidrs]
    if inputs.multi_pool:
        pool = {"ipv4": {"cidrs": ranges, "maskSize": inputs.node_mask_size}}
        return {"mode": "multi-pool", "operator": {"autoCreateCiliumPodIPPools": {"default": pool}}}
    operator = {"clusterPoolIPv4MaskSize": inputs.node_mask_size, "clusterPoolIPv4PodCIDRList": ranges}
    return {"mode": "cluster-pool", "operator": operator}


def _peers(kind: str, addresses: tuple[IPv4Address, ...], asn: int) -> list[dict[str, Any]]:
    return [
        {"name": f"{kind}-{at}", "peerASN": asn, "peerAddress": str(address)} for at, address in enumerate(addresses, 1)
    ]


def _peer_config(*, through: bool) -> dict[str, Any]:
    keepalive, hold = NODE_TIMERS if through else HUB_TIMERS
    return {
        "timers": {"connectRetryTimeSeconds": 5, "holdTimeSeconds": hold, "keepAliveTimeSeconds": keepalive},
        **({} if through else {"ebgpMultihop": MULTIHOP}),
        "gracefulRestart": {"enabled": True, "restartTimeSeconds": RESTART_SECONDS},
        "families": [{"afi": "ipv4", "safi": "unicast", "advertisements": {"matchLabels": _LABEL}}],
    }


def _advertisement(inputs: Inputs) -> dict[str, Any]:
    if not inputs.multi_pool:
        return {"advertisementType": "PodCIDR"}
    # Pools are selected by label; a value that no pool carries selects all of them.
    everything = {"key": "aks-pod-routes/advertise", "operator": "NotIn", "values": ["never"]}
    return {"advertisementType": "CiliumPodIPPool", "selector": {"matchExpressions": [everything]}}


def _object(kind: str, name: str, spec: dict[str, Any], labels: dict[str, str] | None = None) -> dict[str, Any]:
    metadata = {"name": name, **({"labels": labels} if labels else {})}
    return {"apiVersion": "cilium.io/v2", "kind": kind, "metadata": metadata, "spec": spec}
