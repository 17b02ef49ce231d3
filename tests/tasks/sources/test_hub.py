from __future__ import annotations

from pathlib import Path

import pyarrow
import pytest

from tests.tasks.world import HUB_ID, PAIRS, pair_task, task, write_mirror
from toolkit.errors import ConfigError, DataError, SourceError


def test_a_mirrors_rows_come_typed_with_their_file_as_origin(tmp_path: Path) -> None:
    write_mirror(tmp_path, {"train": PAIRS})
    rows = pair_task().rows("train", data_root=tmp_path)
    assert [(row.first, row.label) for row in rows] == [("It rains.", 0), ("He sings.", 1)]
    assert rows.origin == f"mirror: {HUB_ID}/en/train-00000-of-00001.parquet"
    assert rows.split == "train"


def test_scores_use_the_test_split_where_there_is_one(tmp_path: Path) -> None:
    write_mirror(tmp_path, {"validation": PAIRS, "test": {key: value[:1] for key, value in PAIRS.items()}})
    rows = pair_task().rows("score", data_root=tmp_path)
    assert (rows.split, len(rows)) == ("test", 1)


def test_scores_use_validation_where_there_is_no_test_split_and_say_so(tmp_path: Path) -> None:
    write_mirror(tmp_path, {"validation": PAIRS})
    rows = pair_task().rows("score", data_root=tmp_path)
    assert (rows.asked, rows.split, len(rows)) == ("score", "validation", 2)
    assert "validation" in rows.origin


def test_the_environment_names_a_mirror_too_and_the_argument_wins(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_mirror(tmp_path / "one", {"train": PAIRS})
    write_mirror(tmp_path / "two", {"train": {key: value[:1] for key, value in PAIRS.items()}})
    monkeypatch.setenv("XSTILTS_DATA", str(tmp_path / "one"))
    assert len(pair_task().rows("train")) == 2
    assert len(pair_task().rows("train", data_root=tmp_path / "two")) == 1


def test_a_missing_column_is_named_with_the_file_and_the_columns_there_are(tmp_path: Path) -> None:
    write_mirror(tmp_path, {"train": {"a": ["x"], "sentence2": ["y"], "label": [0]}})
    with pytest.raises(
        DataError, match=r"train-00000-of-00001\.parquet has no column 'b' \(it has a, sentence2, label\)"
    ):
        pair_task().rows("train", data_root=tmp_path)


def test_a_missing_field_of_a_struct_is_named(tmp_path: Path) -> None:
    columns = {"question": "q", "choices": "choices.text", "label": "key"}
    write_mirror(tmp_path, {"train": {"q": ["?"], "choices": [{"label": ["A"]}], "key": ["A"]}})
    with pytest.raises(DataError, match=r"expected 'choices\.text'"):
        task("choice", columns).rows("train", data_root=tmp_path)


def test_an_empty_split_is_refused(tmp_path: Path) -> None:
    empty = {
        "a": pyarrow.array([], pyarrow.string()),
        "b": pyarrow.array([], pyarrow.string()),
        "label": pyarrow.array([], pyarrow.int64()),
    }
    write_mirror(tmp_path, {"train": empty})
    with pytest.raises(DataError, match="has no rows; expected at least one"):
        pair_task().rows("train", data_root=tmp_path)


def test_a_label_out_of_range_names_file_row_and_range(tmp_path: Path) -> None:
    write_mirror(tmp_path, {"train": PAIRS | {"label": [0, 5]}})
    rows = pair_task().rows("train", data_root=tmp_path)
    assert rows[0].label == 0
    with pytest.raises(DataError, match=r"\.parquet, row 1 .*: label 5; expected 0 to 1 \(yes, no\)"):
        list(rows)


@pytest.mark.parametrize("names", [["no", "yes"], ["No", "YES "]])
def test_label_names_in_another_order_than_the_tasks_are_read_by_name(names: list[str], tmp_path: Path) -> None:
    features = {"label": {"names": names, "_type": "ClassLabel"}}
    write_mirror(tmp_path, {"train": PAIRS}, names=features)
    rows = pair_task().rows("train", data_root=tmp_path)
    assert [rows.task.labels[row.label] for row in rows] == [["no", "yes"][index] for index in PAIRS["label"]]


def test_a_file_with_more_labels_than_the_task_is_refused(tmp_path: Path) -> None:
    names = {"tags": {"feature": {"names": ["X", "Y", "Z"], "_type": "ClassLabel"}, "_type": "Sequence"}}
    write_mirror(tmp_path, {"train": {"tokens": [["a"]], "tags": [[0]]}}, names=names)
    with pytest.raises(DataError, match="has the labels X, Y, Z"):
        task("tags", {"tokens": "tokens", "tags": "tags"}, labels=("X", "Y")).rows("train", data_root=tmp_path)


def test_a_mirror_that_lacks_a_language_says_what_it_has_and_the_three_ways_out(tmp_path: Path) -> None:
    write_mirror(tmp_path, {"train": PAIRS})
    with pytest.raises(SourceError) as caught:
        pair_task().rows("train", "de", data_root=tmp_path)
    for part in (
        "lacks the config 'de'",
        "--data-root",
        "XSTILTS_DATA",
        f"hf download {HUB_ID} --repo-type dataset",
        "micro-",
    ):
        assert part in str(caught.value)


def test_a_mirror_that_lacks_a_split_says_which_it_has(tmp_path: Path) -> None:
    write_mirror(tmp_path, {"train": PAIRS})
    with pytest.raises(SourceError, match=r"lacks the split 'test or validation' of config 'en' \(it has splits train"):
        pair_task().rows("score", data_root=tmp_path)


def test_reachable_languages_are_those_the_mirror_holds_and_all_where_it_lacks_the_dataset(tmp_path: Path) -> None:
    assert pair_task().reachable("train", data_root=tmp_path) == ("en", "de")
    write_mirror(tmp_path, {"train": PAIRS}, config="de")
    assert pair_task().reachable("train", data_root=tmp_path) == ("de",)
    assert pair_task().reachable("score", data_root=tmp_path) == ()


def test_a_mirror_that_is_no_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="nowhere is not a folder"):
        pair_task().rows("train", data_root=tmp_path / "nowhere")


def test_joined_splits_follow_each_other(tmp_path: Path) -> None:
    write_mirror(tmp_path, {"r1": PAIRS, "r2": PAIRS})
    rows = pair_task(source={"splits": {"train": ("r1+r2",)}}).rows("train", data_root=tmp_path)
    assert [row.label for row in rows] == [0, 1, 0, 1]


def test_a_filter_keeps_rows_by_value_and_reports_rows_by_their_place_in_the_file(tmp_path: Path) -> None:
    write_mirror(tmp_path, {"train": PAIRS | {"label": [-1, 1]}})
    rows = pair_task(source={"where": {"label": (0, 1)}}).rows("train", data_root=tmp_path)
    assert [row.id for row in rows] == ["1"]


def test_a_filter_keeps_a_languages_rows_by_the_prefix_of_their_id(tmp_path: Path) -> None:
    data = PAIRS | {"id": ["german-1", "english-2"]}
    write_mirror(tmp_path, {"train": data}, config="all")
    made = pair_task(source={"config": "all", "where": {"id": ("{ud_lower}-*",)}})
    assert [row.label for row in made.rows("train", "de", data_root=tmp_path)] == [0]
    assert [row.label for row in made.rows("train", "en", data_root=tmp_path)] == [1]


def test_a_filter_that_keeps_nothing_is_refused(tmp_path: Path) -> None:
    write_mirror(tmp_path, {"train": PAIRS})
    with pytest.raises(DataError, match="has no row that task 'made-up' keeps"):
        pair_task(source={"where": {"label": (7,)}}).rows("train", data_root=tmp_path)


def test_choices_may_stand_in_columns_of_their_own(tmp_path: Path) -> None:
    write_mirror(tmp_path, {"train": {"q": ["?"], "one": ["x"], "two": ["y"], "label": [1]}})
    made = task("choice", {"question": "q", "choices": ("one", "two"), "label": "label"})
    assert made.rows("train", data_root=tmp_path)[0].choices == ("x", "y")


def test_columns_that_do_not_fit_the_kind_are_refused_when_the_task_is_written() -> None:
    with pytest.raises(
        ConfigError, match="names columns for first, text; expected first, label, and at most id, second"
    ):
        task("pair", {"first": "a", "text": "b"})
