from __future__ import annotations

import io
import json
import sys
from pathlib import Path
from typing import Any

import pytest

from toolkit.errors import DataError, SourceError, ToolkitError
from toolkit.tasks import get_task
from toolkit.tasks.own.records import Records

PAIRS = [{"first": "a", "second": "b, c"}, {"first": "d\u2028", "second": "e"}]


def written(folder: Path, name: str) -> Path:
    path = folder / name
    if path.suffix in (".jsonl", ".odd"):
        path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n\n" for row in PAIRS))
    elif path.suffix == ".json":
        path.write_text(json.dumps(PAIRS))
    elif path.suffix == ".csv":
        path.write_bytes('\ufefffirst,second\r\na,"b, c"\r\nd\u2028,e\r\n'.encode())
    elif path.suffix == ".tsv":
        path.write_text("first\tsecond\na\tb, c\nd\u2028\te\n")
    else:
        import pyarrow
        import pyarrow.parquet

        pyarrow.parquet.write_table(pyarrow.Table.from_pylist(PAIRS), path)
    return path


@pytest.mark.parametrize("name", ["a.jsonl", "a.json", "a.csv", "a.tsv", "a.parquet", "a.odd", "a"])
def test_a_file_is_read_by_its_ending_or_how_it_begins(tmp_path: Path, name: str) -> None:
    records = Records(written(tmp_path, name), task=get_task("micro-nli"))
    assert [item.record for item in records.read()] == PAIRS == [item.record for item in records.read()]


def test_a_place_names_the_line(tmp_path: Path) -> None:
    path = written(tmp_path, "a.jsonl")
    assert [item.place for item in Records(path).read()] == [f"{path}, line 1", f"{path}, line 3"]


def test_lines_are_texts_and_empty_ones_are_said(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes("one\r\n\n two\u2028\n".encode())
    said: list[str] = []
    read = Records(path, task=get_task("micro-pos"), say=said.append).read()
    assert [item.record for item in read] == [{"text": "one"}, {"text": " two\u2028"}]
    assert said == [f"{path}: 1 empty line is left out."]
    assert len(list(Records(path).read())) == 3


def test_conll_gives_the_tokens_and_keeps_the_lines(tmp_path: Path) -> None:
    path = tmp_path / "a.conllu"
    path.write_text("# sent_id = 1\n1-2\tdu\t_\n1\tde\tADP\n2\tle\tDET\n\n1\tA\tX\n")
    items = list(Records(path, task=get_task("udpos")).read())
    assert [item.record for item in items] == [{"tokens": ["de", "le"]}, {"tokens": ["A"]}]
    assert items[0].lines == ("1\tde\tADP", "2\tle\tDET")
    bare = tmp_path / "b.iob2"
    bare.write_text("Anna\nsees\n\nx\n")
    assert [item.record for item in Records(bare, task=get_task("panx")).read()] == [
        {"tokens": ["Anna", "sees"]},
        {"tokens": ["x"]},
    ]


def test_standard_input_is_a_stream(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b'{"first": "a"}\n')))
    (item,) = Records(Path("-"), task=get_task("micro-nli")).read()
    assert (item.record, item.place) == ({"first": "a"}, "standard input, line 1")


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("a.jsonl", b"", "is empty; expected at least one row"),
        ("a.jsonl", b"\n\n", r"has no rows \(jsonl\)"),
        ("a.csv", b"first,second\n", r"has no rows \(csv\)"),
        ("a.jsonl", bytes(range(256)), "is a binary file"),
        ("a.csv", b"first\n\xe9t\xe9\n", "line 2: byte 0xe9 is not UTF-8"),
        ("a.jsonl", b"\x1f\x8b\x08 x", "holds gzip; expected text in UTF-8: unpack it first"),
        ("a.csv", b"PAR1 x", "holds parquet; expected text in UTF-8: name `--format parquet`"),
        ("a.parquet", b"PAR1 x", "no parquet"),
        ("a.jsonl", b'{"first": 1}\n[1]\n', "line 2: list; expected one object a line"),
        ("a.jsonl", b'{"first": \n', "line 1: no JSON"),
        ("a.csv", b"first,second\na\n", "line 2: 1 cells; expected 2"),
        ("a.conll", b"a b\n", "is read as CoNLL, which holds tokens"),
    ],
)
def test_a_file_that_cannot_be_read_is_one_sentence(tmp_path: Path, name: str, content: bytes, said: str) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(DataError, match=said):
        list(Records(path, task=get_task("micro-nli")).read())


def test_a_file_without_a_name_for_its_format_asks_for_one(tmp_path: Path) -> None:
    path = tmp_path / "rows"
    path.write_text("question,context\n")
    with pytest.raises(DataError, match="does not say its format; name it"):
        list(Records(path, task=get_task("xquad")).read())


def test_what_is_not_a_file_is_refused(tmp_path: Path) -> None:
    for path in (tmp_path / "none", tmp_path, Path("/dev/zero")):
        with pytest.raises(SourceError, match="name a file of rows"):
            list(Records(path).read())


def test_a_fault_comes_after_the_rows_before_it(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text('{"first": "a"}\n{"first": "b"}\nodd\n')
    read = Records(path).read()
    assert [next(read).record["first"], next(read).record["first"]] == ["a", "b"]
    with pytest.raises(ToolkitError, match="line 3"):
        next(read)


class Pipe(io.RawIOBase):
    """What comes in once, and is never read whole into memory."""

    def __init__(self, data: bytes) -> None:
        self._data = io.BytesIO(data)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        return self._data.readinto(buffer)

    def readall(self) -> bytes:
        raise AssertionError("a stream of any length is read in pieces")


@pytest.mark.parametrize("name", ["a.jsonl", "a.csv", "a.parquet"])
def test_a_pipe_of_any_length_is_read_in_pieces(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    data = written(tmp_path, name).read_bytes()
    monkeypatch.setenv("XSTILTS_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BufferedReader(Pipe(data))))
    records = Records(Path("-"), "csv" if name == "a.csv" else None, get_task("micro-nli"))
    assert [item.record for item in records.read()] == PAIRS
    assert not [path for path in tmp_path.rglob("cache/*/*") if path.is_file()]


def test_a_parquet_file_that_is_standard_input_is_read_where_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("toolkit.tasks.own.records.nameless", None)
    with written(tmp_path, "a.parquet").open() as file:
        monkeypatch.setattr(sys, "stdin", file)
        assert [item.record for item in Records(Path("-"), None, get_task("micro-nli")).read()] == PAIRS
