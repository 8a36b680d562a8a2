"""The app in Chromium: light and dark, wide and narrow, by mouse and by keyboard; nothing of the data is run as code."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from dashboards import HOSTILE
from playwright.sync_api import Browser, Page, expect

from conftest import Served

TITLES = ("Months", "Drift", "Customers at risk", "Lineage", "Alerts and monitors")
WIDE, NARROW = 1440, 420
# texts cut by their box, or wider than the screen; tables and charts scroll and answer for themselves
CUT = """() => [...document.querySelectorAll(['stMarkdown', 'stText', 'stHeading', 'stCaptionContainer', 'stMetric', 'stAlert']
  .map(name => `[data-testid="${name}"]`).join(', ') + ', button')]
  .filter(e => e.offsetParent && e.clientWidth && (e.scrollWidth > e.clientWidth + 1))
  .map(e => e.innerText.slice(0, 60))"""
OVERLAPS = """() => {
  const boxes = [...document.querySelectorAll('[data-testid="stMain"] [data-testid="stElementContainer"]')]
    .filter(e => e.offsetParent && e.getBoundingClientRect().height > 4)
    .map(e => [e.innerText.slice(0, 40), e.getBoundingClientRect(), e]);
  const found = [];
  for (const [name, a, one] of boxes) for (const [other, b, two] of boxes) {
    if (one === two || one.contains(two) || two.contains(one)) continue;
    const wide = Math.min(a.right, b.right) - Math.max(a.left, b.left);
    const high = Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top);
    if (wide > 2 && high > 2) found.push([name, other]);
  }
  return found;
}"""


BOTH = pytest.mark.parametrize("page", [(WIDE, "dark"), (NARROW, "light")], ids=str, indirect=True)


@pytest.fixture(params=[(WIDE, "light"), (WIDE, "dark"), (NARROW, "light"), (NARROW, "dark")], ids=str)
def page(request: pytest.FixtureRequest, browser: Browser) -> Iterator[Page]:
    width, theme = request.param
    context = browser.new_context(viewport={"width": width, "height": 1000}, color_scheme=theme)
    opened = context.new_page()
    errors: list[str] = []
    opened.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
    opened.on("pageerror", lambda error: errors.append(str(error)))
    # nothing is fetched from anywhere else
    opened.on(
        "request",
        lambda r: errors.append(r.url) if not re.match(r"(https?|wss?)://localhost|data:|blob:", r.url) else None,
    )
    yield opened
    assert errors == []
    context.close()


def settled(page: Page, title: str) -> None:
    expect(page.get_by_role("heading", name=title, level=1)).to_be_visible(timeout=30_000)
    page.wait_for_function(
        '() => !document.querySelector(\'[data-testid="stStatusWidget"], [data-testid="stSkeleton"], [data-stale="true"]\')',
        timeout=30_000,
    )
    assert page.locator('[data-testid="stException"]').count() == 0


def go(page: Page, title: str) -> None:
    if (
        page.viewport_size
        and page.viewport_size["width"] < 800
        and not page.get_by_test_id("stSidebarNav").is_visible()
    ):
        page.get_by_test_id("stExpandSidebarButton").click()
    page.get_by_test_id("stSidebarNav").get_by_role("link", name=title).click()
    settled(page, title)


def test_every_page_is_whole(page: Page, served: Served, tmp_path: Path) -> None:
    page.goto(served.address)
    settled(page, "Months")
    for title in TITLES:
        if title != "Months":
            go(page, title)
        assert page.title() != "owned"
        width = page.viewport_size["width"] if page.viewport_size else 0
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        assert page.evaluate(CUT) == [], title
        assert page.evaluate(OVERLAPS) == [], title
        page.screenshot(path=tmp_path / f"{title}.png", full_page=True)


@BOTH
def test_the_numbers_are_those_of_churnobs_metrics(page: Page, served: Served) -> None:
    page.goto(served.address)
    settled(page, "Months")
    newest = max(m["as_of"] for m in served.metrics)
    own = {m["role"]: m for m in served.metrics if m["as_of"] == newest}
    metric = page.get_by_test_id("stMetric").filter(has_text="ROC_AUC, final")
    expect(metric).to_contain_text(f"{own['DEFAULT']['ROC_AUC']:.3f}")
    apart = own["DEFAULT"]["ROC_AUC"] - own["BASE"]["ROC_AUC"]
    expect(metric).to_contain_text(f"{apart:+.3f} against never retrained")
    text = page.get_by_test_id("stText").filter(has_text="What served at").inner_text()
    for name in ("ROC_AUC", "F1_SCORE", "TRIVIAL_F1", "RECENCY_AUC", "BASE_RATE"):
        assert f"{own['DEFAULT'][name]:.4g}" in text
    assert f"{own['BASE']['ROC_AUC']:.4g}" in text


@BOTH
def test_a_customer_is_chosen_by_keyboard_and_comments_are_texts(page: Page, served: Served) -> None:
    page.goto(served.address)
    settled(page, "Months")
    go(page, "Customers at risk")
    box = page.get_by_role("combobox", name=re.compile("^Customer"))
    for _ in range(12):
        if page.get_by_text("In short, in the customer's own words:").count():
            break
        box.last.focus()
        page.keyboard.press("ArrowDown")
        page.keyboard.press("ArrowDown")
        page.keyboard.press("Enter")
        page.wait_for_timeout(300)
        settled(page, "Customers at risk")
    quoted = page.get_by_test_id("stText").filter(has_text="“")
    assert quoted.count()
    assert page.locator("script", has_text="owned").count() == 0
    assert page.locator('img[src="x"]').count() == 0
    assert page.title() != "owned"
    assert HOSTILE.startswith("<script>")


@BOTH
def test_the_sidebar_is_reached_by_keyboard(page: Page, served: Served) -> None:
    page.goto(served.address)
    settled(page, "Months")
    if page.viewport_size and page.viewport_size["width"] < 800:
        page.get_by_test_id("stExpandSidebarButton").press("Enter")
    link = page.get_by_test_id("stSidebarNav").get_by_role("link", name="Drift")
    # a narrow sidebar lies over the page, before it in the order of keys
    key = "Shift+Tab" if page.viewport_size and page.viewport_size["width"] < 800 else "Tab"
    for _ in range(40):
        page.keyboard.press(key)
        if link.evaluate("e => e === document.activeElement"):
            break
    assert link.evaluate("e => e === document.activeElement")
    page.keyboard.press("Enter")
    settled(page, "Drift")


def test_a_node_of_the_lineage_is_clicked(browser: Browser, served: Served) -> None:
    opened = browser.new_page(viewport={"width": WIDE, "height": 1400})
    opened.goto(served.address)
    settled(opened, "Months")
    go(opened, "Lineage")
    drawn = opened.locator('[data-testid="stVegaLiteChart"]')
    expect(drawn).to_be_visible()
    # a point of the drawing, not of its legend
    drawn.locator("g.role-mark.mark-symbol path").first.click()
    expect(opened.get_by_role("combobox").first).to_have_value("table: CUSTOMERS")
    settled(opened, "Lineage")
    expect(opened.get_by_test_id("stText").filter(has_text="CUSTOMERS").first).to_be_visible()
    opened.close()
