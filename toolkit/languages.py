"""Languages: the only place where a language code is checked.

A code is one of ISO 639-1, or of ISO 639-3 where ISO 639-1 has none, with a script, region or variant where it is not the usual one:
`de`, `quy`, `zh-Hant`. Every other spelling that BCP 47 or ISO 639 allows is understood as one of these
(docs/decisions/0039-any-language.md).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache

from toolkit.errors import ConfigError, ToolkitError
from toolkit.language_tags import (
    UnreadableTag,
    alpha3,
    language_name,
    named,
    read_tag,
    script_name,
    spoken_in,
    usual_script,
)
from toolkit.registry import did_you_mean, nearest

# What data sets call the languages of the catalogue: our code, then their ISO 639-3 codes, the one of Tatoeba and LASER first. A
# macrolanguage and its standard member are one language here (zh: cmn, zho). A code without others is spelled as it is in ISO 639-3.
_SPELLINGS = """
ace ace-Arab acm acq aeb af:afr ajp ak:aka am:amh apc ar:ara,arb ar-Latn ars ary arz as:asm ast awa ay:aym ayr az:aze,azj
azb-Arab ba:bak ban bbj be:bel bem bg:bul bho bjn bjn-Arab bm:bam bn:ben bn-Latn bo:bod bs:bos bug bzd ca:cat ceb cjk ckb cni
crh-Latn cs:ces cy:cym da:dan de:deu dik dv:div dyu dz:dzo ee:ewe el:ell en:eng eo:epo es:spa et:est,ekk eu:eus fa:pes,fas
ff:ful fi:fin fj:fij fo:fao fon fr:fra fuc fur fuv fy:fry ga:gle gd:gla gl:glg gn:grn gu:guj ha:hau hch he:heb hi:hin hi-Latn
hmn hne hr:hrv ht:hat hu:hun hy:hye id:ind ig:ibo ilo is:isl it:ita ja:jpn jv:jav ka:kat kab kac kam kbp kea kg:kon ki:kik
kk:kaz km:khm kmb kn:kan knc knc-Arab ko:kor ks:kas ks-Deva ku:kmr,kur ky:kir la:lat lb:ltz lg:lug li:lim lij lmo ln:lin lo:lao
lt:lit ltg lua luo lus lv:lav,lvs mag mai mey-Arab mg:plt,mlg mi:mri min min-Arab mk:mkd ml:mal mn:khk,mon mn-Mong mni mos
mr:mar ms:msa,zsm mt:mlt my:mya nah nd:nde ne:npi,nep ne-Latn nl:nld nn:nno no:nor,nob nqo nso nus ny:nya oc:oci om:gaz,orm
or:ory,ori oto pa:pan pag pap pcm pl:pol prs ps:pbt,pus pt:por qu:que,quz,quy quy rn:run ro:ron ru:rus rw:kin sa:san sat sc:srd
scn sd:snd sg:sag shi-Arab shn shp si:sin si-Latn sk:slk sl:slv sm:smo sn:sna so:som sq:als,sqi sr:srp sr-Latn ss:ssw st:sot
su:sun sv:swe sw:swh,swa szl ta:tam taq taq-Tfng tar te:tel tg:tgk th:tha ti:tir tk:tuk tl:tgl,fil tn:tsn to:ton tpi tr:tur
ts:tso tt:tat tum tw:twi ty:tah tzm-Tfng ug:uig uk:ukr umb ur:urd ur-Latn uz:uzn,uzb ve:ven vec vi:vie war wo:wol xh:xho
yi:ydd,yid yo:yor yue zh:cmn,zho zh-Hant zu:zul
"""
_SPELT: dict[str, tuple[str, ...]] = {
    code: tuple(others.split(",")) if others else ()
    for code, _, others in (w.partition(":") for w in _SPELLINGS.split())
}
# Further spellings of a language here. `quz` and `quy` are languages of their own, whose data is also filed under `qu`.
_ALSO = {"nb": "no", "fil": "tl"}
_OF_THEIR_OWN = {"quz", "quy"}
_BY_OTHERS = {each: code for code, found in _SPELT.items() for each in found if each not in _OF_THEIR_OWN} | _ALSO
# Where Universal Dependencies, and the configs named after it, has another name than Unicode.
_UD_NAMES = {"bn": "Bengali"}


@dataclass(frozen=True, slots=True)
class Language:
    """A language.

    Attributes:
        code: the code used everywhere in this project: `de`, `quy`, `zh-Hant` (`get_language`).
    """

    code: str

    def __str__(self) -> str:
        return self.code

    @property
    def base(self) -> str:
        """The code without script, region and variant: `zh` of `zh-Hant`."""
        return self.code.partition("-")[0]

    @property
    def written(self) -> str:
        """The code without region and variant: `pt` of `pt-PT`, `zh-Hant` of `zh-Hant-HK`."""
        script = next((each for each in self.code.split("-")[1:] if re.fullmatch("[A-Z][a-z]{3}", each)), None)
        return f"{self.base}-{script}" if script else self.base

    @property
    def iso3(self) -> str:
        """ISO 639-3 code as Tatoeba and LASER use it: `deu`; `cmn` for Chinese, `swh` for Swahili."""
        return self.iso3_codes[0]

    @property
    def iso3_codes(self) -> tuple[str, ...]:
        """ISO 639-3 codes that data sets use for it, the usual one first."""
        return _SPELT.get(self.base) or ((self.base,) if len(self.base) == 3 else (alpha3(self.base),))

    @property
    def name(self) -> str:
        """English name: `Haitian Creole`, `Chinese (Traditional)`."""
        return _UD_NAMES.get(self.code) or language_name(self.code)

    @property
    def ud_name(self) -> str:
        """The name in Universal Dependencies' style, as in `udpos.German`: spaces become underscores."""
        return self.name.replace(" ", "_")

    @property
    def script_code(self) -> str:
        """ISO 15924 code of the script that it is written in: `Latn`; of Chinese without another word, `Hans`."""
        said = self.written.partition("-")[2]
        return said or usual_script(self.code)

    @property
    def script(self) -> str:
        """English name of that script: `Latin`; `Han` for both forms of Chinese."""
        return script_name(self.script_code)


@cache
def _read(code: str) -> Language | UnreadableTag:
    if code in _SPELT:
        return Language(code)
    if code in _BY_OTHERS:
        return Language(_BY_OTHERS[code])
    try:
        return Language("-".join(read_tag(code, _BY_OTHERS)))
    except UnreadableTag as error:
        return error


def get_language(code: str, *, error: type[ToolkitError] = ConfigError) -> Language:
    """Return the language that a code of ISO 639 or a tag of BCP 47 names; capitals do not matter, and `_` may divide.

    Args:
        code: `de`, `deu`, `zh-CN`, `zh-Hant`, `quy_Latn`, or a retired code that has a successor, such as `iw`.
        error: the error class for an unknown code.

    Raises:
        ConfigError: no such language; the message names what may have been meant, or what a retired code became.

    Example:
        >>> [get_language(code).code for code in ("deu", "zh-CN", "iw", "grn", "quy", "zh-TW", "pt-BR", "pt-PT", "swa")]
        ['de', 'zh', 'he', 'gn', 'quy', 'zh-Hant', 'pt', 'pt-PT', 'sw']
        >>> get_language("zh").iso3, get_language("quy").name
        ('cmn', 'Ayacucho Quechua')
    """
    found = _read(code)
    if isinstance(found, Language):
        return found
    if str(found):
        raise error(f"No language '{code}': {found}.")
    raise error(f"No language named '{code if len(code) <= 40 else code[:37] + '...'}'. {_suggestion(code)}")


def is_language(code: str) -> bool:
    """Return whether a code names a language."""
    return isinstance(_read(code), Language)


def filed_under(code: str) -> str:
    """Return the code that data sets file a language under if not under its own: `qu` for `quy`, else the code itself."""
    return next((each for each, found in _SPELT.items() if code in found and code in _OF_THEIR_OWN), code)


def _suggestion(code: str) -> str:
    """Return what the writer of an unknown code may have meant, as a sentence."""
    name = code.replace("_", " ").strip()
    if len(name) > 3 and (meant := named(name)):
        return f"Write the code '{get_language(meant).code}' for {get_language(meant).name}."
    if hint := did_you_mean(code, [each for each in _SPELT if len(code) != 2 or len(each) == 2]):
        return hint
    if found := spoken_in(code):
        return f"Did you mean '{get_language(found[0]).code}', the main language of {found[1]}?"
    names = {get_language(each).name: each for each in _SPELT} if 3 < len(name) <= 40 else {}
    if found_names := nearest(name, names, n=1):
        return f"Did you mean '{names[found_names[0]]}' ({found_names[0]})?"
    return "Expected a code of ISO 639-1 or 639-3, or a tag of BCP 47: en, quy, zh-Hant (qaa to qtz: a language without a code)."


# GiB of text in CC-100, which XLM-R was trained on: Conneau et al. 2020 (arXiv 1911.02116), appendix A, table 6. A language that is
# not listed has less than 3: br, fy and la, and every language that is not in CC-100.
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


def low_resource(languages: Iterable[str]) -> tuple[str, ...]:
    """Return those of some languages with less than 3 GiB in CC-100, which XLM-R has hardly read.

    Of `context.question` pairs the context counts. The next above the line are mn (3.0) and tl (3.1).

    Example:
        >>> low_resource(["en", "sw", "de", "yo", "quy"])
        ('sw', 'yo', 'quy')
    """
    return tuple(code for code in languages if _is_low(code.split(".")[0]))


def _is_low(code: str) -> bool:
    found = _read(code)
    return isinstance(found, Language) and _cc100().get(found.base, 0.0) < LOW_RESOURCE_GIB


@cache
def _cc100() -> dict[str, float]:
    words = _CC100_GIB.split()
    return {code: float(size) for code, size in zip(words[::2], words[1::2], strict=True)}


def codes(text: str) -> tuple[str, ...]:
    """Return the codes of the languages in a text, each checked; the catalogue writes its lists of languages so.

    Example:
        >>> codes("en de zho")
        ('en', 'de', 'zh')
    """
    return tuple(get_language(code).code for code in text.split())
