"""The access keys of the app, and what a key opens. https://learn.microsoft.com/azure/azure-functions/function-keys-how-to."""

import json
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from aiohttp import web

EVENT_GRID: Final = "eventgrid_extension"
"""The system key that the Event Grid webhook wants."""


@dataclass(frozen=True, slots=True)
class Keys:
    """One key of each kind; the master key opens everything."""

    master: str
    function: str
    event_grid: str

    @classmethod
    def open(cls, path: Path) -> "Keys":
        """The keys in `path`; when there is no such file, new ones are written to it for its owner's eyes."""
        if not path.exists():
            new = cls(*(secrets.token_urlsafe(32) for _ in range(3)))
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch(mode=0o600)
            path.write_text(json.dumps(new._to_json(), indent=2))
        raw = json.loads(path.read_text())
        return cls(raw["masterKey"], raw["functionKeys"]["default"], raw["systemKeys"][EVENT_GRID])

    def _to_json(self) -> dict[str, object]:
        return {
            "masterKey": self.master,
            "functionKeys": {"default": self.function},
            "systemKeys": {EVENT_GRID: self.event_grid},
        }

    def allow_function(self, request: web.Request, auth_level: str) -> bool:
        """Whether the request may run an HTTP function of that level: anonymous, function or admin."""
        match auth_level.lower():
            case "anonymous":
                return True
            case "admin":
                return self.allow_admin(request)
            case _:
                return _carries(request, (self.function, self.master))

    def allow_admin(self, request: web.Request) -> bool:
        """Whether the request carries the master key."""
        return _carries(request, (self.master,))

    def allow_event_grid(self, request: web.Request) -> bool:
        """Whether the request may deliver events."""
        return _carries(request, (self.event_grid, self.master))


def _carries(request: web.Request, keys: Iterable[str]) -> bool:
    given = request.headers.get("x-functions-key") or request.query.get("code") or ""
    return any(secrets.compare_digest(given.encode(), key.encode()) for key in keys)
