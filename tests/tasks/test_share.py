"""Shares of the training rows as dev and test rows, for files that have no such split."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

import toolkit
from tests.recipes.small import tiny_config
from toolkit.errors import ConfigError, DataError
from toolkit.tasks import Rows, Task, load_task
from toolkit.zoo import Zoo

LABELS = ["no"] * 60 + ["yes"] * 40


def written(folder: Path, splits: str = "{train: train.csv, dev: 10%}", more: str = "") -> Task:
    """A task over 100 pairs sorted by label."""
    lines = [f"first {i},second {i},{label}" for i, label in enumerate(LABELS)]
    (folder / "train.csv").write_text("\n".join(["a,b,gold", *lines]), encoding="utf-8")
    (folder / "test.csv").write_text("a,b,gold\nx,y,yes\n", encoding="utf-8")
    text = f"name: mine\nkind: pair\nlanguages: [en, de]\nlabels: ['no', 'yes']\nfiles: {splits}\n"
    (folder / "mine.yaml").write_text(f"{text}columns: {{first: a, second: b, label: gold}}\n{more}", encoding="utf-8")
    return load_task(folder / "mine.yaml")


def ids(rows: Rows) -> list[str]:
    return [row.id for row in rows]


def test_a_share_is_drawn_in_proportion_to_labels_and_left_out_of_training(tmp_path: Path) -> None:
    task = written(tmp_path)
    train, dev = task.rows("train"), task.rows("dev")
    assert Counter(row.label for row in dev) == {0: 6, 1: 4}  # type: ignore[union-attr]
    assert sorted(ids(train) + ids(dev), key=int) == [str(i) for i in range(100)]
    assert ids(dev) == sorted(ids(dev), key=int) != [str(i) for i in range(10)]
    assert (train.split, dev.split) == ("train", "10% of train")
    assert dev.origin == train.origin == "file: train.csv (10% as dev, seed 0)"


def test_scores_are_made_on_the_share_unless_there_is_a_test_split(tmp_path: Path) -> None:
    task = written(tmp_path)
    assert ids(task.rows("score")) == ids(task.rows("dev"))
    with_test = written(tmp_path, "{train: train.csv, dev: 10%, test: test.csv}")
    assert len(with_test.rows("score")) == 1 and len(with_test.rows("dev")) == 10
    both = written(tmp_path, "{train: train.csv, dev: 10%, test: 20 %}")
    parts = [set(ids(both.rows(split))) for split in ("train", "dev", "test", "score")]
    assert [len(part) for part in parts] == [70, 10, 20, 20]
    assert parts[2] == parts[3] and len(parts[0] | parts[1] | parts[2]) == 100


def test_the_seed_of_the_file_decides_and_languages_share_their_ids(tmp_path: Path) -> None:
    first, again, other = (written(tmp_path, more=more).rows("dev") for more in ("", "", "share_seed: 1\n"))
    assert ids(first) == ids(again) != ids(other)
    assert first.fingerprint != other.fingerprint
    assert ids(written(tmp_path).rows("dev", "de")) == ids(first)


def test_a_limit_is_drawn_from_the_rest(tmp_path: Path) -> None:
    task = written(tmp_path)
    drawn = task.rows("train", limit=30)
    assert set(ids(drawn)) < set(ids(task.rows("train")))
    assert Counter(row.label for row in drawn) == {0: 18, 1: 12}  # type: ignore[union-attr]


def test_questions_on_one_context_are_on_one_side(tmp_path: Path) -> None:
    lines = [f"Who {i}?,Ann {i // 5} sat.,Ann,0" for i in range(100)]
    (tmp_path / "q.csv").write_text("\n".join(["q,c,answer,at", *lines]), encoding="utf-8")
    (tmp_path / "qa.yaml").write_text(
        "name: qa\nkind: span\nfiles: {train: q.csv, dev: 8%}\n"
        "columns: {question: q, context: c, texts: answer, starts: at}\n"
    )
    task = load_task(tmp_path / "qa.yaml")
    contexts = [{row.context for row in task.rows(split)} for split in ("train", "dev")]  # type: ignore[union-attr]
    assert not contexts[0] & contexts[1] and len(task.rows("dev")) == 10


def test_a_slice_keeps_the_shares_of_its_base(tmp_path: Path) -> None:
    written(tmp_path)
    (tmp_path / "slice.yaml").write_text("name: slice\nbase: mine\nwhere: {gold: 'yes'}\n")
    task = load_task(tmp_path / "slice.yaml")
    assert [len(task.rows(split)) for split in ("train", "dev", "score")] == [36, 4, 4]


@pytest.mark.parametrize(
    ("splits", "said"),
    [
        ("{dev: 10%}", "`dev: 10%` is a share of `train`, which `files` does not name"),
        ("{train: train.csv, dev: 0%}", "0% of the training rows were asked for"),
        ("{train: train.csv, dev: 100%}", "100% of the training rows were asked for"),
        ("{train: train.csv, dev: 60%, test: 40%}", "60% and 40% of the training rows were asked for"),
        ("{train: train.csv, dev: 0.1}", "`dev` is 0.1; expected a file or a split, or a share such as `dev: 10%`"),
        ("{train: 90%, dev: train.csv}", "only dev, test may be a share"),
        ("{train: train.csv}", "a share such as `dev: 10%`"),
    ],
)
def test_what_is_no_share_is_refused(tmp_path: Path, splits: str, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        written(tmp_path, splits)


def test_a_seed_that_is_no_number_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="`share_seed` is 'x'; expected a whole number"):
        written(tmp_path, more="share_seed: x\n")


def test_too_few_rows_to_share_are_refused(tmp_path: Path) -> None:
    task = written(tmp_path)
    (tmp_path / "train.csv").write_text("a,b,gold\nx,y,yes\n")
    with pytest.raises(DataError, match="1 rows in 1 groups leave none for train; expected more rows"):
        task.rows("train")


@pytest.mark.journey
def test_training_checks_and_scores_on_the_share(tmp_path: Path) -> None:
    written(tmp_path, "{train: train.csv, dev: 10%, test: test.csv}")
    config = tiny_config(tmp_path, f"task_files={tmp_path / 'mine.yaml'}", "train.limit=20", "train.eval_limit=16")
    toolkit.train("mine", config)
    card = Zoo(config.zoo).get("mine", "tiny")
    assert (card.data_seen[0].rows, card.data_seen[0].limit, card.scores[0].n) == (20, 20, 10)
    assert "train.csv (10% as dev, seed 0)" in str(card.data_seen[0].origin)
    checked = toolkit.tasks_check("mine", config).text
    assert "Nothing to warn of" in checked
