"""`xstilts similarity`: matrices, groups, files; what is missing is said; the second run reads nothing."""

from __future__ import annotations

import csv
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result

import toolkit
from cli import main
from tests.recipes.failing import FailingTracker
from tests.recipes.small import tiny_config
from toolkit import compare_tasks
from toolkit.config import Config
from toolkit.errors import ToolkitError
from toolkit.recipes.session.session import Session
from toolkit.recipes.transfer.similarity import by_group
from toolkit.recipes.transfer.similarity import compare_tasks as journey
from toolkit.recipes.transfer.write import pair_name
from toolkit.tasks import BUILT_IN
from toolkit.tracking.limits import Names

pytestmark = pytest.mark.journey

TASKS_HERE = ("micro-nli", "micro-pos", "micro-qa", "micro-bitext")
FAST = "text-embedding,logme,cka,vocabulary"
ALL = ["text-embedding", "fisher", "logme", "transrate", "cka", "language", "vocabulary"]


@pytest.fixture
def config(trained: Config, tmp_path: Path) -> Config:
    return replace(
        trained,
        store=replace(trained.store, folder=tmp_path / "store"),
        run_dir=tmp_path / "runs",
        similarity=replace(trained.similarity, limit=40, examples=8, shared_text="micro-answers"),
    )


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["similarity", *arguments], catch_exceptions=False)


def test_a_matrix_for_each_predictor_with_the_groups_marked(config: Config) -> None:
    said: list[str] = []
    found = compare_tasks(TASKS_HERE, config, by=FAST, say=said.append)
    assert [matrix.predictor for matrix in found.matrices] == FAST.split(",")
    assert found.matrices[0].names == ("micro-pos", "micro-nli", "micro-qa", "micro-bitext"), "syntactic first"
    text, logme, cka, vocabulary = found.matrices
    for matrix in (text, vocabulary):
        assert np.isfinite(matrix.values).all() and np.allclose(matrix.values, matrix.values.T)
        assert np.allclose(np.diag(matrix.values), 1.0)
    assert np.isnan(logme.values[0]).all() and np.isfinite(logme.values[1:3, :3]).all()
    assert np.isnan(logme.values[:, 3]).all(), "a bitext has no labels"
    assert cka.absent == ("micro-pos", "micro-bitext")
    assert "micro-pos     syntactic" in found.text and "micro-nli     semantic" in found.text
    assert "means over pairs of different tasks, by group" in found.text
    assert sum("`xstilts train micro-pos --backbone tiny" in sentence for sentence in said) == 1
    assert any("'micro-bitext' has no training rows" in sentence for sentence in said)


def test_every_number_and_every_reason_is_in_the_csv(config: Config) -> None:
    found = compare_tasks(TASKS_HERE, config, by=FAST)
    lines = list(csv.DictReader((found.folder / "similarity.csv").read_text().splitlines()))
    assert len(lines) == 4 * 16
    for line in lines:
        matrix = found.matrices[FAST.split(",").index(line["predictor"])]
        value = matrix.value(line["source"], line["target"])
        assert bool(line["why_not"]) == np.isnan(value)
        assert line["value"] == ("" if np.isnan(value) else repr(value))
    assert {(line["source"], line["source_group"]) for line in lines} >= {("micro-pos", "syntactic")}


def test_it_writes_a_page_and_a_figure(config: Config) -> None:
    found = compare_tasks(TASKS_HERE, config, by="text-embedding")
    assert sorted(path.name for path in found.folder.iterdir()) == [
        "similarity.csv",
        "similarity.md",
        "similarity.png",
        "similarity.svg",
    ]
    page = (found.folder / "similarity.md").read_text()
    assert "# Similarity of tasks on tiny" in page and "![similarity](similarity.png)" in page
    assert "no benchmark result" in page, "generated rows are labelled"
    assert (found.folder / "similarity.png").read_bytes().startswith(b"\x89PNG")


def test_the_second_run_encodes_nothing_and_finds_the_same(config: Config) -> None:
    first = compare_tasks(TASKS_HERE, config)
    again = compare_tasks(TASKS_HERE, config)
    assert [matrix.predictor for matrix in first.matrices] == ALL, "every predictor that is no control"
    assert first.n_encoded > 0 and again.n_encoded == 0
    assert first.n_examples == 16 and again.n_examples == 0, "8 rows of each of two adapters"
    for one, other in zip(first.matrices, again.matrices, strict=True):
        assert np.array_equal(one.values, other.values, equal_nan=True)
    assert first.text == again.text


def test_missing_adapters_are_trained_where_asked_for(tmp_path: Path) -> None:
    config = tiny_config(tmp_path, "similarity.limit=100", "similarity.shared_text=micro-answers", "train.limit=16")
    found = compare_tasks(["micro-qa", "micro-pos", "micro-bitext"], config, by="cka", train=True)
    zoo = toolkit.Zoo(config.zoo)
    assert [card.name for card in zoo.list("tiny")] == ["micro-pos", "micro-qa"]
    assert found.matrices[0].absent == ("micro-bitext",)


def test_nothing_is_trained_for_predictors_that_need_no_adapter(tmp_path: Path) -> None:
    config = tiny_config(tmp_path, "similarity.limit=20")
    compare_tasks(["micro-qa", "micro-pos"], config, by="vocabulary", train=True)
    assert not config.zoo.exists()


def test_tasks_are_shown_group_by_group_and_none_twice() -> None:
    assert by_group(["squad", "ccg", "mnli", "udpos.tr", "squad"], BUILT_IN) == ["ccg", "udpos.tr", "squad", "mnli"]


def test_what_is_about_syntax_is_in_the_syntactic_group() -> None:
    syntactic = {task.name for task in BUILT_IN if task.level == "syntactic"}
    assert syntactic == {"udpos", "ccg", "masakhapos", "micro-pos"}


@pytest.mark.parametrize(
    ("tasks", "by", "told"),
    [
        (["micro-qa"], "all", "1 task is named; similarity compares two or more"),
        (["micro-qa", "micro-qa"], "all", "is named twice; name each task once"),
        (["micro-qa", "micro-nil"], "all", "Did you mean 'micro-nli'"),
        (["micro-qa", "micro-nli"], "logmee", "Did you mean 'logme'"),
        (["micro-qa", "micro-nli"], "size", "'size' is of a source alone"),
        (["micro-qa", "micro-nli/micro-qa"], "all", "is not a task"),
    ],
)
def test_bad_input_is_one_sentence(tmp_path: Path, tasks: list[str], by: str, told: str) -> None:
    with pytest.raises(ToolkitError, match=told):
        compare_tasks(tasks, tiny_config(tmp_path), by=by)


def test_an_adapter_of_other_weights_of_the_backbone_is_one_sentence(config: Config, tmp_path: Path) -> None:
    import shutil

    from toolkit.zoo import Zoo

    shutil.copytree(config.zoo, tmp_path / "zoo")
    zoo = Zoo(tmp_path / "zoo")
    card = zoo.get("micro-qa", "tiny")
    tensors = {file: zoo.tensors(card, file) for file in card.files}
    zoo.put(replace(card, backbone=replace(card.backbone, digest="0" * 64)), tensors, replace=True)
    with pytest.raises(ToolkitError, match="'micro-qa' was trained on"):
        compare_tasks(["micro-qa", "micro-nli"], replace(config, zoo=tmp_path / "zoo"), by="cka")


def test_the_command_prints_the_matrices_and_says_what_was_read(folder: Path) -> None:
    sets = ("--backbone", "tiny", "--limit", "40", "--no-track")
    first = run("micro-nli", "micro-pos", "--by", "text-embedding,vocabulary", *sets)
    assert first.exit_code == 0, first.output
    assert "text-embedding: cosine" in first.stdout and "vocabulary: weighted Jaccard" in first.stdout
    assert "50 texts were encoded" in first.stderr, "40 pairs, and 10 sentences with 4 words each"
    again = run("micro-nli", "micro-pos", "--by", "text-embedding,vocabulary", *sets)
    assert again.stdout == first.stdout
    assert "\n0 texts were encoded and gradients taken of 0 rows; the rest was in the store." in again.stderr


def test_the_command_tells_a_fault_in_one_sentence_with_exit_code_2(folder: Path) -> None:
    found = run("micro-nli", "micro-pos", "--by", "size")
    assert found.exit_code == 2
    assert found.stderr.startswith("Error: 'size' is of a source alone")


def test_a_run_is_recorded_with_every_number_and_the_files(config: Config, tmp_path: Path) -> None:
    import mlflow

    tracked = replace(config, tracking=replace(config.tracking, enabled=True, folder=tmp_path))
    found = compare_tasks(["micro-nli", "micro-pos"], tracked, by="vocabulary")
    client = mlflow.MlflowClient(f"sqlite:///{tmp_path / 'mlflow.db'}")
    (experiment,) = client.search_experiments(filter_string="name = 'similarity'")
    (recorded,) = client.search_runs([experiment.experiment_id])
    assert recorded.data.metrics["vocabulary/micro-nli/micro-pos"] == found.matrices[0].value("micro-nli", "micro-pos")
    files = {file.path for file in client.list_artifacts(recorded.info.run_id)}
    assert files >= {"similarity.md", "similarity.csv", "similarity.png", "similarity.svg"}


def test_a_run_whose_logging_raises_is_failed(config: Config) -> None:
    tracker = FailingTracker()
    with pytest.raises(OSError, match="no space"):
        journey(["micro-nli", "micro-pos"], Session.open(config, tracker=tracker), by="vocabulary")
    assert tracker.status == {"similarity micro-pos, micro-nli": "FAILED"}


def test_two_pairs_of_compositions_have_two_names_in_the_tracker() -> None:
    names = Names()
    pairs = [("a/b", "c"), ("a", "b/c"), ("fuse[a,b]", "c"), ("avg[a,b]", "c"), ("a.de", "c"), ("a/de", "c")]
    assert len({names.safe(pair_name("cka", *pair)) for pair in pairs}) == len(pairs)
