"""Every journey closes the runs that it opens, whatever is raised in them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.recipes.small import FUSED, three_languages, tiny_config
from toolkit.config import Config
from toolkit.recipes.compare.compare import compare
from toolkit.recipes.fusion.attention import attention
from toolkit.recipes.fusion.collapse import collapse
from toolkit.recipes.fusion.prune import prune
from toolkit.recipes.robust.plan import Stress
from toolkit.recipes.robust.run import robust
from toolkit.recipes.score.evaluate import evaluate
from toolkit.recipes.score.retrieve import retrieve
from toolkit.recipes.score.suite import evaluate_suite
from toolkit.recipes.session.session import Session
from toolkit.recipes.train.train import train
from toolkit.recipes.transfer.rank import rank
from toolkit.recipes.transfer.similarity import compare_tasks
from toolkit.recipes.transfer.suggest import suggest
from toolkit.tracking import Opening

pytestmark = pytest.mark.journey


class Broken:
    """Takes no number, no text and no file, and knows which runs are open and how the others ended.

    A tracker never raises; here it stands for everything that may be raised while a run is open.
    """

    def __init__(self) -> None:
        self.notes: list[str] = []
        self.open: list[str] = []
        self.ended: dict[str, str] = {}

    def start(self, opening: Opening) -> str:
        self.open.append(opening.name)
        return opening.name

    def close(self, status: str = "FINISHED") -> None:
        self.ended[self.open.pop()] = status

    @property
    def run_id(self) -> str:
        return self.open[-1]

    def take_notes(self) -> list[str]:
        return []

    def fail(self, *_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    log_metrics = log_text = log_artifact = log_data = log_adapter = fail


def three(session: Session) -> str:
    """Train a fusion of three members, of which one can be dropped."""
    text = "fuse[micro-nli,micro-qa,micro-pos]@micro-nli"
    train(text, Session.open(session.config))
    return text


JOURNEYS: dict[str, Callable[[Session], object]] = {
    "train, one stage": lambda session: train("micro-choice", session),
    "train, several stages": lambda session: train("micro-pos/micro-choice", session),
    "train, a merge": lambda session: train("ties[micro-nli,micro-qa]/micro-choice", session),
    "evaluate": lambda session: evaluate("micro-nli", session, task="micro-nli", languages="en"),
    "evaluate_suite": lambda session: evaluate_suite("micro-nli/TARGET", session, suite="micro"),
    "retrieve": lambda session: retrieve("micro-nli", session, task="micro-bitext", languages="de"),
    "compare": lambda session: compare(
        ["backbone", "micro-nli"], session, task="micro-bitext", languages="de", resamples=100
    ),
    "attention": lambda session: attention(FUSED, session, task="micro-choice", languages="en"),
    "prune": lambda session: prune(three(session), session, keep=2, languages="en"),
    "collapse": lambda session: collapse(FUSED, session, languages="en"),
    "robust": lambda session: robust(
        ["micro-nli"], session, task="micro-nli", languages="en", stress=Stress("swap", (0.2,))
    ),
    "similarity": lambda session: compare_tasks(["micro-nli", "micro-qa"], session, by="language"),
    "rank": lambda session: rank("micro-choice", session, by="vocabulary"),
    "suggest": lambda session: suggest(2, "micro-choice", session, by="vocabulary"),
}
# The scores of these are made by other journeys, which have to succeed first.
OVER_OTHERS = {"evaluate_suite": "toolkit.recipes.score.suite", "compare": "toolkit.recipes.compare.compare"}


@pytest.mark.parametrize("journey", JOURNEYS)
def test_a_journey_that_raises_leaves_no_run_open(
    journey: str, trained: Config, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    three_languages(monkeypatch)
    tracker = Broken()
    tried = Session.open(own(trained, tmp_path), tracker=tracker)
    if journey in OVER_OTHERS:
        quiet = Session.open(tried.config)
        for name, made in (("evaluate", evaluate), ("retrieve", retrieve)):
            monkeypatch.setattr(
                f"{OVER_OTHERS[journey]}.{name}", lambda text, _, made=made, **asked: made(text, quiet, **asked)
            )
    with pytest.raises(KeyboardInterrupt):
        JOURNEYS[journey](tried)
    assert tracker.open == []
    assert tracker.ended and set(tracker.ended.values()) == {"KILLED"}


def own(trained: Config, folder: Path) -> Config:
    """Return a configuration with a copy of the trained zoo, so that journeys may put entries into it."""
    import shutil

    shutil.copytree(trained.zoo, folder / "zoo")
    return replace(tiny_config(folder), zoo=folder / "zoo")
