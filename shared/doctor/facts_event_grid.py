"""Reads whether Event Grid sends the events of a node resource group to the app.

A subscription is made at the resource group itself, or at a system topic for it, which may be in any resource group.
Source: https://learn.microsoft.com/azure/event-grid/system-topics
"""

import msgspec

from shared.doctor.facts import Subscription
from shared.doctor.facts_azure import unread
from shared.doctor.unknown import Unknown
from shared.errors import TargetError
from shared.resource_manager import ResourceManager, read_all

EVENT_GRID_API_VERSION = "2025-02-15"
"""Stable: https://learn.microsoft.com/rest/api/eventgrid/controlplane/event-subscriptions"""

SUBSCRIPTIONS_ACTION = "Microsoft.EventGrid/eventSubscriptions/read"
TOPICS_ACTION = "Microsoft.EventGrid/systemTopics/read"
TOPIC_SUBSCRIPTIONS_ACTION = "Microsoft.EventGrid/systemTopics/eventSubscriptions/read"

FUNCTION = "/functions/on_scale_event"


class _DestinationProperties(msgspec.Struct, frozen=True, rename="camel"):
    resource_id: str = ""


class _Destination(msgspec.Struct, frozen=True, rename="camel"):
    endpoint_type: str = ""
    properties: _DestinationProperties = _DestinationProperties()


class _Delivery(msgspec.Struct, frozen=True):
    destination: _Destination = _Destination()


class _Filter(msgspec.Struct, frozen=True, rename="camel"):
    included_event_types: tuple[str, ...] | None = None


class _SubscriptionProperties(msgspec.Struct, frozen=True, rename="camel"):
    provisioning_state: str = ""
    destination: _Destination | None = None
    delivery_with_resource_identity: _Delivery | None = None
    filter: _Filter | None = None


class _Subscription(msgspec.Struct, frozen=True):
    id: str
    properties: _SubscriptionProperties


class _TopicProperties(msgspec.Struct, frozen=True):
    source: str = ""


class _Topic(msgspec.Struct, frozen=True):
    id: str
    properties: _TopicProperties = _TopicProperties()


def read_subscriptions(arm: ResourceManager, group_id: str) -> tuple[Subscription, ...] | Unknown:
    """Those that lead to the app, as far as one can tell. One GET; without any two or more: the system topics, and theirs."""
    subscription = group_id.split("/")[2]
    providers = "providers/Microsoft.EventGrid"
    what, action, where = "the Event Grid subscriptions of the node resource group", SUBSCRIPTIONS_ACTION, "it"
    try:
        found = _ours(arm, f"{group_id}/{providers}/eventSubscriptions")
        if found:
            return found
        what, action, where = "the system topics of the subscription", TOPICS_ACTION, "the subscription"
        topics = read_all(
            arm, f"/subscriptions/{subscription}/{providers}/systemTopics", _Topic, api_version=EVENT_GRID_API_VERSION
        )
        sources = {group_id.lower(), f"/subscriptions/{subscription}".lower()}
        what, action, where = "the subscriptions of the system topic", TOPIC_SUBSCRIPTIONS_ACTION, "its resource group"
        return tuple(
            each
            for topic in topics
            if topic.properties.source.lower() in sources
            for each in _ours(arm, f"{topic.id}/eventSubscriptions")
        )
    except TargetError as error:
        return unread(error, what, action, group_id, where=where)


def _ours(arm: ResourceManager, path: str) -> tuple[Subscription, ...]:
    """Of a web hook Azure does not show the whole address, so any may be ours; queues and others are not."""
    listed = read_all(arm, path, _Subscription, api_version=EVENT_GRID_API_VERSION)
    return tuple(
        Subscription(
            each.id,
            each.properties.provisioning_state,
            (each.properties.filter and each.properties.filter.included_event_types) or (),
        )
        for each in listed
        if _leads_here(each.properties)
    )


def _leads_here(properties: _SubscriptionProperties) -> bool:
    delivery = properties.delivery_with_resource_identity
    destination = properties.destination or (delivery.destination if delivery else _Destination())
    match destination.endpoint_type.lower():
        case "azurefunction":
            return destination.properties.resource_id.lower().endswith(FUNCTION)
        case kind:
            return kind == "webhook"
