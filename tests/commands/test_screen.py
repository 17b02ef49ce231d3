from __future__ import annotations

import pytest

from toolkit.commands import screen
from toolkit.commands.screen import fit, print_table

HEADERS = ("task", "licence", "what")
ROWS = [
    ("anli-plus", "CC BY-NC 4.0 (ANLI), CC BY-SA 4.0 (SNLI)", "ANLI rounds 1 to 3, SNLI and MNLI joined under one head")
]
CUT = {"licence": 12, "what": 30}


def widths(width: int) -> dict[int, int]:
    return fit(HEADERS, ROWS, width, cut=CUT, drop=("what",))


def test_where_there_is_room_nothing_is_cut() -> None:
    assert widths(400) == {0: 9, 1: len(ROWS[0][1]), 2: len(ROWS[0][2])}


def test_a_column_is_cut_before_one_is_dropped() -> None:
    assert widths(80) == {0: 9, 1: 37, 2: 30}
    assert widths(9 + 2 + 12 + 2 + 30) == {0: 9, 1: 12, 2: 30}
    assert 2 not in widths(9 + 2 + 12 + 2 + 29)


@pytest.mark.parametrize("width", [40, 60, 80, 120, 200])
def test_a_line_is_never_wider_than_the_terminal(width: int, monkeypatch: pytest.MonkeyPatch, capsys) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("COLUMNS", str(width))
    left_out = print_table(HEADERS, ROWS, cut=CUT, drop=("what",))
    lines = screen.click.unstyle(capsys.readouterr().out).rstrip("\n").split("\n")
    assert max(map(len, lines)) <= width
    assert len(lines) == 2  # a line for each row: nothing wraps
    assert left_out == (("what",) if width < 55 else ())


def test_piped_output_is_whole(capsys) -> None:
    assert print_table(HEADERS, ROWS, cut=CUT, drop=("what",)) == ()
    printed = capsys.readouterr().out
    assert all(cell in printed for cell in ROWS[0])
