"""One cluster as it is configured: what each key may hold on its own. The same frozen values serve the rest of the app."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StrictBool, StrictFloat, StrictInt, model_validator
from pydantic.alias_generators import to_camel

from shared.config.fields import (
    AksClusterId,
    Asn,
    HubConnectionId,
    Kubeconfig,
    Name,
    NodeSelector,
    PeerAddress,
    PodCidr,
    RouteTableId,
    VirtualHubId,
)
from shared.models import Network, Policy, Rules

MAX_PEERS = 8
"""BGP peers of one Route Server. Source: https://learn.microsoft.com/azure/route-server/route-server-faq"""

ROUTES_PER_TABLE = 1000
"""Azure's limit for one table since May 2026. It has moved twice in that year, so a larger number is taken.
Source: https://azure.microsoft.com/updates?id=562695"""

MAX_SETTLE_SECONDS = 540
"""A function is ended after 10 minutes (`functionTimeout` in host.json); the last pass needs the rest."""


PodCidrSource = Literal["auto", "ciliumNode", "node"]
"""Where the pod CIDRs of the nodes are read."""


class _Keys(BaseModel):
    """An object of the document: camelCase keys, no others, and null means absent."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", alias_generator=to_camel, validate_by_name=True, validate_by_alias=True
    )

    @model_validator(mode="before")
    @classmethod
    def _null_is_absent(cls, value: Any) -> Any:  # whatever the document holds
        return {key: each for key, each in value.items() if each is not None} if isinstance(value, Mapping) else value


class Peers(_Keys):
    """Who peers with the hub: the nodes with a label, or machines with fixed addresses. Exactly one of the two."""

    model_config = ConfigDict(json_schema_extra={"minProperties": 1, "maxProperties": 1})

    node_selector: Annotated[
        NodeSelector | None,
        Field(
            description="Nodes with these labels peer with the hub (Kubernetes label selector).",
            examples=["aks-pod-routes/bgp-peer=true"],
        ),
    ] = None
    addresses: Annotated[
        tuple[PeerAddress, ...] | None,
        Field(
            description="IPv4 addresses of the peers, for example of route reflectors.",
            examples=[["10.10.17.4", "10.10.17.5"]],
            json_schema_extra={"uniqueItems": True, "minItems": 1, "maxItems": MAX_PEERS},
        ),
    ] = None


class UdrRouting(_Keys):
    """User-defined routes: one route per pod CIDR in every route table of the nodes' subnets."""

    mode: Annotated[Literal["udr"], Field(description="Routes in route tables.")]
    route_tables: Annotated[
        tuple[RouteTableId, ...],
        Field(
            description="Route tables to keep. Empty or absent: the tables of the agent pools' subnets.",
            json_schema_extra={"uniqueItems": True},
        ),
    ] = ()


class _BgpRouting(_Keys):
    virtual_hub_id: Annotated[VirtualHubId, Field(description="Resource id of the Route Server or virtual hub.")]
    peer_asn: Annotated[
        Asn, Field(description="AS number of the peers: 16 bits, none of Azure's own.", examples=[65001])
    ]
    peers: Annotated[Peers, Field(description="Who peers with the hub: nodeSelector or addresses.")]
    max_peers: Annotated[
        StrictInt, Field(ge=1, le=MAX_PEERS, description="Never more peers than this; Azure allows 8 per hub.")
    ] = MAX_PEERS


class RouteServerRouting(_BgpRouting):
    """BGP peers of an Azure Route Server."""

    mode: Annotated[Literal["routeServer"], Field(description="BGP peers of an Azure Route Server.")]


class VirtualWanRouting(_BgpRouting):
    """BGP peers of a Virtual WAN hub."""

    mode: Annotated[Literal["virtualWan"], Field(description="BGP peers of a Virtual WAN hub.")]
    hub_connection_id: Annotated[
        HubConnectionId, Field(description="Resource id of the hub's connection to the virtual network of the peers.")
    ]


class ObserveRouting(_Keys):
    """Nothing is written to Azure."""

    mode: Annotated[Literal["observe"], Field(description="Read and report; write nothing.")]


Routing = Annotated[UdrRouting | RouteServerRouting | VirtualWanRouting | ObserveRouting, Field(discriminator="mode")]


class Limits(_Keys):
    """The rails."""

    max_delete_fraction: Annotated[
        StrictFloat,
        Field(
            ge=0,
            le=1,
            allow_inf_nan=False,
            description="Hold deletes back when they are more than this share of our routes.",
        ),
    ] = 0.3
    free_deletes: Annotated[StrictInt, Field(ge=0, description="So many deletes in one pass are never held back.")] = 2
    routes_per_table: Annotated[
        StrictInt, Field(ge=1, description="Routes a table may hold, foreign ones included.")
    ] = ROUTES_PER_TABLE
    second_witness: Annotated[
        StrictBool,
        Field(description="Let held deletes go when Azure itself shows that those machines are gone."),
    ] = True


class Settle(_Keys):
    """How long a wake-up stays with its cluster."""

    max_seconds: Annotated[
        StrictInt, Field(ge=1, le=MAX_SETTLE_SECONDS, description="Stop at the latest after this many seconds.")
    ] = 180
    quiet_seconds: Annotated[
        StrictInt, Field(ge=0, description="Stop when no node waits and nothing has changed for this many seconds.")
    ] = 20


class Cluster(_Keys):
    """One AKS cluster and how its pods are to be reached."""

    model_config = ConfigDict(
        json_schema_extra={"anyOf": [{"required": ["aksClusterId"]}, {"required": ["kubeconfig"]}]}
    )

    name: Annotated[
        Name,
        Field(description="Unique name; the owner id inside route and peer names, so keep it.", examples=["prod-weu"]),
    ]
    aks_cluster_id: Annotated[
        AksClusterId | None,
        Field(
            description="Resource id of the AKS cluster; everything else is found from it. Optional beside kubeconfig."
        ),
    ] = None
    routing: Annotated[Routing, Field(description="How pod traffic finds its node.")]
    pod_cidrs: Annotated[
        tuple[PodCidr, ...],
        Field(
            description="What may ever be ours. Absent: the pod CIDRs of the AKS cluster.",
            examples=[["100.64.0.0/10"]],
            json_schema_extra={"uniqueItems": True, "minItems": 1},
        ),
    ] = ()
    pod_cidr_source: Annotated[
        PodCidrSource,
        Field(description="Where the nodes' pod CIDRs are read; auto: CiliumNodes where the API has them, else Nodes."),
    ] = "auto"
    policy: Annotated[
        Policy, Field(description="What a pass may do: everything; create and update; or create only.")
    ] = Policy.SYNC
    adopt: Annotated[
        StrictBool, Field(description="A foreign route with exactly the prefix of a node becomes ours.")
    ] = False
    limits: Annotated[
        Limits, Field(description="The rails: how much one pass may delete, how full a table may get.")
    ] = Limits()
    settle: Annotated[Settle, Field(description="How long a wake-up stays with the cluster.")] = Settle()
    kubeconfig: Annotated[
        Kubeconfig,
        Field(description="Read Kubernetes through this file instead of AKS discovery (local use, any API server)."),
    ] = None

    def rules(self, pod_cidrs: tuple[Network, ...]) -> Rules:
        """What the pure rooms need to know; `pod_cidrs` are its own or, where it has none, the discovered ones."""
        return Rules(
            owner=self.name,
            pod_cidrs=pod_cidrs,
            policy=self.policy,
            adopt=self.adopt,
            max_delete_fraction=self.limits.max_delete_fraction,
            free_deletes=self.limits.free_deletes,
            routes_per_table=self.limits.routes_per_table,
        )
