"""A sweep's page in a real browser, from the disk. Skipped where no Chromium is installed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.recipes.swept import hand_written
from tests.zoo.browser import Browser, find_chromium
from toolkit.recipes.sweep.report import read_report
from toolkit.report.sweep.page import report_page

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(find_chromium() is None, reason="no Chromium on this machine (apt-get install chromium)"),
]
LONG = "fuse[" + ",".join(["a-task-with-a-long-name"] * 9) + "]"


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("page")
    rows = {"baseline": 0.5, "a > b": 0.7, "b > a": 0.5, LONG: 0.6}
    targets = ("xnli", "micro-choice", "pawsx", "micro-nli")
    root = hand_written(
        folder / "sweep",
        {row: dict.fromkeys(targets, share) for row, share in rows.items()},
        orders=["a > b", "b > a"],
        noises={"swap:0.5": {"baseline": 0.2}},
        places={LONG: ("fusions", "fuse", ("a", "b"))},
        question="<script>window.stolen = 1</script>Does it help?",
    )
    path = folder / "report.html"
    path.write_text(report_page(read_report(root, resamples=100)), encoding="utf-8")
    return path


@pytest.fixture(scope="module", params=[(1280, False), (390, True)], ids=["wide-light", "phone-dark"])
def browser(request: pytest.FixtureRequest) -> Iterator[Browser]:
    width, dark = request.param
    program = find_chromium()
    assert program is not None
    with Browser(program, dark=dark, width=width) as found:
        found.ask("Emulation.setDeviceMetricsOverride", width=width, height=900, deviceScaleFactor=1, mobile=dark)
        yield found


def test_it_asks_for_nothing_runs_nothing_and_is_as_wide_as_the_window(browser: Browser, page: Path) -> None:
    browser.open(page)
    assert browser.requests() == [page.as_uri()] and browser.faults() == []
    assert browser.js("typeof window.stolen") == "undefined"
    # Tables scroll for themselves; the page does not.
    assert browser.js("document.documentElement.scrollWidth <= window.innerWidth")


def test_every_cell_can_be_read_on_its_colour(browser: Browser, page: Path) -> None:
    browser.open(page)
    worst = browser.js(CONTRAST)
    assert worst >= 3.0, "large or bold text wants 3:1 at least"


CONTRAST = """(() => {
  const rgb = (text) => text.match(/[0-9.]+/g).map(Number);
  const over = (front, back) => front.slice(0, 3).map((v, i) => v * (front[3] ?? 1) + back[i] * (1 - (front[3] ?? 1)));
  const light = (c) => {
    const [r, g, b] = c.map((v) => { v /= 255; return v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4; });
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const paper = rgb(getComputedStyle(document.body).backgroundColor);
  return Math.min(...[...document.querySelectorAll('td[style]')].map((cell) => {
    const style = getComputedStyle(cell);
    const [a, b] = [light(over(rgb(style.backgroundColor), paper)), light(rgb(style.color))];
    return (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
  }));
})()"""
