"""YAML text as plain values. Apart from `document`, because importing yaml costs 25 ms that a JSON setting need not pay."""

from collections.abc import Hashable
from typing import Any

import yaml


class _Loader(yaml.SafeLoader):
    """SafeLoader that notes keys given twice, where YAML would silently keep the last."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.repeated: list[str] = []

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:  # noqa: FBT001, FBT002  # yaml's signature
        seen: set[str] = set()
        for key, _ in node.value:  # as written: anchors merged with "<<" may well bring the same key
            if isinstance(key, yaml.ScalarNode):
                if key.value in seen:
                    self.repeated.append(
                        f"line {key.start_mark.line + 1}: key {key.value[:60]!r} is given twice; keep one"
                    )
                seen.add(key.value)
        return super().construct_mapping(node, deep=deep)


def parse(text: str) -> tuple[object, list[str]]:
    """The one document in `text` and its repeated keys. Raises ValueError with line and column."""
    try:
        loader = _Loader(text)
        return loader.get_single_data(), loader.repeated
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = f"line {mark.line + 1}, column {mark.column + 1}: " if mark else ""
        msg = f"is not YAML: {where}{error.problem or error.context}"
        raise ValueError(msg) from None
    except yaml.YAMLError as error:  # characters that no YAML may hold
        reason = getattr(error, "reason", "unreadable")
        msg = f"is not YAML: {reason} at position {getattr(error, 'position', 0)}"
        raise ValueError(msg) from None
    except (AttributeError, IndexError, KeyError, ValueError):  # yaml trips over "!!bool perhaps" or 2026-13-01
        msg = "holds a value that is not what it looks like or is tagged as, such as a date in month 13; quote it"
        raise ValueError(msg) from None
