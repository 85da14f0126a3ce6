"""Hubs that refuse, are not ready, or say nothing sensible about what they learned. Failing writes are in `operations`."""

from sandbox.endpoint import Undo
from sandbox.faults.fault import Ground
from sandbox.faults.operations import PEERS, WRITES
from sandbox.faults.strikes import Strikes
from sandbox.resource_manager import AzureError, errors
from sandbox.resource_manager.answers import Body

_HUBS = "/virtualhubs"
_ROUTES = "/learnedroutes"


def busy(ground: Ground, strikes: Strikes) -> Undo:
    """Another operation holds the hub: 409 AnotherOperationInProgress for every write of a peer."""

    def decide(method: str, path: str) -> AzureError | None:
        if method not in WRITES or PEERS not in path.lower() or not strikes():
            return None
        return errors.another_operation_in_progress(f"{ground.cloud.arm.base_url}{path}/operations/0")

    return ground.cloud.arm.scripts.answers.whenever(decide)


def not_provisioned(ground: Ground, strikes: Strikes, *, state: str = "Provisioning") -> Undo:
    """The router of a hub is not there: its routingState is `state`, and a PUT of a peer is refused with 400."""

    def decide(_: str, path: str) -> str | None:
        return state if _HUBS in path.lower() and strikes() else None

    return ground.cloud.arm.scripts.routing_states.whenever(decide)


def routes_fail(
    ground: Ground, strikes: Strikes, *, code: str = "InternalServerError", message: str = "An error occurred."
) -> Undo:
    """The learned routes of a peer cannot be read: 202, and then 500 instead of a result."""

    def decide(_: str, path: str) -> tuple[str, str] | None:
        return (code, message) if path.lower().endswith(_ROUTES) and strikes() else None

    return ground.cloud.arm.scripts.operations.whenever(decide)


def routes_nonsense(ground: Ground, strikes: Strikes) -> Undo:
    """The learned routes of a peer are nonsense: one instance has no list, the other one entries that are no routes."""
    nonsense: Body = {
        "RouteServiceRole_IN_0": None,
        "RouteServiceRole_IN_1": [{"network": "everywhere", "nextHop": None}, {"weight": 32768}],
        "value": None,
    }

    def decide(_: str, path: str) -> Body | None:
        return nonsense if path.lower().endswith(_ROUTES) and strikes() else None

    return ground.cloud.arm.scripts.results.whenever(decide)
