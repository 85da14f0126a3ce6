"""All settings → Config. The caller brings the settings; the environment is not read here."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from pydantic import ValidationError

from shared.config import together
from shared.config.clusters import Cluster
from shared.config.document import SETTING as CLUSTERS
from shared.config.document import read_clusters
from shared.config.wording import problem
from shared.errors import ConfigError, UnknownClusterError

SCHEDULE = "AKS_POD_ROUTES_SCHEDULE"
ARM_ENDPOINT = "AKS_POD_ROUTES_ARM_ENDPOINT"
CLIENT_ID = "AZURE_CLIENT_ID"
HISTORY_DAYS = "AKS_POD_ROUTES_HISTORY_DAYS"
EVENTS_ENDPOINT = "AKS_POD_ROUTES_EVENTS_ENDPOINT"
STORAGE = "AzureWebJobsStorage"

DEFAULT_SCHEDULE = "0 */5 * * * *"
DEFAULT_ARM_ENDPOINT = "https://management.azure.com"
DEFAULT_HISTORY_DAYS = 30

_AZURITE = (
    "DefaultEndpointsProtocol=http;AccountName=devstoreaccount1;"
    "AccountKey=Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==;"
    "BlobEndpoint=http://127.0.0.1:10000/devstoreaccount1;QueueEndpoint=http://127.0.0.1:10001/devstoreaccount1;"
)
"""What `UseDevelopmentStorage=true` stands for; the functions host knows the short form, the Python library does not.
Public, not a secret: https://learn.microsoft.com/azure/storage/common/storage-use-azurite#well-known-storage-account-and-key
"""


@dataclass(frozen=True, slots=True)
class Storage:
    """How to reach the Functions storage account: by connection string, or by addresses and the managed identity."""

    connection_string: str | None = field(default=None, repr=False)
    blob_service_uri: str | None = None
    queue_service_uri: str | None = None


@dataclass(frozen=True, slots=True)
class Config:
    """Everything the app is told. Checked as a whole: whoever holds one need not check again."""

    clusters: tuple[Cluster, ...]
    storage: Storage
    schedule: str = DEFAULT_SCHEDULE
    arm_endpoint: str = DEFAULT_ARM_ENDPOINT
    """Without a trailing slash. The token scope follows it."""
    client_id: str | None = None
    """Of the user-assigned managed identity; None means the system-assigned one."""
    history_days: int = DEFAULT_HISTORY_DAYS
    """How long the entries of the history are kept."""
    events_endpoint: str | None = None
    """Of the Event Grid custom topic that other teams listen to; None where nobody does."""

    def cluster(self, name: str) -> Cluster:
        """The cluster of that name; raises UnknownClusterError that tells which ones there are."""
        for cluster in self.clusters:
            if cluster.name == name:
                return cluster
        configured = ", ".join(cluster.name for cluster in self.clusters)
        msg = f"no cluster is called {name[:40]!r}; configured: {configured}"
        raise UnknownClusterError(msg)


def load_config(settings: Mapping[str, str]) -> Config:
    """The configuration in `settings`, such as the environment. An empty setting counts as absent.

    Raises ConfigError with every problem of every setting and cluster, one line each.
    """
    problems: list[str] = []
    clusters = _clusters(_given(settings, CLUSTERS), problems)
    storage = _storage(settings, problems)
    schedule = _given(settings, SCHEDULE) or DEFAULT_SCHEDULE
    endpoint = _given(settings, ARM_ENDPOINT) or DEFAULT_ARM_ENDPOINT
    client_id = _given(settings, CLIENT_ID) or None
    days = _given(settings, HISTORY_DAYS) or str(DEFAULT_HISTORY_DAYS)
    events = _given(settings, EVENTS_ENDPOINT) or None
    problems += [
        *_schedule_problems(schedule),
        *_endpoint_problems(endpoint),
        *_client_id_problems(client_id),
        *_history_problems(days),
        *_events_problems(events),
    ]
    if problems:
        raise ConfigError(tuple(problems))
    return Config(clusters, storage, schedule, endpoint.rstrip("/"), client_id, int(days), events)


def _given(settings: Mapping[str, str], key: str) -> str:
    return settings.get(key, "").strip()


def _clusters(value: str, problems: list[str]) -> tuple[Cluster, ...]:
    if not value:
        problems.append(f"{CLUSTERS}: is not set; give a JSON array of clusters, or the path of a JSON or YAML file")
        return ()
    try:
        written, repeated = read_clusters(value)
    except ConfigError as error:
        problems += error.problems
        return ()
    problems += repeated
    clusters: list[Cluster] = []
    sketches = [together.sketch(_label(at, each), each) for at, each in enumerate(written)]
    for sketch, each in zip(sketches, written, strict=True):
        try:
            clusters.append(Cluster.model_validate(each, by_alias=True, by_name=False))
        except ValidationError as error:
            problems += [
                f"{sketch.label}{path}: {text}" for path, text in map(problem, error.errors(include_url=False))
            ]
        if isinstance(each, dict):
            problems += together.problems_within(sketch)
    problems += together.problems_between(sketches)
    return tuple(clusters)


def _label(at: int, cluster: object) -> str:
    name = cluster.get("name") if isinstance(cluster, dict) else None
    legible = isinstance(name, str) and 0 < len(name) <= 40 and name.isprintable()
    return f"clusters[{at}] ({name})" if legible else f"clusters[{at}]"


def _storage(settings: Mapping[str, str], problems: list[str]) -> Storage:
    """Source of the names: https://learn.microsoft.com/azure/azure-functions/functions-reference#connecting-to-host-storage-with-an-identity."""
    if connection := _given(settings, STORAGE):  # the host, too, prefers it to the single settings
        if connection.rstrip(";").lower() == "usedevelopmentstorage=true":
            connection = _AZURITE
        elif not re.search(r"(^|;)\s*(AccountName|BlobEndpoint)\s*=", connection, re.IGNORECASE):
            problems.append(f"{STORAGE}: is not a connection string; copy it from the storage account's access keys")
        return Storage(connection)
    account = _given(settings, f"{STORAGE}__accountName")
    uris = {kind: _given(settings, f"{STORAGE}__{kind}ServiceUri") for kind in ("blob", "queue")}
    if not account and not uris["blob"]:
        problems.append(
            f"{STORAGE}: is not set; give {STORAGE}__accountName (with a managed identity), "
            f"{STORAGE}__blobServiceUri and {STORAGE}__queueServiceUri, or a connection string"
        )
        return Storage()
    if account and not re.fullmatch(r"[a-z0-9]{3,24}", account):
        problems.append(f"{STORAGE}__accountName: is not the name of a storage account (3 to 24 of a-z and 0-9)")
    for kind, uri in uris.items():
        if uri and not _is_https(uri):
            problems.append(
                f"{STORAGE}__{kind}ServiceUri: must be an https address such as https://name.{kind}.core.windows.net"
            )
        if not uri and not account:
            problems.append(f"{STORAGE}__{kind}ServiceUri: is missing; give it beside {STORAGE}__blobServiceUri")
        # The host knows an account name in the public cloud only; elsewhere the addresses are given.
        uris[kind] = uri or f"https://{account}.{kind}.core.windows.net"
    return Storage(None, uris["blob"].rstrip("/"), uris["queue"].rstrip("/"))


def _schedule_problems(schedule: str) -> Iterator[str]:
    """A sanity check; the functions host has the last word on NCRONTAB."""
    count = len(schedule.split())
    if count != 6:
        yield f"{SCHEDULE}: has {count} field{'s' * (count != 1)}; NCRONTAB has 6, seconds first: {DEFAULT_SCHEDULE}"
    elif not re.fullmatch(r"[0-9A-Za-z*/,\-\s]+", schedule):
        yield f"{SCHEDULE}: NCRONTAB knows digits, names, and * / , - only; write it like {DEFAULT_SCHEDULE}"


def _endpoint_problems(endpoint: str) -> Iterator[str]:
    if not _is_https(endpoint) or urlsplit(endpoint).path not in {"", "/"}:
        yield f"{ARM_ENDPOINT}: must be https and a host without a path, such as {DEFAULT_ARM_ENDPOINT}"


def _history_problems(days: str) -> Iterator[str]:
    if not re.fullmatch(r"[1-9][0-9]{0,3}", days) or int(days) > 3650:
        yield f"{HISTORY_DAYS}: must be a number of days from 1 to 3650, such as {DEFAULT_HISTORY_DAYS}"


def _events_problems(endpoint: str | None) -> Iterator[str]:
    if endpoint and not (_is_https(endpoint) and urlsplit(endpoint).path == "/api/events"):
        yield (
            f"{EVENTS_ENDPOINT}: must be the endpoint of an Event Grid custom topic, such as "
            "https://pod-routes.westeurope-1.eventgrid.azure.net/api/events"
        )


def _is_https(uri: str) -> bool:
    """Whether it is a plain https address: bearer tokens go there, so nothing else will do."""
    try:
        parts = urlsplit(uri)
        _ = parts.port  # raises where it is no number
    except ValueError:
        return False
    plain = not parts.query and not parts.fragment and not parts.username and not re.search(r"[\s\\?#]", uri)
    return parts.scheme == "https" and bool(parts.hostname) and plain


def _client_id_problems(client_id: str | None) -> Iterator[str]:
    if client_id and not re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", client_id, re.IGNORECASE):
        yield f"{CLIENT_ID}: is not a client id; take the GUID called clientId from the managed identity's overview"
