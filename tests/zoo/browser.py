"""Chromium, driven over the pipe of its DevTools protocol: nothing but the browser itself is needed, and no port is opened."""

from __future__ import annotations

import base64
import json
import os
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

from tests.waiting import LIMIT_S, wait_until

NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")
CODES = {"Tab": 9, "Enter": 13, "ArrowLeft": 37, "ArrowUp": 38, "ArrowRight": 39, "ArrowDown": 40}


def find_chromium() -> str | None:
    """Return the browser's program, or None where there is none."""
    return next(filter(None, map(shutil.which, NAMES)), None)


class Browser:
    """One page in a headless browser of its own.

    Args:
        program: Chromium.
        dark: whether the page is asked for its dark form.
        width, height: of the window, in pixels.
    """

    def __init__(self, program: str, *, dark: bool = False, width: int = 1280, height: int = 900) -> None:
        self.folder = tempfile.mkdtemp()
        to_browser, from_browser = os.pipe(), os.pipe()

        def take_the_pipe() -> None:
            # High numbers first: 3 and 4 may be ends of these very pipes.
            reading, writing = os.dup(to_browser[0]), os.dup(from_browser[1])
            high = os.dup2(reading, 60), os.dup2(writing, 61)
            os.dup2(high[0], 3)
            os.dup2(high[1], 4)

        self.process = subprocess.Popen(
            [
                program,
                "--headless=new",
                "--no-sandbox",
                "--disable-gpu",
                "--no-first-run",
                "--disable-background-networking",
                f"--user-data-dir={self.folder}",
                "--remote-debugging-pipe",
                f"--window-size={width},{height}",
                "about:blank",
            ],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            preexec_fn=take_the_pipe,
            close_fds=False,
            start_new_session=True,
        )
        os.close(to_browser[0])
        os.close(from_browser[1])
        self.write, self.read = to_browser[1], from_browser[0]
        self.number, self.rest, self.events, self.session = 0, b"", [], ""
        pages = [one for one in self.ask("Target.getTargets")["targetInfos"] if one["type"] == "page"]
        target = pages[0]["targetId"]
        self.session = self.ask("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.ask(f"{domain}.enable")
        feature = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.ask("Emulation.setEmulatedMedia", features=[feature])

    def __enter__(self) -> Browser:
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self.write)
        os.close(self.read)
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)

    def ask(self, method: str, **parameters: Any) -> Any:
        """Send a command and return its answer; events that come meanwhile are kept."""
        self.number += 1
        message: dict[str, Any] = {"id": self.number, "method": method, "params": parameters}
        if self.session:
            message["sessionId"] = self.session
        os.write(self.write, json.dumps(message).encode() + b"\0")
        end = time.monotonic() + LIMIT_S
        while time.monotonic() < end:
            while b"\0" in self.rest:
                one, self.rest = self.rest.split(b"\0", 1)
                found = json.loads(one)
                if found.get("id") == self.number:
                    assert "error" not in found, found["error"]
                    return found["result"]
                self.events.append(found)
            piece = os.read(self.read, 1 << 20)
            assert piece, "the browser has gone"
            self.rest += piece
        raise AssertionError(f"no answer to {method}")

    def open(self, page: Path, fragment: str = "") -> None:
        """Load a page from the disk and wait until it stands."""
        self.events.clear()
        self.ask("Page.navigate", url=page.as_uri() + fragment)
        wait_until(lambda: self.js("document.readyState") == "complete", "the page is loaded")

    def js(self, expression: str) -> Any:
        """Return the value of an expression in the page."""
        found = self.ask("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in found, found["exceptionDetails"]
        return found["result"].get("value")

    def key(self, name: str, *, shift: bool = False) -> None:
        """Press a key as a person would."""
        common = {"key": name, "code": name, "windowsVirtualKeyCode": CODES[name], "modifiers": 8 if shift else 0}
        text = {"text": "\r"} if name == "Enter" else {}
        self.ask("Input.dispatchKeyEvent", type="keyDown", **common, **text)
        self.ask("Input.dispatchKeyEvent", type="keyUp", **common)
        self.js("new Promise((done) => setTimeout(done, 30))")

    def type(self, text: str) -> None:
        """Type a text where the focus is."""
        self.ask("Input.insertText", text=text)
        self.js("new Promise((done) => setTimeout(done, 30))")

    def faults(self) -> list[str]:
        """Return what the page complained about: exceptions, errors in the log."""
        self.js("1")
        found = []
        for event in self.events:
            if event.get("method") == "Runtime.exceptionThrown":
                found.append(json.dumps(event["params"]["exceptionDetails"])[:300])
            if event.get("method") == "Log.entryAdded" and event["params"]["entry"]["level"] == "error":
                found.append(event["params"]["entry"]["text"])
        return found

    def requests(self) -> list[str]:
        """Return the addresses that the page asked for, itself included."""
        self.js("1")
        return [e["params"]["request"]["url"] for e in self.events if e.get("method") == "Network.requestWillBeSent"]

    def screenshot(self, path: Path) -> None:
        """Write what the window shows as a PNG."""
        path.write_bytes(base64.b64decode(self.ask("Page.captureScreenshot", format="png")["data"]))
