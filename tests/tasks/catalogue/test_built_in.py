from __future__ import annotations

import dataclasses
import subprocess
import sys

import pytest

from toolkit.errors import ConfigError
from toolkit.tasks import BUILT_IN, HubSource, Task, get_task
from toolkit.tasks.kinds import KINDS
from toolkit.tasks.micro import LANGUAGES

EVERY = pytest.mark.parametrize("task", BUILT_IN.held.values(), ids=BUILT_IN.held)


def test_every_kind_has_a_real_and_a_generated_task() -> None:
    for is_generated in (False, True):
        kinds = {task.kind for task in BUILT_IN.held.values() if task.is_generated is is_generated}
        assert kinds == set(KINDS)


@EVERY
def test_a_task_that_borrows_training_rows_borrows_them_from_its_own_kind_with_the_same_labels(task: Task) -> None:
    lender = BUILT_IN.training_task(task)
    assert (lender.kind, lender.labels) == (task.kind, task.labels)
    assert lender.has_train or task.kind in ("bitext", "mining")
    assert task.has_train is (task.trains_on is None and task.kind not in ("bitext", "mining"))


@EVERY
def test_every_task_has_scores_languages_a_source_and_a_licence(task: Task) -> None:
    assert "score" in task.splits
    assert len(set(task.languages)) == len(task.languages)
    assert task.description
    assert task.licence
    assert task.is_generated or task.citation


@EVERY
def test_overlaps_name_splits_of_tasks_that_exist(task: Task) -> None:
    for overlap in task.overlaps:
        name, split = overlap.split(":")
        assert split in get_task(name).splits


def test_tasks_have_the_number_of_languages_that_was_published() -> None:
    published = {
        "xnli": 15,
        "pawsx": 7,
        "udpos": 33,
        "panx": 40,
        "xquad": 12,
        "mlqa": 7,
        "tydiqa": 9,
        "tatoeba": 36,
        "xcopa": 11,
    }
    assert {name: len(BUILT_IN.held[name].languages) for name in published} == published


@pytest.mark.parametrize(
    ("name", "language", "config"),
    [
        ("udpos", "de", "udpos.German"),
        ("tatoeba", "zh", "tatoeba.cmn"),
        ("tatoeba", "sw", "tatoeba.swh"),
        ("tatoeba", "fa", "tatoeba.pes"),
        ("tatoeba", "tl", "tatoeba.tgl"),
        ("tatoeba", "ar", "tatoeba.ara"),
        ("xquad", "el", "xquad.el"),
        ("xnli", "ur", "ur"),
        ("mnli", "en", "mnli"),
        ("panx", "my", "PAN-X.my"),
        ("mlqa", "de", "mlqa.de.de"),
        ("mlqa", "de.en", "mlqa.de.en"),
        ("pawsx", "ja", "ja"),
    ],
)
def test_a_languages_config_has_the_name_the_hub_gives_it(name: str, language: str, config: str) -> None:
    source = get_task(name).source
    assert isinstance(source, HubSource)
    assert source.config_for(language) == config


def test_the_micro_world_is_offered_in_every_language_it_speaks() -> None:
    for task in BUILT_IN.held.values():
        if task.is_generated:
            assert {*task.languages, "en"} == set(LANGUAGES)


def test_a_task_can_be_a_key() -> None:
    assert {get_task("mnli"): 1}[get_task("mnli")] == 1


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"kind": "pairs"}, "kind 'pairs'"),
        ({"metric": "acc"}, "metric 'acc'"),
        ({"languages": ("english",)}, "Write the code 'en'"),
        ({"languages": ()}, "names no language"),
        ({"metric": "squad"}, "a pair task takes accuracy or accuracy-f1"),
        ({"metric": "accuracy-f1", "may_have_other_tags": True}, "only the metric 'accuracy'"),
    ],
)
def test_a_task_written_wrongly_is_refused_at_once(change: dict[str, object], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        dataclasses.replace(get_task("mnli"), **change)


def test_the_catalogue_imports_nothing_heavy() -> None:
    heavy = "torch transformers datasets pyarrow numpy mlflow yaml"
    code = f"import sys, toolkit.tasks; print([each for each in {heavy.split()} if each in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
