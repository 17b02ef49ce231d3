from __future__ import annotations

from pathlib import Path

import pyarrow.parquet
import pytest

from tests.tasks.world import HUB_ID, PAIRS, pair_task, write_mirror
from toolkit.errors import DataError
from toolkit.tasks.mirror.layout import held_splits


def test_a_dataset_without_configs_in_its_readme_is_read_by_its_file_names(tmp_path: Path) -> None:
    folder = write_mirror(tmp_path, {"train": PAIRS})
    (folder / "README.md").unlink()
    assert held_splits(folder, "en") == ("train",)
    assert len(pair_task().rows("train", data_root=tmp_path)) == 2


def test_a_split_whose_files_were_not_fetched_is_not_held(tmp_path: Path) -> None:
    folder = write_mirror(tmp_path, {"train": PAIRS, "test": PAIRS})
    (folder / "en" / "test-00000-of-00001.parquet").unlink()
    assert held_splits(folder, "en") == ("train",)


def test_several_files_of_a_split_are_read_in_order(tmp_path: Path) -> None:
    folder = write_mirror(tmp_path, {"train": PAIRS})
    first = folder / "en" / "train-00000-of-00001.parquet"
    pyarrow.parquet.write_table(
        pyarrow.table(PAIRS | {"label": [1, 1]}), folder / "en" / "train-00001-of-00002.parquet"
    )
    first.rename(folder / "en" / "train-00000-of-00002.parquet")
    rows = pair_task().rows("train", data_root=tmp_path)
    assert [row.label for row in rows] == [0, 1, 1, 1]
    assert rows.origin == f"mirror: {HUB_ID}/en"


def test_a_file_that_is_no_parquet_is_named(tmp_path: Path) -> None:
    folder = write_mirror(tmp_path, {"train": PAIRS})
    (folder / "en" / "train-00000-of-00001.parquet").write_text("version https://git-lfs.github.com/spec/v1\n")
    with pytest.raises(DataError, match=r"train-00000-of-00001\.parquet cannot be read as parquet"):
        pair_task().rows("train", data_root=tmp_path)


@pytest.mark.parametrize(
    ("front", "said"),
    [
        ("configs: [", "front matter is not YAML"),
        ("configs:\n- data_files: []", "not a list of config_name"),
        ("configs:\n- config_name: en\n  data_files:\n  - split: train", "not a list of config_name"),
        ("configs:\n- config_name: en\n  data_files: ../../secret.parquet", "leads out of the dataset's folder"),
    ],
)
def test_a_damaged_readme_is_named(tmp_path: Path, front: str, said: str) -> None:
    folder = write_mirror(tmp_path, {"train": PAIRS})
    (folder / "README.md").write_text(f"---\n{front}\n---\n")
    with pytest.raises(DataError, match=said):
        pair_task().rows("train", data_root=tmp_path)


def test_a_changed_readme_is_read_again(tmp_path: Path) -> None:
    folder = write_mirror(tmp_path, {"train": PAIRS})
    assert held_splits(folder, "de") == ()
    write_mirror(tmp_path, {"train": PAIRS}, config="de")
    assert held_splits(folder, "de") == ("train",)
