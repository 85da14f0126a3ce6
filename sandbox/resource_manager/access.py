"""Microsoft.Authorization: what the identity that asks may do, and management locks. Both also have the effect they say.

There is one identity, and it holds a role that allows everything, less what the builder forbids.
"""

import threading
from collections.abc import Callable
from dataclasses import dataclass

from sandbox.resource_manager import errors, resource_ids
from sandbox.resource_manager.answers import Answer, AzureError, Body
from sandbox.resource_manager.faults import Faults
from sandbox.resource_manager.routing import Ask, Endpoint

_PROVIDER = "Microsoft.Authorization"
_SCOPE = "/subscriptions/{subscription}/{+rest}"
_VERBS = {"GET": "read", "PUT": "write", "PATCH": "write", "DELETE": "delete"}


@dataclass(frozen=True, slots=True)
class _Denial:
    action: str
    scope: str


@dataclass(frozen=True, slots=True)
class _Lock:
    scope: str
    name: str
    level: str

    def render(self) -> Body:
        """Shape: https://learn.microsoft.com/rest/api/resources/management-locks/list-by-scope."""
        kind = f"{_PROVIDER}/locks"
        return {
            "properties": {"level": self.level},
            "id": f"{self.scope}/providers/{kind}/{self.name}",
            "type": kind,
            "name": self.name,
        }


class Access:
    """Permissions and locks. Safe in any thread under `lock`."""

    def __init__(self, faults: Faults, lock: threading.RLock) -> None:
        self._lock = lock
        self._denials: list[_Denial] = []
        self._locks: list[_Lock] = []
        faults.answers.whenever(self._refusal)

    def forbid(self, action: str, *, scope: str = "/subscriptions") -> Callable[[], None]:
        """From now on `action` is not allowed at `scope` and below it: requests that need it get 403. Returns how to undo it."""
        denial = _Denial(action, resource_ids.key(scope))
        with self._lock:
            self._denials.append(denial)
        return lambda: self._denials.remove(denial)

    def lock(self, scope: str, level: str = "ReadOnly", *, name: str = "keep") -> Callable[[], None]:
        """Put a management lock, ReadOnly or CanNotDelete, on a resource, a group or a subscription. Returns how to undo it."""
        found = _Lock(scope, name, level)
        with self._lock:
            self._locks.append(found)
        return lambda: self._locks.remove(found)

    def endpoints(self) -> tuple[Endpoint, ...]:
        """What this provider serves."""
        return (
            Endpoint("GET", f"{_SCOPE}/providers/{_PROVIDER}/permissions", self._permissions, _PROVIDER),
            Endpoint("GET", f"{_SCOPE}/providers/{_PROVIDER}/locks", self._list_locks, _PROVIDER),
        )

    def _permissions(self, ask: Ask) -> Answer:
        """Shape: https://learn.microsoft.com/rest/api/authorization/permissions/list-for-resource."""
        scope = resource_ids.key(_SCOPE.replace("{+", "{").format(**ask.names))
        denied = [each.action for each in self._denials if _is_within(scope, each.scope)]
        role = {"actions": ["*"], "notActions": denied, "dataActions": [], "notDataActions": []}
        return Answer(200, {"value": [role]})

    def _list_locks(self, ask: Ask) -> Answer:
        scope = resource_ids.key(_SCOPE.replace("{+", "{").format(**ask.names))
        keys = ((each, resource_ids.key(each.scope)) for each in self._locks)
        near = [each for each, key in keys if _is_within(scope, key) or _is_within(key, scope)]
        return Answer(200, {"value": [each.render() for each in near]})

    def _refusal(self, method: str, path: str) -> AzureError | None:
        scope = resource_ids.key(path)
        action = action_of(method, path)
        for denial in self._denials:
            if denial.action.lower() == action.lower() and _is_within(scope, denial.scope):
                return errors.authorization_failed(denial.action, path)
        for lock in self._locks:
            if _forbids(lock.level, method) and _is_within(scope, resource_ids.key(lock.scope)):
                return errors.scope_locked(lock.scope, action="delete" if method == "DELETE" else "write")
        return None


def action_of(method: str, path: str) -> str:
    """The action that a request needs: `Microsoft.Network/routeTables/read`. A POST ends in the name of its action."""
    resource = path.rpartition("/providers/")[2] if "/providers/" in path else "Microsoft.Resources/subscriptions"
    provider, *words = resource.strip("/").split("/")
    verb = "action" if method == "POST" else _VERBS[method]
    return "/".join((provider, *words[::2], verb))


def _forbids(level: str, method: str) -> bool:
    """A ReadOnly lock forbids POST as well: https://learn.microsoft.com/azure/azure-resource-manager/management/lock-resources."""
    return method != "GET" if level == "ReadOnly" else method == "DELETE"


def _is_within(scope: str, other: str) -> bool:
    """Whether `scope` is `other` or below it; both are keys."""
    return scope == other or scope.startswith(f"{other}/")
