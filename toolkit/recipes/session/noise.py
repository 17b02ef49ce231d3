"""Noise in a recipe: what a configuration asks for, applied to a task's rows."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path

from toolkit.config import Config
from toolkit.errors import DataError, ToolkitError
from toolkit.perturb import Lexicon, Noise, augment, lexicon_languages, make_lexicon, parse_noise, read_lexicons
from toolkit.recipes.session.limits import limited_rows
from toolkit.recipes.session.session import Session
from toolkit.registry import each_once
from toolkit.tasks import Task
from toolkit.tasks.micro import LANGUAGES as MICRO_LANGUAGES
from toolkit.tasks.micro.lexicons import word_pairs
from toolkit.tasks.task import Rows

MICRO = "micro"
_NO_PARTNER = "language-mix needs the language of the second sentence; name it with --set noise.mix_with=de."
_NO_LEXICONS = "code-switch needs lexicons from {}; name their folder with --set noise.lexicons=DIR, or micro for the micro-world's."


def check_given(needs: Collection[str], config: Config, language: str) -> None:
    """Refuse what needs a lexicon or a second language where the settings name none.

    Args:
        needs: of `lexicon` and `partner`.
        language: of the rows.
    """
    if "lexicon" in needs and config.noise.lexicons is None:
        raise ToolkitError(_NO_LEXICONS.format(language))
    if "partner" in needs and config.noise.mix_with is None:
        raise ToolkitError(_NO_PARTNER)


def noisy(rows: Rows, task: Task, language: str, session: Session, noise: Noise | None = None) -> Rows:
    """Return a task's scored rows with the noise that is asked for.

    Args:
        rows: the task's `score` rows in the language.
        session: of the settings; damaged lines of a lexicon are said through it, once.
        noise: what is done; None: what `noise.apply` says, if anything.

    Raises:
        ToolkitError: see `perturb`; also a noise that needs a lexicon or a second language and is given none.
    """
    config, settings = session.config, session.config.noise
    noise = noise or (parse_noise(settings.apply) if settings.apply else None)
    if noise is None:
        return rows
    partner = None
    if "partner" in noise.needs:
        if settings.mix_with is None:
            raise ToolkitError(_NO_PARTNER)
        if not task.parallel:
            raise ToolkitError(
                f"language-mix needs rows that are parallel across languages; those of {task.name} are not."
            )
        partner = task.rows("score", settings.mix_with, data_root=config.data_root)
    return noise.apply(
        rows,
        seed=settings.seed,
        fields=wanted_fields(config),
        lexicons=lexicons(session, language.partition(".")[0]) if "lexicon" in noise.needs else (),
        partner=partner,
    )


def wanted_fields(config: Config) -> tuple[str, ...] | None:
    """Return the text fields that `noise.fields` names; None: those of the task's kind."""
    named = config.noise.fields
    return tuple(each_once([part.strip() for part in named.split(",")], "field")) if named else None


def scored_rows(task: Task, language: str, session: Session) -> Rows:
    """Return the rows that a task scores in a language, within their limit and with the noise that is asked for."""
    return noisy(limited_rows(task, "score", language, session.config), task, language, session)


def noise_words(config: Config, noise: Noise | None = None) -> str:
    """Return what a protocol says about noise, or an empty text where there is none."""
    settings = config.noise
    if noise is None and settings.apply:
        noise = parse_noise(settings.apply)
    if noise is None:
        return ""
    said = f"noise={noise} noise_seed={settings.seed}"
    said += f" noise_fields={settings.fields}" if settings.fields else ""
    return said + (f" mix_with={settings.mix_with}" if "partner" in noise.needs else "")


def with_noise(protocol: str, config: Config) -> str:
    """Return a protocol with what it says about noise, where there is any."""
    return " ".join(filter(None, (protocol, noise_words(config))))


def augmented(rows: Rows, session: Session) -> Rows:
    """Return training rows with `train.augment` in them."""
    settings = session.config.train
    if not settings.augment:
        return rows
    noise = parse_noise(settings.augment)
    if "partner" in noise.needs:
        raise ToolkitError("train.augment cannot mix languages; train on a mix[...] of them instead.")
    held = lexicons(session, rows.language) if "lexicon" in noise.needs else ()
    return augment(rows, noise, rate=settings.augment_rate, seed=settings.seed, lexicons=held)


def speaks(config: Config) -> frozenset[str]:
    """Return the languages that `noise.lexicons` has a lexicon from; none where it is not set.

    Raises:
        DataError: it names a folder that is not there.
    """
    where = config.noise.lexicons
    if where is None:
        return frozenset()
    return frozenset(MICRO_LANGUAGES) if where == MICRO else lexicon_languages(Path(where))


def lexicons(session: Session, language: str) -> Sequence[Lexicon]:
    """Return every lexicon from a language that `noise.lexicons` holds; say once which lines of one are damaged.

    Raises:
        ToolkitError: none is set.
        DataError: there is none from the language, or one is faulty.
    """
    where = session.config.noise.lexicons
    if where is None:
        raise ToolkitError(_NO_LEXICONS.format(language))
    if where == MICRO:
        if language not in MICRO_LANGUAGES:
            raise DataError(f"The micro-world does not speak {language}; it speaks {', '.join(MICRO_LANGUAGES)}.")
        return [
            make_lexicon(language, other, word_pairs(language, other), origin=f"micro {language}-{other}")
            for other in MICRO_LANGUAGES
            if other != language
        ]
    found = read_lexicons(Path(where), language)
    for lexicon in found:
        if n := len(lexicon.damaged):
            session.tell.once(f"{n} damaged line{'s'[: n > 1]} of a lexicon left out; the first: {lexicon.damaged[0]}")
    return found
