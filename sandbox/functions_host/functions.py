"""What the app declares: its functions and their bindings, as the worker indexed them. No I/O."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from sandbox.functions_host.protos import RpcFunctionMetadata


@dataclass(frozen=True, slots=True)
class Binding:
    """One binding; `properties` is its JSON with every `%SETTING%` resolved."""

    name: str
    type: str
    properties: Mapping[str, Any]

    @property
    def is_trigger(self) -> bool:
        """Whether it starts the function."""
        return self.type.endswith("Trigger")

    def text(self, key: str, default: str = "") -> str:
        """A property as text."""
        value = self.properties.get(key)
        return default if value is None else str(value)


@dataclass(frozen=True, slots=True)
class Function:
    """One function of the app. A disabled one runs only by hand, through the admin API."""

    id: str
    name: str
    bindings: tuple[Binding, ...]
    disabled: bool = False

    @property
    def trigger(self) -> Binding:
        """Its one trigger; the worker refuses a function without."""
        return next(binding for binding in self.bindings if binding.is_trigger)

    def binding(self, name: str) -> Binding | None:
        """The binding of that name; `$return` is the one behind the return value."""
        return next((binding for binding in self.bindings if binding.name == name), None)


def read_function(
    metadata: RpcFunctionMetadata, *, resolve: Callable[[str], str], is_disabled: Callable[[str], bool]
) -> Function:
    """The function behind the worker's metadata. Raises what `resolve` raises for an unknown setting."""
    return Function(
        id=metadata.function_id,
        name=metadata.name,
        bindings=tuple(_read_binding(json.loads(raw), resolve) for raw in metadata.raw_bindings),
        disabled=is_disabled(metadata.name),
    )


def _read_binding(raw: dict[str, Any], resolve: Callable[[str], str]) -> Binding:
    properties = {key: resolve(value) if isinstance(value, str) else value for key, value in raw.items()}
    return Binding(name=properties["name"], type=properties["type"], properties=properties)
