from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import click
import pytest

from tests.terminal import Terminal
from tests.waiting import wait_until
from toolkit.commands.live import Bar, Board, Line, lay_out, log_lines
from toolkit.commands.screen import be_quiet, telling, voice
from toolkit.progress import Progress, under_way


def board_of(*steps: tuple[float, Progress]) -> Board:
    board = Board()
    for now, step in steps:
        board.take(step, now)
    return board


def words(board: Board) -> list[str]:
    return [what for what, _ in board.shown()]


def text(line: Line) -> str:
    parts = (line.what.rstrip(), "━" * line.bar, line.count, line.figures, line.eta)
    return "  ".join(filter(None, parts))


# -- what is shown ------------------------------------------------------------------------------------------------------


def test_what_is_over_is_removed() -> None:
    train = [(float(done), Progress("train", done, 3)) for done in (1, 2, 3)]
    assert words(board_of(*train[:2])) == ["train"]
    assert words(board_of(*train)) == []


def test_what_was_over_at_its_first_step_is_never_shown() -> None:
    assert words(board_of((0.0, Progress("search", 5, 5)))) == []
    assert words(board_of((0.0, Progress("search", 0, 0)))) == []


def test_a_part_is_below_the_whole_and_over_when_the_whole_goes_on() -> None:
    steps = [(0.0, Progress("train", 1, 9)), (1.0, Progress("dev", 1, 4))]
    assert words(board_of(*steps)) == ["train", "dev"]
    assert words(board_of(*steps, (2.0, Progress("train", 2, 9)))) == ["train"]
    assert words(board_of(*steps, (2.0, Progress("dev", 4, 4)))) == ["train"]


def test_what_was_left_without_an_end_makes_room() -> None:
    steps = [(float(n), Progress(f"file {n}", 1, 9)) for n in range(20)]
    assert words(board_of(*steps)) == ["file 0", "file 1", "file 19"]


def test_works_of_the_same_time_have_a_line_each_and_their_end_removes_all_of_it() -> None:
    steps = [
        (0.0, Progress("sweep", 1, 9)),
        (0.0, Progress("train", 1, 9, lane="mnli")),
        (0.0, Progress("dev", 1, 9, lane="mnli")),
        (0.0, Progress("train", 1, 9, lane="squad")),
    ]
    assert words(board_of(*steps)) == ["sweep", "mnli: dev", "squad: train"]
    assert words(board_of(*steps, (1.0, Progress("", 1, 1, lane="mnli")))) == ["sweep", "squad: train"]


# -- time left ----------------------------------------------------------------------------------------------------------


def test_the_time_left_follows_the_mean_pace_and_falls_between_two_steps() -> None:
    (_, bar), *_ = board_of((0.0, Progress("train", 60, 128)), (10.0, Progress("train", 70, 128))).shown()
    assert bar.seconds_left(10.0) == 58.0
    assert bar.seconds_left(20.0) == 48.0
    assert bar.seconds_left(1000.0) == 0.0
    assert bar.time_words(10.0) == "ETA 0:58"


def test_without_a_pace_there_is_no_time_left() -> None:
    (_, bar), *_ = board_of((0.0, Progress("train", 60, 128))).shown()
    assert bar.time_words(5.0) == ""


def test_a_reporters_own_estimate_wins() -> None:
    (_, bar), *_ = board_of((0.0, Progress("sweep", 0, 10, seconds_left=3725.0))).shown()
    assert bar.time_words(0.0) == "ETA 1:02:05"


def test_what_cannot_be_counted_shows_how_long_it_takes() -> None:
    (_, bar), *_ = board_of((0.0, Progress("load", 0, 1))).shown()
    assert (bar.time_words(1.0), bar.time_words(12.0)) == ("", "0:12 so far")


# -- width --------------------------------------------------------------------------------------------------------------

BAR = Bar(Progress("train mnli/squad", 60, 12_345, {"loss": 0.69314, "examples/s": 417.0}), 0.0, 0, 60.0)


@pytest.mark.parametrize("what", ["train mnli/squad", "train 语言/मराठी", "e" * 90])
def test_a_line_is_never_wider_than_the_terminal(what: str) -> None:
    from rich.cells import cell_len

    bars = [(what, BAR), ("dev squad", Bar(Progress("dev squad", 1, 30), 0.0, 0, 1.0))]
    for width in range(16, 130):
        assert all(cell_len(text(line)) <= width for line in lay_out(bars, width, 60.0)), width


def test_a_narrow_terminal_loses_the_bar_and_the_figures_before_the_words_and_the_count() -> None:
    def at(width: int) -> str:
        return text(lay_out([("train mnli/squad", BAR)], width, 60.0)[0])

    full = "train mnli/squad  {}  60/12,345  loss 0.693  examples/s 417  ETA 3:24:45"
    assert at(120) == full.format("━" * 30)
    assert at(86) == full.format("━" * 16)
    assert at(80) == full.format("━" * 10)
    assert at(79) == "train mnli/squad  ━━━━━━━━━━  60/12,345  loss 0.693  ETA 3:24:45"
    assert at(56) == "train mnli/squad  60/12,345  loss 0.693  ETA 3:24:45"
    assert at(44) == "train mnli/squad  60/12,345  ETA 3:24:45"
    assert at(36) == "train mnli/…  60/12,345  ETA 3:24:45"
    assert at(24) == "train mnli/s…  60/12,345"


# -- a terminal ---------------------------------------------------------------------------------------------------------


@contextmanager
def stderr_in(terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let stderr be a terminal of 60 columns while the block runs."""
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLUMNS", "60")
    with os.fdopen(os.dup(terminal.inner), "w") as file, monkeypatch.context() as patch:
        patch.setattr(sys, "stderr", file)
        yield


def test_sentences_are_above_the_region_and_nothing_of_it_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = Terminal(columns=60)
    with stderr_in(terminal, monkeypatch), telling() as tell:
        tell["report"](Progress("train mnli", 1, 9, {"loss": 0.5}))
        wait_until(lambda: "train mnli" in terminal.written, "the region")
        tell["say"]("mnli: 128 steps.")
        with under_way(tell["report"], "load"):
            tell["say"]("[bold]A sentence with brackets[/], longer than the terminal is wide, is whole.")
        print("a library's own warning", file=sys.stderr)
        tell["report"](Progress("train mnli", 9, 9))
    screen = terminal.end()
    assert screen.shown == [
        "mnli: 128 steps.",
        "[bold]A sentence with brackets[/], longer than the terminal",
        "is wide, is whole.",
        "a library's own warning",
    ]
    frames = ["\n".join(frame) for frame in screen.frames]
    assert any("mnli: 128 steps.\ntrain mnli" in frame for frame in frames)  # the region was below
    assert all(line.count("train mnli") <= 1 for frame in frames for line in frame.split("\n"))


def test_an_error_clears_the_region(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = Terminal(columns=60)

    def block() -> None:
        with telling() as tell:
            tell["report"](Progress("train mnli", 1, 9))
            wait_until(lambda: "train mnli" in terminal.written, "the region")
            raise KeyboardInterrupt

    with stderr_in(terminal, monkeypatch):
        with pytest.raises(KeyboardInterrupt):
            block()
        print("Interrupted.", file=sys.stderr)
    assert terminal.end().shown == ["Interrupted."]


# -- elsewhere ----------------------------------------------------------------------------------------------------------


def test_elsewhere_there_are_plain_lines_now_and_then() -> None:
    said: list[str] = []
    now = 0.0
    report = log_lines(said.append, every_s=30.0, time_of=lambda: now)
    for second in range(0, 100, 10):
        now = float(second)
        report(Progress("train mnli", 100 + second, 200, {"loss": 0.25}))
        report(Progress("dev", second + 1, 1000, lane="squad"))
    assert said == [
        "train mnli: 130/200  loss 0.250  ETA 1:10",
        "squad: dev: 31/1,000  ETA 16:09",
        "train mnli: 160/200  loss 0.250  ETA 0:40",
        "squad: dev: 61/1,000  ETA 15:39",
        "train mnli: 190/200  loss 0.250  ETA 0:10",
        "squad: dev: 91/1,000  ETA 15:09",
    ]


def test_a_stream_that_is_not_a_terminal_gets_no_control_codes(capsys: pytest.CaptureFixture[str]) -> None:
    with voice() as speaking:
        speaking.report(Progress("train", 1, 9))
        speaking.say("A note.")
        speaking.echo("A result.")
    out, err = capsys.readouterr()
    assert (out, err) == ("A result.\n", "A note.\n")


def test_quiet_leaves_results(capsys: pytest.CaptureFixture[str]) -> None:
    context = click.Context(click.Command("train"))
    with context.scope():
        be_quiet(context, click.Option(["--quiet"]), True)
        with voice() as speaking:
            speaking.report(Progress("train", 1, 9))
            speaking.say("A note.")
            speaking.echo("A result.")
    out, err = capsys.readouterr()
    assert (out, err) == ("A result.\n", "")
