from __future__ import annotations

import numpy as np
import pytest

from toolkit.config import EvalConfig
from toolkit.evaluation import evaluate as module
from toolkit.evaluation.evaluate import evaluate_rows
from toolkit.evaluation.outputs import run_head
from toolkit.evaluation.scoring import Scoring, word_tags
from toolkit.features import features_of
from toolkit.features.ragged import Ragged
from toolkit.tasks.rows import OTHER_TAG, Answer, PairRow, SpanRow, TagsRow

LABELS = ("A", "B", "C")


def features_for(kind, rows, tokenizer, max_length=64):
    return features_of(rows[kind], kind, tokenizer, max_length=max_length, stride=16)


def gold_logits(kind, rows, features):
    """What a perfect model would answer."""
    if kind == "pair":
        return np.eye(3, dtype="f4")[[row.label for row in rows]]
    if kind == "choice":
        return np.eye(5, dtype="f4")[[row.label for row in rows]]
    if kind == "span":
        values = np.zeros((len(features.input_ids.values), 2), "f4")
        for window, (start, end) in enumerate(features.labels):
            if start > 0:
                at = features.input_ids.offsets[window]
                values[at + start, 0], values[at + end, 1] = 9, 9
        return Ragged(values, features.input_ids.offsets)
    return Ragged(np.where(features.tags.values >= 0, features.tags.values, 2), features.input_ids.offsets)


@pytest.mark.parametrize(
    ("kind", "measures"),
    [
        ("pair", {"accuracy"}),
        ("choice", {"accuracy"}),
        ("span", {"em", "f1"}),
        ("tags", {"f1", "precision", "recall", "accuracy"}),
    ],
)
def test_perfect_answers_score_one_on_every_measure_of_the_kind(monkeypatch, tiny, rows, kind, measures):
    features = features_for(kind, rows, tiny.tokenizer)
    monkeypatch.setattr(
        module, "run_heads", lambda *_, heads, **__: dict.fromkeys(heads, gold_logits(kind, rows[kind], features))
    )
    found = evaluate_rows(None, rows[kind], features, scoring=Scoring(LABELS), head="t")
    assert found.measures == dict.fromkeys(measures, pytest.approx(1.0))
    assert found.n == 30
    assert len(found.answers) == 30
    assert [each.outcome for each in found.predictions] == [1.0] * 30


def test_perfect_answers_score_one_where_contexts_and_sentences_are_cut_into_windows(monkeypatch, tiny, rows):
    for kind in ("span", "tags"):
        features = features_for(kind, rows, tiny.tokenizer, max_length=40)
        assert len(features) > 60
        monkeypatch.setattr(
            module,
            "run_heads",
            lambda *_, heads, kind=kind, features=features, **__: dict.fromkeys(
                heads, gold_logits(kind, rows[kind], features)
            ),
        )
        assert evaluate_rows(None, rows[kind], features, scoring=Scoring(LABELS), head="t").measures[
            "f1"
        ] == pytest.approx(1.0)


@pytest.mark.parametrize("kind", ["pair", "choice"])
def test_accuracy_is_the_share_of_rows_answered_right(answering, tiny, rows, kind):
    circuit, features = answering(kind), features_for(kind, rows, tiny.tokenizer)
    right = run_head(circuit, features).argmax(1) == features.labels
    found = evaluate_rows(circuit, rows[kind], features)
    assert 0 < right.mean() < 1
    assert found.measures["accuracy"] == pytest.approx(right.mean())
    assert found.answers == run_head(circuit, features).argmax(1).tolist()


def test_a_choice_that_a_row_does_not_have_is_never_answered(answering, tiny, rows):
    found = evaluate_rows(answering("choice"), rows["choice"], features_for("choice", rows, tiny.tokenizer))
    assert all(answer < len(row.choices) for answer, row in zip(found.answers, rows["choice"], strict=True))


def test_rows_that_repeat_an_id_are_all_scored(answering, tiny, rows):
    assert len({row.id for row in rows["span"]}) == 7
    found = evaluate_rows(answering("span"), rows["span"], features_for("span", rows, tiny.tokenizer))
    assert found.n == len(found.answers) == 30
    assert all(answer in row.context for answer, row in zip(found.answers, rows["span"], strict=True))


def test_the_settings_for_spans_reach_the_decoder(answering, tiny, rows):
    circuit, features = answering("span"), features_for("span", rows, tiny.tokenizer)
    short = evaluate_rows(circuit, rows["span"], features, scoring=Scoring(settings=EvalConfig(max_answer_tokens=1)))
    longer = evaluate_rows(circuit, rows["span"], features, scoring=Scoring(settings=EvalConfig(max_answer_tokens=30)))
    assert max(len(answer) for answer in short.answers) <= 1
    assert max(len(answer) for answer in longer.answers) > 1


def test_tags_are_handed_back_one_a_word(answering, tiny, rows):
    found = evaluate_rows(
        answering("tags"), rows["tags"], features_for("tags", rows, tiny.tokenizer), scoring=Scoring(LABELS)
    )
    assert [len(answer) for answer in found.answers] == [len(row.tokens) for row in rows["tags"]]
    assert {tag for answer in found.answers for tag in answer} <= {0, 1, 2}


@pytest.mark.parametrize("max_length", [16, 64, 256])
def test_every_words_tag_is_read_off_the_piece_that_carries_its_label(tiny, rows, max_length):
    features = features_for("tags", rows, tiny.tokenizer, max_length)
    best = Ragged(np.where(features.tags.values >= 0, features.tags.values, -9), features.input_ids.offsets)
    assert [tags.tolist() for tags in word_tags(features, best)] == [list(row.tags) for row in rows["tags"]]


def scored(monkeypatch, tiny, kind, rows, logits_for, **facts):
    features = features_of(rows, kind, tiny.tokenizer, max_length=64, stride=16)
    monkeypatch.setattr(module, "run_heads", lambda *a, heads, **k: {head: logits_for(features) for head in heads})
    return evaluate_rows(None, rows, features, head="h", scoring=Scoring(**facts))


def test_squad2_says_no_answer_where_the_first_token_scores_higher(monkeypatch, tiny):
    rows = [
        SpanRow("1", "q", "bcd efg", (Answer("bcd", 0),)),
        SpanRow("2", "q", "bcd efg", ()),
        SpanRow("3", "q", "bcd efg", (Answer("efg", 4),)),
    ]

    def logits(features):
        values = np.zeros((len(features.input_ids.values), 2), "f4")
        at = features.input_ids.offsets
        for row, null in ((0, -5), (1, 5), (2, 5)):
            values[at[row]] = null
        return Ragged(values, at)

    found = scored(monkeypatch, tiny, "span", rows, logits, metric="squad2")
    assert found.answers[0] and found.answers[1:] == ["", ""]
    assert found.measures["no_answer_accuracy"] == 1.0
    assert found.measures["em"] <= 2 / 3
    assert set(found.notes) == {"best_em_threshold", "best_f1_threshold"}
    answered = scored(
        monkeypatch, tiny, "span", rows, logits, metric="squad2", settings=EvalConfig(null_threshold=99.0)
    )
    assert answered.measures["no_answer_accuracy"] == 0.0 and all(answered.answers)


def test_mlqa_is_scored_in_the_language_of_the_context(monkeypatch, tiny):
    rows = [SpanRow("1", "wo", "die Stadt", (Answer("Stadt", 4),))]

    def whole(features):
        values = np.zeros((len(features.input_ids.values), 2), "f4")
        spans = features.extra["char_spans"].values
        inside = np.flatnonzero(spans[:, 1] > spans[:, 0])
        values[inside[0], 0] = values[inside[-1], 1] = 9
        return Ragged(values, features.input_ids.offsets)

    german = scored(monkeypatch, tiny, "span", rows, whole, metric="mlqa", language="de.en")
    english = scored(monkeypatch, tiny, "span", rows, whole, metric="mlqa", language="en.de")
    assert german.answers == ["die Stadt"]
    assert (german.measures["em"], english.measures["em"]) == (1.0, 0.0)


def test_a_tag_outside_the_set_is_never_right_and_still_counts(monkeypatch, tiny):
    rows = [TagsRow("1", ("b", "c", "d"), (0, OTHER_TAG, 2)), TagsRow("2", ("e",), (OTHER_TAG,))]

    def gold(features):
        return Ragged(np.where(features.tags.values >= 0, features.tags.values, 1), features.input_ids.offsets)

    found = scored(monkeypatch, tiny, "tags", rows, gold, labels=LABELS, metric="accuracy")
    assert found.measures == {"accuracy": 0.5}
    assert found.predictions[0].gold == ["A", None, "C"]
    assert found.predictions[0].counts == {"right": 2, "words": 3}
    assert [each.outcome for each in found.predictions] == [pytest.approx(2 / 3), 0.0]


def test_the_tag_set_of_the_task_says_what_a_chunk_is(monkeypatch, tiny):
    rows = [TagsRow("1", ("b", "c"), (1, 1))]

    def answered(features):
        return Ragged(np.where(features.tags.values >= 0, features.tags.values, 0), features.input_ids.offsets)

    # L ends a chunk of BILOU, and is a part of speech in another set: two chunks, or a run of one tag.
    chunks = scored(monkeypatch, tiny, "tags", rows, answered, labels=("O", "L", "B", "I", "U"), metric="seqeval")
    speech = scored(monkeypatch, tiny, "tags", rows, answered, labels=("N", "L", "V"), metric="seqeval")
    assert [each.predictions[0].counts["tp"] for each in (chunks, speech)] == [2, 1]


def test_qqp_reports_accuracy_and_f1(monkeypatch, tiny):
    rows = [PairRow(str(i), "b", "c", label) for i, label in enumerate((1, 1, 0))]
    found = scored(monkeypatch, tiny, "pair", rows, lambda _: np.eye(2, dtype="f4")[[1, 0, 0]], metric="accuracy-f1")
    assert found.measures == {"accuracy": 2 / 3, "f1": pytest.approx(2 / 3)}
