from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import toolkit
from tests.recipes.answer.test_model import TRAINED, records_of
from toolkit.config import Config
from toolkit.errors import DataError, Interrupted, ToolkitError
from toolkit.recipes.answer import stream
from toolkit.recipes.answer.model import Model
from toolkit.results.predictions import read_predictions

pytestmark = pytest.mark.journey

Write = Callable[..., Path]


@pytest.fixture
def rows_file(tmp_path: Path) -> Write:
    def write(rows: list[dict[str, Any]], name: str = "rows.jsonl") -> Path:
        path = tmp_path / name
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
        return path

    return write


def lines_of(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


@pytest.mark.parametrize("task", TRAINED)
def test_a_file_of_every_kind_gets_the_answers_that_eval_wrote(
    trained: Config, rows_file: Write, tmp_path: Path, task: str
) -> None:
    scored = toolkit.evaluate(TRAINED[task], trained, task=task, languages="sw")
    written = read_predictions(scored.folder / "predictions" / f"{task}.sw.jsonl")
    rows = records_of(task, "sw")
    done = toolkit.predict(TRAINED[task], trained, task=task, source=rows_file(rows), out=tmp_path / "out.jsonl")
    found = lines_of(tmp_path / "out.jsonl")
    assert [each["prediction"] for each in found] == [each.prediction for each in written]
    assert [{name: each[name] for name in row} for each, row in zip(found, rows, strict=True)] == rows
    assert (done.n, done.path) == (len(rows), tmp_path / "out.jsonl")
    assert sorted(path.name for path in tmp_path.glob("out*")) == ["out.jsonl"]


def test_without_a_file_the_lines_are_handed_over(trained: Config, rows_file: Write) -> None:
    rows, heard = records_of("micro-nli", n=3), []
    done = toolkit.predict("micro-nli", trained, task="micro-nli", source=rows_file(rows), echo=heard.append)
    found = [json.loads(line) for line in "".join(heard).splitlines()]
    assert done.n == 3 and [each["first"] for each in found] == [row["first"] for row in rows]
    assert set(found[0]) == {"first", "second", "prediction", "probability", "probabilities"}


@pytest.mark.parametrize("ending", ["csv", "tsv", "parquet"])
def test_an_output_has_the_form_of_its_ending(trained: Config, rows_file: Write, tmp_path: Path, ending: str) -> None:
    rows, out = records_of("micro-nli", n=3), tmp_path / f"out.{ending}"
    toolkit.predict("micro-nli", trained, task="micro-nli", source=rows_file(rows), out=out)
    with toolkit.load("micro-nli", trained) as model:
        wanted = [answer.prediction for answer in model.predict(rows)]
    if ending == "parquet":
        import pyarrow.parquet

        found = pyarrow.parquet.read_table(out).to_pylist()
    else:
        text = out.read_text()
        found = list(csv.DictReader(text.splitlines(), delimiter="\t" if ending == "tsv" else ","))
        assert "probabilities.neutral" in found[0]
    assert [row["prediction"] for row in found] == wanted
    assert [row["first"] for row in found] == [row["first"] for row in rows]


def test_tags_go_behind_the_lines_of_a_conll_file(trained: Config, tmp_path: Path) -> None:
    source, out = tmp_path / "a.conll", tmp_path / "b.conll"
    source.write_text("Anna X\nsees Y\n\nit Z\n")
    toolkit.predict("micro-nli/micro-pos", trained, task="micro-pos", source=source, out=out)
    found = [line.split("\t") for line in out.read_text().splitlines()]
    assert [cells[0] for cells in found] == ["Anna X", "sees Y", "", "it Z", ""]
    assert all(cells[1] in toolkit.get_task("micro-pos").labels for cells in found if cells[0])


def test_rows_before_a_fault_are_kept_and_the_same_command_continues(
    trained: Config, rows_file: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream, "PART", 2)
    rows, out = records_of("micro-nli", n=5), tmp_path / "out.jsonl"
    source = rows_file([*rows[:3], {"first": "a"}, rows[4]])
    with pytest.raises(DataError, match=r"line 4: no column 'second' .* The 3 rows before it are in .*out.jsonl.part"):
        toolkit.predict("micro-nli", trained, task="micro-nli", source=source, out=out)
    assert not out.exists() and len(lines_of(tmp_path / "out.jsonl.part")) == 3
    rows_file(rows)
    said: list[str] = []
    answered: list[int] = []
    made = Model.answer
    monkeypatch.setattr(Model, "answer", lambda self, asked: answered.append(len(asked)) or made(self, asked))
    toolkit.predict("micro-nli", trained, task="micro-nli", source=source, out=out, say=said.append)
    assert sum(answered) == 2 and said[0].startswith("3 rows are answered already")
    assert [row["first"] for row in lines_of(out)] == [row["first"] for row in rows]


def test_a_killed_run_leaves_what_is_continued_and_a_half_line_is_dropped(
    trained: Config, rows_file: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream, "PART", 2)
    rows, out = records_of("micro-nli", n=6), tmp_path / "out.csv"
    source = rows_file(rows)
    with pytest.MonkeyPatch.context() as patch:
        made = Model.answer
        calls: list[int] = []

        def answer(self: Model, asked: Any) -> Any:
            calls.append(1)
            if len(calls) == 3:
                raise KeyboardInterrupt
            return made(self, asked)

        patch.setattr(Model, "answer", answer)
        with pytest.raises(Interrupted, match="The 4 rows before it are in"):
            toolkit.predict("micro-nli", trained, task="micro-nli", source=source, out=out)
    with (tmp_path / "out.csv.part").open("a") as half:
        half.write("half a li")
    toolkit.predict("micro-nli", trained, task="micro-nli", source=source, out=out)
    found = list(csv.DictReader(out.read_text().splitlines()))
    assert [row["first"] for row in found] == [row["first"] for row in rows]


def test_answers_to_other_rows_or_of_other_settings_are_not_continued(
    trained: Config, rows_file: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream, "PART", 1)
    rows, out = records_of("micro-nli", n=3), tmp_path / "out.jsonl"

    def cut_off() -> None:
        with pytest.raises(DataError):
            toolkit.predict("micro-nli", trained, task="micro-nli", source=rows_file([*rows[:2], {}]), out=out)

    cut_off()
    said: list[str] = []
    other = rows_file([rows[2], rows[1], rows[0]])
    toolkit.predict("micro-nli", trained, task="micro-nli", source=other, out=out, say=said.append)
    assert [row["first"] for row in lines_of(out)] == [rows[at]["first"] for at in (2, 1, 0)]
    assert "held answers to other rows; they are in" in said[0]
    assert len(lines_of(tmp_path / "out.jsonl.part.old")) == 2
    cut_off()
    toolkit.predict("micro-nli", trained, task="micro-nli", source=rows_file(rows), out=out, prefix="own_")
    assert all("own_prediction" in row and "prediction" not in row for row in lines_of(out))


def test_another_process_that_writes_the_file_is_named(trained: Config, rows_file: Write, tmp_path: Path) -> None:
    from toolkit.recipes.answer.part import PartFile

    out = tmp_path / "out.jsonl"
    with PartFile(out, "key"), pytest.raises(ToolkitError, match="Another process writes"):
        toolkit.predict("micro-nli", trained, task="micro-nli", source=rows_file(records_of("micro-nli", n=1)), out=out)


def test_a_language_may_be_one_for_all_or_a_column(trained: Config, rows_file: Write, tmp_path: Path) -> None:
    rows = [{**row, "lang": code} for row, code in zip(records_of("micro-nli", n=2), ("de", "swh"), strict=True)]
    source, out = rows_file(rows), tmp_path / "out.jsonl"
    asked = {"task": "micro-nli", "source": source, "out": out}
    toolkit.predict("micro-nli", trained, **asked, language_column="lang")
    assert len(lines_of(out)) == 2
    toolkit.predict("micro-nli", trained, **asked, language="ja")
    with pytest.raises(DataError, match="line 1: no column 'language'"):
        toolkit.predict("micro-nli", trained, **asked, language_column="language")
    with pytest.raises(ToolkitError, match="No language named 'xx-odd'"):
        toolkit.predict("micro-nli", trained, **asked, language="xx-odd")
    rows_file([rows[0], {**rows[1], "lang": "Elvish"}])
    with pytest.raises(DataError, match="line 2: No language named 'Elvish'.* The row before it is in"):
        toolkit.predict("micro-nli", trained, **asked, language_column="lang")


def test_what_the_model_does_not_read_is_said(trained: Config, rows_file: Write) -> None:
    said: list[str] = []
    rows = [{"first": "dog " * 600, "second": "b", "label": "maybe"}, {"first": "a", "second": "b", "label": "odd"}]
    toolkit.predict("micro-nli", trained, task="micro-nli", source=rows_file(rows), say=said.append)
    assert len(said) == 2
    assert "line 1: its label 'maybe' is not one of entailment, neutral, contradiction; gold labels are" in said[0]
    assert said[1].startswith("1 of 2 rows lost text to the length limit")


def test_a_column_of_the_row_is_never_replaced(trained: Config, rows_file: Write, tmp_path: Path) -> None:
    rows = [{**row, "prediction": "mine"} for row in records_of("micro-nli", n=1)]
    with pytest.raises(DataError, match=r"a column 'prediction' of its own.*--prefix"):
        toolkit.predict("micro-nli", trained, task="micro-nli", source=rows_file(rows), out=tmp_path / "o.jsonl")


def test_more_choices_than_the_task_has_are_answered(trained: Config, rows_file: Write, tmp_path: Path) -> None:
    rows = [{"context": "c", "question": "q", "choices": list("abcdefgh")}, {"choices": ["a", "b"]}]
    out = tmp_path / "o.jsonl"
    toolkit.predict(TRAINED["micro-choice"], trained, task="micro-choice", source=rows_file(rows), out=out)
    assert [len(row["probabilities"]) for row in lines_of(out)] == [8, 2]


def test_texts_of_a_file_become_a_matrix_or_a_column(trained: Config, tmp_path: Path) -> None:
    import pyarrow.parquet

    source = tmp_path / "a.txt"
    source.write_text("Anna sees a dog.\n\nDer Hund sieht Anna.\n")
    toolkit.embed("micro-nli", trained, source=source, out=tmp_path / "v.npy")
    found = np.load(tmp_path / "v.npy")
    with toolkit.load("micro-nli", trained) as model:
        assert (found == model.embed(["Anna sees a dog.", "", "Der Hund sieht Anna."])).all()
    rows = tmp_path / "a.jsonl"
    rows.write_text('{"title": "Anna sees a dog.", "n": 1}\n')
    done = toolkit.embed("micro-nli", trained, source=rows, out=tmp_path / "v.parquet", column="title")
    table = pyarrow.parquet.read_table(tmp_path / "v.parquet")
    assert table.column_names == ["title", "n", "vector"] and (done.n, done.width) == (1, 32)
    assert np.asarray(table["vector"].to_pylist()[0], "f4") == pytest.approx(found[0], abs=1e-5)
    with pytest.raises(DataError, match="line 1: no column 'text'"):
        toolkit.embed("micro-nli", trained, source=rows, out=tmp_path / "w.npy")
    assert not (tmp_path / "w.npy").exists()
    with pytest.raises(ToolkitError, match=r"expected a name that ends in .npy or .parquet"):
        toolkit.embed("micro-nli", trained, source=rows, out=tmp_path / "w.bin")


def test_a_longer_file_holds_no_more_rows_at_a_time(
    trained: Config, rows_file: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    import weakref

    from toolkit.tasks.own import records

    held: weakref.WeakSet[Any] = weakref.WeakSet()
    most: list[int] = []

    class Counted(records.Item):
        def __init__(self, *args: Any, **kwargs: Any) -> None:
            super().__init__(*args, **kwargs)
            held.add(self)
            most.append(len(held))

        __hash__ = object.__hash__

    monkeypatch.setattr(records, "Item", Counted)
    monkeypatch.setattr(stream, "PART", 4)
    rows = records_of("micro-nli", n=8) * 5
    toolkit.predict("micro-nli", trained, task="micro-nli", source=rows_file(rows), echo=lambda text: None)
    assert len(most) == 40 and max(most) <= 3 * 4
