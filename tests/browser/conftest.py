"""One Chromium for the tests of this folder; a context and an app of its own for every test."""

import os
import shutil
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from sandbox.server import ServerThread
from tests.browser.documents import NOW
from tests.browser.stage import App, Tab

if TYPE_CHECKING:
    from playwright.sync_api import Browser

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
FLAGS = (
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


@pytest.fixture(scope="package")  # its event loop must be gone before other tests run theirs
def browser() -> Iterator["Browser"]:
    """A Chromium with a profile of its own; root, as in a container, can only start one without its sandbox."""
    driver = pytest.importorskip("playwright.sync_api", reason="no playwright here: make setup")
    if CHROMIUM is None:
        pytest.skip("no Chromium here; on Debian: apt-get install chromium")
    with driver.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS, chromium_sandbox=os.geteuid() != 0)
        yield browser
        browser.close()


@pytest.fixture
def app() -> App:
    """What the page's address answers; a test puts clusters into it."""
    return App()


@pytest.fixture
def tab(browser: "Browser", app: App) -> Iterator[Tab]:
    """A tab of 1280 by 900 with a clock that only the test moves. It must not complain, nor ask for anything elsewhere."""
    with ServerThread() as servers, browser.new_context(viewport={"width": 1280, "height": 900}) as context:
        page = context.new_page()
        tab = Tab(page, app, servers.serve(app.application()))
        page.on("console", lambda said: tab.complaints.append(said.text) if said.type in {"error", "warning"} else None)
        page.on("pageerror", lambda error: tab.complaints.append(str(error)))
        page.on("request", lambda request: tab.requests.append(request.url))
        page.clock.install(time=NOW - timedelta(hours=1))
        page.clock.pause_at(NOW)  # it stands still, however slow the machine is
        yield tab
        assert tab.unexpected() == []
        assert {url.partition("?")[0] for url in tab.requests} <= {f"{tab.url}/api/status"}


@pytest.fixture(scope="session")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where screenshots go: AKS_POD_ROUTES_SCREENSHOTS, or a folder of the test run."""
    named = os.environ.get("AKS_POD_ROUTES_SCREENSHOTS")
    folder = Path(named) if named else tmp_path_factory.mktemp("screenshots")
    folder.mkdir(parents=True, exist_ok=True)
    return folder
