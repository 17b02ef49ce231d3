from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from toolkit.errors import DataError
from toolkit.tasks.sources.json_files import rows_of_json
from toolkit.tasks.sources.json_stream import rows_of_stream

FILE = Path("a.json")
ROWS = [
    {"a": '\ud83d\ude00 \\ "]},', "b": [1, {"c": None}]},
    {},
    {"a": -1.5e-30, "b": 10**30, "c": True, "d": float("inf")},
]
ARTICLES: list[dict[str, Any]] = [
    {"title": str(n), "paragraphs": [{"context": "x", "qas": [{"id": f"{n}", "question": "q", "answers": []}] * 2}]}
    for n in range(2)
]
WHOLE: dict[str, Any] = {
    "rows": ROWS,
    "none": [],
    "articles": ARTICLES,
    "paragraphs": ARTICLES[0]["paragraphs"],
    "squad": {"version": "1.1", "data": ARTICLES, "more": {"a": [1]}},
    "data": {"data": ROWS},
    "data as columns": {"data": {"a": [1, 2]}},
    "columns": {"a": [1, 2], "b": ["x", "y"]},
    "article": ARTICLES[0],
}


def read(text: str, size: int) -> list[Any]:
    return list(rows_of_stream(FILE, (text[at : at + size] for at in range(0, len(text), size))))


@pytest.mark.parametrize("name", WHOLE)
def test_a_stream_has_the_rows_of_the_whole_text(name: str) -> None:
    for indent, is_ascii in ((None, True), (1, False)):
        text = " \n" + json.dumps(WHOLE[name], indent=indent, ensure_ascii=is_ascii) + "\n"
        for size in (1, 2, 7, 10_000):
            assert read(text, size) == rows_of_json(FILE, text, [])


def test_a_file_of_one_line_is_a_row() -> None:
    assert read('{"a": 1, "b": [1]}', 3) == [("[0]", {"a": 1, "b": [1]})]
    with pytest.raises(DataError, match="an object of a, b; expected"):
        read('{"a": 1,\n"b": [1]}', 3)


def test_an_object_a_line_is_read_as_lines() -> None:
    text = "\n".join(json.dumps(row) for row in [*ROWS, *ARTICLES])
    for size in (1, 9, 10_000):
        assert read(text, size) == rows_of_json(FILE, text, [])


def test_a_row_is_there_before_the_next_ones_are_read() -> None:
    taken = 0

    def pieces() -> Iterator[str]:
        nonlocal taken
        yield '{"version": 2, "data": ['
        for _ in range(100):
            taken += 1
            yield '{"a": "' + "x" * 100 + '"},\n'
        yield '{"a": "last"}]}'

    rows = rows_of_stream(FILE, pieces())
    assert next(rows)[0] == "data[0]" and taken <= 3
    assert len(list(rows)) == 100


@pytest.mark.parametrize(
    ("text", "n", "said"),
    [
        ('[{"a": 1},\n{"a": 2},\n{"a": x}]', 2, "a.json, line 3: no JSON (Expecting value)"),
        ('[{"a": 1},\n{"a": 2}\n{"a": 3}]', 1, "line 3: no JSON (Expecting one of , ])"),
        ('[{"a": 1},\n{"a": 2}', 1, "line 2: no JSON (Expecting one of , ])"),
        ('[{"a": 1},\n]', 1, "line 2: no JSON (Expecting value)"),
        ('[{"a": 1}]\n]', 1, "line 2: no JSON (Extra data)"),
        ('[{"a": 1},\n{"a": "b', 1, "line 2: no JSON (Unterminated string"),
        ('[{"a": 1},\n"b", {"a": 1}]', 1, "a.json, [1]: str; expected an object"),
        ('[{"a": 1}, {"qas": 3, "paragraphs": []}, {"a": 2}]', 1, "[1]: no list `qas`"),
        ('{"data": [{"a": 1}], "b" 3}', 1, "no JSON (Expecting one of :)"),
        ('{"data": [{"a": 1}] "b"', 1, "no JSON (Expecting '}')"),
        ('"a"', 0, "a.json: str; expected SQuAD's nesting"),
        ("[" * 100_000, 0, "no JSON"),
        ('{"a": \n 1,}', 0, "line 2: no JSON"),
        ('{"a": 1}\nodd', 1, "line 2: no JSON"),
    ],
)
def test_a_fault_is_said_with_its_line_after_the_rows_before_it(text: str, n: int, said: str) -> None:
    for size in (1, 10_000):
        rows = rows_of_stream(FILE, (text[at : at + size] for at in range(0, len(text), size)))
        if text.startswith("[[") and size == 1:
            continue
        assert len([next(rows) for _ in range(n)]) == n
        with pytest.raises(DataError) as caught:
            list(rows)
        assert said in str(caught.value)
