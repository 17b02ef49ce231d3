"""Parquet files of one split: types of one substance are joined, others are refused with both files in the sentence."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow
import pyarrow.parquet
import pytest

from tests.tasks.world import HUB_ID, PAIR, PAIRS, pair_task, task, write_mirror
from toolkit.errors import DataError
from toolkit.tasks.mirror.layout import read_parquet

TEXTS = ["It rains.", None, "He sings."]


def shards(folder: Path, *columns: pyarrow.Array) -> list[Path]:
    files = [folder / f"{number}.parquet" for number in range(len(columns))]
    for file, column in zip(files, columns, strict=True):
        pyarrow.parquet.write_table(pyarrow.table({"x": column}), file)
    return files


TEXT = [pyarrow.array(TEXTS, kind) for kind in (pyarrow.string(), pyarrow.large_string(), pyarrow.string_view())] + [
    pyarrow.array(TEXTS).dictionary_encode()
]
NUMBERS = [pyarrow.array([1, None, 0], kind) for kind in (pyarrow.int64(), pyarrow.int8(), pyarrow.uint32())]
LISTS = [
    pyarrow.array([["a", "b"], ["c", "d"]], kind)
    for kind in (
        pyarrow.list_(pyarrow.string()),
        pyarrow.large_list(pyarrow.large_string()),
        pyarrow.list_(pyarrow.string(), 2),
        pyarrow.list_(pyarrow.dictionary(pyarrow.int32(), pyarrow.string())),
    )
]
ANSWERS = [
    pyarrow.array(
        [{"text": ["a"], "answer_start": [1]}],
        pyarrow.struct([(name, pyarrow.list_(kind)) for name, kind in fields]),
    )
    for fields in (
        [("text", pyarrow.string()), ("answer_start", pyarrow.int32())],
        [("answer_start", pyarrow.int64()), ("text", pyarrow.large_string())],
    )
]
BYTES = [pyarrow.array([b"ab"], kind) for kind in (pyarrow.binary(), pyarrow.large_binary(), pyarrow.binary(2))]


@pytest.mark.parametrize(
    "columns", [TEXT, NUMBERS, LISTS, ANSWERS, BYTES], ids=["text", "int", "list", "struct", "bytes"]
)
def test_columns_of_one_substance_are_read_whatever_their_types(columns: list[pyarrow.Array], tmp_path: Path) -> None:
    for order in (columns, columns[::-1]):
        read = read_parquet(shards(tmp_path, *order), ["x"])
        assert read.column("x").to_pylist() == [value for column in order for value in column.to_pylist()]


@pytest.mark.parametrize(
    "column", [each for columns in (TEXT, NUMBERS, LISTS, ANSWERS, BYTES) for each in columns], ids=str
)
def test_a_single_file_is_read_whatever_its_types(column: pyarrow.Array, tmp_path: Path) -> None:
    assert read_parquet(shards(tmp_path, column), ["x"]).column("x").to_pylist() == column.to_pylist()


def test_a_shard_without_a_value_goes_with_every_other(tmp_path: Path) -> None:
    for column in (TEXT[0], NUMBERS[0], LISTS[1], ANSWERS[0]):
        files = shards(tmp_path, pyarrow.nulls(1), column)
        assert read_parquet(files, ["x"]).column("x").to_pylist() == [None, *column.to_pylist()]


@pytest.mark.parametrize(
    "other",
    [NUMBERS[0], LISTS[0], BYTES[0], pyarrow.array([0.5]), pyarrow.array([True]), ANSWERS[0]],
    ids=["int", "list", "bytes", "float", "bool", "struct"],
)
def test_columns_that_differ_in_substance_are_refused_with_both_files(other: pyarrow.Array, tmp_path: Path) -> None:
    with pytest.raises(
        DataError, match=r"column 'x' is large_string in .*2\.parquet and .* in .*3\.parquet; expected the same"
    ):
        read_parquet(shards(tmp_path, TEXT[0], TEXT[0], TEXT[1], other), ["x"])


def test_a_whole_number_beyond_64_bits_is_refused_with_its_file(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"1\.parquet: column 'x' is uint64, which cannot be read as int64"):
        read_parquet(shards(tmp_path, NUMBERS[0], pyarrow.array([2**63], pyarrow.uint64())), ["x"])


def test_a_column_that_one_shard_lacks_is_refused_and_one_that_is_not_read_is_left_out(tmp_path: Path) -> None:
    files = shards(tmp_path, TEXT[0], TEXT[0])
    pyarrow.parquet.write_table(pyarrow.table({"x": TEXT[0], "extra": NUMBERS[0]}), files[1])
    assert read_parquet(files, ["x"]).num_rows == 6
    assert read_parquet(files, ["x", "y"]).column_names == ["x"], (
        "what is asked for and nowhere is reported by the rows"
    )
    with pytest.raises(DataError, match=r"1\.parquet has the column 'extra' and .*0\.parquet has not"):
        read_parquet(files, ["x", "extra"])


def test_a_column_that_is_there_twice_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "0.parquet"
    pyarrow.parquet.write_table(pyarrow.table([TEXT[0], TEXT[0]], names=["x", "x"]), file)
    with pytest.raises(DataError, match=r"0\.parquet has the column 'x' twice"):
        read_parquet([file], ["y"])


# -- label names -------------------------------------------------------------------------------------------------------


def add_shard(folder: Path, names: list[str] | None, labels: list[int], split: str = "train") -> None:
    """Write one more file of a split."""
    n = len(list((folder / "en").glob(f"{split}-*")))
    table = pyarrow.table({"a": [f"a{n}{i}" for i in labels], "b": [f"b{n}{i}" for i in labels], "label": labels})
    if names is not None:
        info = {"info": {"features": {"label": {"names": names, "_type": "ClassLabel"}}}}
        table = table.replace_schema_metadata({"huggingface": json.dumps(info)})
    pyarrow.parquet.write_table(table, folder / "en" / f"{split}-0000{n}-of-00002.parquet")


def labelled(root: Path, names: list[str] | None, splits: tuple[str, ...] = ("train",)) -> Path:
    feature = None if names is None else {"label": {"names": names, "_type": "ClassLabel"}}
    return write_mirror(root, dict.fromkeys(splits, PAIRS), names=feature)


def own(**more: Any) -> Any:
    return task("pair", PAIR, labels=("yes", "no"), **more)


def test_label_names_in_another_order_in_a_later_shard_are_refused(tmp_path: Path) -> None:
    add_shard(labelled(tmp_path, ["yes", "no"]), ["no", "yes"], [0, 1])
    with pytest.raises(
        DataError,
        match=r"The labels of .*00000-of-00001.parquet are yes, no, and those of .*00001-of-00002.parquet no, yes",
    ):
        own().rows("train", data_root=tmp_path)


def test_label_names_of_a_later_shard_that_are_missing_or_beyond_the_task_are_refused(tmp_path: Path) -> None:
    folder = labelled(tmp_path, ["no", "yes"])
    add_shard(folder, None, [0, 1])
    with pytest.raises(DataError, match="are no, yes, and those of .* without names"):
        own().rows("train", data_root=tmp_path)
    add_shard(labelled(tmp_path / "b", ["no", "yes"]), ["no", "maybe"], [0, 1])
    with pytest.raises(DataError, match="has the labels no, maybe; task 'made-up' expected yes, no"):
        own().rows("train", data_root=tmp_path / "b")


@pytest.mark.parametrize("names", [["yes", "no"], ["Yes", "NO"], None], ids=["same", "case", "without"])
def test_shards_whose_labels_mean_the_same_are_read(names: list[str] | None, tmp_path: Path) -> None:
    add_shard(labelled(tmp_path, ["yes", "no"]), names, [1, 0])
    assert [row.label for row in own().rows("train", data_root=tmp_path)] == [0, 1, 1, 0]


def test_names_that_are_not_the_tasks_have_one_order_in_all_splits(tmp_path: Path) -> None:
    folder = labelled(tmp_path, ["LABEL_0", "LABEL_1"], ("train", "validation"))
    assert [row.label for row in own().rows("train", data_root=tmp_path)] == [0, 1]
    for file in (folder / "en").glob("validation-*"):
        file.unlink()
    add_shard(folder, ["LABEL_1", "LABEL_0"], [0, 1], "validation")
    for split in ("train", "score"):
        with pytest.raises(DataError, match="names that are not the task's are taken by their order"):
            own().rows(split, data_root=tmp_path)


def test_names_that_are_the_tasks_may_have_another_order_in_another_split(tmp_path: Path) -> None:
    folder = labelled(tmp_path, ["yes", "no"])
    (folder / "README.md").write_text(
        "---\nconfigs:\n- config_name: en\n  data_files:\n  - {split: train, path: en/train-*}\n  - {split: validation, path: en/validation-*}\n---\n"
    )
    add_shard(folder, ["no", "yes"], [0, 1], "validation")
    assert [row.label for row in own().rows("score", data_root=tmp_path)] == [1, 0]


def test_a_dangling_link_among_the_shards_is_named(tmp_path: Path) -> None:
    folder = labelled(tmp_path, None)
    (folder / "en" / "train-00001-of-00002.parquet").symlink_to(tmp_path / "gone")
    with pytest.raises(DataError, match=r"train-00001-of-00002\.parquet is a link to a file that is not there"):
        pair_task().rows("train", data_root=tmp_path)
    assert HUB_ID in str(folder)


def test_text_that_is_not_utf_8_is_named_with_its_row(tmp_path: Path) -> None:
    folder = labelled(tmp_path, None)
    offsets, data = pyarrow.py_buffer(b"\0\0\0\0\1\0\0\0\2\0\0\0"), pyarrow.py_buffer(b"a\xff")
    faulty = pyarrow.Array.from_buffers(pyarrow.string(), 2, [None, offsets, data])
    table = pyarrow.table({"a": faulty, "b": ["x", "y"], "label": [0, 1]})
    pyarrow.parquet.write_table(table, folder / "en" / "train-00000-of-00001.parquet")
    rows = pair_task().rows("train", data_root=tmp_path)
    assert rows[0].first == "a"  # type: ignore[union-attr]
    with pytest.raises(DataError, match=r"row 1 \(counted from 0\): its first cannot be read \(.*0xff"):
        rows[1]
