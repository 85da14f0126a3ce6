"""What a reader sees: the state first, then what is wrong, then the numbers."""

import re

import pytest
from msgspec.structs import replace

from shared.status import ClusterStatus, Finding
from shared.wake import Poison
from tests.browser.documents import (
    HUB,
    ago,
    change,
    cluster,
    every_kind,
    failing,
    healthy,
    hub_cluster,
    peers,
    report,
    routes,
    table,
    target,
    troubled,
    unseen,
    waiting,
)
from tests.browser.stage import Tab


def full(used: int) -> ClusterStatus:
    return cluster("shop-weu", report("shop-weu", targets=[target(managed=used - 2)]))


@pytest.mark.parametrize(
    ("clusters", "headline"),
    [
        ([], "No cluster is configured"),
        ([healthy()], "The cluster is in step"),
        ([healthy(), healthy("shop-neu")], "Both clusters are in step"),
        ([healthy(f"shop-{each}") for each in "abc"], "All 3 clusters are in step"),
        ([healthy(), unseen()], "new-weu: no pass yet"),
        ([healthy(), cluster("x", report("x", "held"))], "x: worth a look"),
        ([*every_kind()], "dev-neu and prod-weu need help"),
        ([failing(f"dev-{each}") for each in "abcde"], "dev-a, dev-b, dev-c, and 2 more need help"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_the_headline_says_whether_somebody_has_to_get_up(
    tab: Tab, clusters: list[ClusterStatus], headline: str
) -> None:
    tab.app.clusters = clusters
    tab.open()
    assert tab.page.get_by_role("status").first.inner_text().strip() == headline
    in_order = not clusters or headline.endswith("in step")
    assert tab.page.title() == ("Pod routes" if clusters and in_order else f"{headline} · Pod routes")


def test_a_cluster_in_trouble_comes_first_and_a_calm_one_last(tab: Tab) -> None:
    tab.app.clusters = [*every_kind()]
    tab.open()
    names = ["dev-neu", "prod-weu", "new-weu", "hub-weu", "shop-weu"]
    assert tab.page.get_by_role("heading", level=2).all_inner_texts() == names
    assert tab.page.get_by_role("navigation", name="Clusters").get_by_role("link").all_inner_texts() == names


@pytest.mark.parametrize(
    ("outcome", "word", "level"),
    [
        ("inSync", "In step", "good"),
        ("applied", "Brought into step", "good"),
        ("planned", "Planned only", "info"),
        ("busy", "Busy", "info"),
        ("held", "Deletes held back", "warn"),
        ("partial", "Partly in step", "warn"),
        ("failed", "Failed", "bad"),
        ("somethingNew", "somethingNew", "warn"),
    ],
)
def test_every_outcome_has_a_word_an_icon_and_a_colour(tab: Tab, outcome: str, word: str, level: str) -> None:
    tab.app.clusters = [cluster("shop-weu", report("shop-weu", outcome))]
    tab.open()
    card = tab.card("shop-weu")
    badge = card.locator(".state .badge")
    assert badge.inner_text() == word
    assert badge.locator(f"svg.icon.{level}").count() == 1
    assert card.get_attribute("class") == f"card {level}"


def test_the_last_pass_is_told_by_age_time_cause_and_duration(tab: Tab) -> None:
    tab.app.clusters = [healthy()]
    tab.open()
    told = tab.card("shop-weu").locator(".pass").inner_text()
    assert told == ("Last pass 2 min ago (2026-11-22 02:58:00 UTC), by the timer, took 812 ms. 14 nodes, none waiting.")
    tab.pass_time(20)
    tab.page.get_by_role("button", name="Pause refresh").click()
    tab.page.clock.run_for(300_000)
    assert "Last pass 7 min ago" in tab.card("shop-weu").locator(".pass").inner_text()


def test_ages_count_from_the_clock_of_the_server_and_not_of_the_browser(tab: Tab) -> None:
    tab.app.clusters = [healthy()]
    tab.page.clock.set_system_time("2026-11-23T09:00:00Z")
    tab.open()
    assert "Last pass 2 min ago" in tab.card("shop-weu").inner_text()


def trouble_sentences(tab: Tab, name: str) -> list[str]:
    found = tab.card(name).get_by_role("list", name="What is wrong")
    return found.get_by_role("listitem").all_inner_texts() if found.count() else []


@pytest.mark.parametrize(
    ("told", "sentence"),
    [
        (report("x", "failed", error="nodes could not be read", targets=[]), "nodes could not be read"),
        (
            report("x", "failed", targets=[target(outcome="failed", error="403: no permission")]),
            "rt-pods-0: 403: no permission",
        ),
        (
            report("x", "partial", targets=[target(changes=[change(1, result="skipped", reason="no room")])]),
            "1 change left out: 100.64.1.0/24 (no room)",
        ),
        (
            report("x", "failed", targets=[target(changes=[change(at, result="failed") for at in range(5)])]),
            "5 changes failed: 100.64.0.0/24, 100.64.1.0/24, 100.64.2.0/24, and 2 more",
        ),
        (report("x", startedAt=ago(days=3)), "No pass has ended since 3 days ago. Does the timer run?"),
        (report("x", targets=[target(managed=898)]), "rt-pods-0 is nearly full: 900 of 1,000."),
        (report("x", targets=[target(managed=998)]), "rt-pods-0 is full: 1,000 of 1,000."),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_is_wrong_is_said_in_a_sentence(tab: Tab, told: dict[str, object], sentence: str) -> None:
    tab.app.clusters = [cluster("x", told)]
    tab.open()
    assert trouble_sentences(tab, "x") == [sentence]


def test_a_calm_cluster_has_no_sentence_of_trouble(tab: Tab) -> None:
    tab.app.clusters = [full(899)]
    tab.open()
    assert trouble_sentences(tab, "shop-weu") == []


def test_the_worst_sentence_comes_first_and_a_finding_of_the_doctor_is_among_them(tab: Tab) -> None:
    tab.app.clusters = [troubled()]
    tab.open()
    sentences = trouble_sentences(tab, "prod-weu")
    assert sentences[0] == "3 NICs do not forward: turn IP forwarding on"
    assert len(sentences) == 3


def test_waiting_nodes_are_named_with_their_reasons_and_many_are_folded_away(tab: Tab) -> None:
    tab.app.clusters = [cluster("x", report("x", nodes=waiting(*(f"reason {at}" for at in range(14)))))]
    tab.open()
    section = tab.card("x").locator("section.waiting")
    assert section.get_by_role("heading").inner_text() == "14 nodes waiting for a route"
    assert section.locator("li").first.inner_text() == "aks-np1-38167372-vmss000000 reason 0"
    assert section.locator("li:visible").count() == 10
    section.get_by_text("4 more").click()
    assert section.locator("li:visible").count() == 14
    assert tab.card("x").get_attribute("class") == "card warn"


@pytest.mark.parametrize(("used", "level"), [(16, "good"), (900, "warn"), (1000, "bad"), (1001, "bad")])
def test_headroom_is_a_bar_with_its_numbers(tab: Tab, used: int, level: str) -> None:
    tab.app.clusters = [full(used)]
    tab.open()
    bar = tab.card("shop-weu").get_by_role("meter", name="Entries in rt-pods-0")
    assert bar.get_attribute("aria-valuetext") == f"{used:,} of 1,000"
    assert bar.get_attribute("class") == f"bar {level}"
    shown = bar.locator(".fill").bounding_box()
    trough = bar.locator(".trough").bounding_box()
    assert shown is not None
    assert trough is not None
    assert shown["width"] / trough["width"] == pytest.approx(min(used, 1000) / 1000, abs=0.005)
    assert f"{used:,} of 1,000 used" in tab.card("shop-weu").inner_text()


def test_drift_is_a_chart_that_can_also_be_read(tab: Tab) -> None:
    tab.app.clusters = [troubled(), replace(healthy(), drift=[])]
    tab.open()
    sentence = "18 repairs in the last 14 days, most on 2026-11-17 (11)."
    chart = tab.card("prod-weu").get_by_role(
        "img", name=re.compile("^Repairs per day: 2026-11-13: 1, 2026-11-17: 11, ")
    )
    bars = chart.locator("rect.some, rect.none")
    assert bars.count() == 14
    heights = [float(bar.get_attribute("height") or 0) for bar in bars.all()]
    assert max(heights) == heights[8]
    assert sentence in tab.card("prod-weu").inner_text()
    assert tab.card("shop-weu").get_by_role("img").count() == 0


def test_the_last_changes_and_passes_are_listed(tab: Tab) -> None:
    tab.app.clusters = [troubled()]
    tab.open()
    card = tab.card("prod-weu")
    rows = card.get_by_role("region", name="Changes of the last pass").locator("tbody tr")
    assert [cell.strip() for cell in rows.last.inner_text().split("\t")] == [
        "~ update", "100.64.3.0/24", "10.0.0.5 to 10.0.0.3", "aks-np1-38167372-vmss000003", "rt-pods-0", "made",
    ]  # fmt: skip
    card.get_by_text("Recent passes with changes").click()
    passes = card.get_by_role("region", name="Recent passes with changes").locator("tbody tr")
    assert [[cell.strip() for cell in row.split("\t")] for row in passes.all_inner_texts()] == [
        ["30 min ago", "an event", "Deletes held back", "", "", "5", "", "6f1c09ab-2d37"],
        ["20 h ago", "the timer", "Brought into step", "3", "2", "", "", "6f1c09ab-2d37"],
        ["30 h ago", "a person or script", "Failed", "", "", "", "1", "6f1c09ab-2d37"],
    ]


def test_findings_of_pass_and_doctor_are_one_list_worst_first_and_each_once(tab: Tab) -> None:
    tab.app.clusters = [troubled()]
    tab.open()
    found = tab.card("prod-weu").locator(".findings .badge").all_inner_texts()
    assert found == ["Error", "Warning", "Note"]


@pytest.mark.parametrize(
    ("severity", "word", "level"),
    [
        ("info", "Note", "good"),
        ("unknown", "Not known", "good"),
        ("warning", "Warning", "warn"),
        ("error", "Error", "bad"),
        ("problem", "Problem", "bad"),
    ],
)
def test_a_finding_has_a_word_and_makes_its_cluster_no_better_than_it_is(
    tab: Tab, severity: str, word: str, level: str
) -> None:
    tab.app.clusters = [cluster("x", findings=[Finding(severity=severity, code="c", message="m")])]
    tab.open()
    assert tab.card("x").locator(".findings .badge").text_content() == word
    assert tab.card("x").get_attribute("class") == f"card {level}"


def test_a_hub_shows_its_peers(tab: Tab) -> None:
    tab.app.clusters, tab.app.routes = [hub_cluster()], {"hub-weu": peers()}
    tab.open()
    card = tab.card("hub-weu")
    assert "Route Server" in card.inner_text()
    assert card.get_by_role("meter", name=f"Entries in {HUB.rpartition('/')[2]}").count() == 1
    card.get_by_text("Changes of the last pass").click()
    assert re.search(r"10\.0\.0\.4\s+AS 65001", card.inner_text())
    rows = tab.open_routes("hub-weu")
    assert rows.get_by_role("columnheader").all_text_contents() == ["Peer▲", "AS", "Node", "Owner"]
    assert rows.locator("tbody tr").first.inner_text().split("\t") == [
        "10.0.0.4", "65001", "aks-np1-38167372-vmss000004", "hub-weu",
    ]  # fmt: skip


def test_a_cluster_without_a_report_says_so(tab: Tab) -> None:
    tab.app.clusters = [unseen()]
    tab.open()
    told = tab.card("new-weu").inner_text()
    assert "No report yet" in told
    assert "No pass has ended yet" in told
    assert "watching only" in told


def test_a_cluster_whose_nodes_could_not_be_read_does_not_pretend_to_have_none(tab: Tab) -> None:
    tab.app.clusters = [failing()]
    tab.open()
    assert "0 nodes" not in tab.card("dev-neu").inner_text()


def test_an_empty_installation_says_what_to_do(tab: Tab) -> None:
    tab.open()
    assert "AKS_POD_ROUTES_CLUSTERS" in tab.page.get_by_role("main").inner_text()


def test_wake_ups_that_failed_for_good_are_told_with_the_way_out(tab: Tab) -> None:
    tab.app.clusters, tab.app.poison = [healthy()], Poison(2, ("prod-weu", "shop-weu"))
    tab.open()
    told = tab.page.locator("#notes").inner_text()
    assert told.startswith("2 wake-ups failed for good (prod-weu and shop-weu).")
    assert "aks-pod-routes-wake-poison" in told


def test_a_target_without_numbers_is_still_named(tab: Tab) -> None:
    unread = target(table(7), "failed", capacity=0, error="no permission")
    tab.app.clusters = [cluster("x", report("x", "failed", targets=[unread]))]
    tab.open()
    assert tab.card("x").locator(".targets .name").all_inner_texts() == ["rt-pods-7"]
    assert tab.card("x").get_by_role("meter").count() == 0


def test_the_page_may_be_of_one_cluster(tab: Tab) -> None:
    tab.app.clusters, tab.app.routes = [healthy(), troubled()], {"shop-weu": routes()}
    tab.page.goto(f"{tab.url}/api/status?code=a-key-that-must-not-leak&cluster=shop-weu")
    tab.open_routes("shop-weu")
    assert tab.page.get_by_role("article").count() == 1
