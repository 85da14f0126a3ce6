"""Continue tokens: where a list goes on, and at which revision. Opaque to clients; the real server's format."""

import base64
import binascii
import json
import string
from dataclasses import dataclass

from sandbox.kubernetes_api.entries import encode
from sandbox.kubernetes_api.statuses import bad_request

_VERSION = "meta.k8s.io/v1"
_ALPHABET = frozenset(string.ascii_letters + string.digits + "-_")


@dataclass(frozen=True, slots=True)
class Continue:
    """Go on behind the object `after`, at `revision`; None means the current state, an inconsistent list."""

    after: str
    revision: int | None


def token_of(place: Continue) -> str:
    """The token for a place in a list."""
    # A token out of a 410, or made before the watch cache is ready, lacks the leading slash (facts: recorded).
    start = f"{place.after}\0" if place.revision is None else f"/{place.after}\0"
    body = {"v": _VERSION, "rv": -1 if place.revision is None else place.revision, "start": start}
    # The null byte is written as \u0000 in JSON.
    return base64.urlsafe_b64encode(encode(body)).decode().rstrip("=")


def place_of(token: str) -> Continue:
    """The place a token stands for; raises a 400 ApiError for what is no token."""
    bad = next((index for index, letter in enumerate(token) if letter not in _ALPHABET), None)
    if bad is None and len(token) % 4 == 1:
        bad = len(token) - 1
    if bad is not None:
        raise bad_request(f"invalid continue token: continue key is not valid: illegal base64 data at input byte {bad}")
    try:
        body = json.loads(base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)))
        revision, start = int(body["rv"]), str(body["start"])
    except (binascii.Error, ValueError, KeyError, TypeError) as error:
        raise bad_request(f"invalid continue token: continue key is not valid: {error}") from error
    return Continue(start.strip("/\0"), None if revision < 0 else revision)
