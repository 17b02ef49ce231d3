"""A sweep's folder written by hand: every score and every answer is known."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from toolkit.results.predictions import Prediction, write_predictions
from toolkit.results.score import Score
from toolkit.sweeps import Cell, Planned, Record, Step, Sweep, SweepFolder
from toolkit.sweeps.grid import template

Place = tuple[str, str, tuple[str, ...]]
"""The axis that a row comes from, its method and its members."""

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
    places: Mapping[str, Place] | None = None,
    noises: Mapping[str, Mapping[str, float]] | None = None,
    question: str = "What helps?",
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
        places: row -> where it comes from, of rows that are neither intermediates nor orders.
        noises: name of a noise -> row -> the share that it takes; the axis `settings` with a point `clean` before them.
        question: of the sweep.
    """
    cells, steps, records = [], [], []
    folder = SweepFolder(root)
    variants = {"clean": dict.fromkeys(rows, 0.0), **noises} if noises else {"": dict.fromkeys(rows, 0.0)}
    grid = [(variant, row, task, seed) for variant in variants for row in rows for task in rows[row] for seed in seeds]
    stages: dict[str, Step] = {}
    for variant, row, task, seed in grid:
        share = rows[row][task] - variants[variant].get(row, 0.0)
        members = () if row == "baseline" else tuple(row.split(" > "))
        group, method = "baseline" if row == "baseline" else "orders" if row in orders else "intermediates", "stack"
        if places and row in places:
            group, method, members = places[row]
        # Of sources the members are languages: the composition is of no account here.
        composition = template("stack", () if group == "sources" else members).format(target=task)
        key = f"{len(cells):016x}"
        trained = f"{row} {task} {seed}"
        stages.setdefault(trained, Step(f"f{len(stages):015d}", "train", composition, seed, (), {}))
        name = " | ".join([row, task, f"seed {seed}", *([variant] if variant else [])])
        cells.append(
            Cell(
                name=name,
                row=row,
                group=group,
                method=method,
                members=members,
                composition=composition,
                task=task,
                languages=",".join(LANGUAGES),
                seed=seed,
                variant=variant,
                is_baseline=row == "baseline",
                settings={"noise.apply": variant} if variant in (noises or {}) else {},
                key=key,
            )
        )
        below = (stages[trained].key,)
        steps.append(Step(key, "evaluate", composition, seed, below, {}, task=task, languages=",".join(LANGUAGES)))
        state = (left or {}).get(name, "done")
        if state == "waiting":
            continue
        scores = _scores(root / "cells" / key, task, row, composition, seed, share, has_predictions)
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
    for step in stages.values():
        made = Record(
            key=step.key, kind="train", composition=step.composition, state="done", folder=f"stages/{step.key}"
        )
        records.append(made)
    grown = Sweep("hand", "Intermediates by target", question, tuple(cells))
    folder.write_plan(Planned(grown, (*stages.values(), *steps), {}, "", 1))
    for record in records:
        folder.write(record)
    return root


def _scores(
    place: Path, task: str, row: str, composition: str, seed: int, share: float, has_predictions: bool
) -> tuple[Score, ...]:
    found = []
    for number, code in enumerate(LANGUAGES):
        # The same examples are hard for everybody, as in a real test set.
        hard = np.random.default_rng(number).random(N)
        noise = np.random.default_rng([seed, number, *row.encode()]).random(N)
        right = (0.7 * hard + 0.3 * noise) < share + 0.01 * seed - 0.05 * number
        if has_predictions:
            answers = [Prediction(f"r{i}", 1, int(is_right), float(is_right)) for i, is_right in enumerate(right)]
            write_predictions(answers, place / "predictions" / f"{task}.{code}.jsonl")
        value = float(right.mean())
        found.append(Score(task, code, "accuracy", value, N, composition, seed, is_generated=task.startswith("micro")))
    return tuple(found)
