"""The query parameters of a list or watch, parsed and checked.

Rules: https://kubernetes.io/docs/reference/using-api/api-concepts/#resource-versions
"""

from collections.abc import Mapping
from dataclasses import dataclass

from sandbox.kubernetes_api.entries import Entry
from sandbox.kubernetes_api.paging import Continue, place_of
from sandbox.kubernetes_api.selectors import Test, field_test, label_test
from sandbox.kubernetes_api.statuses import bad_request, invalid_options, unparsable_revision


@dataclass(frozen=True, slots=True)
class ListOptions:
    """What a client wants to see. `limit` 0 means no limit."""

    namespace: str
    """Empty for all."""

    labels: Test
    fields: Test
    selective: bool
    """A selector was given: a list then does not count what remains (facts: recorded)."""
    revision: int | None
    """None where the client did not say; 0 means any."""
    match: str
    limit: int
    place: Continue | None
    watch: bool
    timeout: float
    """Seconds; 0 leaves it to the server."""
    bookmarks: bool
    initial_events: bool

    def selects(self, entry: Entry) -> bool:
        """Whether the object is in the namespace and both selectors take it."""
        return self.namespace in {"", entry.namespace} and self.labels(entry) and self.fields(entry)


def options_of(query: Mapping[str, str], namespace: str = "") -> ListOptions:
    """The options in a query about one namespace, or about all; raises the ApiError a real server answers for contradictions and nonsense."""
    watch = is_set(query, "watch")
    _check_match(query, watch=watch)
    token = query.get("continue", "")
    if token and not watch and query.get("resourceVersion", "") not in {"", "0"}:
        raise bad_request("specifying resource version is not allowed when using continue")
    selectors = query.get("labelSelector", ""), query.get("fieldSelector", "")
    return ListOptions(
        namespace=namespace,
        labels=label_test(selectors[0]),
        fields=field_test(selectors[1]),
        selective=any(selectors),
        revision=_revision(query.get("resourceVersion", "")),
        match=query.get("resourceVersionMatch", ""),
        limit=_number(query.get("limit", "")),
        place=place_of(token) if token and not watch else None,
        watch=watch,
        timeout=_number(query.get("timeoutSeconds", "")),
        bookmarks=is_set(query, "allowWatchBookmarks"),
        initial_events=is_set(query, "sendInitialEvents"),
    )


def is_set(query: Mapping[str, str], name: str) -> bool:
    """Whether a flag is on: present, and neither `false` nor `0`. The Python client sends `True`, kubectl `true`."""
    return query.get(name, "false").lower() not in {"false", "0"}


def _check_match(query: Mapping[str, str], *, watch: bool) -> None:
    match, revision = query.get("resourceVersionMatch", ""), query.get("resourceVersion", "")
    initial = is_set(query, "sendInitialEvents")
    if initial and not watch:
        raise invalid_options("sendInitialEvents", "sendInitialEvents is forbidden for list")
    if initial and match != "NotOlderThan":
        message = "sendInitialEvents requires setting resourceVersionMatch to NotOlderThan"
        raise invalid_options("resourceVersionMatch", message)
    if not match or initial:
        return
    if watch:
        raise invalid_options("resourceVersionMatch", "resourceVersionMatch is forbidden for watch")
    if not revision:
        message = "resourceVersionMatch is forbidden unless resourceVersion is provided"
        raise invalid_options("resourceVersionMatch", message)
    if query.get("continue"):
        raise invalid_options("resourceVersionMatch", "resourceVersionMatch is forbidden when continue is provided")
    if match == "Exact" and revision == "0":
        message = 'resourceVersionMatch "exact" is forbidden for resourceVersion "0"'
        raise invalid_options("resourceVersionMatch", message)


def _revision(text: str) -> int | None:
    if not text:
        return None
    if not (text.isascii() and text.isdigit()):
        raise unparsable_revision(text)
    return int(text)


def _number(text: str) -> int:
    if not text:
        return 0
    if not (text.isascii() and text.isdigit()):
        raise bad_request(f'strconv.ParseInt: parsing "{text}": invalid syntax')
    return int(text)
