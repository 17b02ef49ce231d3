"""Placeholders in the names of configs, files, columns and values: each stands for a language, in all of its spellings."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import product
from string import Formatter

from toolkit.errors import ConfigError
from toolkit.languages import LANGUAGES

PLACEHOLDERS = ("code", "iso3", "ud", "ud_lower", "script", "name", "question")
# ISO 15924 codes, as in `swh_Latn`; Chinese without another word is simplified.
_SCRIPTS = """
Arabic Arab  Armenian Armn  Bengali Beng  Cyrillic Cyrl  Devanagari Deva  Ethiopic Ethi  Georgian Geor  Greek Grek
Gujarati Gujr  Gurmukhi Guru  Han Hans  Hangul Hang  Hebrew Hebr  Japanese Jpan  Kannada Knda  Khmer Khmr  Lao Laoo
Latin Latn  Malayalam Mlym  Myanmar Mymr  Odia Orya  Sinhala Sinh  Tamil Taml  Telugu Telu  Thai Thai
"""
SCRIPTS: Mapping[str, str] = dict(zip(_SCRIPTS.split()[::2], _SCRIPTS.split()[1::2], strict=True))


def spellings(text: str, language: str, names: Mapping[str, str] | None = None) -> tuple[str, ...]:
    """Return a text with its placeholders replaced for a language, by every code that data sets use for it, the usual first.

    Args:
        text: with `{code}` (ISO 639-1), `{iso3}` (ISO 639-3), `{ud}`, `{ud_lower}` (the name in Universal Dependencies),
            `{script}` (ISO 15924), `{name}` (what `names` says, else as `{iso3}`) and `{question}`.
        language: ISO 639-1 code, or `context.question`.
        names: language -> what the data calls it.

    Example:
        >>> spellings("{iso3}_{script}", "sw"), spellings("udpos.{ud}", "de"), spellings("{name}", "zh", {"zh": "zho-CN"})
        (('swh_Latn', 'swa_Latn'), ('udpos.German',), ('zho-CN',))
    """
    if "{" not in text:
        return (text,)
    context, _, question = language.partition(".")
    found = LANGUAGES[context]
    named = (names or {}).get(context)
    codes = (found.iso3, *found.other_codes)
    choices = {
        "code": (found.code,),
        "iso3": codes,
        "ud": (found.ud_name,),
        "ud_lower": (found.ud_name.lower(),),
        "script": (SCRIPTS[found.script],),
        "name": codes if named is None else (named,),
        "question": (question or context,),
    }
    used = [name for _, name, _, _ in Formatter().parse(text) if name]
    chosen = product(*(choices[name] for name in dict.fromkeys(used)))
    return tuple(dict.fromkeys(text.format(**dict(zip(dict.fromkeys(used), each, strict=True))) for each in chosen))


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
