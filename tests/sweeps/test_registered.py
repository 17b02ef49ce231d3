"""The registered plan: written once, kept in order, and any later edit of it is seen."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from toolkit.errors import ToolkitError
from toolkit.sweeps.expects import Expectation
from toolkit.sweeps.registered import DIGEST, REGISTERED_FILE, read_registered, register
from toolkit.sweeps.values import Cell, Sweep

CELLS = tuple(Cell(f"{row} | t", row, "intermediates", "stack", (row,), f"{row}/t", "t", "en", 0) for row in "ab")
SWEEP = Sweep("s", "A sweep", "Does 'a' help?", CELLS, expects=(Expectation(("a",), ("b",), "higher", 1.5),))


def write(root: Path, sweep: Sweep = SWEEP, *, done: int = 0, now: float = 1_700_000_000, **given: str) -> str:
    return register(root, sweep, given, steps_done=done, cells_done=done // 2, now=now)


def test_the_first_entry_has_the_time_and_a_second_start_adds_none(tmp_path: Path) -> None:
    digest = write(tmp_path)
    assert write(tmp_path, done=5, now=1_800_000_000) == digest
    found = read_registered(tmp_path, {DIGEST: digest})
    (entry,) = found.entries
    assert found.fault == "" and entry.is_blind
    assert (entry.time, entry.question) == ("2023-11-14 22:13:20 UTC", "Does 'a' help?")
    assert entry.expects == SWEEP.expects and found.first_with(SWEEP.expects[0]) == entry


@pytest.mark.parametrize(
    "other",
    [
        replace(SWEEP, question="Does 'b' help?"),
        replace(SWEEP, expects=()),
        replace(SWEEP, cells=CELLS[:1]),
        replace(SWEEP, settings={"train.epochs": "2"}),
        replace(SWEEP, tasks={"t": {"train.epochs": "2"}}),
    ],
)
def test_what_is_asked_later_is_another_entry(tmp_path: Path, other: Sweep) -> None:
    write(tmp_path)
    digest = write(tmp_path, other, done=3, now=1_700_000_100)
    found = read_registered(tmp_path, {DIGEST: digest})
    assert [entry.is_blind for entry in found.entries] == [True, False]
    assert found.fault == "" and found.entries[1].before == found.entries[0].digest


def test_a_setting_of_the_command_line_is_part_of_the_plan(tmp_path: Path) -> None:
    write(tmp_path)
    write(tmp_path, **{"train.lr": "1e-3"})
    assert len(read_registered(tmp_path, {}).entries) == 2


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("Does 'a' help?", "Does 'a' harm?"),
        ('"higher"', '"lower"'),
        ("22:13:20", "22:13:19"),
        ('"steps_done": 4', '"steps_done": 0'),
    ],
)
def test_an_edited_entry_is_seen(tmp_path: Path, before: str, after: str) -> None:
    write(tmp_path)
    digest = write(tmp_path, replace(SWEEP, title="x", settings={"train.epochs": "2"}), done=4)
    path = tmp_path / REGISTERED_FILE
    text = path.read_text()
    assert before in text
    path.write_text(text.replace(before, after))
    assert "was changed after it was written" in read_registered(tmp_path, {DIGEST: digest}).fault


def test_a_file_that_was_removed_or_written_anew_is_seen(tmp_path: Path) -> None:
    digest = write(tmp_path)
    path = tmp_path / REGISTERED_FILE
    path.unlink()
    assert read_registered(tmp_path, {DIGEST: digest}).fault == "registered.json was removed"
    write(tmp_path, replace(SWEEP, question="Another?"))
    assert "is not that of sweep.json" in read_registered(tmp_path, {DIGEST: digest}).fault


def test_a_first_entry_that_was_cut_off_is_seen(tmp_path: Path) -> None:
    write(tmp_path)
    digest = write(tmp_path, replace(SWEEP, question="Another?"), done=2)
    path = tmp_path / REGISTERED_FILE
    values = json.loads(path.read_text())
    path.write_text(json.dumps(values | {"entries": values["entries"][1:]}))
    assert read_registered(tmp_path, {DIGEST: digest}).fault


def test_a_folder_of_an_older_release_has_none(tmp_path: Path) -> None:
    found = read_registered(tmp_path, {})
    assert found.entries == () and found.fault == ""


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"entries": [1]}', '{"entries": [{"time": "x"}]}'])
def test_a_damaged_file_is_one_sentence(tmp_path: Path, text: str) -> None:
    (tmp_path / REGISTERED_FILE).write_text(text)
    assert "damaged" in read_registered(tmp_path, {}).fault
    with pytest.raises(ToolkitError, match="damaged; remove it"):
        write(tmp_path)
