"""What `robust` is asked for: conditions, and where each of them can be met. All of it is known before a model is loaded."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from toolkit.config import Config
from toolkit.errors import ToolkitError
from toolkit.perturb import ATTACKED, LEVELS, PERTURBATIONS, Noise, check_strength, fields_of, parse_noise
from toolkit.perturb.attacked import AttackSettings
from toolkit.recipes.session.common import Say
from toolkit.recipes.session.noise import check_given, speaks, wanted_fields
from toolkit.statistics.robustness import CLEAN
from toolkit.tasks import Task

Condition = tuple[str, float]  # perturbation and strength; (CLEAN, 0.0)


@dataclass(frozen=True)
class Asked:
    """Conditions and attacks, each with the languages in which it can be met.

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


def plan_robust(
    perturb: str | Sequence[str],
    strengths: Sequence[float],
    attacks: Iterable[AttackSettings],
    target: Task,
    wanted: Sequence[str],
    config: Config,
    say: Say,
) -> Asked:
    """Return every perturbation at every strength, and every attack, with their languages.

    What is not defined for a language, or lacks its lexicon, is left out there and named.

    Raises:
        ToolkitError: an unknown name; a strength outside (0, 1]; what was named by name can be met in none of the languages; an attack on
            a task without labels; nothing is left to do.
    """
    fields_of(target.kind, wanted_fields(config))
    names, named = _names(perturb, target, config, say)
    for strength in strengths:
        check_strength(strength)
        if strength == 0:
            raise ToolkitError(
                "Strength 0 leaves the rows as they are, which is scored anyway; name strengths above 0."
            )
    refused: dict[str, None] = {}  # in the order in which they were met
    places: dict[str, tuple[str, ...]] = {}
    for name in names:
        noise = noise_of((name, 0.0))
        reasons = {language: why_not(noise, target, language, config) for language in wanted}
        found = tuple(language for language, reason in reasons.items() if reason is None)
        told = [reason for reason in reasons.values() if reason is not None]
        if name in named and not found and told:
            raise ToolkitError(f"{told[0]}.")
        refused |= dict.fromkeys(told)
        if found:
            check_given(noise.needs, config, found[0].partition(".")[0])
            places[name] = found
    searches: dict[str, tuple[str, ...]] = {}
    for settings in attacks:
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
        searches[settings.name] = tuple(code for code in wanted if code not in lacking)
    for sentence in refused:
        say(f"Left out: {sentence}.")
    conditions = [(name, strength) for name in places for strength in sorted(set(strengths))]
    if not conditions and not searches:
        raise ToolkitError("Nothing to do: no perturbation and no attack; name some with --perturb or --attack.")
    return Asked(tuple(conditions), {each: places[each[0]] for each in conditions}, searches)


def _names(perturb: str | Sequence[str], target: Task, config: Config, say: Say) -> tuple[list[str], set[str]]:
    """Return the perturbations, and those of them that were named by their own names."""
    asked = [part.strip() for part in (perturb.split(",") if isinstance(perturb, str) else perturb)]
    chosen: list[str] = []
    named: set[str] = set()
    for name in asked if asked != ["none"] else ():
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
            noise_of((name, 0.0))  # says what is wrong with a name
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
    """Return the noise of a condition; of a chain `a+b` every part has its strength."""
    name, strength = condition
    return parse_noise("+".join(f"{part}:{strength!r}" for part in name.split("+")))


def is_lexical(settings: AttackSettings) -> bool:
    """Whether an attack takes its words from lexicons."""
    return settings.name == "code-switch"


def _no_lexicon(what: str, language: str, config: Config) -> str:
    return f"'{what}' in {language} needs a lexicon that {config.noise.lexicons} lacks, for example {language}-en.txt"
