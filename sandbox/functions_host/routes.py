"""Which HTTP function a path belongs to. Pure.

Route templates are those of ASP.NET as far as Python apps use them: `{name}`, `{name?}`, `{*rest}`, no constraints.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from sandbox.functions_host.functions import Function

_PARAMETER: Final = re.compile(r"\{(\*{0,2})(\w+)(\?)?\}")


@dataclass(frozen=True, slots=True)
class Route:
    """One HTTP function behind its template."""

    function: Function
    template: str
    methods: frozenset[str]
    pattern: re.Pattern[str]

    @classmethod
    def of(cls, function: Function, prefix: str) -> "Route":
        """The route of an HTTP function below the app's prefix. Raises ValueError for a template with constraints."""
        template = function.trigger.text("route", function.name).strip("/")
        full = "/".join(part for part in (prefix, template) if part)
        methods = frozenset(str(method).upper() for method in function.trigger.properties.get("methods") or ())
        return cls(function, full, methods, _pattern(full))

    @property
    def precedence(self) -> tuple[int, int]:
        """Sorts the more literal template first."""
        return (len(_PARAMETER.findall(self.template)), -len(self.template))

    def match(self, method: str, path: str) -> Mapping[str, str] | None:
        """The route parameters when this route takes the request, else None."""
        if self.methods and method.upper() not in self.methods:
            return None
        found = self.pattern.fullmatch(path.rstrip("/"))
        return {key: value for key, value in found.groupdict().items() if value is not None} if found else None


def _pattern(template: str) -> re.Pattern[str]:
    text = ""
    for segment in template.split("/"):
        parameter = _PARAMETER.fullmatch(segment)
        if parameter is None and "{" in segment:
            raise ValueError(
                f"route {template!r}: {segment!r} is not played here, only {{name}}, {{name?}} and {{*rest}}"
            )
        if parameter is None:
            text += "/" + re.escape(segment)
            continue
        star, name, optional = parameter.groups()
        if star:
            text += f"(?:/(?P<{name}>.*))?"
        else:
            text += f"(?:/(?P<{name}>[^/]+)){'?' if optional else ''}"
    return re.compile(text, re.IGNORECASE)
