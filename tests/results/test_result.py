"""Results: one family of values with text, table and save."""

from __future__ import annotations

import json
import os
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from toolkit.errors import ToolkitError
from toolkit.results.result import Record, Result, WrittenResult, as_csv, from_csv

ROWS: list[Record] = [{"task": "xnli", "value": 0.1 + 0.2, "n": 10}, {"task": "pawsx", "value": 0.5, "n": 20}]


@dataclass(frozen=True)
class Held(Result):
    rows: tuple[Record, ...]

    def records(self) -> tuple[Record, ...]:
        return self.rows


@dataclass(frozen=True)
class Left(WrittenResult):
    def records(self) -> list[Record]:
        return ROWS


def test_a_table_has_the_records_as_rows() -> None:
    frame = Held(text="", rows=tuple(ROWS)).table()
    assert list(frame.columns) == ["task", "value", "n"]
    assert frame.to_dict("records") == ROWS
    assert Held(text="", rows=()).table().empty


def test_a_result_is_saved_as_text_csv_and_json_with_all_digits(tmp_path: Path) -> None:
    folder = Held(text="two tasks\n", rows=tuple(ROWS)).save(tmp_path / "new" / "folder")
    assert (folder / "result.txt").read_text() == "two tasks\n"
    assert from_csv((folder / "result.csv").read_text()) == ROWS
    assert json.loads((folder / "result.json").read_text()) == ROWS


def test_records_come_back_from_csv_as_they_were() -> None:
    rows: list[Record] = [
        {"name": "a,b", "is_best": True, "low": None, "n": 1},
        {"name": 'say "x"', "is_best": False, "low": -0.25, "n": 2},
    ]
    assert from_csv(as_csv(rows)) == rows
    assert from_csv("") == []


def test_what_a_journey_wrote_is_copied(tmp_path: Path) -> None:
    (tmp_path / "run" / "predictions").mkdir(parents=True)
    (tmp_path / "run" / "scores.csv").write_text("a\n1\n")
    (tmp_path / "run" / "predictions" / "xnli.de.jsonl").write_text("{}\n")
    result = Left(text="", folder=tmp_path / "run")
    folder = result.save(tmp_path / "paper")
    assert (folder / "scores.csv").read_text() == "a\n1\n"
    assert (folder / "predictions" / "xnli.de.jsonl").read_text() == "{}\n"
    assert result.save(result.folder) == result.folder


def test_a_copy_holds_no_hidden_file_although_what_drew_holds_the_frame_that_wrote_it(tmp_path: Path) -> None:
    frames = []

    class Drawn(Left):
        def draw(self, folder: Path) -> None:
            (folder / "picture.png").write_text("a picture")
            frames.append(sys._getframe(1))

    (tmp_path / "run").mkdir()
    saved = Drawn(text="", folder=tmp_path / "run").save(tmp_path / "paper")
    assert os.listdir(saved) == ["picture.png"]


def test_a_result_whose_files_changed_is_not_saved(tmp_path: Path) -> None:
    path = tmp_path / "run" / "scores.csv"
    path.parent.mkdir()
    path.write_text("a\n1\n")
    result = Left(text="", folder=path.parent)
    path.write_text("a\n2\n")
    os.utime(path, ns=(0, 0))
    with pytest.raises(ToolkitError, match=r"scores\.csv was changed after this result was made"):
        result.save(tmp_path / "paper")
    path.unlink()
    with pytest.raises(ToolkitError, match=r"scores\.csv was removed"):
        result.save(tmp_path / "paper")
    assert not (tmp_path / "paper").exists()
