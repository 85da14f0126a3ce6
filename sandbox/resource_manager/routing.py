"""Which provider answers which path. A provider type is a file with `Endpoint`s; this one matches and checks versions."""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from sandbox.resource_manager import errors
from sandbox.resource_manager.answers import Answer, AzureError

_VERSIONS = {
    "microsoft.resources": ("2015-01-01", "2026-12-31"),
    "microsoft.network": ("2015-05-01", "2026-12-31"),
    "microsoft.compute": ("2015-06-15", "2026-12-31"),
    "microsoft.containerservice": ("2017-08-31", "2026-12-31"),
    "microsoft.authorization": ("2015-01-01", "2026-12-31"),
    "microsoft.eventgrid": ("2018-01-01", "2026-12-31"),
}
"""First and last api-version of a provider, inclusive. Azure has a list; a range spares us its upkeep."""

GROUP = "/subscriptions/{subscription}/resourceGroups/{group}"


@dataclass(frozen=True, slots=True)
class Ask:
    """A request as a provider sees it. `body` is the decoded JSON, or None without one."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: Any
    names: Mapping[str, str]
    """What the path has for the placeholders of the endpoint, in the caller's case."""

    @property
    def api_version(self) -> str:
        """The api-version of the query; the router has checked it."""
        return self.query["api-version"]

    @property
    def if_match(self) -> str | None:
        """The If-Match header, if there is one."""
        return self.headers.get("If-Match")


Handler = Callable[[Ask], Answer]


@dataclass(frozen=True)
class Endpoint:
    """One operation of a provider: method and path template such as `…/routeTables/{table}`; `{+scope}` may have slashes."""

    method: str
    template: str
    handle: Handler
    provider: str

    @cached_property
    def pattern(self) -> re.Pattern[str]:
        """The template as a pattern over whole paths, blind to case."""
        scopes = re.sub(r"\{\+(\w+)\}", r"(?P<\1>.+)", self.template)
        return re.compile(re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", scopes) + "/?", re.IGNORECASE)


class Router:
    """Finds the endpoint of a request."""

    def __init__(self, endpoints: Iterable[Endpoint], check_scope: Callable[[Mapping[str, str]], None]) -> None:
        self._endpoints = tuple(endpoints)
        self._check_scope = check_scope

    def answer(self, ask: Ask) -> Answer:
        """Serve a request.

        Checks go in the front door's order: api-version present, subscription and resource group known, api-version
        supported. What the stand-in does not have gets 501, which Azure never sends, so that nobody takes it for Azure.
        """
        if "api-version" not in ask.query:
            raise errors.missing_api_version()
        for endpoint in self._endpoints:
            match = endpoint.pattern.fullmatch(ask.path)
            if match and endpoint.method == ask.method:
                names = match.groupdict()
                self._check_scope(names)
                _check_version(endpoint, ask.api_version)
                return endpoint.handle(Ask(ask.method, ask.path, ask.query, ask.headers, ask.body, names))
        raise AzureError(501, "NotInSandbox", f"The sandbox has no {ask.method} {ask.path}.")


def _check_version(endpoint: Endpoint, version: str) -> None:
    first, last = _VERSIONS[endpoint.provider.lower()]
    well_formed = re.fullmatch(r"(\d{4}-\d{2}-\d{2})(-preview)?", version)
    if not well_formed or not first <= well_formed[1] <= last:
        kind = re.sub(r".*/providers/[^/]+/([^/]+).*", r"\1", endpoint.template)
        raise errors.unsupported_api_version(version, kind, f"{first} to {last}")
