"""Comparisons of compositions on the same rows."""

from __future__ import annotations

import csv
import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

import toolkit
from tests.recipes.small import FUSED
from toolkit.composition import parse
from toolkit.config import Config
from toolkit.errors import DataError, ToolkitError
from toolkit.recipes.compare.compare import FILES
from toolkit.recipes.score.outcomes import aligned, outcomes_of
from toolkit.results.predictions import Prediction, read_predictions
from toolkit.tasks import get_task

pytestmark = pytest.mark.journey

PAIR = ("micro-nli", "backbone@micro-nli")


@pytest.fixture(scope="module")
def config(trained: Config, tmp_path_factory: pytest.TempPathFactory) -> Config:
    folder = tmp_path_factory.mktemp("compare")
    shutil.copytree(trained.zoo, folder / "zoo")
    return replace(trained, zoo=folder / "zoo", run_dir=folder / "runs")


@pytest.fixture(scope="module")
def two(config: Config) -> list[str]:
    toolkit.train("backbone@micro-nli", config)
    return list(PAIR)


def test_scores_are_those_of_the_evaluation_and_all_files_are_written(two: list[str], config: Config) -> None:
    said: list[str] = []
    result = toolkit.compare(
        two, config, task="micro-nli", languages="en,de,zh", baseline=PAIR[1], resamples=200, say=said.append
    )
    found = result.found
    assert (found.baseline, found.others) == (PAIR[1], (PAIR[0],))
    assert found.lines == ("zero-shot", "mean", "en", "de", "zh")
    evaluated = {
        score.language: score.value
        for score in toolkit.evaluate(PAIR[0], config, task="micro-nli", languages="en,de,zh").scores
    }
    assert {code: found.scores[PAIR[0]][code].value for code in evaluated} == pytest.approx(evaluated)
    assert {path.name for path in result.folder.iterdir()} == set(FILES)
    assert "generated" in (result.folder / "compare.md").read_text()
    assert r"\toprule" in (result.folder / "compare.tex").read_text()
    assert b"<svg" in (result.folder / "compare.svg").read_bytes()[:500]
    rows = list(csv.DictReader((result.folder / "compare.csv").open()))
    assert len(rows) == 2 * 5
    line = next(row for row in rows if row["composition"] == PAIR[0] and row["what"] == "mean")
    base = next(row for row in rows if row["composition"] == PAIR[1] and row["what"] == "mean")
    assert float(line["difference"]) == pytest.approx(float(line["score"]) - float(base["score"]))
    assert float(line["low"]) <= float(line["difference"]) <= float(line["high"])


def test_what_was_evaluated_with_the_same_weights_rows_and_settings_is_taken(two: list[str], config: Config) -> None:
    def told(**changes: int) -> list[str]:
        said: list[str] = []
        now = replace(config, eval=replace(config.eval, **changes))
        toolkit.compare(two, now, task="micro-nli", languages="en,de", resamples=100, say=said.append)
        return [sentence for sentence in said if "taken from" in sentence]

    told()
    assert len(told()) == 2
    assert len(told(batch_size=3)) == 2, "how fast is answered changes no answer"
    assert told(limit=12) == [], "other rows are evaluated anew"


def test_answers_of_another_fusion_path_or_of_vectors_stored_otherwise_are_not_taken(
    config: Config, tmp_path: Path
) -> None:
    own = replace(config, run_dir=tmp_path / "runs", store=replace(config.store, folder=tmp_path / "embeddings"))

    def told(config: Config, task: str, names: list[str]) -> list[str]:
        said: list[str] = []
        toolkit.compare(names, config, task=task, languages="de", resamples=100, say=said.append)
        return [sentence for sentence in said if "taken from" in sentence]

    half = replace(own, store=replace(own.store, dtype="float16"))
    searched = ("micro-bitext", ["backbone", "micro-nli"])
    assert told(own, *searched) == [] and len(told(own, *searched)) == 2
    assert told(half, *searched) == [] and len(told(half, *searched)) == 2
    by_heads = ("micro-choice", [FUSED, "backbone@micro-choice"])
    toolkit.train("backbone@micro-choice", own)
    reference = replace(own, fusion="reference")
    assert told(own, *by_heads) == []
    assert [sentence.partition(":")[0] for sentence in told(reference, *by_heads)] == ["backbone@micro-choice"]


def test_predictions_that_do_not_make_the_scores_are_refused(two: list[str], config: Config) -> None:
    toolkit.compare(two, config, task="micro-nli", languages="en,de", resamples=100)
    path = config.run_dir / "eval" / "micro-nli" / "micro-nli" / "predictions" / "micro-nli.de.jsonl"
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    rows[0]["outcome"] = 1.0 - rows[0]["outcome"]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    with pytest.raises(DataError, match=r"comes to accuracy 0.* remove"):
        toolkit.compare(two, config, task="micro-nli", languages="en,de", resamples=100)
    toolkit.evaluate(PAIR[0], config, task="micro-nli", languages="en,de")


def test_retrieval_is_compared_by_its_pairs(config: Config, trained: Config) -> None:
    found = toolkit.compare(
        ["backbone", "micro-nli"], config, task="micro-bitext", languages="de,zh", resamples=200
    ).found
    assert found.lines == ("mean", "de", "zh")
    assert found.n == {"de": 30, "zh": 30}


def test_mined_pairs_are_compared_by_their_source_sentences(config: Config) -> None:
    said: list[str] = []
    mined = replace(config, retrieve=replace(config.retrieve, limit=150))
    for _ in range(2):
        result = toolkit.compare(
            ["backbone", "micro-nli"], mined, task="micro-mining", languages="de", resamples=200, say=said.append
        )
    assert sum("taken from" in sentence for sentence in said) == 2, "the second time nothing is mined again"
    found = result.found
    mining = toolkit.retrieve("micro-nli", mined, task="micro-mining", languages="de")
    f1 = next(score.value for score in mining.scores if score.metric == "f1")
    assert found.scores["micro-nli"]["de"].value == pytest.approx(f1)
    assert found.differences["micro-nli"]["de"].low <= found.differences["micro-nli"]["de"].high
    both = {
        name: {"de": outcomes_of([read_predictions(path)], get_task("micro-mining"), "f1")}
        for name, path in {
            name: mined.run_dir / "retrieve" / name / "micro-mining" / "predictions" / "micro-mining.de.jsonl"
            for name in ("backbone", "micro-nli")
        }.items()
    }
    same = aligned(both, get_task("micro-mining"))
    assert same["backbone"]["de"].ids == same["micro-nli"]["de"].ids
    assert all(same[name]["de"].value == pytest.approx(both[name]["de"].value) for name in both)


def test_queries_to_a_pool_are_compared_by_what_each_found(config: Config) -> None:
    said: list[str] = []
    drawn = replace(config, retrieve=replace(config.retrieve, pool_limit=20))
    for each, n_taken in ((drawn, 0), (drawn, 2), (config, 2), (config, 4)):  # another draw is another pool
        found = toolkit.compare(
            ["backbone", "micro-nli"], each, task="micro-answers", languages="en,de", resamples=200, say=said.append
        ).found
        assert sum("taken from" in sentence for sentence in said) == n_taken
    scores = toolkit.retrieve("micro-nli", config, task="micro-answers", languages="en,de").scores
    expected = {score.language: score.value for score in scores if score.metric == "map_at_20"}
    assert {code: found.scores["micro-nli"][code].value for code in expected} == pytest.approx(expected)


@pytest.mark.parametrize(
    ("names", "task", "sentence"),
    [
        (["micro-nli", "micro-nli"], "micro-nli", "'micro-nli' is named twice; name each composition once"),
        (["par[micro-nli,micro-qa]", "micro-nli"], "micro-nli", "compare its members one by one"),
        ([FUSED, "micro-choice/micro-choice"], "micro-choice", "not in the zoo"),
    ],
)
def test_what_cannot_be_compared_is_one_sentence(names: list[str], task: str, sentence: str, config: Config) -> None:
    with pytest.raises(ToolkitError, match=sentence):
        toolkit.compare(names, config, task=task, resamples=100)


def test_a_measure_that_the_task_lacks_is_one_sentence(two: list[str], config: Config) -> None:
    with pytest.raises(ToolkitError, match="has no measure 'em'; it has accuracy"):
        toolkit.compare(two, config, task="micro-nli", languages="en,de", metric="em", resamples=100)


def test_tags_are_counted_over_the_corpus_and_not_averaged_over_sentences() -> None:
    def sentence(tp: int, fp: int, fn: int) -> Prediction:
        return Prediction("x", [], [], 0.0, {"tp": tp, "fp": fp, "fn": fn, "right": 1, "words": 2})

    run = [sentence(9, 1, 1), sentence(0, 1, 0)]
    assert outcomes_of([run], get_task("udpos"), "f1").value == pytest.approx(18 / 21)
    assert outcomes_of([run], get_task("udpos"), "precision").value == pytest.approx(9 / 11)


def test_the_f1_of_a_label_is_that_of_the_positive_one() -> None:
    task = get_task("qqp")
    no, yes = task.labels
    run = [
        Prediction(str(i), gold, found, float(gold == found))
        for i, (gold, found) in enumerate([(yes, yes), (yes, no), (no, yes), (no, no)])
    ]
    assert outcomes_of([run], task, "f1").value == pytest.approx(0.5)
    assert outcomes_of([run], task, "accuracy").value == pytest.approx(0.5)


def test_the_axes_of_a_composition_tell_what_lies_below_its_target() -> None:
    def axes(text: str) -> tuple[str, str]:
        found = parse(text).axes()
        return found["intermediates"], found["method"]

    assert axes("squad") == ("none", "none")
    assert axes("mnli/squad") == ("mnli", "stack")
    assert axes("fuse[mnli,squad]/xquad") == ("mnli,squad", "fuse")
    assert axes("seq[mnli,squad]") == ("mnli", "seq")
    assert axes("backbone") == ("none", "none")


@pytest.mark.parametrize(
    ("second", "said"),
    [
        ("micro-nli/micro-bitext@micro-nli", r"are not in the zoo .* makes it in 2 stages"),
        ("micro-qa", r"The head of 'micro-qa' answers micro-qa \(span\); micro-nli needs pair"),
    ],
)
def test_what_the_second_lacks_is_found_before_the_first_is_scored(
    second: str, said: str, config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("toolkit.recipes.compare.compare.evaluate", lambda *args, **more: pytest.fail("scored"))
    with pytest.raises(ToolkitError, match=said):
        toolkit.compare(["micro-nli", second], config, task="micro-nli", languages="en")
