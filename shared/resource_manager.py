"""What is needed of Azure Resource Manager to find things out: read a resource, ask an action, decode the few fields used.

How requests are sent, retried and translated is told in `targets.arm`, which fits the protocol by shape.
"""

from typing import Any, Generic, Protocol, TypeVar
from urllib.parse import urlsplit

import msgspec

from shared import shapes
from shared.errors import TargetError

T = TypeVar("T")


class ResourceManager(Protocol):
    """Both methods raise TargetError with the HTTP `status` and Azure's error `code`."""

    def get(self, path: str, *, api_version: str) -> dict[str, Any]:
        """The resource whose id is `path`."""
        ...

    def post(self, path: str, *, api_version: str) -> dict[str, Any]:
        """The answer of an action; `path` is a resource id with the action's name behind it."""
        ...


def read(arm: ResourceManager, path: str, shape: type[T], *, api_version: str) -> T:
    """The resource at `path` as `shape`. Raises TargetError, also where the answer does not have that shape."""
    return _decode(arm.get(path, api_version=api_version), shape, path)


class _Page(msgspec.Struct, Generic[T], frozen=True, rename="camel"):
    value: tuple[T, ...]
    next_link: str | None = None


def read_all(arm: ResourceManager, path: str, shape: type[T], *, api_version: str) -> tuple[T, ...]:
    """Everything in the list at `path`, each as `shape`. Raises TargetError where any page of it cannot be had."""
    found: list[T] = []
    asked: list[str] = []
    following = path
    while following:
        if following in asked:
            raise TargetError(f"page {len(asked)} leads back to an earlier one")
        asked.append(following)
        page = read(arm, following, _Page[shape], api_version=api_version)  # type: ignore[valid-type]  # mypy knows no type variable as a value
        found += page.value
        following = _path_of(page.next_link) if page.next_link else ""
    return tuple(found)


def _path_of(next_link: str) -> str:
    """Path and query of the next page. Azure writes its own host in front; the token goes to the configured one only."""
    parts = urlsplit(next_link)
    if not parts.path.lower().startswith("/subscriptions/"):
        raise TargetError("Azure's answer leads to a next page that is no path of a subscription")
    return f"{parts.path}?{parts.query}"


def ask(arm: ResourceManager, path: str, shape: type[T], *, api_version: str) -> T:
    """The answer of the action at `path` as `shape`. Raises TargetError like `read`."""
    return _decode(arm.post(path, api_version=api_version), shape, path)


def explained(error: TargetError, what: str, way_out: str = "") -> TargetError:
    """The same failure, told as what it kept from being done and what to do about it."""
    sentence = f"{what}: {error}" + (f"; {way_out}" if way_out else "")
    return TargetError(sentence, status=error.status, code=error.code)


def _decode(body: dict[str, Any], shape: type[T], path: str) -> T:
    try:
        return shapes.convert(body, shape)
    except msgspec.ValidationError as error:
        raise TargetError(f"Azure's answer for {path} is not understood: {error}") from None
