"""What keys of one cluster, and clusters beside each other, must hold together.

Works on the document as written, not on finished Clusters, so that a typo in one key hides no problem of the others. A
value that is wrong in itself is left out here: it is reported where its key is checked.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

from shared.config.clusters import MAX_PEERS, Settle
from shared.config.fields import parse_network
from shared.config.wording import number
from shared.models import Network

_BGP = ("routeServer", "virtualWan")


@dataclass(frozen=True, slots=True)
class Sketch:
    """As much of one cluster as can be told while other keys of it may be wrong."""

    label: str
    """`clusters[1] (prod-weu)`, as every problem begins."""
    keys: Mapping[str, object]
    routing: Mapping[str, object]
    pod_cidrs: tuple[tuple[int, Network], ...]
    """With their positions in the array."""

    @property
    def mode(self) -> object:
        """`routing.mode`, whatever it is."""
        return self.routing.get("mode")

    def text(self, key: str) -> str:
        """The text under a key of the cluster, or ""."""
        return _text(self.keys.get(key))

    @property
    def route_tables(self) -> tuple[str, ...]:
        """The explicitly named tables; those of another mode count for nothing."""
        return _texts(self.routing.get("routeTables")) if self.mode == "udr" else ()

    @property
    def hub(self) -> str:
        """The hub whose peers are kept, or ""."""
        return _text(self.routing.get("virtualHubId")) if self.mode in _BGP else ""


def sketch(label: str, cluster: object) -> Sketch:
    """What can be told of a cluster as written; of something else than an object, nothing."""
    keys = _object(cluster)
    return Sketch(label, keys, _object(keys.get("routing")), tuple(_networks(keys.get("podCidrs"))))


def problems_within(cluster: Sketch) -> Iterator[str]:
    """Keys of one cluster that do not go together."""
    for problem in (*_sources(cluster), *_ranges(cluster), *_peers(cluster), *_repeated(cluster), *_settle(cluster)):
        yield f"{cluster.label}{problem}"


def problems_between(clusters: Sequence[Sketch]) -> Iterator[str]:
    """Names used twice, and ranges that two clusters would fight over."""
    for first, second in combinations(clusters, 2):
        name = second.text("name")
        if name and name.lower() == first.text("name").lower():
            yield (
                f"{second.label}.name: is also the name of {first.label}, and it is the owner id inside route names; "
                "give each cluster its own (case does not count)"
            )
        if "observe" not in {first.mode, second.mode}:  # it writes nothing, so it fights with nobody
            yield from _fights(first, second)


def _sources(cluster: Sketch) -> Iterator[str]:
    """Without `aksClusterId` nothing can be discovered."""
    if cluster.keys.get("aksClusterId") is not None:
        return
    if cluster.keys.get("kubeconfig") is None:
        yield ".aksClusterId: is missing; add the resource id of the AKS cluster (only a kubeconfig makes it optional)"
        return
    if not cluster.keys.get("podCidrs"):
        yield ".podCidrs: is missing; with a kubeconfig and no aksClusterId the pod ranges cannot be discovered"
    if cluster.mode == "udr" and not cluster.routing.get("routeTables"):
        yield ".routing.routeTables: is missing; with a kubeconfig and no aksClusterId the tables cannot be discovered"


def _ranges(cluster: Sketch) -> Iterator[str]:
    if cluster.keys.get("podCidrs") == []:
        yield ".podCidrs: is empty, so nothing could ever be ours; leave the key out to take the AKS cluster's own"
    for (_, first), (at, second) in combinations(cluster.pod_cidrs, 2):
        if first.overlaps(second):
            yield f".podCidrs[{at}]: {second} overlaps {first} of the same cluster; keep one of them"
    if cluster.mode in _BGP:
        for at, network in cluster.pod_cidrs:
            if network.version == 6:  # https://learn.microsoft.com/azure/route-server/route-server-faq
                yield f".podCidrs[{at}]: {network} is IPv6, which Azure's BGP peers do not carry; use mode udr for it"


def _peers(cluster: Sketch) -> Iterator[str]:
    if cluster.mode not in _BGP:
        return
    peers = cluster.routing.get("peers")
    if isinstance(peers, dict):
        given = [key for key in ("nodeSelector", "addresses") if peers.get(key) is not None]
        if len(given) != 1:
            found = "has both nodeSelector and addresses" if given else "has neither nodeSelector nor addresses"
            yield f".routing.peers: {found}; give exactly one"
        yield from _addresses(peers.get("addresses"), cluster.routing.get("maxPeers"))
    connection = _text(cluster.routing.get("hubConnectionId"))
    if cluster.mode == "virtualWan" and cluster.hub and connection.count("/") == 10:
        hub = connection.rsplit("/", 2)[0]
        if hub.lower() != cluster.hub.lower():
            yield ".routing.hubConnectionId: belongs to another hub than virtualHubId; take a connection of that hub"


def _addresses(addresses: object, max_peers: object) -> Iterator[str]:
    if not isinstance(addresses, list):
        return
    most = max_peers if type(max_peers) is int and 1 <= max_peers <= MAX_PEERS else MAX_PEERS
    if not addresses:
        yield ".routing.peers.addresses: is empty; add the address of at least one peer"
    if len(addresses) > most:
        yield f".routing.peers.addresses: {len(addresses)} peers are over maxPeers {most}; take some out"
    yield from _twice(".routing.peers.addresses", _texts(addresses))


def _repeated(cluster: Sketch) -> Iterator[str]:
    yield from _twice(".routing.routeTables", cluster.route_tables)


def _twice(path: str, texts: Sequence[str]) -> Iterator[str]:
    lowered = [text.lower() for text in texts]
    for at, text in enumerate(lowered):
        if text in lowered[:at]:
            yield f"{path}[{at}]: is given twice; keep one"


def _settle(cluster: Sketch) -> Iterator[str]:
    settle = _object(cluster.keys.get("settle"))
    quiet, most = settle.get("quietSeconds"), settle.get("maxSeconds")
    most = Settle().max_seconds if most is None else most
    if type(quiet) is int and type(most) is int and quiet > most:  # not bool, which Python counts among the numbers
        yield f".settle.quietSeconds: {number(quiet)} is over maxSeconds {number(most)}, so it would never be reached; lower it"


def _fights(first: Sketch, second: Sketch) -> Iterator[str]:
    """Overlapping ranges where both clusters write to the same place, as far as the document shows it."""
    if _same(first.text("aksClusterId"), second.text("aksClusterId")):
        if not first.keys.get("podCidrs") or not second.keys.get("podCidrs"):
            yield (
                f"{second.label}.aksClusterId: is also that of {first.label}, and one of them takes all pod ranges of "
                "the cluster; configure it once, or give both their own podCidrs"
            )
        place = "are the same AKS cluster"
    elif tables := {table.lower() for table in first.route_tables} & {table.lower() for table in second.route_tables}:
        place = f"write to route table {min(tables).rpartition('/')[2]}"
    elif _same(first.hub, second.hub):
        place = "peer with the same hub"
    else:
        return
    for _, theirs in first.pod_cidrs:
        for at, ours in second.pod_cidrs:
            if theirs.overlaps(ours):
                yield (
                    f"{second.label}.podCidrs[{at}]: {ours} overlaps {theirs} of {first.label}, and both {place}; "
                    "give each its own range"
                )


def _same(first: str, second: str) -> bool:
    return bool(first) and first.lower() == second.lower()


def _object(value: object) -> Mapping[str, object]:
    return value if isinstance(value, dict) else {}


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _texts(value: object) -> tuple[str, ...]:
    return tuple(each for each in value if isinstance(each, str)) if isinstance(value, list) else ()


def _networks(value: object) -> Iterator[tuple[int, Network]]:
    for at, each in enumerate(value if isinstance(value, list) else ()):
        try:
            yield at, parse_network(each)
        except ValueError:
            continue
