"""The text of the clusters setting, or of the file it names, as a list of plain values. What they mean is not known here."""

import json
from pathlib import Path
from typing import Any

from shared.errors import ConfigError

SETTING = "AKS_POD_ROUTES_CLUSTERS"

_YAML = (".yaml", ".yml")


def read_clusters(value: str) -> tuple[list[object], list[str]]:
    """The clusters as written, and problems that do not keep them from being looked at (keys given twice).

    Raises ConfigError where there is nothing to look at. The value itself is never repeated in a problem: it may be
    anything, pasted by mistake.
    """
    where = SETTING
    try:
        if value.lstrip()[:1] in {"[", "{"}:
            found, repeated = _parse_json(value)
        else:
            path = _path(value.strip())
            where = f"{SETTING} ({path.name})"
            text = _text(path)
            found, repeated = _parse_yaml(text) if path.suffix.lower() in _YAML else _parse_json(text)
        clusters = _non_empty_list(found)
    except RecursionError:
        raise ConfigError((f"{where}: is nested too deeply",)) from None
    except ValueError as error:
        raise ConfigError((f"{where}: {error}",)) from None
    return clusters, [f"{where}: {problem}" for problem in repeated]


def _path(value: str) -> Path:
    path = Path(value)
    if "\0" in value or path.suffix.lower() not in {".json", *_YAML}:
        msg = "is neither a JSON array of clusters nor the path of a .json, .yaml or .yml file"
        raise ValueError(msg)
    return path


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        msg = f"there is no such file; a relative path starts at {Path.cwd()}"
        raise ValueError(msg) from None
    except IsADirectoryError:
        msg = "is a folder; name the file inside it"
        raise ValueError(msg) from None
    except UnicodeDecodeError as error:
        msg = f"is not UTF-8 text (byte {error.start})"
        raise ValueError(msg) from None
    except OSError as error:
        msg = f"cannot be read: {error.strerror}"
        raise ValueError(msg) from None


def _parse_json(text: str) -> tuple[object, list[str]]:
    repeated: list[str] = []

    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for key, value in pairs:
            if key in found:
                repeated.append(f"key {key[:60]!r} is given twice in one object; keep one")
            found[key] = value
        return found

    try:
        return json.loads(text, object_pairs_hook=unique), repeated
    except json.JSONDecodeError as error:
        msg = f"is not JSON: line {error.lineno}, column {error.colno}: {error.msg}"
        raise ValueError(msg) from None


def _parse_yaml(text: str) -> tuple[object, list[str]]:
    from shared.config import yaml_document  # noqa: PLC0415  # only where a YAML file is read

    return yaml_document.parse(text)


def _non_empty_list(found: object) -> list[object]:
    if not isinstance(found, list):
        kind = "an object" if isinstance(found, dict) else "empty" if found is None else "a single value"
        msg = f"is {kind}; expected an array with one object per cluster"
        raise ValueError(msg)  # noqa: TRY004  # a problem of the text, reported with the others
    if not found:
        msg = "names no cluster; add at least one"
        raise ValueError(msg)
    return found
