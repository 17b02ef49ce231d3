"""The page that `xstilts ui --try` opens, in a real browser. Skipped where no Chromium, or not the page's library, is installed."""

from __future__ import annotations

import http.client
import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psutil
import pytest

from tests import PROJECT
from tests.recipes.small import FUSED
from tests.waiting import wait_until
from tests.zoo.browser import Browser, find_chromium
from toolkit.config import Config

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(find_spec("nicegui") is None, reason="no nicegui here (pip install 'xstilts[page]')"),
]
in_browser = [
    pytest.mark.browser,
    pytest.mark.skipif(find_chromium() is None, reason="no Chromium on this machine (apt-get install chromium)"),
]
EVIL = "Tom <script>window.stolen = 1</script><img src=x onerror='window.stolen = 2'> {{ 7 * 7 }} eats."
SERVE = """
import sys, toolkit
from tests.recipes.small import tiny_config
from pathlib import Path
done = toolkit.try_page((), tiny_config(Path(sys.argv[1])), port=0, say=lambda text: print(text, flush=True))
print(done.text, flush=True)
"""


class Served:
    """The page in a process of its own."""

    def __init__(self, folder: Path, command: Sequence[str] = ()) -> None:
        environment = {**os.environ, "PYTHONPATH": str(PROJECT)}
        self.process = subprocess.Popen(
            command or [sys.executable, "-c", SERVE, str(folder)],
            stdout=subprocess.PIPE,
            text=True,
            env=environment,
            cwd=folder,
        )
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        found = re.match(r"http://127\.0\.0\.1:\d+", line)
        assert found, line
        self.address = found[0]

    def status(self, headers: dict[str, str], method: str = "GET") -> tuple[int, str]:
        """Return what a request of one's own making gets."""
        connection = http.client.HTTPConnection(urlsplit(self.address).netloc)
        connection.request(method, "/", headers=headers)
        answer = connection.getresponse()
        return answer.status, answer.read().decode()

    def end(self, number: signal.Signals) -> str:
        """Send a signal; return what is printed until the process has ended, with nothing left below it."""
        below = psutil.Process(self.process.pid).children(recursive=True)
        self.process.send_signal(number)
        rest, _ = self.process.communicate()
        assert not [one for one in below if one.is_running() and one.status() != "zombie"]
        return rest


@pytest.fixture(scope="module")
def served(trained: Config) -> Iterator[Served]:
    found = Served(Path(trained.zoo).parent)
    yield found
    found.process.kill()
    found.process.wait()


class Page(Browser):
    """The page in a window, with the hands of a user."""

    def visit(self, served: Served) -> None:
        self.events.clear()
        self.ask("Page.navigate", url=served.address)
        self.wait("document.querySelectorAll('textarea').length")

    def wait(self, expression: str) -> None:
        wait_until(lambda: self.js(expression), expression, every_s=0.1)

    def press(self, words: str) -> None:
        found = f"[...document.querySelectorAll('button')].find((each) => each.innerText.trim().startsWith({json.dumps(words)}))"
        self.wait(f"!!{found}")
        self.js(f"{found}.click()")

    def put(self, label: str, text: str) -> None:
        box = f"[...document.querySelectorAll('input,textarea')].find((each) => (each.ariaLabel ?? '').startsWith({json.dumps(label)}))"
        self.wait(f"!!{box}")
        self.js(f"{box}.focus(), {box}.select()")
        self.ask("Input.insertText", text=text)

    def choose(self, label: str, option: str) -> None:
        """Choose an option by the keyboard alone: its name is typed, and the first that is found is taken."""
        self.put(label, option)
        self.wait(
            "(document.querySelector('[role=option]')?.innerText ?? '').trim().startsWith(" + json.dumps(option) + ")"
        )
        self.key("ArrowDown")
        self.key("Enter")
        self.wait("document.querySelectorAll('[role=option]').length === 0")

    def answers(self, n: int) -> str:
        """Wait for `n` answers and return what they say."""
        self.wait(
            f"document.querySelectorAll('.reply').length === {n} && /nswered/.test(document.querySelector('[role=status]').innerText)"
        )
        return str(self.js("document.querySelector('.replies').innerText"))


def window(width: int = 1280, *, dark: bool = False) -> Page:
    program = find_chromium()
    assert program is not None
    page = Page(program, dark=dark, width=width)
    page.ask("Emulation.setDeviceMetricsOverride", width=width, height=900, deviceScaleFactor=1, mobile=width < 600)
    return page


@pytest.fixture
def page(served: Served) -> Iterator[Page]:
    with window() as found:
        found.visit(served)
        yield found


def mark(test: Any) -> Any:
    for each in in_browser:
        test = each(test)
    return test


@mark
def test_examples_are_answered_and_nothing_is_asked_of_other_machines(page: Page, served: Served) -> None:
    page.choose("task", "micro-choice")
    page.wait("document.querySelectorAll('textarea').length > 3")
    page.press("en:")
    page.wait("document.querySelector('textarea').value !== ''")
    page.press("Ask")
    said = page.answers(1)
    assert FUSED in said and said.count("%") >= 4 and "attention over the members of fuse[micro-nli,micro-qa]" in said
    assert {urlsplit(each).netloc for each in page.requests() if not each.startswith("data:")} == {
        urlsplit(served.address).netloc
    }
    sockets = [e["params"]["url"] for e in page.events if e.get("method") == "Network.webSocketCreated"]
    assert sockets and {urlsplit(each).netloc for each in sockets} == {urlsplit(served.address).netloc}
    assert page.faults() == []
    assert sorted(each.name for each in Path(str(page.folder)).parent.glob(".nicegui")) == []


@mark
def test_the_keyboard_alone_asks_and_texts_of_strangers_are_shown_and_do_nothing(page: Page) -> None:
    page.choose("task", "micro-pos")
    page.put("sentence", EVIL)
    page.ask("Input.dispatchKeyEvent", type="keyDown", key="Enter", code="Enter", windowsVirtualKeyCode=13, modifiers=2)
    page.ask("Input.dispatchKeyEvent", type="keyUp", key="Enter", code="Enter", windowsVirtualKeyCode=13, modifiers=2)
    said = page.answers(1).split()
    assert {"<", "script", "onerror", "window.stolen", "{"} <= set(said) and "49" not in said
    assert (
        page.js("typeof window.stolen") == "undefined"
        and page.js("document.querySelectorAll('.reply script, .reply img').length") == 0
    )
    assert page.faults() == []


@mark
def test_a_typed_composition_answers_or_is_pointed_at(page: Page) -> None:
    page.put("another composition", "micro-nli/fuse[a")
    page.press("Add")
    page.wait("/never closed/.test(document.querySelector('[role=alert]').innerText)")
    assert page.js("document.querySelector('[role=alert] pre').innerText").splitlines()[1].strip() == "^"
    page.put("another composition", "<b>")
    page.press("Add")
    page.wait("/<b>/.test(document.querySelector('[role=alert]').innerText)")
    page.choose("task", "micro-nli")
    page.put("another composition", "micro-qa@micro-nli")
    page.press("Add")
    page.wait("document.querySelector('[role=alert]').innerText.trim() === ''")
    page.press("de:")
    page.wait("document.querySelector('textarea').value !== ''")
    page.press("Ask")
    said = page.answers(2)
    assert "entailment" in said and "micro-qa@micro-nli" in said
    assert page.js("document.querySelectorAll('.reply .fault').length") == 1


@mark
def test_a_box_that_is_empty_and_a_text_that_is_far_too_long_are_sentences(page: Page) -> None:
    page.choose("task", "micro-nli")
    page.wait("[...document.querySelectorAll('textarea')].some((each) => each.ariaLabel === 'second')")
    page.press("Ask")
    page.wait("document.querySelector('[role=status]').innerText.startsWith(\"Write a text in 'first'\")")
    page.put("first", "It rains. " * 10_000)
    page.put("second", "It is dry.")
    page.press("Ask")
    assert "this page reads 50,000" in page.answers(1)


@mark
def test_several_clients_ask_at_once_and_see_their_own_answers(served: Served) -> None:
    with window() as one, window() as other:
        one.visit(served)
        other.visit(served)
        one.choose("task", "micro-qa")
        other.choose("task", "texts")
        one.press("en:")
        other.press("en:")
        for each in (one, other):
            each.wait("document.querySelector('textarea').value !== ''")
            each.press("Ask")
        assert "cosines" in other.answers(1) and "score" in one.answers(1)


@mark
@pytest.mark.parametrize(("width", "dark"), [(400, True), (400, False), (800, True), (1280, False)])
def test_it_can_be_read_at_every_width_in_both_forms(served: Served, width: int, dark: bool) -> None:
    with window(width, dark=dark) as page:
        page.visit(served)
        page.choose("task", "micro-choice")
        page.wait("document.querySelectorAll('textarea').length > 3")
        page.press("ar:")
        page.wait("document.querySelector('textarea').value !== ''")
        page.press("Ask")
        page.answers(1)
        assert page.js("document.documentElement.scrollWidth <= window.innerWidth")
        assert page.js("document.body.classList.contains('body--dark')") is dark
        assert page.js(CONTRAST) >= 4.5
        nodes = page.ask("Accessibility.getFullAXTree")["nodes"]
        asking = {"textbox", "button", "combobox", "link", "checkbox"}
        named = [
            (each["role"]["value"], each.get("name", {}).get("value", ""))
            for each in nodes
            if not each.get("ignored") and each.get("role", {}).get("value") in asking
        ]
        assert {"button", "combobox", "textbox"} <= {role for role, _ in named}
        assert [role for role, name in named if not name.strip()] == []


def test_requests_of_other_sites_are_refused(served: Served) -> None:
    assert served.status({})[0] == 200
    assert served.status({"Host": "evil.example"})[0] == 403
    assert served.status({"Origin": "http://evil.example"})[0] == 403
    assert served.status({}, "POST")[0] == 405
    upgrade = {
        "Connection": "Upgrade",
        "Upgrade": "websocket",
        "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": "AAAAAAAAAAAAAAAAAAAAAA==",
        "Origin": "http://evil.example",
    }
    assert served.status(upgrade)[0] == 403


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 0), (signal.SIGTERM, 143), (signal.SIGHUP, 129)])
def test_a_signal_ends_it_with_nothing_left(trained: Config, number: signal.Signals, code: int) -> None:
    command = [sys.executable, str(PROJECT / "cli.py"), "ui", "--try", "micro-nli", "--port", "0"]
    served = Served(Path(trained.zoo).parent, [*command, "--backbone", "tiny", "--zoo", str(trained.zoo)])
    assert served.end(number) == "0 questions were answered.\n" and served.process.returncode == code


CONTRAST = """(() => {
  const rgb = (text) => text.match(/[0-9.]+/g).map(Number);
  const light = (c) => {
    const [r, g, b] = c.map((v) => { v /= 255; return v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4; });
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const ground = (element) => {
    const found = [];
    for (let each = element; each; each = each.parentElement) {
      const [r, g, b, a = 1] = rgb(getComputedStyle(each).backgroundColor);
      found.push([r, g, b, a]);
      if (a === 1) break;
    }
    let below = [255, 255, 255];
    for (const [r, g, b, a] of found.reverse()) below = [r, g, b].map((v, i) => v * a + below[i] * (1 - a));
    return below;
  };
  let worst = 21;
  for (const each of document.querySelectorAll('.try h1, .try h2, .try p, .try li span, .try td, .try th, .try small, .try bdi, .try button .block')) {
    if (!each.innerText?.trim()) continue;
    const [a, b] = [light(rgb(getComputedStyle(each).color).slice(0, 3)), light(ground(each))];
    worst = Math.min(worst, (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05));
  }
  return worst;
})()"""
