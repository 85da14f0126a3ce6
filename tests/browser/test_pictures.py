"""Screenshots for a person to look at: `AKS_POD_ROUTES_SCREENSHOTS=folder` keeps them."""

from pathlib import Path

import pytest

from shared.wake import Poison
from tests.browser.documents import every_kind, healthy, peers, routes, troubled
from tests.browser.stage import Tab


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 360])
@pytest.mark.parametrize("what", ["calm", "trouble", "every-kind", "empty"])
def test_pictures_are_taken(tab: Tab, scheme: str, width: int, what: str, pictures: Path) -> None:
    tab.page.set_viewport_size({"width": width, "height": 900})
    tab.page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
    kinds = {
        "calm": [healthy(), healthy("shop-neu")],
        "trouble": [troubled()],
        "every-kind": [*every_kind()],
        "empty": [],
    }
    tab.app.clusters = kinds[what]
    tab.app.routes = {"shop-weu": routes(), "prod-weu": routes(3, 400), "hub-weu": peers()}
    tab.app.poison = Poison(2 * (what == "every-kind"), ("prod-weu",))
    tab.open()
    if what != "empty":
        tab.open_routes("prod-weu" if what == "trouble" else "shop-weu")
    tab.page.evaluate("scrollTo(0, 0)")
    picture = pictures / f"{what}-{scheme}-{width}.png"
    tab.page.screenshot(path=picture, full_page=True)
    assert picture.stat().st_size > 10_000
    assert tab.page.evaluate("document.documentElement.scrollWidth <= innerWidth")
