"""Situations of the cluster itself, of Cilium and of the pod CIDRs, in mode udr."""

from sandbox.cluster import GROUP, NETWORK_ID
from sandbox.resource_manager.virtual_network_peering import Peering
from shared.doctor.check import Verdict
from tests.wire.doctor_case import Case
from tests.wire.doctor_stage import Ward

OTHER_ID = f"{GROUP}/providers/Microsoft.ContainerService/managedClusters/other"
OTHER_NETWORK = f"{GROUP}/providers/Microsoft.Network/virtualNetworks/vnet-other"
CILIUM = (
    "ciliumRouting",
    "ciliumNativeCidr",
    "ciliumMasquerading",
    "ciliumIpam",
    "ciliumEncryption",
    "ciliumBgp",
    "ciliumConfig",
)
PROBLEM, WARNING, UNKNOWN = Verdict.PROBLEM, Verdict.WARNING, Verdict.UNKNOWN


def another_cluster(ward: Ward, network: str, pod_cidr: str = "100.64.0.0/16") -> None:
    ward.arm.add_virtual_network(OTHER_NETWORK, {"nodes": None}, prefixes=["10.20.0.0/16"])
    subnet = "snet-apps" if network == NETWORK_ID else "nodes"
    ward.arm.add_cluster(
        OTHER_ID,
        node_resource_group="MC_other",
        pools={"apps": f"{network}/subnets/{subnet}"},
        pod_cidrs=[pod_cidr],
        kube_server=ward.stage.cloud.kubernetes_url,
        kube_ca_pem=ward.stage.cloud.authority.ca_pem,
    )
    ward.configured = [{}, {"name": "other", "aksClusterId": OTHER_ID}]


def outside_pool(ward: Ward) -> None:
    ward.recreate(pod_cidrs=["100.64.0.0/11"])
    ward.configured = [{"podCidrs": ["100.64.0.0/10"]}]


CLUSTER_CASES = (
    Case(
        "the cluster is stopped",
        lambda ward: ward.recreate(power_state="Stopped"),
        {"clusterState": PROBLEM},
        ("is stopped", "-> start it, its routes stay as they are until then"),
    ),
    Case(
        "another network plugin",
        lambda ward: ward.recreate(network_plugin="kubenet"),
        {"networkPlugin": PROBLEM},
        ("has the network plugin kubenet, not none", "-> take it out of AKS_POD_ROUTES_CLUSTERS"),
    ),
    Case(
        "the nodes are hidden",
        lambda ward: ward.kubernetes.forbid("list", resource="nodes"),
        {"nodesReadable": UNKNOWN},
        ("may not read the nodes", "-> grant the app's identity get, list and watch on nodes"),
    ),
    Case(
        "Cilium tunnels",
        lambda ward: ward.cilium(routing_mode="tunnel"),
        {"ciliumRouting": WARNING},
        ("Cilium tunnels between nodes in vxlan", "-> Set routingMode=native", "not needed: with option tunnel"),
    ),
    Case(
        "no native routing CIDR",
        lambda ward: ward.cilium(ipv4_native_routing_cidr=None),
        {"ciliumNativeCidr": PROBLEM},
        ("Native routing without a native routing CIDR", "-> Set ipv4NativeRoutingCIDR"),
    ),
    Case(
        "no masquerading",
        lambda ward: ward.cilium(enable_ipv4_masquerade="false"),
        {"ciliumMasquerading": WARNING},
        ("Masquerading is off", "-> Set enableIPv4Masquerade=true"),
    ),
    Case(
        "another pool",
        lambda ward: ward.cilium(cluster_pool_ipv4_cidr="10.200.0.0/16"),
        {"ciliumIpam": WARNING},
        ("cluster pool 10.200.0.0/16 is not within the pod CIDRs 100.64.0.0/10", "-> Set podCidrs to the cluster pool"),
    ),
    Case(
        "WireGuard carries everything",
        lambda ward: ward.cilium(enable_wireguard="true", encrypt_node="true"),
        {"ciliumEncryption": WARNING},
        ("WireGuard carries everything between nodes", "-> Where nobody does, set the mode to observe"),
    ),
    Case(
        "an entry nobody understands",
        lambda ward: ward.cilium(enable_bpf_masquerade="maybe"),
        {"ciliumConfig": WARNING},
        ("enable-bpf-masquerade: maybe", "-> Check it against Cilium's documentation"),
    ),
    Case(
        "Cilium's configuration is hidden",
        lambda ward: ward.kubernetes.forbid("get", resource="configmaps"),
        dict.fromkeys(CILIUM, UNKNOWN),
        ("may not read configmap kube-system/cilium-config", "-> grant the app's identity get on configmap"),
    ),
    Case(
        "pod CIDRs that the control plane does not know",
        outside_pool,
        {"podCidrs": WARNING},
        ("podCidrs has 100.64.0.0/10, which is outside of the cluster's own pod CIDRs (100.64.0.0/11)", "(--pod-cidr)"),
    ),
    Case(
        "no pod CIDRs at all",
        lambda ward: ward.recreate(pod_cidrs=[]),
        {"podCidrs": PROBLEM},
        ("AKS reports no pod CIDRs", "-> set podCidrs to Cilium's cluster pool"),
    ),
    Case(
        "a peered network with the pods' addresses",
        lambda ward: ward.network(peerings=[Peering(OTHER_NETWORK, ["100.80.0.0/16"])]),
        {"podCidrsNetworks": WARNING},
        ("100.64.0.0/10 overlaps 100.80.0.0/16", "-> give Cilium a range outside of these networks"),
    ),
    Case(
        "services with the pods' addresses",
        lambda ward: ward.recreate(service_cidr="100.100.0.0/16"),
        {"podCidrsServices": PROBLEM},
        ("overlaps the service CIDR 100.100.0.0/16", "the service CIDR of a cluster cannot be changed"),
    ),
    Case(
        "another cluster with these pod CIDRs",
        lambda ward: another_cluster(ward, OTHER_NETWORK),
        {"podCidrsClusters": WARNING},
        ("100.64.0.0/10 overlaps 100.64.0.0/16 of other: their networks can never be connected", "its own range"),
    ),
    Case(
        "another cluster with these pod CIDRs in the same network",
        lambda ward: another_cluster(ward, NETWORK_ID),
        {"podCidrsClusters": PROBLEM},
        ("and their networks meet: one of the two loses its traffic",),
    ),
)
