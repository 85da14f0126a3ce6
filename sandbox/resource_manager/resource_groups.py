"""Microsoft.Resources: which subscriptions and resource groups exist. Only reading; groups come from the builder."""

from collections.abc import Mapping

from sandbox.resource_manager import errors, resource_ids
from sandbox.resource_manager.answers import Answer
from sandbox.resource_manager.routing import GROUP, Ask, Endpoint

DEFAULT_LOCATION = "westeurope"


class ResourceGroups:
    """The scopes that every other resource lives in."""

    def __init__(self) -> None:
        self._groups: dict[str, tuple[resource_ids.ResourceId, str]] = {}

    def add(self, group_id: str, location: str = DEFAULT_LOCATION) -> None:
        """Create the group, and its subscription, unless it is there."""
        group = resource_ids.parse(group_id)
        self._groups.setdefault(resource_ids.key(group.group_id), (group, location))

    def check(self, names: Mapping[str, str]) -> None:
        """Raise the 404 for a subscription or group, named in a path, that does not exist."""
        subscription = names.get("subscription", "")
        if all(group.subscription.lower() != subscription.lower() for group, _ in self._groups.values()):
            raise errors.subscription_not_found(subscription)
        if "group" in names and self._key(names) not in self._groups:
            raise errors.resource_group_not_found(names["group"])

    def endpoints(self) -> tuple[Endpoint, ...]:
        """What this provider serves."""
        return (Endpoint("GET", GROUP, self._get, "Microsoft.Resources"),)

    def _get(self, ask: Ask) -> Answer:
        group, location = self._groups[self._key(ask.names)]
        return Answer(
            200,
            {
                "id": group.group_id,
                "name": group.group,
                "type": "Microsoft.Resources/resourceGroups",
                "location": location,
                "properties": {"provisioningState": "Succeeded"},
            },
        )

    @staticmethod
    def _key(names: Mapping[str, str]) -> str:
        return resource_ids.key(GROUP.format(**names))
