"""The status page: one HTML document with its style and script inside, the same bytes for everybody, and its headers.

It holds neither data nor a key: it fetches `GET /api/status` from its own address. What it shows is made in `status`.
"""

import base64
import hashlib
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from types import MappingProxyType

SCRIPTS = (
    "elements.js",
    "words.js",
    "charts.js",
    "troubles.js",
    "lists.js",
    "cluster.js",
    "rows.js",
    "routes.js",
    "refresh.js",
)
"""In this order they are one module."""

_FOLDER = Path(__file__).parent


@cache
def page() -> tuple[str, Mapping[str, str]]:
    """The document, to be sent as `text/html; charset=utf-8`, and the headers that must go with it."""
    style = _read("status.css")
    script = "\n".join(_read(name) for name in SCRIPTS)
    document = _read("status.html").replace("/* style */", style).replace("/* script */", script)
    return document, MappingProxyType(
        {
            "Content-Security-Policy": _policy(style, script),
            "Referrer-Policy": "no-referrer",  # the address may hold the function key
            "X-Content-Type-Options": "nosniff",
            "Cache-Control": "no-store",
            "Vary": "Accept",
        }
    )


def _policy(style: str, script: str) -> str:
    """Nothing runs, loads or is sent but what is named; text can never become markup (trusted types).

    Source: https://www.w3.org/TR/CSP3/ and https://www.w3.org/TR/trusted-types/
    """
    return "; ".join(
        (
            "default-src 'none'",
            f"script-src {_hash(script)}",
            f"style-src {_hash(style)}",
            "connect-src 'self'",
            "img-src data:",  # its icon, which keeps browsers from asking for /favicon.ico
            "frame-ancestors 'none'",
            "base-uri 'none'",
            "form-action 'none'",
            "require-trusted-types-for 'script'",
            "trusted-types 'none'",
        )
    )


def _hash(content: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()}'"


def _read(name: str) -> str:
    # Line ends become \n, as they do in a browser before it hashes.
    return (_FOLDER / name).read_text(encoding="utf-8")
