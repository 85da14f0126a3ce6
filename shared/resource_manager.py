"""What is needed of Azure Resource Manager to find things out: read a resource, ask an action, decode the few fields used.

How requests are sent, retried and translated is told in `targets.arm`, which fits the protocol by shape.
"""

from typing import Any, Protocol, TypeVar

import msgspec

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


def ask(arm: ResourceManager, path: str, shape: type[T], *, api_version: str) -> T:
    """The answer of the action at `path` as `shape`. Raises TargetError like `read`."""
    return _decode(arm.post(path, api_version=api_version), shape, path)


def explained(error: TargetError, what: str, way_out: str = "") -> TargetError:
    """The same failure, told as what it kept from being done and what to do about it."""
    sentence = f"{what}: {error}" + (f"; {way_out}" if way_out else "")
    return TargetError(sentence, status=error.status, code=error.code)


def _decode(body: dict[str, Any], shape: type[T], path: str) -> T:
    try:
        return msgspec.convert(body, shape)
    except msgspec.ValidationError as error:
        raise TargetError(f"Azure's answer for {path} is not understood: {error}") from None
