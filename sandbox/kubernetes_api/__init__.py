"""A Kubernetes API server with Nodes, CiliumNodes and ConfigMaps that behaves like a real one. Development and tests only.

    tokens = Tokens()
    api = KubernetesApi(tokens, admin_token="kubectl")
    url = servers.serve(api.app(), tls=authority.server_context())
    api.put(aks_node(scale_set_node_name("np1", 0), "np1", ["10.0.0.4"]))

Rooms: `api` is the door and holds the switches; `serving` takes a request through; `store` is the state; `lists` and
`watches` decide what is sent, `rendering` and `tables` how it looks, `replies` how it goes over the wire; `statuses`
are the refusals; `aks_node` and `cilium_node` build objects.
"""

from sandbox.kubernetes_api.aks_node import aks_node, scale_set_node_name
from sandbox.kubernetes_api.api import KubernetesApi
from sandbox.kubernetes_api.cilium_node import cilium_node
from sandbox.kubernetes_api.kubeconfig import kubeconfig
from sandbox.kubernetes_api.statuses import status

__all__ = ["KubernetesApi", "aks_node", "cilium_node", "kubeconfig", "scale_set_node_name", "status"]
