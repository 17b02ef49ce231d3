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
as  asm  Assamese        Bengali     Indo-European
az  aze  Azerbaijani     Latin       Turkic           azj
be  bel  Belarusian      Cyrillic    Indo-European
bg  bul  Bulgarian       Cyrillic    Indo-European
bn  ben  Bengali         Bengali     Indo-European
bs  bos  Bosnian         Latin       Indo-European
ca  cat  Catalan         Latin       Indo-European
cs  ces  Czech           Latin       Indo-European
cy  cym  Welsh           Latin       Indo-European
da  dan  Danish          Latin       Indo-European
de  deu  German          Latin       Indo-European
el  ell  Greek           Greek       Indo-European
en  eng  English         Latin       Indo-European
eo  epo  Esperanto       Latin       Constructed
es  spa  Spanish         Latin       Indo-European
et  est  Estonian        Latin       Uralic           ekk
eu  eus  Basque          Latin       Isolate
fa  pes  Persian         Arabic      Indo-European    fas
fi  fin  Finnish         Latin       Uralic
fr  fra  French          Latin       Indo-European
ga  gle  Irish           Latin       Indo-European
gd  gla  Scottish_Gaelic Latin       Indo-European
gl  glg  Galician        Latin       Indo-European
gu  guj  Gujarati        Gujarati    Indo-European
ha  hau  Hausa           Latin       Afro-Asiatic
he  heb  Hebrew          Hebrew      Afro-Asiatic
hi  hin  Hindi           Devanagari  Indo-European
hr  hrv  Croatian        Latin       Indo-European
ht  hat  Haitian_Creole  Latin       Indo-European
hu  hun  Hungarian       Latin       Uralic
hy  hye  Armenian        Armenian    Indo-European
id  ind  Indonesian      Latin       Austronesian
ig  ibo  Igbo            Latin       Niger-Congo
is  isl  Icelandic       Latin       Indo-European
it  ita  Italian         Latin       Indo-European
ja  jpn  Japanese        Japanese    Japonic
jv  jav  Javanese        Latin       Austronesian
ka  kat  Georgian        Georgian    Kartvelian
kk  kaz  Kazakh          Cyrillic    Turkic
km  khm  Khmer           Khmer       Austro-Asiatic
kn  kan  Kannada         Kannada     Dravidian
ko  kor  Korean          Hangul      Koreanic
ku  kmr  Kurdish         Latin       Indo-European    kur
ky  kir  Kyrgyz          Cyrillic    Turkic
lo  lao  Lao             Lao         Kra-Dai
lt  lit  Lithuanian      Latin       Indo-European
lv  lav  Latvian         Latin       Indo-European    lvs
mg  plt  Malagasy        Latin       Austronesian     mlg
mk  mkd  Macedonian      Cyrillic    Indo-European
ml  mal  Malayalam       Malayalam   Dravidian
mn  khk  Mongolian       Cyrillic    Mongolic         mon
mr  mar  Marathi         Devanagari  Indo-European
ms  msa  Malay           Latin       Austronesian     zsm
mt  mlt  Maltese         Latin       Afro-Asiatic
my  mya  Burmese         Myanmar     Sino-Tibetan
ne  npi  Nepali          Devanagari  Indo-European    nep
nl  nld  Dutch           Latin       Indo-European
no  nor  Norwegian       Latin       Indo-European    nob
om  gaz  Oromo           Latin       Afro-Asiatic     orm
or  ory  Odia            Odia        Indo-European    ori
pa  pan  Punjabi         Gurmukhi    Indo-European
pl  pol  Polish          Latin       Indo-European
ps  pbt  Pashto          Arabic      Indo-European    pus
pt  por  Portuguese      Latin       Indo-European
qu  que  Quechua         Latin       Quechuan         quz,quy
ro  ron  Romanian        Latin       Indo-European
ru  rus  Russian         Cyrillic    Indo-European
rw  kin  Kinyarwanda     Latin       Niger-Congo
sa  san  Sanskrit        Devanagari  Indo-European
sd  snd  Sindhi          Arabic      Indo-European
si  sin  Sinhala         Sinhala     Indo-European
sk  slk  Slovak          Latin       Indo-European
sl  slv  Slovenian       Latin       Indo-European
so  som  Somali          Latin       Afro-Asiatic
sq  als  Albanian        Latin       Indo-European    sqi
sr  srp  Serbian         Cyrillic    Indo-European
su  sun  Sundanese       Latin       Austronesian
sv  swe  Swedish         Latin       Indo-European
sw  swh  Swahili         Latin       Niger-Congo      swa
ta  tam  Tamil           Tamil       Dravidian
te  tel  Telugu          Telugu      Dravidian
tg  tgk  Tajik           Cyrillic    Indo-European
th  tha  Thai            Thai        Kra-Dai
tl  tgl  Tagalog         Latin       Austronesian     fil
tr  tur  Turkish         Latin       Turkic
ug  uig  Uyghur          Arabic      Turkic
uk  ukr  Ukrainian       Cyrillic    Indo-European
ur  urd  Urdu            Arabic      Indo-European
uz  uzn  Uzbek           Latin       Turkic           uzb
vi  vie  Vietnamese      Latin       Austro-Asiatic
wo  wol  Wolof           Latin       Niger-Congo
xh  xho  Xhosa           Latin       Niger-Congo
yi  ydd  Yiddish         Hebrew      Indo-European    yid
yo  yor  Yoruba          Latin       Niger-Congo
zh  cmn  Chinese         Han         Sino-Tibetan     zho
zu  zul  Zulu            Latin       Niger-Congo
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


# GiB of text in CC-100, which XLM-R was trained on: Conneau et al. 2020 (arXiv 1911.02116), appendix A, table 6. 0: not in it.
# zh is the sum of simplified (46.9) and traditional (16.6), my that of two encodings (1.6 and 0.4).
_CC100_GIB = """
af 1.3  am 0.8  ar 28  as 0.1  az 6.5  be 4.3  bg 57.5  bn 8.4  bs 0.1  ca 10.1  cs 16.3  cy 0.8  da 45.6
de 66.6  el 46.9  en 300.8  eo 0.9  es 53.3  et 6.1  eu 2  fa 111.6  fi 54.3  fr 56.8  ga 0.5  gd 0.1  gl 2.9
gu 1.9  ha 0.3  he 31.6  hi 20.2  hr 20.5  ht 0  hu 58.4  hy 5.5  id 148.3  ig 0  is 3.2  it 30.2  ja 69.3
jv 0.2  ka 9.1  kk 6.4  km 1.5  kn 3.3  ko 54.2  ku 0.4  ky 1.2  lo 0.6  lt 13.7  lv 8.8  mg 0.2  mk 4.8  ml 7.6
mn 3.0  mr 2.8  ms 8.5  mt 0  my 2  ne 3.8  nl 29.3  no 49  om 0.1  or 0.6  pa 0.8  pl 44.6  ps 0.7  pt 49.1
qu 0  ro 61.4  ru 278  rw 0  sa 0.3  sd 0.4  si 3.6  sk 23.2  sl 10.3  so 0.4  sq 5.4  sr 9.1  su 0.1  sv 85
sw 1.6  ta 12.2  te 4.7  tg 0  th 71.7  tl 3.1  tr 20.9  ug 0.4  uk 84.6  ur 5.7  uz 0.7  vi 137.3  wo 0  xh 0.1
yi 0.3  yo 0  zh 63.5  zu 0
"""
LOW_RESOURCE_GIB = 3.0


def cc100_gib(code: str) -> float:
    """Return how much text XLM-R has read in a language, in GiB.

    Example:
        >>> cc100_gib("en"), cc100_gib("sw"), cc100_gib("yo")
        (300.8, 1.6, 0.0)
    """
    return _cc100()[get_language(code).code]


@cache
def _cc100() -> dict[str, float]:
    words = _CC100_GIB.split()
    return {code: float(size) for code, size in zip(words[::2], words[1::2], strict=True)}


def low_resource(languages: Iterable[str]) -> tuple[str, ...]:
    """Return those of some languages with less than 3 GiB in CC-100, which XLM-R has hardly read.

    Of `context.question` pairs the context counts. The next above the line are mn (3.0) and tl (3.1).

    Example:
        >>> low_resource(["en", "sw", "de", "yo"])
        ('sw', 'yo')
    """
    return tuple(code for code in languages if _cc100().get(code.split(".")[0], LOW_RESOURCE_GIB) < LOW_RESOURCE_GIB)


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
