"""Who is asking, and may they? Bearer tokens in, a user and a yes or no out."""

import threading
from dataclasses import dataclass, field

from sandbox.identity import AKS_AUDIENCE, Tokens
from sandbox.kubernetes_api.kinds import RESOURCES, by_plural
from sandbox.kubernetes_api.routes import Target
from sandbox.kubernetes_api.statuses import forbidden, forbidden_path, unauthorized

IDENTITY_USER = "aks-pod-routes"
"""The user behind every token of the sandbox's managed identity. A real cluster shows its object id."""

_READ = ("get", "list", "watch")
_OPEN_PATHS = frozenset({"/version", "/healthz", "/livez", "/readyz", "/api", "/apis"})


@dataclass(slots=True)
class User:
    """An authenticated user and its rights as (verb, group, plural)."""

    name: str
    admin: bool = False
    rights: set[tuple[str, str, str]] = field(default_factory=set)


class Access:
    """Authentication and authorisation. Thread-safe.

    The managed identity starts with what infra/kubernetes/reader.yaml gives it: get, list and watch on nodes and
    ciliumnodes, get on configmaps. There it is one ConfigMap, here all of them. An AKS cluster has anonymous requests
    switched off; `anonymous` switches them on, as in a plain kube-apiserver.
    """

    def __init__(self, tokens: Tokens) -> None:
        self._tokens = tokens
        self._lock = threading.Lock()
        rights = {(verb, r.group, r.plural) for r in RESOURCES for verb in (("get",) if r.namespaced else _READ)}
        self._identity = User(IDENTITY_USER, rights=rights)
        self._static: dict[str, User] = {}
        self.anonymous = False

    def add_token(self, token: str, user: str, *, admin: bool) -> None:
        """Let a fixed token in, with every right or, at first, none."""
        with self._lock:
            self._static[token] = User(user, admin)

    def change(self, verbs: tuple[str, ...], plural: str, user: str, *, allowed: bool) -> None:
        """Give or take rights on one resource. Raises ValueError for an unknown resource, KeyError for an unknown user."""
        group = by_plural(plural).group
        with self._lock:
            known = {found.name: found for found in (self._identity, *self._static.values())}
            rights = {(verb, group, plural) for verb in verbs}
            if allowed:
                known[user].rights |= rights
            else:
                known[user].rights -= rights

    def user_of(self, authorization: str | None) -> User:
        """The user of an Authorization header; raises a 401 ApiError for a token that is not good."""
        if authorization is None and self.anonymous:
            return User("system:anonymous")
        scheme, _, token = (authorization or "").partition(" ")
        with self._lock:
            static = self._static.get(token) if scheme.lower() == "bearer" else None
        if static is not None:
            return static
        if self._tokens.accepts(authorization, AKS_AUDIENCE):
            return self._identity
        raise unauthorized()

    def check(self, user: User, target: Target) -> None:
        """Raise a 403 ApiError unless the user may do it. Whether it exists is not asked."""
        if user.admin:
            return
        if target.plural:
            with self._lock:
                allowed = (target.verb, target.group, target.plural) in user.rights
            if not allowed:
                raise forbidden(
                    user.name,
                    target.verb,
                    group=target.group,
                    plural=target.plural,
                    name=target.name,
                    namespace=target.namespace,
                )
        elif target.path.rstrip("/") not in _OPEN_PATHS and not target.path.startswith(("/api/", "/apis/")):
            raise forbidden_path(user.name, target.verb, target.path)
