"""The gallery in a real browser, from the disk, by keyboard. Skipped where no Chromium is installed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.zoo.browser import Browser, find_chromium
from tests.zoo.cards import SHAPE, card, weights
from tests.zoo.test_site import HOSTILE, family
from toolkit.zoo import CardScore, Zoo
from toolkit.zoo.site import write_site
from toolkit.zoo.site.book import Book

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(find_chromium() is None, reason="no Chromium on this machine (apt-get install chromium)"),
]
FOCUS = "document.activeElement.getAttribute('aria-label') || document.activeElement.textContent"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    program = find_chromium()
    assert program is not None
    with Browser(program) as found:
        yield found


@pytest.fixture
def zoo(tmp_path: Path) -> Zoo:
    return family(tmp_path)


def opened(browser: Browser, zoo: Zoo, fragment: str = "") -> Path:
    path = write_site(zoo, zoo.root.parent / "gallery").page
    browser.open(path, fragment)
    return path


def test_it_opens_from_the_disk_asks_for_nothing_else_and_complains_of_nothing(browser: Browser, zoo: Zoo) -> None:
    path = opened(browser, zoo)
    assert browser.requests() == [path.as_uri()]
    assert browser.faults() == []
    assert browser.js("document.querySelector('#found').textContent") == "All 3 adapters"  # so the script ran


def test_a_strangers_script_does_not_run(browser: Browser, tmp_path: Path) -> None:
    hostile = HOSTILE.replace("alert(", "window.stolen=(")
    opened(browser, family(tmp_path, licence=hostile, tasks=(hostile,), recipe={"a": hostile, "adapter": SHAPE}))
    assert browser.js("typeof window.stolen") == "undefined" and browser.faults() == []
    # Even markup that got through would not run: the page's policy names the hash of its own script.
    browser.js("document.body.insertAdjacentHTML('beforeend', '<img src=x onerror=\"window.stolen=1\">')")
    assert browser.js("new Promise((d) => setTimeout(() => d(typeof window.stolen), 200))") == "undefined"


def test_the_lineage_is_followed_by_keyboard_to_a_card_and_on_to_another(browser: Browser, zoo: Zoo) -> None:
    opened(browser, zoo)
    for _ in range(20):
        browser.key("Tab")
        if str(browser.js(FOCUS)).startswith("mnli, "):
            break
    assert str(browser.js(FOCUS)).startswith("mnli, ")
    assert (
        browser.js("document.querySelectorAll('.graph-scroll .edges path.is-line:not(.tip)').length") == 2
    )  # its line stands out
    browser.key("ArrowRight")
    child = str(browser.js(FOCUS))
    browser.key("ArrowLeft")
    assert str(browser.js(FOCUS)).startswith("mnli, ")
    browser.key("ArrowRight")
    assert str(browser.js(FOCUS)) == child
    browser.key("Enter")
    assert child.startswith(str(browser.js(FOCUS)))  # the heading of its card
    assert browser.js("document.activeElement.closest('article').querySelector('details').open")
    while browser.js("document.activeElement.textContent") != "mnli":  # its link to its parent
        browser.key("Tab")
    browser.key("Enter")
    assert browser.js("document.activeElement.matches('h3') && document.activeElement.textContent") == "mnli"


def test_what_has_the_focus_is_seen(browser: Browser, zoo: Zoo) -> None:
    opened(browser, zoo)
    shown = "(e => { const s = getComputedStyle(e.querySelector('rect') || e); return s.outlineStyle !== 'none' || parseFloat(s.strokeWidth) > 3; })"
    for _ in range(25):
        browser.key("Tab")
        if browser.js("document.activeElement === document.body"):
            break
        assert browser.js(f"{shown}(document.activeElement)"), browser.js("document.activeElement.outerHTML")[:200]


def test_it_finds_filters_and_sorts(browser: Browser, zoo: Zoo) -> None:
    zoo.put(
        card("squad", tasks=("squad",), scores=(CardScore("squad", "de", "f1", 0.9),)),
        weights(9),
    )
    opened(browser, zoo)
    visible = "[...document.querySelectorAll('.cards > li')].filter(e => !e.hidden).map(e => e.querySelector('h3').textContent)"
    browser.js("document.querySelector('[name=search]').focus()")
    browser.type("fuse xquad")
    assert browser.js(visible) == ["fuse[mnli,xnli]/xquad"]
    assert browser.js("document.querySelector('#found').textContent") == "1 of 4 adapters"
    # A link to a card that is filtered away clears the filter.
    browser.js(
        "document.querySelector('a.node[aria-label^=\"squad,\"]').dispatchEvent(new MouseEvent('click', {bubbles: true}))"
    )
    assert browser.js(f"new Promise((d) => setTimeout(() => d({visible}.length), 200))") == 4
    choose = "(name, value) => { const e = document.querySelector(`[name=${name}]`); e.value = value; e.dispatchEvent(new Event('input', {bubbles: true})); }"
    browser.js(f"({choose})('language', 'de')")
    assert browser.js(visible) == ["squad"]
    browser.js(f"({choose})('language', ''); ({choose})('sort', 'score')")
    assert browser.js(visible)[0] == "squad"
    browser.js("document.querySelectorAll('#scores-table th button')[5].click()")
    values = browser.js(
        "[...document.querySelectorAll('#score-rows td[data-value]')].map(e => Number(e.dataset.value))"
    )
    assert values == sorted(values) and browser.js("document.querySelector('th[aria-sort]').textContent") == "score"


@pytest.mark.parametrize("is_dark", [False, True])
def test_every_text_stands_out_from_its_ground_in_light_and_dark(zoo: Zoo, is_dark: bool) -> None:
    program = find_chromium()
    assert program is not None
    with Browser(program, dark=is_dark) as browser:
        opened(browser, zoo)
        browser.js("document.querySelectorAll('details').forEach(e => { e.open = true; })")
        poor = browser.js(CONTRAST)
        ground = browser.js("getComputedStyle(document.body).backgroundColor")
    assert poor == []
    assert (max(int(part) for part in ground[4:-1].split(",")) < 100) is is_dark


def test_a_narrow_window_scrolls_in_one_direction_only(zoo: Zoo) -> None:
    program = find_chromium()
    assert program is not None
    with Browser(program, width=500) as browser:
        opened(browser, zoo)
        assert browser.js("document.documentElement.scrollWidth <= innerWidth")


# WCAG 2.1: relative luminance and the ratio of contrast; 4.5 for text.
CONTRAST = """(() => {
  const rgb = (text) => (text.match(/[\\d.]+/g) || []).map(Number);
  const light = (c) => { const [r, g, b] = c.slice(0, 3).map((v) => { v /= 255; return v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4; });
    return 0.2126 * r + 0.7152 * g + 0.0722 * b; };
  const ground = (e) => { for (; e; e = e.parentElement) { const c = rgb(getComputedStyle(e).backgroundColor); if (c.length === 3 || c[3] > 0) return c; } return [255, 255, 255]; };
  const poor = [];
  for (const e of document.querySelectorAll('main *, header *')) {
    if (![...e.childNodes].some((n) => n.nodeType === 3 && n.textContent.trim()) || e.closest('[hidden], title, option')) continue;
    const s = getComputedStyle(e), isSvg = e.namespaceURI.endsWith('svg');
    const box = isSvg && e.parentElement.querySelector('rect'), fill = box && getComputedStyle(box).fill;
    const front = rgb(isSvg ? s.fill : s.color), back = isSvg && fill !== 'none' ? rgb(fill) : ground(isSvg ? e.closest('figure, article') : e);
    const [a, b] = [light(front), light(back)].sort((x, y) => y - x), ratio = (a + 0.05) / (b + 0.05);
    if (ratio < 4.5) poor.push(`${e.tagName} ${e.textContent.slice(0, 30)} ${ratio.toFixed(2)}`);
  }
  return poor;
})()"""


def test_a_search_goes_on_to_the_adapters_of_all_pages(
    browser: Browser, zoo: Zoo, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Book.of.__func__, "__defaults__", (1,))
    path = opened(browser, zoo)
    search = "(() => { const f = document.forms[0]; f.elements.search.value = '%s'; f.dispatchEvent(new Event('input')); })()"
    browser.js(search % "SQuAD")
    link = browser.js("document.querySelector('#elsewhere:not([hidden]) a').href")
    assert link == f"{path.with_name('names.html').as_uri()}#search=SQuAD"
    browser.open(path.with_name("names.html"), "#search=SQuAD")
    shown = "[...document.querySelectorAll('.names li:not([hidden])')].map((item) => item.textContent).join()"
    assert "squad" in browser.js(shown) and "mnli," not in browser.js(shown) + ","
    assert "of 3 adapters" in browser.js("document.querySelector('#found').textContent")
    browser.js("document.forms[0].reset()")
    assert (
        browser.js("new Promise((d) => setTimeout(() => d(document.querySelector('#found').textContent)))")
        == "All 3 adapters"
    )
    assert browser.faults() == []
