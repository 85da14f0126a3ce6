"""The state behind the API: current objects, every past change, one revision counter. No HTTP.

Old states are never thrown away; `compact` only marks them as expired, as seen by requests. A sandbox lives too
short for that to matter, and a watch that is open during a compaction goes on undisturbed, as on a real server.
"""

import json
import threading
import uuid
from bisect import bisect_right
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sandbox.kubernetes_api.entries import Entry, entry_of, key_of
from sandbox.kubernetes_api.kinds import RESOURCES, Resource


@dataclass(frozen=True, slots=True)
class Change:
    """One step in a resource's history. A deletion has no `after`; its last state, at the new revision, is `before`."""

    revision: int
    before: Entry | None
    after: Entry | None


@dataclass(frozen=True, slots=True)
class Snapshot:
    """All objects of a resource at one revision, by key."""

    revision: int
    entries: tuple[Entry, ...]


class Store:
    """Thread-safe. `changed` is called after every change, outside the lock."""

    def __init__(self, *, revision: int, wall_clock: Callable[[], float], changed: Callable[[], None]) -> None:
        self._lock = threading.RLock()
        self._wall_clock = wall_clock
        self._changed = changed
        self._revision = revision
        self._compacted = 0
        self._current: dict[Resource, dict[str, Entry]] = {resource: {} for resource in RESOURCES}
        self._history: dict[Resource, list[Change]] = {resource: [] for resource in RESOURCES}
        # A custom resource's watch cache begins when its definition is installed (facts: recorded).
        self._window = {resource: revision if resource.custom else 0 for resource in RESOURCES}

    @property
    def revision(self) -> int:
        """The newest revision. Other things of a cluster move it too, see `advance_to`."""
        with self._lock:
            return self._revision

    def advance_to(self, revision: int) -> None:
        """Let the counter reach `revision`, as leases and events of a real cluster do all the time."""
        with self._lock:
            self._revision = max(self._revision, revision)
        self._changed()

    def put(self, resource: Resource, body: Mapping[str, Any]) -> Entry:
        """Create or replace an object by its key. An unchanged object gets no new revision, as on a real server."""
        wanted: dict[str, Any] = json.loads(json.dumps(body))
        with self._lock:
            before = self._current[resource].get(key_of(wanted["metadata"]))
            self._complete(resource, wanted, before)
            if before is not None and entry_of(resource, wanted, before.revision).object == before.object:
                return before
            self._revision += 1
            after = entry_of(resource, wanted, self._revision)
            self._current[resource][after.key] = after
            self._history[resource].append(Change(self._revision, before, after))
        self._changed()
        return after

    def delete(self, resource: Resource, key: str) -> Entry:
        """Remove an object and return its last state, which carries the revision of the deletion (facts: recorded).

        Raises KeyError when there is none.
        """
        with self._lock:
            before = self._current[resource].pop(key)
            self._revision += 1
            last = entry_of(resource, before.object, self._revision)
            self._history[resource].append(Change(self._revision, last, None))
        self._changed()
        return last

    def find(self, resource: Resource, key: str) -> Entry | None:
        """The current state of one object, or None."""
        with self._lock:
            return self._current[resource].get(key)

    def snapshot(self, resource: Resource, revision: int | None = None) -> Snapshot:
        """All objects as they are, or as they were at `revision`."""
        with self._lock:
            history = self._history[resource]
            if revision is None or not history or history[-1].revision <= revision:
                entries = self._current[resource]
            else:
                entries = {}
                for change in history[: bisect_right(history, revision, key=lambda change: change.revision)]:
                    if change.after is not None:
                        entries[change.after.key] = change.after
                    elif change.before is not None:
                        del entries[change.before.key]
            at = self._revision if revision is None else revision
            return Snapshot(at, tuple(entries[key] for key in sorted(entries)))

    def changes_after(self, resource: Resource, revision: int) -> tuple[Change, ...]:
        """What happened since `revision`, oldest first."""
        with self._lock:
            history = self._history[resource]
            return tuple(history[bisect_right(history, revision, key=lambda change: change.revision) :])

    def compact(self) -> None:
        """Expire every revision before now for reads. Watch caches are not touched, see `restart_window`.

        The counter moves by one first, as it does all the time in a real cluster, so that what was just read is old.
        """
        with self._lock:
            self._revision += 1
            self._compacted = self._revision

    def restart_window(self, resource: Resource) -> None:
        """Let the watch cache of one resource begin now: no watch may start from an earlier revision."""
        with self._lock:
            self._window[resource] = self._revision

    def is_compacted(self, revision: int) -> bool:
        """Whether reads at `revision` are refused."""
        with self._lock:
            return revision < self._compacted

    def window_start(self, resource: Resource) -> int:
        """The oldest revision a watch may start from."""
        with self._lock:
            return self._window[resource]

    def _complete(self, resource: Resource, wanted: dict[str, Any], before: Entry | None) -> None:
        """Fill in what the server owns. Given values of uid and creationTimestamp are kept: states are built on purpose."""
        metadata = wanted["metadata"]
        metadata.pop("resourceVersion", None)
        old: Mapping[str, Any] = before.metadata if before else {}
        now = datetime.fromtimestamp(self._wall_clock(), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        metadata["uid"] = old.get("uid") or metadata.get("uid") or str(uuid.uuid4())
        metadata["creationTimestamp"] = old.get("creationTimestamp") or metadata.get("creationTimestamp") or now
        if resource.custom:
            same_spec = before is not None and before.object.get("spec") == wanted.get("spec")
            metadata["generation"] = old.get("generation", 0) + (0 if same_spec else 1)
