"""`xstilts ui`: what it refuses, what it makes of signals, and what the page shows."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest
from click.testing import CliRunner

import cli
from tests import PROJECT
from tests.waiting import wait_until
from tests.zoo.browser import Browser, find_chromium
from toolkit.errors import ToolkitError
from toolkit.recipes.look.ui import open_ui
from toolkit.recipes.session.listening import listen
from toolkit.tracking import SCORE, Opening, open_tracker


def refused(folder: Path, *, host: str = "127.0.0.1", port: int = 5000) -> str:
    with pytest.raises(ToolkitError) as found:
        open_ui(folder, host=host, port=port, tell=print)
    return str(found.value)


@pytest.fixture(autouse=True)
def no_tracker_of_the_user(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)


def test_a_folder_without_runs_is_one_sentence_and_stays_as_it_is(tmp_path: Path) -> None:
    assert "There is no folder" in refused(tmp_path / "nowhere")
    assert "so no runs to show" in refused(tmp_path)
    (tmp_path / "file").write_text("")
    assert "is not a folder" in refused(tmp_path / "file")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file"]


@pytest.mark.parametrize("uri", ["sqlite:///{}/x/y.db", "{}/mlruns", "file://{}/mlruns"])
def test_a_store_that_the_environment_names_is_not_made_either(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, uri: str
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri.format(tmp_path))
    assert "which MLFLOW_TRACKING_URI names" in refused(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_server_that_is_away_and_a_damaged_store_are_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "mlflow.db").write_text("not a database, but long enough to be looked at")
    assert "cannot be used (file is not a database)" in refused(tmp_path)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    assert "http://127.0.0.1:9 cannot be used" in refused(tmp_path)


def test_a_port_that_is_taken_is_one_sentence(tmp_path: Path) -> None:
    import sqlite3

    sqlite3.connect(tmp_path / "mlflow.db").close()
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert f"Nothing can listen on 127.0.0.1:{port} (Address already in use)" in refused(tmp_path, port=port)
    assert "Nothing can listen on no.such.host.invalid" in refused(tmp_path, host="no.such.host.invalid")


@pytest.fixture
def served(tmp_path: Path) -> Callable[[], tuple[subprocess.Popen[str], str]]:
    """Start the command in a folder with two scored compositions; return it and the first address that it prints."""
    tracker = open_tracker("mlflow", folder=tmp_path)
    for composition, score in (("mnli/xnli", 0.5), ("fuse[mnli,squad]/xnli", 0.625)):
        tracker.start(Opening(f"eval {composition} on xnli", "xnli", {"composition": composition}, {"method": "stack"}))
        tracker.log_metrics({SCORE: score, "xnli/accuracy/en": 0.75, "xnli/accuracy/de": score})
        tracker.close()

    def start() -> tuple[subprocess.Popen[str], str]:
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        command = [sys.executable, str(PROJECT / "cli.py"), "ui", "--folder", str(tmp_path), "--port", str(port)]
        process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=os.environ, cwd=tmp_path
        )
        assert process.stdout is not None
        return process, process.stdout.readline().split()[0]

    return start


@pytest.mark.slow
@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGTERM, 143), (signal.SIGHUP, 129), (signal.SIGINT, 0), (signal.SIGKILL, -9)]
)
def test_a_signal_ends_the_server_too(
    served: Callable[[], tuple[subprocess.Popen[str], str]], number: signal.Signals, code: int
) -> None:
    process, _ = served()
    below = psutil.Process(process.pid).children(recursive=True)
    assert below
    process.send_signal(number)
    assert process.wait() == code
    wait_until(lambda: not any(one.is_running() and one.status() != "zombie" for one in below), "the server has ended")


@pytest.mark.slow
@pytest.mark.browser
@pytest.mark.skipif(find_chromium() is None, reason="no Chromium on this machine (apt-get install chromium)")
def test_the_page_opens_on_scores_grouped_by_composition(
    served: Callable[[], tuple[subprocess.Popen[str], str]],
) -> None:
    program = find_chromium()
    assert program is not None
    process, address = served()
    try:
        with Browser(program, width=2200) as browser:
            browser.ask("Page.navigate", url=address)
            text = "(document.body?.innerText ?? '').replace(/\\s+/g, ' ')"
            for wanted in ("Group: fuse[mnli,squad]/xnli", "eval mnli/xnli on xnli", "0.625", "score"):
                wait_until(
                    lambda wanted=wanted: wanted in (browser.js(text) or ""), f"the page shows {wanted}", every_s=0.2
                )
            assert "share key is invalid" not in (browser.js(text) or "")
            browser.ask("Page.navigate", url=f"{address}&compareRunsMode=CHART")
            wait_until(lambda: "Languages (1)" in (browser.js(text) or ""), "the charts are there", every_s=0.2)
    finally:
        process.terminate()
        process.wait()


# -- the page on which compositions answer ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("mnli",), "'mnli' is for the page on which compositions answer: `xstilts ui --try`."),
        (("--models", "2"), "--models is for the page on which compositions answer"),
        (("--zoo", "x"), "--zoo is for the page on which compositions answer"),
        (("--port", "0"), "--port 0 is for `xstilts ui --try`"),
        (("--try", "--folder", "x"), "with --try name the --zoo"),
        (("--try", "mnli/fuse[a", "--backbone", "tiny"), "never closed"),
        (("--try", "--port", "99999"), "99999 is not in the range"),
    ],
)
def test_what_does_not_fit_is_one_sentence(words: tuple[str, ...], said: str) -> None:
    found = CliRunner().invoke(cli.main, ["ui", *words])
    assert found.exit_code == 2 and said in " ".join(found.output.split())


def test_without_the_library_of_the_page_the_sentence_names_the_command_that_installs_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("toolkit.recipes.answer.page.serve.find_spec", lambda _: None)
    found = CliRunner().invoke(cli.main, ["ui", "--try", "--backbone", "tiny"])
    assert found.exit_code == 2 and "run `pip install 'xstilts[page]'`" in " ".join(found.output.split())


def test_a_port_of_the_page_that_is_taken_is_one_sentence() -> None:
    with listen("127.0.0.1", 0) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(ToolkitError, match=f"127.0.0.1:{port} .Address already in use."):
            listen("127.0.0.1", port)
