"""Reads all nodes of a cluster from its API server, in full or not at all.

How the connection is made is told in `api_server`, what failures mean in `failures`, how Nodes and CiliumNodes become one
reading in `objects`, who of them may peer in `candidates`, how the lists are kept up to date in `following`.
"""

import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Generic, Self, TypeVar, assert_never

import msgspec

from shared import shapes
from shared.errors import SourceError
from shared.label_selector import LabelSelector
from shared.models import Reading
from shared.sources.api_server import ApiServer
from shared.sources.candidates import LabelledNode, LabelledNodeList, candidate_essence
from shared.sources.cilium_config import Unreadable, read_cilium_config
from shared.sources.failures import AnswerError, refusal
from shared.sources.following import Following
from shared.sources.objects import (
    CiliumNodeList,
    CiliumNodeObject,
    Listing,
    NodeList,
    NodeObject,
    ObjectList,
    PodCidrSource,
    cilium_node_essence,
    merge,
    node_essence,
)
from shared.sources.watching import Followed

PAGE_SIZE = 500
"""Objects per page, what kubectl asks for: about 3.7 MB of AKS nodes, zipped to 0.2 MB (facts: recorded sizes)."""

MAX_PAGES = 100
"""A list that does not end by then never will: ten times the 5,000 nodes a cluster can have."""

CILIUM_API = "/apis/cilium.io/v2"

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)


@dataclass(frozen=True, slots=True)
class _Resource(Generic[T_co]):
    """Something to list: how it is called, where it is, how a page is decoded; what reading it takes, what if it is absent."""

    plural: str
    path: str
    page: type[ObjectList[T_co]]
    permission: str
    absence: str


_NODES: _Resource[NodeObject] = _Resource(
    "nodes",
    "/api/v1/nodes",
    NodeList,
    "the app's identity get, list and watch on nodes, or with Azure RBAC the data action "
    "Microsoft.ContainerService/managedClusters/nodes/read (the built-in RBAC Reader role lacks it, Azure/AKS#3336)",
    "every API server has them; does the address lead to one?",
)
_LABELLED_NODES: _Resource[NodeObject] = replace(_NODES, page=LabelledNodeList)
_CILIUM_NODES: _Resource[CiliumNodeObject] = _Resource(
    "ciliumnodes.cilium.io",
    f"{CILIUM_API}/ciliumnodes",
    CiliumNodeList,
    "the app's identity get, list and watch on ciliumnodes.cilium.io, or with Azure RBAC the data action "
    "Microsoft.ContainerService/managedClusters/customresources/read; or set podCidrSource: node if the pod CIDRs of the "
    "Nodes are the ones that count",
    "the API server has no such resource: is Cilium installed? Without it, set podCidrSource: node",
)


class _ExpiredError(Exception):
    """The continue token is older than what the API server keeps (410)."""


class KubernetesSource:
    """The nodes of one cluster. Fits `reconcile.NodeSource`."""

    def __init__(
        self,
        api: ApiServer,
        *,
        pod_cidr_source: PodCidrSource = "auto",
        peer_selector: LabelSelector | None = None,
    ) -> None:
        """Only where a `peer_selector` is given are labels read, and `may_peer`, `zone` and `pod_limit` of a node told."""
        self._api = api
        self._pod_cidr_source = pod_cidr_source
        self._nodes = _LABELLED_NODES if peer_selector else _NODES
        self._node_type = LabelledNode if peer_selector else NodeObject
        self._essence = candidate_essence(peer_selector) if peer_selector else node_essence

    @classmethod
    def connect(
        cls,
        server: str,
        ca_pem: bytes,
        token: Callable[[], str],
        *,
        pod_cidr_source: PodCidrSource = "auto",
        peer_selector: LabelSelector | None = None,
    ) -> Self:
        """A source for a discovered cluster; see `ApiServer.connect`."""
        api = ApiServer.connect(server, ca_pem, token)
        return cls(api, pod_cidr_source=pod_cidr_source, peer_selector=peer_selector)

    @classmethod
    def from_kubeconfig(
        cls,
        path: str | Path,
        *,
        pod_cidr_source: PodCidrSource = "auto",
        peer_selector: LabelSelector | None = None,
    ) -> Self:
        """A source for the current context of a kubeconfig; see `ApiServer.from_kubeconfig` for what is refused."""
        return cls(ApiServer.from_kubeconfig(path), pod_cidr_source=pod_cidr_source, peer_selector=peer_selector)

    def read(self) -> Reading:
        """All nodes as they are now. Raises SourceError if any page of any list is missing, short or not understood."""
        with ThreadPoolExecutor(max_workers=1, thread_name_prefix="ciliumnodes") as beside:
            cilium_nodes = beside.submit(self._cilium_nodes)
            nodes = self._list(self._nodes)
        cilium = cilium_nodes.result()
        items = map(self._essence, nodes.items) if self._nodes is _LABELLED_NODES else nodes.items
        return merge(items, None if cilium is None else cilium.items, self._pod_cidr_source)

    def follow(self, *, clock: Callable[[], float] = time.monotonic) -> Following:
        """The same nodes for as long as somebody stays with them: listed once, then watched. See `Following`."""
        nodes = Followed(_NODES.path, "Node", self._node_type, self._essence, lambda: self._list(self._nodes))
        cilium_nodes = Followed(
            _CILIUM_NODES.path, "CiliumNode", CiliumNodeObject, cilium_node_essence, self._cilium_nodes
        )
        return Following(self._api, nodes, cilium_nodes, self._pod_cidr_source, clock=clock)

    def cilium_config(self) -> Mapping[str, str] | Unreadable:
        """What the ConfigMap of Cilium says, or why it could not be read. Raises nothing; see `cilium_config`."""
        return read_cilium_config(self._api)

    def _cilium_nodes(self) -> Listing[CiliumNodeObject] | None:
        """None where the pod CIDRs of the Nodes are to be taken."""
        match self._pod_cidr_source:
            case "node":
                return None
            case "ciliumNode":
                return self._list(_CILIUM_NODES)
            case "auto":
                try:
                    return self._list(_CILIUM_NODES)
                except AnswerError as error:
                    if self._says_absent(error.status):
                        return None
                    raise
            case _ as never:
                assert_never(never)

    def _says_absent(self, status: int) -> bool:
        """Whether the API server knows no CiliumNodes, as opposed to hiding them.

        Authorization comes before the look-up, so that a reader without rights on the group gets 403 for a resource
        that does not exist (facts: recorded). The list of the group's resources is readable by every authenticated
        user (cluster role system:discovery) and answers 404 where the group is not there.
        """
        return status == 404 or (status == 403 and self._api.get(CILIUM_API).status == 404)

    def _list(self, resource: _Resource[T]) -> Listing[T]:
        """The whole list, begun anew once when it expired on the way.

        The 410 carries a token to go on with, which would mix two points in time: a node could be in neither part
        (https://kubernetes.io/docs/reference/using-api/api-concepts/#retrieving-large-results-sets-in-chunks).
        """
        try:
            return self._listing(resource)
        except _ExpiredError:
            pass
        try:
            return self._listing(resource)
        except _ExpiredError:
            raise SourceError(
                f"cannot list {resource.plural}: the list expired twice while it was read (410); the next pass tries again"
            ) from None

    def _listing(self, resource: _Resource[T]) -> Listing[T]:
        pages = tuple(self._pages(resource))
        # Every page shows the state of the first one's resourceVersion; that is what a continue token is for.
        return Listing(pages[0].metadata.revision, tuple(item for page in pages for item in page.items))

    def _pages(self, resource: _Resource[T]) -> Iterator[ObjectList[T]]:
        token = ""
        for number in range(1, MAX_PAGES + 1):
            page = self._page(resource, number, token)
            if token and not page.items:  # a continue token is only given where more is to come
                raise SourceError(
                    f"cannot list {resource.plural}: page {number} is empty although the one before announced more; a part "
                    "of the list is no reading of it"
                )
            yield page
            token = page.metadata.next_page
            if not token:
                return
        raise SourceError(f"cannot list {resource.plural}: no end after {MAX_PAGES} pages of {PAGE_SIZE}")

    def _page(self, resource: _Resource[T], number: int, token: str) -> ObjectList[T]:
        query: dict[str, str | int] = {"limit": PAGE_SIZE}
        if token:
            query["continue"] = token
        answer = self._api.get(resource.path, query)
        if answer.status == 410 and token:
            raise _ExpiredError
        if answer.status != 200:
            sentence = refusal(
                f"{resource.plural} (page {number})" if token else resource.plural,
                answer.status,
                answer.body,
                permission=resource.permission,
                absence=resource.absence,
            )
            # Past the first page no status says anything about whether the resource exists.
            raise SourceError(sentence) if token else AnswerError(sentence, status=answer.status)
        try:
            return shapes.decode(answer.body, resource.page)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise SourceError(
                f"cannot list {resource.plural}: page {number} ({len(answer.body)} bytes) is not what an API server "
                f"sends: {error}; nothing is changed on half a list"
            ) from None
