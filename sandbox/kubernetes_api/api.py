"""The API server: from request to answer, and the switches that tests and the demo pull.

Behaviour follows recordings of a real kube-apiserver 1.36; where a rule is not obvious, its module says where it
comes from. Written over HTTP is only what kubectl needs to delete an object; everything else comes in through `put`.
"""

import asyncio
import copy
import time
from collections.abc import Callable, Mapping
from typing import Any

from aiohttp import web

from sandbox.identity import Tokens
from sandbox.kubernetes_api.access import IDENTITY_USER, Access
from sandbox.kubernetes_api.calls import Calls
from sandbox.kubernetes_api.faults import Answer, Faults, Truncation
from sandbox.kubernetes_api.kinds import CILIUM_NODES, RESOURCES, by_kind
from sandbox.kubernetes_api.pulse import Pulse
from sandbox.kubernetes_api.replies import Replies
from sandbox.kubernetes_api.serving import Serving
from sandbox.kubernetes_api.statuses import overloaded
from sandbox.kubernetes_api.store import Store
from sandbox.kubernetes_api.watches import OpenWatches


class KubernetesApi:
    """A Kubernetes API with Nodes, CiliumNodes and ConfigMaps. Every method may be called from any thread.

    `tokens` decides about bearer tokens (audience of AKS); `admin_token` is a fixed one with every right, for kubectl.
    `clock` counts seconds for timeouts and bookmarks, call `tick` after moving it by hand; `wall_clock` gives
    creation times and ages. `revision` is where the resourceVersion starts.
    """

    def __init__(
        self,
        tokens: Tokens,
        *,
        admin_token: str | None = None,
        clock: Callable[[], float] = time.monotonic,
        wall_clock: Callable[[], float] = time.time,
        revision: int = 1,
    ) -> None:
        self.calls = Calls()
        self._pulse = Pulse()
        self._access = Access(tokens)
        self._faults = Faults()
        self._watches = OpenWatches(self._pulse)
        self._store = Store(revision=revision, wall_clock=wall_clock, changed=self._pulse.beat)
        self._serving = Serving(
            store=self._store,
            access=self._access,
            faults=self._faults,
            watches=self._watches,
            replies=Replies(self.calls, wall_clock),
            pulse=self._pulse,
            clock=clock,
            wall_clock=wall_clock,
        )
        if admin_token is not None:
            self.add_token(admin_token, user="sandbox-admin", admin=True)

    def app(self) -> web.Application:
        """The application to serve, behind TLS as a real one."""
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", self._serving.handle)
        app.on_response_prepare.append(_anonymise)
        app.on_shutdown.append(self._end_watches)
        return app

    async def _end_watches(self, _: web.Application) -> None:
        """Let no watch outlive the server; each notices within its poll interval at the latest."""
        self._watches.drop(clean=True)
        while self._watches.count():
            await asyncio.sleep(0.01)

    # Objects

    def put(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """Create an object, or replace the one of that kind, namespace and name; returns it as stored.

        uid, resourceVersion and generation are the server's; a creationTimestamp or uid given at creation is kept.
        Raises ValueError for a kind that is not served and KeyError without a name.
        """
        return _copy(self._store.put(by_kind(body["kind"]), body).object)

    def put_config_map(self, namespace: str, name: str, data: Mapping[str, str]) -> dict[str, Any]:
        """Create or replace a ConfigMap with these entries and no others."""
        return self.put({"kind": "ConfigMap", "metadata": {"name": name, "namespace": namespace}, "data": dict(data)})

    def set_label(self, kind: str, name: str, label: str, value: str | None) -> dict[str, Any]:
        """Give an object a label, or take it away where `value` is None; KeyError when there is no such object."""
        body = self.get(kind, name)
        labels = body["metadata"].setdefault("labels", {})
        if value is None:
            labels.pop(label, None)
        else:
            labels[label] = value
        return self.put(body)

    def delete(self, kind: str, name: str) -> None:
        """Remove an object, one in a namespace by `namespace/name`; KeyError when there is none."""
        self._store.delete(by_kind(kind), name)

    def get(self, kind: str, name: str) -> dict[str, Any]:
        """A copy of an object, one in a namespace by `namespace/name`; KeyError when there is none."""
        entry = self._store.find(by_kind(kind), name)
        if entry is None:
            raise KeyError(name)
        return _copy(entry.object)

    def names(self, kind: str) -> tuple[str, ...]:
        """The names of all objects of a kind, or `namespace/name`, sorted."""
        return tuple(entry.key for entry in self._store.snapshot(by_kind(kind)).entries)

    @property
    def revision(self) -> int:
        """The newest resourceVersion."""
        return self._store.revision

    def advance_revision(self, to: int) -> None:
        """Let the resourceVersion reach `to` without a change to anything served."""
        self._store.advance_to(to)

    def compact(self) -> None:
        """Expire all earlier resourceVersions and continue tokens: 410 from now on. Open watches go on."""
        self._store.compact()
        for resource in RESOURCES:
            self._store.restart_window(resource)

    # Watches

    def drop_watches(self, *, clean: bool = False) -> int:
        """End every open watch, by a broken connection or a `clean` end of the answer; returns how many."""
        return self._watches.drop(clean=clean)

    def wait_for_watches(self, count: int = 1, *, timeout: float = 10.0) -> None:
        """Block until exactly `count` watches are open; TimeoutError after `timeout` seconds."""
        self._watches.wait(count, timeout)

    @property
    def open_watches(self) -> int:
        """How many watches are open. A client that hung up is noticed within a quarter of a second."""
        return self._watches.count()

    def tick(self) -> None:
        """Let everything that waits look at the clock again."""
        self._pulse.beat()

    # Rights

    def add_token(self, token: str, *, user: str, admin: bool = False) -> None:
        """Accept a fixed token: with every right for an `admin`, else with none until `allow`."""
        self._access.add_token(token, user, admin=admin)

    def allow(self, *verbs: str, resource: str, user: str = IDENTITY_USER) -> None:
        """Give rights (get, list, watch, delete) on `nodes`, `ciliumnodes` or `configmaps`; see `Access` for who starts with what."""
        self._access.change(verbs, resource, user, allowed=True)

    def forbid(self, *verbs: str, resource: str, user: str = IDENTITY_USER) -> None:
        """Take rights; a request that needs them gets 403."""
        self._access.change(verbs, resource, user, allowed=False)

    def allow_anonymous(self) -> None:
        """Know requests without a token as `system:anonymous` (403) instead of refusing them (401, as AKS does)."""
        self._access.anonymous = True

    # Misbehaviour

    @property
    def crd_installed(self) -> bool:
        """Whether the API serves CiliumNodes. Switching it off ends their watches; the objects are kept."""
        return self._serving.crd_installed

    @crd_installed.setter
    def crd_installed(self, installed: bool) -> None:
        self._serving.crd_installed = installed
        if installed:
            self._store.restart_window(CILIUM_NODES)
        else:
            self._watches.drop(CILIUM_NODES, clean=True)

    def reinitialize_storage(self, answers: int = 1) -> None:
        """Refuse the next unpaged lists or watches of CiliumNodes, as right after a start of the API server."""
        self._serving.initializing = answers

    def answer_next(
        self,
        path_contains: str,
        status: int,
        body: Mapping[str, Any] | str | bytes,
        times: int = 1,
        *,
        headers: Mapping[str, str] | None = None,
        query_contains: str = "",
    ) -> None:
        """Answer the next matching requests like this, before anything else is looked at.

        A mapping becomes JSON, text goes out as text/plain, bytes as application/json.
        """
        self._faults.add(Answer(status, body, dict(headers or {})), path_contains, query_contains, times)

    def truncate_next(self, path_contains: str, times: int = 1, *, query_contains: str = "") -> None:
        """Break the connection in the middle of the next matching answers (lists and single objects, not watches)."""
        self._faults.add(Truncation(), path_contains, query_contains, times)

    def garble_next(self, path_contains: str, times: int = 1, *, query_contains: str = "") -> None:
        """Answer the next matching requests with 200 and something that is no JSON."""
        self.answer_next(path_contains, 200, b'{"kind":"NodeList","items":[{', times, query_contains=query_contains)

    def overload_next(self, path_contains: str = "", times: int = 1) -> None:
        """Refuse the next matching requests as an overloaded server does: 429 in plain text with Retry-After."""
        refusal = overloaded()
        self.answer_next(path_contains, refusal.code, refusal.body, times, headers=refusal.headers)

    @property
    def faults(self) -> Faults:
        """Where trouble that lasts is written down."""
        return self._faults

    @property
    def watches(self) -> OpenWatches:
        """The open watches, for trouble that lasts."""
        return self._watches

    def clear_faults(self) -> None:
        """Forget scripted answers that have not been used."""
        self._faults.clear()
        self._serving.initializing = 0

    def clear_calls(self) -> None:
        """Forget the recorded calls."""
        self.calls.clear()


def _copy(body: Mapping[str, Any]) -> dict[str, Any]:
    return copy.deepcopy(dict(body))


async def _anonymise(_: web.Request, response: web.StreamResponse) -> None:
    """A kube-apiserver does not say what serves it."""
    del response.headers["Server"]
