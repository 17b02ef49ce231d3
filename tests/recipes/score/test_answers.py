from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import toolkit
from tests.recipes.small import SCORED, tiny_config
from toolkit.config import Config
from toolkit.errors import ToolkitError
from toolkit.evaluation.scoring import Evaluation
from toolkit.evaluation.spans import Candidate, Spans
from toolkit.recipes.score.answers import write_answers
from toolkit.results.predictions import Prediction, read_predictions
from toolkit.results.summary import mean
from toolkit.tasks import get_task

pytestmark = pytest.mark.journey


def value_of(result: toolkit.Result, language: str, metric: str) -> float:
    return next(score.value for score in result.scores if (score.language, score.metric) == (language, metric))


@pytest.mark.parametrize(
    ("expression", "task", "metric"),
    [("micro-nli", "micro-nli", "accuracy"), ("micro-qa", "micro-qa", "f1"), ("micro-qa", "micro-qa", "em")],
)
def test_the_mean_of_the_outcomes_is_the_score(trained: Config, expression: str, task: str, metric: str) -> None:
    result = toolkit.evaluate(expression, trained, task=task, languages="en,zh")
    for language in ("en", "zh"):
        found = read_predictions(result.folder / "predictions" / f"{task}.{language}.jsonl")
        outcomes = [each.counts["em"] if metric == "em" else each.outcome for each in found]
        assert mean(outcomes) == pytest.approx(value_of(result, language, metric), abs=1e-12)
        rows = get_task(task).rows("score", language, limit=SCORED)
        assert [each.id for each in found] == [row.id for row in rows]


def test_of_tags_the_sums_of_the_counts_make_the_scores(trained: Config) -> None:
    result = toolkit.evaluate("micro-nli/micro-pos", trained, task="micro-pos", languages="en")
    found = read_predictions(result.folder / "predictions" / "micro-pos.en.jsonl")
    tp, fp, fn, right, words = (
        sum(each.counts[name] for each in found) for name in ("tp", "fp", "fn", "right", "words")
    )
    assert 2 * tp / (2 * tp + fp + fn) == pytest.approx(value_of(result, "en", "f1"))
    assert right / words == pytest.approx(value_of(result, "en", "accuracy"))
    assert all(len(each.gold) == len(each.prediction) == each.counts["words"] for each in found)


def test_every_member_of_a_par_has_its_own(trained: Config, tmp_path: Path) -> None:
    shutil.copytree(trained.zoo, tmp_path / "zoo")
    config = tiny_config(tmp_path)
    toolkit.train("micro-qa/micro-nli", config)
    result = toolkit.evaluate("par[micro-nli,micro-qa/micro-nli]", config, task="micro-nli", languages="de")
    folder = result.folder / "predictions"
    both = [read_predictions(folder / f"member{number}" / "micro-nli.de.jsonl") for number in (1, 2)]
    values = [score.value for score in result.scores]
    assert [mean(each.outcome for each in found) for found in both] == pytest.approx(values)


def test_a_span_task_leaves_the_files_that_the_official_scripts_read(trained: Config) -> None:
    result = toolkit.evaluate("micro-qa", trained, task="micro-qa", languages="ru")
    folder = result.folder / "predictions" / "micro-qa.ru"
    answers, n_best, odds = (
        json.loads((folder / f"{name}.json").read_text(encoding="utf-8"))
        for name in ("predictions", "nbest_predictions", "null_odds")
    )
    rows = {row.id: row for row in get_task("micro-qa").rows("score", "ru", limit=SCORED)}
    assert set(answers) == set(n_best) == set(odds) == set(rows)
    for key, candidates in n_best.items():
        assert candidates[0]["text"] == answers[key]
        assert sum(each["probability"] for each in candidates) == pytest.approx(1.0)
        scores = [each["start_logit"] + each["end_logit"] for each in candidates]
        assert scores == sorted(scores, reverse=True)
        assert len({each["text"] for each in candidates}) == len(candidates) > 1
        assert all(each["text"] in rows[key].context for each in candidates)


def spans(n_best: tuple, null: list[list[float]]) -> Spans:
    return Spans(n_best, np.array(null).sum(1), np.array(null))


def written(folder: Path, found: Spans, ids: list[str], *, may_be_unanswerable: bool, said: list[str]) -> Path:
    predictions = [Prediction(each, ["x"], text, 0.0) for each, text in zip(ids, found.texts, strict=True)]
    evaluation = Evaluation({}, found.texts, predictions, spans=found)
    write_answers(folder, "t.en", evaluation, may_be_unanswerable=may_be_unanswerable, say=said.append)
    return folder / "t.en"


def test_no_answer_is_a_candidate_where_a_question_may_have_none(tmp_path: Path) -> None:
    found = spans(((Candidate("x", 1.0, 1.0),),), [[2.0, 3.0]])
    said: list[str] = []
    folder = written(tmp_path, found, ["q"], may_be_unanswerable=True, said=said)
    (first, second) = json.loads((folder / "nbest_predictions.json").read_text())["q"]
    assert (first["text"], first["start_logit"], second["text"]) == ("", 2.0, "x")
    assert first["probability"] == pytest.approx(np.exp(3) / (1 + np.exp(3)))
    assert json.loads((folder / "null_odds.json").read_text()) == {"q": 3.0}
    assert not said


def test_what_has_no_number_in_json_is_written_as_one(tmp_path: Path) -> None:
    found = spans(((), ()), [[0.0, 0.0], [float("inf"), float("inf")]])
    folder = written(tmp_path, found, ["a", "b"], may_be_unanswerable=False, said=[])

    def refuse(constant: str) -> None:
        raise AssertionError(constant)

    odds = json.loads((folder / "null_odds.json").read_text(), parse_constant=refuse)
    assert set(odds.values()) == {3.4e38}
    held = json.loads((folder / "nbest_predictions.json").read_text(), parse_constant=refuse)
    assert held["b"] == [{"text": "", "probability": 1.0, "start_logit": 3.4e38, "end_logit": 3.4e38}]


def test_repeated_ids_are_said(tmp_path: Path) -> None:
    found = spans(((Candidate("x", 1.0, 1.0),), (Candidate("y", 1.0, 1.0),)), [[0.0, 0.0]] * 2)
    said: list[str] = []
    folder = written(tmp_path, found, ["q", "q"], may_be_unanswerable=False, said=said)
    assert json.loads((folder / "predictions.json").read_text()) == {"q": "y"}
    assert len(read_predictions(tmp_path / "t.en.jsonl")) == 2
    assert "1 of 2 ids repeat" in said[0]


def test_a_folder_that_cannot_be_written_is_one_sentence(trained: Config, tmp_path: Path) -> None:
    (tmp_path / "runs").write_text("a file")
    config = replace(trained, run_dir=tmp_path / "runs")
    with pytest.raises(ToolkitError, match="Cannot write .*run_dir"):
        toolkit.evaluate("micro-nli", config, task="micro-nli", languages="en")


def test_retrieval_of_translations_leaves_what_each_sentence_found(trained: Config) -> None:
    for protocol in ("jiant", "laser", "st"):  # st asks both ways
        config = tiny_config(Path(trained.zoo).parent, f"retrieve.protocol={protocol}")
        result = toolkit.retrieve("micro-nli", config, task="micro-bitext", languages="de")
        found = read_predictions(result.folder / "predictions" / "micro-bitext.de.jsonl")
        assert mean(each.outcome for each in found) == pytest.approx(result.scores[0].value)
        assert all((each.gold == each.prediction) >= (each.outcome == 1.0) for each in found)


def test_several_readings_of_a_bitext_have_folders_of_their_own(trained: Config) -> None:
    result = toolkit.retrieve("micro-nli", trained, task="micro-bitext", languages="de", layers="0,1")
    files = sorted((result.folder / "predictions").rglob("*.jsonl"))
    assert len(files) == 2
    assert {path.name for path in files} == {"micro-bitext.de.jsonl"}
