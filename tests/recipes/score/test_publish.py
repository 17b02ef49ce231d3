"""What a scored run is called, which number stands for it, and which files it keeps."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.recipes.small import tiny_config
from toolkit.config import Config
from toolkit.recipes.score.evaluate import evaluate
from toolkit.recipes.score.publish import main_score
from toolkit.recipes.session.session import Session
from toolkit.recipes.train.train import train
from toolkit.tasks import get_task
from toolkit.tracking import NoTracker, Opening
from toolkit.zoo.scored import SCORES_FILE, read_lines

pytestmark = pytest.mark.journey


class Recorder(NoTracker):
    """Keeps what runs are opened with and what they log."""

    def __init__(self) -> None:
        super().__init__()
        self.openings: list[Opening] = []
        self.metrics: list[Mapping[str, Any]] = []
        self.files: list[Path] = []

    def start(self, opening: Opening) -> str:
        self.openings.append(opening)
        return opening.name

    def log_metrics(self, values: Mapping[str, Any], step: int | None = None, *, at: int | None = None) -> None:
        self.metrics.append(values)

    def log_artifact(self, path: Path, folder: str = "") -> None:
        self.files.append(path)


@pytest.mark.parametrize("limit_mib", [64, 0])
def test_a_scored_run_says_what_was_done_and_keeps_score_and_predictions(trained: Config, limit_mib: int) -> None:
    tracker, said = Recorder(), []
    tracking = replace(trained.tracking, enabled=True, predictions_mib=limit_mib)
    session = Session.open(replace(trained, tracking=tracking), tracker=tracker, say=said.append)
    evaluate("micro-nli", session, task="micro-nli", languages="en,de,sw")
    (opening,) = tracker.openings
    assert (opening.name, opening.experiment) == ("eval micro-nli on micro-nli", "micro-nli")
    logged = next(one for one in tracker.metrics if "score" in one)
    assert list(logged)[:2] == ["score", "micro-nli/accuracy/zero_shot_mean"]
    assert logged["score"] == logged["micro-nli/accuracy/zero_shot_mean"]
    assert ("predictions" in {path.name for path in tracker.files}) == (limit_mib > 0)
    assert any("--set tracking.predictions_mib=1 copies them" in one for one in said) == (limit_mib == 0)


def test_an_evaluation_that_is_interrupted_while_it_is_tracked_has_kept_its_scores_in_the_zoo(trained: Config) -> None:
    class Interrupted(Recorder):
        def log_metrics(self, values: Mapping[str, Any], step: int | None = None, *, at: int | None = None) -> None:
            raise KeyboardInterrupt

    config = replace(trained, tracking=replace(trained.tracking, enabled=True))
    session = Session.open(config, tracker=Interrupted())
    kept = session.zoo.folder(session.zoo.get("micro-qa", "tiny")) / SCORES_FILE
    kept.unlink(missing_ok=True)
    with pytest.raises(KeyboardInterrupt):
        evaluate("micro-qa", session, task="micro-qa", languages="en")
    assert {one.score.task for one in read_lines(kept.parent).kept} == {"micro-qa"}


def test_without_a_zero_shot_mean_the_mean_is_the_score() -> None:
    task = get_task("micro-nli")
    assert main_score({"micro-nli/accuracy/mean": 0.25, "micro-nli/accuracy/en": 0.25}, task) == 0.25
    both = {"micro-nli/accuracy/mean": 0.25, "micro-nli/accuracy/zero_shot_mean": 0.5}
    assert main_score(both, task) == 0.5


def test_training_goes_where_the_evaluation_of_the_expression_goes(tmp_path: Path) -> None:
    tracker = Recorder()
    train("micro-nli/micro-choice", Session.open(tiny_config(tmp_path), tracker=tracker))
    assert [one.name for one in tracker.openings] == [
        "train micro-nli/micro-choice, 2 stages",
        "train micro-nli",
        "train micro-nli/micro-choice",
    ]
    assert {one.experiment for one in tracker.openings} == {"micro-choice"}
