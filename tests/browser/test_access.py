"""For everybody: without a mouse, with a screen reader, with eyes that need contrast, on a narrow screen."""

import pytest

from shared.wake import Poison
from tests.browser.documents import every_kind, healthy, routes
from tests.browser.stage import REFUSED, Tab

LOW_CONTRAST = """
() => {
  const channels = (colour) => {
    const canvas = Object.assign(document.createElement('canvas'), {width: 1, height: 1}).getContext('2d', {willReadFrequently: true});
    canvas.fillStyle = colour;
    canvas.fillRect(0, 0, 1, 1);
    return [...canvas.getImageData(0, 0, 1, 1).data];
  };
  const luminance = ([red, green, blue]) => [red, green, blue].map((each) => each / 255)
    .map((each) => each <= 0.04045 ? each / 12.92 : ((each + 0.055) / 1.055) ** 2.4)
    .reduce((sum, each, at) => sum + each * [0.2126, 0.7152, 0.0722][at], 0);
  const ratio = (one, other) => {
    const [low, high] = [luminance(one), luminance(other)].sort((a, b) => a - b);
    return (high + 0.05) / (low + 0.05);
  };
  const ground = (element) => {
    for (let at = element; at; at = at.parentElement) {
      const colour = channels(getComputedStyle(at).backgroundColor);
      if (colour[3] === 255) return colour;
    }
    return channels('Canvas');
  };
  const found = [];
  const check = (what, colour, behind, least) => {
    const reached = ratio(channels(colour), behind);
    if (reached < least) found.push(`${what}: ${reached.toFixed(2)} is under ${least}`);
  };
  let texts = 0;
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const element = walker.currentNode.parentElement;
    if (!walker.currentNode.data.trim() || !element.checkVisibility() || element.closest('script, style, noscript, title')) continue;
    const style = getComputedStyle(element);
    const size = parseFloat(style.fontSize);
    const large = size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700);
    texts += 1;
    check(walker.currentNode.data, element.closest('svg') ? style.fill : style.color, ground(element), large ? 3 : 4.5);
  }
  for (const input of document.querySelectorAll('input')) {
    check('placeholder', getComputedStyle(input, '::placeholder').color, ground(input), 4.5);
    check('border of an input', getComputedStyle(input).borderTopColor, ground(input.parentElement), 3);
  }
  for (const shape of document.querySelectorAll('.icon circle, .fill, rect.some')) {
    if (shape.checkVisibility()) check(shape.parentElement.getAttribute('class'), getComputedStyle(shape).fill, ground(shape.parentElement), 3);
  }
  return [texts, found];
}
"""
"""Text and shapes under WCAG 2.2 AA: https://www.w3.org/TR/WCAG22/#contrast-minimum and #non-text-contrast."""

PROBLEMS = """
() => {
  const found = [];
  const all = (query) => [...document.querySelectorAll(query)];
  const ids = all('[id]').map((each) => each.id);
  found.push(...ids.filter((id, at) => ids.indexOf(id) !== at).map((id) => `id ${id} twice`));
  for (const attribute of ['aria-labelledby', 'for']) {
    found.push(...all(`[${attribute}]`).filter((each) => !document.getElementById(each.getAttribute(attribute))).map((each) => `${attribute} of ${each.id} leads nowhere`));
  }
  const levels = all('h1, h2, h3, h4').filter((each) => each.checkVisibility()).map((each) => Number(each.tagName[1]));
  if (levels.filter((level) => level === 1).length !== 1) found.push('not one h1');
  levels.forEach((level, at) => at && level > levels[at - 1] + 1 && found.push(`heading ${level} after ${levels[at - 1]}`));
  for (const [query, least] of [['header', 1], ['main', 1], ['footer', 1]]) if (all(`body > ${query}`).length !== least) found.push(`no ${query}`);
  found.push(...all('[tabindex]').filter((each) => each.tabIndex > 0).map((each) => `tabindex of ${each.tagName}`));
  found.push(...all('button, a, summary').filter((each) => !each.textContent.trim()).map((each) => `${each.tagName} without a name`));
  found.push(...all('input').filter((each) => !each.labels.length).map(() => 'input without a label'));
  found.push(...all('svg').filter((each) => !each.closest('[aria-hidden=true]') && !each.getAttribute('aria-label')).map(() => 'picture without words'));
  found.push(...all('th').filter((each) => !each.scope).map(() => 'th without scope'));
  found.push(...all('[role=region], [role=meter], nav').filter((each) => !each.getAttribute('aria-label')).map((each) => `${each.tagName} without a label`));
  if (!document.documentElement.lang) found.push('no language');
  return found;
}
"""

FOCUSED = """
() => {
  const at = document.activeElement;
  const style = getComputedStyle(at);
  const box = at.getBoundingClientRect();
  const covered = at.closest('header, .skip') ? 0 : document.querySelector('header').getBoundingClientRect().bottom;
  return [at.tagName, (at.textContent || at.getAttribute('aria-label') || '').trim(), parseFloat(style.outlineWidth) >= 2 && style.outlineStyle !== 'none', box.bottom > covered && box.top < innerHeight];
}
"""


@pytest.fixture
def full(tab: Tab) -> Tab:
    """Everything the page can show, opened."""
    tab.app.clusters, tab.app.routes = [*every_kind()], {"shop-weu": routes(tables=2, each=120)}
    tab.app.poison = Poison(2, ("prod-weu",))
    tab.open()
    tab.open_routes("shop-weu")
    tab.page.evaluate("document.querySelectorAll('details:not([data-island])').forEach(each => each.open = true)")
    return tab


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_text_and_shape_has_the_contrast_of_wcag_aa(full: Tab, scheme: str) -> None:
    full.expected.append(REFUSED)
    full.page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
    full.app.refusal = 502, {"error": "no storage"}
    full.pass_time(130)  # old data and a failure show, too
    texts, found = full.page.evaluate(LOW_CONTRAST)
    assert found == []
    assert texts > 500


def test_names_headings_landmarks_and_labels_are_there(full: Tab) -> None:
    assert full.page.evaluate(PROBLEMS) == []


def test_a_screen_reader_hears_state_name_mode_and_numbers(tab: Tab) -> None:
    tab.app.clusters = [healthy()]
    tab.open()
    heard = tab.page.locator("body").aria_snapshot()
    for part in (
        "banner:",
        '- heading "Pod routes" [level=1]',
        "- main:",
        "- status: The cluster is in step",
        '- article "shop-weu":',
        '- heading "shop-weu" [level=2]',
        '- meter "Entries in rt-pods-0"',
        '- paragraph: "16 of 1,000 used (1.6 %): 14 managed, 2 foreign"',
        'img "Repairs per day: 2026-11-14: 1 and 2026-11-19: 2"',
        "- text: 3 repairs in the last 14 days, most on 2026-11-19 (2).",
        "- contentinfo:",
    ):
        assert part in heard


def test_everything_can_be_done_without_a_mouse(tab: Tab) -> None:
    tab.app.clusters, tab.app.routes = [healthy()], {"shop-weu": routes(each=120)}
    tab.open()
    press = tab.page.keyboard.press
    stops = []

    def next_stop() -> str:
        press("Tab")
        tag, text, outlined, in_sight = tab.page.evaluate(FOCUSED)
        assert outlined, f"nobody sees that {text} has the focus"
        assert in_sight, f"{text} is out of sight"
        stops.append(f"{tag} {text}")
        return str(text)

    assert next_stop() == "Skip to the clusters"
    while next_stop() != "Routes":
        assert len(stops) < 20
    press("Enter")
    tab.page.get_by_text("121 routes").wait_for()
    next_stop()
    tab.page.keyboard.type("np2")
    tab.page.get_by_text("60 of 121 routes").wait_for()
    assert next_stop().startswith("Destination")  # the table itself, which scrolls
    assert next_stop().startswith("Destination")
    press("Space")
    assert tab.page.locator("[aria-sort=descending]").count() == 1
    assert any(stop == "BUTTON Pause refresh" for stop in stops)
    assert any(stop.startswith("SUMMARY Recent passes") for stop in stops)


def test_the_skip_link_leads_past_the_overview(tab: Tab) -> None:
    tab.app.clusters = [*every_kind()]
    tab.open()
    tab.page.keyboard.press("Tab")
    tab.page.keyboard.press("Enter")
    assert tab.page.evaluate("document.activeElement.id") == "clusters"


def test_the_overview_leads_to_a_cluster(tab: Tab) -> None:
    tab.app.clusters = [*every_kind()]
    tab.open()
    tab.page.get_by_role("link", name="hub-weu").press("Enter")
    assert tab.page.evaluate("document.activeElement.id") == "cluster-hub-weu"


@pytest.mark.parametrize("width", [320, 360, 768, 1280, 2560])
def test_the_page_never_scrolls_sideways(full: Tab, width: int) -> None:
    full.page.set_viewport_size({"width": width, "height": 800})
    assert full.page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_a_page_without_script_says_what_is_missing(tab: Tab) -> None:
    browser = tab.page.context.browser
    assert browser
    with browser.new_context(java_script_enabled=False) as context:
        page = context.new_page()
        page.goto(f"{tab.url}/api/status")
        assert "needs JavaScript" in page.locator("body").inner_text()
