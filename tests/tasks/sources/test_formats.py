"""Malformed files, kind by kind: each is refused with file, line, what was found and what was expected."""

from __future__ import annotations

import errno
import json
import os
from pathlib import Path
from typing import Any

import pyarrow
import pyarrow.parquet
import pytest

from toolkit.errors import DataError, SourceError
from toolkit.tasks import FileSource, SpanRow, Task
from toolkit.tasks.own.records import Records
from toolkit.tasks.sources.formats import read_file

COLUMNS: dict[str, dict[str, Any]] = {
    "pair": {"first": "a", "second": "b", "label": "gold"},
    "choice": {"question": "q", "choices": ("x", "y"), "label": "gold"},
    "span": {"question": "q", "context": "c", "texts": "answer", "starts": "at"},
    "tags": {"tokens": "words", "tags": "tags"},
    "bitext": {"source": "de", "target": "en"},
    "retrieval": {"query": "q", "passage": "p"},
}
LABELS = {"pair": ("no", "yes"), "tags": ("N", "V")}


def task(kind: str, file: Path, columns: dict[str, Any] | None = None) -> Task:
    metric = {"span": "squad", "tags": "seqeval", "retrieval": "map_at_20"}.get(kind, "accuracy")
    source = FileSource(
        format=file.suffix[1:], splits={"score": file.name}, columns=columns or COLUMNS[kind], folder=file.parent
    )
    return Task(
        name="mine",
        kind=kind,
        languages=("en",),
        metric=metric,
        labels=LABELS.get(kind, ()),
        source=source,
        description="",
    )


def rows_of(folder: Path, kind: str, name: str, content: str | bytes, **more: Any) -> list[Any]:
    file = folder / name
    file.write_bytes(content if isinstance(content, bytes) else content.encode("utf-8"))
    return list(task(kind, file, **more).rows("score"))


def line(**values: Any) -> str:
    return json.dumps(values, ensure_ascii=False) + "\n"


GOOD = {
    "pair": ("x.csv", "a,b,gold\nIt rains.,Wet.,yes\n"),
    "choice": ("x.csv", "q,x,y,gold\nWhy?,rain,sun,1\n"),
    "span": ("x.csv", "q,c,answer,at\nWhen?,In May.,May,3\n"),
    "tags": ("x.csv", "words,tags\nHe sings,N V\n"),
    "bitext": ("x.csv", "de,en\nEs regnet.,It rains.\n"),
    "retrieval": ("x.csv", "q,p\nWhen?,In May.\n"),
}


def test_a_disk_that_fails_while_a_file_is_read_is_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing(*_: object, **__: object) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    for name in ("rows.jsonl", "rows.conll"):
        (tmp_path / name).write_text("x")
    monkeypatch.setattr(Path, "open", failing)
    monkeypatch.setattr(Path, "read_bytes", failing)
    for name, format in (("rows.jsonl", "jsonl"), ("rows.conll", "conll")):
        with pytest.raises(DataError, match=rf"{name} cannot be read to its end \(Input/output error\)"):
            read_file(tmp_path / name, format, [])
    with pytest.raises(DataError, match=r"rows\.jsonl cannot be read to its end"):
        list(Records(tmp_path / "rows.jsonl").read())


@pytest.mark.parametrize("kind", GOOD)
def test_a_good_row_of_each_kind_is_read(tmp_path: Path, kind: str) -> None:
    assert len(rows_of(tmp_path, kind, *GOOD[kind])) == 1


@pytest.mark.parametrize("kind", GOOD)
@pytest.mark.parametrize("ends", ["\r\n", "\r"])
def test_a_byte_order_mark_and_other_line_ends_change_nothing(tmp_path: Path, kind: str, ends: str) -> None:
    name, content = GOOD[kind]
    plain = rows_of(tmp_path, kind, name, content)
    assert rows_of(tmp_path, kind, name, b"\xef\xbb\xbf" + content.replace("\n", ends).encode()) == plain


@pytest.mark.parametrize("kind", GOOD)
def test_bytes_that_are_not_utf8_are_named_with_their_line(tmp_path: Path, kind: str) -> None:
    name, content = GOOD[kind]
    with pytest.raises(DataError, match=r"x\.csv, line 3: byte 0xe9 is not UTF-8; expected UTF-8"):
        rows_of(tmp_path, kind, name, content.encode() + b"\xe9")


@pytest.mark.parametrize("kind", GOOD)
def test_a_renamed_column_is_named_with_those_there_are(tmp_path: Path, kind: str) -> None:
    name, content = GOOD[kind]
    first = content.split(",")[0]
    with pytest.raises(DataError, match=rf"has no column '{first}' \(it has other, "):
        rows_of(tmp_path, kind, name, content.replace(first, "other", 1))


@pytest.mark.parametrize("kind", GOOD)
def test_a_missing_cell_is_named_with_its_line(tmp_path: Path, kind: str) -> None:
    name, content = GOOD[kind]
    with pytest.raises(DataError, match=r"line 3: 1 cells; expected \d \("):
        rows_of(tmp_path, kind, name, content + "alone\n")


@pytest.mark.parametrize("kind", GOOD)
@pytest.mark.parametrize("content", ["", "header"])
def test_a_file_without_rows_is_refused(tmp_path: Path, kind: str, content: str) -> None:
    header = GOOD[kind][1].split("\n")[0] + "\n"
    with pytest.raises(DataError, match="has no rows"):
        rows_of(tmp_path, kind, "x.csv", header if content else "")


@pytest.mark.parametrize(
    ("kind", "content", "found", "expected"),
    [
        ("pair", "a,b,gold\nx,y,maybe\n", "label 'maybe'", r"0 to 1 \(no, yes\)"),
        ("pair", "a,b,gold\nx,y,\n", "label ''", "0 to 1"),
        ("pair", "a,b,gold\n  ,y,yes\n", "an empty text as first", "text"),
        ("pair", "a,b,gold\nx,,yes\n", "an empty text as second", "text"),
        ("choice", "q,x,y,gold\nWhy?,rain,sun,2\n", "label '2'", "0 to 1"),
        ("choice", "q,x,y,gold\nWhy?,rain,,0\n", "an empty choice", "text in every choice"),
        ("choice", "q,x,y,gold\nWhy?,rain,sun,x\n", "label 'x'", "0 to 1"),
        ("span", "q,c,answer,at\nWhen?,In May.,June,3\n", "answer 'June' is not at offset 3", "not 'May.'"),
        ("span", "q,c,answer,at\nWhen?,In May.,May,99\n", "is not at offset 99", "not ''"),
        ("span", "q,c,answer,at\nWhen?,In May.,May,-3\n", "offset '-3'", "a character offset from 0"),
        ("span", "q,c,answer,at\nWhen?,In May.,May,x\n", "offset 'x'", "a character offset from 0"),
        ("span", "q,c,answer,at\nWhen?,In May.,May,\n", "1 answer texts and 0 offsets", "as many offsets"),
        ("span", "q,c,answer,at\nWhen?,In May.,,\n", "no answer", "at least one answer"),
        ("span", "q,c,answer,at\n,In May.,May,3\n", "an empty text as question", "text"),
        ("tags", "words,tags\nHe sings,N\n", "2 tokens and 1 tags", "as many tags as tokens"),
        ("tags", "words,tags\nHe,N V\n", "1 tokens and 2 tags", "as many tags as tokens"),
        ("tags", "words,tags\nHe sings,N X\n", "label 'X'", r"0 to 1 \(N, V\)"),
        ("tags", "words,tags\n,\n", "no tokens", "at least one"),
        ("bitext", "de,en\n ,It rains.\n", "an empty text as source", "text"),
        ("bitext", "de,en\nEs regnet.,\n", "an empty text as target", "text"),
        ("retrieval", "q,p\n ,In May.\n", "an empty text as query", "text"),
        ("retrieval", "q,p\nWhen?,\n", "an empty text as passage", "text"),
    ],
)
def test_a_faulty_row_is_named_with_line_and_expectation(
    tmp_path: Path, kind: str, content: str, found: str, expected: str
) -> None:
    with pytest.raises(DataError, match=rf"x\.csv, line 2: .*{found}.*; expected .*{expected}"):
        rows_of(tmp_path, kind, "x.csv", content)


@pytest.mark.parametrize(
    ("kind", "values", "said"),
    [
        ("pair", {"a": 3, "b": "y", "gold": "yes"}, "3 as first; expected text"),
        ("pair", {"a": "x", "gold": "yes"}, "has no column 'b'"),
        ("pair", {"a": None, "b": "y", "gold": "yes"}, "None as first; expected text"),
        ("pair", {"a": "x", "b": "y", "gold": True}, "label True; expected 0 to 1"),
        ("pair", {"a": "x", "b": "y", "gold": 2}, "label 2; expected 0 to 1"),
        ("pair", {"a": "x", "b": "y", "gold": -1}, "label -1; expected 0 to 1"),
        ("tags", {"words": [1, 2], "tags": ["N", "V"]}, "as tokens; expected a list of texts"),
        ("tags", {"words": ["a", " "], "tags": ["N", "V"]}, "an empty token; expected text"),
        ("tags", {"words": ["a"], "tags": None}, "1 tokens and 0 tags"),
        ("span", {"q": "?", "c": "May", "answer": ["May"], "at": [0, 1]}, "1 answer texts and 2 offsets"),
        ("span", {"q": "?", "c": "May", "answer": ["May"], "at": [0.0]}, "offset 0.0; expected a character offset"),
        ("span", {"q": "?", "c": "May", "answer": 5, "at": [0]}, "5 as texts; expected a list of texts"),
        ("choice", {"q": "?", "x": 1, "y": 2, "gold": 0}, "as choices; expected a list of texts"),
        ("bitext", {"de": {"x": 1}, "en": "y"}, "as source; expected text"),
        ("retrieval", {"q": "x", "p": 3}, "as passage; expected text"),
    ],
)
def test_values_of_the_wrong_type_are_refused(tmp_path: Path, kind: str, values: dict[str, Any], said: str) -> None:
    with pytest.raises(DataError) as caught:
        rows_of(tmp_path, kind, "x.jsonl", line(**values))
    assert said in str(caught.value)
    assert "x.jsonl" in str(caught.value)


def test_a_type_that_changes_within_a_file_is_named_with_its_line(tmp_path: Path) -> None:
    content = line(a="x", b="y", gold="yes") + "\n" + line(a=7, b="y", gold="yes")
    with pytest.raises(DataError, match=r"line 3: 'a' is int; expected str"):
        rows_of(tmp_path, "pair", "x.jsonl", content)


@pytest.mark.parametrize(("text", "said"), [("{", "no JSON"), ("[1]", "list; expected one object"), ("7", "int; ")])
def test_a_line_that_is_no_object_is_named(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(DataError, match=rf"x\.jsonl, line 2: {said}"):
        rows_of(tmp_path, "pair", "x.jsonl", line(a="x", b="y", gold="yes") + text + "\n")


@pytest.mark.parametrize("format", ["csv", "tsv", "jsonl"])
def test_a_very_long_line_is_read_whole(tmp_path: Path, format: str) -> None:
    long = "wort " * 60_000
    content = {
        "csv": f"a,b,gold\n{long},y,yes\n",
        "tsv": f"a\tb\tgold\n{long}\ty\tyes\n",
        "jsonl": line(a=long, b="y", gold="yes"),
    }[format]
    assert rows_of(tmp_path, "pair", f"x.{format}", content)[0].first == long


def test_quotes_part_cells_in_csv_and_are_text_in_tsv(tmp_path: Path) -> None:
    quoted = rows_of(tmp_path, "pair", "x.csv", 'a,b,gold\n"He said: ""no"",\nand left.",y,yes\nx,y,no\n')
    assert quoted[0].first == 'He said: "no",\nand left.'
    plain = rows_of(tmp_path, "pair", "x.tsv", 'a\tb\tgold\n"He said no\ty\tyes\n')
    assert plain[0].first == '"He said no'
    with pytest.raises(DataError, match=r"line 4: label 'x'"):
        rows_of(tmp_path, "pair", "x.csv", 'a,b,gold\n"one\ntwo",y,yes\nx,y,x\n')
    with pytest.raises(DataError, match="expected well-formed csv"):
        rows_of(tmp_path, "pair", "x.csv", 'a,b,gold\n"never closed,y,yes\n')


def test_separators_of_unicode_end_no_line(tmp_path: Path) -> None:
    assert rows_of(tmp_path, "pair", "x.jsonl", line(a="x\u2028y\x85z", b="y", gold="yes"))[0].first == "x\u2028y\x85z"


def test_offsets_count_code_points_also_with_combining_marks_and_astral_characters(tmp_path: Path) -> None:
    context = "e\u0301te\u0301 \U0001f600 नमस्ते"
    content = line(q="?", c=context, answer=["नमस्ते"], at=[context.index("न")])
    assert isinstance(rows_of(tmp_path, "span", "x.jsonl", content)[0], SpanRow)


def test_a_header_that_names_a_column_twice_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="names a column twice"):
        rows_of(tmp_path, "pair", "x.csv", "a,a,gold\nx,y,yes\n")


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    made = task("pair", tmp_path / "x.csv")
    assert made.reachable() == ()
    with pytest.raises(SourceError, match=r"x\.csv is not there"):
        made.rows("score")


# -- parquet ------------------------------------------------------------------------------------------------------------


def test_parquet_files_are_read_and_a_file_that_is_none_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "x.parquet"
    pyarrow.parquet.write_table(pyarrow.table({"a": ["x"], "b": ["y"], "gold": [1]}), file)
    assert task("pair", file).rows("score")[0].label == 1
    file.write_bytes(b"PAR0")
    with pytest.raises(DataError, match="cannot be read as parquet"):
        task("pair", file).rows("score")


def test_columns_that_are_not_read_may_hold_anything(tmp_path: Path) -> None:
    content = line(a="x", b="y", gold="yes", meta=1) + line(a="x", b="y", gold="no", meta=[{"deep": None}, "text"])
    assert len(rows_of(tmp_path, "pair", "x.jsonl", content)) == 2
