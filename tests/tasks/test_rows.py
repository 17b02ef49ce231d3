from __future__ import annotations

from pathlib import Path

import pytest

from tests.tasks.world import PAIRS, pair_task, write_mirror
from toolkit.errors import ConfigError, ToolkitError
from toolkit.tasks import Rows, get_task

TEN = {"a": [f"a{i}" for i in range(10)], "b": [f"b{i}" for i in range(10)], "label": [i % 2 for i in range(10)]}


@pytest.fixture
def rows(tmp_path: Path) -> Rows:
    write_mirror(tmp_path, {"train": TEN})
    return pair_task().rows("train", data_root=tmp_path)


def _ids(rows: Rows) -> list[str]:
    return [row.id for row in rows]


def test_slices_and_selections_are_rows_again(rows: Rows) -> None:
    assert _ids(rows[2:8:3]) == ["2", "5"]
    assert _ids(rows[::-1][:2]) == ["9", "8"]
    assert _ids(rows.select([7, 3])[1:]) == ["3"]
    assert rows[-1].id == "9"
    assert rows[2:][0] == rows[2]


def test_an_index_beyond_the_end_is_an_index_error(rows: Rows) -> None:
    with pytest.raises(IndexError):
        rows[10]


@pytest.mark.parametrize("limit", [0, -1])
def test_a_limit_below_one_is_refused(limit: int) -> None:
    with pytest.raises(ConfigError, match="expected 1 or more"):
        get_task("micro-nli").rows("train", limit=limit)


def test_the_fingerprint_follows_the_content_not_the_place(tmp_path: Path, rows: Rows) -> None:
    write_mirror(tmp_path / "copy", {"train": TEN})
    write_mirror(tmp_path / "other", {"train": TEN | {"label": [1] * 10}})
    made = rows.task
    assert rows.fingerprint == made.rows("train", data_root=tmp_path / "copy").fingerprint
    assert rows.fingerprint != made.rows("train", data_root=tmp_path / "other").fingerprint
    assert rows.fingerprint != rows[:9].fingerprint
    assert len(rows.fingerprint) == 16


def test_rows_are_converted_only_when_they_are_asked_for(tmp_path: Path) -> None:
    write_mirror(tmp_path, {"train": PAIRS | {"label": [0, 7]}})
    rows = pair_task().rows("train", data_root=tmp_path)
    assert len(rows) == 2
    assert rows[0].label == 0


def test_an_unknown_split_lists_the_splits_there_are() -> None:
    with pytest.raises(ConfigError, match="No split 'validation'; expected one of train, dev, test, score"):
        get_task("mnli").rows("validation")


def test_a_task_without_training_rows_names_the_one_that_lends_them() -> None:
    with pytest.raises(
        ConfigError, match=r"'xquad' has no split 'train' \(it has score\); its train rows are those of 'squad'"
    ):
        get_task("xquad").rows("train")


def test_a_language_the_task_lacks_is_refused_with_those_it_has() -> None:
    with pytest.raises(ConfigError, match="'mnli' has no language 'de'; it has en"):
        get_task("mnli").rows("train", "de")


def test_a_task_without_english_rows_asks_for_a_language() -> None:
    with pytest.raises(ConfigError, match="'tatoeba' needs a language: one of af, ar"):
        get_task("tatoeba").rows("score")


def test_either_code_of_a_language_is_taken() -> None:
    assert get_task("tatoeba").resolve_language("cmn") == "zh"
    assert get_task("tatoeba").resolve_language("sw") == get_task("tatoeba").resolve_language("swh") == "sw"


def test_an_unknown_task_is_answered_with_the_nearest_name() -> None:
    with pytest.raises(
        ToolkitError, match=r"No task named 'xqaud'\. Did you mean 'xquad'\? `xstilts tasks` lists all \d+\."
    ):
        get_task("xqaud")


def test_a_draw_is_of_different_rows_in_their_order_and_a_smaller_one_is_part_of_it(rows: Rows) -> None:
    seven, three = _ids(rows.draw(7, seed=1)), _ids(rows.draw(3, seed=1))
    assert seven == sorted(set(seven)) and len(seven) == 7
    assert set(three) < set(seven)
    assert _ids(rows.draw(7, seed=1)) == seven
    assert any(_ids(rows.draw(7, seed=seed)) != seven for seed in (2, 3, 4))
    assert _ids(rows.draw(10, seed=1)) == _ids(rows)


def test_a_draw_of_more_rows_than_there_are_is_refused(rows: Rows) -> None:
    with pytest.raises(ConfigError, match="11 of 10 rows of 'made-up' were asked for; expected 1 to 10"):
        rows.draw(11, seed=0)
