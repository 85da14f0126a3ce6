"""The templates as data: their text, what pycep makes of it, and the little that can be told without Azure's compiler.

A rule (see `rules`) gets `Templates`, so that it can be shown to fail on a broken copy.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
INFRA = ROOT / "infra"
KINDS = ("*.bicep", "*.bicepparam", "*.json", "*.yaml", "queries/*.kql", "modules/*.bicep")

Object = Mapping[str, Any]

pycep = pytest.importorskip("pycep", reason="pycep-parser is not installed, which requirements-dev.txt brings")
_parser = pycep.BicepParser()


class NotBicepError(Exception):
    """The parser does not read it."""


@dataclass(frozen=True)
class Template:
    """One Bicep file, parsed."""

    name: str
    text: str
    parsed: Object

    @property
    def parameters(self) -> Object:
        """Name → what pycep found: type, default, decorators."""
        found: Object = self.parsed.get("parameters", {})
        return found

    @property
    def variables(self) -> Object:
        """Name → value."""
        return {name: each["value"] for name, each in self.parsed.get("variables", {}).items()}

    @property
    def outputs(self) -> Object:
        """Name → what pycep found."""
        found: Object = self.parsed.get("outputs", {})
        return found

    @property
    def modules(self) -> dict[str, tuple[str, Object]]:
        """Symbol → path of the module's file, and its body."""
        return {
            name: (str(Path(self.name).parent / local_path(each)), body(each["config"]))
            for name, each in self.parsed.get("modules", {}).items()
        }

    @property
    def resources(self) -> Iterator["Resource"]:
        """All resources, existing ones included."""
        for symbol, each in self.parsed.get("resources", {}).items():
            yield Resource(
                self.name, symbol, each["type"], each["api_version"], body(each["config"]), exists=each["existing"]
            )


@dataclass(frozen=True)
class Resource:
    """A resource of a template."""

    file: str
    symbol: str
    type: str
    api_version: str
    config: Object
    exists: bool

    @property
    def properties(self) -> Object:
        """Its `properties`."""
        found: Object = self.config.get("properties", {})
        return found


@dataclass(frozen=True)
class Templates:
    """Everything under infra that belongs to the deployment, by path relative to it."""

    files: Mapping[str, str]
    parsed: dict[str, Template] = field(default_factory=dict, compare=False)

    def with_change(self, file: str, old: str, new: str) -> "Templates":
        """A copy in which `old`, which must be there, has become `new`."""
        assert old in self.files[file], f"{file} has no {old!r} to break"
        return replace(self, files={**self.files, file: self.files[file].replace(old, new)}, parsed={})

    @property
    def templates(self) -> Iterator[Template]:
        """Each Bicep file, parsed once."""
        for name, text in self.files.items():
            if name.endswith(".bicep"):
                if name not in self.parsed:
                    self.parsed[name] = _parse(name, text)
                yield self.parsed[name]

    def template(self, name: str) -> Template:
        """The Bicep file of that name."""
        return next(each for each in self.templates if each.name == name)

    @property
    def resources(self) -> Iterator[Resource]:
        """All resources of all files."""
        for template in self.templates:
            yield from template.resources

    def of_type(self, kind: str) -> list[Resource]:
        """The resources of a type that are made here."""
        return [each for each in self.resources if each.type == kind and not each.exists]

    def one(self, kind: str) -> Resource:
        """The only resource of a type that is made here."""
        (only,) = self.of_type(kind)
        return only

    @cached_property
    def settings(self) -> Object:
        """The app's settings, name → value."""
        return self.one("Microsoft.Web/sites/config").properties


def _parse(name: str, text: str) -> Template:
    try:
        return Template(name, text, _parser.parse(text=text))
    except Exception as error:  # the parser's own, or a KeyError where it knows no such word
        raise NotBicepError(f"{name}: {error}") from error


def role_of(assignment: Resource) -> str:
    """The variable that holds the role of an assignment."""
    return str(assignment.properties["roleDefinitionId"]["function"]["parameters"]["resource_name_1"])


def written() -> Templates:
    """The templates as they are in the repository; infra's other folders have their own tests."""
    paths = sorted(path for kind in KINDS for path in INFRA.glob(kind))
    return Templates({str(path.relative_to(INFRA)): path.read_text() for path in paths})


def local_path(module: Object) -> str:
    """The path of a module's file, as written."""
    return str(module["detail"]["full"])


def body(config: Any) -> Object:
    """The object of a resource or module, whether it is made once, on a condition, or for each of a list."""
    while isinstance(config, Mapping) and "config" in config and ("loop_type" in config or "condition" in config):
        config = config["config"]
    return config if isinstance(config, Mapping) else {}


STRING = re.compile(r"'''.*?'''|'(?:\\.|[^'\\$]|\$(?!\{)|\$\{(?:[^{}']|'(?:\\.|[^'\\])*'|\{[^{}]*\})*\})*'", re.DOTALL)
INTERPOLATED = re.compile(r"\$\{((?:[^{}']|'(?:\\.|[^'\\])*'|\{[^{}]*\})*)\}")


def code(text: str) -> str:
    """The expressions of a file: without comments, without strings, but with what is interpolated into them."""
    text = re.sub(r"(?m)(^|\s)//.*$", "", text)

    def inner(match: re.Match[str]) -> str:
        return " ( " + " , ".join(code(part) for part in INTERPOLATED.findall(match[0])) + " ) "

    return STRING.sub(inner, text)
