"""Label and field selectors: text in, a test out.

Grammar: https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/#label-selectors
"""

import re
from collections.abc import Callable

from sandbox.kubernetes_api.entries import Entry
from sandbox.kubernetes_api.statuses import bad_request

Test = Callable[[Entry], bool]

_NAME = r"[A-Za-z0-9](?:[A-Za-z0-9./_-]*[A-Za-z0-9])?"
_SET = re.compile(rf"^({_NAME})\s+(in|notin)\s+\(([^()]*)\)$")
_EQUALITY = re.compile(rf"^({_NAME})\s*(==|=|!=)\s*({_NAME})?$")
_PRESENCE = re.compile(rf"^(!?)\s*({_NAME})$")
_TOKEN = re.compile(r"\s*(==|!=|[=!,()]|[^\s=!,()]+)")
_COMMA_OUTSIDE_PARENTHESES = re.compile(r",(?![^()]*\))")


def label_test(text: str) -> Test:
    """The test of a label selector; raises a 400 ApiError for what is none."""
    tests = [_requirement(part.strip()) for part in _COMMA_OUTSIDE_PARENTHESES.split(text)] if text.strip() else []
    return lambda entry: all(test(entry) for test in tests)


def field_test(text: str) -> Test:
    """The test of a field selector: `metadata.name` only, as for every custom resource; else a 400 ApiError."""
    tests: list[Test] = []
    for part in filter(None, text.split(",")):
        found = re.fullmatch(r"([^=!]+)(==|=|!=)(.*)", part)
        if found is None:
            raise bad_request(f"invalid selector: '{part}'; can't understand '{part}'")
        label, operator, value = found.groups()
        if label != "metadata.name":
            raise bad_request(f"field label not supported: {label}")
        tests.append(_name_test(value, equal=operator != "!="))
    return lambda entry: all(test(entry) for test in tests)


def _name_test(value: str, *, equal: bool) -> Test:
    return lambda entry: (entry.name == value) is equal


def _requirement(part: str) -> Test:
    if found := _SET.match(part):
        key, operator, listed = found.groups()
        values = frozenset(value.strip() for value in listed.split(","))
        if operator == "in":
            return lambda entry: entry.labels.get(key) in values
        return lambda entry: entry.labels.get(key) not in values
    if found := _EQUALITY.match(part):
        key, operator, value = found[1], found[2], found[3] or ""
        if operator == "!=":
            return lambda entry: entry.labels.get(key) != value
        return lambda entry: entry.labels.get(key) == value
    if found := _PRESENCE.match(part):
        absent, key = found.groups()
        return lambda entry: (key in entry.labels) is not bool(absent)
    first = _TOKEN.match(part)
    raise bad_request(f"found '{first[1] if first else ''}', expected: !, identifier, or 'end of string'")
