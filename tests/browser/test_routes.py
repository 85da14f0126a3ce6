"""The routes of a cluster: fetched when opened, found by whatever is known of them, and smooth with thousands."""

from typing import TYPE_CHECKING

import pytest

from shared.status import RouteRow
from tests.browser.documents import healthy, node, routes, table
from tests.browser.stage import REFUSED, Tab

if TYPE_CHECKING:
    from playwright.sync_api import Route

MOST_ELEMENTS = 2500
"""In the document, with 3,000 routes opened; a row has 15. Counted in place of seconds, which depend on the machine."""


@pytest.fixture
def shop(tab: Tab) -> Tab:
    tab.app.clusters, tab.app.routes = [healthy()], {"shop-weu": routes(each=30)}
    tab.open()
    return tab


def column(tab: Tab, number: int) -> list[str]:
    return tab.card("shop-weu").locator(f"details[data-island] tbody td:nth-child({number})").all_inner_texts()


def test_routes_are_asked_for_when_they_are_opened_and_only_of_that_cluster(shop: Tab) -> None:
    assert [each for each in shop.app.asked if "routes" in each.query] == []
    shop.open_routes("shop-weu")
    (asked,) = (each for each in shop.app.asked if "routes" in each.query)
    assert asked.query["cluster"] == "shop-weu"
    assert asked.query["routes"] == "true"


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", 31),
        ("100.64.7.0/24", 1),
        ("100.64.7.", 1),
        ("100.64.7.200", 2),  # its route, and the default route
        ("203.0.113.9", 1),
        ("10.0.0.12", 2),  # its next hop, and the default route
        (node(7).upper(), 1),
        ("np2", 15),
        ("np2 vmss000004", 1),
        ("shop-weu", 30),
        ("foreign", 1),
        ("to-firewall", 1),
        ("np3", 0),
        (".*", 0),
    ],
)
def test_the_filter_finds_by_prefix_address_hop_node_pool_owner_and_name(shop: Tab, text: str, found: int) -> None:
    opened = shop.open_routes("shop-weu")
    opened.get_by_label("Filter").press_sequentially(text)
    assert opened.locator("tbody tr").count() == found
    assert opened.get_by_role("status").inner_text() == (f"{found} of 31 routes" if found < 31 else "31 routes")


@pytest.mark.parametrize(
    ("head", "number", "first", "last"),
    [
        ("Destination", 1, "0.0.0.0/0", "100.64.29.0/24"),
        ("Next hop", 2, "10.0.0.1", "10.0.0.33"),
        ("Owner", 5, "foreign", "shop-weu"),
    ],
)
def test_every_column_sorts_both_ways_numbers_as_numbers(
    shop: Tab, head: str, number: int, first: str, last: str
) -> None:
    opened = shop.open_routes("shop-weu")
    button = opened.get_by_role("button", name=head)
    heads = opened.get_by_role("columnheader")
    if head != "Destination":  # by which they are sorted when opened
        button.click()
    assert heads.nth(number - 1).get_attribute("aria-sort") == "ascending"
    assert (column(shop, number)[0], column(shop, number)[-1]) == (first, last)
    button.click()
    assert heads.nth(number - 1).get_attribute("aria-sort") == "descending"
    assert (column(shop, number)[0], column(shop, number)[-1]) == (last, first)
    assert opened.locator("[aria-sort]").count() == 1


def test_the_table_is_named_only_where_there_are_several(tab: Tab) -> None:
    tab.app.clusters = [healthy("one"), healthy("two")]
    tab.app.routes = {"one": routes(), "two": routes(tables=2)}
    tab.open()
    assert "Table" not in tab.open_routes("one").get_by_role("columnheader").all_inner_texts()
    opened = tab.open_routes("two")
    assert "Table" in opened.get_by_role("columnheader").all_inner_texts()
    opened.get_by_label("Filter").fill("rt-pods-1")
    assert opened.get_by_role("status").inner_text() == "15 of 30 routes"


def test_a_thousand_routes_in_each_of_three_tables_stay_few_elements_while_somebody_types(tab: Tab) -> None:
    tab.app.clusters, tab.app.routes = [healthy()], {"shop-weu": routes(tables=3, each=1000)}
    tab.open()
    opened = tab.open_routes("shop-weu")
    elements = "document.querySelectorAll('*').length"
    assert opened.get_by_role("status").inner_text() == "3,003 routes"
    assert opened.locator("tbody tr").count() == 100
    assert tab.page.evaluate(elements) < MOST_ELEMENTS
    for letter in "vmss0003e7":
        opened.get_by_label("Filter").press(letter)
        assert tab.page.evaluate(elements) < MOST_ELEMENTS
    assert opened.get_by_role("status").inner_text() == "3 of 3,003 routes"
    assert {row.split("\t")[2] for row in opened.locator("tbody tr").all_inner_texts()} == {node(999)}


def test_many_routes_are_leafed_through(tab: Tab) -> None:
    tab.app.clusters, tab.app.routes = [healthy()], {"shop-weu": routes(each=240)}
    tab.open()
    opened = tab.open_routes("shop-weu")
    page_of = opened.locator(".leaves span")
    assert page_of.inner_text() == "Page 1 of 3"
    opened.get_by_role("button", name="Previous").press("Enter")
    assert page_of.inner_text() == "Page 1 of 3"
    for _ in range(3):
        opened.get_by_role("button", name="Next", exact=True).press("Enter")
    assert page_of.inner_text() == "Page 3 of 3"
    assert opened.locator("tbody tr").count() == 41
    assert tab.page.evaluate("document.activeElement.textContent") == "Next"
    opened.get_by_label("Filter").fill("np2")
    assert page_of.inner_text() == "Page 1 of 2"


def test_a_row_tells_the_whole_id_of_its_table_and_the_name_of_the_route(tab: Tab) -> None:
    tab.app.clusters, tab.app.routes = [healthy()], {"shop-weu": routes(tables=2, each=1)}
    tab.open()
    row = tab.open_routes("shop-weu").locator("tbody tr").last
    assert row.get_attribute("title") == "shop-0"
    assert row.locator("td").last.get_attribute("title") == table(1)


def test_routes_that_cannot_be_read_say_so_and_are_tried_again_with_the_next_refresh(tab: Tab) -> None:
    tab.app.clusters = [healthy()]
    tab.open()
    tab.card("shop-weu").locator("details[data-island] summary").click()
    state = tab.card("shop-weu").locator("details[data-island] [role=status]")
    tab.page.get_by_text("The routes could not be read: the answer holds no routes.").wait_for()
    tab.app.routes = {
        "shop-weu": [RouteRow(target=table(), name="x", managed=True, prefix="fd00::/64", owner="shop-weu")]
    }
    tab.pass_time(31)
    tab.page.get_by_text("1 route", exact=True).wait_for()
    assert state.inner_text() == "1 route"


@pytest.mark.parametrize("late", ["old routes", "a failure"])
def test_an_answer_that_comes_late_does_not_replace_a_newer_one(shop: Tab, late: str) -> None:
    shop.expected.append(REFUSED)
    held: list[Route] = []
    shop.page.route("**/*routes=true*", lambda route: held.append(route), times=1)  # noqa: PLW0108  # playwright marks its handlers, a built-in takes no mark
    shop.card("shop-weu").locator("details[data-island] summary").click()
    shop.page.get_by_text("Loading the routes …").wait_for()
    with shop.page.expect_response(lambda answer: "routes=true" in answer.url):
        shop.page.get_by_role("button", name="Refresh now").click()
    shop.page.get_by_text("31 routes").wait_for()
    (first,) = held
    with shop.page.expect_event("requestfinished" if late == "old routes" else "requestfailed"):
        if late == "old routes":
            first.fulfill(json={"clusters": [{"cluster": "shop-weu", "routes": []}]})
        else:
            first.abort()
    assert shop.page.get_by_text("31 routes").is_visible()


def test_a_cluster_without_any_route_is_no_error(tab: Tab) -> None:
    tab.app.clusters, tab.app.routes = [healthy()], {"shop-weu": []}
    tab.open()
    tab.card("shop-weu").locator("details[data-island] summary").click()
    tab.page.get_by_text("0 routes").wait_for()
