"""JSON files: SQuAD's nesting as publishers write it, flat forms, and every fault with its place."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow
import pyarrow.parquet
import pytest

from toolkit.errors import DataError
from toolkit.tasks import Answer, SpanRow, load_task
from toolkit.tasks.task import Task

CONTEXT = "1868年、江戸は東京に改称された。"
OTHER = "富士山の高さは3776メートルである。"


def question(id: str, text: str, context: str, *answers: str, **more: Any) -> dict[str, Any]:
    found = [{"text": each, "answer_start": context.index(each)} for each in answers]
    return {"id": id, "question": text, "answers": found} | more


FIRST = question("q1", "江戸は何に改称されたか", CONTEXT, "東京", "東京に", answer_type="名前")
SECOND = question("q2", "いつ改称されたか", CONTEXT, "1868年")
THIRD = question("q3", "富士山の高さは", OTHER, "3776メートル", is_impossible=False)
NESTED = {
    "version": "1.0",
    "data": [
        {"title": "東京", "paragraphs": [{"context": CONTEXT, "qas": [FIRST, SECOND]}]},
        {"title": "富士山", "paragraphs": [{"context": OTHER, "qas": [THIRD]}]},
    ],
}
FLAT = [{**each, "context": CONTEXT} for each in (FIRST, SECOND)] + [{**THIRD, "context": OTHER}]
LISTS = [
    {**row, "answers": {key: [each[key] for each in row["answers"]] for key in ("text", "answer_start")}}
    for row in FLAT
]
ROWS = [
    SpanRow("q1", FIRST["question"], CONTEXT, (Answer("東京", 9), Answer("東京に", 9))),
    SpanRow("q2", SECOND["question"], CONTEXT, (Answer("1868年", 0),)),
    SpanRow("q3", THIRD["question"], OTHER, (Answer("3776メートル", 7),)),
]


def declared(folder: Path, name: str, *lines: str) -> Task:
    said = ["name: own", "kind: span", "languages: [ja]", "metric: mlqa", f"files: {{dev: {name}}}", *lines]
    (folder / "own.yaml").write_text("\n".join(said) + "\n")
    return load_task(folder / "own.yaml")


def read(folder: Path, name: str, content: Any, *lines: str) -> list[Any]:
    text = content if isinstance(content, str) else json.dumps(content, ensure_ascii=False)
    (folder / name).write_text(text, encoding="utf-8")
    return list(declared(folder, name, *lines).rows("dev", "ja"))


def a_line(rows: list[Any]) -> str:
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("x.json", NESTED),
        ("x.json", json.dumps(NESTED, indent=2)),
        ("x.json", "\ufeff" + json.dumps(NESTED).replace(", ", ",\r\n")),
        ("x.json", NESTED["data"]),
        ("x.json", [{"context": CONTEXT, "qas": [FIRST, SECOND]}, {"context": OTHER, "qas": [THIRD]}]),
        ("x.json", {"data": FLAT}),
        ("x.json", FLAT),
        ("x.json", LISTS),
        ("x.json", {key: [row[key] for row in FLAT] for key in ("id", "question", "context", "answers")}),
        ("x.json", a_line(FLAT)),
        ("x.jsonl", a_line(FLAT)),
        ("x.jsonl", a_line(LISTS)),
        ("x.jsonl", a_line(NESTED["data"])),  # type: ignore[arg-type]
    ],
)
def test_every_form_holds_the_same_questions_without_columns_being_named(
    name: str, content: Any, tmp_path: Path
) -> None:
    assert read(tmp_path, name, content) == ROWS


def test_answers_that_are_objects_are_read_from_parquet_too(tmp_path: Path) -> None:
    rows = [{key: row[key] for key in ("id", "question", "context", "answers")} for row in FLAT]
    table = pyarrow.Table.from_pylist(rows)
    pyarrow.parquet.write_table(pyarrow.concat_tables([table.slice(0, 1), table.slice(1)]), tmp_path / "x.parquet")
    assert list(declared(tmp_path, "x.parquet").rows("dev", "ja")) == ROWS


def test_a_base_lends_its_columns_and_fields_of_the_article_are_columns(tmp_path: Path) -> None:
    (tmp_path / "x.json").write_text(json.dumps(NESTED), encoding="utf-8")
    text = "name: own\nbase: squad\nlanguages: [ja]\nmetric: characters\nfiles: {dev: x.json}\nwhere: {title: 富士山}\n"
    (tmp_path / "own.yaml").write_text(text, encoding="utf-8")
    task = load_task(tmp_path / "own.yaml")
    assert list(task.rows("dev", "ja")) == ROWS[2:] and task.metric == "characters"


def test_questions_without_an_answer_are_read_where_the_task_has_them(tmp_path: Path) -> None:
    nothing = question("q4", "誰が", CONTEXT, is_impossible=True, plausible_answers=[{"text": "x", "answer_start": 0}])
    content = {"data": [{"paragraphs": [{"context": CONTEXT, "qas": [SECOND, nothing]}]}]}
    lines = ("may_be_unanswerable: true",)
    assert [row.answers for row in read(tmp_path, "x.json", content, *lines)] == [(Answer("1868年", 0),), ()]
    only = {"data": [{"paragraphs": [{"context": CONTEXT, "qas": [nothing]}]}]}
    assert [row.answers for row in read(tmp_path, "x.json", only, *lines)] == [()]
    with pytest.raises(
        DataError, match=r"data\[0\]\.paragraphs\[0\]\.qas\[1\]: no answer; .*may_be_unanswerable: true"
    ):
        read(tmp_path, "x.json", content)


@pytest.mark.parametrize("answers", [{}, {"answers": None}])
def test_a_question_may_lack_its_list_of_answers_and_its_id(tmp_path: Path, answers: dict[str, None]) -> None:
    nothing = {"question": "誰が", **answers}
    first = {key: value for key, value in FIRST.items() if key != "id"}
    for qas in ([first, nothing], [nothing]):
        content = {"data": [{"paragraphs": [{"context": CONTEXT, "qas": qas}]}]}
        rows = read(tmp_path, "x.json", content, "may_be_unanswerable: true")
        assert [row.id for row in rows] == ["0", "1"][: len(qas)] and rows[-1].answers == ()
    flat = [{"id": "q1", "context": CONTEXT, **nothing, "answers": None}]
    assert read(tmp_path, "x.jsonl", a_line(flat), "may_be_unanswerable: true")[0].answers == ()


def test_keys_that_a_file_adds_to_its_answers_may_be_of_any_type(tmp_path: Path) -> None:
    rows = [
        {**row, "answers": [each | {"by": by} for each in row["answers"]]}
        for row, by in zip(FLAT, (1, "x", [2]), strict=True)
    ]
    assert read(tmp_path, "x.jsonl", a_line(rows)) == ROWS
    assert read(tmp_path, "x.json", rows) == ROWS


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ('{"data": [', r"x\.json, line 1: no JSON"),
        ("", r"no JSON"),
        ('{"data": 3}', "an object of data; expected SQuAD's nesting"),
        ('{"train": [],\n "dev": [1]}', "an object of train, dev; expected"),
        ("3", "int; expected"),
        ("[1, 2]", r"\[0\]: int; expected an object"),
        ('{"data": [{"paragraphs": [{"context": "x"}]}]}', r"data\[0\]\.paragraphs\[0\]: no list `qas`"),
        ('{"data": [{"paragraphs": []}, {"title": "x"}]}', r"data\[1\]: no list `paragraphs`"),
        ('{"data": [{"paragraphs": [{"context": "x", "qas": [3]}]}]}', r"qas\[0\]: int; expected a question"),
        ('{"data": []}', "has no column 'question'|has no rows"),
        (
            {"data": [{"paragraphs": [{"context": CONTEXT, "qas": [FIRST, {**SECOND, "answers": [{"text": "1868", "answer_start": 3}]}]}]}]},
            r"data\[0\]\.paragraphs\[0\]\.qas\[1\]: answer '1868' is not at offset 3",
        ),
        ([FLAT[0], {**FLAT[1], "context": None}], r"\[1\]: None as context; expected text"),
        ([FLAT[0], {**FLAT[1], "question": 3}], r"\[1\]: 'question' is int; expected str"),
    ],
)  # fmt: skip
def test_a_fault_names_its_place(content: Any, said: str, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=said):
        read(tmp_path, "x.json", content)


def test_other_kinds_are_read_from_json_too(tmp_path: Path) -> None:
    (tmp_path / "x.json").write_text('[{"a": "x", "b": "y", "l": 1}, {"a": "z", "b": "w", "l": 0}]')
    said = "name: own\nkind: pair\nlabels: [n, p]\nfiles: {dev: x.json}\ncolumns: {first: a, second: b, label: l}\n"
    (tmp_path / "own.yaml").write_text(said)
    assert [row.label for row in load_task(tmp_path / "own.yaml").rows("dev")] == [1, 0]  # type: ignore[union-attr]


@pytest.mark.real_data
def test_the_real_xquad_r_is_the_xquad_of_the_mirror(data_root: Path, tmp_path: Path) -> None:
    from toolkit.tasks import get_task

    file = data_root.parent / "raw/lareqa/xquad-r/de.json"
    if not file.is_file():
        pytest.skip("no raw files")
    lines = ["name: own", "kind: span", "languages: [de]", f"files: {{dev: '{file}'}}"]
    (tmp_path / "own.yaml").write_text("\n".join(lines) + "\n")
    own = {row.id: row for row in load_task(tmp_path / "own.yaml").rows("dev", "de")}
    held = {row.id: row for row in get_task("xquad").rows("score", "de", data_root=data_root)}
    assert len(own) == 1190 and set(own) == set(held)
    assert sum(own[id].question == held[id].question for id in own) > 1100
