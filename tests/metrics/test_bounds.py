"""Bounds of every metric: all measures in [0, 1] on random answers, and exactly 1 on the gold ones."""

from __future__ import annotations

from hypothesis import assume, given, strategies

from tests.bounds import ROUNDING, hundred, thirty
from toolkit.metrics.accuracy import accuracy, accuracy_f1
from toolkit.metrics.answers import characters
from toolkit.metrics.mlqa import mlqa
from toolkit.metrics.ranking import ranking, retrieval_accuracy, weighted_f1
from toolkit.metrics.spans import count_spans, micro_averaged, tagging_f1
from toolkit.metrics.squad import normalise, overlap_f1, score_questions, squad
from toolkit.metrics.squad2 import squad2

labels = strategies.lists(strategies.tuples(strategies.integers(0, 3), strategies.integers(0, 3)), min_size=1)
words = strategies.lists(
    strategies.sampled_from(["a", "the", "red", "car", "car,", "北", "京", "2015", "¿qué?"]), max_size=5
).map(" ".join)
answers = strategies.lists(words, min_size=1, max_size=3)
questions = strategies.lists(strategies.tuples(words, answers), min_size=1, max_size=9)
tags = strategies.lists(
    strategies.lists(strategies.tuples(*[strategies.sampled_from(["O", "B-X", "I-X", "B-Y", "I-Y"])] * 2), min_size=1),
    min_size=1,
    max_size=4,
)


def bounded(measures):
    assert measures and all(0 <= value <= 1 for value in measures.values()), measures


@given(labels)
@hundred
def test_labels(pairs):
    predicted, gold = zip(*pairs, strict=True)
    bounded(accuracy_f1(predicted, gold))
    assert accuracy(gold, gold) == {"accuracy": 1.0}
    assert accuracy_f1(gold, gold)["f1"] == (1.0 if 1 in gold else 0.0)


@given(labels)
@hundred
def test_rows_found(pairs):
    predicted, gold = [found - 1 for found, _ in pairs], [row for _, row in pairs]  # -1: nothing found
    bounded(retrieval_accuracy(predicted, gold))
    bounded(weighted_f1(predicted, gold))
    assert retrieval_accuracy(gold, gold) == {"accuracy": 1.0}
    assert weighted_f1(gold, gold) == {"weighted_f1": 1.0}


@given(strategies.data(), strategies.integers(1, 6), strategies.integers(1, 6), strategies.integers(1, 8))
@thirty
def test_rankings(data, n_queries, n_rows, k):
    rows = strategies.integers(0, n_rows - 1)
    found = [
        data.draw(strategies.lists(strategies.one_of(rows, strategies.just(-1)), min_size=n_rows, max_size=n_rows))
        for _ in range(n_queries)
    ]
    right = {query: data.draw(strategies.sets(rows, min_size=1)) for query in range(n_queries)}
    queries, gold = zip(*((query, row) for query, all_of_them in right.items() for row in all_of_them), strict=True)
    bounded(ranking(found, queries, gold, k=k))
    best = [[*right[query], *(set(range(n_rows)) - right[query])] for query in range(n_queries)]
    assert set(ranking(best, queries, gold, k=k).values()) == {1.0}


@given(tags)
@thirty
def test_spans(sentences):
    predicted, gold = ([[pair[side] for pair in sentence] for sentence in sentences] for side in (0, 1))
    bounded(tagging_f1(predicted, gold))
    assert all(0 <= each.f1 <= 1 for each in count_spans(predicted, gold))
    counts = count_spans(gold, gold)
    assert all(each.f1 == 1 for each in counts)
    perfect = micro_averaged(counts)
    assert perfect["accuracy"] == 1.0
    assert {perfect["f1"], perfect["precision"], perfect["recall"]} == {1.0 if any(each.tp for each in counts) else 0.0}


@given(questions, strategies.sampled_from(["en", "es", "hi", "vi", "de", "ar", "zh", "ja", "th", "km", "fr"]))
@thirty
def test_answers(asked, language):
    predictions = {str(number): text for number, (text, _) in enumerate(asked)}
    references = {str(number): texts for number, (_, texts) in enumerate(asked)}
    bounded(squad(predictions, references))
    bounded(mlqa(predictions, references, language))
    bounded(characters(predictions, references, language))
    right = {number: texts[-1] for number, texts in references.items()}
    for measures in (squad(right, references), *(of(right, references, language) for of in (mlqa, characters))):
        assert measures["em"] == 1.0
    # Two texts that normalise to nothing have F1 0 by the official script.
    assume(all(normalise(text) for text in right.values()))
    assert squad(right, references)["f1"] == 1.0


@given(questions, strategies.data())
@thirty
def test_answers_that_may_be_none(asked, data):
    references = {
        str(number): data.draw(strategies.sampled_from([texts, []])) for number, (_, texts) in enumerate(asked)
    }
    no_answer = {number: data.draw(strategies.integers(-2, 2)) for number in references}
    predictions = {str(number): text or "red" for number, (text, _) in enumerate(asked)}
    found = squad2(predictions, references, no_answer)
    bounded(found.measures)
    for name in ("em", "f1"):
        assert found.measures[f"best_{name}"] >= found.measures[name] - ROUNDING
    right = {number: next(filter(normalise, texts), "") if texts else "red" for number, texts in references.items()}
    sure = {number: -1.0 if texts else 1.0 for number, texts in references.items()}
    perfect = squad2(right, references, sure).measures
    assert {perfect["em"], perfect["f1"], perfect["best_em"], perfect["best_f1"]} == {1.0}


@given(words, words)
@hundred
def test_overlap_of_words(found, expected):
    assert 0 <= overlap_f1(found.split(), expected.split()) <= 1
    assert overlap_f1(found.split(), found.split()) == (1.0 if found.split() else 0.0)
    each = score_questions({"q": found}, {"q": [expected]})["q"]
    assert 0 <= each.em <= 1 and 0 <= each.f1 <= 1
