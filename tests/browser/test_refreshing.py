"""The page stays up to date by itself, keeps what its reader is at, and never passes off old data as new."""

import pytest

from tests.browser.documents import ago, change, cluster, every_kind, failing, healthy, report, routes, target, troubled
from tests.browser.stage import KEY, REFUSED, Tab


def test_a_scale_out_shows_up_by_itself(tab: Tab) -> None:
    tab.app.clusters, tab.app.routes = [healthy()], {"shop-weu": routes(each=14)}
    tab.open()
    shown = tab.open_routes("shop-weu")
    assert shown.get_by_role("status").inner_text() == "15 routes"
    grown = report(
        "shop-weu",
        "applied",
        trigger="event",
        startedAt=ago(seconds=5),
        targets=[target(managed=15, outcome="applied", changes=[change(14)])],
        nodes={"total": 15, "waiting": []},
    )
    tab.app.clusters, tab.app.routes = [cluster("shop-weu", grown)], {"shop-weu": routes(each=15)}
    tab.pass_time(31)
    tab.card("shop-weu").get_by_text("15 nodes").wait_for()
    tab.page.get_by_text("16 routes").wait_for()
    assert tab.card("shop-weu").get_by_role("meter").get_attribute("aria-valuetext") == "17 of 1,000"
    assert "100.64.14.0/24" in tab.card("shop-weu").inner_text()


def test_nothing_is_asked_before_thirty_seconds_and_one_thing_after(tab: Tab) -> None:
    tab.app.clusters = [healthy()]
    tab.open()
    tab.pass_time(25)
    assert len(tab.app.asked) == 1
    tab.pass_time(10)
    assert len(tab.app.asked) == 2


def test_routes_are_read_again_only_after_another_pass_or_when_asked(tab: Tab) -> None:
    tab.app.clusters, tab.app.routes = [healthy()], {"shop-weu": routes()}
    tab.open()
    tab.open_routes("shop-weu")
    tab.pass_time(31)
    assert sum("routes" in each.query for each in tab.app.asked) == 1
    with tab.page.expect_response(lambda answer: "routes=true" in answer.url):
        tab.page.get_by_role("button", name="Refresh now").click()


def test_refreshing_can_be_paused_and_resumed(tab: Tab) -> None:
    tab.app.clusters = [healthy()]
    tab.open()
    tab.page.get_by_role("button", name="Pause refresh").press("Enter")
    tab.pass_time(120)
    assert len(tab.app.asked) == 1
    assert tab.page.locator("#age").inner_text() == "Old data: from 2 min ago, paused"
    tab.page.get_by_role("button", name="Resume refresh").press("Enter")
    tab.page.get_by_text("Read 0 s ago").wait_for()
    assert len(tab.app.asked) == 2


def test_a_page_that_nobody_sees_asks_nothing_until_it_is_seen(tab: Tab) -> None:
    tab.app.clusters = [healthy()]
    tab.open()
    hide = "hidden => { Object.defineProperty(document, 'hidden', {value: hidden, configurable: true}); document.dispatchEvent(new Event('visibilitychange')); }"
    tab.page.evaluate(hide, True)  # noqa: FBT003  # an argument of the script
    tab.pass_time(300)
    assert len(tab.app.asked) == 1
    tab.page.evaluate(hide, False)  # noqa: FBT003  # as above
    tab.page.get_by_text("Read 0 s ago").wait_for()
    assert len(tab.app.asked) == 2


def test_focus_filter_and_place_stay_while_everything_around_changes(tab: Tab) -> None:
    tab.app.clusters, tab.app.routes = [healthy(), healthy("a-calm-one")], {"shop-weu": routes(each=60)}
    tab.open()
    shown = tab.open_routes("shop-weu")
    filter_box = shown.get_by_role("searchbox")
    filter_box.fill("np2")
    filter_box.evaluate("box => box.setSelectionRange(1, 2)")
    tab.page.evaluate("scrollTo(0, 300)")
    place = "box => [Math.round(box.getBoundingClientRect().top), document.activeElement === box, box.value, box.selectionStart]"
    before = filter_box.evaluate(place)
    tab.app.clusters = [healthy("another"), failing(), *tab.app.clusters, troubled()]
    tab.pass_time(31)
    tab.card("dev-neu").wait_for()
    after = filter_box.evaluate(place)
    assert after[0] == pytest.approx(before[0], abs=1)
    assert after[1:] == before[1:] == [True, "np2", 1]
    assert shown.get_by_role("status").inner_text() == "30 of 61 routes"


def test_what_the_reader_opened_stays_open_and_what_he_closed_stays_closed(tab: Tab) -> None:
    tab.app.clusters = [*every_kind()]
    tab.open()
    card = tab.card("prod-weu")
    card.get_by_text("Findings", exact=True).click()
    card.get_by_text("Recent passes with changes").click()
    assert card.locator("details[data-key=findings]").get_attribute("open") is None
    tab.pass_time(31)
    assert card.locator("details[data-key=findings]").get_attribute("open") is None
    assert card.locator("details[data-key=history]").get_attribute("open") == ""


def test_an_unchanged_answer_changes_nothing_in_the_document(tab: Tab) -> None:
    tab.app.clusters, tab.app.routes = [*every_kind()], {"shop-weu": routes()}
    tab.open()
    tab.open_routes("shop-weu")
    tab.page.get_by_role("button", name="Pause refresh").click()
    tab.page.evaluate(
        "window.seen = []; new MutationObserver(all => seen.push(...all.map(each => each.target.id || each.target.nodeName)))"
        ".observe(document.getElementById('clusters'), {subtree: true, childList: true, attributes: true, characterData: true})"
    )
    tab.refresh()
    assert set(tab.page.evaluate("seen")) <= {"TIME", "#text"}


def test_a_cluster_that_is_gone_disappears(tab: Tab) -> None:
    tab.app.clusters = [healthy(), healthy("shop-neu")]
    tab.open()
    tab.app.clusters = [healthy()]
    tab.pass_time(31)
    tab.page.get_by_text("The cluster is in step").wait_for()
    assert tab.page.get_by_role("article").count() == 1


@pytest.mark.parametrize(
    ("status", "content", "sentence"),
    [
        (502, {"clusters": [], "error": "the storage did not answer"}, "the storage did not answer"),
        (500, "", "the app answered 500"),
        (200, {"no": "status"}, "the answer is no status"),
        (403, "", "the function key is missing or no longer valid; add ?code=… to the address"),
    ],
)
def test_a_failed_refresh_says_why_and_how_old_the_rest_is(
    tab: Tab, status: int, content: object, sentence: str
) -> None:
    tab.expected.append(REFUSED)
    tab.app.clusters = [healthy()]
    tab.open()
    tab.app.refusal = status, content
    tab.pass_time(31)
    alert = tab.page.get_by_role("alert")
    assert (
        alert.inner_text() == f"The last refresh failed: {sentence}. What is below was read at 2026-11-22 03:00:00 UTC."
    )
    assert tab.card("shop-weu").is_visible()
    tab.pass_time(90)
    assert tab.page.locator("#age").inner_text().startswith("Old data: from 2 min ago")
    tab.app.refusal = None
    tab.pass_time(31)
    tab.page.locator("#failure:empty").wait_for(state="attached")


def test_an_app_that_cannot_be_reached_is_told(tab: Tab) -> None:
    tab.expected.append(REFUSED)
    tab.app.clusters = [healthy()]
    tab.open()
    tab.page.context.set_offline(offline=True)
    tab.pass_time(31)
    assert "the app cannot be reached" in tab.page.get_by_role("alert").inner_text()


def test_without_a_right_key_the_page_says_so_and_shows_nothing(tab: Tab) -> None:
    tab.expected.append(REFUSED)
    tab.app.clusters = [healthy()]
    tab.open(code="wrong")
    assert "the function key is missing or no longer valid" in tab.page.get_by_role("alert").inner_text()
    assert tab.page.locator("#headline").inner_text() == "No data"
    assert tab.page.get_by_role("article").count() == 0


def test_the_key_stays_in_the_address(tab: Tab) -> None:
    tab.app.clusters, tab.app.routes = [*every_kind()], {"shop-weu": routes()}
    tab.open()
    tab.open_routes("shop-weu")
    assert KEY not in tab.page.content()
    assert tab.page.evaluate("localStorage.length + sessionStorage.length + document.cookie.length") == 0
    assert {each.headers.get("Referer") for each in tab.app.asked} == {None}
    assert {each.query["code"] for each in tab.app.asked} == {KEY}
