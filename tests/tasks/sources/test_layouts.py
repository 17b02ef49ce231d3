"""The catalogue's tasks over small hand-made files in the hub's own column layout."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow
import pyarrow.parquet
import pytest

from toolkit.errors import ConfigError, DataError
from toolkit.tasks import HubSource, JoinedSource, SpanRow, TagsRow, get_task
from toolkit.tasks.rows import OTHER_TAG


def write(root: Path, path: str, config: str, split: str, columns: dict[str, Any], names: Any = None) -> None:
    """Write one split the way the hub lays it out (`<config>/<split>-*.parquet`, no README)."""
    file = root / path / config / f"{split}-00000-of-00001.parquet"
    file.parent.mkdir(parents=True, exist_ok=True)
    table = pyarrow.table(columns)
    if names:
        table = table.replace_schema_metadata({"huggingface": json.dumps({"info": {"features": names}})})
    pyarrow.parquet.write_table(table, file)


def test_squad2_reads_questions_without_answer(tmp_path: Path) -> None:
    columns = {
        "id": ["a", "b"],
        "title": ["Rain", "Rain"],
        "context": ["It rains in May.", "It rains in May."],
        "question": ["When does it rain?", "Who sings?"],
        "answers": [{"text": ["May", "in May"], "answer_start": [12, 9]}, {"text": [], "answer_start": []}],
    }
    write(tmp_path, "rajpurkar/squad_v2", "squad_v2", "validation", columns)
    first, second = get_task("squad2").rows("score", data_root=tmp_path)
    assert isinstance(first, SpanRow) and isinstance(second, SpanRow)
    assert [answer.text for answer in first.answers] == ["May", "in May"]
    assert second.answers == ()


def test_qqp_reads_both_questions_and_its_label_names(tmp_path: Path) -> None:
    names = {"label": {"names": ["not_duplicate", "duplicate"], "_type": "ClassLabel"}}
    columns = {"question1": ["Why?", "Who?"], "question2": ["How come?", "When?"], "label": [1, 0], "idx": [0, 1]}
    write(tmp_path, "nyu-mll/glue", "qqp", "train", columns, names)
    rows = list(get_task("qqp").rows("train", data_root=tmp_path))
    assert [(row.first, row.second, row.label) for row in rows] == [("Why?", "How come?", 1), ("Who?", "When?", 0)]


def test_snli_leaves_rows_without_a_gold_label_out(tmp_path: Path) -> None:
    columns = {"premise": ["a", "b"], "hypothesis": ["c", "d"], "label": [-1, 2]}
    write(tmp_path, "stanfordnlp/snli", "plain_text", "train", columns)
    assert [row.first for row in get_task("snli").rows("train", data_root=tmp_path)] == ["b"]


def test_siqa_counts_its_choices_from_one_as_texts(tmp_path: Path) -> None:
    columns = {
        "context": ["It rains."],
        "question": ["Why?"],
        "answerA": ["x"],
        "answerB": ["y"],
        "answerC": ["z"],
        "label": ["3"],
    }
    write(tmp_path, "allenai/social_i_qa", "default", "train", columns)
    row = get_task("siqa").rows("train", data_root=tmp_path)[0]
    assert (row.choices, row.label) == (("x", "y", "z"), 2)


def test_hellaswag_counts_its_endings_from_zero_as_texts_and_refuses_a_fifth(tmp_path: Path) -> None:
    columns = {"ctx": ["A man", "A dog"], "endings": [["a", "b", "c", "d"]] * 2, "label": ["3", "4"]}
    write(tmp_path, "Rowan/hellaswag", "default", "train", columns)
    rows = get_task("hellaswag").rows("train", data_root=tmp_path)
    assert (rows[0].context, rows[0].label) == ("A man", 3)
    with pytest.raises(DataError, match="row 1 .*label '4'; expected 0 to 3"):
        rows[1]


def test_tydiqa_tells_its_languages_by_the_id_and_knows_which_a_file_lacks(tmp_path: Path) -> None:
    answers = [{"text": ["May"], "answer_start": [0]}] * 3
    columns = {
        "id": ["english-1-2", "swahili-7-0", "english-3-1"],
        "context": ["May"] * 3,
        "question": ["When?"] * 3,
        "answers": answers,
    }
    write(tmp_path, "google-research-datasets/tydiqa", "secondary_task", "train", columns)
    task = get_task("tydiqa")
    assert task.reachable("train", data_root=tmp_path) == ("en", "sw")
    assert [row.id for row in task.rows("train", "en", data_root=tmp_path)] == ["english-1-2", "english-3-1"]
    with pytest.raises(DataError, match="no row that task 'tydiqa' keeps in language 'ko'"):
        task.rows("train", "ko", data_root=tmp_path)


# -- context and question in two languages ------------------------------------------------------------------------


def test_mlqa_has_49_pairs_and_reads_each_from_the_config_of_its_name(tmp_path: Path) -> None:
    task = get_task("mlqa")
    assert len(set(task.pairs)) == 49
    assert len(task.languages) == 7
    columns = {"context": ["Im Mai."], "question": ["When?"], "answers": [{"text": ["Mai"], "answer_start": [3]}]}
    write(tmp_path, "facebook/mlqa", "mlqa.de.en", "validation", {**columns, "id": ["x"]})
    rows = task.rows("score", "de.en", data_root=tmp_path)
    assert (rows.language, len(rows)) == ("de.en", 1)
    assert task.reachable(data_root=tmp_path) == ()
    assert task.reachable(data_root=tmp_path, has_pairs=True) == ("de.en",)


def test_a_pair_of_one_language_is_that_language() -> None:
    assert get_task("mlqa").resolve_language("de.de") == "de"
    assert get_task("mlqa").resolve_language("deu.eng") == "de.en"


@pytest.mark.parametrize(("name", "language"), [("mlqa", "de.fr"), ("mlqa", "fr.de"), ("xquad", "de.en")])
def test_a_pair_that_a_task_does_not_have_is_refused(name: str, language: str) -> None:
    with pytest.raises(ConfigError, match=r"language|No "):
        get_task(name).resolve_language(language)


# -- joined sources -----------------------------------------------------------------------------------------------


def test_anli_plus_joins_three_datasets_in_proportion_to_their_sizes(tmp_path: Path) -> None:
    def rows(premises: list[str]) -> dict[str, Any]:
        return {"premise": premises, "hypothesis": premises, "label": [0] * len(premises)}

    for r in (1, 2, 3):
        write(tmp_path, "facebook/anli", "plain_text", f"train_r{r}", rows([f"r{r}"]))
    write(tmp_path, "stanfordnlp/snli", "plain_text", "train", rows([f"s{i}" for i in range(6)]))
    write(tmp_path, "nyu-mll/glue", "mnli", "train", rows([f"m{i}" for i in range(12)]))
    found = get_task("anli-plus").rows("train", data_root=tmp_path)
    assert len(found) == 3 + 6 + 12
    assert sorted(row.id.split("-")[0] for row in found[:7]) == ["anli", "mnli", "mnli", "mnli", "mnli", "snli", "snli"]
    assert [row.first for row in found if row.id.startswith("anli")] == ["r1", "r2", "r3"]
    assert len({row.id for row in found}) == 21
    for path in ("facebook/anli", "stanfordnlp/snli", "nyu-mll/glue"):
        assert path in found.origin


@pytest.mark.parametrize("number", [1, 2, 3])
def test_a_round_of_anli_is_scored_on_its_own_test_rows_or_else_on_its_dev_rows(tmp_path: Path, number: int) -> None:
    task = get_task(f"anli-r{number}")
    columns = {"uid": ["u"], "hypothesis": ["It rains."], "label": [2], "reason": ["because"]}
    for split in ("train", "dev"):
        write(tmp_path, "facebook/anli", "plain_text", f"{split}_r{number}", {**columns, "premise": [split]})
    assert [row.first for row in task.rows("train", data_root=tmp_path)] == ["train"]
    (row,) = task.rows("score", data_root=tmp_path)
    assert (row.first, row.second, task.labels[row.label]) == ("dev", "It rains.", "contradiction")
    write(tmp_path, "facebook/anli", "plain_text", f"test_r{number}", {**columns, "premise": ["test"]})
    assert [row.first for row in task.rows("score", data_root=tmp_path)] == ["test"]


def test_a_joined_source_has_the_splits_that_all_its_sources_have() -> None:
    one = HubSource(path="a/a", config="c", splits={"train": ("train",), "test": ("test",)}, columns={})
    two = HubSource(path="b/b", config="c", splits={"train": ("train",)}, columns={})
    assert tuple(JoinedSource(sources={"a": one, "b": two}).splits) == ("train",)


# -- tags outside the set -----------------------------------------------------------------------------------------


def test_a_category_that_training_never_showed_is_kept_as_another(tmp_path: Path) -> None:
    columns = {"tokens": [["It", "rains"]], "tags": [["np", "no\\such"]]}
    write(tmp_path, "pmb/ccg", "de", "test", columns)
    row = get_task("ccg").rows("score", "de", data_root=tmp_path)[0]
    assert isinstance(row, TagsRow)
    assert get_task("ccg").labels[row.tags[0]] == "np"
    assert row.tags[1] == OTHER_TAG


def test_a_tag_that_is_no_name_is_refused_even_where_others_are_allowed(tmp_path: Path) -> None:
    write(tmp_path, "pmb/ccg", "de", "test", {"tokens": [["It", "rains"]], "tags": [["np", ""]]})
    with pytest.raises(DataError, match="label ''"):
        list(get_task("ccg").rows("score", "de", data_root=tmp_path))
