"""Label selectors: text in, a test of labels out. Knows the grammar, not whose labels they are.

Grammar and meaning: https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/#label-selectors
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Self, assert_never

EXAMPLE = "write it like aks-pod-routes/bgp-peer=true or 'tier in (edge, core)'"

_TOKEN = re.compile(r"\s*(?P<token>==|!=|[=!(),]|[^\s=!(),]+|\Z)")
_END = ""
_SYMBOLS = frozenset({"==", "!=", "=", "!", "(", ")", ",", _END})

_DNS_LABEL = r"[a-z0-9](?:[-a-z0-9]*[a-z0-9])?"
_PREFIX = re.compile(rf"{_DNS_LABEL}(?:\.{_DNS_LABEL})*")
_NAME = re.compile(r"[A-Za-z0-9](?:[-A-Za-z0-9_.]*[A-Za-z0-9])?")
_LONGEST_PREFIX = 253
_LONGEST_NAME = 63


class Operator(Enum):
    """What a requirement asks of one label. Equality is IN with one value, inequality NOT_IN with one."""

    IN = auto()
    NOT_IN = auto()
    EXISTS = auto()
    ABSENT = auto()


@dataclass(frozen=True, slots=True)
class Requirement:
    """One part of a selector. `values` is empty for EXISTS and ABSENT."""

    key: str
    operator: Operator
    values: frozenset[str] = frozenset()

    def matches(self, labels: Mapping[str, str]) -> bool:
        """Whether the labels meet it. A label that is absent has none of the values, so NOT_IN takes it."""
        match self.operator:
            case Operator.IN:
                return labels.get(self.key) in self.values
            case Operator.NOT_IN:
                return labels.get(self.key) not in self.values
            case Operator.EXISTS:
                return self.key in labels
            case Operator.ABSENT:
                return self.key not in labels
            case _ as never:
                assert_never(never)


@dataclass(frozen=True, slots=True)
class LabelSelector:
    """Requirements that must all be met. Made by `parse`; two that ask for the same are equal, however they were written."""

    requirements: frozenset[Requirement]
    text: str = field(compare=False)
    """As it was written."""

    @classmethod
    def parse(cls, text: str) -> Self:
        """The selector in `text`; ValueError, with a sentence that begins with "is", for what is none.

        Empty text selects everything in Kubernetes. Nobody means that who names the nodes for something, so it is refused.
        """
        if not text.strip():
            raise ValueError(f"is empty and would select every node; {EXAMPLE}")
        return cls(frozenset(_Parser(text).requirements()), text)

    def matches(self, labels: Mapping[str, str]) -> bool:
        """Whether an object with these labels is selected."""
        return all(requirement.matches(labels) for requirement in self.requirements)

    def __str__(self) -> str:
        return self.text


class _Parser:
    """Reads tokens from left to right. Words like `in` are operators only behind a key, so that labels may be called so."""

    def __init__(self, text: str) -> None:
        self._tokens = [found["token"] for found in _TOKEN.finditer(text)]
        self._place = 0

    def requirements(self) -> list[Requirement]:
        found = [self._requirement()]
        while self._peek() == ",":
            self._next()
            found.append(self._requirement())
        if self._peek() != _END:
            raise self._unexpected("',' or the end")
        return found

    def _requirement(self) -> Requirement:
        if self._peek() == "!":
            self._next()
            return Requirement(self._key(), Operator.ABSENT)
        key = self._key()
        match self._peek():
            case "=" | "==":
                return Requirement(key, Operator.IN, self._one_value())
            case "!=":
                return Requirement(key, Operator.NOT_IN, self._one_value())
            case "in":
                return Requirement(key, Operator.IN, self._set())
            case "notin":
                return Requirement(key, Operator.NOT_IN, self._set())
            case "," | "":
                return Requirement(key, Operator.EXISTS)
            case _:
                raise self._unexpected("=, ==, !=, in, notin, ',' or the end")

    def _key(self) -> str:
        if self._peek() in _SYMBOLS:
            raise self._unexpected("a label's name")
        key = self._next()
        prefix, slash, name = key.rpartition("/")
        if slash and (len(prefix) > _LONGEST_PREFIX or not _PREFIX.fullmatch(prefix)):
            raise _bad(f"{prefix!r} is no prefix of a label, which is a lower-case DNS name of up to {_LONGEST_PREFIX}")
        if len(name) > _LONGEST_NAME or not _NAME.fullmatch(name):
            raise _bad(
                f"{name!r} is no name of a label, which is 1 to {_LONGEST_NAME} of A-Z, a-z, 0-9, '-', '_' and '.'"
            )
        return key

    def _one_value(self) -> frozenset[str]:
        self._next()
        return frozenset({self._value()})

    def _set(self) -> frozenset[str]:
        word = self._next()
        if self._peek() != "(":
            raise self._unexpected(f"'(' behind {word}")
        self._next()
        if self._peek() == ")":
            raise _bad(f"{word} () names no value")
        values = {self._value()}
        while self._peek() == ",":
            self._next()
            values.add(self._value())
        if self._peek() != ")":
            raise self._unexpected("',' or ')'")
        self._next()
        return frozenset(values)

    def _value(self) -> str:
        """A value, which may be empty: then a symbol or the end stands where it would."""
        if self._peek() in _SYMBOLS:
            return ""
        value = self._next()
        if len(value) > _LONGEST_NAME or not _NAME.fullmatch(value):
            raise _bad(
                f"{value!r} is no value of a label, which is up to {_LONGEST_NAME} of A-Z, a-z, 0-9, '-', '_' and '.'"
            )
        return value

    def _peek(self) -> str:
        return self._tokens[self._place]

    def _next(self) -> str:
        token = self._peek()
        self._place += 1
        return token

    def _unexpected(self, expected: str) -> ValueError:
        found = self._peek()
        return _bad(f"{repr(found) if found else 'the end'} stands where {expected} is expected")


def _bad(what: str) -> ValueError:
    return ValueError(f"is not a label selector: {what}; {EXAMPLE}")
