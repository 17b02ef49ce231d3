"""Files read row by row give what files read whole give, and need little memory."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pyarrow
import pytest

from toolkit.errors import DataError, ToolkitError
from toolkit.tasks.sources import batches, formats
from toolkit.tasks.sources.batches import Batches, Unlike, Writer
from toolkit.tasks.sources.formats import read_file
from toolkit.tasks.sources.tables import Read

COLUMNS = ["a", "answers", "n", "gone"]


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Let batches be small, and let all but the first be stored."""
    monkeypatch.setenv("XSTILTS_CACHE", str(tmp_path / "cache"))
    for module in (batches, formats.streamed.__globals__):
        patched = module if isinstance(module, dict) else vars(module)
        monkeypatch.setitem(patched, "ROWS", 4)
    monkeypatch.setattr(batches, "IN_MEMORY", 300)


def both(file: Path, columns: list[str], monkeypatch: pytest.MonkeyPatch) -> tuple[Any, Any]:
    """Return what reading row by row and reading whole come to: the names, the values and the lines, or the fault."""
    found = []
    for known in (formats.STREAMED, {}):
        monkeypatch.setattr(formats, "STREAMED", known)
        try:
            read = read_file(file, file.suffix.lstrip("."), columns)
            table = read.table
            assert isinstance(table, Batches if known else pyarrow.Table)
            values = {name: table.column(name).to_pylist() for name in columns if name in table.column_names}
            names = columns if set(columns) <= set(table.column_names) else table.column_names
            found.append((names, values, list(read.lines or ())))
        except DataError as fault:
            found.append(str(fault))
    return found[0], found[1]


def row(rng: random.Random, number: int) -> dict[str, Any]:
    answers = [{"text": "x" * rng.randrange(9), "start": rng.randrange(9)} for _ in range(rng.randrange(3))]
    made = {
        "a": f"é {number}",
        "answers": answers,
        "n": rng.choice([None, number]),
        "other": rng.choice([1, "x", None]),
    }
    return {name: value for name, value in made.items() if rng.random() < 0.9 or name == "answers"}


@pytest.mark.parametrize("ends", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("columns", [COLUMNS, COLUMNS[:2], ["a"]])
def test_jsonl_row_by_row_is_jsonl_read_whole(
    ends: str, columns: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for seed in range(6):
        rng = random.Random(seed)
        lines = [rng.choice(["", json.dumps(row(rng, number), ensure_ascii=False)]) for number in range(40)]
        (tmp_path / "x.jsonl").write_bytes(ends.join(lines).encode("utf-8-sig" if seed % 2 else "utf-8"))
        streamed, whole = both(tmp_path / "x.jsonl", columns, monkeypatch)
        assert streamed == whole


@pytest.mark.parametrize("format", ["csv", "tsv"])
def test_cells_row_by_row_are_those_of_the_file_read_whole(
    format: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rng = random.Random(0)
    mark = {"csv": ",", "tsv": "\t"}[format]
    cells = ["x", "é", "3", "" if format == "tsv" else '"a\nb, ""c"""', "long " * 30]
    lines = [mark.join(rng.choice(cells) for _ in range(3)) for _ in range(50)]
    (tmp_path / f"x.{format}").write_text("\n".join([mark.join("abc"), *lines, "", lines[0]]), encoding="utf-8")
    for columns in (["a", "c"], ["a", "z"], ["0", "2"]):
        streamed, whole = both(tmp_path / f"x.{format}", columns, monkeypatch)
        assert streamed == whole


def test_a_text_a_line_is_cut_at_line_feeds_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for text in ("", "\n", "a\r\nb\n\n\u2028c\rd", "a\n" * 11):
        (tmp_path / "x.lines").write_bytes(text.encode())
        streamed, whole = both(tmp_path / "x.lines", ["0"], monkeypatch)
        assert streamed == whole


def test_what_does_not_fit_batch_by_batch_is_read_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    good = [{"a": "x", "n": 1}] * 9
    for odd in ({"a": 3}, {"a": ["x"]}, {"n": 0.5}, {"n": 2**70}, {"a": "\ud800"}, {"n": True}):
        (tmp_path / "x.jsonl").write_text("".join(json.dumps(each) + "\n" for each in [*good, odd, *good]))
        with pytest.raises(DataError, match=r"x\.jsonl, line 10: '[an]' is .*; expected"):
            read_file(tmp_path / "x.jsonl", "jsonl", ["a", "n"])
    objects = [{"a": {"x": 1}}] * 5 + [{"a": {"y": "b"}}] * 5  # arrow makes one struct of both
    (tmp_path / "x.jsonl").write_text("".join(json.dumps(each) + "\n" for each in objects))
    table = read_file(tmp_path / "x.jsonl", "jsonl", ["a"]).table
    assert isinstance(table, pyarrow.Table) and table.column("a").to_pylist()[0] == {"x": 1, "y": None}


def test_rows_in_a_file_without_a_name_leave_nothing_and_a_full_disk_is_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: Read = read_written(tmp_path)
    assert (tmp_path / "cache" / "rows").is_dir() and not list((tmp_path / "cache" / "rows").iterdir())
    assert isinstance(read.table, Batches) and read.table.column("a").to_pylist() == [f"text {i}" for i in range(100)]
    assert read.table.place(5) == (1, 1)

    monkeypatch.setattr(batches, "nameless", lambda what: open("/dev/full", "r+b", buffering=0))  # noqa: SIM115
    with pytest.raises(ToolkitError, match=r"cannot be kept in .*rows \(No space left on device\); free space"):
        read_written(tmp_path)


def read_written(folder: Path) -> Read:
    (folder / "x.jsonl").write_text("".join(json.dumps({"a": f"text {i}"}) + "\n" for i in range(100)))
    return read_file(folder / "x.jsonl", "jsonl", ["a"])


def test_values_of_two_types_in_one_batch_or_in_two_are_unlike() -> None:
    writer = Writer(["a"])
    writer.add({"a": ["x", None]}, 2)
    for values in (["x", 3], [1], [[1, 0.5]]):
        with pytest.raises(Unlike):
            writer.add({"a": values}, len(values))
