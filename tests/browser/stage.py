"""The page served on this machine as the app serves it, with documents that a test changes, and the tab that shows it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import msgspec
from aiohttp import web

from shared.page import page
from shared.status import ClusterStatus, RouteRow, status_document
from shared.wake import Poison
from tests.browser.documents import NOW

if TYPE_CHECKING:  # where it is missing, these tests are skipped
    from playwright.sync_api import Locator, Page

KEY = "a-key-that-must-not-leak"
PATH = "/api/status"
REFUSED = "Failed to load resource"
"""What Chromium tells the console of every fetch that fails."""


@dataclass(slots=True)
class App:
    """Answers as the function does: wants the key, gives a browser the page and everybody else the document."""

    clusters: Sequence[ClusterStatus] = ()
    poison: Poison = field(default_factory=lambda: Poison(0))
    routes: Mapping[str, Sequence[RouteRow]] = field(default_factory=dict)
    refusal: tuple[int, Any] | None = None
    """Status and JSON of every answer that is not the page."""
    asked: list[web.Request] = field(default_factory=list)
    """Requests for the document, in order."""

    def application(self) -> web.Application:
        """The application to serve."""
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", self._answer)
        return app

    async def _answer(self, request: web.Request) -> web.Response:
        if request.path != PATH:
            return web.Response(status=404)
        if "text/html" in request.headers["Accept"]:
            body, headers = page()
            return web.Response(text=body, content_type="text/html", headers=headers)
        self.asked.append(request)
        if request.query.get("code") != KEY:
            return web.Response(status=401)
        if self.refusal:
            status, content = self.refusal
            return web.json_response(content, status=status)
        return web.json_response(self._document(request.query))

    def _document(self, query: Mapping[str, str]) -> dict[str, Any]:
        shown = [each for each in self.clusters if query.get("cluster", each.cluster) == each.cluster]
        if query.get("routes") == "true":
            shown = [msgspec.structs.replace(each, routes=self.routes.get(each.cluster)) for each in shown]
        return status_document(NOW, shown, self.poison)


@dataclass(slots=True)
class Tab:
    """The page in a tab of the browser, and whatever it did that a page should not."""

    page: "Page"
    app: App
    url: str
    complaints: list[str] = field(default_factory=list)
    """Errors and warnings of the console, among them broken rules of the policy, and exceptions."""
    requests: list[str] = field(default_factory=list)
    """Every address that was asked for."""
    expected: list[str] = field(default_factory=list)
    """Words of complaints that a test provokes: Chromium tells the console of every refused fetch."""

    def open(self, *, code: str = KEY) -> None:
        """Go to the page and wait for its first data, or its first failure."""
        self.page.goto(f"{self.url}{PATH}?code={code}")
        self.wait_for_answer()

    def refresh(self) -> None:
        """Press the button, and wait until the answer is shown."""
        self.page.get_by_role("button", name="Refresh now").click()
        self.wait_for_answer()

    def pass_time(self, seconds: int) -> None:
        """Let the page's clock run on, and whatever becomes due happen."""
        self.page.clock.run_for(seconds * 1000)
        self.wait_for_answer()

    def wait_for_answer(self) -> None:
        """Until no question is open. The policy forbids `wait_for_function`, which evaluates text."""
        self.page.locator("#now:not([aria-disabled])").wait_for()

    def card(self, cluster: str) -> "Locator":
        """The article of one cluster."""
        return self.page.get_by_role("article", name=cluster, exact=True)

    def open_routes(self, cluster: str) -> "Locator":
        """Open the routes of a cluster and wait for them."""
        routes = self.card(cluster).locator("details[data-island]")
        routes.locator("summary").click()
        routes.locator("tbody tr").first.wait_for()
        return routes

    def unexpected(self) -> list[str]:
        """Complaints that no test asked for."""
        return [each for each in self.complaints if not any(word in each for word in self.expected)]
