"""Where the history lies: one blob per entry, and per cluster the ledger of what was applied last. What they say is not known here.

Blobs of the container that `coordination` uses: `history/<cluster>/…` (see `history` for the names) and `ledgers/<cluster>.json`.
What a listing shows of an entry is in the blob's metadata, so that a page of a listing is one request.

Nobody waits long for the history: each request is made once and has seconds.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import msgspec
from azure.core.exceptions import AzureError, ResourceExistsError, ResourceNotFoundError

from shared.errors import RequestError, StorageError
from shared.history import FOLDER, Entry, Query, id_in, is_wanted, key_of, listed, oldest_kept, time_of
from shared.history_drift import FIGHT_WITHIN, Ledger, Place, Restored, parse_ledger
from shared.phrases import first_line

if TYPE_CHECKING:  # whoever hands in the container has paid for the import
    from azure.storage.blob import ContainerClient

_HURRY: dict[str, Any] = {"retry_total": 0, "connection_timeout": 2, "read_timeout": 5}
BATCH = 256
"""Deletes that Azure takes in one request: https://learn.microsoft.com/rest/api/storageservices/blob-batch"""
BATCHES = 16
"""At most so many per sweep and cluster; what is left goes with the next one."""
_RESTORED_LOOKED_AT = 12
"""Entries of the last hour that are opened to see which routes were put back: one every five minutes."""


class History:
    """The history of all clusters. Every method raises StorageError where the storage account cannot be used."""

    def __init__(self, container: "ContainerClient") -> None:
        self._container = container

    def keep(self, entry: Entry) -> None:
        """One entry more."""
        self._put(entry.key, json.dumps(entry.body, ensure_ascii=False), dict(entry.headline))

    def entries(self, query: Query) -> list[dict[str, Any]]:
        """What the entries in the range asked for say in short, the newest first."""
        found: list[dict[str, Any]] = []
        for name, headline in self._names(query.cluster, page=min(query.limit, 500)):
            at = time_of(id_in(name))
            if query.since is not None and at < query.since:
                break
            if is_wanted(at, query):
                found.append(listed(id_in(name), headline))
            if len(found) == query.limit:
                break
        return found

    def entry(self, cluster: str, entry_id: str) -> Any:
        """One entry whole; None where there is none of that id. Raises RequestError for what is no id."""
        text = self._text(key_of(cluster, entry_id))
        return None if text is None else json.loads(text)

    def ledger(self, cluster: str) -> Ledger:
        """What was applied last; empty where nothing ever was."""
        return parse_ledger(self._text(f"ledgers/{cluster}.json"))

    def save_ledger(self, cluster: str, ledger: Ledger) -> None:
        """In place of the one before. Of two passes that end at once one stands; a repair may then go uncounted, once."""
        self._put(f"ledgers/{cluster}.json", msgspec.json.encode(ledger).decode())

    def restorations(self, cluster: str, now: datetime) -> list[Restored]:
        """What the passes of the last hour put back, the newest first."""
        found: list[Restored] = []
        for name, headline in self._names(cluster, page=100):
            at = time_of(id_in(name))
            if now - at > FIGHT_WITHIN or len(found) == _RESTORED_LOOKED_AT:
                break
            if headline.get("repaired", "0") != "0":
                entry = self.entry(cluster, id_in(name)) or {}
                found.append(Restored(at, frozenset(_restored(entry))))
        return found

    def own_writes(self, cluster: str, now: datetime) -> frozenset[str]:
        """The correlation ids of this app's writes of the last hour and a bit, as Azure knows them."""
        found: set[str] = set()
        for name, headline in self._names(cluster, page=100):
            if now - time_of(id_in(name)) > FIGHT_WITHIN + timedelta(minutes=5):
                break
            found.update((headline.get("writes") or "").lower().split(","))  # storage tells an empty value as none
        return frozenset(found - {""})

    def repairs(self, cluster: str, since: datetime) -> list[tuple[datetime, int]]:
        """When something was put back since then, and how much."""
        told: list[tuple[datetime, int]] = []
        for name, headline in self._names(cluster, page=1000):
            at = time_of(id_in(name))
            if at < since:
                break
            if count := int(headline.get("repaired") or 0):
                told.append((at, count))
        return told

    def sweep(self, clusters: Iterable[str], now: datetime, days: int) -> int:
        """Delete what is older than `days`, and return how many entries that were. Lists the names of all entries once."""
        swept = 0
        for cluster in clusters:
            oldest = f"{FOLDER}/{cluster}/{oldest_kept(now, days)}"
            old = [name for name, _ in self._names(cluster, page=5000) if name > oldest][-BATCH * BATCHES :]
            with _storage_errors():
                for first in range(0, len(old), BATCH):
                    self._container.delete_blobs(*old[first : first + BATCH], raise_on_any_failure=False)
            swept += len(old)
        return swept

    def _names(self, cluster: str, *, page: int) -> Iterator[tuple[str, dict[str, str]]]:
        """Names and headlines of a cluster's entries, the newest first; what is no entry is left out."""
        with _storage_errors():
            blobs = self._container.list_blobs(
                name_starts_with=f"{FOLDER}/{cluster}/", include=["metadata"], results_per_page=page, **_HURRY
            )
            try:
                for blob in blobs:
                    name = str(blob.name)
                    if _is_entry(name):
                        yield name, dict(blob.metadata or {})
            except ResourceNotFoundError:  # no container yet
                return

    def _text(self, name: str) -> str | None:
        with _storage_errors():
            try:
                text: str = self._container.download_blob(name, **_HURRY).readall().decode()
            except ResourceNotFoundError:
                return None
        return text

    def _put(self, name: str, text: str, metadata: dict[str, str] | None = None) -> None:
        with _storage_errors():
            try:
                self._container.upload_blob(name, text.encode(), overwrite=True, metadata=metadata, **_HURRY)
            except ResourceNotFoundError:
                with suppress(ResourceExistsError):
                    self._container.create_container()
                self._container.upload_blob(name, text.encode(), overwrite=True, metadata=metadata, **_HURRY)


def _is_entry(name: str) -> bool:
    try:
        time_of(id_in(name))
    except RequestError:
        return False
    return True


def _restored(entry: Mapping[str, Any]) -> Iterator[Place]:
    for target in entry.get("targets", ()):
        for change in target["changes"]:
            if change.get("repaired"):
                yield target["target"].lower(), change.get("prefix") or change["peerIp"]


@contextmanager
def _storage_errors() -> Iterator[None]:
    try:
        yield
    except AzureError as error:
        raise StorageError(
            f"the history could not be read or kept ({first_line(error)}); check AzureWebJobsStorage and "
            "that the app's identity is Storage Blob Data Contributor on it"
        ) from error
