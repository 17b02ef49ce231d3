"""Files, tables and tracked runs of `robust`."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from toolkit.composition import parse
from toolkit.config import Config
from toolkit.files import replace_text
from toolkit.metrics import MAIN
from toolkit.perturb import PERTURBATIONS
from toolkit.recipes.session.session import Session
from toolkit.report import GENERATED_NOTE, Table, render
from toolkit.report.robustness import attack_by_language, attacks_table, falls_table, strength_curves
from toolkit.results.score import Score, write_csv, write_json
from toolkit.safe_text import csv_text, markdown_text
from toolkit.statistics.robustness import CLEAN, Fall
from toolkit.tasks import Task

Attacks = Mapping[str, Mapping[str, Mapping[str, Mapping[str, float]]]]
"""Attack -> composition -> language -> measure -> value."""


@dataclass(frozen=True)
class Found:
    """Everything that `robust` found.

    Attributes:
        target: the task.
        names: the compositions.
        falls: of each composition under each perturbation.
        attacks: measures of the attacks.
        scores: one row per composition, condition, language and measure.
    """

    target: Task
    names: tuple[str, ...]
    falls: tuple[Fall, ...]
    attacks: Attacks
    scores: tuple[Score, ...]

    @property
    def measure(self) -> str:
        """The task's main measure."""
        return MAIN[self.target.metric]


def robust_tables(found: Found, config: Config) -> list[Table]:
    """Return the table of falls, and one table for each attack."""
    notes = [GENERATED_NOTE] if found.target.is_generated else []
    dubious = [name for name, each in PERTURBATIONS.items() if not each.keeps_meaning]
    task = found.target.name
    tables = []
    if found.falls:
        n = max(score.n for score in found.scores)
        seed = config.noise.seed
        title = f"{task}, {found.measure} in %, mean over languages, up to {n} rows each, noise seed {seed}"
        tables.append(falls_table(found.falls, title=title, dubious=dubious, notes=notes))
    for name, measures in found.attacks.items():
        tables.append(attacks_table(measures, title=f"{task}, attack '{name}', means over languages, in %"))
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
            noise = next((part[6:] for part in protocol.split() if part.startswith("noise=")), CLEAN)
            rows.append((noise, *(values.get(code) for code in languages)))
        tables.append(Table(f"{composition}, {measure} in %", ("noise", *languages), tuple(rows)))
    return tables


def _attacked(attacked: Attacks) -> list[Table]:
    """Return one table for each attack on each composition: languages down, measures across."""
    return [
        attack_by_language(by_language, title=f"{composition}, attack '{name}', in %")
        for name, measures in attacked.items()
        for composition, by_language in measures.items()
    ]


_ESTIMATES = ("drop", "gain", "spared")
_COLUMNS = (
    *("composition", "perturbation", "strength", "languages", "clean", "noisy", "drop_rate"),
    *(f"{name}{what}" for name in _ESTIMATES for what in ("", "_low", "_high", "_p")),
)


def write_robust(found: Found, tables: Sequence[Table], folder: Path) -> None:
    """Write the result as Markdown, CSV, JSON and a figure."""
    target, measure = found.target, found.measure
    every = [*tables, *_by_language(found.scores, measure), *_attacked(found.attacks)]
    text = "\n".join(render(each, "markdown") for each in every)
    replace_text(folder / "robust.md", f"# Robustness on {markdown_text(target.name)}\n\n{text}")
    write_json(found.scores, folder / "scores.json")
    write_csv(found.scores, folder / "scores.csv")
    replace_text(folder / "robust.csv", falls_csv(found.falls))
    replace_text(folder / "attacks.json", json.dumps(found.attacks, indent=1) + "\n")
    if found.falls:
        title = f"{target.name}: {measure} against strength, mean over languages"
        strength_curves(found.falls, folder / "curves.png", title=title, measure=measure)


def falls_csv(found: Sequence[Fall]) -> str:
    """Return one line for each composition, perturbation and strength, in fractions."""
    lines = []
    for fall in found:
        line: list[object] = [fall.composition, fall.perturbation, fall.strength, " ".join(fall.languages)]
        line += [fall.clean, fall.noisy, fall.drop_rate]
        for each in (fall.drop, fall.gain, fall.spared):
            line += [None] * 4 if each is None else [each.value, each.low, each.high, each.adjusted]
        lines.append(line)
    return csv_text(_COLUMNS, lines)


def track_robust(found: Found, folder: Path, session: Session) -> None:
    """Record one run for each composition; a score's step is its strength in percent, so that a chart is the curve."""
    target, config = found.target, session.config
    stem = f"{target.name}/{found.measure}"
    files = ("robust.md", "robust.csv", "scores.json", "attacks.json", *(["curves.png"] if found.falls else []))
    for name in found.names:
        with session.tracked(
            f"robust {name} on {target.name}",
            experiment=target.name,
            tags={**parse(name).tags(), "journey": "robust", "backbone": config.backbone.name},
            params={"composition": name, "backbone": config.backbone.name, "noise_seed": config.noise.seed},
        ) as tracker:
            for fall in found.falls:
                if fall.composition == name:
                    label = fall.perturbation.replace("+", "_")
                    tracker.log_metrics({f"{stem}/noise/{label}": fall.noisy}, step=round(100 * fall.strength))
                    tracker.log_metrics({f"{stem}/noise/{label}": fall.clean}, step=0)
            for kind, by_name in found.attacks.items():
                for language, measures in by_name.get(name, {}).items():
                    tracker.log_metrics({f"{target.name}/{kind}/{key}/{language}": v for key, v in measures.items()})
            for file in files:
                tracker.log_artifact(folder / file)
