"""Tags of languages as BCP 47 writes them: read, checked against the registry of subtags, and cut to what tells languages apart.

Codes, likely scripts and names come from the library `langcodes` and its data package `language_data`, which are imported when a
code is asked for that `toolkit.languages` does not list. Why a tag becomes which code: docs/decisions/0039-any-language.md.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from langcodes import Language as Tag

_FORM = "[A-Za-z]{1,8}(-[A-Za-z0-9]{1,8})*"
_PRIVATE = "q[a-t][a-z]"  # ISO 639-3 leaves these to their users
# The words that this project has for scripts, by ISO 15924 code, where the library has others or is not yet imported.
SCRIPT_NAMES: Mapping[str, str] = {
    "Hani": "Han", "Hans": "Han", "Hant": "Han", "Jpan": "Japanese", "Hang": "Hangul", "Kore": "Hangul",
    "Latn": "Latin", "Cyrl": "Cyrillic", "Arab": "Arabic", "Deva": "Devanagari", "Grek": "Greek", "Hebr": "Hebrew",
    "Ethi": "Ethiopic", "Mymr": "Myanmar", "Laoo": "Lao",
}  # fmt: skip


class UnreadableTag(ValueError):
    """A tag that names no language, with the sentence that says why; empty if nothing more is known than that."""


def read_tag(text: str, ours: Mapping[str, str]) -> tuple[str, ...]:
    """Return the language of a tag, and the script, region and variants that it does not say already.

    Capitals do not matter, and `_` divides as well as `-`.

    Args:
        text: the tag.
        ours: codes that are filed under another one here: `{"cmn": "zh"}`.

    Raises:
        UnreadableTag: not a tag, or an unknown or retired one.

    Example:
        >>> [read_tag(text, {"cmn": "zh"}) for text in ("iw", "cmn-TW", "quy_Latn")]
        [('he',), ('zh', 'Hant'), ('quy',)]
    """
    from langcodes import Language as Tag
    from langcodes.tag_parser import LanguageTagError

    text = text.replace("_", "-")
    if not re.fullmatch(_FORM, text):
        raise UnreadableTag
    if "-" in text and (whole := _whole(text)):
        return read_tag(_now(text, whole), ours)
    try:
        tag = Tag.get(text, normalize=False)
    except (LanguageTagError, LookupError):
        raise UnreadableTag from None
    if not tag.language or tag.extensions or tag.private:
        raise UnreadableTag
    language = _current((tag.extlangs or [tag.language])[0])
    language = ours.get(language, language)
    if tag.script or tag.territory or tag.variants:
        return (language, *_rest(language, tag))
    return (language,)


def _current(subtag: str) -> str:
    """Return the two or three letters that the registry has for a language today."""
    from langcodes.data_dicts import LANGUAGE_ALPHA3, LANGUAGE_ALPHA3_BIBLIOGRAPHIC

    if re.fullmatch(_PRIVATE, subtag):
        return subtag
    for table in (LANGUAGE_ALPHA3, LANGUAGE_ALPHA3_BIBLIOGRAPHIC):
        subtag = next((two for two, three in table.items() if three == subtag and len(two) == 2), subtag)
    entry = _entry(subtag)
    if entry.get("Type") != "language":
        raise UnreadableTag
    if entry.get("Scope") == "special":
        raise UnreadableTag(f"'{subtag}' stands for no language ({entry['Description']})")
    return _current(_now(subtag, entry)) if "Deprecated" in entry else subtag


def _now(text: str, entry: Mapping[str, str]) -> str:
    """Return what a retired code or tag is called now."""
    if (preferred := entry.get("Preferred-Value")) is not None:
        return preferred
    since = f" since {entry['Deprecated'][:4]}" if "Deprecated" in entry else ""
    heirs = ", ".join(
        f"'{each}'" for each in re.findall(r"\b[a-z]{2,3}\b", entry.get("Comments", "").removeprefix("see "))
    )
    way_out = f"write one of {heirs}" if heirs else "the registry of languages names no successor"
    raise UnreadableTag(f"'{text}' ({entry['Description']}) is retired{since}; {way_out}")


def _rest(language: str, tag: Tag) -> tuple[str, ...]:
    from langcodes import Language as Tag

    said = [each for each in (tag.script, tag.territory, *(tag.variants or ())) if each]
    if not all(_entry(each) for each in said):
        odd = next(each for each in said if not _entry(each))
        raise UnreadableTag(f"'{odd}' in '{tag.to_tag()}' is neither a script nor a region that the registry has")
    usual = usual_script(language)
    full = _likely(Tag.make(language, territory=tag.territory))
    script = tag.script or (full and full.script) or usual
    written = _likely(Tag.make(language, script=script))
    is_there = tag.territory == (written and written.territory)
    is_usual = script == usual or {script, usual} == {"Hang", "Kore"}
    kept = (None if is_usual else script, None if is_there else tag.territory, *(tag.variants or ()))
    return tuple(each for each in kept if each)


def _likely(tag: Tag) -> Tag | None:
    """Return a tag with its likely script and region, or None where Unicode's table has nothing of its language."""
    full = tag.maximize()
    # What the table lacks becomes the language of no tag at all, which is English in the United States.
    return None if full.script == "Latn" and full.territory == "US" and tag.language != "en" else full


@cache
def usual_script(code: str) -> str:
    """Return the ISO 15924 code of the script that a language is usually written in.

    Where Unicode's table of likely scripts has nothing of it, that of its macrolanguage is taken, or else `Latn`.

    Example:
        >>> usual_script("zh"), usual_script("zh-HK"), usual_script("acm"), usual_script("quy")
        ('Hans', 'Hant', 'Arab', 'Latn')
    """
    from langcodes import Language as Tag

    tag = Tag.get(code, normalize=False)
    if (full := _likely(tag)) is not None and full.script:
        return "Hang" if full.script == "Kore" else full.script
    wider = macrolanguage(tag.language or "")
    return usual_script(wider) if wider else "Latn"


def macrolanguage(language: str) -> str | None:
    """Return the code of the macrolanguage that a language belongs to, or None: `ar` of `acm`, `ak` of `tw`."""
    return _entry(language).get("Macrolanguage")


@cache
def script_name(script: str) -> str:
    """Return the English name of a script: `Latin` for `Latn`; of Han, whichever of its forms, `Han`."""
    from langcodes import Language as Tag

    return SCRIPT_NAMES.get(script) or str(Tag.make(script=script).script_name())


@cache
def language_name(code: str) -> str:
    """Return the English name of a language.

    Example:
        >>> language_name("quy"), language_name("zh-Hant"), language_name("pt-PT")
        ('Ayacucho Quechua', 'Chinese (Traditional)', 'Portuguese (Portugal)')
    """
    from langcodes import Language as Tag

    return str(Tag.get(code, normalize=False).display_name())


def alpha3(language: str) -> str:
    """Return the ISO 639-3 code of a language: `lug` for `lg`."""
    from langcodes import Language as Tag

    return str(Tag.get(language, normalize=False).to_alpha3())


def named(name: str) -> str | None:
    """Return the code of the language with an English name, or None.

    Example:
        >>> named("Guarani"), named("Elvish")
        ('gn', None)
    """
    from langcodes import find

    try:
        return str(find(name, language="en").language)
    except (LookupError, UnicodeError):  # the library fails at NUL and at lone surrogates
        return None


def spoken_in(country: str) -> tuple[str, str] | None:
    """Return the main language of a country that an ISO 3166 code names, and the country's name; None if there is none.

    Example:
        >>> spoken_in("jp")
        ('ja', 'Japan')
    """
    from langcodes import Language as Tag

    tag = Tag.make(territory=country.upper())
    if not re.fullmatch("[a-z]{2}", country.lower()) or not _entry(country.upper()):
        return None
    main = tag.maximize().language
    return (main, str(tag.territory_name())) if main else None


@cache
def _registry() -> str:
    from importlib import resources

    return (resources.files("langcodes") / "data" / "language-subtag-registry.txt").read_text(encoding="utf-8")


def _whole(tag: str) -> dict[str, str]:
    """Return what the registry says of a tag that was registered as a whole; empty if none was."""
    found = re.search(rf"\nType: grandfathered\nTag: {re.escape(tag)}\n", _registry(), re.IGNORECASE)
    return _read_entry(found.start() + 1) if found else {}


def _entry(subtag: str) -> dict[str, str]:
    """Return what the registry says of a subtag: a language in small letters, a region in capitals; empty if it lacks it."""
    at = _registry().find(f"\nSubtag: {subtag}\n")
    return _read_entry(_registry().rindex("%%\n", 0, at) + 3) if at >= 0 else {}


def _read_entry(start: int) -> dict[str, str]:
    text = _registry()[start : _registry().find("%%", start)]
    entry: dict[str, str] = {}
    for line in re.sub(r"\n  +", " ", text).splitlines():
        key, _, value = line.partition(": ")
        entry.setdefault(key, value)
    return entry
