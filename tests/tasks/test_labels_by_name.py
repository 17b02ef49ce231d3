"""Labels of files in another order, by other names, and as numbers: each row has the label that its file means."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow
import pyarrow.parquet
import pytest

from toolkit.errors import ConfigError, DataError
from toolkit.tasks import get_task, load_task
from toolkit.tasks.task import Task

GOLD = ["neutral", "contradiction", "entailment", "neutral"]
ORDER = ["neutral", "entailment", "contradiction"]  # OCNLI's
COLUMNS = "{first: premise, second: hypothesis, label: label}"


def declared(folder: Path, name: str = "dev.csv", **said: str) -> Task:
    lines = {"name": "own", "base": "xnli", "languages": "[zh]", "files": f"{{dev: {name}}}", "columns": COLUMNS} | said
    file = folder / "own.yaml"
    file.write_text("".join(f"{key}: {value}\n" for key, value in lines.items() if value))
    return load_task(file)


def written(folder: Path, labels: list[Any], name: str = "dev.csv", names: list[str] | None = None) -> None:
    rows = [{"premise": f"p{i}", "hypothesis": f"h{i}", "label": label} for i, label in enumerate(labels)]
    file = folder / name
    if name.endswith("csv"):
        cells = [f"{row['premise']},{row['hypothesis']},{row['label']}" for row in rows]
        file.write_text("\n".join(["premise,hypothesis,label", *cells]) + "\n")
    elif name.endswith("parquet"):
        table = pyarrow.table({key: [row[key] for row in rows] for key in rows[0]})
        if names:
            feature = {"names": names, "_type": "ClassLabel"}
            table = table.replace_schema_metadata(
                {"huggingface": json.dumps({"info": {"features": {"label": feature}}})}
            )
        pyarrow.parquet.write_table(table, file)
    else:
        file.write_text("".join(json.dumps(row) + "\n" for row in rows))


def read(task: Task) -> list[str]:
    assert task.labels == get_task("xnli").labels
    return [task.labels[row.label] for row in task.rows("score", "zh")]  # type: ignore[union-attr]


@pytest.mark.parametrize("name", ["dev.csv", "dev.jsonl", "dev.json", "dev.parquet"])
def test_an_order_of_its_own_is_the_order_of_a_files_indices(name: str, tmp_path: Path) -> None:
    written(tmp_path, [ORDER.index(label) for label in GOLD], name)
    task = declared(tmp_path, name, labels=str(ORDER))
    assert read(task) == GOLD
    assert task.trains_on == "mnli", "its labels are those of the task that trains it"
    written(tmp_path, GOLD, name)  # names are names whatever the order
    assert read(task) == GOLD


def test_names_that_a_parquet_file_declares_are_read_by_name(tmp_path: Path) -> None:
    written(tmp_path, [ORDER.index(label) for label in GOLD], "dev.parquet", names=ORDER)
    assert read(declared(tmp_path, "dev.parquet")) == GOLD
    assert read(declared(tmp_path, "dev.parquet", labels=str(ORDER))) == GOLD
    with pytest.raises(DataError, match="calls label 0 'neutral', and the task file 'entailment'; expected the same"):
        declared(tmp_path, "dev.parquet", label_map="{0: entailment, 1: neutral, 2: contradiction}").rows("score", "zh")


@pytest.mark.parametrize(
    ("label_map", "words"),
    [
        (
            "{LABEL_0: neutral, LABEL_1: entailment, LABEL_2: contradiction}",
            ["LABEL_0", "LABEL_2", "LABEL_1", "LABEL_0"],
        ),
        ("{NEUTRAL: neutral, ENTAILMENT: entailment, CONTRADICTION: contradiction}", [x.upper() for x in GOLD]),
        ("{0: neutral, 1: entailment, 2: contradiction}", [0, 2, 1, 0]),
        ("{1: neutral, 2: entailment, 3: contradiction}", [1, 3, 2, 1]),
        ("{1.0: neutral, 2: entailment, 3: contradiction}", ["1", "3.0", "2.0", "1.00"]),
        ("{-1: contradiction, 0: neutral, 1: entailment}", [0, -1, 1, 0]),
        ("{maybe: neutral, yes: entailment, no: contradiction}", ["maybe", "no", "yes", "maybe"]),
        ("{n: neutral, c: contradiction}", ["n", "c", "entailment", "neutral"]),  # the task's own names stay
        ("{中立: neutral, 蕴含: entailment, 矛盾: contradiction}", ["中立", "矛盾", "蕴含", "中立"]),
    ],
)
@pytest.mark.parametrize("name", ["dev.csv", "dev.jsonl", "dev.parquet"])
def test_other_words_are_mapped(label_map: str, words: list[Any], name: str, tmp_path: Path) -> None:
    written(tmp_path, words, name)
    assert read(declared(tmp_path, name, label_map=label_map)) == GOLD


def test_true_and_false_and_whole_fractions_are_words_too(tmp_path: Path) -> None:
    written(tmp_path, [True, False, True, False], "dev.jsonl")
    task = declared(tmp_path, "dev.jsonl", label_map="{true: entailment, false: contradiction}")
    assert read(task) == ["entailment", "contradiction"] * 2
    written(tmp_path, [1.0, 0.0], "dev.parquet")
    task = declared(tmp_path, "dev.parquet", label_map="{1: entailment, 0: contradiction}")
    assert read(task) == ["entailment", "contradiction"]


def test_true_may_begin_with_a_capital(tmp_path: Path) -> None:
    written(tmp_path, [True, False])  # as pandas writes them
    assert read(declared(tmp_path, label_map="{true: entailment, false: contradiction}")) == [
        "entailment",
        "contradiction",
    ]
    written(tmp_path, [True, False], "dev.jsonl")
    task = declared(tmp_path, "dev.jsonl", label_map="{True: entailment, False: contradiction}")
    assert read(task) == ["entailment", "contradiction"]


def test_a_name_of_no_class_is_the_fault_of_rows_that_have_it(tmp_path: Path) -> None:
    names = ["-", *ORDER]
    written(tmp_path, [names.index(label) for label in GOLD], "dev.parquet", names=names)
    assert read(declared(tmp_path, "dev.parquet")) == GOLD
    written(tmp_path, [1, 0], "dev.parquet", names=names)
    with pytest.raises(DataError, match=r"row 1 \(counted from 0\): label 0"):
        read(declared(tmp_path, "dev.parquet"))


def test_several_words_may_be_one_label(tmp_path: Path) -> None:
    written(tmp_path, GOLD)
    said = {"base": "", "kind": "pair", "labels": "['yes', 'no']", "languages": "[zh]"}
    task = declared(tmp_path, label_map="{entailment: yes, neutral: no, contradiction: no}", **said)
    assert [task.labels[row.label] for row in task.rows("score", "zh")] == ["no", "no", "yes", "no"]  # type: ignore


def test_tags_are_mapped_by_name(tmp_path: Path) -> None:
    (tmp_path / "dev.conll").write_text("Anna B-PERSON\nBell I-PERSON\nin O\nRome B-GPE\n\n")
    said = {"base": "panx", "languages": "[en]", "files": "{test: dev.conll}", "columns": "{tokens: 0, tags: 1}"}
    (tmp_path / "own.yaml").write_text(
        "name: own\n" + "".join(f"{key}: {value}\n" for key, value in said.items())
        + "label_map: {B-PERSON: B-PER, I-PERSON: I-PER, B-GPE: B-LOC}\n"
    )  # fmt: skip
    task = load_task(tmp_path / "own.yaml")
    (row,) = task.rows("score", "en")
    assert [task.labels[tag] for tag in row.tags] == ["B-PER", "I-PER", "O", "B-LOC"]  # type: ignore[union-attr]


def test_choices_that_count_from_one_are_mapped(tmp_path: Path) -> None:
    (tmp_path / "dev.csv").write_text("a,b,gold\nsun,rain,2\nsnow,ice,1\n")
    said = {"base": "", "kind": "choice", "languages": "[en]", "columns": "{choices: [a, b], label: gold}"}
    task = declared(tmp_path, label_map="{1: 0, 2: 1}", **said)
    assert [row.label for row in task.rows("score")] == [1, 0]  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("said", "message"),
    [
        ({"label_map": "{a: entails}"}, "maps 'a' to 'entails'; expected one of entailment, neutral, contradiction"),
        ({"labels": str(ORDER), "files": "", "columns": ""}, "which is that of a file; expected `hub` or `files`"),
        ({"labels": "[a, b]"}, "expected the same, and `label_map` for other words"),
        ({"label_map": "[a, b]"}, "expected a mapping"),
    ],
)
def test_a_faulty_map_is_refused(said: dict[str, str], message: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        declared(tmp_path, **said)
    assert message in str(caught.value)


def test_a_word_that_nothing_maps_names_the_way_out(tmp_path: Path) -> None:
    written(tmp_path, ["entailment", "LABEL_1"])
    with pytest.raises(DataError, match=r"line 3: label 'LABEL_1'; .*`label_map:`"):
        list(declared(tmp_path).rows("score", "zh"))
    with pytest.raises(DataError, match=r"label 'LABEL_1'; expected one of entailment, .*, 0; .*`LABEL_1: "):
        list(declared(tmp_path, label_map="{0: neutral}").rows("score", "zh"))
    written(tmp_path, [0, 1], "dev.parquet", names=["neutral", "entails"])
    with pytest.raises(
        DataError, match="has the labels neutral, entails; .* in any order: name the others, which are entails,"
    ):
        declared(tmp_path, "dev.parquet").rows("score", "zh")
    written(tmp_path, [1, 2, 3])
    with pytest.raises(
        DataError, match=r"label '3'; .*counted from 1, `label_map: \{1: entailment, 2: neutral, \.\.\.\}`"
    ):
        list(declared(tmp_path).rows("score", "zh"))


def test_names_of_another_kind_leave_the_order_as_it_is(tmp_path: Path) -> None:
    written(tmp_path, [0, 2], "dev.parquet", names=["0", "1", "2"])
    assert read(declared(tmp_path, "dev.parquet")) == ["entailment", "contradiction"]
    assert read(declared(tmp_path, "dev.parquet", labels=str(ORDER))) == ["neutral", "contradiction"]


def test_tags_of_a_parquet_file_in_another_order_are_read_by_name(tmp_path: Path) -> None:
    names = ["B-LOC", "O", "I-PER", "B-PER"]
    feature = {"feature": {"names": names, "_type": "ClassLabel"}, "_type": "Sequence"}
    table = pyarrow.table({"tokens": [["Anna", "Bell", "in", "Rome"]], "tags": [[3, 2, 1, 0]]})
    table = table.replace_schema_metadata({"huggingface": json.dumps({"info": {"features": {"tags": feature}}})})
    pyarrow.parquet.write_table(table, tmp_path / "dev.parquet")
    said = {"base": "panx", "languages": "[en]", "columns": "{tokens: tokens, tags: tags}"}
    task = declared(tmp_path, "dev.parquet", **said)
    (row,) = task.rows("score", "en")
    assert [task.labels[tag] for tag in row.tags] == ["B-PER", "I-PER", "O", "B-LOC"]  # type: ignore[union-attr]
