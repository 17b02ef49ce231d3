"""Score compositions on perturbed rows, and attack them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from toolkit.composition import parse
from toolkit.config import Config
from toolkit.errors import ToolkitError
from toolkit.metrics import MAIN
from toolkit.modeling.circuit import Circuit
from toolkit.perturb import LEVELS, PERTURBATIONS, Noise, check_strength, parse_noise
from toolkit.perturb.attack import Attacked, AttackSettings, Labelled, attack, attack_measures
from toolkit.predictions import Prediction, read_predictions, write_predictions
from toolkit.progress import Progress, Report, silent
from toolkit.recipes import common
from toolkit.recipes.common import Say, say_nothing
from toolkit.recipes.evaluate import answer, answer_probabilities, choose_languages, protocol_words, scores_of, seed_of
from toolkit.recipes.identity import identity
from toolkit.recipes.noise import lexicons, noise_words, noisy
from toolkit.recipes.outcomes import outcomes_of
from toolkit.recipes.robust_records import Attacks, robust_tables, track_robust, write_robust
from toolkit.report import render
from toolkit.robustness import CLEAN, Fall, falls
from toolkit.score import Score, replace_text
from toolkit.score import from_dict as score_from_dict
from toolkit.score import to_dict as score_to_dict
from toolkit.significance import Outcomes
from toolkit.tasks import Task, get_task
from toolkit.tasks.rows import Rows
from toolkit.tasks.task import RETRIEVED
from toolkit.zoo import AdapterCard

Condition = tuple[str, float]  # perturbation and strength; (CLEAN, 0.0)


@dataclass(frozen=True)
class RobustResult:
    """What was found.

    Attributes:
        scores: one row per composition, condition, language and measure.
        falls: how far each composition falls under each perturbation, with intervals.
        attacks: attack -> composition -> language -> measure -> value; empty where nothing was attacked.
        text: the tables, for a terminal.
        folder: where `robust.md`, `robust.csv`, `scores.json`, the curves and the predictions lie.
    """

    scores: tuple[Score, ...]
    falls: tuple[Fall, ...]
    attacks: Attacks
    text: str
    folder: Path


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
        task: the task whose rows are perturbed; not a bitext or mining task (see `retrieve` with `noise.apply`).
        languages: `all`, or codes.
        perturb: `all` (what is defined for the task's kind, and needs nothing that is not given), a level, `none`, or names.
        strengths: in (0, 1].
        attacks: searches, each against each composition for itself.
        baseline: the composition that the others are set beside; default: the first.
    """
    target = get_task(task)
    if target.kind in RETRIEVED:
        raise ToolkitError(
            f"'{task}' is scored by retrieval: `xstilts retrieve '{expressions[0]}' --task {task} --set noise.apply=swap:0.1`."
        )
    names = [str(parse(expression)) for expression in expressions]
    if len(set(names)) < len(names):
        raise ToolkitError(
            f"'{next(n for n in names if names.count(n) > 1)}' is named twice; name each composition once."
        )
    base = str(parse(baseline)) if baseline else names[0]
    if base not in names:
        raise ToolkitError(f"The baseline '{base}' is not among the compositions {', '.join(names)}; add it to them.")
    conditions = _conditions(perturb, strengths, target, config, say)
    if not conditions and not attacks:
        raise ToolkitError("Nothing to do: no perturbation and no attack; name some with --perturb or --attack.")
    wanted = choose_languages(target, languages, config.data_root, say)
    folder = Path(config.run_dir) / "robust" / task
    scores: list[Score] = []
    outcomes: dict[tuple[str, str, float], dict[str, Outcomes]] = {}
    attacked: dict[str, dict[str, dict[str, dict[str, float]]]] = {each.name: {} for each in attacks}
    refused: dict[str, None] = {}  # in the order in which they were met
    for name in names:
        circuit, cards = common.trained_circuit(name, config, heads=None, report=report)
        if circuit.members:
            circuit.close()
            raise ToolkitError(f"'{name}' answers several times; score its members one by one.")
        with circuit:
            for language in wanted:
                rows = target.rows("score", language, data_root=config.data_root, limit=config.eval.limit)
                for condition in [(CLEAN, 0.0), *conditions]:
                    noise = _noise(condition)
                    reason = noise.why_not(target.kind, language.partition(".")[0]) if noise else None
                    if reason:
                        refused[reason] = None
                        continue
                    asked = noisy(rows, target, language, config, noise) if noise else rows
                    kept = (
                        folder / "predictions" / parse(name).slug / _file_name(condition) / f"{task}.{language}.jsonl"
                    )
                    found, own = _answered(kept, asked, circuit, cards, target, config, noise, condition, report)
                    scores += own
                    outcomes.setdefault((name, *condition), {})[language] = outcomes_of(
                        [found], target, MAIN[target.metric]
                    )
                for settings in attacks:
                    held = (
                        replace(settings, lexicons=tuple(lexicons(config, language)))
                        if _is_lexical(settings)
                        else settings
                    )
                    kept = folder / "attacks" / settings.name / parse(name).slug / f"{task}.{language}.jsonl"
                    measures = _attack(circuit, rows, target, language, config, held, kept, report)
                    attacked[settings.name].setdefault(name, {})[language] = measures
    for sentence in refused:
        say(f"Left out: {sentence}.")
    ordered = [base, *(name for name in names if name != base)]
    ordered_outcomes = {key: outcomes[key] for name in ordered for key in outcomes if key[0] == name}
    found_falls = tuple(falls(ordered_outcomes, baseline=base, is_parallel=target.parallel)) if conditions else ()
    tables = robust_tables(found_falls, attacked, target, config, scores)
    text = "\n".join(render(each, "text", width=160) for each in tables)
    write_robust(folder, tables, found_falls, attacked, scores, target, config)
    track_robust(names, found_falls, attacked, target, config, folder, say)
    return RobustResult(tuple(scores), found_falls, attacked, text, folder)


# -- what is asked for --------------------------------------------------------------------------------------------


def _conditions(
    perturb: str | Sequence[str], strengths: Sequence[float], target: Task, config: Config, say: Say
) -> list[Condition]:
    """Return every perturbation at every strength."""
    asked = perturb.split(",") if isinstance(perturb, str) else list(perturb)
    for strength in strengths:
        check_strength(strength)
        if strength == 0:
            raise ToolkitError(
                "Strength 0 leaves the rows as they are, which is scored anyway; name strengths above 0."
            )
    if asked == ["none"]:
        return []
    chosen: list[str] = []
    for name in asked:
        if name == "all" or name in LEVELS:
            for each in PERTURBATIONS.values():
                if (name != "all" and each.level != name) or target.kind not in each.kinds:
                    continue
                lacks = {"lexicon": config.noise.lexicons is None, "partner": config.noise.mix_with is None}
                if lacks.get(each.needs):
                    key = {"lexicon": "noise.lexicons=DIR", "partner": "noise.mix_with=CODE"}[each.needs]
                    say(f"Left out: {each.name} needs --set {key}.")
                    continue
                chosen.append(each.name)
        else:
            parse_noise("+".join(f"{part}:0" for part in name.split("+")))  # says what is wrong with a name
            chosen.append(name)
    return [(name, strength) for name in dict.fromkeys(chosen) for strength in sorted(set(strengths))]


def _noise(condition: Condition) -> Noise | None:
    name, strength = condition
    return None if name == CLEAN else parse_noise("+".join(f"{part}:{strength!r}" for part in name.split("+")))


def _is_lexical(settings: AttackSettings) -> bool:
    return settings.name == "code-switch"


def _file_name(condition: Condition) -> str:
    return CLEAN if condition[0] == CLEAN else f"{condition[0]}~{condition[1]:g}"


# -- answers ------------------------------------------------------------------------------------------------------


def _answered(
    kept: Path,
    rows: Rows,
    circuit: Circuit,
    cards: dict[str, AdapterCard],
    target: Task,
    config: Config,
    noise: Noise | None,
    condition: Condition,
    report: Report,
) -> tuple[list[Prediction], list[Score]]:
    """Return the answers to a condition's rows in one language: those that are kept, or new ones."""
    protocol = " ".join(
        filter(None, (protocol_words(config.eval, target, circuit), noise_words(config, noise) if noise else ""))
    )
    # The protocol names this condition's noise, the identity everything else that can move an answer.
    determined_by = [rows.fingerprint, protocol, identity(circuit.backbone, cards, config, target.name)]
    key = hashlib.sha256(json.dumps(determined_by, sort_keys=True, default=str).encode()).hexdigest()
    held = kept.with_suffix(".json")
    if kept.exists() and held.exists():
        values = json.loads(held.read_text(encoding="utf-8"))
        if values.get("key") == key:
            return read_predictions(kept), [score_from_dict(each) for each in values["scores"]]
    answered, _ = answer(circuit, rows, target, config, report=report)
    (found,) = answered.values()
    scores = scores_of(answered, rows, circuit, seed_of(cards), protocol)
    held.unlink(missing_ok=True)  # from here to the last line a kill leaves answers without a key, which are made again
    write_predictions(found.predictions, kept)
    replace_text(held, json.dumps({"key": key, "scores": [score_to_dict(score) for score in scores]}) + "\n")
    return list(found.predictions), scores


def _attack(
    circuit: Circuit,
    rows: Rows,
    target: Task,
    language: str,
    config: Config,
    settings: AttackSettings,
    kept: Path,
    report: Report,
) -> dict[str, float]:
    """Attack one language's rows, save what became of each, and return the measures."""
    what = f"attack {target.name} {language}"
    originals: list[Labelled] = list(rows)  # type: ignore[arg-type]  # `attack` refuses other kinds
    found = attack(
        originals,
        lambda asked: answer_probabilities(circuit, asked, target, config),
        kind=target.kind,
        language=language,
        settings=settings,
        on_round=lambda done, total: report(Progress(what, done, total)),
    )
    lines = (json.dumps(_record(each), ensure_ascii=False) for each in found)
    replace_text(kept, "".join(f"{line}\n" for line in lines))
    return attack_measures(found, originals, target.kind)


def _record(each: Attacked) -> dict:
    return {**asdict(each), "row": asdict(each.row)}
