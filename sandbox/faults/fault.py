"""What a fault is: a name, a sentence, and how it is played."""

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from sandbox.azurite import Azurite
from sandbox.cloud import Cloud
from sandbox.endpoint import Undo
from sandbox.faults.proxy import Proxy


@dataclass(frozen=True, slots=True)
class Storage:
    """The emulator, and the proxies through which the app reaches its blobs and queues."""

    azurite: Azurite
    proxies: tuple[Proxy, Proxy]


@dataclass(frozen=True, slots=True)
class Ground:
    """What faults act on."""

    cloud: Cloud
    storage: Storage | None = None


@dataclass(frozen=True)
class Fault:
    """`play(ground, strikes, **options)` begins it and returns what ends it; `strikes` is asked at every occasion.

    The sentence is the first line of the function's docstring, the options are its keyword arguments.
    """

    name: str
    play: Callable[..., Undo]
    times: int | None = None
    """How often it strikes where nobody says; None for no limit."""
    needs_storage: bool = False

    @cached_property
    def plays(self) -> str:
        """One sentence: what it is."""
        return (inspect.getdoc(self.play) or "").partition("\n")[0]

    @cached_property
    def options(self) -> Mapping[str, Any]:
        """Option → value where nobody says."""
        parameters = inspect.signature(self.play).parameters.values()
        return {each.name: each.default for each in parameters if each.kind is inspect.Parameter.KEYWORD_ONLY}
