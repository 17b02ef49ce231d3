"""Score compositions on perturbed rows, and attack them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from toolkit.composition import parse
from toolkit.config import Config
from toolkit.errors import ToolkitError
from toolkit.metrics import MAIN
from toolkit.perturb.attack import AttackSettings
from toolkit.progress import Report, silent
from toolkit.recipes.robust.answers import Answering
from toolkit.recipes.robust.plan import Condition, is_lexical, noise_of, plan_robust
from toolkit.recipes.robust.write import Attacks, falls_csv, robust_tables, track_robust, write_robust
from toolkit.recipes.score.evaluate import choose_languages
from toolkit.recipes.score.outcomes import outcomes_of
from toolkit.recipes.session.common import Say, say_nothing
from toolkit.recipes.session.noise import lexicons, noisy, wanted_fields
from toolkit.recipes.session.session import Session
from toolkit.report import render
from toolkit.results.result import Record, WrittenResult, from_csv
from toolkit.results.score import Score
from toolkit.statistics.outcomes import Outcomes
from toolkit.statistics.robustness import CLEAN, Fall, falls
from toolkit.tasks import get_task
from toolkit.tasks.kinds import RETRIEVED


@dataclass(frozen=True)
class RobustResult(WrittenResult):
    """Result under noise and attacks; its folder holds `robust.md`, `robust.csv`, `scores.json`, curves and predictions.

    Attributes:
        scores: one row per composition, condition, language and measure.
        falls: how far each composition falls under each perturbation, with intervals.
        attacks: attack -> composition -> language -> measure -> value; empty where nothing was attacked.
    """

    scores: tuple[Score, ...]
    falls: tuple[Fall, ...]
    attacks: Attacks

    def records(self) -> list[Record]:
        """Return the falls, as `robust.csv` has them; of attacks without noise one row for each measure."""
        if self.falls:
            return from_csv(falls_csv(self.falls))
        return [
            {"composition": name, "attack": attack, "language": language, "measure": measure, "value": value}
            for attack, by_name in self.attacks.items()
            for name, by_language in by_name.items()
            for language, measures in by_language.items()
            for measure, value in measures.items()
        ]


def robust(
    expressions: Sequence[str],
    config: Config,
    *,
    task: str,
    languages: str | Sequence[str] = "all",
    perturb: str | Sequence[str] = "all",
    strengths: Sequence[float] = (0.1, 0.2),
    attacks: Sequence[AttackSettings] = (),
    baseline: str | None = None,
    report: Report = silent,
    say: Say = say_nothing,
) -> RobustResult:
    """Score every composition clean, under every perturbation at every strength, and under attack.

    All compositions are scored on the same perturbed rows. What was answered is kept, so that a run that was killed, or one with a
    further composition or strength, answers only what is new.

    Args:
        expressions: compositions whose entries the zoo holds, with heads that answer the task.
        task: the task whose rows are perturbed; of a bitext one side. Not a mining or retrieval task (see `retrieve` with
            `noise.apply`).
        languages: `all`, or codes.
        perturb: `all` (what is defined for the task's kind, and needs nothing that is not given), a level, `none`, or names. What is
            not defined in a language is left out there and named; what was named by name must be defined in one.
        strengths: in (0, 1].
        attacks: searches, each against each composition for itself.
        baseline: the composition that the others are set beside; default: the first.
    """
    target = get_task(task)
    if target.kind in RETRIEVED and target.kind != "bitext":
        raise ToolkitError(
            f"'{task}' has no score that is a sum over rows: `xstilts retrieve '{expressions[0]}' --task {task} --set noise.apply=swap:0.1` "
            "scores it under one noise."
        )
    names = [str(parse(expression)) for expression in expressions]
    if len(set(names)) < len(names):
        raise ToolkitError(
            f"'{next(n for n in names if names.count(n) > 1)}' is named twice; name each composition once."
        )
    base = str(parse(baseline)) if baseline else names[0]
    if base not in names:
        raise ToolkitError(f"The baseline '{base}' is not among the compositions {', '.join(names)}; add it to them.")
    wanted = choose_languages(target, languages, Session.open(config, say=say))
    asked = plan_robust(perturb, strengths, attacks, target, wanted, config, say)
    folder = Path(config.run_dir) / "robust" / task
    limit = config.retrieve.limit if target.kind == "bitext" else config.eval.limit
    scores: list[Score] = []
    outcomes: dict[tuple[str, str, float], dict[str, Outcomes]] = {}
    attacked: dict[str, dict[str, dict[str, dict[str, float]]]] = {each.name: {} for each in attacks}
    for name in names:
        slug = parse(name).slug
        with Answering(name, target, config, report, say) as answering:
            for language in wanted:
                rows = target.rows("score", language, data_root=config.data_root, limit=limit)
                for condition in asked.in_language(language):
                    noise = None if condition[0] == CLEAN else noise_of(condition)
                    put = noisy(rows, target, language, config, noise) if noise else rows
                    kept = folder / "predictions" / slug / _file_name(condition) / f"{task}.{language}.jsonl"
                    found, own = answering.answers(put, noise, kept)
                    scores += own
                    outcomes.setdefault((name, *condition), {})[language] = outcomes_of(
                        [found], target, MAIN[target.metric]
                    )
                for settings in attacks:
                    if language not in asked.attacks[settings.name]:
                        continue
                    held = tuple(lexicons(config, language.partition(".")[0])) if is_lexical(settings) else ()
                    kept = folder / "attacks" / settings.name / slug / f"{task}.{language}.jsonl"
                    measures = answering.attacked(
                        rows, replace(settings, lexicons=held, fields=wanted_fields(config) or ()), kept
                    )
                    attacked[settings.name].setdefault(name, {})[language] = measures
    ordered = [base, *(name for name in names if name != base)]
    ordered_outcomes = {key: outcomes[key] for name in ordered for key in outcomes if key[0] == name}
    found_falls = tuple(falls(ordered_outcomes, baseline=base, is_parallel=target.parallel)) if asked.conditions else ()
    tables = robust_tables(found_falls, attacked, target, config, scores)
    text = "\n".join(render(each, "text", width=160) for each in tables)
    write_robust(folder, tables, found_falls, attacked, scores, target, config)
    track_robust(names, found_falls, attacked, target, config, folder, say)
    return RobustResult(scores=tuple(scores), falls=found_falls, attacks=attacked, text=text, folder=folder)


def _file_name(condition: Condition) -> str:
    return CLEAN if condition[0] == CLEAN else f"{condition[0]}~{condition[1]:g}"
