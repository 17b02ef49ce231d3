"""What `robust` writes: tables, CSV, curves, and a run for each composition."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from toolkit.composition import parse
from toolkit.config import Config
from toolkit.files import replace_text
from toolkit.metrics import MAIN
from toolkit.perturb import PERTURBATIONS
from toolkit.recipes.session import common
from toolkit.recipes.session.common import Say
from toolkit.report import GENERATED_NOTE, Table, render
from toolkit.report.robustness import attack_by_language, attacks_table, falls_table, strength_curves
from toolkit.results.score import Score, write_csv, write_json
from toolkit.statistics.robustness import CLEAN, Fall
from toolkit.tasks import Task

Attacks = Mapping[str, Mapping[str, Mapping[str, Mapping[str, float]]]]
"""Attack -> composition -> language -> measure -> value."""


def robust_tables(
    found: Sequence[Fall],
    attacked: Attacks,
    target: Task,
    config: Config,
    scores: Sequence[Score],
) -> list[Table]:
    """Return the table of the same noise, and one for each attack."""
    notes = [GENERATED_NOTE] if target.is_generated else []
    dubious = [name for name, each in PERTURBATIONS.items() if not each.keeps_meaning]
    measure = MAIN[target.metric]
    tables = []
    if found:
        n = max(score.n for score in scores)
        title = (
            f"{target.name}, {measure} in %, mean over languages, up to {n} rows each, noise seed {config.noise.seed}"
        )
        tables.append(falls_table(found, title=title, dubious=dubious, notes=notes))
    for name, measures in attacked.items():
        tables.append(attacks_table(measures, title=f"{target.name}, attack '{name}', means over languages, in %"))
    return tables


def _by_language(scores: Sequence[Score], measure: str) -> list[Table]:
    """Return one table for each composition: conditions down, languages across."""
    tables = []
    for composition in dict.fromkeys(score.composition for score in scores):
        own = [score for score in scores if score.composition == composition and score.metric == measure]
        languages = list(dict.fromkeys(score.language for score in own))
        rows = []
        for protocol in dict.fromkeys(score.protocol for score in own):
            values = {score.language: 100 * score.value for score in own if score.protocol == protocol}
            told = next((part[6:] for part in protocol.split() if part.startswith("noise=")), CLEAN)
            rows.append((told, *(values.get(code) for code in languages)))
        tables.append(Table(f"{composition}, {measure} in %", ("noise", *languages), tuple(rows)))
    return tables


def _attacked(attacked: Attacks) -> list[Table]:
    """Return one table for each attack on each composition: languages down, measures across."""
    return [
        attack_by_language(by_language, title=f"{composition}, attack '{name}', in %")
        for name, measures in attacked.items()
        for composition, by_language in measures.items()
    ]


def write_robust(
    folder: Path,
    tables: Sequence[Table],
    found: Sequence[Fall],
    attacked: Attacks,
    scores: Sequence[Score],
    target: Task,
    config: Config,
) -> None:
    """Write what was found as Markdown, CSV, JSON and a figure."""
    measure = MAIN[target.metric]
    text = "\n".join(
        render(each, "markdown") for each in [*tables, *_by_language(scores, measure), *_attacked(attacked)]
    )
    replace_text(folder / "robust.md", f"# Robustness on {target.name}\n\n{text}")
    write_json(scores, folder / "scores.json")
    write_csv(scores, folder / "scores.csv")
    replace_text(folder / "robust.csv", falls_csv(found))
    replace_text(folder / "attacks.json", json.dumps(attacked, indent=1) + "\n")
    if found:
        title = f"{target.name}: {measure} against strength, mean over languages"
        strength_curves(found, folder / "curves.png", title=title, measure=measure)


def falls_csv(found: Sequence[Fall]) -> str:
    """Return how far each composition falls under each noise as tidy CSV, in fractions."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(
        [
            "composition",
            "perturbation",
            "strength",
            "languages",
            "clean",
            "noisy",
            "drop_rate",
            "drop",
            "drop_low",
            "drop_high",
            "drop_p",
            "gain",
            "gain_low",
            "gain_high",
            "gain_p",
            "spared",
            "spared_low",
            "spared_high",
            "spared_p",
        ]
    )
    for fall in found:
        line: list = [fall.composition, fall.perturbation, fall.strength, " ".join(fall.languages)]
        line += [fall.clean, fall.noisy, fall.drop_rate]
        for each in (fall.drop, fall.gain, fall.spared):
            line += ["", "", "", ""] if each is None else [each.value, each.low, each.high, each.adjusted]
        writer.writerow(line)
    return buffer.getvalue()


def track_robust(
    names: Sequence[str],
    found: Sequence[Fall],
    attacked: Attacks,
    target: Task,
    config: Config,
    folder: Path,
    say: Say,
) -> None:
    """Record one run for each composition; a score's step is its strength in percent, so that a chart is the curve."""
    tracker = common.open_config_tracker(config)
    stem = f"{target.name}/{MAIN[target.metric]}"
    for name in names:
        tracker.start(
            name,
            experiment=target.name,
            tags={**parse(name).tags(), "journey": "robust", "backbone": config.backbone.name},
            params={"composition": name, "backbone": config.backbone.name, "noise_seed": config.noise.seed},
        )
        for fall in found:
            if fall.composition == name:
                label = fall.perturbation.replace("+", "_")
                tracker.log_metrics({f"{stem}/noise/{label}": fall.noisy}, step=round(100 * fall.strength))
                tracker.log_metrics({f"{stem}/noise/{label}": fall.clean}, step=0)
        for kind, by_name in attacked.items():
            for language, measures in by_name.get(name, {}).items():
                tracker.log_metrics({f"{target.name}/{kind}/{key}/{language}": v for key, v in measures.items()})
        for file in ("robust.md", "robust.csv", "scores.json", "attacks.json", *(["curves.png"] if found else [])):
            tracker.log_artifact(folder / file)
        tracker.close()
    for note in tracker.notes:
        say(note)
