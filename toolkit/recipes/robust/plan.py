"""Plan of `robust`: the conditions that are scored, and the languages of each; known before a model is loaded."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from toolkit.config import Config
from toolkit.errors import ToolkitError
from toolkit.perturb import ATTACKED, LEVELS, PERTURBATIONS, Noise, check_strength, fields_of, parse_noise
from toolkit.perturb.attacked import AttackSettings
from toolkit.recipes.session.noise import check_given, speaks, wanted_fields
from toolkit.recipes.session.session import Session
from toolkit.registry import each_once
from toolkit.statistics.robustness import CLEAN
from toolkit.tasks import Task
from toolkit.tasks.kinds import Kind

# Whether a kind's score is a sum over rows, which can be resampled.
CAN_BE_SUMMED: dict[Kind, bool] = {
    "pair": True,
    "choice": True,
    "span": True,
    "tags": True,
    "bitext": True,
    "mining": False,
    "retrieval": False,
    "text": False,
}
Condition = tuple[str, float]
"""Perturbation and strength; (CLEAN, 0.0) for rows as they are."""


@dataclass(frozen=True)
class Stress:
    """Noise and attacks as a user asks for them.

    Attributes:
        perturb: `all` (defined for the task's kind, with everything it needs given), a level, `none`, or names. A perturbation
            that is not defined in a language is left out there and reported; one that is asked for by its name must be
            defined in at least one language.
        strengths: in (0, 1].
        attacks: searches, each against each composition.
    """

    perturb: str | Sequence[str] = "all"
    strengths: Sequence[float] = (0.1, 0.2)
    attacks: Sequence[AttackSettings] = ()


@dataclass(frozen=True)
class Asked:
    """Conditions and attacks, each with the languages that it is defined in.

    Attributes:
        conditions: without the clean one.
        languages: condition -> languages.
        attacks: attack -> languages.
    """

    conditions: tuple[Condition, ...]
    languages: Mapping[Condition, tuple[str, ...]]
    attacks: Mapping[str, tuple[str, ...]]

    def in_language(self, language: str) -> list[Condition]:
        """Return the conditions of a language, the clean one first."""
        return [(CLEAN, 0.0), *(each for each in self.conditions if language in self.languages[each])]


def plan_robust(stress: Stress, target: Task, wanted: Sequence[str], session: Session) -> Asked:
    """Return every perturbation at every strength, and every attack, with their languages.

    What is not defined for a language, or lacks its lexicon, is left out there and reported.

    Raises:
        ToolkitError: an unknown name; a strength outside (0, 1]; a perturbation asked for by its name is defined in none of the
            languages; an attack on a task without labels; nothing is left to do.
    """
    config = session.config
    fields_of(target.kind, wanted_fields(config))
    for strength in stress.strengths:
        check_strength(strength)
        if strength == 0:
            raise ToolkitError(
                "Strength 0 leaves the rows as they are, which is scored anyway; name strengths above 0."
            )
    refused: dict[str, None] = {}  # in the order in which they were met
    places = _places(stress, target, wanted, session, refused)
    each_once([settings.name for settings in stress.attacks], "attack")
    searches: dict[str, tuple[str, ...]] = {
        settings.name: _searched(settings, target, wanted, config, refused) for settings in stress.attacks
    }
    for sentence in refused:
        session.say(f"Left out: {sentence}.")
    conditions = [(name, strength) for name in places for strength in sorted(each_once(stress.strengths, "strength"))]
    if not conditions and not searches:
        raise ToolkitError("Nothing to do: no perturbation and no attack; name some with --perturb or --attack.")
    return Asked(tuple(conditions), {each: places[each[0]] for each in conditions}, searches)


def _places(
    stress: Stress, target: Task, wanted: Sequence[str], session: Session, refused: dict[str, None]
) -> dict[str, tuple[str, ...]]:
    """Return the languages of each perturbation, and add to `refused` why it is not defined in the others."""
    names, named = _names(stress.perturb, target, session)
    found: dict[str, tuple[str, ...]] = {}
    for name in names:
        noise = noise_of((name, 0.0))
        reasons = {language: why_not(noise, target, language, session.config) for language in wanted}
        fitting = tuple(language for language, reason in reasons.items() if reason is None)
        against = [reason for reason in reasons.values() if reason is not None]
        if name in named and not fitting and against:
            raise ToolkitError(f"{against[0]}.")
        refused |= dict.fromkeys(against)
        if fitting:
            check_given(noise.needs, session.config, fitting[0].partition(".")[0])
            found[name] = fitting
    return found


def _searched(
    settings: AttackSettings, target: Task, wanted: Sequence[str], config: Config, refused: dict[str, None]
) -> tuple[str, ...]:
    """Return the languages of an attack, and add to `refused` why it is not possible in the others."""
    if target.kind not in ATTACKED:
        raise ToolkitError(
            f"An attack turns a label; {target.kind} rows have none; attack a {' or '.join(ATTACKED)} task."
        )
    if is_lexical(settings):
        check_given(("lexicon",), config, wanted[0].partition(".")[0])
    lacking = [c for c in wanted if is_lexical(settings) and c.partition(".")[0] not in speaks(config)]
    if len(lacking) == len(wanted):
        raise ToolkitError(_no_lexicon(settings.name, lacking[0], config) + ".")
    refused |= dict.fromkeys(_no_lexicon(settings.name, code, config) for code in lacking)
    return tuple(code for code in wanted if code not in lacking)


def _names(perturb: str | Sequence[str], target: Task, session: Session) -> tuple[list[str], set[str]]:
    """Return the perturbations, and those of them that were asked for by their own names."""
    settings = session.config.noise
    every = [part.strip() for part in (perturb.split(",") if isinstance(perturb, str) else perturb)]
    asked = each_once(every, "perturbation")
    chosen: list[str] = []
    named: set[str] = set()
    for name in asked if asked != ["none"] else ():
        if name == "all" or name in LEVELS:
            for each in PERTURBATIONS.values():
                if (name != "all" and each.level != name) or target.kind not in each.kinds:
                    continue
                lacks = {"lexicon": settings.lexicons is None, "partner": settings.mix_with is None}
                if lacks.get(each.needs):
                    key = {"lexicon": "noise.lexicons=DIR", "partner": "noise.mix_with=CODE"}[each.needs]
                    session.say(f"Left out: {each.name} needs --set {key}.")
                    continue
                chosen.append(each.name)
        else:
            noise_of((name, 0.0))  # raises for a wrong name
            chosen.append(name)
            named.add(name)
    return list(dict.fromkeys(chosen)), named


def why_not(noise: Noise, target: Task, language: str, config: Config) -> str | None:
    """Return why a noise cannot be applied to a task's rows in a language with these settings, or None where it can."""
    code = language.partition(".")[0]
    reason = noise.why_not(target.kind, code)
    if reason:
        return reason
    if "lexicon" in noise.needs and config.noise.lexicons is not None and code not in speaks(config):
        return _no_lexicon("code-switch", code, config)
    if "partner" in noise.needs and config.noise.mix_with is not None:
        if not target.parallel:
            return f"'language-mix' needs rows that are parallel across languages; those of {target.name} are not"
        if target.resolve_language(config.noise.mix_with) == language:
            return f"'language-mix' with {language} leaves rows in {language} as they are"
    return None


def noise_of(condition: Condition) -> Noise:
    """Return the noise of a condition; every part of a chain `a+b` has its strength."""
    name, strength = condition
    return parse_noise("+".join(f"{part}:{strength!r}" for part in name.split("+")))


def is_lexical(settings: AttackSettings) -> bool:
    """Return whether an attack takes its words from lexicons."""
    return settings.name == "code-switch"


def _no_lexicon(what: str, language: str, config: Config) -> str:
    return f"'{what}' in {language} needs a lexicon that {config.noise.lexicons} lacks, for example {language}-en.txt"
