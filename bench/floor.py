"""What nobody can go below: the same bytes over HTTP and out of JSON, one after the other, with nothing made of them.

Over HTTP in two ways: as urllib3 gives them to everybody, and with each answer unzipped in one go, as the app does it.
For a write: one GET, one PUT, the polls Azure asks for, at the times it asks for them.
"""

import json
import os
import time
import zlib
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any
from urllib.parse import urlencode

import msgspec
import urllib3
from azure.identity import ManagedIdentityCredential

from shared.sources.kubernetes import CILIUM_API, PAGE_SIZE
from shared.sources.objects import CiliumNodeList, NodeList
from shared.targets.route_table import API_VERSION
from shared.wiring import AKS_SCOPE

_LISTS = ("/api/v1/nodes", f"{CILIUM_API}/ciliumnodes")
_SHAPES: Mapping[str, Any] = dict(zip(_LISTS, (NodeList, CiliumNodeList), strict=True))


class Raw:
    """Open connections and tokens, and no more."""

    def __init__(self, settings: Mapping[str, str]) -> None:
        self._pool = urllib3.PoolManager(ca_certs=os.environ["REQUESTS_CA_BUNDLE"], retries=False)
        self.arm, self.kubernetes = settings["AKS_POD_ROUTES_ARM_ENDPOINT"], settings["BENCH_KUBERNETES"]
        self.tables: list[str] = json.loads(settings["BENCH_TABLES"])
        credential = ManagedIdentityCredential(client_id=settings["AZURE_CLIENT_ID"])
        self._tokens = {
            self.arm: credential.get_token(f"{self.arm}/.default").token,
            self.kubernetes: credential.get_token(AKS_SCOPE).token,
        }

    def get(self, server: str, path: str, query: Mapping[str, Any], *, in_one_go: bool = False) -> bytes:
        """The bytes of an answer, unzipped."""
        answer = self.send("GET", server, f"{server}{path}?{urlencode(query)}", preload_content=False)
        body = answer.read(decode_content=not in_one_go)
        if in_one_go and "Content-Encoding" in answer.headers:
            return zlib.decompress(body, 16 + zlib.MAX_WBITS, int.from_bytes(body[-4:], "little"))
        return body

    def send(self, method: str, server: str, url: str, **options: Any) -> urllib3.BaseHTTPResponse:
        """A whole answer."""
        headers = {"Authorization": f"Bearer {self._tokens[server]}", "Accept-Encoding": "gzip"}
        headers |= options.pop("headers", {})
        return self._pool.request(method, url, headers=headers, **options)

    def pages(self, path: str, *, in_one_go: bool = False) -> Iterator[bytes]:
        """Every page of a list."""
        token = ""
        while True:
            query = {"limit": PAGE_SIZE, **({"continue": token} if token else {})}
            page = self.get(self.kubernetes, path, query, in_one_go=in_one_go)
            yield page
            if not (token := msgspec.json.decode(page, type=_Next).metadata.token):
                return


class _Token(msgspec.Struct):
    token: str = msgspec.field(default="", name="continue")


class _Next(msgspec.Struct):
    metadata: _Token


def of(settings: Mapping[str, str]) -> Iterator[tuple[str, Callable[[], Any]]]:
    """The parts of the floor of a pass that finds nothing to do."""
    raw = Raw(settings)
    lists = {path: list(raw.pages(path)) for path in _LISTS}
    tables = [raw.get(raw.arm, table, {"api-version": API_VERSION}) for table in raw.tables]

    def transfer(*, in_one_go: bool = False) -> dict[str, int]:
        """What was unzipped, in bytes. No page is kept: who reads them all needs one at a time."""
        unzipped = sum(len(page) for path in _LISTS for page in raw.pages(path, in_one_go=in_one_go))
        unzipped += sum(len(raw.get(raw.arm, table, {"api-version": API_VERSION})) for table in raw.tables)
        return {"bytes": unzipped}

    def plain() -> None:
        for body in (*(page for pages in lists.values() for page in pages), *tables):
            json.loads(body)

    def typed() -> None:
        for path, pages in lists.items():
            for page in pages:
                msgspec.json.decode(page, type=_SHAPES[path])
        for body in tables:
            json.loads(body)

    yield "raw HTTP", transfer
    yield "raw HTTP, unzipped in one go", partial(transfer, in_one_go=True)
    yield "JSON, the standard library", plain
    yield "JSON, only the fields used", typed


def write(settings: Mapping[str, str]) -> None:
    """GET a table, PUT it back with one route moved, and wait for the operation as Azure asks to."""
    raw = Raw(settings)
    url = f"{raw.arm}{raw.tables[0]}?api-version={API_VERSION}"
    table = json.loads(raw.send("GET", raw.arm, url).data)
    routes = table["properties"]["routes"]
    hop = routes[0]["properties"]["nextHopIpAddress"]
    routes[0]["properties"]["nextHopIpAddress"] = "10.16.255.254" if hop != "10.16.255.254" else "10.16.255.253"
    headers = {"If-Match": table["etag"], "Content-Type": "application/json"}
    answer = raw.send("PUT", raw.arm, url, body=json.dumps(table).encode(), headers=headers)
    poll = answer.headers["Azure-AsyncOperation"]
    while True:
        time.sleep(float(answer.headers.get("Retry-After", 0)))
        answer = raw.send("GET", raw.arm, poll)
        if json.loads(answer.data)["status"] != "InProgress":
            break
    raw.send("GET", raw.arm, url)
