from __future__ import annotations

import subprocess
import sys

import pytest

from toolkit.errors import ConfigError
from toolkit.languages import _CC100_GIB, _SPELT, codes, get_language, is_language, low_resource

XTREME = codes("af ar bg bn de el en es et eu fa fi fr he hi hu id it ja jv ka kk ko ml mr ms my nl pt ru sw ta te th tl tr ur vi yo zh")  # fmt: skip
XTREME_R = codes("az gu ht lt pa pl qu ro uk wo")
TATOEBA = "afr ara bul ben deu ell spa est eus pes fin fra heb hin hun ind ita jpn jav kat kaz kor mal mar nld por rus swh tam tel tha tgl tur urd vie cmn"  # fmt: skip


def test_the_forty_languages_of_xtreme_and_the_ten_new_ones_of_xtreme_r_are_known() -> None:
    assert len(set(XTREME)) == 40
    assert len({*XTREME, *XTREME_R}) == 50


def test_the_listed_codes_are_spelled_as_the_registry_has_them() -> None:
    for code, spelt in _SPELT.items():
        # With blanks or capitals the table is not looked at first.
        assert get_language(code.upper()).code == code
        assert {get_language(each.upper()).code for each in spelt} <= {code, "quz", "quy"}


def test_tatoebas_36_codes_lead_to_36_languages_and_back() -> None:
    found = [get_language(code) for code in TATOEBA.split()]
    assert len({each.code for each in found}) == 36
    assert [each.iso3 for each in found] == TATOEBA.split()


@pytest.mark.parametrize(
    ("spelling", "code"),
    [
        ("gn", "gn"), ("grn", "gn"), ("quy", "quy"), ("deu", "de"), ("ger", "de"), ("DE", "de"), ("de_DE", "de"),
        ("zh-CN", "zh"), ("zh-Hans", "zh"), ("zho", "zh"), ("cmn_Hans", "zh"), ("zh-cmn-Hans", "zh"),
        ("zh-Hant", "zh-Hant"), ("zh_hant", "zh-Hant"), ("zh-TW", "zh-Hant"), ("zh-HK", "zh-Hant-HK"),
        ("pt-BR", "pt"), ("pt-PT", "pt-PT"), ("sr-Cyrl", "sr"), ("sr-Latn", "sr-Latn"), ("eng_Latn", "en"),
        ("kor_Hang", "ko"), ("arb", "ar"), ("swa", "sw"), ("fas", "fa"), ("fil", "tl"), ("nob", "no"), ("nb", "no"),
        ("nno", "nn"), ("prs", "prs"), ("twi", "tw"), ("acm_Arab", "acm"), ("qaa", "qaa"), ("nah", "nah"),
        ("ca-valencia", "ca-valencia"), ("es-419", "es-419"),
    ],
)  # fmt: skip
def test_every_spelling_of_a_language_is_one_code(spelling: str, code: str) -> None:
    assert get_language(spelling).code == code
    assert get_language(code).code == code


@pytest.mark.parametrize(
    ("retired", "code"),
    [("iw", "he"), ("in", "id"), ("ji", "yi"), ("jw", "jv"), ("mo", "ro"), ("tnf", "prs"), ("i-klingon", "tlh"), ("zh-min-nan", "nan")],
)  # fmt: skip
def test_a_retired_code_with_a_successor_is_the_successor(retired: str, code: str) -> None:
    assert get_language(retired).code == code


@pytest.mark.parametrize(
    ("retired", "heirs"), [("bjq", "'bzc', 'tkg'"), ("baz", "'nvo', 'tvu'"), ("zh-min", "'cdo', 'cpx'"), ("puk", "no successor")]
)  # fmt: skip
def test_a_retired_code_without_one_is_refused_with_those_that_took_its_place(retired: str, heirs: str) -> None:
    with pytest.raises(ConfigError, match=f"'{retired}'.*is retired.*{heirs}"):
        get_language(retired)


@pytest.mark.parametrize("wrong", ["xx", "", "../de", "x-klingon", "de-u-co-phonebk", "en_US.UTF-8", "de en", "a" * 99])
def test_what_is_not_a_code_is_refused_with_what_a_code_is(wrong: str) -> None:
    with pytest.raises(ConfigError, match="No language named.*Expected a code of ISO 639-1"):
        get_language(wrong)


@pytest.mark.parametrize(
    ("wrong", "hint"),
    [
        ("German", "Write the code 'de' for German"), ("guarani", "Write the code 'gn' for Guarani"),
        ("swahilli", r"Did you mean 'sw' \(Swahili\)"), ("ed", "Did you mean 'de'"), ("jp", "'ja', the main language of Japan"),
        ("cz", "'cs', the main language of Czechia"), ("ua", "'uk', the main language of Ukraine"), ("quu", "Did you mean 'qu'"),
        ("mul", r"stands for no language \(Multiple languages\)"), ("zh-Xxxx", "'Xxxx' in 'zh-Xxxx' is neither"),
        ("en-XX", "'XX' in 'en-XX' is neither"),
    ],
)  # fmt: skip
def test_a_slip_is_answered_with_what_was_meant(wrong: str, hint: str) -> None:
    assert not is_language(wrong)
    with pytest.raises(ConfigError, match=hint):
        get_language(wrong)


def test_a_language_knows_its_name_its_script_and_what_data_sets_call_it() -> None:
    found = {
        code: get_language(code) for code in ("ht", "bn", "zh", "zh-Hant", "ja", "ko", "acm", "quy", "pt-PT", "qu")
    }
    assert [found[code].ud_name for code in ("ht", "bn", "zh", "quy")] == ["Haitian_Creole", "Bengali", "Chinese", "Ayacucho_Quechua"]  # fmt: skip
    assert [found[code].script for code in ("bn", "zh", "zh-Hant", "ja", "ko", "acm")] == ["Bangla", "Han", "Han", "Japanese", "Hangul", "Arabic"]  # fmt: skip
    assert [found[code].script_code for code in ("zh", "zh-Hant", "ko")] == ["Hans", "Hant", "Hang"]
    assert found["zh-Hant"].iso3_codes == ("cmn", "zho")
    assert found["qu"].iso3_codes == ("que", "quz", "quy")
    assert (found["pt-PT"].name, found["pt-PT"].written) == ("Portuguese (Portugal)", "pt")


def test_what_is_not_in_cc100_is_low_in_resources_and_what_is_not_a_language_is_nothing() -> None:
    assert low_resource(["tl", "mr", "sw.en", "en.sw", "quy", "zh-Hant", "br", "xx"]) == ("mr", "sw.en", "quy", "br")
    listed = _CC100_GIB.split()[::2]
    assert all(get_language(code).code == code for code in listed) and len(listed) == len(set(listed)) == 99


def test_the_library_of_codes_is_not_imported_before_a_code_asks_for_it() -> None:
    code = "import sys, toolkit.tasks, cli; assert not {'langcodes', 'language_data', 'marisa_trie'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize("code", ["swahili\x00", "\ud800abcd"])
def test_what_no_library_can_look_up_is_an_unknown_language(code: str) -> None:
    with pytest.raises(ConfigError, match="No language named"):
        get_language(code)
