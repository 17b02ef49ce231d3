"""A sweep's folder written by hand: every score and every answer is known."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from toolkit.predictions import Prediction, write_predictions
from toolkit.score import Score
from toolkit.sweeps import Cell, Planned, Record, Step, Sweep, SweepFolder
from toolkit.sweeps.grid import template

LANGUAGES = ("en", "de", "sw", "yo")
N = 200


def hand_written(
    root: Path,
    rows: Mapping[str, Mapping[str, float]],
    *,
    seeds: Sequence[int] = (0, 1),
    orders: Sequence[str] = (),
    left: Mapping[str, str] | None = None,
    contaminated: str = "",
    has_predictions: bool = True,
) -> Path:
    """Write a sweep.

    Args:
        root: its folder.
        rows: row -> target -> the share of right answers; the row `baseline` is the one the others are compared with.
        seeds: of every cell; each moves the share by a hundredth.
        orders: rows that are orders of one set of members, written `a > b`.
        left: name of a cell -> its state, `failed` or `waiting`.
        contaminated: row whose training rows overlap with those scored.
        has_predictions: whether there are answers by row.
    """
    cells, steps, records = [], [], []
    folder = SweepFolder(root)
    for row, targets in rows.items():
        members = () if row == "baseline" else tuple(row.split(" > "))
        for task, share in targets.items():
            for seed in seeds:
                key = f"{len(cells):016x}"
                group = "baseline" if row == "baseline" else "orders" if row in orders else "intermediates"
                composition = task if row == "baseline" else template("stack", members).format(target=task)
                name = f"{row} | {task} | seed {seed}"
                cells.append(
                    Cell(
                        name=name,
                        row=row,
                        group=group,
                        method="stack",
                        members=members,
                        composition=composition,
                        task=task,
                        languages=",".join(LANGUAGES),
                        seed=seed,
                        is_baseline=row == "baseline",
                        key=key,
                    )
                )
                steps.append(Step(key, "evaluate", composition, seed, (), {}, task=task, languages=",".join(LANGUAGES)))
                state = (left or {}).get(name, "done")
                if state == "waiting":
                    continue
                scores = _scores(root / "cells" / key, task, composition, seed, share, has_predictions)
                records.append(
                    Record(
                        key=key,
                        kind="evaluate",
                        composition=composition,
                        state="failed" if state == "failed" else "done",
                        error="The disk is full; free space." if state == "failed" else "",
                        folder=f"cells/{key}",
                        predictions=f"cells/{key}/predictions" if has_predictions else "",
                        scores=() if state == "failed" else scores,
                        contamination=(f"'{row}' saw rows of {task}.",) if row == contaminated else (),
                    )
                )
    folder.write_plan(
        Planned(Sweep("hand", "Intermediates by target", "What helps?", tuple(cells)), tuple(steps), {}, "", 1)
    )
    for record in records:
        folder.write(record)
    return root


def _scores(
    place: Path, task: str, composition: str, seed: int, share: float, has_predictions: bool
) -> tuple[Score, ...]:
    found = []
    for number, code in enumerate(LANGUAGES):
        # The same examples are hard for everybody, as in a real test set.
        hard = np.random.default_rng(number).random(N)
        noise = np.random.default_rng([seed, number, len(composition), ord(composition[-1])]).random(N)
        right = (0.7 * hard + 0.3 * noise) < share + 0.01 * seed - 0.05 * number
        if has_predictions:
            answers = [Prediction(f"r{i}", 1, int(is_right), float(is_right)) for i, is_right in enumerate(right)]
            write_predictions(answers, place / "predictions" / f"{task}.{code}.jsonl")
        value = float(right.mean())
        found.append(Score(task, code, "accuracy", value, N, composition, seed, is_generated=task.startswith("micro")))
    return tuple(found)
