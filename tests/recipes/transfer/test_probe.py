from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from toolkit.errors import ToolkitError
from toolkit.recipes.transfer.probe import every_item, probe_items, probe_rows, task_name
from toolkit.tasks import BUILT_IN, ChoiceRow, PairRow, SpanRow, TagsRow, get_task

pytestmark = pytest.mark.journey


def test_a_pair_is_an_item_with_its_relation():
    probe = probe_items("micro-nli", BUILT_IN, limit=40)
    assert len(probe.items) == len(probe.rows) == 40
    for row, item, label in zip(probe.rows, probe.items, probe.labels, strict=True):
        assert isinstance(row, PairRow)
        assert (item.first, item.second, item.word, label) == (row.first, row.second, None, row.label)
    assert probe.texts == probe.items


def test_each_choice_is_an_item_that_is_right_or_wrong():
    probe = probe_items("micro-choice", BUILT_IN, limit=40)
    assert len(probe.rows) == 10
    assert probe.labels.sum() == 10, "one of four is right"
    first = probe.rows[0]
    assert isinstance(first, ChoiceRow)
    assert [item.second for item in probe.items[:4]] == list(first.choices)
    assert probe.labels[:4].tolist() == [int(i == first.label) for i in range(4)]


def test_words_of_a_tagged_sentence_are_items_with_their_tags():
    probe = probe_items("micro-pos", BUILT_IN, limit=60)
    assert len(probe.items) == 60
    tags = {row.tokens: row.tags for row in probe.rows if isinstance(row, TagsRow)}
    for item, label in zip(probe.items, probe.labels, strict=True):
        assert tags[item.first][item.word] == label
    most = max(sum(item.first == text.first for item in probe.items) for text in probe.texts)
    assert most <= 4 * max(list(tags).count(words) for words in tags)


def test_words_of_a_context_lie_inside_or_outside_the_answer():
    probe = probe_items("micro-qa", BUILT_IN, limit=60)
    assert len(probe.items) == 60
    answers = {(row.question, row.context): row.answers[0] for row in probe.rows if isinstance(row, SpanRow)}
    for item, label in zip(probe.items, probe.labels, strict=True):
        answer = answers[item.first, item.second]
        assert label == (answer.start <= item.word < answer.start + len(answer.text))
        assert item.second[item.word].isalnum()
    assert 0 < probe.labels.mean() < 1


@pytest.mark.parametrize("task", ["micro-bitext", "micro-mining"])
def test_a_task_without_labels_has_texts(task):
    probe = probe_items(task, BUILT_IN, limit=30)
    assert probe.labels is None
    assert probe.items == probe.texts and len(probe.texts) >= 15


def test_the_same_seed_draws_the_same_items_and_another_seed_others():
    first, again, other = (probe_items("micro-pos", BUILT_IN, limit=40, seed=seed) for seed in (0, 0, 1))
    assert first.items == again.items != other.items
    assert np.array_equal(first.labels, again.labels)


def test_every_item_is_read_once():
    probe = probe_items("micro-qa", BUILT_IN, limit=60)
    every = every_item(probe)
    assert len(set(every)) == len(every)
    assert set(every) == {*probe.items, *probe.texts}


def test_a_task_without_training_rows_is_described_by_those_that_train_it(data_root: Path):
    assert probe_rows("xnli", data_root, BUILT_IN).task.name == "mnli"


def test_a_language_chooses_the_rows():
    assert probe_rows("micro-nli.de", None, BUILT_IN).language == "de"
    assert probe_items("micro-nli.de", BUILT_IN, limit=3).items != probe_items("micro-nli", BUILT_IN, limit=3).items


@pytest.mark.parametrize("text", ["mnli/squad", "fuse[mnli,squad]", "seq[mnli,squad]", "backbone"])
def test_a_composition_is_no_task(text):
    with pytest.raises(ToolkitError, match="is not a task; similarity compares tasks by their names"):
        task_name(text, BUILT_IN)


def test_an_unknown_task_is_one_sentence_with_the_nearest_name():
    with pytest.raises(ToolkitError, match="Did you mean 'udpos'"):
        task_name("udpso", BUILT_IN)


@pytest.mark.real_data
@pytest.mark.parametrize(
    ("task", "n_labels"), [("mnli", 3), ("squad", 2), ("csqa", 2), ("udpos", 17), ("panx", 7), ("copa", 2)]
)
def test_real_rows_give_the_items_that_are_asked_for(data_root: Path, task: str, n_labels: int):
    probe = probe_items(task, BUILT_IN, limit=600, data_root=data_root)
    assert len(probe.items) == len(probe.labels) == 600
    assert len(set(probe.labels.tolist())) <= n_labels
    assert len(set(probe.labels.tolist())) > 1
    assert get_task(task).name == probe.rows.task.name
