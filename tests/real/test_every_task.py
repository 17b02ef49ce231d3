"""Slow: every task of the mirror, trained for a few steps and scored in every language (`pytest --run-slow`)."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.real.every_task import held_tasks, try_task
from toolkit.results.predictions import read_predictions

pytestmark = pytest.mark.real_data

# What the mirror is known to hold: a task that can no longer be read must not just drop out of the list.
KNOWN = (
    *("mnli", "snli", "anli-plus", "rte", "xnli", "pawsx"),
    *("squad", "xquad", "mlqa", "tydiqa"),
    *("csqa", "hellaswag", "cosmosqa", "siqa", "copa", "xcopa"),
    *("udpos", "panx", "ccg", "tatoeba"),
)


def test_every_task_of_the_mirror_is_found(data_root: Path) -> None:
    assert set(KNOWN) <= set(held_tasks(data_root))


@pytest.mark.exhaustive
@pytest.mark.parametrize("task", KNOWN)
def test_a_task_is_learnt_and_scored_in_every_language_there_is(task: str, data_root: Path, tmp_path: Path) -> None:
    seen = try_task(task, data_root, tmp_path, limit=64, eval_limit=4)
    assert not seen.fault
    assert 0.0 <= seen.mean <= 1.0
    assert seen.languages >= 1
    if task != "tatoeba":
        (folder,) = (tmp_path / "runs" / "eval").glob("*/*/predictions")
        files = list(folder.glob("*.jsonl"))
        assert len(files) == seen.languages
        assert sum(len(read_predictions(file)) for file in files) == seen.rows
