"""What the official scripts say of adversarial texts and tags of our own (`golden/make.py` made the files by running them)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from toolkit.metrics import mlqa, normaliser, score_questions, squad, squad2, tagging_f1

GOLDEN = Path(__file__).parent / "golden"


def load(name: str) -> Any:
    return json.loads((GOLDEN / name).read_text(encoding="utf-8"))


def sides(rows: list[dict[str, Any]]) -> tuple[dict[str, str], dict[str, list[str]]]:
    predicted = {str(i): row["predicted"] for i, row in enumerate(rows)}
    return predicted, {str(i): row["answers"] for i, row in enumerate(rows)}


def test_squad_is_the_script_on_every_question_in_19_languages() -> None:
    held = load("squad.json")
    rows = held["questions"]
    assert len(rows) == 570
    assert len({row["language"] for row in rows}) == 19
    predicted, answers = sides(rows)
    for found, row in zip(score_questions(predicted, answers).values(), rows, strict=True):
        assert (found.em, found.f1) == (row["em"], pytest.approx(row["f1"], abs=1e-12)), row
    assert squad(predicted, answers) == pytest.approx({"em": held["em"], "f1": held["f1"]}, abs=1e-12)


@pytest.mark.parametrize("language", ["en", "es", "hi", "vi", "de", "ar", "zh"])
def test_mlqa_is_the_script_on_every_question_of_a_language(language: str) -> None:
    held = load("mlqa.json")
    rows = [row for row in held["questions"] if row["language"] == language]
    assert len(rows) == 60
    predicted, answers = sides(rows)
    for found, row in zip(score_questions(predicted, answers, normaliser(language)).values(), rows, strict=True):
        assert (found.em, found.f1) == (row["em"], pytest.approx(row["f1"], abs=1e-12)), row
    assert mlqa(predicted, answers, language) == pytest.approx(held["by_language"][language], abs=1e-12)


def test_mlqa_and_squad_differ_on_these_questions_so_that_the_goldens_can_tell_them_apart() -> None:
    rows = load("mlqa.json")["questions"]
    predicted, answers = sides(rows)
    differ = {
        row["language"]
        for found, row in zip(score_questions(predicted, answers).values(), rows, strict=True)
        if found.f1 != pytest.approx(row["f1"])
    }
    assert differ == {"en", "es", "hi", "vi", "de", "ar", "zh"}


@pytest.mark.parametrize("place", range(4))
def test_squad2_is_the_script_at_each_threshold_and_at_the_best(place: int) -> None:
    held = load("squad2.json")
    rows, figures = held["questions"], held["by_threshold"][place]
    predicted, answers = sides(rows)
    assert 100 < sum(not each for each in answers.values()) < 300
    odds = {str(i): row["no_answer"] for i, row in enumerate(rows)}
    assert len(set(odds.values())) < len(odds)  # equal differences, which the walk meets in the questions' order
    found = squad2(predicted, answers, odds, threshold=figures["threshold"])
    names = {
        "em": "exact",
        "f1": "f1",
        "has_answer_em": "HasAns_exact",
        "has_answer_f1": "HasAns_f1",
        "no_answer_accuracy": "NoAns_exact",
        "best_em": "best_exact",
        "best_f1": "best_f1",
    }
    expected = {ours: figures[theirs] / 100 for ours, theirs in names.items()}
    assert found.measures == pytest.approx(expected, abs=1e-12)
    assert found.best_thresholds == {"em": figures["best_exact_thresh"], "f1": figures["best_f1_thresh"]}


@pytest.mark.parametrize("task", ["panx", "udpos"])
def test_tags_are_scored_as_the_early_seqeval_that_xtreme_was_made_with(task: str) -> None:
    held = load("tags.json")[task]
    gold, predicted = ([row[side].split() for row in held["sentences"]] for side in ("gold", "predicted"))
    assert len(gold) == 250
    found = tagging_f1(predicted, gold)
    assert found == pytest.approx(held["figures"]["0.0.12"], abs=1e-12)
    newer = held["figures"]["1.2.2"]
    assert (newer["f1"] == pytest.approx(found["f1"], abs=1e-12)) is (task == "panx")  # decision 0009


@pytest.mark.parametrize("seed", range(5))
def test_qqp_is_scikit_learns_binary_f1_that_glue_uses(seed: int) -> None:
    import numpy as np

    metrics = pytest.importorskip("sklearn.metrics")
    from toolkit.metrics import accuracy_f1

    rng = np.random.default_rng(seed)
    gold = rng.integers(0, 2, 400)
    predicted = np.where(rng.random(400) < 0.3, 1 - gold, gold)
    expected = {"accuracy": metrics.accuracy_score(gold, predicted), "f1": metrics.f1_score(gold, predicted)}
    assert accuracy_f1(predicted, gold) == pytest.approx(expected, abs=1e-12)
