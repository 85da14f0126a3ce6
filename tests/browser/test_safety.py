"""Nothing from Azure or Kubernetes becomes markup, and nothing runs, loads or leaves but what the page is made of."""

from collections.abc import Iterator

import pytest

from shared.page import page
from shared.status import DriftDay, Finding, RouteRow
from shared.wake import Poison
from tests.browser.documents import HUB, cluster, every_kind, healthy, report, target
from tests.browser.stage import Tab

HOSTILE = [
    "<img src=x onerror=window.hacked=1>",
    '"><script>window.hacked=1</script>',
    "' onmouseover='window.hacked=1",
    "javascript:window.hacked=1",
    "</title></style><svg onload=window.hacked=1>",
    "{{constructor.constructor('window.hacked=1')()}}",
    "__proto__",
    "</script><base href=https://elsewhere.invalid>",
    "\u202e\u0000\ufffe\U0001f600" + "x" * 300,
]


def names() -> Iterator[str]:
    while True:
        yield from HOSTILE


@pytest.mark.parametrize("bad", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_names_are_text_wherever_they_come_from(tab: Tab, bad: str) -> None:
    change = {"action": bad, "name": bad, "prefix": bad, "nextHop": bad, "previousNextHop": bad + "2", "node": bad}
    peer = {"action": "create", "name": bad, "peerIp": bad, "peerAsn": bad, "node": bad, "result": "failed"}
    finding = {"severity": bad, "code": bad, "message": bad, "resource": bad}
    told = report(
        bad,
        bad,
        mode=bad,
        trigger=bad,
        error=bad,
        startedAt=bad,
        nodes={"total": 1, "waiting": [{"node": bad, "reason": bad}]},
        targets=[
            target(bad, bad, error=bad, changes=[{**change, "result": bad, "reason": bad}, peer], findings=[finding])
        ],
    )
    shown = cluster(
        bad,
        told,
        findings=[Finding(severity="error", code=bad, message=bad, resource=bad)],
        drift=[DriftDay(day=bad, repaired=3)],
    )
    tab.app.clusters = [shown, healthy()]
    tab.app.poison = Poison(1, (bad,))
    row = RouteRow(
        target=bad, name=bad, managed=False, prefix=bad, next_hop=bad, peer_ip=bad, owner=bad, node=bad, pool=bad
    )
    tab.app.routes = {bad: [row, row], "shop-weu": []}
    tab.open()
    card = tab.page.get_by_role("article").first
    card.locator("details[data-island] summary").click()
    card.locator("details[data-island] tbody tr").first.wait_for()
    card.locator("details[data-island]").get_by_label("Filter").fill(bad[:3])
    tab.page.get_by_role("navigation", name="Clusters").get_by_role("link").first.click()
    tab.pass_time(31)
    assert tab.page.evaluate("[window.hacked, Object.prototype.hacked]") == [None, None]
    assert tab.page.locator("script, style, base, img, iframe, object, link").count() == 3  # ours, and the icon
    handlers = "[...document.querySelectorAll('*')].flatMap(each => each.getAttributeNames()).filter(name => name.startsWith('on'))"
    assert tab.page.evaluate(handlers) == []
    assert card.get_by_role("heading", level=2).text_content() == bad
    assert tab.page.evaluate("document.documentElement.scrollWidth <= innerWidth")


@pytest.mark.parametrize(
    ("attempt", "complaint"),
    [
        (
            "document.body.append(Object.assign(document.createElement('script'), {textContent: 'window.hacked=1'}))",
            "TrustedScript",
        ),
        ("document.body.innerHTML = '<b>x</b>'", "TrustedHTML"),
        ("document.body.setAttribute('onclick', 'window.hacked=1'), document.body.click()", "Trusted"),
        ("fetch('https://elsewhere.invalid/').catch(() => 0)", "connect-src"),
        ("document.body.append(Object.assign(new Image(), {src: 'https://elsewhere.invalid/x.png'}))", "img-src"),
        (
            "document.body.append(Object.assign(document.createElement('iframe'), {src: 'https://elsewhere.invalid/'}))",
            "frame",
        ),
    ],
)
def test_what_got_in_could_neither_run_nor_talk(tab: Tab, attempt: str, complaint: str) -> None:
    """The second line of defence, tried by breaking the first on purpose."""
    tab.expected += [complaint, "Content Security Policy", "violates"]
    tab.app.clusters = [healthy()]
    tab.open()
    with tab.page.expect_console_message(lambda said: complaint in said.text or complaint in said.text.lower()):
        tab.page.evaluate(f"() => {{ try {{ {attempt} }} catch (error) {{ console.error(String(error)); }} }}")
    assert tab.page.evaluate("window.hacked") is None
    tab.requests[:] = [url for url in tab.requests if "elsewhere.invalid" not in url]


def test_the_page_is_the_same_for_everybody_and_holds_nothing_of_the_installation(tab: Tab) -> None:
    tab.app.clusters = [*every_kind()]
    answers = [
        tab.page.request.get(f"{tab.url}/api/status{query}", headers={"Accept": "text/html"})
        for query in ("?code=one", "?code=two&cluster=shop-weu")
    ]
    document, headers = page()
    assert [answer.text() for answer in answers] == [document, document]
    assert headers.items() <= {name: answers[0].headers.get(name.lower()) for name in headers}.items()
    assert HUB not in document


def test_the_page_asks_for_nothing_but_its_own_address(tab: Tab) -> None:
    tab.app.clusters = [*every_kind()]
    tab.open()
    tab.pass_time(31)
    assert len(tab.requests) == 3  # the page, and its data twice
