"""Reading recorded Resource Manager exchanges and making two answers comparable. What is compared: see the tests."""

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests
import yaml

FOLDER = Path(__file__).resolve().parents[3] / "shared" / "data"
RECORDINGS = FOLDER / "arm-recordings"
SPEC = FOLDER / "arm-spec"

_GUID = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_HOST = "https://management.azure.com"

_COMPARED = ("etag", "azure-asyncoperation", "location", "x-ms-failure-cause", "content-type", "expires", "pragma")
"""Headers that must be there, or be absent, as recorded.

Not compared: retry-after and x-ms-request-id, which every recorder removed; the names of the quota headers, which Azure
changed three times; and azure-asyncnotification, which routes got later than tables.
"""


@dataclass(frozen=True, slots=True)
class Exchange:
    """One recorded request and its answer. `path` is without host and query; header names are in lower case."""

    method: str
    path: str
    query: str
    request_headers: dict[str, str]
    request_body: Any
    status: int
    headers: dict[str, str]
    body: Any

    @property
    def version(self) -> str:
        """The api-version of the request."""
        return re.sub(r".*?api-version=([^&]+).*", r"\1", self.query)


def exchanges(file: str) -> list[Exchange]:
    """All exchanges of a recording of vcrpy (azure-cli, azure-sdk) or of go-vcr (cloud-provider-azure)."""
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    document = yaml.load((RECORDINGS / file).read_text(), Loader=loader)  # noqa: S506 - both are safe loaders
    return [_exchange(entry["request"], entry["response"]) for entry in document["interactions"]]


def _exchange(request: dict[str, Any], response: dict[str, Any]) -> Exchange:
    path, _, query = (request.get("uri") or request["url"]).removeprefix(_HOST).partition("?")
    body = response["body"]
    return Exchange(
        method=request["method"],
        path=path,
        query=query,
        request_headers=_headers(request["headers"]),
        request_body=_json(request.get("body")),
        status=response["code"] if "code" in response else response["status"]["code"],
        headers=_headers(response["headers"]),
        body=_json(body["string"] if isinstance(body, dict) else body),
    )


def _headers(headers: dict[str, list[str]]) -> dict[str, str]:
    return {name.lower(): values[0] for name, values in headers.items()}


def _json(text: str | None) -> Any:
    return json.loads(text) if text else None


def neutral(value: Any) -> Any:
    """A body or header with every GUID, and with it every etag, made the same, and lists put in order of name."""
    text = _GUID.sub("<guid>", json.dumps(value))
    return _ordered(json.loads(text))


def _ordered(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _ordered(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return sorted((_ordered(inner) for inner in value), key=lambda each: json.dumps(each, sort_keys=True))
    return value


def neutral_text(text: str) -> str:
    """A message with ids, quoted names, GUIDs and numbers taken out: its wording."""
    text = re.sub(r"/subscriptions/[^\s']+?(?=[.']?(?:\s|$|'))", "<id>", _GUID.sub("<guid>", text))
    return re.sub(r"\d+", "<n>", re.sub(r"'[^']*'", "<name>", text))


def visible_headers(headers: Any, *, has_body: bool) -> dict[str, str]:
    """The compared headers that are there. URLs of operations are reduced to path and names of parameters.

    The type of an empty body is not compared; nor the signature, which operations have since 2024 only.
    """
    seen: dict[str, str] = {}
    for name in _COMPARED:
        value = headers.get(name)
        if value is None or (name == "content-type" and not has_body):
            continue
        path, _, query = re.sub(r"^https://[^/]+", "", value).partition("?")
        version = re.sub(r"&.*", "", query)
        seen[name] = _GUID.sub("<guid>", f"{path}?{version}" if query else value)
    return seen


def etags(value: Any) -> list[str]:
    """Every etag of a body, in order of appearance."""
    return re.findall(r'"etag": "((?:[^"\\]|\\.)*)"', json.dumps(value))


def answer_body(answer: requests.Response) -> Any:
    """The decoded body, None for an empty one."""
    return answer.json() if answer.content else None


def shapes(value: Any, path: str = "") -> dict[str, str]:
    """Path → type, for every key of a body; the items of a list count as one."""
    found: dict[str, str] = {}
    if isinstance(value, dict):
        for key, inner in value.items():
            here = f"{path}.{key}".lstrip(".")
            found |= {here: type(inner).__name__} | shapes(inner, here)
    if isinstance(value, list):
        for inner in value:
            found |= shapes(inner, path)
    return found
