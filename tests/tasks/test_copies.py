"""Rows whose two texts are one: two fields read from one column, and columns that hold the same."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from toolkit.errors import ConfigError, DataError
from toolkit.tasks import BitextRow, ChoiceRow, PairRow, load_task
from toolkit.tasks.copies import has_copy
from toolkit.tasks.task import Task


def declared(folder: Path, kind: str, columns: str, **said: str) -> Task:
    lines = {"name": "own", "kind": kind, "columns": columns, "files": "{test: t.jsonl}"} | said
    file = folder / "own.yaml"
    file.write_text("".join(f"{key}: {value}\n" for key, value in lines.items()))
    return load_task(file)


def written(folder: Path, *rows: dict[str, object]) -> None:
    (folder / "t.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))


@pytest.mark.parametrize(
    ("kind", "columns", "said", "twice"),
    [
        ("bitext", "{source: text, target: text}", {}, "'text' as source and as target"),
        ("bitext", "{id: text, source: text, target: text}", {}, "'text' as source and as target"),
        ("pair", "{first: text, second: text, label: l}", {"labels": "[a, b]"}, "'text' as first and as second"),
        ("pair", "{first: text, second: l, label: l}", {"labels": "[a, b]"}, "'l' as second and as label"),
        ("choice", "{choices: [a, b, a], label: l}", {}, "'a' as two of the choices"),
        ("choice", "{choices: [a, b], context: b, label: l}", {}, "'b' as choices and as context"),
        ("choice", "{choices: [a, b], context: c, question: c, label: l}", {}, "'c' as context and as question"),
        ("retrieval", "{query: text, passage: text}", {}, "'text' as query and as passage"),
        ("span", "{question: c, context: c, texts: t, starts: s}", {}, "'c' as question and as context"),
        ("span", "{question: q, context: c, texts: c, starts: s}", {}, "'c' as context and as texts"),
        ("tags", "{tokens: t, tags: t}", {"labels": "[a, b]"}, "'t' as tokens and as tags"),
        ("tags", "{tokens: 0, tags: 0}", {"labels": "[a, b]", "format": "conll"}, "'0' as tokens and as tags"),
    ],
)
def test_a_column_that_is_read_as_two_texts_is_refused(
    kind: str, columns: str, said: dict[str, str], twice: str, tmp_path: Path
) -> None:
    with pytest.raises(ConfigError, match=f"reads the column {twice}"):
        declared(tmp_path, kind, columns, **said)


@pytest.mark.parametrize("key", ["passage", "query"])
def test_a_column_that_names_rows_may_be_one_of_the_texts(key: str, tmp_path: Path) -> None:
    assert declared(tmp_path, "retrieval", f"{{query: query, passage: passage, key: {key}, id: query}}").name == "own"


@pytest.mark.parametrize(
    ("kind", "columns"), [("bitext", "{source: a, target: b}"), ("retrieval", "{query: a, passage: b}")]
)
def test_two_columns_that_hold_the_same_in_every_row_are_refused(kind: str, columns: str, tmp_path: Path) -> None:
    task = declared(tmp_path, kind, columns)
    same = [{"a": "Rome", "b": "Rome\n"}, {"a": "Le cafe\u0301", "b": " Le\u00a0café"}]  # one text to an encoder
    written(tmp_path, *same)
    with pytest.raises(DataError, match=r"own en \(score\): in all 2 rows .*the text sought is the text itself"):
        task.rows("score")
    written(tmp_path, *same, {"a": "Rom", "b": "Rome"})  # names may be the same in two languages, not all of them
    assert len(task.rows("score")) == 3


def test_one_row_may_be_the_same_in_both_languages(tmp_path: Path) -> None:
    written(tmp_path, {"a": "Rome", "b": "Rome"})
    assert len(declared(tmp_path, "bitext", "{source: a, target: b}").rows("score")) == 1


def test_a_choice_offered_twice_is_a_copy() -> None:
    assert has_copy("choice", ChoiceRow("0", "", "", ("a", "b", "a "), 0))
    assert not has_copy("choice", ChoiceRow("0", "", "", ("a", "b"), 0))
    assert has_copy("pair", PairRow("0", "a", "a", 0)) and not has_copy("bitext", BitextRow("0", "a", "b"))
