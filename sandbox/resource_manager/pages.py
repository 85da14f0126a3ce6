"""Lists in pages: `value` and, unless it is the last one, `nextLink`."""

from collections.abc import Callable, Mapping, Sequence

from sandbox.resource_manager.answers import Answer, AzureError, Body
from sandbox.resource_manager.routing import Ask

PAGE_SIZE = 50
"""Machines per page, as users saw it for virtual machines (azure-xplat-cli#2961); for the other lists not known."""


class Pages:
    """Cuts lists into pages of `size` items; `base_url` is what a nextLink begins with."""

    def __init__(self, size: int, base_url: Callable[[], str]) -> None:
        self._size = size
        self._base_url = base_url

    def answer(self, ask: Ask, items: Sequence[Body]) -> Answer:
        """The page that `ask` wants. A nextLink is `path?api-version=…&$skiptoken=…` (quoted in azure-xplat-cli#2961)."""
        start = _start(ask.query)
        body: Body = {"value": list(items[start : start + self._size])}
        if start + self._size < len(items):
            version = ask.api_version
            body["nextLink"] = f"{self._base_url()}{ask.path}?api-version={version}&$skiptoken={start + self._size}"
        return Answer(200, body)


def _start(query: Mapping[str, str]) -> int:
    token = query.get("$skiptoken", "0")
    if not token.isdigit():
        raise AzureError(400, "InvalidParameter", "The value of parameter $skiptoken is invalid.")  # inferred
    return int(token)
