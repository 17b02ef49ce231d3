"""Journey `robust`: score compositions on perturbed rows, and attack them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from toolkit.composition import parse
from toolkit.config import Config
from toolkit.config.command import command
from toolkit.errors import ToolkitError
from toolkit.metrics import MAIN
from toolkit.outputs import Output
from toolkit.recipes.robust.answers import Answering
from toolkit.recipes.robust.plan import CAN_BE_SUMMED, Asked, Condition, Stress, is_lexical, noise_of, plan_robust
from toolkit.recipes.robust.write import Attacks, Found, falls_csv, robust_tables, track_robust, write_robust
from toolkit.recipes.score.evaluate import choose_languages
from toolkit.recipes.score.outcomes import outcomes_of
from toolkit.recipes.session.limits import LIMITS, limited_rows
from toolkit.recipes.session.noise import lexicons, noisy, wanted_fields
from toolkit.recipes.session.session import Session
from toolkit.registry import each_once
from toolkit.report import render
from toolkit.results.result import Record, WrittenResult, from_csv
from toolkit.results.score import Score
from toolkit.statistics.outcomes import Outcomes
from toolkit.statistics.robustness import CLEAN, Fall, falls
from toolkit.tasks import Task


@dataclass(frozen=True)
class RobustResult(WrittenResult):
    """Result under noise and attacks; its folder holds `robust.md`, `robust.csv`, `scores.json`, curves and predictions.

    Attributes:
        scores: one row per composition, condition, language and measure.
        falls: the fall of each composition under each perturbation, with intervals.
        attacks: attack -> composition -> language -> measure -> value; empty if nothing was attacked.
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


@dataclass
class _Collected:
    """Scores, outcomes and attacks as they come in."""

    scores: list[Score] = field(default_factory=list)
    outcomes: dict[tuple[str, str, float], dict[str, Outcomes]] = field(default_factory=dict)
    attacks: dict[str, dict[str, dict[str, dict[str, float]]]] = field(default_factory=dict)


def robust(
    expressions: Sequence[str],
    session: Session,
    *,
    task: str,
    languages: str | Sequence[str] = "all",
    stress: Stress = Stress(),  # noqa: B008  # frozen
    baseline: str | None = None,
) -> RobustResult:
    """Score every composition clean, under every perturbation at every strength, and under attack.

    All compositions are scored on the same perturbed rows. Answers are kept, so a run that was killed, or one with a further
    composition or strength, answers only what is new.

    Args:
        expressions: compositions whose entries the zoo holds, with heads that answer the task.
        session: of the configuration.
        task: the task whose rows are perturbed; of a bitext one side. Not a mining or retrieval task (see `retrieve` with
            `noise.apply`).
        languages: `all`, or codes.
        stress: perturbations, strengths and attacks.
        baseline: the composition that the others are compared with; None: the first.
    """
    target = session.catalogue.get(task)
    names, base = _compositions(expressions, target, baseline, session.config)
    wanted = choose_languages(target, languages, session)
    asked = plan_robust(stress, target, wanted, session)
    folder = Path(session.config.run_dir) / "robust" / task
    collected = _Collected(attacks={each.name: {} for each in stress.attacks})
    for name in names:
        with Answering(name, target, session) as answering:
            for language in wanted:
                _answer(answering, language, asked, stress, folder, collected)
    ordered = [base, *(name for name in names if name != base)]
    outcomes = {key: collected.outcomes[key] for name in ordered for key in collected.outcomes if key[0] == name}
    found_falls = tuple(falls(outcomes, baseline=base, is_parallel=target.parallel)) if asked.conditions else ()
    found = Found(target, tuple(names), found_falls, collected.attacks, tuple(collected.scores))
    tables = robust_tables(found, session.config)
    text = "\n".join(render(each, "text", width=160) for each in tables)
    with Output(folder) as output:
        write_robust(found, tables, output.stage)
        output.commit()
    track_robust(found, output.stage, session)
    output.release()
    return RobustResult(text=text, folder=folder, scores=found.scores, falls=found_falls, attacks=collected.attacks)


def _compositions(
    expressions: Sequence[str], target: Task, baseline: str | None, config: Config
) -> tuple[list[str], str]:
    """Return the compositions and the baseline, each in its canonical form.

    Raises:
        ToolkitError: a composition is named twice, the baseline is not among them, or the task has no score by row.
    """
    if not CAN_BE_SUMMED[target.kind]:
        one_noise = replace(config, noise=replace(config.noise, apply="swap:0.1"))
        journey = LIMITS[target.kind]
        words = command(
            journey, expressions[0], "--task", target.name, config=one_noise, sections=(journey, "noise", "store")
        )
        raise ToolkitError(
            f"'{target.name}' has no score that is a sum over rows: `{words}` scores it under one noise."
        )
    names = each_once([str(parse(expression)) for expression in expressions], "composition", said=expressions)
    base = str(parse(baseline)) if baseline else names[0]
    if base not in names:
        raise ToolkitError(f"The baseline '{base}' is not among the compositions {', '.join(names)}; add it to them.")
    return names, base


def _answer(
    answering: Answering, language: str, asked: Asked, stress: Stress, folder: Path, collected: _Collected
) -> None:
    """Answer one language's rows under every condition, and attack them."""
    config, target, name = answering.config, answering.target, answering.name
    slug, file = parse(name).slug, f"{target.name}.{language}.jsonl"
    rows = limited_rows(target, "score", language, config)
    for condition in asked.in_language(language):
        noise = None if condition[0] == CLEAN else noise_of(condition)
        put = noisy(rows, target, language, answering.session, noise) if noise else rows
        found, own = answering.answers(put, noise, folder / "predictions" / slug / _file_name(condition) / file)
        collected.scores += own
        outcomes = outcomes_of([found], target, MAIN[target.metric])
        collected.outcomes.setdefault((name, *condition), {})[language] = outcomes
    for settings in stress.attacks:
        if language not in asked.attacks[settings.name]:
            continue
        held = tuple(lexicons(answering.session, language.partition(".")[0])) if is_lexical(settings) else ()
        search = replace(settings, lexicons=held, fields=wanted_fields(config) or ())
        measures = answering.attacked(rows, search, folder / "attacks" / settings.name / slug / file)
        collected.attacks[settings.name].setdefault(name, {})[language] = measures


def _file_name(condition: Condition) -> str:
    return CLEAN if condition[0] == CLEAN else f"{condition[0]}~{condition[1]:g}"
