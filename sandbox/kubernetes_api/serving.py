"""One request from the first byte to the last: fault, user, rights, resource, answer."""

from collections.abc import AsyncGenerator, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from sandbox.kubernetes_api.access import Access
from sandbox.kubernetes_api.discovery import answer_to
from sandbox.kubernetes_api.entries import Entry, key_of
from sandbox.kubernetes_api.faults import Answer, Faults, LastWords, Truncation
from sandbox.kubernetes_api.kinds import Resource
from sandbox.kubernetes_api.lists import page_of
from sandbox.kubernetes_api.media import form_of
from sandbox.kubernetes_api.options import ListOptions, options_of
from sandbox.kubernetes_api.pulse import Pulse
from sandbox.kubernetes_api.rendering import Rendering
from sandbox.kubernetes_api.replies import Replies
from sandbox.kubernetes_api.routes import Target, target_of
from sandbox.kubernetes_api.statuses import ApiError, initializing, method_not_allowed, not_found, page_not_found
from sandbox.kubernetes_api.store import Store
from sandbox.kubernetes_api.watches import OpenWatches, Watch


@dataclass(slots=True)
class Serving:
    """Answers requests on the server's event loop."""

    store: Store
    access: Access
    faults: Faults
    watches: OpenWatches
    replies: Replies
    pulse: Pulse
    clock: Callable[[], float]
    wall_clock: Callable[[], float]
    crd_installed: bool = True
    initializing: int = 0
    """How many unpaged lists or watches of a custom resource are refused before its watch cache is ready."""

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Answer one request, refusals included."""
        fault = self.faults.next(request)
        if isinstance(fault, Answer):
            return await self.replies.send(request, fault.code, fault.body, fault.headers)
        if isinstance(fault, LastWords):
            return await self.replies.stream(request, _said(fault))
        try:
            target = target_of(request.method, request.path, request.query)
            self.access.check(self.access.user_of(request.headers.get("Authorization")), target)
            return await self._answer(request, target, cut=fault)
        except ApiError as refusal:
            return await self.replies.send(request, refusal.code, refusal.body, refusal.headers, cut=fault)

    async def _answer(self, request: web.Request, target: Target, *, cut: Truncation | None) -> web.StreamResponse:
        resource = target.resource()
        if resource is None or (resource.custom and not self.crd_installed):
            document = answer_to(target.path, custom=self.crd_installed) if not target.plural else None
            if document is None:
                raise page_not_found()
            headers = {"X-Content-Type-Options": "nosniff"} if isinstance(document, str) else {}
            return await self.replies.send(request, 200, document, headers, cut=cut)
        form = form_of(request.headers.get("Accept", ""), resource)
        rendering = Rendering(resource, form, request.query.get("includeObject", ""), self.wall_clock())
        body: Mapping[str, Any] | bytes
        match target.verb:
            case "get":
                body = rendering.one(self._found(resource, target)) + b"\n"
            case "delete":
                body = self._delete(resource, target)
            case "list" | "watch":
                options = options_of(request.query, target.namespace)
                self._refuse_while_initializing(resource, options)
                if options.watch:
                    return await self._watch(request, resource, options, rendering)
                page = await page_of(self.store, resource, options, pulse=self.pulse, clock=self.clock)
                body = rendering.many(page)
            case _:
                raise method_not_allowed()
        return await self.replies.send(request, 200, body, cut=cut)

    async def _watch(
        self, request: web.Request, resource: Resource, options: ListOptions, rendering: Rendering
    ) -> web.StreamResponse:
        watch = Watch(self.store, resource, options, rendering, self.watches, self.pulse, self.clock)
        return await self.replies.stream(request, watch.lines(gone=lambda: request.transport is None))

    def _refuse_while_initializing(self, resource: Resource, options: ListOptions) -> None:
        if resource.custom and self.initializing and (options.watch or not options.limit):
            self.initializing -= 1
            raise initializing()

    def _found(self, resource: Resource, target: Target) -> Entry:
        entry = self.store.find(resource, key_of({"namespace": target.namespace, "name": target.name}))
        if entry is None:
            raise not_found(resource, target.name)
        return entry

    def _delete(self, resource: Resource, target: Target) -> dict[str, object]:
        entry = self._found(resource, target)
        self.store.delete(resource, entry.key)
        details = {"name": entry.name, **({"group": resource.group} if resource.group else {}), "kind": resource.plural}
        success = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success"}
        return {**success, "details": {**details, "uid": entry.metadata["uid"]}}


async def _said(words: LastWords) -> AsyncGenerator[bytes]:
    for line in words.lines:
        yield line
