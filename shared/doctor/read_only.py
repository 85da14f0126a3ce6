"""Azure Resource Manager without a way to write, which asks for each resource once however many want it."""

import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

from shared.resource_manager import ResourceManager

CREDENTIAL_ACTION = "/listclusterusercredential"
"""The one POST: it changes nothing, and tells where the API server is."""


class ReadOnly:
    """Fits `ResourceManager`. What was answered once, a failure too, is what everybody gets; so make one per examination."""

    __slots__ = ("_answers", "_get", "_lock", "_post")

    def __init__(self, arm: ResourceManager) -> None:
        self._get = arm.get
        self._post = arm.post
        self._answers: dict[tuple[str, str], Future[dict[str, Any]]] = {}
        self._lock = threading.Lock()

    def get(self, path: str, *, api_version: str) -> dict[str, Any]:
        """See `ResourceManager`."""
        return self._once(path, api_version, self._get)

    def post(self, path: str, *, api_version: str) -> dict[str, Any]:
        """Only to list a cluster's user credential; TypeError for anything else, which would be a mistake of ours."""
        if not path.lower().endswith(CREDENTIAL_ACTION):
            raise TypeError(f"an examination reads, and does not POST to {path}")
        return self._once(path, api_version, self._post)

    def _once(self, path: str, api_version: str, ask: Callable[..., dict[str, Any]]) -> dict[str, Any]:
        with self._lock:
            known = self._answers.get((path.lower(), api_version))
            mine: Future[dict[str, Any]] = known or Future()
            self._answers[path.lower(), api_version] = mine
        if known is None:
            try:
                mine.set_result(ask(path, api_version=api_version))
            except BaseException as error:  # noqa: BLE001  # whoever waits for the answer gets it, too
                mine.set_exception(error)
        return mine.result()
