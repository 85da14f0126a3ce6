"""Microsoft.EventGrid: system topics and the subscriptions at them, or at a resource group itself. Only reading.

Events themselves are brought by the functions host: `sandbox.functions_host.event_grid`.
"""

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from sandbox.resource_manager import errors, resource_ids
from sandbox.resource_manager.answers import Answer, Body
from sandbox.resource_manager.routing import GROUP, Ask, Endpoint

_PROVIDER = "Microsoft.EventGrid"
_TOPIC_TYPE = f"{_PROVIDER}/systemTopics"
_TOPICS = f"/subscriptions/{{subscription}}/providers/{_TOPIC_TYPE}"
_TOPIC = f"{GROUP}/providers/{_TOPIC_TYPE}/{{topic}}"
EVENT_TYPES = tuple(f"Microsoft.Resources.Resource{kind}Success" for kind in ("Write", "Delete", "Action"))


@dataclass(frozen=True, slots=True)
class _Subscription:
    at: str
    """The id of the system topic, or of the resource group."""
    name: str
    function: str
    event_types: Sequence[str]
    state: str

    def render(self, source: str) -> Body:
        """Shape: https://learn.microsoft.com/rest/api/eventgrid/controlplane/system-topic-event-subscriptions/list-by-system-topic."""
        nested = "/systemtopics/" in self.at.lower()
        kind = f"{_TOPIC_TYPE}/eventSubscriptions" if nested else f"{_PROVIDER}/eventSubscriptions"
        path = "eventSubscriptions" if nested else f"providers/{_PROVIDER}/eventSubscriptions"
        return {
            "properties": {
                "topic": source,
                "provisioningState": self.state,
                "destination": {
                    "endpointType": "AzureFunction",
                    "properties": {
                        "resourceId": self.function,
                        "maxEventsPerBatch": 1,
                        "preferredBatchSizeInKilobytes": 64,
                    },
                },
                "filter": {
                    "subjectBeginsWith": "",
                    "subjectEndsWith": "",
                    "includedEventTypes": list(self.event_types),
                    "enableAdvancedFilteringOnArrays": True,
                },
                "labels": [],
                "eventDeliverySchema": "CloudEventSchemaV1_0",
                "retryPolicy": {"maxDeliveryAttempts": 30, "eventTimeToLiveInMinutes": 1440},
            },
            "id": f"{self.at}/{path}/{self.name}",
            "name": self.name,
            "type": kind,
        }


class EventGrid:
    """Topics and subscriptions. Safe in any thread under `lock`."""

    def __init__(self, lock: threading.RLock, add_group_of: Callable[[str], None]) -> None:
        self._lock = lock
        self._add_group_of = add_group_of
        self._topics: dict[str, tuple[str, str]] = {}
        self._subscriptions: list[_Subscription] = []

    def add_system_topic(self, topic_id: str, source: str) -> None:
        """Create a system topic for the events of `source`, the id of a resource group or subscription."""
        resource_ids.expect(topic_id, _TOPIC_TYPE)
        with self._lock:
            self._add_group_of(topic_id)
            self._topics[resource_ids.key(topic_id)] = topic_id, source

    def subscribe(
        self,
        at: str,
        function: str,
        *,
        name: str = "aks-pod-routes",
        event_types: Sequence[str] = EVENT_TYPES,
        state: str = "Succeeded",
    ) -> None:
        """Subscribe a function, by its id, at a system topic or at a resource group; one of that name is replaced."""
        with self._lock:
            self.unsubscribe(at, name)
            self._subscriptions.append(_Subscription(at, name, function, event_types, state))

    def unsubscribe(self, at: str, name: str = "aks-pod-routes") -> None:
        """Take a subscription away, if it is there."""
        with self._lock:
            key = resource_ids.key(at), name
            self._subscriptions = [
                each for each in self._subscriptions if (resource_ids.key(each.at), each.name) != key
            ]

    def endpoints(self) -> tuple[Endpoint, ...]:
        """What this provider serves."""
        return (
            Endpoint("GET", f"{GROUP}/providers/{_PROVIDER}/eventSubscriptions", self._list_of_group, _PROVIDER),
            Endpoint("GET", _TOPICS, self._list_topics, _PROVIDER),
            Endpoint("GET", f"{_TOPIC}/eventSubscriptions", self._list_of_topic, _PROVIDER),
        )

    def _list_of_group(self, ask: Ask) -> Answer:
        group = GROUP.format(**ask.names)
        return Answer(200, {"value": self._rendered(group, group)})

    def _list_topics(self, ask: Ask) -> Answer:
        scope = f"subscriptions/{ask.names['subscription']}/".lower()
        found = [_render_topic(*each) for key, each in self._topics.items() if key.startswith(scope)]
        return Answer(200, {"value": found})

    def _list_of_topic(self, ask: Ask) -> Answer:
        topic_id = _TOPIC.format(**ask.names)
        found = self._topics.get(resource_ids.key(topic_id))
        if found is None:
            raise errors.resource_not_found(resource_ids.parse(topic_id))
        return Answer(200, {"value": self._rendered(found[0], found[1])})

    def _rendered(self, at: str, source: str) -> list[Body]:
        key = resource_ids.key(at)
        return [each.render(source) for each in self._subscriptions if resource_ids.key(each.at) == key]


def _render_topic(topic_id: str, source: str) -> Body:
    """Shape: https://learn.microsoft.com/rest/api/eventgrid/controlplane/system-topics/list-by-subscription."""
    return {
        "properties": {
            "provisioningState": "Succeeded",
            "source": source,
            "topicType": "Microsoft.Resources.ResourceGroups",
            "metricResourceId": "00000000-0000-0000-0000-0000000000ff",
        },
        "location": "global",
        "tags": {},
        "id": topic_id,
        "name": resource_ids.parse(topic_id).name,
        "type": _TOPIC_TYPE,
    }
