"""Languages: the only place where a language code is checked."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache

from toolkit.errors import ConfigError, ToolkitError
from toolkit.registry import unknown

# code, ISO 639-3, name, script, family; then, where they differ, the name Universal Dependencies uses (`ud=`) and
# further ISO 639-3 codes that datasets use for the same language (macrolanguage or its standard member).
# ISO 639-3 is the code Tatoeba and LASER use.
_TABLE = """
af  afr  Afrikaans       Latin       Indo-European
am  amh  Amharic         Ethiopic    Afro-Asiatic
ar  ara  Arabic          Arabic      Afro-Asiatic     arb
az  aze  Azerbaijani     Latin       Turkic           azj
be  bel  Belarusian      Cyrillic    Indo-European
bg  bul  Bulgarian       Cyrillic    Indo-European
bn  ben  Bengali         Bengali     Indo-European
ca  cat  Catalan         Latin       Indo-European
cs  ces  Czech           Latin       Indo-European
da  dan  Danish          Latin       Indo-European
de  deu  German          Latin       Indo-European
el  ell  Greek           Greek       Indo-European
en  eng  English         Latin       Indo-European
es  spa  Spanish         Latin       Indo-European
et  est  Estonian        Latin       Uralic           ekk
eu  eus  Basque          Latin       Isolate
fa  pes  Persian         Arabic      Indo-European    fas
fi  fin  Finnish         Latin       Uralic
fr  fra  French          Latin       Indo-European
gu  guj  Gujarati        Gujarati    Indo-European
he  heb  Hebrew          Hebrew      Afro-Asiatic
hi  hin  Hindi           Devanagari  Indo-European
hr  hrv  Croatian        Latin       Indo-European
ht  hat  Haitian_Creole  Latin       Indo-European
hu  hun  Hungarian       Latin       Uralic
hy  hye  Armenian        Armenian    Indo-European
id  ind  Indonesian      Latin       Austronesian
is  isl  Icelandic       Latin       Indo-European
it  ita  Italian         Latin       Indo-European
ja  jpn  Japanese        Japanese    Japonic
jv  jav  Javanese        Latin       Austronesian
ka  kat  Georgian        Georgian    Kartvelian
kk  kaz  Kazakh          Cyrillic    Turkic
ko  kor  Korean          Hangul      Koreanic
lt  lit  Lithuanian      Latin       Indo-European
lv  lav  Latvian         Latin       Indo-European    lvs
ml  mal  Malayalam       Malayalam   Dravidian
mr  mar  Marathi         Devanagari  Indo-European
ms  msa  Malay           Latin       Austronesian     zsm
my  mya  Burmese         Myanmar     Sino-Tibetan
nl  nld  Dutch           Latin       Indo-European
no  nor  Norwegian       Latin       Indo-European    nob
pa  pan  Punjabi         Gurmukhi    Indo-European
pl  pol  Polish          Latin       Indo-European
pt  por  Portuguese      Latin       Indo-European
qu  que  Quechua         Latin       Quechuan         quz,quy
ro  ron  Romanian        Latin       Indo-European
ru  rus  Russian         Cyrillic    Indo-European
sk  slk  Slovak          Latin       Indo-European
sl  slv  Slovenian       Latin       Indo-European
sr  srp  Serbian         Cyrillic    Indo-European
sv  swe  Swedish         Latin       Indo-European
sw  swh  Swahili         Latin       Niger-Congo      swa
ta  tam  Tamil           Tamil       Dravidian
te  tel  Telugu          Telugu      Dravidian
th  tha  Thai            Thai        Kra-Dai
tl  tgl  Tagalog         Latin       Austronesian     fil
tr  tur  Turkish         Latin       Turkic
uk  ukr  Ukrainian       Cyrillic    Indo-European
ur  urd  Urdu            Arabic      Indo-European
vi  vie  Vietnamese      Latin       Austro-Asiatic
wo  wol  Wolof           Latin       Niger-Congo
yo  yor  Yoruba          Latin       Niger-Congo
zh  cmn  Chinese         Han         Sino-Tibetan     zho
"""


@dataclass(frozen=True, slots=True)
class Language:
    """A language.

    Attributes:
        code: ISO 639-1 code, the one used everywhere in this project: `de`.
        iso3: ISO 639-3 code as Tatoeba and LASER use it: `deu`; `cmn` for Chinese, `swh` for Swahili.
        name: English name, also the one in `udpos.<name>` configs, with spaces: `Haitian Creole`.
        script: the script it is usually written in: `Latin`.
        family: language family: `Indo-European`.
        other_codes: further ISO 639-3 codes that datasets use for it.
    """

    code: str
    iso3: str
    name: str
    script: str
    family: str
    other_codes: tuple[str, ...] = ()

    def __str__(self) -> str:
        return self.code

    @property
    def ud_name(self) -> str:
        """The name in Universal Dependencies' style, as in `udpos.German`: spaces become underscores."""
        return self.name.replace(" ", "_")


def _parse(line: str) -> Language:
    code, iso3, name, script, family, *others = line.split()
    return Language(
        code, iso3, name.replace("_", " "), script, family, tuple(",".join(others).split(",")) if others else ()
    )


LANGUAGES: dict[str, Language] = {line.split()[0]: _parse(line) for line in _TABLE.strip().splitlines()}


def get_language(code: str, *, error: type[ToolkitError] = ConfigError) -> Language:
    """Return the language with an ISO 639-1 code.

    Args:
        code: for example `de`.
        error: the error class for an unknown code.

    Raises:
        ConfigError: no such language; the message names the nearest codes.

    Example:
        >>> get_language("zh").iso3
        'cmn'
    """
    if code in LANGUAGES:
        return LANGUAGES[code]
    for find in (_by_iso3, _by_name):
        found = find().get(code if find is _by_iso3 else code.lower())
        if found:
            raise error(f"No language code '{code}': write '{found.code}' for {found.name}.")
    raise unknown("language", code, LANGUAGES, error=error)


def from_iso3(code: str, *, error: type[ToolkitError] = ConfigError) -> Language:
    """Return the language with an ISO 639-3 code, macrolanguage codes included.

    Example:
        >>> from_iso3("cmn").code, from_iso3("arb").code, from_iso3("swa").code
        ('zh', 'ar', 'sw')
    """
    found = _by_iso3().get(code)
    if found is None:
        raise unknown("ISO 639-3 language", code, _by_iso3(), error=error)
    return found


def from_ud_name(name: str, *, error: type[ToolkitError] = ConfigError) -> Language:
    """Return the language with the name Universal Dependencies uses, as in `udpos.German`.

    Example:
        >>> from_ud_name("German").code
        'de'
    """
    found = _by_name().get(name.replace("_", " ").lower())
    if found is None:
        raise unknown("language", name, [language.ud_name for language in LANGUAGES.values()], error=error)
    return found


def find_language(code: str, *, error: type[ToolkitError] = ConfigError) -> Language:
    """Return the language with an ISO 639-1 or an ISO 639-3 code.

    Example:
        >>> find_language("de") is find_language("deu")
        True
    """
    return _by_iso3().get(code) or get_language(code, error=error)


LOW_RESOURCE = frozenset(["af", "am", "eu", "gu", "ht", "jv", "mr", "my", "pa", "qu", "sw", "wo", "yo"])
"""Languages with less than 3 GiB of text in CC-100, or none: what XLM-R has hardly read (Conneau et al. 2020, table 6).

None: ht, qu, wo, yo. The next above the line are tl (3.1) and is (3.2).
"""


def low_resource(languages: Iterable[str]) -> tuple[str, ...]:
    """Return those of some languages that the backbone has hardly read; of `context.question` pairs the context counts.

    Example:
        >>> low_resource(["en", "sw", "de", "yo"])
        ('sw', 'yo')
    """
    return tuple(code for code in languages if code.split(".")[0] in LOW_RESOURCE)


@cache
def _by_iso3() -> dict[str, Language]:
    return {code: each for each in LANGUAGES.values() for code in (each.iso3, *each.other_codes)}


@cache
def _by_name() -> dict[str, Language]:
    return {each.name.lower(): each for each in LANGUAGES.values()}


def codes(text: str) -> tuple[str, ...]:
    """Return the ISO 639-1 codes in a text, each checked; the catalogue writes its lists of languages so.

    Example:
        >>> codes("en de zh")
        ('en', 'de', 'zh')
    """
    return tuple(get_language(code).code for code in text.split())
