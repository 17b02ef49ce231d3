"""Journey `demo`: train, stack, fuse, score and retrieve on a real encoder and generated rows, offline, in minutes."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

from toolkit.config import Config, load
from toolkit.config.command import command, shell
from toolkit.progress import Report, Say, say_nothing, silent
from toolkit.recipes.score.evaluate import evaluate
from toolkit.recipes.score.retrieve import retrieve
from toolkit.recipes.session.session import Session
from toolkit.recipes.train.train import train
from toolkit.report import render, table
from toolkit.results.score import Score

FIRST, SECOND, TARGET, BITEXT = "micro-nli", "micro-qa", "micro-choice", "micro-bitext"
# Eight languages of five scripts; `xstilts eval ... --languages all` scores all eleven of the micro-world.
LANGUAGES = "en,de,es,tr,ru,ar,hi,zh"
# The target has few rows: an intermediate task then has something to add.
INTERMEDIATE_ROWS, TARGET_ROWS = 2000, 160


def demo(folder: Path, *, backbone: str = "embedded", report: Report = silent, say: Say = say_nothing) -> str:
    """Train two intermediates, a stack and a fusion, score them zero-shot, retrieve, and return the closing tables.

    Args:
        folder: of zoo, runs and the MLflow store; a demo that was stopped continues there.
        backbone: `embedded`, or another one.
    """
    began = time.perf_counter()
    base = {
        "backbone.name": backbone,
        "zoo": folder / "adapter_zoo",
        "run_dir": folder / "runs",
        "tracking.folder": folder,
    }
    rich = load(overrides={**base, "train.limit": INTERMEDIATE_ROWS, "train.epochs": 2.0, "train.eval_limit": 100})
    few = {"train.limit": TARGET_ROWS, "train.batch_size": 8, "train.epochs": 4.0, "train.eval_limit": 50}
    poor = load(overrides={**base, **few, "eval.limit": 100, "retrieve.limit": 200})
    session = Session.open(poor, report=report, say=say)
    compositions = {
        f"backbone@{TARGET}": "the backbone alone, a head on top",
        TARGET: "a single adapter",
        f"{SECOND}/{TARGET}": f"stacked on {SECOND}",
        f"fuse[{FIRST},{SECOND}]/{TARGET}": f"on a fusion of {FIRST} and {SECOND}",
    }
    say(f"xstilts demo: backbone {backbone}; data: the generated micro-world (no benchmark); results in {folder}/")
    for intermediate in (FIRST, SECOND):
        train(intermediate, Session.open(rich, report=report, say=say))
    scores: list[Score] = []
    for expression in compositions:
        train(expression, session)
        scores += evaluate(expression, session, task=TARGET, languages=LANGUAGES).scores
    before = retrieve("backbone", session, task=BITEXT, languages=LANGUAGES[3:]).scores
    after = retrieve(FIRST, session, task=BITEXT, languages=LANGUAGES[3:]).scores
    minutes = (time.perf_counter() - began) / 60
    return "\n".join(
        [
            "",
            f"Zero-shot {TARGET}, trained on {TARGET_ROWS} English rows (generated data, accuracy x 100)",
            render(table(scores), "text"),
            *(f"  {text}: {meaning}" for text, meaning in compositions.items()),
            "",
            f"Retrieval of translations, {BITEXT} (generated data, accuracy x 100), before and after {FIRST}",
            render(table([*before, *after]), "text"),
            "",
            f"{minutes:.1f} minutes. Next, after `source .venv/bin/activate`:",
            *(f"  {command}" for command in next_commands(folder, poor)),
        ]
    )


def next_commands(folder: Path, config: Config) -> Sequence[str]:
    """Return three commands to try after the demo."""
    return (
        shell("ui", "--folder", folder),
        command("eval", SECOND, "--task", SECOND, "--languages", "all", config=config, sections=("eval",)),
        "xstilts fuse mnli squad --target xquad --backbone embedded --data-root MIRROR",
    )
