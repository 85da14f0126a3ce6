"""What a provider gives back: an answer, or an error that becomes one. Nothing here knows aiohttp."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

Body = dict[str, Any]

JSON_UTF8 = "application/json; charset=utf-8"
"""Content type of the front door and of Microsoft.Network (facts: recorded)."""


@dataclass(frozen=True, slots=True)
class Answer:
    """Status, headers and body of one HTTP answer. A body of None is an empty answer."""

    status: int
    body: Body | str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    content_type: str = JSON_UTF8


class AzureError(Exception):
    """An error answer as Azure writes it: `{"error": {"code", "message", "details"?}}`.

    `details` is a list of (code, message); None leaves the key out, which is how the front door writes
    errors, and an empty list is how resource providers do (facts: recorded in errors.json).
    `gateway` marks an answer of the front door, which carries `x-ms-failure-cause: gateway`.
    `html` replaces the JSON body: what a broken edge sends.
    """

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        *,
        details: Sequence[tuple[str, str]] | None = None,
        headers: Mapping[str, str] | None = None,
        gateway: bool = False,
        html: str | None = None,
    ) -> None:
        super().__init__(f"{status} {code}: {message}")
        self.status = status
        self.code = code
        self.message = message
        self.details = details
        self.headers = dict(headers or {})
        self.gateway = gateway
        self.html = html

    def answer(self) -> Answer:
        """The HTTP answer."""
        headers = dict(self.headers)
        if self.gateway:
            headers.setdefault("x-ms-failure-cause", "gateway")
        if self.html is not None:
            return Answer(self.status, self.html, headers, "text/html")
        return Answer(self.status, {"error": error_body(self.code, self.message, self.details)}, headers)


def error_body(code: str, message: str, details: Sequence[tuple[str, str]] | None) -> Body:
    """The inside of `error`, as it also appears in a failed operation."""
    body: Body = {"code": code, "message": message}
    if details is not None:
        body["details"] = [{"code": inner, "message": text} for inner, text in details]
    return body
