"""The page in a real browser: nothing is fetched, nothing is cut off, everything can be reached, read and told apart."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import sync_playwright

from .chromium import chromium_path

pytestmark = pytest.mark.browser
SCENARIOS = ["pass", "fail-quality", "fail-latency", "void", "inconclusive", "first-release", "both-arms"]
PHONE, DESK = 360, 1280
NARROWEST = 320  # WCAG 2.2, 1.4.10: content reflows down to this width
CONTRAST = 4.5  # WCAG 2.2, 1.4.3 (AA)

BEGINNING = "(e) => e.outerHTML.slice(0, 90)"
EDGES = "(all) => all.map((e) => e.getBoundingClientRect()).map((r) => [r.left, r.top, r.right, r.bottom])"
DESCRIPTION = "(e) => document.getElementById(e.getAttribute('aria-labelledby').split(' ')[1]).textContent"
OUTLINE = "(e) => [...e.children].map((child) => child.getAttribute('d')).join()"

# Each text that can be seen, its colour and the colour behind it; SVG text is filled, the rest is coloured.
TEXTS = """() => {
  const channels = (text) => (text.match(/[\\d.]+/g) || []).map(Number);
  const opaque = (text) => { const c = channels(text); return c.length === 3 || c[3] === 1 ? c.slice(0, 3) : null; };
  const behind = (element) => {
    for (let at = element; at; at = at.parentElement) {
      const found = opaque(getComputedStyle(at).backgroundColor);
      if (found) return found;
    }
    return [255, 255, 255];
  };
  const luminance = (rgb) => {
    const [r, g, b] = rgb.map((c) => { c /= 255; return c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4; });
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const found = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const element = walker.currentNode.parentElement;
    if (!walker.currentNode.data.trim() || element.closest('title, desc, style, .aside')) continue;
    const style = getComputedStyle(element);
    const own = opaque(element instanceof SVGElement ? style.fill : style.color);
    const [a, b] = [luminance(own), luminance(behind(element))];
    found.push([walker.currentNode.data.trim().slice(0, 40), (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05)]);
  }
  return found;
}"""


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """Headless Chromium."""
    path = chromium_path()
    with sync_playwright() as running:
        launched = running.chromium.launch(executable_path=path, args=["--no-sandbox", "--disable-dev-shm-usage"])
        yield launched
        launched.close()


@pytest.fixture
def open_page(browser: Any, evidence_of: Callable[[str], Path]) -> Iterator[Callable[..., Any]]:
    """Opens a scenario's report (or a file); afterwards nothing may have been fetched or complained about."""
    contexts, requests, complaints = [], [], []

    def opened(scenario: str | Path, *, width: int = DESK, scheme: str = "light") -> Any:
        context = browser.new_context(viewport={"width": width, "height": 800}, color_scheme=scheme)
        contexts.append(context)
        page = context.new_page()
        page.on("request", lambda request: requests.append(request.url))
        page.on("console", lambda message: complaints.append(message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        path = scenario if isinstance(scenario, Path) else evidence_of(scenario) / "report.html"
        page.goto(path.as_uri(), wait_until="load")
        return page

    yield opened
    for context in contexts:
        context.close()
    assert complaints == []
    assert [url for url in requests if not url.startswith(("file:", "data:"))] == []
    assert len([url for url in requests if url.startswith("file:")]) == len(contexts)


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_no_page_scrolls_sideways(open_page, scenario):
    page = open_page(scenario)
    for width in (NARROWEST, PHONE, 800, DESK):
        page.set_viewport_size({"width": width, "height": 800})
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        right_edges = page.locator("h1, h2, p, dt, dd, pre, figure, li, svg.chart, summary").evaluate_all(
            "(all) => all.filter((e) => !e.closest('.scroll, .aside')).map((e) => e.getBoundingClientRect().right)"
        )
        assert max(right_edges) <= width


@pytest.mark.parametrize("width", [PHONE, DESK])
def test_wide_tables_scroll_inside_their_own_region(open_page, width):
    page = open_page("both-arms", width=width)
    for region in page.locator(".scroll").all():
        wide = region.evaluate("(e) => e.scrollWidth > e.clientWidth")
        assert not wide or region.evaluate("(e) => getComputedStyle(e).overflowX") == "auto"


@pytest.mark.parametrize("scenario", ["pass", "both-arms"])
def test_a_phone_of_today_shows_every_column_of_every_table(open_page, scenario):
    page = open_page(scenario, width=390)
    hidden = page.locator(".scroll").evaluate_all("(all) => all.filter((e) => e.scrollWidth > e.clientWidth).map((e) => e.ariaLabel)")
    assert hidden == []


def test_a_narrow_screen_makes_the_checks_a_list_and_keeps_them_a_table_for_a_screen_reader(open_page):
    page = open_page("pass", width=PHONE)
    assert page.locator(".checks td").first.evaluate("(e) => getComputedStyle(e).display") == "grid"
    assert page.get_by_role("table", name="The checks of this gate").get_by_role("row").count() == 6
    assert page.get_by_role("rowheader", name=re.compile("^accuracy")).count() == 1
    assert page.get_by_role("cell", name="PASS", exact=True).count() == 5


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_every_text_stands_out_from_what_is_behind_it_in_light_and_in_dark(open_page, scenario):
    page = open_page(scenario)
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        texts = page.evaluate(TEXTS)
        assert len(texts) > 150
        assert [text for text in texts if text[1] < CONTRAST] == []


def _background(page):
    return [int(number) for number in re.findall(r"\d+", page.evaluate("getComputedStyle(document.body).backgroundColor"))]


def test_dark_is_dark_and_light_is_light(open_page):
    assert min(_background(open_page("pass", scheme="light"))) > 240
    assert max(_background(open_page("pass", scheme="dark"))) < 40


def test_print_is_dark_on_light_whatever_the_screen_is_and_hides_nothing(open_page):
    page = open_page("pass", scheme="dark")
    page.emulate_media(media="print")
    assert min(_background(page)) > 240
    assert page.locator(".skip").evaluate("(e) => getComputedStyle(e).display") == "none"
    assert page.locator("details pre").evaluate("(e) => e.getBoundingClientRect().height") > 200
    assert page.pdf().startswith(b"%PDF-")


@pytest.mark.parametrize("scenario", ["pass", "void", "fail-quality"])
def test_every_interactive_element_is_reached_by_tab_in_order_with_visible_focus(open_page, scenario):
    page = open_page(scenario)
    expected = page.evaluate(
        "[...document.querySelectorAll('a[href], summary, button, input, [tabindex=\"0\"]')].map((e) => e.outerHTML.slice(0, 90))"
    )
    assert len(expected) >= 3
    reached = []
    for _ in expected:
        page.keyboard.press("Tab")
        focus = page.evaluate_handle("document.activeElement")
        reached.append(focus.evaluate(BEGINNING))
        assert focus.evaluate("(e) => getComputedStyle(e).outlineStyle") == "solid"
        assert focus.evaluate("(e) => parseFloat(getComputedStyle(e).outlineWidth)") >= 2
        top, left = focus.evaluate("(e) => [e.getBoundingClientRect().top, e.getBoundingClientRect().left]")
        assert 0 <= top < 800, f"{reached[-1]} has the focus and cannot be seen"
        assert left >= 0
    assert reached == expected


def test_the_skip_link_leads_to_the_checks(open_page):
    page = open_page("pass", width=PHONE)
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    assert page.evaluate("location.hash") == "#checks"
    assert abs(page.locator("#checks").evaluate("(e) => e.getBoundingClientRect().top")) < 2


def test_the_declaration_opens_by_keyboard(open_page):
    page = open_page("pass")
    page.locator("summary").focus()
    page.keyboard.press("Enter")
    assert page.locator("details pre").is_visible()
    assert "apiVersion: mlgate/v1" in page.locator("details pre").inner_text()


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_a_screen_reader_meets_the_verdict_first(open_page, scenario):
    page = open_page(scenario)
    verdict = page.locator("h1").inner_text()
    tree = page.locator("body").aria_snapshot()
    headings = re.findall(r'heading "([^"]+)" \[level=(\d)\]', tree)
    assert headings[0] == (verdict, "1")
    assert [level for _, level in headings].count("1") == 1
    assert all(int(later[1]) - int(earlier[1]) <= 1 for earlier, later in pairwise(headings))
    assert tree.index("main") < tree.index(f'heading "{verdict}"') < tree.index('table "The checks of this gate"')
    assert "contentinfo" in tree


@pytest.mark.parametrize("scenario", ["pass", "inconclusive"])
def test_images_and_charts_have_names_and_charts_describe_what_they_show(open_page, scenario):
    page = open_page(scenario)
    images = page.get_by_role("img")
    assert images.count() == 4 + 7
    for image in images.all():
        assert image.evaluate("(e) => e.alt || e.querySelector('title').textContent")
    assert page.locator("img").evaluate_all("(all) => all.every((e) => e.complete && e.naturalWidth === 8 && e.naturalHeight === 8)")
    chart = page.get_by_role("img", name=re.compile("latency-p99"))
    assert "the e-value for PASS is" in chart.evaluate(
        "(e) => document.getElementById(e.getAttribute('aria-labelledby').split(' ')[1]).textContent"
    )


def test_a_verdict_is_told_by_text_and_shape_and_not_by_colour_alone(open_page):
    shapes = {}
    for scenario in ("pass", "fail-latency", "void", "inconclusive"):
        page = open_page(scenario)
        use = page.locator("h1 use").get_attribute("href")
        shapes[page.locator("h1").inner_text()] = page.locator(use).evaluate(OUTLINE)
        assert page.locator("h1 svg").evaluate("(e) => e.getBoundingClientRect().width") > 20
    assert set(shapes) == {"PASS", "FAIL", "VOID", "INCONCLUSIVE"}
    assert len(set(shapes.values())) == 4


def test_chart_text_keeps_its_size_on_every_screen(open_page):
    sizes = {
        width: open_page("pass", width=width).locator(".chart text").first.evaluate("(e) => getComputedStyle(e).fontSize")
        for width in (PHONE, DESK)
    }
    assert set(sizes.values()) == {"12px"}


def test_chart_labels_stay_inside_the_screen_and_off_one_another(open_page):
    page = open_page("both-arms")
    for width in (NARROWEST, PHONE, DESK):
        page.set_viewport_size({"width": width, "height": 800})
        for chart in page.locator("svg.chart").all():
            boxes = chart.locator("text").evaluate_all(EDGES)
            assert all(box[0] >= 0 and box[2] <= width for box in boxes)
            touching = [
                (one, two)
                for place, one in enumerate(boxes)
                for two in boxes[place + 1 :]
                if min(one[2], two[2]) - max(one[0], two[0]) > 1 and min(one[3], two[3]) - max(one[1], two[1]) > 4
            ]
            assert touching == []


def test_a_nasty_name_runs_nothing(open_page, render, tmp_path):
    text = "</script><img src=x onerror=\"document.title='run'\"><svg onload=\"document.title='run'\">"

    def poison(predicate):
        predicate["result"]["reason"] = text
        predicate["versions"][text] = text
        for finding in predicate["result"]["findings"]:
            finding |= {"name": text, "claim": text, "reason": text, "missing": text}

    path = tmp_path / "nasty.html"
    path.write_text(render("pass", poison), encoding="utf-8")
    page = open_page(path)
    assert page.title().startswith("PASS")
    assert page.locator("img").count() == 7
    assert page.locator("main").inner_text().count("onerror") > 4


def test_the_page_reads_the_same_without_scripts(browser, evidence_of):
    texts = []
    for enabled in (True, False):
        context = browser.new_context(java_script_enabled=enabled, offline=True)
        page = context.new_page()
        page.goto((evidence_of("pass") / "report.html").as_uri())
        texts.append(page.locator("body").inner_text())
        context.close()
    assert texts[0] == texts[1]
