"""Placeholders in the names of configs, files, columns and values: each stands for a language, in all of its spellings."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from itertools import product
from string import Formatter

from toolkit.errors import ConfigError
from toolkit.languages import Language, get_language


def spellings(text: str, language: str, names: Mapping[str, str] | None = None) -> tuple[str, ...]:
    """Return a text with its placeholders replaced for a language, by every code that data sets use for it, the usual first.

    Args:
        text: with `{code}` (ours, then what `names` says), `{iso3}` (ISO 639-3), `{ud}`, `{ud_lower}` (the name in Universal Dependencies),
            `{script}` (ISO 15924), `{name}` (what `names` says, else as `{iso3}`) and `{question}`.
        language: a language's code, or `context.question`.
        names: language -> what the data calls it.

    Example:
        >>> spellings("{iso3}_{script}", "sw"), spellings("udpos.{ud}", "de"), spellings("{name}", "zh", {"zh": "zho-CN"})
        (('swh_Latn', 'swa_Latn'), ('udpos.German',), ('zho-CN',))
    """
    if "{" not in text:
        return (text,)
    context, _, question = language.partition(".")
    used = list(dict.fromkeys(name for _, name, _, _ in Formatter().parse(text) if name))
    chosen = product(*(_WORDS[name](get_language(context), question, (names or {}).get(context)) for name in used))
    return tuple(dict.fromkeys(text.format(**dict(zip(used, each, strict=True))) for each in chosen))


# What each placeholder stands for, by a language, that of the question, and what the data calls the language, if that was said.
_WORDS: Mapping[str, Callable[[Language, str, str | None], tuple[str, ...]]] = {
    "code": lambda language, _, named: (language.code, *([named] if named else [])),
    "iso3": lambda language, *_: language.iso3_codes,
    "ud": lambda language, *_: (language.ud_name,),
    "ud_lower": lambda language, *_: (language.ud_name.lower(),),
    "script": lambda language, *_: (language.script_code,),
    "name": lambda language, _, named: language.iso3_codes if named is None else (named,),
    "question": lambda language, question, _: (question or language.code,),
}
PLACEHOLDERS = tuple(_WORDS)


def fill(text: str, language: str, names: Mapping[str, str] | None = None) -> str:
    """Return the first of a text's `spellings`."""
    return spellings(text, language, names)[0]


def check_placeholders(where: str, texts: Iterable[object]) -> None:
    """Raise a ConfigError if a text has a placeholder that does not exist.

    Args:
        where: begins the sentence.
        texts: what may hold placeholders; anything but text is left alone.
    """
    for text in texts:
        if not isinstance(text, str):
            continue
        try:
            parts = list(Formatter().parse(text))
        except ValueError:
            parts = [("", "", "", "")]
        for _, name, form, conversion in parts:
            if name is not None and (name not in PLACEHOLDERS or form or conversion):
                known = ", ".join(f"{{{each}}}" for each in PLACEHOLDERS)
                raise ConfigError(f"{where} has '{text}'; expected no placeholders but {known}.")
