"""Make `xtreme.json`: what XTREME's own `evaluate.py` averages small answers of our own to.

    python -m tests.recipes.golden.make SCRIPTS

SCRIPTS is a folder with XTREME's `evaluate.py` as `xtreme_evaluate.py`, and its `evaluate_squad.py` and `evaluate_mlqa.py`, none
of which is a part of this project (docs/decisions/0013-suites.md).
"""

from __future__ import annotations

import importlib
import json
import random
import sys
import tempfile
import types
from pathlib import Path

from toolkit.tasks.suites import get_suite

HERE = Path(__file__).parent
SIZE = 12
NAMES = {"bucc": "bucc2018"}  # as the script calls it
WORDS = ["the", "red", "car,", "a", "blue", "house.", "2010", "Rom", "Rome", "«Rom»", "北京", "city", "of"]
TAGS = {"panx": ["O", "B-PER", "I-PER", "B-LOC"], "udpos": ["NOUN", "VERB", "DET", "ADJ"]}

Answers = dict[str, dict[str, tuple[list, list]]]


def answers() -> Answers:
    """Return gold and predictions for each task of XTREME in each of its languages, the same on every call."""
    dice = random.Random(6)
    found: Answers = {}
    for entry in get_suite("xtreme").entries:
        found[entry.task] = {}
        for language in entry.languages:
            right = dice.uniform(0.2, 0.9)  # languages differ
            gold = [_gold(dice, entry.task, i) for i in range(dice.randint(SIZE // 2, SIZE))]
            predicted = [
                each if dice.random() < right else _gold(dice, entry.task, 90 + i) for i, each in enumerate(gold)
            ]
            found[entry.task][language] = (gold, predicted)
    return found


def _gold(dice: random.Random, task: str, number: int) -> object:
    if task in TAGS:
        # As many tags for any row of a number, so that a wrong row has the right length.
        return dice.choices(TAGS[task], k=5)
    if task in ("xquad", "mlqa", "tydiqa"):
        return " ".join(dice.choices(WORDS, k=dice.randint(1, 3)))
    if task == "bucc":
        return f"de-{number:03}\ten-{dice.randrange(50):03}"
    return str(dice.randrange(3))


def make(scripts: Path) -> None:
    """Write the predictions as the script's files, run it, and keep the figures."""
    sys.path.insert(0, str(scripts))
    package = types.ModuleType("third_party")
    sys.modules["third_party"] = package
    for name in ("evaluate_squad", "evaluate_mlqa"):
        sys.modules[f"third_party.{name}"] = importlib.import_module(name)
    mewslix = types.ModuleType("third_party.utils_mewslix")
    mewslix.evaluate = None  # type: ignore[attr-defined]  # XTREME-R's, which is not run
    sys.modules[mewslix.__name__] = mewslix
    script = importlib.import_module("xtreme_evaluate")
    with tempfile.TemporaryDirectory() as folder:
        for task, languages in answers().items():
            for language, both in languages.items():
                for side, rows in zip(("labels", "predictions"), both, strict=True):
                    _write(Path(folder) / side / NAMES.get(task, task), task, language, side, rows)
        groups, tasks = script.evaluate(f"{folder}/predictions", f"{folder}/labels", "xtreme")
    ours = {theirs: name for name, theirs in NAMES.items()}
    held = {
        "average": groups.pop("all_task") / 100,
        "groups": {name: value / 100 for name, value in groups.items()},
        "tasks": {ours.get(name, name): found["avg_metric"] / 100 for name, found in tasks.items()},
    }
    (HERE / "xtreme.json").write_text(json.dumps(held, indent=1) + "\n", encoding="utf-8")


def _write(folder: Path, task: str, language: str, side: str, rows: list) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    if task in ("xquad", "mlqa", "tydiqa"):
        qas = [{"id": str(i), "answers": [{"text": text}]} for i, text in enumerate(rows)]
        held = [{"paragraphs": [{"qas": qas}]}] if side == "labels" else {str(i): text for i, text in enumerate(rows)}
        (folder / f"test-{language}.json").write_text(json.dumps(held), encoding="utf-8")
        return
    lines = ["".join(f"{tag}\n" for tag in row) for row in rows] if task in TAGS else rows
    (folder / f"test-{language}.tsv").write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    make(Path(sys.argv[1]))
