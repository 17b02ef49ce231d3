"""Rows of the mirror, through the tasks as they are in the catalogue."""

from __future__ import annotations

from pathlib import Path

import pytest

from toolkit.tasks import BUILT_IN, BitextRow, Task, get_task

# Mining and retrieval read their publishers' own files, not the hub's (test_corpora, test_lareqa, test_mewsli).
REAL = [task for task in BUILT_IN.held.values() if not task.is_generated and task.kind not in ("mining", "retrieval")]


@pytest.mark.real_data
@pytest.mark.parametrize("limit", [20, pytest.param(None, marks=pytest.mark.slow)], ids=["some", "all"])
@pytest.mark.parametrize("task", REAL, ids=[task.name for task in REAL])
def test_every_row_of_the_mirror_holds_what_its_task_promises(task: Task, limit: int | None, data_root: Path) -> None:
    if not hasattr(task.source, "config") and not hasattr(task.source, "sources"):
        pytest.skip("its publisher's own files")
    paths = [each.path for each in getattr(task.source, "sources", {"": task.source}).values()]
    if not all((data_root / path).is_dir() for path in paths):
        pytest.skip(f"the mirror holds no {' and '.join(paths)}")
    for split in task.splits:
        for language in task.reachable(split, data_root=data_root, has_pairs=True):
            rows = task.rows(split, language, data_root=data_root, limit=limit)
            seen = list(rows)
            assert len(seen) == len(rows) > 0
            assert len({row.id for row in seen}) == len(seen)


@pytest.mark.real_data
def test_xnli_scores_15_languages_whose_labels_agree_row_by_row(data_root: Path) -> None:
    task = get_task("xnli")
    assert set(task.reachable(data_root=data_root)) == set(task.languages)
    labels = {
        tuple(row.label for row in task.rows("score", each, data_root=data_root)) for each in ("en", "de", "sw", "zh")
    }
    assert len(labels) == 1
    assert len(next(iter(labels))) == 2490


@pytest.mark.real_data
def test_udpos_scores_german_on_validation_and_the_others_on_test(data_root: Path) -> None:
    task = get_task("udpos")
    assert task.rows("score", "de", data_root=data_root).split == "validation"
    assert task.rows("score", "ru", data_root=data_root).split == "test"


@pytest.mark.real_data
def test_tatoeba_has_english_as_target_in_all_36_languages(data_root: Path) -> None:
    task = get_task("tatoeba")
    assert len(task.reachable(data_root=data_root)) == 36
    for language in task.languages:
        rows = [
            row for row in task.rows("score", language, data_root=data_root, limit=200) if isinstance(row, BitextRow)
        ]
        words = [word for row in rows for word in row.target.lower().split()]
        assert sum(word in ("the", "i", "is", "to", "you", "a") for word in words) > len(words) / 10
        assert not any(text != text.strip() for row in rows for text in (row.source, row.target))
    german = task.rows("score", "deu", data_root=data_root, limit=50)
    assert any("ich" in row.source.lower().split() for row in german if isinstance(row, BitextRow))
