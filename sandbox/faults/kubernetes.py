"""Requests that the API server refuses or answers badly. Bodies as recorded, see `kubernetes_api.statuses`.

`path` chooses among `/nodes` and `/ciliumnodes`; nothing is both. Watches of the same paths are meant too where a fault
does not say otherwise.
"""

from collections.abc import Callable

from aiohttp import web

from sandbox.endpoint import Undo
from sandbox.faults.fault import Ground
from sandbox.faults.strikes import Strikes
from sandbox.kubernetes_api import statuses
from sandbox.kubernetes_api.access import IDENTITY_USER
from sandbox.kubernetes_api.entries import encode
from sandbox.kubernetes_api.faults import Answer, Fault, LastWords, Truncation
from sandbox.kubernetes_api.lists import Page
from sandbox.kubernetes_api.media import Form
from sandbox.kubernetes_api.paging import Continue, place_of, token_of
from sandbox.kubernetes_api.rendering import Rendering, event_line
from sandbox.kubernetes_api.routes import Target, target_of

_LISTS = frozenset({"list"})
_ANY = frozenset({"list", "watch", "get"})
_GARBAGE = b'{"kind":"NodeList","items":[{'


def unauthorized(ground: Ground, strikes: Strikes, *, path: str = "") -> Undo:
    """The API server does not accept the token: 401."""
    return _answer(ground, strikes, path, _ANY, lambda *_: _refused(statuses.unauthorized()))


def forbidden(ground: Ground, strikes: Strikes, *, path: str = "") -> Undo:
    """The identity's role binding is gone: 403."""

    def fault(_: web.Request, target: Target) -> Answer:
        refusal = statuses.forbidden(IDENTITY_USER, target.verb, group=target.group, plural=target.plural, name="")
        return _refused(refusal)

    return _answer(ground, strikes, path, _ANY, fault)


def expired_list(ground: Ground, strikes: Strikes, *, path: str = "") -> Undo:
    """The list was compacted away between two pages: 410 for every continue token."""

    def fault(request: web.Request, _: Target) -> Answer:
        after = place_of(request.query["continue"]).after
        return _refused(statuses.expired_continue(token_of(Continue(after, None))))

    return _answer(ground, strikes, path, _LISTS, fault, meant=lambda request: "continue" in request.query)


def expired_watch(ground: Ground, strikes: Strikes, *, path: str = "") -> Undo:
    """A watch begins where the watch cache no longer reaches: 200, one ERROR line with 410, and the end."""
    api = ground.cloud.kubernetes

    def fault(request: web.Request, _: Target) -> LastWords:
        start = int(request.query.get("resourceVersion") or 0)
        gone = statuses.too_old(start, api.revision + 1)
        return LastWords((event_line("ERROR", encode(gone)),))

    return _answer(ground, strikes, path, frozenset({"watch"}), fault)


def overload(ground: Ground, strikes: Strikes, *, path: str = "") -> Undo:
    """Too many requests are in flight: 429 in plain text with Retry-After."""
    return _answer(ground, strikes, path, _ANY, lambda *_: _refused(statuses.overloaded()))


def server_error(ground: Ground, strikes: Strikes, *, path: str = "") -> Undo:
    """The API server has lost its etcd: 500."""
    body = statuses.status(500, "InternalError", "Internal error occurred: etcdserver: request timed out")
    return _answer(ground, strikes, path, _ANY, lambda *_: Answer(500, body))


def empty_list(ground: Ground, strikes: Strikes, *, path: str = "") -> Undo:
    """A list is answered with 200 and holds nothing, though there are objects."""
    api = ground.cloud.kubernetes

    def fault(_: web.Request, target: Target) -> Fault | None:
        resource = target.resource()
        if resource is None:
            return None
        return Answer(200, Rendering(resource, Form.OBJECT, "", 0.0).many(Page(api.revision, ())) + b"\n")

    return _answer(ground, strikes, path, _LISTS, fault)


def truncated(ground: Ground, strikes: Strikes, *, path: str = "") -> Undo:
    """Half of a page arrives, and the connection is closed in order."""
    return _answer(ground, strikes, path, _LISTS, lambda *_: Truncation())


def reset(ground: Ground, strikes: Strikes, *, path: str = "") -> Undo:
    """Half of a page arrives, and the connection is reset."""
    return _answer(ground, strikes, path, _LISTS, lambda *_: Truncation(reset=True))


def garbage(ground: Ground, strikes: Strikes, *, path: str = "") -> Undo:
    """A list is answered with 200 and something that is no JSON."""
    return _answer(ground, strikes, path, _LISTS, lambda *_: Answer(200, _GARBAGE))


def _answer(
    ground: Ground,
    strikes: Strikes,
    path: str,
    verbs: frozenset[str],
    fault: Callable[[web.Request, Target], Fault | None],
    *,
    meant: Callable[[web.Request], bool] = lambda _: True,
) -> Undo:
    def decide(request: web.Request) -> Fault | None:
        target = target_of(request.method, request.path, request.query)
        hit = target.resource() is not None and target.verb in verbs and path in request.path and meant(request)
        return fault(request, target) if hit and strikes() else None

    return ground.cloud.kubernetes.faults.whenever(decide)


def _refused(refusal: statuses.ApiError) -> Answer:
    return Answer(refusal.code, refusal.body, refusal.headers)
