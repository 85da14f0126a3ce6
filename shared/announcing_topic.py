"""Events on their way to an Event Grid topic. They never delay a pass and never fail one; what is told, `announcing` says.

Each batch leaves in a thread of its own, right after the pass. Before an invocation ends, whoever started it waits a moment for
what is still on its way (`finish`): the platform may freeze an instance between two invocations, and what is then not yet sent
would be lost. A thread, since nothing else bounds all of it: a name that is not resolved, a token that does not come and an
answer that trickles each take their own time, whatever the time-outs of the HTTP client say.

There is no retry: a person is told by a line in the log, and the next pass tells what lasts in the report.
"""

import logging
import threading
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Protocol

from azure.core.credentials import TokenCredential
from azure.core.exceptions import AzureError, ClientAuthenticationError, ResourceNotFoundError

from shared.announcing import Announcement
from shared.correlation import carrying

if TYPE_CHECKING:
    from azure.core.messaging import CloudEvent

CONNECT_SECONDS = 1.0
ANSWER_SECONDS = 2.0
PATIENCE = 3.0
"""What the end of an invocation waits for events under way, all together."""
AT_ONCE = 8
"""Batches under way. Where so many hang, the topic is out of reach, and one more would only wait with them."""

_log = logging.getLogger("aks_pod_routes")


class Publisher(Protocol):
    """What is needed of `azure.eventgrid.EventGridPublisherClient`."""

    def send(self, events: "list[CloudEvent[Any]]", **options: Any) -> None:
        """All of them or none."""
        ...


class Topic:
    """One topic. `publisher` is called when the first event is due, in the thread that sends it. Safe to share."""

    def __init__(self, publisher: Callable[[], Publisher], *, clock: Callable[[], float] = time.monotonic) -> None:
        self._publisher = publisher
        self._clock = clock
        self._lock = threading.Lock()
        self._under_way: list[threading.Thread] = []
        self._problems: list[str] = []

    def announce(self, announcements: Sequence[Announcement]) -> None:
        """Send them, as one batch. Returns at once and raises nothing."""
        if not announcements:
            return
        thread = threading.Thread(target=carrying(self._send), args=(announcements,), name="events-out", daemon=True)
        with self._lock:
            self._under_way = [each for each in self._under_way if each.is_alive()]
            if len(self._under_way) >= AT_ONCE:
                self._problems.append(
                    f"{len(announcements)} event(s) were not sent: {AT_ONCE} batches are on their way already"
                )
                return
            self._under_way.append(thread)
            thread.start()

    def finish(self) -> None:
        """Wait for what is under way, at most PATIENCE, and tell the log what went wrong. Raises nothing.

        In the thread of the invocation: of no other does the host know which invocation its lines belong to.
        """
        until = self._clock() + PATIENCE
        with self._lock:
            waited_for = tuple(self._under_way)
        for thread in waited_for:
            thread.join(max(0.0, until - self._clock()))
        with self._lock:
            late = sum(thread.is_alive() for thread in waited_for)
            problems, self._problems = self._problems, []
        if late:
            problems.append(f"{late} batch(es) of events are not sent after {PATIENCE:.0f} s; they may still arrive")
        for problem in problems:
            _log.warning("events: %s", problem)

    def _send(self, announcements: Sequence[Announcement]) -> None:
        from azure.core.messaging import CloudEvent  # noqa: PLC0415  # only where there is a topic

        try:
            events = [
                CloudEvent(source=each.source, type=each.type, subject=each.subject, data=dict(each.data))
                for each in announcements
            ]
            # Options of the client's constructor do not reach a custom topic (azure-eventgrid 4.22), those of the call do.
            self._publisher().send(
                events, retry_total=0, connection_timeout=CONNECT_SECONDS, read_timeout=ANSWER_SECONDS
            )
        except Exception as error:  # noqa: BLE001  # nobody is there to catch it, and an event is no reason to fail
            with self._lock:
                self._problems.append(f"{len(announcements)} event(s) were not sent: {_explained(error)}")


def build_publisher(endpoint: str, credential: TokenCredential) -> Publisher:
    """The client of a custom topic, with the app's identity and no key."""
    from azure.eventgrid import EventGridPublisherClient  # noqa: PLC0415  # 0.1 s and more, only where there is a topic

    # It takes the options of a call for attributes of each event, too, and warns of each that it does not know.
    logging.getLogger("azure.eventgrid").setLevel(logging.ERROR)
    return EventGridPublisherClient(endpoint, credential)


def _explained(error: Exception) -> str:
    """In one line, with the way out; nothing of the request is quoted."""
    # The client replaces a 404 by an error without a status.
    status = 404 if isinstance(error, ResourceNotFoundError) else getattr(error, "status_code", None)
    if status is not None:
        return f"HTTP {status}: {_ADVICE.get(status, 'the topic refused them; look at its metrics')}"
    if isinstance(error, ClientAuthenticationError):
        return "no token for Event Grid; check that the managed identity is assigned to the app"
    if isinstance(error, AzureError):
        return (
            f"the topic could not be reached ({type(error).__name__}); check AKS_POD_ROUTES_EVENTS_ENDPOINT and the app's "
            "outbound network"
        )
    return type(error).__name__


_ADVICE = {
    400: "the topic does not take CloudEvents; its input schema must be CloudEventSchemaV1_0",
    401: "the topic refused the token; make the app's identity EventGrid Data Sender on the topic",
    403: "make the app's identity EventGrid Data Sender on the topic, and let the topic's firewall admit the app",
    404: "there is no such topic; copy the endpoint from the topic's overview",
    413: "the batch is larger than 1 MB",
    429: "the topic is throttled",
    503: "the topic is busy",
}
